"""What resume-agent in a Linux guest says of each cycle, by its cycles.jsonl."""

import json
import re
import time

from .errors import LabError, TimedOut

# In the guest, by folder. The freeze helper is where the agent looks for it.
PROGRAMS = {"resume-agent": "usr/sbin", "resumectl": "usr/sbin",
            "resume-freeze": "usr/libexec/libresume"}
REPORT_TIMEOUT = 60
STATE = "/var/lib/libresume"
# What the agent's socket answers comes behind what its loop has written down.
COUNT = "resumectl status; cat /run/libresume/counter 2>/dev/null"
# Without the devices: they are most of a report, and an emulated console is slow. The fields of an
# id are the five of the boot id, the counter and a random number. No backslash: xenstore-write eats
# them.
TAKE = (f"cat {STATE}/cycles.jsonl.1 {STATE}/cycles.jsonl 2>/dev/null | "
        "sed 's/\"devices\":[[][^]]*[]]/\"devices\":[]/' | "
        "awk -F'\"id\":\"' '{{ split($2, part, \"-\"); if (part[6] > {seen}) print }}'")
LATENCY = re.compile(r"(\S+): after its end on disk (-?[\d.]+) ms, in xenstore (-?[\d.]+) ms")


class AgentReports:
    """Reads new reports of one guest's agent."""

    def __init__(self, shell):
        self._shell = shell
        self._seen = 0
        self._log_lines = 0

    def take(self, count, timeout=REPORT_TIMEOUT):
        """New reports, oldest first: waits until there are `count` and the agent is quiet, or the
        time (and five seconds for each of them) is over. With `count` 0 it waits a moment for a report
        that should not come."""
        deadline = time.monotonic() + timeout + 5 * count
        patience = time.monotonic() + (0 if count else 2)
        while True:
            told, quiet = self._count()
            if quiet and told >= self._seen + count and time.monotonic() >= patience:
                break
            if time.monotonic() >= deadline:
                break
            time.sleep(0.3)
        reports = [parsed(line) for line in
                   self._shell.run(TAKE.format(seen=self._seen), timeout=60)[1]]
        self._seen = max([self._seen, *map(number_of, reports)])
        return sorted(reports, key=number_of)

    def _count(self):
        """(reports ever, whether nothing is going on)."""
        try:
            status, lines = self._shell.run(COUNT)
        except TimedOut:
            return 0, False
        number = int(lines[-1]) if lines and lines[-1].isdigit() else 0
        return number, status == 0 and any("quiet" in line for line in lines)

    def latencies(self):
        """(ms until on disk, ms until in xenstore) of each report, from the end of its cycle in the
        kernel's trace: by the agent's log, all on the boot clock of the guest."""
        lines = self._shell.run(f"tail -n +{self._log_lines + 1} /run/agent.log | "
                                "grep 'after its end on disk'; wc -l </run/agent.log",
                                timeout=60)[1]
        self._log_lines = int(lines.pop())
        return [(float(found.group(2)), float(found.group(3)))
                for found in map(LATENCY.search, lines) if found]

    def keep(self, folder, name):
        """For a person: the agent's log, all its reports, and with their devices the newest one and
        those with a violation."""
        for ending, command in (("agent.log", "cat /run/agent.log"),
                                ("cycles.jsonl", TAKE.format(seen=0)),
                                ("newest.json", f"tail -n 1 {STATE}/cycles.jsonl"),
                                ("found.json", f"grep violations...{{ {STATE}/cycles.jsonl | "
                                 "tail -n 2")):
            lines = self._shell.run(command, timeout=120)[1]
            (folder / f"{name}.{ending}").write_text("".join(line + "\n" for line in lines))


def parsed(line):
    try:
        return json.loads(line)
    except ValueError as error:
        raise LabError(f"no report: {error}: {line[:200]!r}") from error


def number_of(report):
    return int(report["id"].split("-")[5])


def text_of(report):
    """`xen-suspend cancelled`, with device, task and errno where it names them."""
    cause = report.get("cause") or {}
    words = [report.get("kind", "?"), report.get("outcome", "?")]
    words += [f"{key}={cause[key]}" for key in ("device", "task", "errno_name") if cause.get(key)]
    words += ["announced"] * bool(report.get("announced"))
    words += [f"{check['id']}:{check['status']}" for check in report.get("checks", ())
              if check.get("status") == "failed"]
    words += [f"({violation['id']} {violation.get('device') or ''}: {violation.get('detail')})"
              for violation in report.get("violations", ())[:5]]
    return " ".join(words)
