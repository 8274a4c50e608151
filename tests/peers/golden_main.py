"""The command line of the scripts that make golden files."""
import argparse
import pathlib

import torch


def main(description, write, check):
    """write(folder), or check(folder), whose result is the exit code."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=pathlib.Path)
    what.add_argument("--check", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.check:
        return check(args.check)
    write(args.out)
    return 0
