"""What resume-agent in a Linux guest says of each cycle, by `resumectl history --json`."""

import json
import time

from .errors import TimedOut

PROGRAMS = ("resume-agent", "resumectl")
REPORT_TIMEOUT = 15


class AgentReports:
    """Reads new reports of one guest's agent."""

    def __init__(self, shell):
        self._shell = shell
        self._seen = set()

    def all(self):
        status, output = self._shell.run("resumectl history -n 400 --json")
        if status not in (0, 1):
            return []
        reports = []
        for line in output:
            try:
                reports.append(json.loads(line))
            except ValueError:
                continue
        return reports

    def take(self, count, timeout=REPORT_TIMEOUT):
        """New reports, oldest first: waits until there are `count`, or the time is over. With
        `count` 0 it waits a moment for a report that should not come."""
        deadline = time.monotonic() + (timeout if count else 2)
        while True:
            try:
                fresh = [each for each in self.all() if each.get("id") not in self._seen]
            except TimedOut:
                fresh = []
            if (count and len(fresh) >= count) or time.monotonic() >= deadline:
                self._seen.update(each.get("id") for each in fresh)
                return sorted(fresh, key=lambda each: each.get("begin_boot_ns", 0))
            time.sleep(0.3)


def text_of(report):
    """`xen-suspend cancelled`, with device, task and errno where it names them."""
    cause = report.get("cause") or {}
    words = [report.get("kind", "?"), report.get("outcome", "?")]
    words += [f"{key}={cause[key]}" for key in ("device", "task", "errno_name") if cause.get(key)]
    return " ".join(words)
