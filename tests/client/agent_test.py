#!/usr/bin/env python3
"""The client against the real agent, in a root file system with nothing else in it.

    agent_test.py LIBRARY AGENT RESUMECTL     Exit code 77: SKIP, with the reason.
"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import binding

LIBRARY = binding.load(sys.argv[1])
SOCKET = "/run/libresume/agent.sock"
# Namespaces of its own: the agent looks at process 1 to know where it is, and what is mounted is
# gone with them.
INSIDE = """
mount --make-rprivate / && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" &&
mount --rbind /dev "$1/dev" || exit 77
shift 1
exec "$@"
"""


class AgentTest(unittest.TestCase):
    def setUp(self):
        self.agent = self.start()
        self.addCleanup(self.stop)

    def start(self):
        pathlib.Path("/notify").unlink(missing_ok=True)
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind("/notify")
        ready.settimeout(60)
        self.agent = subprocess.Popen(["/bin/resume-agent"], env={"NOTIFY_SOCKET": "/notify"},
                                      stderr=subprocess.DEVNULL)
        while b"READY=1" not in ready.recv(512):
            pass
        ready.close()
        return self.agent

    def stop(self):
        self.agent.terminate()
        self.agent.wait()

    def client(self):
        client = binding.Client(LIBRARY, SOCKET)
        self.addCleanup(client.close)
        self.assertEqual(client.state(), 0, client.explain())
        return client

    def subscriber(self):
        client = self.client()
        client.subscribe()
        # Calls of one connection are answered in order: with this reply the agent knows of it.
        self.assertEqual(client.release(0), 0)
        return client

    def announce(self):
        return subprocess.Popen(["/bin/resumectl", "prepare", "--for", "s3", "--timeout", "30"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_is_told_before_and_after(self):
        client = self.subscriber()
        announced = self.announce()
        event = client.wait_for(binding.BEFORE)
        self.assertEqual(event["kind"], b"s3")
        self.assertGreater(event["deadline_ms"], 0)
        self.assertEqual(client.answer(b"another/1", binding.READY), 0)
        self.assertEqual(client.answer(event["token"], binding.READY), 1)
        self.assertEqual(client.answer(event["token"], binding.READY), 0)
        self.assertEqual((announced.communicate()[1], announced.returncode), (None, 0))
        subprocess.run(["/bin/resumectl", "release"], check=True)
        self.assertIn(b'"kind":"s3"', client.wait_for(binding.AFTER)["report"])

    def test_refuses_with_a_reason(self):
        client = self.subscriber()
        announced = self.announce()
        token = client.wait_for(binding.BEFORE)["token"]
        self.assertEqual(client.answer(token, binding.REFUSE, b"a tape is being written"), 1)
        self.assertIn("a tape is being written", announced.communicate()[0])
        self.assertEqual(announced.returncode, 1)

    def test_a_hold_is_waited_for(self):
        holder, client = self.client(), self.subscriber()
        result, number = holder.hold(60, b"tape")
        self.assertEqual(result, 0)
        announced = self.announce()
        token = client.wait_for(binding.BEFORE)["token"]
        self.assertEqual(client.answer(token, binding.READY), 1)
        self.assertIsNone(announced.poll())
        self.assertEqual(holder.release(number), 1)
        self.assertEqual(holder.release(number), 0)
        announced.communicate()
        self.assertEqual(announced.returncode, 0)

    def test_an_agent_that_starts_again_is_found_with_the_subscription(self):
        client = self.subscriber()
        self.agent.kill()
        self.agent.wait()
        client.wait_for(binding.DISCONNECTED)
        self.start()
        client.wait_for(binding.CONNECTED)
        self.assertEqual(client.release(0), 0)
        announced = self.announce()
        token = client.wait_for(binding.BEFORE)["token"]
        self.assertEqual(client.answer(token, binding.READY), 1)
        announced.communicate()
        self.assertEqual(announced.returncode, 0)


def main():
    if os.geteuid() != 0:
        print("SKIP: only root may make a root file system of its own")
        return 77
    with tempfile.TemporaryDirectory(prefix="resume-client-") as root:
        for folder in ("proc", "sys", "dev", "bin"):
            (pathlib.Path(root) / folder).mkdir()
        for program in sys.argv[2:4]:
            shutil.copy(program, pathlib.Path(root) / "bin")
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE,
                   "sh", root, sys.executable, __file__, sys.argv[1], "--inside", root]
        status = subprocess.run(command, check=False).returncode
        if status == 77:
            print("SKIP: no root file system of one's own can be made here")
        return status


if __name__ == "__main__":
    if sys.argv[2] != "--inside":
        sys.exit(main())
    os.chroot(sys.argv[3])
    os.chdir("/")
    unittest.main(argv=sys.argv[:1], verbosity=2)
