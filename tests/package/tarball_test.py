#!/usr/bin/env python3
"""tarball_test.py FOLDER: the agent without shared libraries, where there is no systemd.

In a root with busybox for a shell and nothing else: the init script of the tarball in FOLDER. Needs
root. What the programs do where there is not even a shell is tests/static's.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

FOLDER = pathlib.Path(sys.argv[1]).resolve()
# Process 1 of the namespace has the same root, or the script would take it for a chroot.
INSIDE = """
mount --make-rprivate / && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" &&
mount --rbind /dev "$1/dev" || exit 77
root=$1
shift
exec chroot "$root" "$@"
"""
SCRIPT = "/etc/init.d/resume-agent"


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


class TarballTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="resume-tarball-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        for folder in ("proc", "sys", "dev", "bin", "run", "var/log"):
            (self.root / folder).mkdir(parents=True)
        with tarfile.open(next(FOLDER.glob("resume-agent-*-static.tar.xz"))) as tar:
            self.names = tar.getnames()
            tar.extractall(self.root)
        shutil.copy(shutil.which("busybox"), self.root / "bin/busybox")

    def run_inside(self, script):
        words = f"/bin/busybox --install -s /bin; {script}"
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh",
             str(self.root), "/bin/busybox", "sh", "-c", words], env={"PATH": "/bin:/usr/bin:/usr/sbin"},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200, check=False)
        return done.stdout

    def test_has_units_and_a_script_and_owns_no_folder(self):
        for name in ("usr/lib/systemd/system/resume-agent.service", "etc/init.d/resume-agent",
                     "usr/sbin/resume-agent", "usr/libexec/libresume/resume-freeze"):
            self.assertIn(f"./{name}", self.names)
        self.assertNotIn("./usr", self.names)

    def test_the_script_starts_and_stops_it(self):
        said = self.run_inside(
            f"{SCRIPT} status; echo =$?; {SCRIPT} start; echo =$?; {SCRIPT} start; echo =$?; "
            f"{SCRIPT} status; echo =$?; {SCRIPT} reload; echo =$?; resumectl status; "
            f"{SCRIPT} restart; echo =$?; {SCRIPT} stop; echo =$?; {SCRIPT} stop; echo =$?; "
            f"{SCRIPT} status; echo =$?")
        codes = [line for line in said.splitlines() if line.startswith("=")]
        self.assertEqual(codes, ["=3", "=0", "=0", "=0", "=0", "=0", "=0", "=0", "=3"], said)
        self.assertIn("runs already", said)
        self.assertIn("seen, quiet", said)

    def test_a_container_is_no_place_for_it_and_no_failure(self):
        said = self.run_inside(f"touch /run/.containerenv; {SCRIPT} start; echo =$?")
        self.assertIn("not started: ", said)
        self.assertIn("this is a container", said)
        self.assertTrue(said.endswith("=0\n"), said)

    def test_a_chroot_is_no_place_for_it(self):
        other = "/other"
        said = self.run_inside(
            f"mkdir {other}; cp -a /bin /usr /etc {other}; mkdir {other}/proc {other}/dev; "
            f"mount -t proc proc {other}/proc; mount -o bind /dev {other}/dev; chroot {other} {SCRIPT} start; echo =$?")
        self.assertIn("not started in a chroot", said)
        self.assertTrue(said.endswith("=0\n"), said)


if __name__ == "__main__":
    if os.geteuid() != 0:
        skip("only root may make a root file system of its own")
    if shutil.which("busybox") is None:
        skip("no busybox here (Debian package busybox-static)")
    if not list(FOLDER.glob("resume-agent-*-static.tar.xz")):
        skip("no tarball here: ./dev package tarball makes it")
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
