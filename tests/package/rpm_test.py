#!/usr/bin/env python3
"""rpm_test.py FOLDER: the RPM packages in FOLDER: what is in them, installed and erased.

In a minimal Debian 12 (debootstrap; its mirror or $MIRROR), by this machine's rpm, which runs the
packages' scripts in that root. Needs root.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "packaging/image"))
import debian_root as debian  # noqa: E402

FOLDER = pathlib.Path(sys.argv[1]).resolve()
# Of each package some files that it is there for, and where else it may have any.
PACKAGES = {
    "resume-agent": (
        {"/usr/sbin/resume-agent", "/usr/bin/resumectl", "/usr/libexec/libresume/resume-freeze",
         "/usr/libexec/libresume/resume-probe", "/usr/lib/systemd/system/resume-agent.service",
         "/usr/lib/systemd/system/resume-freeze@.service",
         "/usr/lib/systemd/system/resume-probe@.service", "/usr/lib/sysusers.d/libresume.conf",
         "/etc/libresume/hooks.d", "/etc/qemu/fsfreeze-hook.d/libresume",
         "/usr/lib/systemd/system-sleep/libresume"},
        ("/etc/libresume", "/etc/qemu", "/usr/lib/libresume", "/usr/lib/systemd/system/resume-",
         "/usr/libexec/libresume", "/usr/share/")),
    "resume-host-tools": (
        {"/usr/sbin/resume-xl", "/usr/lib/libresume/host.sh",
         "/etc/xapi.d/vm-pre-migrate/50-libresume"},
        ("/etc/xapi.d/", "/usr/share/")),
    "libresume-client0": (set(), ("/usr/lib", "/usr/share/")),
    "libresume-devel": (
        {"/usr/include/libresume/client/client.h", "/usr/include/libresume/store/store.h"},
        ("/usr/include/", "/usr/lib", "/usr/share/")),
}


def rpm_file(package):
    return next(FOLDER.glob(f"{package}-[0-9]*.rpm"))


def query(package, *words):
    return subprocess.run(["rpm", "-qp", *words, rpm_file(package)], check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()


class RpmTest(unittest.TestCase):
    def test_each_has_what_it_is_for_and_nothing_of_anothers(self):
        seen = set()
        for package, (needed, elsewhere) in PACKAGES.items():
            # Of a folder several may be owners.
            listed = [line.split(" ", 1) for line in
                      query(package, "--qf", "[%{FILEMODES:perms} %{FILENAMES}\n]")]
            files = {name for _, name in listed}
            print(f"{package}: {len(files)} files")
            self.assertEqual(needed - files, set(), package)
            self.assertEqual([name for name in files - needed if not name.startswith(elsewhere)],
                             [], package)
            own = {name for mode, name in listed if not mode.startswith("d")}
            self.assertEqual(own & seen, set(), package)
            seen |= own

    def test_the_agent_needs_no_library(self):
        needs = query("resume-agent", "--requires")
        self.assertEqual([name for name in needs if ".so" in name], [])
        self.assertTrue(any(name.startswith("libresume-client.so.0") for name in
                            query("libresume-client0", "--provides")))

    def test_it_is_installed_and_erased(self):
        work = pathlib.Path(tempfile.mkdtemp(prefix="resume-rpm-"))
        self.addCleanup(shutil.rmtree, work, ignore_errors=True)
        root = debian.Root(work / "root")

        def rpm(*words):
            # What Debian has of what they need is not in rpm's data base.
            done = subprocess.run(["rpm", "--root", root.folder, "--dbpath", "/var/lib/rpm",
                                   "--nodeps", *words], env=debian.ENVIRONMENT, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
            return done.stdout

        before = self.files(root)
        rpm("--install", rpm_file("resume-agent"))
        self.assertIn("libresume:", root.must("getent", "group", "libresume"))
        version = query("resume-agent", "--qf", "%{VERSION}\n")[0]
        self.assertEqual(root.must("resumectl", "--version").strip(), version)
        self.assertEqual(root.run("resumectl", "status")[0], 69)
        rpm("--verify", "resume-agent")
        rpm("--install", "--replacepkgs", rpm_file("resume-agent"))
        rpm("--erase", "resume-agent")
        # A group stays, as everywhere with rpm: a number of it may be in use.
        self.assertEqual(self.files(root).keys() ^ before.keys(), set())

    @staticmethod
    def files(root):
        return {name: what for name, what in root.files().items()
                if not name.startswith(("var/lib/rpm", "usr/share/licenses"))}  # every rpm's


if __name__ == "__main__":
    for reason, missing in (("only root may make a root file system of its own", os.geteuid() != 0),
                            ("no rpm here (Debian package rpm)", shutil.which("rpm") is None),
                            ("no packages here: ./dev package rpm makes them",
                             not list(FOLDER.glob("*.rpm")))):
        if missing:
            print(f"SKIP: {reason}")
            sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
