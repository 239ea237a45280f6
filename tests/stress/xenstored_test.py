#!/usr/bin/env python3
"""resume-guest against a real xenstored, as a person with xenstore-write uses it.

    xenstored_test.py RESUME-GUEST SHIM     Exit code 77: SKIP, with the reason.

A socket's clients are privileged: quotas and EACCES are the in-process store's and the Xen lab's.
"""
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lab/xenstored"))
from real_xenstored import SKIP, RealXenstored, Skip, find_daemon  # noqa: E402

PROGRAM = SHIM = None
BASE = "/lab/guest"
SHUTDOWN = f"{BASE}/control/shutdown"
LAST = f"{BASE}/data/resume/last"
LIMIT = 4096  # XENSTORE_PAYLOAD_MAX: path, its zero, and the value


class XenstoredTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="resume-guest-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = RealXenstored(self.folder / "store", SHIM)
        self.store.start()
        self.addCleanup(self.store.stop)

    def start_guest(self, cycles, guest="xen-pvh", away_ms=300):
        self.store.client("xenstore-rm", BASE, check=False)  # of a guest before this one
        self.log = open(self.folder / "log", "w+")
        self.addCleanup(self.log.close)
        self.guest = subprocess.Popen(
            [PROGRAM, "--guest", guest, "--store", f"unix:{self.store.socket}", "--base-path", BASE,
             "--cycles", cycles, "--away-ms", str(away_ms), "--json"], stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.addCleanup(self.guest.stdout.close)
        self.addCleanup(self.guest.wait)
        self.addCleanup(self.guest.kill)
        self.wait_up()

    def wait_up(self):
        self.store.wait_for(f"{BASE}/data/resume/state", lambda value: value == "up")

    def ask(self, number):
        """One request; the report of cycle `number` as the store shows it."""
        self.store.write(SHUTDOWN, "suspend")
        text = self.store.wait_for(LAST, lambda value: value and f'-{number}"' in value)
        return json.loads(text)

    def end(self, code=0):
        self.assertEqual(self.guest.wait(60), code, self.logged())
        return [json.loads(line) for line in self.guest.stdout.read().splitlines()]

    def everything_else(self):
        """What stands in the store besides our folder."""
        return [line for line in self.store.client("xenstore-ls", "-f", "/")[1].splitlines()
                if not line.startswith("/lab")]

    def logged(self):
        return (self.folder / "log").read_text()

    def test_three_outcomes_are_asked_for_and_read_with_the_clients(self):
        self.store.write("/outside", "untouched")
        before = self.everything_else()
        for guest in ("xen-pvh", "xen-hvm"):
            self.start_guest("cancelled,resumed,aborted", guest)
            outcomes = [self.ask(number)["outcome"] for number in (1, 2, 3)]
            self.assertEqual(outcomes, ["cancelled", "resumed", "aborted"])
            self.assertEqual(self.store.read(SHUTDOWN), "")
            reports = self.end()
            self.assertEqual([report["outcome"] for report in reports], outcomes)
            self.assertEqual(reports[2]["cause"]["device"], "vbd-51712")
            self.assertTrue(all(report["violations"] == [] for report in reports))
            self.assertEqual(self.everything_else(), before)

    def test_words_that_are_no_requests_are_left_where_they_are(self):
        self.start_guest("cancelled")
        for word in ("halt", "nonsense", "suspendx", "SUSPEND"):
            self.store.write(SHUTDOWN, word)
        # Emptied by a person it would look like the guest's ack to whoever watches the node.
        self.assertEqual(self.ask(1)["outcome"], "cancelled")
        self.assertEqual(len(self.end()), 1)

    def test_a_value_at_the_payload_limit_is_survived_and_one_byte_over_never_arrives(self):
        self.start_guest("cancelled")
        room = LIMIT - len(SHUTDOWN) - 1
        self.store.write(SHUTDOWN, "s" * room)
        self.assertEqual(len(self.store.read(SHUTDOWN)), room)
        code, _ = self.store.client("xenstore-write", SHUTDOWN, "s" * (room + 1), check=False)
        self.assertNotEqual(code, 0)
        self.assertEqual(self.ask(1)["outcome"], "cancelled")
        self.end()

    def test_a_storm_of_watches_is_survived(self):
        self.start_guest("cancelled,resumed")
        self.assertEqual(self.ask(1)["outcome"], "cancelled")
        for node in (SHUTDOWN, f"{BASE}/data/resume/request"):
            words = [part for number in range(500) for part in (node, f"word-{number}")]
            self.store.client("xenstore-write", *words)
        self.assertEqual(self.ask(2)["outcome"], "resumed")
        self.end()

    def test_a_restart_of_xenstored_is_survived_and_named(self):
        self.start_guest("cancelled,resumed")
        self.assertEqual(self.ask(1)["outcome"], "cancelled")
        self.store.restart()
        self.wait_up()
        self.assertEqual(self.ask(2)["outcome"], "resumed")
        self.end()
        self.assertIn("xenstored is gone", self.logged())
        self.assertIn("xenstored is back", self.logged())

    def test_a_request_of_the_host_is_answered_and_removed(self):
        self.start_guest("cancelled")
        for request, answer in (("prepare host-1 xen-suspend 60", "ready host-1"),
                                ("prepare host-2 s3 60", "unsupported host-2"),
                                ("prepare host-3", "refused host-3 not of the form: "
                                                   "prepare ID KIND TTL_S")):
            self.store.write(f"{BASE}/data/resume/request", request)
            self.store.wait_for(f"{BASE}/data/resume/answer", lambda value: value == answer)
            self.assertIsNone(self.store.read(f"{BASE}/data/resume/request"))
        self.ask(1)
        self.end()

    def test_sigterm_ends_it_cleanly_idle_and_in_mid_cycle(self):
        self.start_guest("cancelled,resumed")
        self.guest.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(), [])
        self.start_guest("cancelled,resumed", away_ms=10_000)
        self.store.write(SHUTDOWN, "suspend")
        self.store.wait_for(f"{BASE}/data/resume/state", lambda value: value == "going-down")
        self.guest.send_signal(signal.SIGTERM)
        reports = self.end()
        self.assertEqual(len(reports), 1)
        self.assertEqual(reports[0]["violations"], [])


if __name__ == "__main__":
    PROGRAM, SHIM = sys.argv[1:3]
    del sys.argv[1:3]
    try:
        find_daemon()
    except Skip as reason:
        print(f"SKIP: {reason}")
        sys.exit(SKIP)
    unittest.main(verbosity=1)
