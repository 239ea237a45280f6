"""The kernel's bug switches: each must be seen to fail as its report says."""

import time

from . import kernel_host, kernel_plan as plan
from .errors import LabError
from .kernel_lab import WORDS, difference, signs_in

REPORT_TIMEOUT = 15
# The fifth letter of a domain that is down, in `xl list`.
ENDED = {"r": "reboot", "c": "crash"}


def run_bug(lab, bug, say):
    """True when the bug shows by one of its signs."""
    begun = time.monotonic()
    try:
        kernel = lab.boot(bug.vcpus, f"{WORDS} bug={bug.name}")
    except LabError as error:
        say(f"bug={bug.name}: not run, the guest does not come up: {error}")
        return False
    signs = []
    for kind in bug.kinds:
        found, goes_on = signs_of_cycle(lab, kernel, kind, bug)
        signs += found
        if not goes_on:
            break
    kernel.guest.destroy()
    signs = list(dict.fromkeys(signs))
    shown = any(sign in bug.signs for sign in signs)
    say(f"bug={bug.name:<21} {bug.report:<25} {'seen to fail' if shown else 'NOT SEEN'}: "
        f"{', '.join(signs) or 'nothing'} (wanted {' or '.join(bug.signs)})  "
        f"({time.monotonic() - begun:.1f} s)")
    return shown


def signs_of_cycle(lab, kernel, kind, bug):
    """(signs, whether the guest can take another cycle)."""
    since = len(kernel.console.lines)
    kernel.take_lines()
    results = kernel_host.run_batch(kernel, plan.Batch(kind, 1, 1, 0))
    cycles = kernel.wait_cycles(since, 1, REPORT_TIMEOUT)
    harm = [sign for sign, _ in signs_in(kernel.take_lines() + kernel.emergency_lines())]
    signs = harm + [result for result in results if result != "ok"]
    signs += ["outcome" for line in cycles if difference(kind, line)]
    state = kernel.guest.state()
    if state[3:4] == "s":
        signs.append(ENDED.get(state[4:5], "shutdown"))
    elif results == ["ok"] and not cycles:
        signs.append("silent")
    if cycles or "panic" in harm:
        verdict = lab.judge(kernel, f"bug-{bug.name}", bool(cycles), since)
        signs += [f"violation {each}" for each in verdict.violations]
    return signs, bool(cycles)
