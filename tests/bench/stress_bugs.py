#!/usr/bin/env python3
"""stress_bugs.py RESUME_STRESS BUGS_CC [--seeds N] [--json]: how soon each bug switch is found.

`run` with its default settings, one job, until the first failing life; cycles and seconds are the
median over the seeds. The least that still fails is what `shrink` leaves of it.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys

LONGEST = "60s"
NOTHING = float("inf")


def run_once(program, bug, seed):
    done = subprocess.run([program, "run", "--bug", bug, "--seed", str(seed), "--jobs", "1",
                           "--for", LONGEST, "--json"], capture_output=True, text=True, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    if not told["failures"]:
        return None
    line = told["failures"][0]["replay"].split()
    shrunk = subprocess.run([program, "shrink", *line[2:]], capture_output=True, text=True,
                            check=False)
    words = re.match(r"(\d+) cycles and faults, (\d+) of them needed", shrunk.stdout)
    return {"cycles": told["cycles"], "seconds": told["seconds"], "by": told["failures"][0]["id"],
            "words": int(words[2])}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("bugs", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = re.findall(r'\{Bug::\w+, "([a-z0-9-]+)"', options.bugs.read_text(encoding="utf-8"))
    missed = 0
    for name in names:
        runs = [run_once(options.program, name, seed + 1) for seed in range(options.seeds)]
        found = [run for run in runs if run]
        missed += len(found) < len(runs)
        row = {"bug": name, "found": len(found), "of": len(runs)}
        if found:
            for key in ("cycles", "seconds", "words"):
                row[key] = statistics.median(
                    [run[key] if run else NOTHING for run in runs])
            row["by"] = sorted({run["by"] for run in found})
        if options.json:
            print(json.dumps(row), flush=True)
        elif found:
            print(f"| {name} | {row['cycles']:.0f} | {row['seconds']:.2f} | {row['words']:.0f} | "
                  f"{', '.join(row['by'])} |", flush=True)
        else:
            print(f"| {name} | not found in {LONGEST} | | | |", flush=True)
    print(f"{len(names) - missed} of {len(names)} found by every seed", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
