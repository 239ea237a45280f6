"""What is done to Linux guests, and what the agent (or, beside it, the kernel's trace) must say.

A case does something to a guest and returns what else it saw, as text; it raises CaseFailed when
that is wrong. Expected reports are those of the cycles that it caused, in their order.
"""

import dataclasses
import time
import typing

from .dom0 import XL_TIMEOUT

FREEZE_MS = 3000
MOUNT = "mkdir -p /mnt; mke2fs -q -F /dev/xvdb && mount -t ext4 /dev/xvdb /mnt"


class CaseFailed(Exception):
    """The case itself did not go as it must, whatever was reported."""


@dataclasses.dataclass(frozen=True)
class Expected:
    """One report: kind and outcome, and words that its cause must name."""

    outcome: str
    kind: str = "xen-suspend"
    device: str = ""
    task: str = ""
    errno: str = ""

    def text(self):
        words = [self.kind, self.outcome]
        words += [f"{key}={value}" for key, value in (
            ("device", self.device), ("task", self.task), ("errno_name", self.errno)) if value]
        return " ".join(words)


CANCELLED = Expected("cancelled")
RESUMED = Expected("resumed")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    act: typing.Callable
    expected: tuple
    guest: str = "pvh"
    smoke: bool = False
    agent_only: bool = False


def check(condition, text):
    if not condition:
        raise CaseFailed(text)


def save_check(linux):
    status, output = linux.guest.save_check()
    check(status == 0, output)
    return ""


def save_restore(linux):
    before = linux.guest.domid
    check(linux.guest.save()[0] == 0, "xl save failed")
    status, output = linux.guest.restore()
    check(status == 0, output)
    check(linux.guest.domid != before, "the domain id is the same")
    return f"domain id {before} -> {linux.guest.domid}"


def migrate(linux):
    status, output = linux.guest.migrate("whole")
    check(status == 0, output)
    return f"domain id {linux.guest.domid}"


def migrate_late(linux):
    status, output = linux.guest.migrate("late")
    check(status != 0 and "resuming at sender" in output, output)
    return "resuming at sender"


def migrate_early(linux):
    status, output = linux.guest.migrate("early")
    check(status != 0, "the migration succeeded")
    return "receiver died in the live phase"


def pause(linux):
    linux.guest.dom0.run(f"xl pause {linux.name}; sleep 3; xl unpause {linux.name}")
    return "3 s"


def in_place(linux):
    before = linux.guest.domid
    status, lines = linux.guest.cycle("inplace", 1, seed=1)
    check(status == 0, lines)
    check(linux.guest.find_domid() == before, "the domain id changed")
    return f"domain id stays {before}"


def fast(count):
    def act(linux):
        status, lines = linux.guest.cycle("fast", count, seed=count, max_pause_ms=150)
        check(status == 0, lines[-1:])
        return f"{count} in a row"
    return act


def freeze_refused(linux):
    """A writer on a frozen file system sits in D and cannot be frozen."""
    script = (f"grep -q /mnt /proc/mounts || {{ {MOUNT}; }}; "
              f"echo {FREEZE_MS} > /sys/power/pm_freeze_timeout; lab-fsfreeze --freeze /mnt && "
              "dd if=/dev/zero of=/mnt/x bs=4k count=1 2>/dev/null & "
              "sleep 0.5")
    check(linux.shell.run(script)[0] == 0, "fsfreeze failed")
    since = len(linux.guest.console.lines)
    status, lines = linux.guest.cycle("ask", 1, seed=1, timeout=FREEZE_MS / 1000 + 2)
    linux.guest.console.wait_for(lambda line: "Freezing of tasks failed" in line, since, 10)
    check(status == 0 and "not-down" in lines[-1], lines)
    linux.shell.run("lab-fsfreeze --unfreeze /mnt; wait; umount /mnt")
    return "xl itself would wait 60 s and name nobody"


def device_refused(linux):
    """A device that refuses makes Linux restore those frozen before it, in the same domain: a disk
    that was plugged later is dead afterwards, though both of its ends say Connected."""
    dom0 = linux.guest.dom0
    extra = f"/tmp/{linux.name}-c.img"
    check(linux.shell.run("resume-lab-usb >/run/usb 2>&1 & sleep 2; cat /run/usb")[1] ==
          ["plugged in"], "the device that refuses is not there")
    dom0.run(f"dd if=/dev/zero of={extra} bs=1M count=4 2>/dev/null; xl block-attach "
             f"{linux.name} 'vdev=xvdc,access=rw,format=raw,backendtype=phy,script=block-lab,"
             f"target={extra}'")
    linux.shell.run("for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/xvdc ] && break; sleep 0.3; done")
    ring = linux.guest.read("device/vbd/51744/ring-ref")
    status, lines = linux.guest.cycle("ask", 1, seed=1, timeout=6)
    check(status == 0 and "not-down" in lines[-1], lines)
    after = linux.guest.read("device/vbd/51744/ring-ref")
    linux.shell.run("killall resume-lab-usb; sleep 1")
    return f"xvdc: ring {ring} -> {after}, state {linux.guest.read('device/vbd/51744/state')}"


def after_detach(linux):
    """The dead disk is taken away; then a suspend works again."""
    linux.guest.dom0.run(f"xl block-detach {linux.name} xvdc --force", XL_TIMEOUT, check=False)
    status, output = linux.guest.save_check()
    check(status == 0, output)
    return "xvdc detached"


def devices_alive(linux):
    check(linux.vbd_works(), "xvda does not answer")
    check(linux.vif_works(), "no ping over eth0")
    return "xvda read back, eth0 answers"


def new_domid_published(linux):
    """After a restore the agent's nodes are there again, below the new domain's path."""
    save_restore(linux)
    deadline = time.monotonic() + 10
    while not linux.guest.read("data/resume/last"):
        check(time.monotonic() < deadline, "no data/resume/last below the new domain id")
        time.sleep(0.2)
    return f"data/resume/last below domain {linux.guest.domid}"


CASES = (
    *(Case(f"save -c {n}", save_check, (CANCELLED,), smoke=n == 1) for n in range(1, 6)),
    *(Case(f"save, restore {n}", save_restore, (RESUMED,), smoke=n == 1) for n in range(1, 5)),
    Case("save, restore 5: published again", new_domid_published, (RESUMED,), agent_only=True),
    Case("devices alive after it", devices_alive, ()),
    Case("migration, receiver dies early", migrate_early, ()),
    Case("migration, receiver dies late", migrate_late, (CANCELLED,), smoke=True),
    Case("migration after the failed ones", migrate, (RESUMED,)),
    Case("pause, 3 s, unpause", pause, (), smoke=True),
    Case("in place: same domain id", in_place, (RESUMED,), smoke=True),
    Case("a task refuses to freeze", freeze_refused, (Expected("aborted", task="dd"),), smoke=True),
    Case("save -c after it", save_check, (CANCELLED,)),
    Case("100 fast cycles", fast(100), (CANCELLED,) * 100),
    Case("devices alive after all", devices_alive, ()),
    Case("a device refuses", device_refused,
         (Expected("aborted", device="vhci_hcd.0", errno="EBUSY"),), guest="pvh-to-break"),
    Case("save -c once the dead disk is gone", after_detach, (CANCELLED,), guest="pvh-to-break"),
    Case("2 vCPUs: 20 fast cycles", fast(20), (CANCELLED,) * 20, guest="pvh-2"),
    Case("2 vCPUs: in place", in_place, (RESUMED,), guest="pvh-2"),
    Case("PV: save -c", save_check, (CANCELLED,), guest="pv"),
    Case("PV: save, restore", save_restore, (RESUMED,), guest="pv"),
    Case("RT kernel: save -c", save_check, (CANCELLED,), guest="rt"),
    Case("RT kernel: save, restore", save_restore, (RESUMED,), guest="rt"),
    Case("RT kernel: 20 fast cycles", fast(20), (CANCELLED,) * 20, guest="rt"),
)
