"""A Linux guest and the test kernel in the same Xen, sent through the same: how each comes back, and
what becomes of them where Linux is known to fail."""

import dataclasses
import statistics
import time

from . import kernel_host, kernel_plan as plan, store_log
from .errors import LabError
from .linux_guest import DISKS

RETURNS = 10
OBSERVE = 5
TABLE = "| {} | {} | {} |"
# Requests are under way whenever it goes down, as with the kernel's load.
LOAD = ("(while :; do dd if=/dev/xvda of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; "
        "usleep 20000; done) >/dev/null 2>&1 &")
DEAD_AFTER = 20


@dataclasses.dataclass
class Came:
    """In-place restores, as dom0 saw them."""

    connected: list
    requests: list
    store: list

    def text(self):
        parts = []
        for name, values in (("connected", self.connected), ("first request", self.requests)):
            good = [value for value in values if value >= 0]
            parts.append(f"{name} {statistics.median(good):.0f} / {max(good):.0f} ms"
                         if good else f"{name} not seen")
        parts.append(f"{statistics.median(self.store):.0f} store requests "
                     f"({min(self.store)} to {max(self.store)})")
        return ", ".join(parts)


def values_of(line):
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def come_back(dom0, guest):
    """RETURNS times: a disk and an interface each, both ends of both."""
    came = Came([], [], [])
    for number in range(RETURNS):
        store_log.start(dom0)
        status, lines = guest.cycle("inplace", 1, seed=number + 1, observe=OBSERVE)
        counted = store_log.stop(dom0)
        if status != 0:
            raise LabError(f"{guest.name}: in place: {lines}")
        values = values_of(lines[-1])
        came.connected.append(float(values["connected_ms"]))
        came.requests.append(float(values["request_ms"]))
        came.store.append(sum(store_log.requests_after_return(counted).values()))
        time.sleep(1)
    return came


class Beside:
    """`lab` is a KernelLab, `linux` LinuxGuests, of the same machine."""

    def __init__(self, dom0, lab, linux, say):
        self._dom0 = dom0
        self._lab = lab
        self._linux = linux
        self._say = say

    def run(self):
        """True when ours is as it must be; how Linux fares is only told."""
        ours = self._lab.boot(1, "tick_ms=10 traffic=0", devices=True)
        theirs = self._linux.create(disks=DISKS[:1])
        theirs.shell.run(LOAD)
        their_return = come_back(self._dom0, theirs.guest)
        our_return = come_back(self._dom0, ours.guest)
        self._say(f"Linux, {RETURNS} in place: {their_return.text()}")
        self._say(f"ours,  {RETURNS} in place: {our_return.text()}")
        slow, good_slow = self._slow(ours)
        refused, good_refused = self._refused(ours)
        rows = (("return 0 in the same domain (52)", self._linux_slow(theirs), slow),
                ("a device refuses, a disk was added after it (53)",
                 self._linux_refused(self._linux.create()), refused),
                ("in place: to both ends Connected, to the first request",
                 their_return.text(), our_return.text()))
        self._say(TABLE.format("report", "Linux 6.1 on real Xen", "libresume on real Xen"))
        self._say("|---|---|---|")
        for row in rows:
            self._say(TABLE.format(*row))
        fewer = statistics.median(our_return.store) <= statistics.median(their_return.store)
        self._say(f"ours: 52 {'right' if good_slow else 'WRONG'}, 53 "
                  f"{'right' if good_refused else 'WRONG'}, store requests "
                  f"{'at most' if fewer else 'MORE THAN'} Linux's")
        return good_slow and good_refused and fewer

    def _ours(self, kernel, kind, count):
        """(cycles that were as they must be, problems of the devices)."""
        since = len(kernel.console.lines)
        batch = plan.Batch(kind, count, 1, 0)
        results = kernel_host.run_batch(kernel, batch)
        cycles = kernel.wait_cycles(since, count, 40)
        right = sum(line.get("1") == kind.outcome and line.get("domain") == kind.domain
                    for line in cycles)
        problems = [result for result in results if result != "ok"]
        for device in kernel.devices:
            problems += device.problems(kernel, batch)
        return right, problems

    def _slow(self, kernel):
        for device in kernel.devices:  # they have seen the in-place cycles only now
            device.problems(kernel, plan.Batch(plan.IN_PLACE, RETURNS, 1, 0))
        right, problems = self._ours(kernel, plan.SLOW, 10)
        text = f"{right} of 10 go on, nothing made anew; " + (
            "; ".join(problems) or "disk and frames right")
        return text, right == 10 and not problems

    def _linux_slow(self, linux):
        since = len(linux.guest.console.lines)
        linux.guest.cycle("slow", 1, seed=1)
        time.sleep(5)
        panics = [text for _, text in linux.guest.console.since(since) if "panic" in text]
        state = linux.guest.state()
        if state[3:4] == "s":
            return f"dead ({state}): {panics[0].split('] ')[-1] if panics else 'no word'}"
        return "goes on"

    def _refused(self, kernel):
        ring = kernel.guest.read("device/vbd/51712/ring-ref")
        right, problems = self._ours(kernel, plan.REFUSED, 2)
        same = kernel.guest.read("device/vbd/51712/ring-ref") == ring
        text = (f"{right} of 2 undone exactly, ring {'kept' if same else 'CHANGED'}; "
                + ("; ".join(problems) or "I/O goes on, checksums and frames right"))
        return text, right == 2 and same and not problems

    def _linux_refused(self, linux):
        """As in lab-case `a device refuses, a disk dies`, and then a read of that disk."""
        extra = f"/tmp/{linux.name}-c.img"
        linux.plug_in_what_refuses()
        self._dom0.run(f"dd if=/dev/zero of={extra} bs=1M count=4 2>/dev/null; xl block-attach "
                       f"{linux.name} 'vdev=xvdc,access=rw,format=raw,backendtype=phy,"
                       f"script=block-lab,target={extra}'")
        linux.shell.run("for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/xvdc ] && break; sleep 0.3; done")
        before = linux.guest.read("device/vbd/51744/ring-ref")
        linux.guest.cycle("ask", 1, seed=1, timeout=6)
        after = linux.guest.read("device/vbd/51744/ring-ref")
        linux.shell.run("killall resume-lab-usb")
        linux.shell.run("(dd if=/dev/xvdc of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; "
                        "echo done >/run/read) >/dev/null 2>&1 &")
        time.sleep(DEAD_AFTER)
        alive = linux.shell.run("cat /run/read")[0] == 0
        state = linux.guest.read("device/vbd/51744/state")
        ring = "ring kept" if before == after else "a new ring that its backend does not look at"
        return (f"{ring}, state {state}; a read "
                f"{'works' if alive else f'hangs ({DEAD_AFTER} s and on)'}")
