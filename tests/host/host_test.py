#!/usr/bin/env python3
"""The host's scripts against a real xenstored, with an xl and a guest's agent that are scripts.

    host_test.py SHIM     SHIM: no_hypervisor.so. Exit code 77: SKIP, with the reason.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lab/xenstored"))
from real_xenstored import SKIP, RealXenstored, Skip, find_daemon  # noqa: E402

SHIM = None
HOME = "/local/domain/7"
XL = """#!/bin/sh
echo "$@" >> "$LAB/xl.log"
[ "$1" = domid ] && { [ "$2" = guest ] && echo 7 && exit 0; exit 1; }
exit "${XL_STATUS:-0}"
"""


class HostTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="resume-host-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = RealXenstored(self.folder / "store", SHIM)
        self.store.start()
        self.addCleanup(self.store.stop)
        xl = self.folder / "xl"
        xl.write_text(XL)
        xl.chmod(0o755)
        self.requests = []

    def agent(self, answer):
        """An agent that takes the next request and answers it with `answer`."""
        self.store.write(f"{HOME}/data/resume/version", "1 0.1.0")

        def serve():
            node = f"{HOME}/data/resume/request"
            request = self.store.wait_for(node, lambda value: value not in (None, ""))
            self.requests.append(request)
            self.store.client("xenstore-rm", node)
            self.store.write(f"{HOME}/data/resume/answer",
                             answer.replace("ID", request.split()[1]))
        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join, 30)

    def run_script(self, script, *arguments, **environment):
        path = self.store.environment() | {
            "LAB": str(self.folder), "LIBRESUME_WAIT_S": "5",
            "LIBRESUME_HOST_SH": str(ROOT / "packaging/host/host.sh")} | environment
        path["PATH"] = f"{self.folder}:{path['PATH']}"
        return subprocess.run([str(script), *arguments], env=path, capture_output=True, text=True,
                              timeout=60)

    def xl(self, *arguments, **environment):
        return self.run_script(ROOT / "packaging/host/resume-xl", *arguments, **environment)

    def xl_calls(self):
        log = self.folder / "xl.log"
        return [line for line in log.read_text().splitlines() if not line.startswith("domid")] \
            if log.exists() else []

    def test_a_guest_without_an_agent_is_left_to_plain_xl(self):
        done = self.xl("save", "guest", "/tmp/file")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.xl_calls(), ["save guest /tmp/file"])

    def test_a_ready_guest_is_told_what_comes_and_released_afterwards(self):
        self.agent("ready ID")
        done = self.xl("migrate", "-s", "ssh -p 22", "guest", "other")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(self.requests[0], r"^prepare [A-Za-z0-9]+-\d+-\d+ xen-suspend 60$")
        identity = self.requests[0].split()[1]
        self.assertEqual(self.store.read(f"{HOME}/data/resume/request"), f"release {identity}")
        self.assertEqual(self.xl_calls(), ["migrate -s ssh -p 22 guest other"])

    def test_a_failed_xl_gives_its_status_and_releases(self):
        self.agent("ready ID")
        self.assertEqual(self.xl("save", "guest", "f", XL_STATUS="3").returncode, 3)
        self.assertTrue(self.store.read(f"{HOME}/data/resume/request").startswith("release "))

    def test_a_refusal_keeps_xl_from_running_and_says_why(self):
        self.agent("refused ID backup under way")
        done = self.xl("save", "guest", "f")
        self.assertEqual(done.returncode, 1)
        self.assertIn("backup under way", done.stderr)
        self.assertEqual(self.xl_calls(), [])

    def test_an_unsafe_verdict_is_obeyed_unless_forced(self):
        self.store.write(f"{HOME}/data/resume/version", "1 0.1.0")
        self.store.write(f"{HOME}/data/resume/doctor", "unsafe known-bad-kernel")
        done = self.xl("save", "guest", "f")
        self.assertEqual(done.returncode, 2)
        self.assertIn("known-bad-kernel", done.stderr)
        self.assertEqual(self.xl_calls(), [])
        self.agent("unsupported ID")
        self.assertEqual(self.xl("--force", "save", "guest", "f").returncode, 0)
        self.assertEqual(self.xl_calls(), ["save guest f"])

    def test_no_answer_in_time_is_an_error_of_its_own_and_the_request_is_released(self):
        self.store.write(f"{HOME}/data/resume/version", "1 0.1.0")
        done = self.xl("save", "guest", "f", LIBRESUME_WAIT_S="1")
        self.assertEqual(done.returncode, 75)
        self.assertTrue(self.store.read(f"{HOME}/data/resume/request").startswith("release "))
        self.assertEqual(self.xl_calls(), [])

    def test_what_a_guest_writes_is_cut_and_cleaned(self):
        self.agent("refused ID \x1b[31m" + "x" * 1000)
        done = self.xl("save", "guest", "f")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("\x1b", done.stderr)
        self.assertLess(len(done.stderr), 400)

    def test_usage_errors_name_the_usage(self):
        for words in ([], ["list"], ["save"], ["migrate", "-s", "ssh"]):
            done = self.xl(*words)
            self.assertEqual(done.returncode, 64)
            self.assertIn("usage", done.stderr)

    def test_xapi_finds_the_domain_by_uuid_and_refuses_an_unsafe_guest(self):
        uuid = "0f9ac2a4-1a52-4c37-8a4c-0f5b1e6f2a11"
        self.store.write(f"{HOME}/vm", f"/vm/{uuid}")
        hook = self.folder / "vm-pre-migrate" / "50-libresume"
        hook.parent.mkdir()
        shutil.copy(ROOT / "packaging/host/xapi-hook", hook)
        arguments = ("-reason", "hard", "-vmuuid", uuid)
        self.assertEqual(self.run_script(hook, *arguments).returncode, 0)  # no agent
        self.agent("ready ID")
        self.assertEqual(self.run_script(hook, *arguments).returncode, 0)
        self.assertEqual(self.requests, [f"prepare xapi-{uuid} xen-suspend 60"])
        self.store.write(f"{HOME}/data/resume/doctor", "unsafe known-bad-kernel")
        self.assertEqual(self.run_script(hook, *arguments).returncode, 1)


if __name__ == "__main__":
    SHIM = sys.argv.pop(1)
    try:
        find_daemon()
    except Skip as reason:
        print(f"SKIP: {reason}")
        sys.exit(SKIP)
    unittest.main(verbosity=1)
