"""The real agent in a root file system with nothing else in it, for tests of its clients.

A test program is called as `NAME LIBRARY AGENT RESUMECTL`; agent_root.main() calls it again inside.
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
import binding  # noqa: E402

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


class AgentTestCase(unittest.TestCase):
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


def main():
    """The test program's exit status; 77: SKIP, with the reason."""
    if sys.argv[2] == "--inside":
        os.chroot(sys.argv[3])
        os.chdir("/")
        unittest.main(argv=sys.argv[:1], verbosity=2)
    if os.geteuid() != 0:
        print("SKIP: only root may make a root file system of its own")
        return 77
    with tempfile.TemporaryDirectory(prefix="resume-client-") as root:
        for folder in ("proc", "sys", "dev", "bin"):
            (pathlib.Path(root) / folder).mkdir()
        for program in sys.argv[2:4]:
            shutil.copy(program, pathlib.Path(root) / "bin")
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE,
                   "sh", root, sys.executable, sys.argv[0], sys.argv[1], "--inside", root]
        status = subprocess.run(command, check=False).returncode
        if status == 77:
            print("SKIP: no root file system of one's own can be made here")
        return status
