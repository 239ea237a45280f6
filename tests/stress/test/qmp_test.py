#!/usr/bin/env python3
"""`resume-stress real --method qmp` on a real QEMU whose guest is its own firmware.

    qmp_test.py RESUME-STRESS
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

PROGRAM = None
QEMU = shutil.which("qemu-system-x86_64")
USAGE, NOT_AVAILABLE, FINDING, SKIP = 64, 69, 1, 77
MACHINE = f"{QEMU} -accel tcg -M pc -m 64 -display none -serial none -nic none -daemonize"


class Guest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.addCleanup(self.end_all)
        self.disk = self.folder / "disk"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", self.disk, "8M"], check=True)
        self.machine = f"{MACHINE} -drive file={self.disk},if=ide -pidfile {self.folder}/pid"
        subprocess.run(f"{self.machine}.0 -qmp unix:{self.folder}/first,server,nowait",
                       shell=True, check=True)

    def end_all(self):
        for path in self.folder.glob("pid.*"):
            try:
                os.kill(int(path.read_text()), signal.SIGKILL)
            except (OSError, ValueError):
                continue  # it has ended

    def incoming(self):
        return (f"{self.machine}.$RESUME_CYCLE -incoming $RESUME_URI "
                "-qmp unix:$RESUME_SOCKET,server,nowait")

    def run_it(self, *words):
        done = subprocess.run(
            [PROGRAM, "real", "--method", "qmp", "--awake-ms", "0", "--asleep-ms", "1..20",
             "--continue", str(self.folder / "state"), "--socket", str(self.folder / "first"),
             "--json", *words], capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def test_it_is_stopped_moved_called_back_and_set_back(self):
        status, lines, err = self.run_it("--cycles", "24", "--incoming-cmd", self.incoming(),
                                         "--mix", "stop,migrate,move,cancel,snapshot")
        self.assertEqual(status, 0, lines + [err])
        summary = json.loads(lines[-1])
        outcomes = summary["outcomes"]
        self.assertEqual((summary["cycles"], summary["failures"]), (24, 0))
        for outcome in ("stopped", "migrated", "moved", "cancelled", "set-back"):
            self.assertGreater(outcomes.get(outcome, 0), 0, outcomes)
        # Each move began one, and ended the one before it.
        self.assertEqual(len(list(self.folder.glob("pid.*"))), 1)
        self.assertFalse(list(self.folder.glob("*.stream")))

    def test_one_that_goes_nowhere_is_a_failure_and_the_guest_goes_on(self):
        status, lines, _ = self.run_it("--cycles", "2", "--mix", "migrate", "--patience-s", "2",
                                       "--incoming-cmd", "echo no host; exit 3")
        self.assertEqual(status, FINDING)
        self.assertIn("migrate: --incoming-cmd: status 3: no host",
                      json.loads(lines[0])["problems"][0])
        self.assertEqual(json.loads(lines[-1])["outcomes"], {"failed": 2})

    def test_a_check_that_fails_is_told(self):
        status, lines, _ = self.run_it("--cycles", "1", "--mix", "stop", "--check", "exit 9")
        self.assertEqual(status, FINDING)
        self.assertEqual(json.loads(lines[0])["problems"], ["--check: status 9"])


class NoGuest(unittest.TestCase):
    def run_it(self, *words):
        done = subprocess.run([PROGRAM, "real", "--method", "qmp", *words], capture_output=True,
                              text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    def test_words_that_cannot_be_right(self):
        for words, cause in (((), "--socket"), (("--socket", "s", "--mix", "walk"), "'walk'"),
                             (("--socket", "s", "--mix", "stop:0"), "'stop:0'"),
                             (("--socket", "s", "--mix", "migrate"), "needs --incoming-cmd"),
                             (("--socket", "s", "--cancel-at", "101"), "percent")):
            status, err = self.run_it(*words)
            self.assertEqual(status, USAGE, words)
            self.assertIn(cause, err)

    def test_nobody_and_somebody_else(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/socket"
            words = ("--socket", path, "--continue", f"{folder}/state", "--patience-s", "1")
            status, err = self.run_it(*words)
            self.assertEqual(status, NOT_AVAILABLE)
            self.assertIn(f"{path}: No such file", err)
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path)
                server.listen()
                with subprocess.Popen([PROGRAM, "real", "--method", "qmp", *words],
                                      stderr=subprocess.PIPE, text=True) as process:
                    peer, _ = server.accept()
                    with peer:
                        peer.sendall(b"220 mail.example ESMTP\r\n")
                        self.assertIn("not a message of QMP", process.stderr.read())
                self.assertEqual(process.returncode, NOT_AVAILABLE)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    if QEMU is None or shutil.which("qemu-img") is None:
        print("SKIP: qemu-system-x86_64 and qemu-img are not installed")
        sys.exit(SKIP)
    unittest.main()
