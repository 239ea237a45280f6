#!/usr/bin/env python3
"""`resume-stress real` from outside, by the method that needs no guest: a shell command a cycle.

    real_test.py RESUME-STRESS
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = None
FINDING, CRASH, USAGE, UNREADABLE, NOT_AVAILABLE = 1, 5, 64, 66, 69


class Real(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = pathlib.Path(self._folder.name)
        self.state = self.folder / "state"

    def start(self, *words, **more):
        return subprocess.Popen(
            [PROGRAM, "real", "--method", "cmd", "--awake-ms", "0", "--memory-mib", "1",
             "--continue", str(self.state), *words], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def run_it(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def summary(self, out):
        return json.loads(out.splitlines()[-1])

    def test_every_cycle_is_run_after_a_probe(self):
        status, out, _ = self.run_it("--cycles", "5", "--json", "--cycle-cmd",
                                     "echo $RESUME_CYCLE $RESUME_ASLEEP_MS >> cycles")
        self.assertEqual(status, 0)
        lines = [line.split() for line in (self.folder / "cycles").read_text().splitlines()]
        self.assertEqual([line[0] for line in lines], ["0", "1", "2", "3", "4", "5"])
        self.assertTrue(all(1000 <= int(line[1]) <= 3000 for line in lines))
        summary = self.summary(out)
        self.assertEqual((summary["cycles"], summary["outcomes"], summary["failures"]),
                         (5, {"done": 5}, 0))
        self.assertFalse(self.state.exists())  # nothing to go on with

    def test_one_seed_draws_the_same(self):
        for name in ("one", "two"):
            self.run_it("--cycles", "4", "--seed", "9", "--cycle-cmd",
                        f"echo $RESUME_ASLEEP_MS >> {name}")
        self.assertEqual((self.folder / "one").read_text(), (self.folder / "two").read_text())

    def test_a_failing_probe_is_the_last_cycle(self):
        status, _, err = self.run_it("--cycles", "5", "--cycle-cmd",
                                     "echo $RESUME_CYCLE >> cycles; echo no sleep here; exit 3")
        self.assertEqual(status, NOT_AVAILABLE)
        self.assertIn("status 3: no sleep here", err)
        self.assertEqual((self.folder / "cycles").read_text(), "0\n")

    def test_failures_are_counted_and_reset(self):
        status, out, _ = self.run_it(
            "--cycles", "6", "--cycle-cmd", "[ $RESUME_CYCLE != 2 ]",
            "--check", "[ $RESUME_CYCLE != 4 ]", "--reset-cmd", "echo reset >> resets")
        self.assertEqual(status, FINDING)
        self.assertIn("cycle 2: --cycle-cmd: status 1", out)
        self.assertIn("cycle 4: --check: status 1", out)
        self.assertIn("6 done, 5 done, 1 failed; 2 failures", out)
        self.assertEqual((self.folder / "resets").read_text(), "reset\n")

    def test_a_command_without_an_end_is_killed(self):
        status, out, _ = self.run_it("--cycles", "1", "--patience-s", "1", "--cycle-cmd",
                                     "[ $RESUME_CYCLE = 0 ] || sleep 600")
        self.assertEqual(status, FINDING)
        self.assertIn("no end in time", out)

    def test_what_a_command_leaves_in_the_background_is_not_waited_for(self):
        status, out, _ = self.run_it("--cycles", "1", "--patience-s", "20", "--before",
                                     "sleep 600 & echo $! > load", "--after", "kill $(cat load)",
                                     "--cycle-cmd", "true")
        self.assertEqual(status, 0, out)

    def test_a_known_flake_is_let_off_while_it_is_rare(self):
        words = ("--cycles", "10", "--cycle-cmd", "[ $RESUME_CYCLE != 2 ] || { echo flaky; exit 1; }")
        self.assertEqual(self.run_it(*words, "--flake", "10:flaky")[0], 0)
        self.assertEqual(self.run_it(*words, "--flake", "9:flaky")[0], FINDING)
        self.assertEqual(self.run_it(*words, "--flake", "10:other")[0], FINDING)

    def test_killed_it_goes_on_behind_the_cycle_it_was_in(self):
        read_end, write_end = os.pipe()
        process = self.start(
            "--cycles", "4", "--cycle-cmd",
            f"echo $RESUME_CYCLE >> cycles; [ $RESUME_CYCLE != 2 ] || [ -e again ] || "
            f"{{ echo > again; echo >&{write_end}; sleep 600; }}", pass_fds=(write_end,),
            start_new_session=True)
        os.close(write_end)
        self.assertEqual(os.read(read_end, 1), b"\n")  # it is in cycle 2
        process.kill()
        process.communicate()
        os.close(read_end)
        self.assertEqual(json.loads(self.state.read_text())["begun"], 2)
        status, out, err = self.run_it("--cycles", "4", "--cycle-cmd",
                                       "echo $RESUME_CYCLE >> cycles")
        self.assertEqual(status, FINDING)
        self.assertIn("goes on behind cycle 2", err)
        self.assertIn("cycle 2: this program was killed in this cycle", out)
        self.assertEqual((self.folder / "cycles").read_text().split(), ["0", "1", "2", "3", "4"])

    def test_a_guest_that_was_started_anew_is_a_crash(self):
        self.run_it("--cycles", "0", "--cycle-cmd", "true")
        self.state.write_text(json.dumps({
            "schema": "resume-stress-real-2", "campaign": "cmd, 3 cycles, seed 1",
            "boot_id": "another", "pm_test_was": "", "socket": "", "bandwidth": 0, "begun": 2, "ended": 1, "probed": True,
            "reported": 0, "outcomes": {"done": 1}, "failures": []}))
        status, out, _ = self.run_it("--cycles", "3", "--cycle-cmd", "true")
        self.assertEqual(status, CRASH)
        self.assertIn("the guest was started anew in this cycle", out)

    def test_a_state_that_is_none_is_named(self):
        self.state.write_text("{")
        status, _, err = self.run_it("--cycles", "1", "--cycle-cmd", "true")
        self.assertEqual(status, UNREADABLE)
        self.assertIn(str(self.state), err)
        self.assertEqual(self.state.read_text(), "{")  # nothing is lost

    def test_an_agent_that_says_nothing_is_not_asked_for_a_command(self):
        # What a command does to which guest is not known here.
        status, out, _ = self.run_it("--cycles", "1", "--json", "--reports", str(self.folder),
                                     "--cycle-cmd", "true")
        self.assertEqual((status, self.summary(out)["agent_reports"]), (0, 0))

    def test_words_that_make_no_sense(self):
        for words, reason in (
                (("--method", "s4"), "known: pm-test, s3, s2idle, qmp, xen, cmd"),
                (("--method", "s3", "--cycle-cmd", "true"), "--cycle-cmd"),
                (("--method", "cmd"), "--cycle-cmd"),
                (("--method", "s3", "--reset-cmd", "true"), "--reset-cmd"),
                (("--method", "s3", "--asleep-ms", "5..2"), "--asleep-ms"),
                (("--method", "s3", "--asleep-ms", "1s"), "--asleep-ms"),
                (("--method", "s3", "--flake", "often:x"), "--flake"),
                (("--method", "s3", "--flake", "1:("), "--flake")):
            done = subprocess.run([PROGRAM, "real", *words], capture_output=True, text=True,
                                  timeout=20, check=False)
            self.assertEqual(done.returncode, USAGE, words)
            self.assertIn(reason, done.stderr + done.stdout)

    def test_junit(self):
        self.run_it("--cycles", "2", "--junit", "out.xml", "--cycle-cmd",
                    "[ $RESUME_CYCLE != 2 ] || { echo 'a <b> & c'; exit 1; }")
        text = (self.folder / "out.xml").read_text()
        self.assertIn('tests="2" failures="1"', text)
        self.assertIn("a &lt;b> &amp; c", text)


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
