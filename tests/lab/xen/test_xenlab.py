#!/usr/bin/env python3
"""Tests of the lab itself, without QEMU: a guest that only talks stands in for the kernel."""

import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest
import unittest.mock

from xenlab import kernel_bugs, kernel_disk, kernel_guest, kernel_lab, kernel_plan as plan, soak
from xenlab import store_log
from xenlab.console import Console
from xenlab.cpio import Initramfs
from xenlab.errors import LabError, TimedOut
from xenlab.linux import LinuxShell
from xenlab.oracle import Oracle, Verdict, violation_ids
from xenlab.return_times import ReturnTimes
from xenlab.soak import Soak, upper_bound


class TalkingGuest:
    """Says on its console what a right kernel would say; `flaw` makes it say something else."""

    OUTCOMES = {"fast": "cancelled same", "slow": "resumed same", "inplace": "resumed new",
                "save-c": "cancelled same", "restore": "resumed new", "migrate": "resumed new",
                "late-fail": "cancelled same", "ask": "aborted -"}

    def __init__(self, name, flaw=None):
        self.name = name
        self.console = Console(name)
        self.domid = 1
        self.destroyed = False
        self._flaw = flaw
        self._cycles = 0
        self._writes = 0
        self._state = "-b----"
        self._refuse = False
        self.console.add("READY cpus=1 bug=-")

    def state(self):
        return self._state

    def destroy(self):
        self.destroyed = True

    def read(self, _node):
        return ""

    def write(self, _node, value):
        answers = {"trace": ["TRACE-BEGIN", "an event", "TRACE-END"], "refuse-next": ["REFUSING"],
                   "ticks": ["TICKS n=7 max_gap_ms=12 traffic=9"], "disk": [self.disk_line()]}
        for line in answers.get(value, []):
            self.console.add(line)

    def disk_line(self):
        self._writes += 1
        flaw = self._flaw[1] if self._flaw and self._flaw[0] == "disk" else ""
        return (f"DISK under_way=0 writes={self._writes} replayed=1 failed=0 "
                f"wrong={int(flaw == 'wrong')} doubled=0 odd=0 bytes=524288 "
                f"crc32=0x{'42' if flaw == 'file' else '47ab'}")

    def say_cycle(self, kind):
        self._cycles += 1
        outcome, domain = self.OUTCOMES[kind].split()
        device, errc = ("dummy0", "busy") if kind == "ask" else ("-", "ok")
        if self._flaw == (kind, "wrong"):
            outcome = "resumed" if outcome == "cancelled" else "cancelled"
        if self._flaw == (kind, "fault"):
            self.console.add("FAULT vec=6 rip=0x103000 cr2=0x0")
            self._state = "---sc-"
            return
        if self._flaw == (kind, "reboot"):
            self._state = "---sr-"
            return
        if self._flaw == (kind, "silent"):
            return
        if outcome == "resumed":
            self.console.add(f"WALL sec={int(time.time())}")
        self.console.add(f"CYCLE {self._cycles} {outcome} errc={errc} device={device} "
                         f"domain={domain} down_ms=3")

    def cycle(self, mode, count, seed, max_pause_ms=0, timeout=20):
        lines = []
        for number in range(1, count + 1):
            self.say_cycle(mode)
            result = "not-down" if mode == "ask" else "ok"
            lines.append(f"cycle {number} mode={mode} ack_ms=1 result={result}")
        return 0, lines

    def save_check(self):
        self.say_cycle("save-c")
        return 0, ""

    def save(self):
        return 0, ""

    def restore(self):
        self.say_cycle("restore")
        self.domid += 1
        return 0, ""

    def migrate(self, how):
        self.say_cycle("migrate" if how == "whole" else "late-fail")
        return (0, "") if how == "whole" else (1, "Migration failed, resuming at sender.")


class TalkingLab(kernel_lab.KernelLab):
    """The kernel lab with talking guests and an oracle that finds what it is told to find."""

    def __init__(self, flaw=None, violations=()):
        class Judge:
            def judge(self, _name, lines):
                assert lines == ["an event"], lines
                return Verdict(tuple(violations))

        self.said = []
        self.guests = []
        self._guest_flaw = flaw
        super().__init__(None, None, Judge(), self.said.append)

    def boot(self, vcpus, words, devices=False):
        guest = TalkingGuest(f"t{len(self.guests)}", self._guest_flaw)
        self.guests.append(guest)
        kernel = kernel_guest.KernelGuest(guest, Console("hypervisor"))
        kernel.wait_ready()
        kernel.devices = (kernel_disk.KernelDisk(TalkingDom0(), guest.name),) if devices else ()
        return kernel


class TalkingDom0:
    """Has one file, with this checksum."""

    def run(self, _script):
        return 0, ""

    def output(self, _script):
        return "000047ab\n"


class KernelLabTest(unittest.TestCase):
    def setUp(self):
        self._timeouts = (kernel_lab.REPORT_TIMEOUT, kernel_bugs.REPORT_TIMEOUT,
                          kernel_guest.COMMAND_TIMEOUT)
        kernel_lab.REPORT_TIMEOUT = kernel_bugs.REPORT_TIMEOUT = kernel_guest.COMMAND_TIMEOUT = 0.2

    def tearDown(self):
        (kernel_lab.REPORT_TIMEOUT, kernel_bugs.REPORT_TIMEOUT,
         kernel_guest.COMMAND_TIMEOUT) = self._timeouts

    def test_full_plan_of_a_right_guest(self):
        lab = TalkingLab()
        lab.run_plan(plan.FULL, seed=7, vcpus=1)
        self.assertEqual(lab.tally.closing_line(), "428 cycles, 428 right, 0 violations")
        self.assertTrue(lab.tally.is_good())
        self.assertTrue(all(guest.destroyed for guest in lab.guests))

    def test_wrong_outcome_is_not_right(self):
        lab = TalkingLab(flaw=("slow", "wrong"))
        lab.run_plan({plan.SLOW: 3, plan.FAST: 2}, seed=1, vcpus=1)
        self.assertEqual((lab.tally.cycles, lab.tally.right), (5, 2))
        self.assertFalse(lab.tally.is_good())

    def test_silent_guest_is_replaced(self):
        lab = TalkingLab(flaw=("restore", "silent"))
        lab.run_plan({plan.RESTORE: 1, plan.FAST: 2}, seed=1, vcpus=1)
        self.assertEqual((lab.tally.cycles, lab.tally.right), (3, 2))

    def test_violations_are_counted(self):
        lab = TalkingLab(violations=("L5", "L6"))
        lab.run_plan({plan.SAVE_CHECK: 1}, seed=1, vcpus=1)
        self.assertEqual(lab.tally.violations, 2)
        self.assertFalse(lab.tally.is_good())

    def test_a_disk_is_asked_after_each_batch(self):
        for flaw, violations in ((None, 0), (("disk", "wrong"), 1), (("disk", "file"), 1)):
            lab = TalkingLab(flaw)
            lab.run_plan({plan.RESTORE: 2}, seed=1, vcpus=1, devices=True)
            self.assertEqual(lab.tally.violations, violations, lab.said)

    def test_bug_shows_only_by_its_own_sign(self):
        by_name = {bug.name: bug for bug in plan.BUGS}
        cases = (("gate-at-resume", ("inplace", "fault"), True),
                 ("gate-at-resume", ("inplace", "reboot"), False),
                 ("gate-at-resume-no-idt", ("inplace", "reboot"), True),
                 ("clock-before-remap", ("inplace", "silent"), True),
                 ("ack-only", None, False))
        for name, flaw, shows in cases:
            lab = TalkingLab(flaw)
            self.assertEqual(kernel_bugs.run_bug(lab, by_name[name], lab.said.append), shows,
                             (name, flaw, lab.said))

    def test_step_back_and_wall_are_harm(self):
        lines = [kernel_guest.parse_line("STEP-BACK 17"),
                 kernel_guest.parse_line("WALL sec=0", 9.0),
                 kernel_guest.parse_line("WALL sec=8", 9.0)]
        self.assertEqual([sign for sign, _ in kernel_lab.signs_in(lines)], ["step-back", "wall"])


class PlanTest(unittest.TestCase):
    def test_same_seed_same_plan(self):
        self.assertEqual(plan.make_plan(plan.FULL, 3), plan.make_plan(plan.FULL, 3))
        self.assertNotEqual(plan.make_plan(plan.FULL, 3), plan.make_plan(plan.FULL, 4))

    def test_counts_and_restores_in_a_row(self):
        batches = plan.make_plan(plan.FULL, 3)
        for kind, count in plan.FULL.items():
            self.assertEqual(sum(batch.count for batch in batches if batch.kind is kind), count)
        self.assertEqual(len([batch for batch in batches if batch.kind is plan.RESTORE]), 1)


class ReturnTimesTest(unittest.TestCase):
    def test_a_piece_of_a_trace(self):
        times = ReturnTimes()
        times.take(plan.RESTORE, [
            "lrt frequency 1000000", "lrt device 11 10 none disk",
            "lrt event 1000 0 driver io_completed 11 none 0 0x0 0x1",
            "lrt event 2000 0 engine cycle_begin 0 none 0 0x0 0x0",
            "lrt event 3000 0 other_side evidence 0 none 0 0x2 0x6",
            "lrt event 4000 0 engine hook_end 10 resume 0 0x0 0x0",
            "lrt event 5000 0 engine hook_end 11 resume 0 0x0 0x0",
            "lrt event 6000 0 engine cycle_end 0 none 2 0x0 0x0",
            "lrt event 8000 0 driver io_completed 11 none 0 0x0 0x2",
            "lrt event 9000 0 driver io_completed 11 none 0 0x0 0x3"])
        self.assertEqual(list(times.report()), [
            "restore   x1    cycle 4.0 / 4.0, connected 2.0 / 2.0, first I/O 5.0 / 5.0 ms"])


class SoakTest(unittest.TestCase):
    def soak(self, folder, seconds=1.5):
        self.said = []
        return Soak(pathlib.Path(folder) / "soak.json", 7, seconds, self.said.append)

    def test_the_bound_on_the_failure_rate(self):
        self.assertAlmostEqual(upper_bound(0, 299), 0.00997, places=5)  # 1 - 0.05 ** (1 / 299)
        self.assertAlmostEqual(upper_bound(1, 20), 0.2161, places=4)
        self.assertEqual(upper_bound(3, 3), 1.0)

    def test_it_goes_on_where_it_was_and_counts_what_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            first = self.soak(folder)
            first.run(TalkingLab(flaw=("inplace", "silent")))
            self.assertTrue(first.progress.failures, "a guest that dies is a failure")
            first.machine_died("QEMU ended")
            second = self.soak(folder, 0)
            self.assertEqual(second.progress, first.progress)
            self.assertIn(f"batch {first.progress.next_batch}", self.said[0])
            self.assertEqual(soak.batch_of(7, 3), soak.batch_of(7, 3))

    def setUp(self):
        self._timeouts = (kernel_lab.REPORT_TIMEOUT, kernel_guest.COMMAND_TIMEOUT)
        kernel_lab.REPORT_TIMEOUT = kernel_guest.COMMAND_TIMEOUT = 0.2

    def tearDown(self):
        kernel_lab.REPORT_TIMEOUT, kernel_guest.COMMAND_TIMEOUT = self._timeouts


class StoreLogTest(unittest.TestCase):
    def test_the_guests_requests_behind_its_introduction(self):
        lines = ["IN 0x1 20261127 10:00:00 READ (device/vbd/51712/backend )",
                 "IN 0x2 20261127 10:00:00 INTRODUCE (5 1044476 1 )",
                 "IN 0x1 20261127 10:00:01 WRITE (device/vbd/51712/state 4 )",
                 "OUT 0x1 20261127 10:00:01 WRITE (OK )",
                 "IN 0x2 20261127 10:00:01 READ (/local/domain/5/device/vbd/51712/state )",
                 "IN 0x1 20261127 10:00:01 WATCH (control/shutdown 7 )"]
        self.assertEqual(store_log.requests_after_return(lines), {"WRITE": 1, "WATCH": 1})


class ConsoleTest(unittest.TestCase):
    def test_wait_for_gives_up(self):
        console = Console("quiet")
        console.add("one")
        self.assertEqual(console.wait_for(lambda line: line == "one", 0, 1), (0, "one"))
        with self.assertRaises(TimedOut):
            console.wait_for(lambda line: line == "two", 0, 0.05)


class OracleTest(unittest.TestCase):
    def judge(self, script):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "resumectl"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            return Oracle(program, folder).judge("x", ["event"])

    def test_verdicts(self):
        self.assertEqual(self.judge("exit 0"), Verdict())
        found = self.judge("""echo '{"violations": [{"id": "L5"}]}'; exit 1""")
        self.assertEqual(found.violations, ("L5",))
        self.assertIn("exit 3", self.judge("echo lost events >&2; exit 3").problem)
        self.assertIn("exit 1", self.judge("exit 1").problem)

    def test_only_new_violations_count(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder) / "resumectl"
            program.write_text("#!/bin/sh\nn=$(grep -c event \"$3\"); while [ $n -gt 0 ]; do "
                               "echo '{\"violations\": [{\"id\": \"L5\"}]}'; n=$((n - 1)); done; "
                               "exit 1\n")
            program.chmod(0o755)
            oracle = Oracle(program, folder)
            self.assertEqual(oracle.judge("guest", ["event"]).violations, ("L5",))
            self.assertEqual(oracle.judge("guest", ["event", "event"]).violations, ("L5", "L5"))
            self.assertEqual(oracle.judge("guest", []).violations, ())

    def test_ids(self):
        self.assertEqual(list(violation_ids('no json\n{"violations": ["P4"]}\n{}\n')), ["P4"])


def impatient(wait_for):
    """The same with a hundredth of the time, so that a test waits for nothing."""
    return lambda console, wanted, since, timeout: wait_for(console, wanted, since, timeout / 100)


COMMANDS = pathlib.Path(__file__).resolve().parent / "domu" / "commands.sh"


@unittest.skipUnless(shutil.which("busybox"), "busybox is not installed")
class LinuxShellTest(unittest.TestCase):
    """The guest's own script answers, as far as a command goes; `lose` takes lines off its console."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.name = "l1"
        self.lose = lambda line: False

    def setUp(self):
        self.console = Console(self.name)

    def write(self, _node, command):
        script = COMMANDS.read_text()
        function = script[script.index("run_command() {"):script.index("\nlast=\n")]
        with tempfile.TemporaryDirectory() as folder:
            program = f"{function.replace('/run/', folder + '/')}\nrun_command \"$1\""
            lines = subprocess.run(["busybox", "sh", "-c", program, "init", command], timeout=30,
                                   capture_output=True, text=True, check=True).stdout.splitlines()
        for line in lines:
            if not self.lose(line):
                self.console.add(line)

    def test_long_and_empty_lines_arrive_whole(self):
        shell = LinuxShell(self)
        script = "head -c 100001 /dev/zero | tr '\\0' x; echo; echo; printf end; exit 3"
        self.assertEqual(shell.run(script), (3, ["x" * 100_001, "", "end"]))
        self.assertLess(max(map(len, self.console.lines)), 16_384)  # where dom0's follower cuts
        self.assertEqual(shell.run("true"), (0, []))

    def test_a_line_that_a_restored_guest_holds_back_is_fetched(self):
        written = []

        class Guest:
            name, console = "l1", Console("l1")

            def write(self, _node, command):
                written.append(command)
                if len(written) == 1:
                    self.console.add("LAB-BEGIN 1")
                else:
                    for line in ("1> out", "LAB-END 1 0 1", "LAB-AGAIN 1"):
                        self.console.add(line)

        shell = LinuxShell(Guest())
        with unittest.mock.patch.object(Console, "wait_for", impatient(Console.wait_for)):
            self.assertEqual(shell.run("echo out"), (0, ["out"]))
        self.assertEqual(written, ["1 echo out"] * 2)

    def test_an_end_that_the_kernel_wrote_into_is_fetched(self):
        answers = [("LAB-BEGIN 1[   12.3] xen:", "1> out", "LAB-END 1 0[   12.4] hrtimer: late", " 1"),
                   ("LAB-AGAIN 1", "LAB-END 1 0 1")]

        class Guest:
            name, console = "l1", Console("l1")

            def write(self, _node, _command):
                for line in answers.pop(0):
                    self.console.add(line)

        shell = LinuxShell(Guest())
        with unittest.mock.patch.object(Console, "wait_for", impatient(Console.wait_for)):
            self.assertEqual(shell.run("echo out"), (0, ["out"]))
        self.assertEqual(answers, [])

    def test_a_lost_line_is_no_shorter_output(self):
        self.lose = lambda line: line == "1> b"
        with self.assertRaisesRegex(LabError, "2 lines of 3"):
            LinuxShell(self).run("echo a; echo b; echo c")


class InitramfsTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("busybox"), "busybox is not installed")
    def test_another_reader_reads_it(self):
        with tempfile.TemporaryDirectory() as folder:
            image = Initramfs()
            image.file("a/b/file", b"content", executable=True)
            image.link("a/link", "b/file")
            image.write(f"{folder}/image")
            subprocess.run(["busybox", "cpio", "-idF", f"{folder}/image"], cwd=folder, check=True,
                           capture_output=True, timeout=30)
            self.assertEqual(pathlib.Path(folder, "a/link").read_bytes(), b"content")
            self.assertTrue(pathlib.Path(folder, "a/b/file").stat().st_mode & 0o100)


if __name__ == "__main__":
    unittest.main()
