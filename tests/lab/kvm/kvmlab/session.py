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
            subprocess.run(["cp", "--sparse=always", str(self._parts.disk), str(self._disk)],
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
    def _disk(self):
        return self._folder / "disk"

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

    def _enter(self, generation, incoming=None):
        machine = Machine(self._parts, self._disk, self.kind, generation, incoming)
        machine.__enter__()
        self._machine = machine
