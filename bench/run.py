"""Measures Vireo, beside other programs where there are any: run.py VIREO-BINARY DEMO-IMAGE [lists|pools|takes|desktops|sign_ins|consoles|starts|weights …]

Prints Markdown tables; docs/benchmarks.md says what they mean."""

import os
import sys

import consoles
import desktops
import lists
import pools
import sign_ins
import starts
import takes
import weights


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    binary, image, *parts = sys.argv[1:]
    binary, image = os.path.abspath(binary), os.path.abspath(image)
    known = {
        "lists": lambda: lists.run(binary),
        "pools": lambda: pools.run(binary, image),
        "takes": lambda: takes.run(binary, image),
        "desktops": lambda: desktops.run(binary, image),
        "sign_ins": lambda: sign_ins.run(binary),
        "starts": lambda: starts.run(binary),
        "weights": lambda: weights.run(binary),
        "consoles": lambda: consoles.run(binary, image),
    }
    for part in parts or known:
        known[part]()


if __name__ == "__main__":
    main()
