"""python3 scripts/lint_rules ROOT: prints what is found, exit 1 if anything."""

import sys

import layers
import sizes
import words
from tree import Tree


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    tree = Tree(root)
    findings = []
    for rule in (layers, sizes, words):
        findings += rule.check(tree)
    for finding in sorted(findings, key=lambda f: (f.path, f.line)):
        print(finding)
    errors = sum(not finding.warning for finding in findings)
    print(f"lint rules: {len(tree.paths)} files, {errors} errors, "
          f"{len(findings) - errors} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
