#!/usr/bin/env python3
"""`resume-stress real` inside a Debian guest with the agent: many cycles, and planted failures.

    stress.py [--pm-test N] [--s3 N] [--s2idle N] [--tools DIR]

QEMU's RTC wakes a machine from S3 only, not one that merely idles: its power button does, pressed
every half second. One line a campaign, what it came to and what was expected; the last line is `N campaigns, N as they
should be`. Exit codes: 0 all are, 1 not, 70 the lab itself failed, 77 SKIP: something is missing.
"""

import argparse
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "xen"))

from kvmlab import images as guest_images  # noqa: E402
from kvmlab.cases import press_until_over  # noqa: E402
from kvmlab.parts import find_parts, find_programs  # noqa: E402
from kvmlab.reporters import START_AGENT  # noqa: E402
from kvmlab.session import Session  # noqa: E402
from xenlab import images  # noqa: E402
from xenlab.errors import LabError, exit_status  # noqa: E402

ROOT = HERE.parents[2]
GOOD, FINDING = 0, 1
TIMEOUT_S = 1800

# An alarm that is due in a moment, before every third cycle: the device alarmtimer refuses a
# suspend that would sleep through it. A pipe holds it, and is let go behind the cycle.
PLANT = """
[ $((RESUME_CYCLE % 3)) = 0 ] || exit 0
mkfifo /tmp/hold
(sleep 60 > /tmp/hold & echo $! > /tmp/holder)
(resume-lab-alarm 1500 < /tmp/hold > /tmp/armed &)
until grep -q ARMED /tmp/armed; do :; done
"""
UNPLANT = """
[ -e /tmp/hold ] || exit 0
kill $(cat /tmp/holder)
rm -f /tmp/hold /tmp/holder /tmp/armed
"""


class Campaign:
    """Runs in the guest; its output is kept there, since a console is slow."""

    def __init__(self, name, words, cycles, refused=0, pressed=False):
        self.name, self.words, self.cycles, self.refused = name, words, cycles, refused
        self.pressed = pressed

    def run(self, guest):
        """(summary, lines of failing cycles, status)"""
        command = guest.start(f"resume-stress real {self.words} --cycles {self.cycles} "
                              "--seed 1 --json > /tmp/out 2> /tmp/err; echo $? > /tmp/status",
                              TIMEOUT_S)
        if self.pressed:
            press_until_over(guest, command, presses=2 * TIMEOUT_S)
        command.wait(TIMEOUT_S)
        status = int(guest.output("cat /tmp/status"))
        words = guest.output("cat /tmp/err").strip()
        lines = [json.loads(line) for line in guest.output("grep -v 'problems\":\\[\\]' /tmp/out"
                                                           " || true").splitlines()
                 if line.startswith("{")]
        if not lines or "cycles" not in lines[-1]:
            raise LabError(f"{self.name}: status {status}, no summary; it said: {words[-500:]}")
        return lines[-1], lines[:-1], status

    def judge(self, guest):
        summary, failing, status = self.run(guest)
        outcomes = summary["outcomes"]
        problems = sorted({problem for line in failing for problem in line["problems"]})
        good = (summary["cycles"] == self.cycles
                and summary["agent_reports"] == self.cycles
                and outcomes.get("resumed", 0) == self.cycles - self.refused
                and outcomes.get("aborted", 0) == self.refused
                and status == (FINDING if self.refused else GOOD)
                and all("the kernel refused" in problem for problem in problems))
        print(f"{self.name}: {summary['cycles']} cycles, {outcomes}, {summary['agent_reports']} "
              f"reports of the agent, {summary['failures']} failures"
              + (f" ({'; '.join(problems[:3])})" if problems else "")
              + (f", with 95 % confidence fewer than {100 * summary['bound_95_of_this_guest']:.2f} %"
                 if "bound_95_of_this_guest" in summary else "")
              + ("" if good else "  <-- NOT AS EXPECTED"), flush=True)
        return good


def script(guest, name, text):
    path = f"/tmp/{name}.sh"
    guest.run(f"cat > {path} <<'END'\n{text}\nEND")
    return f"'sh {path}'"


def campaigns(guest, arguments):
    quick = "--awake-ms 0..200"
    guest.run("echo 0 > /sys/module/suspend/parameters/pm_test_delay || true")
    yield Campaign("pm_test, level devices", f"--method pm-test {quick}", arguments.pm_test)
    yield Campaign("S3", f"--method s3 --asleep-ms 1000..2000 {quick}", arguments.s3)
    # It sleeps until the button, not until the alarm: one that is due at once is never early.
    yield Campaign("s2idle", f"--method s2idle --asleep-ms 0 {quick}", arguments.s2idle,
                   pressed=True)
    plant, unplant = script(guest, "plant", PLANT), script(guest, "unplant", UNPLANT)
    yield Campaign("pm_test, every third refused by alarmtimer",
                   f"--method pm-test {quick} --before {plant} --after {unplant}",
                   arguments.refused, refused=arguments.refused // 3)


def guest_image(tools):
    image = guest_images.initramfs(find_programs(), tools)
    images.add_program(image, "usr/bin/resume-stress", tools / "resume-stress")
    return image


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/dev/bin")
    parser.add_argument("--pm-test", type=int, default=200)
    parser.add_argument("--s3", type=int, default=50)
    parser.add_argument("--s2idle", type=int, default=20)
    parser.add_argument("--refused", type=int, default=12, help="of them every third is planted")
    arguments = parser.parse_args()
    parts = find_parts(ROOT / "build/lab", arguments.tools)
    image = ROOT / "build/lab/stress-guest"
    guest_image(arguments.tools).write(image)
    with Session(parts.with_initramfs(image), "pc") as guest:
        guest.run(START_AGENT)
        verdicts = [campaign.judge(guest) for campaign in campaigns(guest, arguments)
                    if campaign.cycles]
    print(f"{len(verdicts)} campaigns, {sum(verdicts)} as they should be", flush=True)
    return GOOD if all(verdicts) else FINDING


if __name__ == "__main__":
    sys.exit(exit_status(main))
