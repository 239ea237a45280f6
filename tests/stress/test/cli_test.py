#!/usr/bin/env python3
"""cli_test.py RESUME_STRESS: determinism, exit codes, shards, going on, replaying, as a user has it."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv.pop(1)
TREES = pathlib.Path(__file__).parent.parent / "trees"


def stress(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          check=False)


def summary(text):
    return json.loads(text.splitlines()[-1])


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return str(pathlib.Path(self.folder.name) / name)

    def run_json(self, *arguments):
        done = stress("run", "--json", "--cycles", 600, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return summary(done.stdout)

    def test_one_seed_has_one_hash_whatever_runs_beside_what(self):
        for guest in ("xen-hvm", "xen-pvh"):
            one = self.run_json("--guest", guest, "--seed", 5, "--jobs", 1)
            for key in ("cycles", "cycles_per_second", "outcomes", "violations", "hash"):
                self.assertIn(key, one)
            self.assertEqual(one["hash"],
                             self.run_json("--guest", guest, "--seed", 5, "--jobs", 3)["hash"])
            self.assertNotEqual(one["hash"],
                                self.run_json("--guest", guest, "--seed", 6)["hash"])

    def test_shards_add_up_to_the_whole(self):
        whole = self.run_json("--seed", 9)
        files = []
        for shard in (1, 2, 3):
            files.append(self.path(f"shard{shard}"))
            done = stress("run", "--json", "--cycles", 600, "--seed", 9, "--shard", f"{shard}/3")
            pathlib.Path(files[-1]).write_text("a line before it\n" + done.stdout)
        merged = summary(stress("merge", "--json", *files).stdout)
        for key in ("hash", "cycles", "outcomes", "faults", "rare"):
            self.assertEqual(merged[key], whole[key], key)
        other = stress("run", "--json", "--cycles", 600, "--seed", 8, "--shard", "3/3")
        pathlib.Path(self.path("other")).write_text(other.stdout)
        for wrong, why in ((files[:2], "is missing"), (files + files[:1], "there already"),
                           (files[:2] + [self.path("other")], "another campaign"),
                           ([self.path("none")], "no summary")):
            done = stress("merge", *wrong)
            self.assertEqual(done.returncode, 66)
            self.assertIn(why, done.stderr)

    def test_killed_and_continued_it_ends_with_the_same_hash(self):
        arguments = ["--seed", 4, "--cycles", 5000, "--json"]
        whole = summary(stress("run", *arguments).stdout)
        state = self.path("state")
        campaign = [PROGRAM, "run", *map(str, arguments), "--continue", state]
        with subprocess.Popen(campaign, stdout=subprocess.DEVNULL) as process:
            while not os.path.exists(state) and process.poll() is None:
                time.sleep(0.01)
            process.kill()
        self.assertLess(json.loads(pathlib.Path(state).read_text())["lives_done"],
                        whole["lives_done"])
        went_on = summary(stress("run", *arguments, "--continue", state).stdout)
        for key in ("hash", "cycles", "outcomes", "rare"):
            self.assertEqual(went_on[key], whole[key], key)
        other = stress("run", "--seed", 5, "--cycles", 5000, "--continue", state)
        self.assertEqual(other.returncode, 66)
        self.assertIn("another campaign", other.stderr)

    def test_interrupted_it_says_how_far_it_came(self):
        with subprocess.Popen([PROGRAM, "run", "--for", "1h", "--json", "--continue",
                               self.path("state")], stdout=subprocess.PIPE, text=True) as process:
            while not os.path.exists(self.path("state")):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            told = summary(process.communicate()[0])
        self.assertEqual(process.returncode, 0)
        self.assertFalse(told["complete"])
        self.assertGreater(told["cycles"], 0)

    def test_a_failure_has_its_line_and_is_the_same_each_time(self):
        failed = stress("run", "--bug", "runstate-twice", "--junit", self.path("junit.xml"))
        self.assertEqual(failed.returncode, 1, failed.stderr)
        self.assertIn("<failure", pathlib.Path(self.path("junit.xml")).read_text())
        line = next(line for line in failed.stdout.splitlines() if " replay " in line).split()
        traces = []
        for name in ("one", "two"):
            self.assertEqual(stress(*line[1:], "--trace", self.path(name)).returncode, 1)
            traces.append(pathlib.Path(self.path(name)).read_bytes())
        self.assertEqual(traces[0], traces[1])
        shrunk = stress("shrink", *line[2:], "-o", self.path("plan"), "--trace",
                        self.path("shrunk"))
        self.assertEqual(shrunk.returncode, 1)
        self.assertIn("BROKEN invariant L14", shrunk.stdout)
        again = stress("replay", self.path("plan"), "--trace", self.path("again"))
        self.assertEqual(again.returncode, 1)
        self.assertEqual(pathlib.Path(self.path("shrunk")).read_bytes(),
                         pathlib.Path(self.path("again")).read_bytes())

    def test_a_device_tree_of_the_users(self):
        for guest in ("kvm", "xen-hvm", "xen-pvh"):
            tree = ["--guest", guest, "--device-tree", TREES / f"{guest}.toml"]
            one, two = self.run_json(*tree), self.run_json(*tree, "--jobs", 3)
            self.assertEqual(one["hash"], two["hash"])
            self.assertNotEqual(one["hash"], self.run_json("--guest", guest)["hash"])
        explored = stress("explore", "--guest", "kvm", "--pairs", "--preemptions", 0, "--json",
                          "--device-tree", TREES / "kvm-small.toml")
        pairs = json.loads(explored.stdout)
        self.assertTrue(pairs["complete"])
        self.assertEqual(pairs["failures"], 0)
        self.assertGreater(pairs["positions"], 3000)
        done = stress("run", *tree, "--continue", self.path("state"), "--cycles", 600)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = stress("run", "--guest", guest, "--continue", self.path("state"), "--cycles", 600)
        self.assertIn("another campaign", done.stderr)
        # A plan of such a guest stands for itself, and what it does not need is cut off.
        failed = stress("run", *tree, "--bug", "runstate-twice")
        line = next(line for line in failed.stdout.splitlines() if " replay " in line).split()
        self.assertEqual(stress("shrink", *line[2:], "-o", self.path("plan")).returncode, 1)
        self.assertEqual(stress("replay", self.path("plan")).returncode, 1)
        self.assertNotIn("device bus", pathlib.Path(self.path("plan")).read_text())

    def test_a_device_tree_that_cannot_be_right_is_refused_by_its_line(self):
        for text, line, cause in (
                ('guest = "kvm"', 1, "--guest says xen-hvm"), ("\ndisks = 2", 2, "unknown"),
                ("[settled]\nvcpus = 1000", 2, "a plan has no 'vcpus'"),
                ("[settled]\nfifo = -1", 2, "a plan has no 'fifo'"),
                ("[[device]]\nname = 'a b'", 1, "needs a name"),
                ("[[device]]\nname = 'a'\n[[device]]\nname = 'a'", 3, "already"),
                ("[[device]]\nname = 'a'\nparent = 'b'", 1, "is listed before"),
                ("[[device]]\nname = 'a'\nresume_ms = 1001", 3, "milliseconds"),
                ("[[device]]\nname = 'a'\nsize = 1", 3, "has no 'size'"),
                ("[[device]\n", 1, ""), ("größe = 1", 1, "not ASCII")):
            pathlib.Path(self.path("tree")).write_text(text)
            done = stress("run", "--device-tree", self.path("tree"))
            self.assertEqual(done.returncode, 64, text)
            self.assertIn(f"{self.path('tree')}:{line}: ", done.stderr)
            self.assertIn(cause, done.stderr)
        done = stress("explore", "--device-tree", self.path("none"))
        self.assertIn("cannot be read", done.stderr)

    def test_exit_codes(self):
        for arguments, code in ((("run", "--bug", "ack-only"), 4),
                                (("run", "--bug", "resumed-is-new"), 5),
                                (("run", "--guest", "kvm", "--bug", "thaw-as-restore"), 1),
                                (("run", "--faults", "x"), 64),
                                (("run", "--shard", "3/2"), 64), (("run", "--for", "soon"), 64),
                                (("replay",), 64), (("replay", self.path("none")), 66), ((), 64)):
            self.assertEqual(stress(*arguments).returncode, code, arguments)


if __name__ == "__main__":
    unittest.main()
