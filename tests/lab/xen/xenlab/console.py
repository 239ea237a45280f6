"""Guests' consoles: every line as it comes, by guest."""

import threading
import time

from .errors import TimedOut

CONSOLE_FOLDER = "/var/log/xen/console"
INCOMING = "--incoming"


class Console:
    """Lines of one guest, oldest first. Lines of all its domain ids are in one list."""

    def __init__(self, name):
        self.name = name
        self.lines = []
        self._times = []
        self._changed = threading.Condition()

    def add(self, line):
        with self._changed:
            self.lines.append(line)
            self._times.append(time.time())
            self._changed.notify_all()

    def since(self, index):
        """(time.time() of its coming, line) of all lines from `index` on."""
        with self._changed:
            return list(zip(self._times[index:], self.lines[index:]))

    def wait_for(self, wanted, since, timeout):
        """(index, line) of the first line from index `since` for which wanted(line) is true.

        Raises TimedOut.
        """
        deadline = time.monotonic() + timeout
        index = since
        with self._changed:
            while True:
                for index in range(index, len(self.lines)):
                    if wanted(self.lines[index]):
                        return index, self.lines[index]
                index = max(since, len(self.lines))
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    if time.monotonic() >= deadline:
                        raise TimedOut(f"{self.name}: no such console line in {timeout} s; "
                                       f"the last one: {self.lines[-1:]}")


class Consoles:
    """All consoles of a dom0, read by one resume-lab-follow."""

    def __init__(self, channel):
        self._lock = threading.Lock()
        self._consoles = {}
        self._partial = b""
        self._command = channel.start(f"resume-lab-follow {CONSOLE_FOLDER}", timeout=86_400,
                                      on_output=self._take)

    def get(self, name):
        with self._lock:
            return self._consoles.setdefault(name, Console(name))

    def all(self):
        with self._lock:
            return list(self._consoles.values())

    def _take(self, data):
        *whole, self._partial = (self._partial + data).split(b"\n")
        for line in whole:
            file_name, _, text = line.partition(b"\t")
            name = file_name.decode(errors="replace").removesuffix(".log").removeprefix("guest-")
            # A guest that is being migrated here is named so until it runs; its log keeps the name.
            console = self.get(name.removesuffix(INCOMING))
            console.add(text.decode(errors="replace").rstrip("\r"))
