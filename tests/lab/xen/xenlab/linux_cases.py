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
    """One report: kind and outcome, words that its cause must name, and a check that must have
    failed."""

    outcome: str
    kind: str = "xen-suspend"
    device: str = ""
    task: str = ""
    errno: str = ""
    announced: bool = False
    failed: str = ""

    def text(self):
        words = [self.kind, self.outcome]
        words += [f"{key}={value}" for key, value in (
            ("device", self.device), ("task", self.task), ("errno_name", self.errno)) if value]
        words += ["announced"] * self.announced
        words += [f"{self.failed}:failed"] * bool(self.failed)
        return " ".join(words)


CANCELLED = Expected("cancelled")
RESUMED = Expected("resumed")
ANNOUNCED = Expected("cancelled", announced=True)


@dataclasses.dataclass(frozen=True)
class Case:
    """`agent_only`: a trace cannot tell. `timely`: how long its reports took counts; not so where
    the agent was killed."""

    name: str
    act: typing.Callable
    expected: tuple
    guest: str = "pvh"
    smoke: bool = False
    agent_only: bool = False
    timely: bool = True


def check(condition, text):
    if not condition:
        raise CaseFailed(text)


def save_check(linux):
    status, output = linux.guest.save_check()
    check(status == 0, output)
    return ""


def save_restore(linux):
    """The agent's nodes are there again, below the new domain's path."""
    before = linux.guest.domid
    check(linux.guest.save()[0] == 0, "xl save failed")
    status, output = linux.guest.restore()
    check(status == 0, output)
    check(linux.guest.domid != before, "the domain id is the same")
    note = f"domain id {before} -> {linux.guest.domid}"
    return note + (f", {published(linux)}" if linux.agent else "")


def published(linux, word="", timeout=20):
    """Waits until dom0 reads the agent's last report, with `word` in it."""
    deadline = time.monotonic() + timeout
    while word not in (linux.guest.read("data/resume/last") or "\0"):
        check(time.monotonic() < deadline, f"no data/resume/last with {word!r} in it")
        time.sleep(0.2)
    return f"data/resume/last below domain {linux.guest.domid}"


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


def fast_with_many_devices(linux):
    """The kernel's events of some 600 devices are more than an agent can read between two of these
    cycles; how each of them ended it must say all the same."""
    linux.load_later_modules()
    return fast(40)(linux)


def freeze_refused(linux):
    """A writer on a frozen file system sits in D and cannot be frozen."""
    script = (f"grep -q /mnt /proc/mounts || {{ {MOUNT}; }}; "
              f"echo {FREEZE_MS} > /sys/power/pm_freeze_timeout; lab-fsfreeze --freeze /mnt && "
              "{ dd if=/dev/zero of=/mnt/x bs=4k count=1 2>/dev/null & i=0; "
              "until grep -q State:.D /proc/$!/status || [ $((i=i+1)) -gt 100 ]; do sleep 0.1; done; "
              "[ $i -le 100 ]; }")
    status, lines = linux.shell.run(script, timeout=60)
    check(status == 0, f"no writer waits on a frozen file system: {lines}")
    since = len(linux.guest.console.lines)
    status, lines = linux.guest.cycle("ask", 1, seed=1, timeout=FREEZE_MS / 1000 + 2)
    thawed, _ = linux.guest.console.wait_for(lambda line: "Restarting tasks" in line, since, 10)
    check(status == 0 and "not-down" in lines[-1], lines)
    note = "xl itself would wait 60 s and name nobody"
    if linux.agent:
        published(linux, '"task":"dd"')
        passed = time.time() - linux.guest.console.since(thawed)[0][0]
        check(passed < 5, f"dom0 read the task's name only {passed:.1f} s after the thaw")
        note = f"dom0 read the task's name {passed:.1f} s after the thaw"
    linux.shell.run("lab-fsfreeze --unfreeze /mnt; wait; umount /mnt")
    return note


def device_refused(linux):
    """A device that refuses makes Linux restore those frozen before it, in the same domain: a disk
    that was plugged later is dead afterwards, though both of its ends say Connected."""
    dom0 = linux.guest.dom0
    extra = f"/tmp/{linux.name}-c.img"
    linux.plug_in_what_refuses()
    dom0.run(f"dd if=/dev/zero of={extra} bs=1M count=4 2>/dev/null; xl block-attach "
             f"{linux.name} 'vdev=xvdc,access=rw,format=raw,backendtype=phy,script=block-lab,"
             f"target={extra}'")
    linux.shell.run("for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/xvdc ] && break; sleep 0.3; done")
    ring = linux.guest.read("device/vbd/51744/ring-ref")
    time.sleep(2)  # a disk that is plugged in and lost within a second is nobody's
    status, lines = linux.guest.cycle("ask", 1, seed=1, timeout=6)
    check(status == 0 and "not-down" in lines[-1], lines)
    after = linux.guest.read("device/vbd/51744/ring-ref")
    linux.shell.run("killall resume-lab-usb; sleep 1")
    check(ring != after, "the kernel gave xvdc no new ring: it does not kill it any more")
    return (f"xvdc: ring {ring} -> {after}, state {linux.guest.read('device/vbd/51744/state')}, "
            f"{no_task_stuck(linux)}")


def no_task_stuck(linux):
    """A task in D on a dead disk makes every later suspend fail."""
    stuck = linux.shell.run("grep -l 'State:.*disk sleep' /proc/[0-9]*/status | "
                            "while read f; do head -1 $f; done")[1]
    check(not stuck, f"in D: {stuck}")
    return "no task in D"


def after_detach(linux):
    """The dead disk is taken away; then a suspend works again."""
    linux.guest.dom0.run(f"xl block-detach {linux.name} xvdc --force", XL_TIMEOUT, check=False)
    note = no_task_stuck(linux)
    status, output = linux.guest.save_check()
    check(status == 0, output)
    return f"xvdc detached, {note}"


def devices_alive(linux):
    check(linux.vbd_works(), "xvda does not answer")
    check(linux.vif_works(), "no ping over eth0")
    return "xvda read back, eth0 answers"


def announced_by_host(linux):
    linux.guest.write("data/resume/request", "prepare lab-1 xen-suspend 60")
    deadline = time.monotonic() + 20
    while linux.guest.read("data/resume/answer") != "ready lab-1":
        check(time.monotonic() < deadline,
              f"the answer is {linux.guest.read('data/resume/answer')!r}")
        time.sleep(0.2)
    check(not linux.guest.read("data/resume/request"), "the request is still there")
    return save_check(linux)


PREPARE_AND_KILL = ("resumectl prepare --for xen-suspend --timeout 20 && "
                    "kill -9 $(pidof resume-agent)")


def killed_and_suspended(linux):
    """Killed between before and after; the guest is suspended before the agent is back."""
    check(linux.shell.run(PREPARE_AND_KILL)[0] == 0, "resumectl prepare failed")
    save_check(linux)
    linux.restart_agent()
    return "SIGKILL, save -c, start"


def killed_without_suspend(linux):
    check(linux.shell.run(PREPARE_AND_KILL)[0] == 0, "resumectl prepare failed")
    linux.restart_agent()
    return "SIGKILL, start"


def killed_while_frozen(linux):
    """A write that waits is a file system that is frozen; it goes on when the helper thaws."""
    status, lines = linux.shell.run(
        f"{MOUNT}; rm -f /run/written; resumectl prepare --for snapshot --freeze --timeout 20 && "
        "{ (echo x >/mnt/probe; sync; echo done >/run/written) & sleep 0.3; } && "
        "[ ! -e /run/written ] && kill -9 $(pidof resume-agent); echo killed $?; i=0; "
        "until [ -e /run/written ] || [ $((i=i+1)) -gt 80 ]; do sleep 0.1; done; "
        "[ -e /run/written ] && echo thawed $i; umount /mnt; [ -e /run/written ]", timeout=60)
    linux.restart_agent()
    check(status == 0 and "killed 0" in lines, lines)
    return "a write waited, and went on by itself"


def torn_transaction(suspend):
    """A client has a transaction open while the guest is suspended: nobody waits for it, and it is
    told to begin again."""
    def act(linux):
        status, lines = linux.shell.run(
            "rm -f /run/go; mkfifo /run/go; (sleep 600 >/run/go & echo $! >/run/holder); "
            "resume-lab-transaction </run/go >/run/transaction 2>&1 & i=0; "
            "until grep -q . /run/transaction 2>/dev/null || [ $((i=i+1)) -gt 100 ]; do sleep 0.1; "
            "done; cat /run/transaction")
        check(lines == ["open"], lines)
        suspend(linux)
        status, lines = linux.shell.run(
            "echo >/run/go; i=0; until grep -q commit /run/transaction || [ $((i=i+1)) -gt 100 ]; "
            "do sleep 0.1; done; kill $(cat /run/holder); tail -n 1 /run/transaction")
        check(status == 0 and lines and lines[0].startswith("commit"), lines)
        return lines[0]
    return act


def counted(how, loses):
    """A tool that adds one to a node of the store in one transaction after the other, while the guest
    is suspended a hundred times. Linux answers for a torn transaction itself, so that xenstored keeps
    it open where the suspend was cancelled; when ten are, it refuses the next, and Linux 6.1 counts
    that refusal wrongly and waits for ever in its next suspend. Hence the quota."""
    def act(linux):
        shell = linux.shell
        linux.guest.dom0.run("xenstore-control quota set transactions 10000")
        status, lines = shell.run(
            "xenstore-write data/lab/counter 0; "
            f"{{ resume-store-counter {how} 1000000 thinking >/run/counted 2>&1; }} & "
            "i=0; until [ \"$(xenstore-read data/lab/counter)\" -gt 0 ] || [ $((i=i+1)) -gt 50 ]; do "
            "sleep 0.1; done; xenstore-read data/lab/counter")
        check(status == 0 and int(lines[-1]) > 0, lines)
        fast(100)(linux)
        status, lines = shell.run(
            "kill $(pidof resume-store-counter); wait; i=0; until [ -s /run/counted ] || "
            "[ $((i=i+1)) -gt 100 ]; do sleep 0.1; done; cat /run/counted; "
            "xenstore-read data/lab/counter", timeout=60)
        check(status == 0 and len(lines) == 3, lines)
        tried, stored = int(lines[0].split()[0]), int(lines[2])
        lost = tried - stored
        check(lost > 0 if loses else lost == 0, f"{lost} of {tried} lost: {lines}")
        return f"{tried} updates, {stored} there, {lost} lost in 100 cycles"
    return act


CASES = (
    *(Case(f"save -c {n}", save_check, (CANCELLED,), smoke=n == 1) for n in range(1, 6)),
    *(Case(f"save, restore {n}", save_restore, (RESUMED,), smoke=n == 1) for n in range(1, 6)),
    Case("devices alive after it", devices_alive, ()),
    Case("migration, receiver dies early", migrate_early, ()),
    Case("migration, receiver dies late", migrate_late, (CANCELLED,), smoke=True),
    Case("migration after the failed ones", migrate, (RESUMED,)),
    Case("pause, 3 s, unpause", pause, (), smoke=True),
    Case("in place: same domain id", in_place, (RESUMED,), smoke=True),
    Case("a task refuses to freeze", freeze_refused, (Expected("aborted", task="dd"),), smoke=True),
    Case("save -c after it", save_check, (CANCELLED,)),
    Case("announced by the host, save -c", announced_by_host, (ANNOUNCED,), smoke=True,
         agent_only=True),
    Case("agent killed, then save -c", killed_and_suspended, (ANNOUNCED,), agent_only=True,
         timely=False, smoke=True),
    Case("agent killed, no suspend", killed_without_suspend,
         (Expected("unknown", announced=True),), agent_only=True, timely=False),
    Case("agent killed while frozen", killed_while_frozen,
         (Expected("unknown", kind="snapshot", announced=True),), agent_only=True, timely=False),
    Case("open transaction: save -c", torn_transaction(save_check), (CANCELLED,)),
    Case("open transaction: save, restore", torn_transaction(save_restore), (RESUMED,)),
    Case("100 fast cycles", fast(100), (CANCELLED,) * 100),
    Case("100 fast cycles, a plain tool of the store", counted("plain", True), (CANCELLED,) * 100),
    Case("100 fast cycles, a tool on libresume-store", counted("helper", False), (CANCELLED,) * 100),
    Case("devices alive after all", devices_alive, ()),
    Case("300 USB devices: 40 fast cycles", fast_with_many_devices, (CANCELLED,) * 40,
         guest="pvh-to-break"),
    Case("a device refuses, a disk dies", device_refused,
         (Expected("aborted", device="vhci_hcd.0", errno="EBUSY", failed="frontend:vbd/51744"),),
         guest="pvh-to-break"),
    Case("save -c once the dead disk is gone", after_detach,
         (Expected("cancelled", failed="capabilities"),), guest="pvh-to-break"),
    Case("2 vCPUs: 20 fast cycles", fast(20), (CANCELLED,) * 20, guest="pvh-2"),
    Case("2 vCPUs: in place", in_place, (RESUMED,), guest="pvh-2"),
    Case("PV: save -c", save_check, (CANCELLED,), guest="pv"),
    Case("PV: save, restore", save_restore, (RESUMED,), guest="pv"),
    Case("RT kernel: save -c", save_check, (CANCELLED,), guest="rt"),
    Case("RT kernel: save, restore", save_restore, (RESUMED,), guest="rt"),
    Case("RT kernel: 20 fast cycles", fast(20), (CANCELLED,) * 20, guest="rt"),
    Case("HVM: save -c", save_check, (CANCELLED,), guest="hvm"),
    Case("HVM: save, restore", save_restore, (RESUMED,), guest="hvm"),
    Case("HVM: 5 fast cycles", fast(5), (CANCELLED,) * 5, guest="hvm"),
)
