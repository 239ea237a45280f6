"""What the kernel lab does to its guests, by seed, and what must come of it."""

import dataclasses
import random


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way to send a guest down and up, and what the guest must report of it."""

    name: str
    outcome: str
    domain: str
    new_domid: bool = False


FAST = Kind("fast", "cancelled", "same")
SLOW = Kind("slow", "resumed", "same")
IN_PLACE = Kind("inplace", "resumed", "new")
SAVE_CHECK = Kind("save-c", "cancelled", "same")
RESTORE = Kind("restore", "resumed", "new", new_domid=True)
MIGRATE = Kind("migrate", "resumed", "new", new_domid=True)
LATE_FAIL = Kind("late-fail", "cancelled", "same")
REFUSED = Kind("refused", "aborted", "-")
KINDS = {kind.name: kind for kind in (FAST, SLOW, IN_PLACE, SAVE_CHECK, RESTORE, MIGRATE, LATE_FAIL,
                                      REFUSED)}

FULL = {FAST: 300, IN_PLACE: 50, SLOW: 50, SAVE_CHECK: 10, RESTORE: 10, MIGRATE: 3, LATE_FAIL: 2,
        REFUSED: 3}
SMOKE = {FAST: 12, IN_PLACE: 3, SLOW: 3, SAVE_CHECK: 1, RESTORE: 2, LATE_FAIL: 1, REFUSED: 1}
SMOKE_2_VCPUS = {FAST: 6, IN_PLACE: 2, SLOW: 2, SAVE_CHECK: 1, RESTORE: 1}

# With a disk under load, each with 1, 2 and 4 vCPUs.
DEVICES = {FAST: 60, IN_PLACE: 15, SLOW: 10, SAVE_CHECK: 3, RESTORE: 4, MIGRATE: 1, LATE_FAIL: 1,
           REFUSED: 3}
DEVICES_SMOKE = {FAST: 4, IN_PLACE: 2, SLOW: 1, RESTORE: 1, REFUSED: 1}
DEVICES_VCPUS = (1, 2, 4)
# All of them together.
DEVICES_LONG = {FAST: 1000, IN_PLACE: 200, SLOW: 100, SAVE_CHECK: 30, RESTORE: 100, MIGRATE: 10,
                LATE_FAIL: 5, REFUSED: 20}


def portion(counts, index, parts):
    """Part `index` of `parts` of a plan."""
    return {kind: (count + parts - 1 - index) // parts for kind, count in counts.items()}


# As many cycles as the guest's trace ring holds for certain; after each batch it is read out.
BATCH = 10


@dataclasses.dataclass(frozen=True)
class Batch:
    """Cycles of one kind in a row."""

    kind: Kind
    count: int
    seed: int
    max_pause_ms: int


def make_plan(counts, seed):
    """Batches in an order by seed. The restores stay in a row: a watch that is not registered again
    is only missed at the second (failure 54)."""
    source = random.Random(seed)
    batches = []
    for kind, count in counts.items():
        while count > 0:
            size = min(count, BATCH if kind is RESTORE else source.randint(1, BATCH))
            batches.append(Batch(kind, size, source.randrange(1, 1 << 31),
                                 source.choice((0, 20, 100))))
            count -= size
    source.shuffle(batches)
    return batches


@dataclasses.dataclass(frozen=True)
class Bug:
    """A switch of the kernel that restores a known bug, and the signs by which it must show."""

    name: str
    report: str
    kinds: tuple
    signs: tuple
    vcpus: int = 1


BUGS = (
    Bug("cancel-as-resume", "FreeBSD-EN-17:05 no. 1", (LATE_FAIL, RESTORE),
        ("violation L6", "panic", "no-ack", "silent")),
    Bug("store-in-flight", "FreeBSD-EN-17:05 no. 2", (IN_PLACE,),
        ("silent", "violation L4", "violation F1")),
    Bug("timer-after-devices", "FreeBSD-EN-17:05 no. 3", (IN_PLACE,),
        ("panic", "silent", "violation L7", "violation L13")),
    Bug("gate-at-resume", "RHEL 8.8", (IN_PLACE,), ("fault",)),
    Bug("gate-at-resume-no-idt", "RHEL 8.8, silent restart", (IN_PLACE,), ("reboot",)),
    # The second refusal: the first one falls behind the store's gate (CONTRACT.md, refuse-next).
    Bug("no-unwind", "failures 7, 49", (REFUSED, REFUSED), ("violation P4", "violation P5")),
    Bug("abort-as-restore", "failures 51, 53", (REFUSED,), ("violation L6",)),
    Bug("ipi-masked", "failure 9", (IN_PLACE,), ("silent", "panic", "violation L7"), vcpus=2),
    Bug("stale-console-port", "failures 47, 48", (IN_PLACE,), ("violation L11", "silent")),
    Bug("ack-only", "failure 50", (FAST,), ("not-down",)),
    Bug("resumed-is-new", "failure 52", (SLOW,), ("panic",)),
    Bug("no-rewatch", "failure 54", (IN_PLACE, FAST), ("no-ack",)),
    Bug("clock-before-remap", "failure 55", (IN_PLACE,), ("silent", "violation L13")),
    Bug("no-hypercall-page", "failure 56", (RESTORE,), ("wall", "violation L11")),
    Bug("hypercall-on-vcpu1", "failure 57", (FAST,), ("outcome", "violation L2"), vcpus=2),
    Bug("runstate-twice", "failure 10", (FAST,), ("violation L14",)),
    # No event is heard any more: what lives on lives on looking into its rings now and then, and
    # hooks that wait for an answer run out of time.
    Bug("fifo-kept", "failure 60", (RESTORE,), ("outcome", "silent", "no-ack", "panic")),
    Bug("clock-offset-kept", "failure 13", (RESTORE,), ("violation L13", "step-back")),
)
SMOKE_BUGS = ("gate-at-resume", "resumed-is-new")
