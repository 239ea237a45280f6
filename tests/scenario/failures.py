#!/usr/bin/env python3
"""failures.py BUGS_H BUGS_CC NOT_SHOWN PROGRAM...: each known failure with its scenarios, the switch
that brings it back and the invariant that sees it, or why it is not shown.

The scenarios are asked for their own names (F20... tells failure 20); switches and invariants are the
drivers' table. Only the reasons for what is not shown are kept by hand. Exit 1 when a failure has
neither scenario nor reason, or both, or when a switch has no scenario.
"""
import re
import subprocess
import sys

LAST = 60  # of the list of known failures


def scenarios(programs):
    found = {}
    for program in programs:
        listing = subprocess.run([program, "--gtest_list_tests"], capture_output=True, text=True,
                                 check=True).stdout
        suite = ""
        for line in listing.splitlines():
            if not line.startswith(" "):
                suite = line.strip()
                continue
            name = line.strip().split()[0]
            number = re.match(r"F(\d+)(?=[A-Z])", name)
            if number:
                found.setdefault(int(number[1]), []).append(suite + name)
    return found


def switches(header, table):
    """Failure number -> [(switch, invariants)]."""
    names = dict(re.findall(r'\{Bug::(\w+), "([\w-]+)"', table))
    seen_by = dict(re.findall(r'\{Bug::(\w+), "[\w-]+", "([\w ]+)"', table))
    found = {}
    for bug, numbers in re.findall(r"^    (\w+),\s*///< \[([\d, ]+)\]", header, re.MULTILINE):
        for number in re.findall(r"\d+", numbers):
            found.setdefault(int(number), []).append((names[bug], seen_by[bug]))
    return found


def main():
    header, table, reasons_file, *programs = sys.argv[1:]
    told = scenarios(programs)
    bugs = switches(open(header).read(), open(table).read())
    reasons = {}
    for line in open(reasons_file):
        if line.strip() and not line.startswith("#"):
            number, reason = line.rstrip("\n").split(" ", 1)
            reasons[int(number)] = reason
    wrong = []
    for number in range(1, LAST + 1):
        shown = number in told
        if shown == (number in reasons):
            wrong.append(f"{number}: {'both a scenario and' if shown else 'neither a scenario nor'} "
                         "a reason for having none")
        if number in bugs and not shown:
            wrong.append(f"{number}: a switch and no scenario")
        print(f"{number:3}  " + (", ".join(f"{switch} -> {seen}" for switch, seen
                                          in bugs.get(number, [])) or ("no switch" if shown else "-")))
        for name in told.get(number, []):
            print(f"       {name}")
        if number in reasons:
            print(f"       not shown: {reasons[number]}")
    print(f"{len(told)} of {LAST} failures are told by scenarios, "
          f"{len(bugs)} of them with a switch; {len(reasons)} are not shown, each with its reason")
    for line in wrong:
        print("WRONG " + line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
