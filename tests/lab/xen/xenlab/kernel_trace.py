"""What a Linux guest's own kernel traced: the evidence beside which an agent's report is laid."""

import dataclasses
import re

from .errors import LabError

INSTANCE = "/sys/kernel/tracing/instances/lab"
START = f"""
mkdir {INSTANCE} && cd {INSTANCE} && echo boot > trace_clock && echo 256 > buffer_size_kb &&
echo 'error != 0' > events/power/device_pm_callback_end/filter &&
echo 1 > events/power/device_pm_callback_end/enable &&
echo 1 > events/power/suspend_resume/enable && echo 1 > tracing_on && : > trace
"""
TAKE = f"grep -E 'suspend_resume:|callback_end:' {INSTANCE}/trace; : > {INSTANCE}/trace"

# Message of a resume, as in the event's number (Linux, include/linux/pm.h).
THAW, RESTORE = "32", "64"


@dataclasses.dataclass(frozen=True)
class Cycle:
    outcome: str
    device: str = ""
    error: int = 0
    events: int = 0

    def text(self):
        where = f" device={self.device} err={self.error}" if self.device else ""
        return f"{self.outcome}{where} ({self.events} events)"


def classify(lines):
    """Cycles in the trace, oldest first; one ends with the end of thaw_processes."""
    cycles, current = [], []
    for line in lines:
        current.append(line)
        if "thaw_processes[0] end" in line:
            cycles.append(classify_one(current))
            current = []
    return cycles


def classify_one(lines):
    text = "\n".join(lines)
    failed = re.search(r"callback_end: (?:\S+ )?(\S+), err=(-\d+)", text)
    if "syscore_suspend" in text:
        resumed = f"dpm_resume[{RESTORE}]" in text
        return Cycle("resumed" if resumed else "cancelled", events=len(lines))
    if failed:
        return Cycle("aborted", failed.group(1), int(failed.group(2)), len(lines))
    return Cycle("aborted", events=len(lines))


def start(shell):
    status, output = shell.run(START.strip())
    if status != 0:
        raise LabError(f"tracing does not start: {output}")


def take(shell):
    """Cycles since the last call."""
    return classify(shell.run(TAKE)[1])
