#!/usr/bin/env python3
"""The doctor in a real guest, by resumectl and by the agent's reports: what is wrong is put there,
and has to be found.

    doctor.py [--only NAME,...] [--show]     --show prints the doctor's output of a healthy guest

The last line is `N cases, N agreed, N skipped`. Exit codes: 0 all agree, 1 not, 70 the lab itself
failed, 77 SKIP: something it needs is missing.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "xen"))

from kvmlab.cases import pm_test  # noqa: E402
from kvmlab.machine import Machine  # noqa: E402
from kvmlab.parts import find_parts  # noqa: E402
from kvmlab.reporters import CYCLES, START_AGENT  # noqa: E402
from xenlab.errors import LabError, exit_status  # noqa: E402

ROOT = HERE.parents[2]
GOOD, FINDING = 0, 1
SERIAL = "lab-second"


class Guest(Machine):
    """A machine with a CPU of one's choice, and a second disk or not."""

    def __init__(self, parts, folder, cpu="max", second_disk=True, incoming=None):
        super().__init__(parts, [folder / "disk"], incoming=incoming)
        self._cpu = cpu
        self._second = folder / "second" if second_disk else None

    def command(self, folder, qmp):
        command = super().command(folder, qmp)
        command[command.index("-cpu") + 1] = self._cpu
        if self._second:
            command += ["-drive", f"file={self._second},format=raw,if=none,id=disk1",
                        "-device", f"virtio-blk-pci,id=second,drive=disk1,serial={SERIAL}"]
        return command

    def doctor(self):
        """(exit code, the JSON) of the doctor inside."""
        status, output = self.run("resumectl doctor --json", check=False)
        return status, json.loads(output)

    def unplug_second(self):
        self.qmp.execute("device_del", id="second")
        self.run("until [ ! -e /sys/block/vdb ]; do sleep 0.1; done")

    def report(self, count=1):
        """The agent's newest report, when there are `count`; asking it is a wake-up for it."""
        self.run(f"i=0; until [ $(cat {CYCLES} 2>/dev/null | wc -l) -ge {count} ] || "
                 "[ $((i=i+1)) -gt 200 ]; do resumectl status >/dev/null 2>&1; sleep 0.1; done")
        lines = self.output(f"cat {CYCLES}").splitlines()
        need(len(lines) >= count, f"{len(lines)} reports")
        return json.loads(lines[-1])

    def inventory(self, path):
        path.write_text(self.output("resumectl inventory"))
        return path


class Lab:
    """Owns the folder of disks and inventories."""

    def __init__(self, parts, tools, folder):
        self.parts = parts
        self.tools = tools
        self.folder = folder
        subprocess.run(["cp", "--sparse=always", str(parts.disk), str(folder / "disk")],
                       check=True, timeout=60)
        with open(folder / "second", "wb") as disk:
            disk.truncate(8 << 20)

    def guest(self, **settings):
        return Guest(self.parts, self.folder, **settings)

    def diff(self, before, after, *waive):
        """(exit code, lines) of the comparison on this side."""
        options = [word for item in waive for word in ("--waive", item)]
        done = subprocess.run([str(self.tools / "resumectl"), "inventory", "diff", *options,
                               str(before), str(after)], capture_output=True, text=True,
                              timeout=60, check=False)
        return done.returncode, done.stdout.splitlines()


def need(condition, what):
    if not condition:
        raise LabError(what)


def check_of(report, name):
    return next(check for check in report["checks"] if check["id"] == name)


def healthy(lab):
    """A Debian guest as it comes is safe, and its upstream version is known."""
    with lab.guest() as guest:
        status, report = guest.doctor()
        need(status == 0 and report["verdict"] == "safe", f"{status}: {report['node']}")
        upstream = report["kernels"][0]["upstream"]
        need(upstream.count(".") == 2 and not upstream.endswith(".0"), f"upstream {upstream}")
        return f"safe, upstream {upstream}"


def left_pm_test(lab):
    with lab.guest() as guest:
        guest.run("echo devices > /sys/power/pm_test")
        status, report = guest.doctor()
        need((status, report["node"]) == (1, "warning pm-test"), f"{status}: {report['node']}")
        return report["node"]


def frozen_writer(lab):
    with lab.guest() as guest:
        guest.run("fsfreeze --freeze /mnt; (cat /proc/self/stat > /mnt/stuck &); "
                  "until grep -qs 'D (disk sleep)' /proc/[0-9]*/status; do :; done")
        status, report = guest.doctor()
        need((status, report["node"]) == (1, "warning frozen-fs"), f"{status}: {report['node']}")
        guest.run("fsfreeze --unfreeze /mnt")
        status, report = guest.doctor()
        need(status == 0, f"after the thaw {status}: {report['node']}")
        return "found, and gone after the thaw"


def poisoned_pages(lab):
    """Each way to lose a page is counted, with the very address."""
    with lab.guest() as guest:
        lost = [guest.output(f"resume-lab-poison {how}").strip()
                for how in ("madvise", "hard", "soft")]
        status, report = guest.doctor()
        evidence = check_of(report, "poison")["evidence"]
        need(status == 1 and "HardwareCorrupted is 12 kB" in evidence, evidence)
        missing = [address for address in lost if address not in evidence]
        need(not missing, f"not listed: {missing} in {evidence}")
        return f"3 pages: {', '.join(lost)}"


def poison_in_the_report(lab):
    """The next report of the agent counts what was lost since its start, with the addresses; the
    one after it has no news."""
    with lab.guest() as guest:
        guest.run(START_AGENT)
        lost = [guest.output(f"resume-lab-poison {how}").strip()
                for how in ("madvise", "hard", "soft")]
        pm_test("devices")(guest)
        report = guest.report()
        need((report["kind"], report["outcome"]) == ("pm-test", "resumed"), report["kind"])
        detail = check_of(report, "poison")["detail"]
        missing = [address for address in lost if address not in detail]
        need("HardwareCorrupted is 12 kB; 3 pages" in detail and not missing, detail)
        status = json.loads(guest.output("resumectl status --json"))
        need(status["doctor"] == "warning poison", f"the agent's verdict: {status['doctor']}")
        pm_test("devices")(guest)
        names = [check["id"] for check in guest.report(2)["checks"]]
        need("poison" not in names, f"told twice: {names}")
        return detail


def poison_at_rest(lab):
    """No cycle, nobody asks: the kernel's own event brings the verdict and a line in the log."""
    with lab.guest() as guest:
        guest.run(START_AGENT)
        lost = guest.output("resume-lab-poison madvise").strip()
        guest.run("i=0; until grep -q 'doctor: warning poison' /run/agent.log || "
                  "[ $((i=i+1)) -gt 50 ]; do sleep 0.1; done")
        said = guest.output("grep 'lost the page' /run/agent.log || true").strip()
        need(lost in said, f"no word of {lost} in the log: {said!r}")
        need("doctor: warning poison" in guest.output("cat /run/agent.log"), "no verdict")
        return said.split("; a host")[0]


def two_boots(lab):
    """Another CPU and one disk fewer: each difference is named with its class."""
    with lab.guest() as guest:
        before = guest.inventory(lab.folder / "a.json")
    with lab.guest(cpu="max,-aes,-sse4a", second_disk=False) as guest:
        after = guest.inventory(lab.folder / "b.json")
    status, lines = lab.diff(before, after)
    wanted = ["required lost cpu.feature.aes (was 1)", "required lost cpu.feature.sse4a (was 1)",
              "required lost disk.vdb.size (was 16384)",
              f"required lost disk.vdb.serial (was {SERIAL})"]
    missing = [line for line in wanted if line not in lines]
    need(status == 1 and lines[-1] == "degraded" and not missing, f"{missing} not in {lines}")
    strangers = [line for line in lines[:-1] if not line.startswith("informational")
                 and not any(word in line for word in (".aes", ".sse4a", "vdb", "virtio"))]
    need(not strangers, f"also said: {strangers}")
    return f"{len(lines) - 1} differences"


def restored_elsewhere(lab):
    """Saved here, restored where the CPU has less: just that is lost, and can be waived."""
    saved = lab.folder / "saved"
    with lab.guest() as guest:
        before = guest.inventory(lab.folder / "before.json")
        guest.save(saved)
    with lab.guest(cpu="max,-aes", incoming=saved) as guest:
        after = guest.inventory(lab.folder / "after.json")
    status, lines = lab.diff(before, after)
    losses = [line for line in lines if line.startswith(("required", "expected"))]
    need(status == 1 and losses == ["required lost cpu.feature.aes (was 1)"], f"{status} {lines}")
    status, lines = lab.diff(before, after, "cpu.feature.aes")
    need(status == 0 and lines[-1] == "not degraded", f"waived: {status} {lines}")
    return "aes lost, and waived"


# A restore of the same machine elsewhere: another CPU, and the second disk is gone.
LOSSES = ["cpu.feature.aes", "disk.vdb.serial", "disk.vdb.size"]


def restored_report(lab, waive):
    """The agent's report of a restore where the CPU has no AES and one disk is missing."""
    saved = lab.folder / "saved"
    names = ", ".join(f'"{item}"' for item in waive)
    with lab.guest() as guest:
        guest.run("mkdir -p /etc/libresume; printf '[capabilities]\\nwaive = [%s]\\n' "
                  f"'{names}' > /etc/libresume/agent.toml; " + START_AGENT)
        guest.unplug_second()
        guest.save(saved)
    time.sleep(4)  # the time away is what the agent has to notice
    with lab.guest(cpu="max,-aes", second_disk=False, incoming=saved) as guest:
        report = guest.report()
    need(report["kind"] == "restore", f"{report['kind']} {report['outcome']}")
    return check_of(report, "capabilities"), report["changed"]


def lost(changed, importance):
    return [change["what"] for change in changed if change["what"].startswith(importance)]


def degraded_report(lab):
    """The agent's report of it is degraded by just what is missing."""
    check, changed = restored_report(lab, [])
    required = [what.removeprefix("required ") for what in lost(changed, "required ")]
    strangers = [item for item in required if item not in LOSSES and
                 not item.startswith(("disk.vdb.", "virtio."))]
    need(check["status"] == "failed", f"{check}")
    need(set(LOSSES) <= set(required) and not strangers, f"{required}")
    lab.required = required
    return f"{check['detail']}: cpu.feature.aes, disk.vdb, its virtio device; nothing else"


def waived_report(lab):
    """With waivers for each of them it is not degraded, and every loss is told all the same."""
    need(getattr(lab, "required", None), "degraded_report did not run before")
    check, changed = restored_report(lab, lab.required)
    need(check["status"] in ("ok", "warning"), f"{check}: {changed}")
    told = [what for what in lost(changed, "required ") if not what.endswith(" (waived)")]
    need(not told and len(lost(changed, "required ")) == len(lab.required), f"{changed}")
    return check["detail"]


CASES = [healthy, left_pm_test, frozen_writer, poisoned_pages, poison_in_the_report, poison_at_rest, two_boots,
         restored_elsewhere, degraded_report, waived_report]


def show(lab):
    with lab.guest() as guest:
        print(guest.run("resumectl doctor", check=False)[1], flush=True)


def run(lab, cases):
    agreed = 0
    for case in cases:
        try:
            print(f"{case.__name__:<20} agrees      {case(lab)}", flush=True)
            agreed += 1
        except LabError as error:
            print(f"{case.__name__:<20} DISAGREES   {error}", flush=True)
    print(f"{len(cases)} cases, {agreed} agreed, 0 skipped", flush=True)
    return GOOD if agreed == len(cases) else FINDING


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="names of cases, separated by commas")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/dev/bin")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else [case.__name__ for case in CASES]
    cases = [case for case in CASES if case.__name__ in names]
    if not (arguments.tools / "resumectl").exists():
        raise LabError(f"{arguments.tools}/resumectl is not built: ./dev build")
    parts = find_parts(ROOT / "build/lab", arguments.tools)
    with tempfile.TemporaryDirectory(prefix="resume-lab-doctor-") as folder:
        lab = Lab(parts, arguments.tools, pathlib.Path(folder))
        if arguments.show:
            show(lab)
            return GOOD
        return run(lab, cases)


if __name__ == "__main__":
    sys.exit(exit_status(main))
