#!/usr/bin/env python3
"""The agent without shared libraries, where there is nothing but /proc, /sys and /dev.

    static_agent_test.py AGENT RESUMECTL FREEZE PROBE     Exit code 77: SKIP, with the reason.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAMS = [pathlib.Path(name) for name in sys.argv[1:5]]
# In mount and process namespaces of its own: the agent looks at process 1 to know where it is, and
# what is mounted is gone with them.
INSIDE = """
mount --make-rprivate / && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" &&
mount --rbind /dev "$1/dev" || exit 77
shift 1
exec "$@"
"""
# Readiness as systemd would be told, then each question; the agent's own words stay on stderr.
SCENE = r"""
import os, socket, subprocess, sys
root = sys.argv[1]
os.chroot(root); os.chdir("/")
ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ready.bind("/notify"); ready.settimeout(30)
agent = subprocess.Popen(["/bin/resume-agent"], env={"NOTIFY_SOCKET": "/notify"})
while b"READY=1" not in ready.recv(512):
    pass
for words in (["status", "--json"], ["sources", "--json"], ["doctor", "--json"]):
    done = subprocess.run(["/bin/resumectl", *words], stdout=subprocess.PIPE)
    print(done.returncode, done.stdout.decode().replace("\n", " "), flush=True)
agent.terminate()
print(agent.wait(), flush=True)
"""


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


class StaticAgentTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="resume-static-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        for folder in ("proc", "sys", "dev", "bin"):
            (self.root / folder).mkdir()
        for program in PROGRAMS:
            shutil.copy(program, self.root / "bin")

    def inside(self, *command):
        return subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh",
             str(self.root), *command], capture_output=True, text=True, timeout=90, check=False)

    def test_needs_no_shared_library(self):
        for program in PROGRAMS:
            said = subprocess.run(["readelf", "--program-headers", "--dynamic", str(program)],
                                  capture_output=True, text=True, timeout=60, check=True).stdout
            self.assertNotIn("INTERP", said, program)
            self.assertNotIn("NEEDED", said, program)

    def test_starts_and_says_what_is_missing(self):
        done = self.inside(sys.executable, "-c", SCENE, str(self.root))
        self.assertEqual(done.returncode, 0, done.stderr)
        status, sources, doctor, ended = done.stdout.splitlines()
        self.assertEqual(status.split(" ")[0], "0", status)
        self.assertEqual(json.loads(status.split(" ", 1)[1])["cycles"], 0)
        self.assertEqual(sources.split(" ")[0], "0", sources)
        told = {line["name"]: line for line in self.objects(sources)}
        self.assertGreaterEqual(len(told), 10)
        self.assertFalse(told["logind"]["available"], told["logind"])
        for source in told.values():
            self.assertTrue(source["detail"], source)
        self.assertIn(doctor.split(" ")[0], ("0", "1", "2", "3"), doctor)
        self.assertEqual(ended, "0", done.stderr)
        missing = [name for name, source in told.items() if not source["available"]]
        print("\n".join(f"{name}: {told[name]['detail']}" for name in missing))

    def objects(self, line):
        text, decoder = line.split(" ", 1)[1].strip(), json.JSONDecoder()
        while text:
            value, end = decoder.raw_decode(text)
            yield from value if isinstance(value, list) else [value]
            text = text[end:].lstrip()


if __name__ == "__main__":
    if os.geteuid() != 0:
        skip("only root may make a root file system of its own")
    probe = tempfile.mkdtemp(prefix="resume-static-")
    for folder in ("proc", "sys", "dev"):
        os.mkdir(os.path.join(probe, folder))
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", INSIDE, "sh", probe,
                            "true"], check=False, capture_output=True, text=True)
    shutil.rmtree(probe, ignore_errors=True)
    if tried.returncode != 0:
        skip(f"no root file system of one's own can be made here: {tried.stderr.strip()}")
    unittest.main(argv=sys.argv[:1])
