#!/usr/bin/env python3
"""`resume-stress real --method xen` without Xen: a real xenstored under the driver's test, and the
program itself where it is told too little or there is no Xen.

    xen_test.py RESUME-STRESS XEN-DRIVER-TEST SHIM     Exit code 77: SKIP, with the reason.
"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/lab/xenstored"))
from real_xenstored import SKIP, RealXenstored, Skip, find_daemon  # noqa: E402

PROGRAM = DRIVER_TEST = SHIM = None
USAGE, NOT_AVAILABLE = 64, 69


class Xen(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def store(self):
        store = RealXenstored(self.folder / "store", SHIM)
        store.start()
        self.addCleanup(store.stop)
        return store

    def run_it(self, *words, environment=None):
        done = subprocess.run(
            [PROGRAM, "real", "--method", "xen", "--continue", str(self.folder / "state"), *words],
            env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    def test_the_driver_on_a_real_store(self):
        done = subprocess.run([DRIVER_TEST], env=self.store().environment(), capture_output=True,
                              text=True, timeout=200, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_words_that_cannot_be_right(self):
        for words, cause in (((), "--domain goes with"), (("--domain", "g"), "--yes-break"),
                             (("--domain", "g", "--yes-break", "h"), "--yes-break"),
                             (("--domain", "g", "--yes-break", "g", "--mix", "stop"), "'stop'")):
            status, err = self.run_it(*words)
            self.assertEqual(status, USAGE, words)
            self.assertIn(cause, err)

    def test_a_machine_without_xen_says_so(self):
        status, err = self.run_it("--domain", "g", "--yes-break", "g",
                                  environment=self.store().environment())
        self.assertEqual(status, NOT_AVAILABLE, err)
        self.assertIn("this has to be dom0 of a Xen host", err)


if __name__ == "__main__":
    PROGRAM, DRIVER_TEST, SHIM = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:4])
    del sys.argv[1:4]
    try:
        find_daemon()
    except Skip as reason:
        print(f"SKIP: {reason}")
        sys.exit(SKIP)
    unittest.main()
