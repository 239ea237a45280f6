"""One guest through all its cases, whichever QEMU it runs in at the moment."""

import pathlib
import shutil
import subprocess
import tempfile
import time

from .machine import GENERATION, Machine


class Session:
    """Looks like its Machine, and can move the guest to a new one. Owns the guest's disk."""

    def __init__(self, parts, kind):
        self._parts = parts
        self.kind = kind
        self._consoles = []
        self._folder = None
        self._machine = None

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="resume-lab-session-"))
        try:
            for number, disk in enumerate((self._parts.disk, self._parts.swap)):
                subprocess.run(["cp", "--sparse=always", str(disk), str(self.disks[number])],
                               check=True, timeout=60)
            self._enter(GENERATION)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *exception):
        self._machine.__exit__(*exception)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __getattr__(self, name):
        return getattr(self._machine, name)

    @property
    def disks(self):
        return [self._folder / "disk", self._folder / "swap"]

    def console(self):
        return "".join(self._consoles) + self._machine.console()

    def save_and_restore(self, generation=GENERATION, away_s=2):
        """Saved to a file, away for a while, and restored in a new QEMU."""
        saved = self._folder / "saved"
        self._machine.save(saved)
        self._consoles.append(self._machine.console())
        self._machine.__exit__(None, None, None)
        time.sleep(away_s)  # the time away is what the guest has to notice
        self._enter(generation, saved)
        saved.unlink()

    def pause(self, seconds):
        """stop, and cont after so long: the pause is what the guest has to notice."""
        self._machine.qmp.execute("stop")
        time.sleep(seconds)
        self._machine.qmp.execute("cont")

    def hibernate(self, away_s=2):
        """The guest writes its image to disk and goes off; a new QEMU boots it from that image."""
        awake = "LAB-AWAKE"
        # In the background and over the console: its command's channel ends with this QEMU.
        self._machine.run("swapon /dev/vdb; echo shutdown > /sys/power/disk; "
                          "(sleep 0.5; echo disk > /sys/power/state; "
                          f"echo {awake} $? > /dev/ttyS0) > /dev/null 2>&1 &")
        self._machine.wait_ended(60)
        self._consoles.append(self._machine.console())
        self._machine.__exit__(None, None, None)
        time.sleep(away_s)  # the time away is what the guest has to notice
        self._enter(GENERATION, until=awake)
        self._machine.run("swapoff /dev/vdb")

    def _enter(self, generation, incoming=None, until=None):
        machine = Machine(self._parts, self.disks, self.kind, generation, incoming)
        machine.enter(until)
        self._machine = machine
