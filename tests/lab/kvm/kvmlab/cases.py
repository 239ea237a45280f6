"""What is done to a guest, and what has to be said of it."""

import dataclasses
import typing

from xenlab.errors import LabError

from .machine import OTHER_GENERATION


@dataclasses.dataclass(frozen=True)
class Case:
    """`act(machine)` does it. `expected`: fields of the report (dotted names; a function is a
    predicate), or None when nothing may be reported. `needs_agent`: a trace alone cannot tell."""

    name: str
    act: typing.Callable
    expected: typing.Optional[dict]
    needs_agent: bool = False
    machine: str = "pc"
    repeat: int = 1


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


def restore(machine):
    machine.save_and_restore()


def restore_as_clone(machine):
    machine.save_and_restore(generation=OTHER_GENERATION)


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
    Case("task-refuses", task_refuses, {"outcome": "aborted", **cause(phase="freeze_tasks")}),
    Case("notifier-refuses", notifier_refuses, {"outcome": "aborted"}),
    Case("wakeup-aborts", wakeup_aborts, {"outcome": "aborted"}),
    Case("pause", pause, {"kind": "pause"}, needs_agent=True),
    Case("restore", restore, {"kind": "restore"}, needs_agent=True),
    Case("restore-as-clone", restore_as_clone, {"kind": "snapshot"}, needs_agent=True),
    Case("s3-q35", sleep_s3, RESUMED_S3, machine="q35"),
    Case("asleep-without-sleep", second_sleep_on_q35, {"kind": "s3", "outcome": "aborted"},
         machine="q35", needs_agent=True),
    Case("date-set", set_date, {"kind": "clock-step"}, needs_agent=True),
    Case("migration-cancelled", migrate_cancelled, None, needs_agent=True),
]
SMOKE = {"pm-test-devices", "device-refuses"}
