"""The kernel lab: every kind of cycle by seed, judged one by one."""

import dataclasses
import time

from . import kernel_host, kernel_net, kernel_plan as plan
from .errors import TimedOut
from .kernel_balloon import KernelBalloon
from .kernel_disk import KernelDisk
from .kernel_guest import DEAD_WORDS, KernelGuest, settings
from .oracle import Verdict
from .return_times import ReturnTimes

KERNEL = "/share/resume-kernel"
WORDS = "tick_ms=10 traffic=1"
# From the host's side being done to the guest's own line.
REPORT_TIMEOUT = 40
WALL_TOLERANCE_S = 5
MAX_RESTARTS = 3


@dataclasses.dataclass
class Tally:
    """What the closing line says."""

    cycles: int = 0
    right: int = 0
    violations: int = 0

    def closing_line(self):
        return f"{self.cycles} cycles, {self.right} right, {self.violations} violations"

    def is_good(self):
        return self.cycles > 0 and self.right == self.cycles and self.violations == 0


def difference(kind, line):
    """What a CYCLE line says against what it must say; empty when they agree."""
    wanted = [("1", kind.outcome), ("domain", kind.domain)]
    wrong = [f"{line.get(key)} instead of {value}" for key, value in wanted
             if line.get(key) != value]
    if kind is plan.REFUSED:
        if line.get("device") == "-":
            wrong.append("no device named")
    elif line.get("errc") != "ok":
        wrong.append(f"errc={line.get('errc')} device={line.get('device')}")
    if line.get("errors_up", "0") != "0":
        wrong.append(f"{line.get('errors_up')} hooks failed on the way up")
    return ", ".join(wrong)


def signs_in(lines, asked=None):
    """Signs of harm in a stretch of console lines: (sign, text). `asked`: when the first of their
    cycles was asked for; on a crowded machine a line comes long after it was written."""
    for line in lines:
        if line.word in DEAD_WORDS:
            yield line.word.lower(), line.text
        elif line.word == "STEP-BACK":
            yield "step-back", line.text
        elif line.word == "WALL":
            seconds = line.get("sec", "0")
            earliest = (asked or line.time) - WALL_TOLERANCE_S
            if not seconds.isdigit() or not (
                    earliest <= int(seconds) <= line.time + WALL_TOLERANCE_S):
                yield "wall", f"{line.text}, host's clock says {line.time:.0f}"


class KernelLab:
    """Runs plans in one machine. `say` prints a line for people. Counts into `tally`."""

    def __init__(self, dom0, guests, oracle, say):
        self._dom0 = dom0
        self._guests = guests
        self._oracle = oracle
        self._say = say
        self._made = 0
        self._wire_runs = False
        self.tally = Tally()
        self.times = ReturnTimes()

    def boot(self, vcpus, words, devices=False):
        """`devices`: with a disk, an interface and a balloon under load."""
        self._made += 1
        name = f"k{self._made}"
        loads = self._make_devices(name) if devices else ()
        if devices and vcpus > 1:
            words += " fifo=1"  # with one vCPU in the other ABI
        words = " ".join([words, *(load.words(vcpus) for load in loads)])
        lines = [line for load in loads for line in load.settings()]
        guest = self._guests.create(name, settings(KERNEL, vcpus, words, lines))
        kernel = KernelGuest(guest, self._dom0.consoles.get("hypervisor"))
        kernel.devices = loads
        kernel.wait_ready()
        return kernel

    def _make_devices(self, name):
        if not self._wire_runs:
            kernel_net.start_wire(self._dom0)
            self._wire_runs = True
        return (KernelDisk(self._dom0, name), kernel_net.KernelNet(self._dom0, self._made), KernelBalloon())

    def run_plan(self, counts, seed, vcpus, devices=False):
        """All batches; a guest that has died is replaced, MAX_RESTARTS times."""
        batches = plan.make_plan(counts, seed)
        restarts = 0
        kernel = self.boot(vcpus, WORDS, devices)
        for number, batch in enumerate(batches):
            if not self.run_batch(kernel, batch, vcpus):
                kernel.guest.destroy()
                restarts += 1
                if restarts > MAX_RESTARTS:
                    left = sum(each.count for each in batches[number + 1:])
                    self._say(f"{vcpus} vCPU: given up, {left} cycles not run")
                    self.tally.cycles += left
                    return
                kernel = self.boot(vcpus, WORDS, devices)
        self._check_ticks(kernel, vcpus)
        for device in kernel.devices:
            self._say(f"{vcpus} vCPU: {device.summary()}")
        kernel.guest.destroy()

    def _check_ticks(self, kernel, vcpus):
        ticks = kernel.ticks()
        self._say(f"{vcpus} vCPU: ticks {ticks}")
        for what in ("n", "traffic"):
            if not ticks.get(what):
                self._say(f"{vcpus} vCPU: no {what} at all: nothing went on during the cycles")
                self.tally.violations += 1

    def run_batch(self, kernel, batch, vcpus):
        """False when the guest cannot go on."""
        begun = time.monotonic()
        begun_wall = time.time()
        since = len(kernel.console.lines)
        kernel.take_lines()
        results = kernel_host.run_batch(kernel, batch)
        asked = sum(result == "ok" for result in results)
        cycles = kernel.wait_cycles(since, asked, REPORT_TIMEOUT)
        alive = len(cycles) == batch.count
        lost = [text for device in kernel.devices if alive
                for text in device.problems(kernel, batch)]
        # The trace comes last: what the guest still had to say of the batch is out by then.
        verdict = self.judge(kernel, f"{kernel.guest.name}-{vcpus}cpu", alive, since, batch.kind)
        harm = list(signs_in(kernel.take_lines() + kernel.emergency_lines(), begun_wall))
        harm += [("device", text) for text in lost]
        problems = [f"host: {result}" for result in results if result != "ok"]
        problems += [f"cycle {index + 1}: {text}" for index, line in enumerate(cycles)
                     if (text := difference(batch.kind, line))]
        if len(cycles) < asked:
            problems.append(f"{asked - len(cycles)} cycles without the guest's word; "
                            f"domain {kernel.guest.state()}")
        right = max(0, sum(not difference(batch.kind, line) for line in cycles) - len(harm))
        self._count(batch, right, harm, verdict)
        self._report(batch, vcpus, right, problems + [text for _, text in harm], verdict,
                     time.monotonic() - begun)
        return alive and not any(sign in ("panic", "fault") for sign, _ in harm)

    def judge(self, kernel, history, alive, since, kind=None):
        """Verdict on the trace: asked for, or the one that a panic left from line `since` on. `kind`:
        of the cycles, for how long they took."""
        try:
            trace = kernel.read_trace() if alive else kernel.collect_trace(since)
        except TimedOut as error:
            return Verdict(problem=str(error))
        if kind and kernel.devices:
            self.times.take(kind, trace)
        return self._oracle.judge(history, trace)

    def _count(self, batch, right, harm, verdict):
        self.tally.cycles += batch.count
        self.tally.right += right
        self.tally.violations += len(harm) + len(verdict.violations) + bool(verdict.problem)

    def _report(self, batch, vcpus, right, problems, verdict, seconds):
        self._say(f"{vcpus} vCPU  {batch.kind.name:<9} x{batch.count:<3} {right:>3} right, "
                  f"{verdict.text()}  ({seconds:.1f} s)")
        for problem in problems:
            self._say(f"    {problem}")
