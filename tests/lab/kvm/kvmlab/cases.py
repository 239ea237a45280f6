"""What is done to a guest, and what has to be said of it."""

import contextlib
import dataclasses
import typing

from xenlab.errors import LabError

from .machine import OTHER_GENERATION
from .reporters import CYCLES, START_AGENT


@dataclasses.dataclass(frozen=True)
class Case:
    """`act(machine)` does it. `expected`: fields of the report (dotted names; a function is a
    predicate), or None when nothing may be reported. `needs_agent`: a trace alone cannot tell.
    `timely`: an agent runs when the cycle ends."""

    name: str
    act: typing.Callable
    expected: typing.Optional[dict]
    needs_agent: bool = False
    machine: str = "pc"
    repeat: int = 1
    timely: bool = True


def contains(text):
    def check(value):
        return value is not None and text in str(value)
    check.__name__ = f"contains {text!r}"
    return check


def sleep_s3(machine):
    """S3 for as long as it takes to see it, then the host wakes it."""
    command = machine.start("echo mem > /sys/power/state")
    machine.qmp.wait_status("suspended", 30)
    machine.qmp.execute("system_wakeup")
    if command.wait(60) != 0:
        raise LabError(f"echo mem failed: {command.output}")


def sleep_s2idle(machine):
    """s2idle is invisible from outside; the power button wakes it, pressed until the command ends."""
    machine.run("echo s2idle > /sys/power/mem_sleep")
    command = machine.start("echo mem > /sys/power/state; status=$?; "
                            "echo deep > /sys/power/mem_sleep; exit $status")
    press_until_over(machine, command)


def press_until_over(machine, command, presses=40):
    for _ in range(presses):
        machine.qmp.execute("system_powerdown")
        try:
            if command.wait(0.5) != 0:
                raise LabError(f"the sleep failed: {command.output}")
            return
        except LabError as error:
            if "still runs" not in str(error):
                raise
    raise LabError("the guest does not wake from s2idle")


def pm_test(level):
    def act(machine):
        machine.run(f"echo {level} > /sys/power/pm_test && echo mem > /sys/power/state; "
                    "echo none > /sys/power/pm_test", timeout=60)
    return act


def alarm_refuses(machine):
    """An alarm is due within two seconds: the device alarmtimer refuses."""
    machine.run("mkfifo /tmp/hold; (sleep 30 > /tmp/hold & echo $! > /tmp/holder); "
                "(resume-lab-alarm 1500 < /tmp/hold > /tmp/armed &) ; "
                "until grep -q ARMED /tmp/armed; do :; done; "
                "echo mem > /sys/power/state; status=$?; kill $(cat /tmp/holder); rm -f /tmp/hold; "
                "[ $status != 0 ]")


def task_refuses(machine):
    """A writer on a frozen file system sleeps uninterruptibly: the freezer gives up on it."""
    machine.run("echo 1500 > /sys/power/pm_freeze_timeout; fsfreeze --freeze /mnt; "
                "(cat /proc/self/stat > /mnt/stuck &); "
                "until grep -qs 'D (disk sleep)' /proc/[0-9]*/status; do :; done; "
                "echo mem > /sys/power/state; status=$?; fsfreeze --unfreeze /mnt; "
                "echo 20000 > /sys/power/pm_freeze_timeout; [ $status != 0 ]")


def notifier_refuses(machine):
    where = "/sys/kernel/debug/notifier-error-inject/pm/actions/PM_SUSPEND_PREPARE/error"
    machine.run(f"echo -16 > {where}; echo mem > /sys/power/state; status=$?; echo 0 > {where}; "
                "[ $status != 0 ]")


def wakeup_aborts(machine):
    """wakeup_count is armed, then the button is pressed: the suspend is called off."""
    machine.run("count=$(cat /sys/power/wakeup_count); echo $count > /sys/power/wakeup_count")
    before = machine.output("cat /sys/class/wakeup/*/event_count | sort -n | tail -1").strip()
    machine.qmp.execute("system_powerdown")
    machine.run(f"until [ $(cat /sys/class/wakeup/*/event_count | sort -n | tail -1) != {before} ]; "
                "do :; done; echo mem > /sys/power/state; [ $? != 0 ]")


def pause(machine):
    machine.pause(4)


@contextlib.contextmanager
def configured(machine, text):
    """The agent with this agent.toml; the defaults again afterwards."""
    machine.run("mkdir -p /etc/libresume; cat > /etc/libresume/agent.toml << 'END'\n"
                f"{text}\nEND\nkill -HUP $(pidof resume-agent); resumectl status")
    yield
    machine.run("rm /etc/libresume/agent.toml; kill -HUP $(pidof resume-agent); resumectl status")


@contextlib.contextmanager
def one_more_report(machine, timeout=40):
    """Waits at its end until the agent has written a report."""
    before = int(machine.output(f"cat {CYCLES} 2>/dev/null | wc -l"))
    yield
    machine.run(f"until [ $(cat {CYCLES} 2>/dev/null | wc -l) -gt {before} ]; do sleep 0.2; done",
                timeout=timeout)


def pause_seen_by_polling(machine):
    """Nobody asks the agent: its own poll of the RTC finds the pause."""
    with configured(machine, '[observe]\nrtc_poll = "10s"'), one_more_report(machine):
        machine.pause(4)


def limit_reads(machine, bytes_per_second):
    machine.qmp.execute("block_set_io_throttle", arguments={
        "device": "disk1", "bps": 0, "bps_rd": bytes_per_second, "bps_wr": 0,
        "iops": 0, "iops_rd": 0, "iops_wr": 0})


NO_TASK_IN_D = "! grep -q '^State:.D' /proc/[0-9]*/status"


def disk_is_dead(machine):
    """A disk that nobody uses does not answer any more after a sleep: the probe finds it, and no
    task waits for it. The disk's first read takes all that it may read in an hour."""
    with configured(machine, '[act.disk]\nprobe = "read"'):
        limit_reads(machine, 1)
        machine.run("dd if=/dev/vdb of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null")
        with one_more_report(machine):
            sleep_s3(machine)
        machine.run(NO_TASK_IN_D)
        limit_reads(machine, 0)


def links_announced(machine):
    machine.run("ip addr add 10.0.2.15/24 dev eth0")
    with configured(machine, '[act.announce]\nlinks = ["eth0"]'), one_more_report(machine):
        sleep_s3(machine)
    machine.run("ip addr del 10.0.2.15/24 dev eth0")


def stopped_in_mid_cycle(machine):
    """SIGTERM between before and after: the after comes before the agent goes."""
    machine.run("resumectl prepare --for s3; kill -TERM $(pidof resume-agent); "
                "while pidof resume-agent > /dev/null; do sleep 0.1; done")
    machine.run(START_AGENT)


def restore(machine):
    machine.save_and_restore(away_s=4)


def restore_as_clone(machine):
    machine.save_and_restore(generation=OTHER_GENERATION, away_s=4)


def hibernate(machine):
    machine.hibernate()


def announced_s3(machine):
    machine.run("resumectl prepare --for s3")
    sleep_s3(machine)


def released(machine):
    """Announced, and taken back: twice, since a script that fails tidies up again."""
    machine.run("resumectl prepare --for s3 && resumectl release && resumectl release")


def hook_vetoes(machine):
    machine.run("mkdir -p /etc/libresume/hooks.d; cd /etc/libresume/hooks.d; "
                "printf '#!/bin/sh\\n[ $1 = pre ] && exit 75\\n' > 50-veto; chmod 755 50-veto; "
                "resumectl prepare --for s3; status=$?; rm 50-veto; [ $status = 1 ]")


def hooks_run_for_s3(machine):
    """Two hooks, nobody announces: post alone, in reverse, with the report on stdin."""
    machine.run("mkdir -p /etc/libresume/hooks.d; cd /etc/libresume/hooks.d; rm -f /tmp/hooks; "
                "for n in 10-a 20-b; do printf '#!/bin/sh\\necho $0 $1 $2 $3 $(cat | wc -c) >> "
                "/tmp/hooks\\n' > $n; chmod 755 $n; done")
    sleep_s3(machine)
    said = machine.output("i=0; until [ $(cat /tmp/hooks 2>/dev/null | wc -l) = 2 ] || "
                          "[ $((i=i+1)) -gt 100 ]; do sleep 0.1; done; cat /tmp/hooks; "
                          "rm /etc/libresume/hooks.d/*")
    lines = [line.split() for line in said.splitlines()]
    names = [line[0].rsplit("/", 1)[-1] for line in lines]
    if names != ["20-b", "10-a"] or any(line[1:4] != ["post", "s3", "resumed"] or int(line[4]) < 100
                                        for line in lines):
        raise LabError(f"the hooks ran otherwise: {said!r}")


FREEZE_ON = ("mkdir -p /etc/libresume; printf '[act.freeze]\\nmounts = [\"/mnt\"]\\nttl_s = 3\\n' > "
             "/etc/libresume/agent.toml; kill -HUP $(pidof resume-agent); resumectl status; ")
# A write that waits is a file system that is frozen; it goes on when it is thawed.
IS_FROZEN = "{ (echo x > /mnt/probe; echo done > /tmp/probe) & sleep 0.5; [ ! -e /tmp/probe ]; } && "
GOES_ON = ("i=0; until [ -e /tmp/probe ] || [ $((i=i+1)) -gt 100 ]; do sleep 0.1; done; "
           "[ -e /tmp/probe ]; status=$?; rm -f /tmp/probe /etc/libresume/agent.toml; "
           "kill -HUP $(pidof resume-agent); exit $status")


def freeze_and_thaw(machine):
    machine.run(FREEZE_ON + "resumectl prepare --for snapshot --freeze && " + IS_FROZEN
                + "resumectl release && { " + GOES_ON + "; }")


def freeze_expires(machine):
    """Nobody releases: thawed after three seconds, by the helper itself."""
    machine.run(FREEZE_ON + "resumectl prepare --for snapshot --freeze && " + IS_FROZEN
                + "{ " + GOES_ON + "; }")


def freeze_survives_a_kill(machine):
    """The agent is killed while frozen: its helper thaws."""
    machine.run(FREEZE_ON + "resumectl prepare --for snapshot --freeze && " + IS_FROZEN
                + "kill -9 $(pidof resume-agent); { " + START_AGENT + GOES_ON + "; }")


def killed_after_announcing(machine):
    """SIGKILL between before and after: the next start owes the after."""
    machine.run("resumectl prepare --for s3; kill -9 $(pidof resume-agent)")
    machine.run(START_AGENT)


def killed_and_slept(machine):
    """The same, and the guest slept before the agent was back: its trace is still there."""
    machine.run("resumectl prepare --for s3; kill -9 $(pidof resume-agent)")
    sleep_s3(machine)
    machine.run(START_AGENT)


def second_sleep_on_q35(machine):
    """On q35 the first S3 takes the ACPI registers with it: the second returns at once, success
    and all, without having slept."""
    machine.run("echo mem > /sys/power/state", timeout=60)


def set_date(machine):
    machine.run("date -s @$(($(date +%s) + 100))")


def migrate_cancelled(machine):
    machine.qmp.execute("migrate-set-parameters", max_bandwidth=500_000)
    machine.qmp.execute("migrate", uri="exec:cat > /dev/null")
    machine.qmp.execute("migrate_cancel")
    status = machine.qmp.wait_migrated(30)
    machine.qmp.execute("migrate-set-parameters", max_bandwidth=1_000_000_000)
    if status != "cancelled":
        raise LabError(f"the migration was to be cancelled and is {status}")


RESUMED_S3 = {"kind": "s3", "outcome": "resumed"}
RESUMED_S2IDLE = {"kind": "s2idle", "outcome": "resumed"}


def cause(**fields):
    return {f"cause.{name}": value for name, value in fields.items()}


CASES = [
    Case("s3", sleep_s3, RESUMED_S3, repeat=5),
    Case("s2idle", sleep_s2idle, RESUMED_S2IDLE, repeat=5),
    *(Case(f"pm-test-{level}", pm_test(level), {"kind": "pm-test", "outcome": "resumed"})
      for level in ("freezer", "devices", "platform", "processors", "core")),
    Case("device-refuses", alarm_refuses,
         {"outcome": "aborted", **cause(phase="suspend", device=contains("alarmtimer"), errno=16)}),
    Case("task-refuses", task_refuses,
         {"outcome": "aborted", **cause(phase="freeze_tasks", task="sh", errno=16)},
         needs_agent=True),
    Case("notifier-refuses", notifier_refuses,
         {"kind": "s3", "outcome": "aborted",
          **cause(phase="prepare", errno=16, detail=contains("PM_SUSPEND_PREPARE"))},
         needs_agent=True),
    Case("wakeup-aborts", wakeup_aborts,
         {"kind": "s3", "outcome": "aborted", **cause(detail=contains("wake-up"))},
         needs_agent=True),
    Case("pause", pause, {"kind": "pause", "outcome": "none"}, needs_agent=True),
    Case("pause-polled", pause_seen_by_polling, {"kind": "pause", "outcome": "none"},
         needs_agent=True),
    Case("restore", restore, {"kind": "restore", "outcome": "resumed"}, needs_agent=True),
    Case("restore-as-clone", restore_as_clone,
         {"kind": "restore", "outcome": "resumed", "confidence": "high",
          "changed": contains("vm generation")}, needs_agent=True),
    Case("hibernate", hibernate, {"kind": "hibernate", "outcome": "resumed"}, needs_agent=True),
    Case("announced-s3", announced_s3, {**RESUMED_S3, "announced": True}, needs_agent=True),
    Case("released", released,
         {"kind": "s3", "outcome": "aborted", "announced": True,
          **cause(detail=contains("released"))}, needs_agent=True),
    Case("hook-vetoes", hook_vetoes,
         {"kind": "s3", "outcome": "aborted", "announced": True,
          **cause(detail=contains("50-veto"))}, needs_agent=True),
    Case("hooks-run", hooks_run_for_s3, RESUMED_S3, needs_agent=True),
    Case("freeze-and-thaw", freeze_and_thaw,
         {"kind": "snapshot", "outcome": "none", "announced": True}, needs_agent=True),
    Case("freeze-expires", freeze_expires,
         {"kind": "snapshot", "outcome": "aborted", "announced": True}, needs_agent=True),
    Case("freeze-and-kill", freeze_survives_a_kill,
         {"kind": "snapshot", "outcome": "unknown", "announced": True}, needs_agent=True),
    Case("killed-after-announcing", killed_after_announcing,
         {"kind": "s3", "outcome": "unknown", "announced": True}, needs_agent=True),
    Case("killed-and-slept", killed_and_slept, {**RESUMED_S3, "announced": True},
         needs_agent=True, timely=False),
    Case("stopped-in-mid-cycle", stopped_in_mid_cycle,
         {"kind": "s3", "outcome": "aborted", "announced": True,
          **cause(detail=contains("stopped"))}, needs_agent=True),
    Case("disk-dead", disk_is_dead,
         {**RESUMED_S3, "checks": contains("no answer to a read")}, needs_agent=True),
    Case("links-announced", links_announced,
         {**RESUMED_S3, "checks": contains("addresses announced")}, needs_agent=True),
    Case("s3-q35", sleep_s3, RESUMED_S3, machine="q35"),
    Case("asleep-without-sleep", second_sleep_on_q35,
         {"kind": "s3", "outcome": "aborted",
          **cause(phase="enter", detail=contains("did not sleep"))},
         machine="q35", needs_agent=True),
    Case("date-set", set_date, {"kind": "clock-step", "outcome": "none"}, needs_agent=True),
    Case("migration-cancelled", migrate_cancelled, None, needs_agent=True),
]
SMOKE = {"pm-test-devices", "device-refuses", "task-refuses", "s3"}
