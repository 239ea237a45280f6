"""A real xenstored without Xen, for tests: start, stop, restart, and the xenstore-* clients.

The daemon is Debian's; no_hypervisor.so stands in for the hypervisor that it asks at its start.
"""
import glob
import os
import shutil
import subprocess
import time

SKIP = 77  # ctest's SKIP_RETURN_CODE


class Skip(Exception):
    """The daemon cannot run here; the text says why."""


def find_daemon():
    """Path of the newest packaged C xenstored."""
    found = sorted(glob.glob("/usr/lib/xen-*/bin/xenstored"))
    if not found:
        raise Skip("no xenstored installed (package xen-utils-4.17)")
    for client in ("xenstore-read", "xenstore-write"):
        if shutil.which(client) is None:
            raise Skip(f"no {client} installed (package xenstore-utils)")
    return found[-1]


class RealXenstored:
    """One daemon with its socket in a directory of the test's own."""

    def __init__(self, directory, shim):
        self.directory = os.path.abspath(directory)
        self.socket = os.path.join(self.directory, "socket")
        self.shim = shim
        self.daemon = find_daemon()
        self.process = None

    def environment(self):
        return dict(os.environ, XENSTORED_RUNDIR=self.directory, XENSTORED_PATH=self.socket)

    def start(self, timeout_s=20):
        os.makedirs(self.directory, exist_ok=True)
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        with open(os.path.join(self.directory, "xenstored.log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.daemon, "-N"], env=dict(self.environment(), LD_PRELOAD=self.shim),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"xenstored ended at once with {self.process.returncode}; "
                                   f"its log is {self.directory}/xenstored.log")
            if os.path.exists(self.socket) and self.client("xenstore-ls", "/", check=False)[0] == 0:
                return
            time.sleep(0.02)  # a poll with a deadline: the daemon has no way to say it is ready
        raise RuntimeError("xenstored did not answer within its time")

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        self.start()

    def client(self, *command, check=True, timeout_s=20):
        """Runs an xenstore-* command against this daemon; (exit code, output)."""
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True,
                              timeout=timeout_s)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.returncode, done.stdout.rstrip("\n")

    def write(self, path, value):
        self.client("xenstore-write", path, value)

    def read(self, path):
        """The node's value, or None where there is no node."""
        code, output = self.client("xenstore-read", path, check=False)
        return output if code == 0 else None

    def wait_for(self, path, accept, timeout_s=30):
        """The first value of the node that `accept` takes; a RuntimeError names what stood last."""
        deadline = time.monotonic() + timeout_s
        value = self.read(path)
        while not accept(value):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{path}: still {value!r} after {timeout_s} s")
            time.sleep(0.02)  # a poll with a deadline: xenstore-watch prints no values
            value = self.read(path)
        return value

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.stop()
