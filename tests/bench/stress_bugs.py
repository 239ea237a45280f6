#!/usr/bin/env python3
"""stress_bugs.py RESUME_STRESS BUGS_CC | --mutants STRESS_MUTANTS [--seeds N] [--json]

How soon `run` finds each bug switch, or each mutant of step table and drivers: with its default
settings, one job, until the first failing life; cycles and seconds are the median over the seeds.
The least that still fails is what `shrink` leaves of it. A mutant with which a whole campaign has
the unbroken guest's hash changes nothing that such a guest does, and is told apart.
"""
import argparse
import json
import pathlib
import re
import shlex
import statistics
import subprocess
import sys

LONGEST = "60s"
SMALL = 10  # cycles and faults
NOTHING = float("inf")
# Shows only where the host's clock is trusted, which is a bug that is found before it.
UNSEEN = ("stopped-flag-ignored",)
SAME_CYCLES = ["--cycles", "2000", "--json", "--keep-going"]


def last_line(command, timeout=None):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    return json.loads(done.stdout.splitlines()[-1])


def run_once(command, more, seed):
    told = last_line([*command, "run", *more, "--seed", str(seed), "--jobs", "1", "--for", LONGEST,
                      "--json"])
    if not told["failures"]:
        return None
    line = shlex.split(told["failures"][0]["replay"])
    shrunk = subprocess.run([*command, "shrink", *line[line.index("replay") + 1:]],
                            capture_output=True, text=True, check=False)
    words = re.match(r"(\d+) cycles and faults, (\d+) of them needed", shrunk.stdout)
    return {"cycles": told["cycles"], "seconds": told["seconds"], "by": told["failures"][0]["id"],
            "words": int(words[2]) if words else NOTHING}


def subjects(options):
    """(name, program and its first words, more words)"""
    if options.mutants:
        return [(f"{name} ({guest})", [options.mutants, name], ["--guest", guest])
                for guest, words in (("xen-hvm", []), ("kvm", ["kvm"]))
                for name in subprocess.run([options.mutants, "list", *words], capture_output=True,
                                           text=True, check=True).stdout.splitlines()]
    text = options.words[1].read_text(encoding="utf-8")
    # Those of a guest of KVM's end with true.
    return [(name, [str(options.words[0])],
             ["--bug", name] + (["--guest", "kvm"] if of_kvm else []))
            for name, of_kvm in re.findall(r'\{Bug::\w+, "([a-z0-9-]+)"[^}]*?(\btrue)?\}', text)
            if name not in UNSEEN]


def changes_nothing(options, command, more):
    """A mutant with which each event of a whole campaign is as without it."""
    if not options.mutants:
        return False
    unbroken = pathlib.Path(options.mutants).with_name("resume-stress")
    try:
        return (last_line([*command, "run", *more, *SAME_CYCLES], timeout=60)["hash"] ==
                last_line([unbroken, "run", *more, *SAME_CYCLES])["hash"])
    except subprocess.TimeoutExpired:
        return False  # some die slowly


def look(options, name, command, more):
    same = changes_nothing(options, command, more)
    runs = [] if same else [run_once(command, more, seed + 1) for seed in range(options.seeds)]
    found = [run for run in runs if run]
    row = {"name": name, "found": len(found), "of": len(runs)}
    if found:
        for key in ("cycles", "seconds", "words"):
            row[key] = statistics.median([run[key] if run else NOTHING for run in runs])
        row["by"] = sorted({run["by"] for run in found})
    else:
        row["same"] = same
    return row


def tell(options, row):
    if options.json:
        print(json.dumps(row), flush=True)
    elif row["found"]:
        print(f"| {row['name']} | {row['cycles']:.0f} | {row['seconds']:.2f} | "
              f"{row['words']:.0f} | {', '.join(row['by'])} |", flush=True)
    else:
        print(f"| {row['name']} | "
              + ("changes nothing" if row["same"] else f"not found in {LONGEST}") + " | | | |",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", type=pathlib.Path, help="RESUME_STRESS BUGS_CC")
    parser.add_argument("--mutants", metavar="STRESS_MUTANTS")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if bool(options.mutants) == (len(options.words) == 2):
        parser.error("either RESUME_STRESS and BUGS_CC, or --mutants STRESS_MUTANTS")
    rows = []
    for subject in subjects(options):
        rows.append(look(options, *subject))
        tell(options, rows[-1])
    rows = [row for row in rows if not row.get("same")]
    missed = sum(row["found"] < row["of"] for row in rows)
    small = sum(row.get("words", NOTHING) <= SMALL for row in rows)
    print(f"{len(rows) - missed} of {len(rows)} found by every seed, {small} of them shrunk to "
          f"{SMALL} cycles and faults or fewer", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
