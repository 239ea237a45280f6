"""Runs the Linux cases: a table case / expected / reported / evidence."""

import re
import statistics
import time

from . import agent_report, packages
from .errors import LabError, Skip
from .linux_cases import CASES, CaseFailed

COLUMNS = "{:<36} {:<34} {:<34} {}"


class LinuxLab:
    """`reporter`: `agent` compares the agent's reports, `kernel` the kernel's own trace, which
    shows that the lab itself does what it says."""

    def __init__(self, guests, reporter, say, device_model, kept=None, cases=CASES):
        """`device_model`: raises Skip when dom0 has none, for an HVM guest. `kept`: a folder for
        what the agents have written down."""
        self._cases = cases
        self._guests = guests
        self._device_model = device_model
        self._latencies = {"one at a time": [], "in a row": []}
        self._reporter = reporter
        self._say = say
        self._kept = kept
        self._made = {}
        self.agreed = self.skipped = self.cases = 0

    def run(self, smoke, only=None):
        self._say(COLUMNS.format("case", "expected", "reported", "evidence"))
        chosen = [case for case in self._cases
                  if (case.smoke or not smoke) and re.search(only or "", case.name) and
                  (self._reporter == "agent" or not case.agent_only)]
        for number, case in enumerate(chosen):
            self._run_case(case)
            if case.guest not in [later.guest for later in chosen[number + 1:]]:
                self._let_go(case.guest)
        self._say_latencies()
        self._say(f"{self.cases} cases, {self.agreed} agreed, {self.skipped} skipped")
        return self.cases > 0 and self.agreed + self.skipped == self.cases

    def _run_case(self, case):
        self.cases += 1
        expected = compact([each.text() for each in case.expected])
        try:
            linux = self._guest(case.guest)
        except Skip as reason:
            self.skipped += 1
            self._say(COLUMNS.format(case.name, expected, "SKIP", reason))
            return
        except LabError as error:
            self._say(COLUMNS.format(case.name, expected, "-", f"FAILED: no guest: {error}"))
            return
        begun = time.monotonic()
        failure = ""
        try:
            linux.evidence()
            note = case.act(linux)
        except (CaseFailed, LabError) as error:
            note, failure = "", f"FAILED: {error}"
        try:
            seen = linux.evidence()
        except LabError as error:
            seen, failure = [], f"{failure} FAILED: {error}"
        try:
            reported, agreed = self._compare(linux, case, seen)
        except LabError as error:
            reported, agreed, failure = "-", False, f"{failure} FAILED: {error}"
        agreed = agreed and not failure
        self.agreed += agreed
        trace = compact([cycle.text() for cycle in seen])
        parts = [failure or ("" if agreed else "DISAGREES"), note, f"trace: {trace}",
                 f"{time.monotonic() - begun:.1f} s"]
        self._say(COLUMNS.format(case.name, expected, reported,
                                 "; ".join(part for part in parts if part)))

    def _compare(self, linux, case, seen):
        """(text, whether it is as expected)."""
        if self._reporter == "kernel":
            agreed = len(seen) == len(case.expected) and all(
                cycle.outcome == wanted.outcome and cycle.device == wanted.device
                for cycle, wanted in zip(seen, case.expected))
            return compact([cycle.outcome for cycle in seen]), agreed
        reports = linux.agent.take(len(case.expected))
        latencies = linux.agent.latencies()
        if case.timely:
            self._latencies["one at a time" if len(case.expected) < 2 else "in a row"] += latencies
        told = [report for report in reports if report.get("kind") == "xen-suspend" or
                report.get("outcome") != "none"]  # a pause may be told, as a pause
        agreed = len(told) == len(case.expected) and all(
            matches(report, wanted) for report, wanted in zip(told, case.expected))
        return compact([agent_report.text_of(report) for report in reports]), agreed

    def _say_latencies(self):
        """From the end of thaw_processes, as the guest's trace has it, to the report."""
        for how, latencies in self._latencies.items():
            texts = [f"{where} median {statistics.median(each):.0f} ms, worst {max(each):.0f} ms"
                     for where, each in zip(("on disk", "in xenstore"), zip(*latencies))]
            if texts:
                self._say(f"thawed to reported, {len(latencies)} cycles {how}: {'; '.join(texts)}")

    def _guest(self, which):
        if which not in self._made:
            self._made[which] = self._make(which)
        return self._made[which]

    def _let_go(self, which):
        """An idle guest still ticks, and the emulated machine is slow enough."""
        linux = self._made.get(which)
        if linux and linux.agent and self._kept:
            try:
                linux.agent.keep(self._kept, linux.name)
            except LabError as error:
                self._say(f"{linux.name}: its agent's log is not kept: {error}")
        if linux:
            linux.guest.destroy()

    def _make(self, which):
        if which == "rt":
            kernels = packages.find_kernels(real_time=True)
            if not kernels:
                raise Skip("no RT kernel (Debian package linux-image-rt-amd64)")
            return self._guests.create(kernel=kernels[-1])
        if which == "hvm":
            self._device_model()
            return self._guests.create(kind="hvm")
        return self._guests.create(kind="pv" if which == "pv" else "pvh",
                                   vcpus=2 if which == "pvh-2" else 1)


def matches(report, wanted):
    cause = report.get("cause") or {}
    return (report.get("kind") == wanted.kind and report.get("outcome") == wanted.outcome and
            wanted.device in (cause.get("device") or "") and
            wanted.task in (cause.get("task") or "") and
            wanted.errno in (cause.get("errno_name") or "") and
            bool(report.get("announced")) == wanted.announced and
            [check["id"] for check in report.get("checks", ()) if check["status"] == "failed"] ==
            [wanted.failed] * bool(wanted.failed))


def compact(texts):
    """`cancelled x100` instead of a hundred times the same."""
    if not texts:
        return "nothing"
    if len(set(texts)) == 1 and len(texts) > 1:
        return f"{texts[0]} x{len(texts)}"
    return ", ".join(texts)
