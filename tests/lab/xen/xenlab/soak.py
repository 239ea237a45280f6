"""The kernel guest under load for as long as one likes: cycles by seed, until the time is over.

What is done next is a function of the seed and of how far it got, and how far it got is on disk: after
a crash, of a guest, of the machine or of this program, it goes on with the next batch.
"""

import dataclasses
import json
import pathlib
import random
import time

from . import kernel_plan as plan
from .errors import LabError
from .kernel_lab import WORDS

# Batches that a guest lives through, if it can.
LIFE = 12
WEIGHTS = {plan.FAST: 40, plan.IN_PLACE: 20, plan.SLOW: 15, plan.RESTORE: 6, plan.SAVE_CHECK: 3,
           plan.REFUSED: 3, plan.MIGRATE: 2, plan.LATE_FAIL: 1}
QUICK = (plan.FAST, plan.IN_PLACE, plan.SLOW)
CONFIDENCE = 0.95
# Times that the machine may die without a batch between them.
MAX_DEATHS = 3


def batch_of(seed, index):
    """(vCPUs, Batch)."""
    vcpus = random.Random(f"{seed} life {index // LIFE}").choice(plan.DEVICES_VCPUS)
    source = random.Random(f"{seed} batch {index}")
    kind = source.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    count = source.randint(1, plan.BATCH if kind in QUICK else 2)
    return vcpus, plan.Batch(kind, count, source.randrange(1, 1 << 31), source.choice((0, 20, 100)))


def upper_bound(failures, cycles):
    """The failure rate above which so few failures would be seen in only 5 of 100 such runs (Clopper
    and Pearson)."""
    if failures >= cycles:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        # Chance of at most so many failures at this rate, summed term by term.
        term = (1 - middle) ** cycles
        chance = term
        for number in range(1, failures + 1):
            term *= (cycles - number + 1) / number * middle / (1 - middle)
            chance += term
        low, high = (middle, high) if chance > 1 - CONFIDENCE else (low, middle)
    return high


@dataclasses.dataclass
class Progress:
    """How far a soak got; on disk after every batch."""

    seed: int
    next_batch: int = 0
    cycles: int = 0
    failures: list = dataclasses.field(default_factory=list)  # [batch, text]
    failed_cycles: int = 0

    @classmethod
    def load(cls, path, seed):
        """What is there of this seed; else from the beginning."""
        try:
            found = cls(**json.loads(pathlib.Path(path).read_text()))
        except (OSError, ValueError, TypeError):
            return cls(seed)
        return found if found.seed == seed else cls(seed)

    def save(self, path):
        partial = pathlib.Path(f"{path}.new")
        partial.write_text(json.dumps(dataclasses.asdict(self)))
        partial.replace(path)

    def text(self):
        bound = upper_bound(self.failed_cycles, self.cycles) if self.cycles else 1.0
        return (f"{self.cycles} cycles, {self.failed_cycles} failed; with 95 % confidence fewer "
                f"than {100 * bound:.2f} % fail")


class Soak:
    """`path`: of the progress. `say`: one line a minute, and what fails."""

    def __init__(self, path, seed, seconds, say):
        self._path = path
        self._say = say
        self._end = time.monotonic() + seconds
        self._next_line = time.monotonic() + 60
        self._deaths = 0
        self.progress = Progress.load(path, seed)
        if self.progress.next_batch:
            say(f"goes on with batch {self.progress.next_batch}: {self.progress.text()}")

    def is_over(self):
        return time.monotonic() >= self._end or self._deaths >= MAX_DEATHS

    def run(self, lab):
        """On one machine, until the time is over; LabError when the machine is dead."""
        kernel = lives = None
        while not self.is_over():
            index = self.progress.next_batch
            vcpus, batch = batch_of(self.progress.seed, index)
            if kernel is None or lives != index // LIFE:
                if kernel:
                    kernel.guest.destroy()
                kernel, lives = lab.boot(vcpus, WORDS, devices=True), index // LIFE
            # Taken for done before it is: what kills the machine is not done again for ever.
            self.progress.next_batch += 1
            self.progress.save(self._path)
            before = dataclasses.replace(lab.tally)
            goes_on = lab.run_batch(kernel, batch, vcpus)
            self._count(index, batch, before, lab.tally)
            if not goes_on:
                kernel.guest.destroy()
                kernel = None
            self._deaths = 0

    def machine_died(self, error):
        self._deaths += 1
        self._fail(self.progress.next_batch - 1, 1, f"the machine: {error}")

    def _count(self, index, batch, before, after):
        wrong = batch.count - (after.right - before.right)
        violations = after.violations - before.violations
        self.progress.cycles += batch.count
        if wrong or violations:
            self._fail(index, max(wrong, 1), f"{batch.kind.name} x{batch.count}: {wrong} wrong, "
                       f"{violations} violations")
        self.progress.save(self._path)
        if time.monotonic() >= self._next_line:
            self._next_line += 60
            self._say(f"{time.strftime('%H:%M:%S')} batch {index}: {self.progress.text()}")

    def _fail(self, index, cycles, text):
        self.progress.failed_cycles += cycles
        self.progress.failures.append([index, text])
        self.progress.save(self._path)
        self._say(f"FAILED in batch {index}: {text}")
