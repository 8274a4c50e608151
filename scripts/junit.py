"""python3 junit.py REPORT: "0 NAME" or "1 NAME" for every test of a ctest run.

A test that was skipped, or could not be started, counts as failed.
"""

import sys
import xml.etree.ElementTree


def main():
    suite = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
    cases = suite.findall("testcase")
    for case in cases:
        failed = case.get("status") != "run"
        print(int(failed), case.get("name"))
    return 0 if cases else 1


if __name__ == "__main__":
    sys.exit(main())
