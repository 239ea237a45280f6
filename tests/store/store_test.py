#!/usr/bin/env python3
"""libresume-store against a real xenstored, beside a tool that uses libxenstore as most do.

    store_test.py COUNTER FOLLOW SHIM     SHIM: no_hypervisor.so. Exit code 77: SKIP, with the reason.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab/xenstored"))
from real_xenstored import SKIP, RealXenstored, Skip, find_daemon  # noqa: E402

COUNTER, FOLLOW, SHIM = sys.argv[1:4]
HOME = "/local/domain/0"  # of a program that comes by the socket
NODE = f"{HOME}/data/lab/counter"


class StoreTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="resume-store-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = RealXenstored(self.folder / "store", SHIM)
        self.store.start()
        self.addCleanup(self.store.stop)
        self.store.write(f"{HOME}/domid", "0")

    def begin(self, *words):
        process = subprocess.Popen([COUNTER, *words], env=self.store.environment(), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        return process

    def count(self, *words):
        said = self.begin(*words).communicate(timeout=60)[0].splitlines()
        return said[-1]

    def value(self):
        return int(self.store.read(NODE) or 0)

    def test_a_torn_transaction_is_done_again_whole(self):
        self.assertEqual(self.count("plain", "20", "torn"), "0 No such file or directory")
        self.assertEqual(self.value(), 0)
        self.assertEqual(self.count("helper", "20", "torn"), "20")
        self.assertEqual(self.value(), 20)

    def test_a_transaction_in_conflict_is_done_again_whole(self):
        plain = self.begin("plain", "1", "slow")
        self.assertEqual(plain.stdout.readline(), "open\n")
        self.store.write(NODE, "7")
        self.assertIn("0 ", plain.communicate("\n", timeout=60)[0])
        self.assertEqual(self.value(), 7)
        helper = self.begin("helper", "1", "slow")
        self.assertEqual(helper.stdout.readline(), "open\n")
        self.store.write(NODE, "70")
        self.assertEqual(helper.communicate("\n", timeout=60)[0], "1\n")
        self.assertEqual(self.value(), 71)

    def test_two_tools_at_once_lose_nothing(self):
        tools = [self.begin("helper", "300") for _ in range(2)]
        self.assertEqual([tool.communicate(timeout=120)[0] for tool in tools], ["300\n"] * 2)
        self.assertEqual(self.value(), 600)

    def test_a_daemon_that_starts_again_is_found(self):
        helper = self.begin("helper", "1", "slow")
        self.assertEqual(helper.stdout.readline(), "open\n")
        self.store.restart()
        self.assertEqual(helper.communicate("\n", timeout=60)[0], "1\n")
        self.assertEqual(self.value(), 1)

    def follow(self, path):
        process = subprocess.Popen([FOLLOW, path], env=self.store.environment(), text=True,
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_watch_fires_again_behind_a_lost_connection(self):
        follow = self.follow(f"{HOME}/data/lab/watched")
        lines = [follow.stdout.readline().strip() for _ in range(3)]
        self.assertEqual(lines, [f"home {HOME}", "watch 0", "fired w"])
        self.store.write(f"{HOME}/data/lab/watched", "1")
        self.assertEqual(follow.stdout.readline(), "fired w\n")
        self.store.restart()
        self.assertEqual(follow.stdout.readline(), "fired w\n")

    def test_the_home_of_another_domain_is_seen_and_only_ones_own_paths_are_watched(self):
        self.store.write(f"{HOME}/domid", "9")
        follow = self.follow(f"{HOME}/data/lab/watched")
        self.assertEqual(follow.stdout.readline(), "home /local/domain/9\n")
        self.assertEqual(follow.stdout.readline(), "watch -22\n")


if __name__ == "__main__":
    try:
        find_daemon()
    except Skip as reason:
        print(f"SKIP: {reason}")
        sys.exit(SKIP)
    unittest.main(argv=sys.argv[:1], verbosity=2)
