#!/usr/bin/env python3
"""The timeline of recorded cycles in a real browser: no script error, every device present.

    timeline_test.py RESUMECTL TRACE... [--screenshots DIR]

TRACE: the kernel's trace, or cycles.jsonl. Exit codes: 0 good, 1 not, 77 SKIP: no browser.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from browser import Browser, find_browser

# Labels are cut to fit; the title below each has the whole name.
DRAWN = """JSON.stringify({
  devices: [...document.querySelectorAll('#devices > text title')]
    .map(title => title.textContent.split(', parent ')[0]),
  steps: document.querySelectorAll('#steps rect').length,
  slowest: document.querySelectorAll('#slowest tbody tr').length,
  failed: document.querySelectorAll('#slowest tr.bad').length,
  head: document.getElementById('head').textContent})"""
ZOOM = """document.getElementById('steps').dispatchEvent(
  new WheelEvent('wheel', {deltaY: -500, clientX: 800, clientY: 50, cancelable: true}))"""


def reports_of(resumectl, trace):
    if trace.suffix == ".jsonl":
        return [json.loads(line) for line in trace.read_text().splitlines()]
    done = subprocess.run([resumectl, "verify", "--json", str(trace)], capture_output=True,
                          text=True, timeout=60, check=False)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def problems_with(browser, page, reports):
    """The page shows one cycle at a time; each is looked at."""
    browser.open(page)
    for number, report in enumerate(reports):
        browser.value(f"show({number})")
        drawn = json.loads(browser.value(DRAWN))
        missing = {device["name"] for device in report.get("devices", [])} - set(drawn["devices"])
        if missing:
            yield f"cycle {number + 1}: not drawn: {', '.join(sorted(missing))}"
        if report.get("steps") and drawn["steps"] < 1:
            yield f"cycle {number + 1}: no step is drawn"
        cause = (report.get("cause") or {}).get("device")
        if cause and (cause not in drawn["head"] or drawn["failed"] < 1):
            yield f"cycle {number + 1}: {cause} is not marked as failed"
        browser.value(ZOOM)
        browser.value("byId('whole').click()")
    yield from (f"script error: {error}" for error in browser.errors)


def take_screenshots(browser, folder, name):
    for scheme, medium in (("light", ""), ("dark", ""), ("light", "print")):
        browser.look(scheme, medium)
        browser.screenshot(folder / f"{name}-{medium or scheme}.png")
    browser.look()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("resumectl")
    parser.add_argument("traces", nargs="+", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path, metavar="DIR")
    arguments = parser.parse_args()
    program = find_browser()
    if not program:
        print("SKIP: no chromium (Debian package chromium)")
        return 77
    bad = 0
    with tempfile.TemporaryDirectory() as folder, Browser(program) as browser:
        for trace in arguments.traces:
            page = pathlib.Path(folder) / "page.html"
            subprocess.run([arguments.resumectl, "timeline", str(trace), "-o", str(page)],
                           check=True, timeout=60)
            reports = reports_of(arguments.resumectl, trace)
            problems = list(problems_with(browser, page, reports))
            devices = {device["name"] for report in reports for device in report["devices"]}
            print(f"{trace.name}: {len(reports)} cycles, {len(devices)} devices, "
                  f"{len(problems)} problems")
            for problem in problems:
                print("   ", problem)
            bad += len(problems)
            if arguments.screenshots:
                take_screenshots(browser, arguments.screenshots, trace.stem)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
