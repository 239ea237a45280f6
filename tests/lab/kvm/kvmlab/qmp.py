"""QEMU's control socket (docs/interop/qmp-spec.txt): commands and the events in between."""

import json
import socket
import time

from xenlab.errors import LabError, TimedOut


class Qmp:
    """One connection. Not for several threads."""

    def __init__(self, path, timeout):
        self.events = []
        self._socket = _connect(path, timeout)
        self._input = self._socket.makefile("rb")
        self._read()  # the greeting
        self.execute("qmp_capabilities")

    def execute(self, command, timeout=30, arguments=None, **words):
        """Its return value. Raises LabError with QEMU's own words. `words`: arguments, with "_" for
        "-"; `arguments`: those whose names have "_"."""
        message = {"execute": command}
        given = {**(arguments or {}),
                 **{name.replace("_", "-"): value for name, value in words.items()}}
        if given:
            message["arguments"] = given
        self._socket.settimeout(timeout)
        self._socket.sendall(json.dumps(message).encode() + b"\n")
        while True:
            answer = self._read()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise LabError(f"QEMU refused {command}: {answer['error']['desc']}")
            self.events.append(answer)

    def status(self):
        return self.execute("query-status")["status"]

    def wait_status(self, wanted, timeout):
        """Until query-status says so: a poll with a deadline, since not every change has an event."""
        deadline = time.monotonic() + timeout
        while (status := self.status()) != wanted:
            if time.monotonic() > deadline:
                raise TimedOut(f"QEMU is still {status}, not {wanted}, after {timeout} s")
            time.sleep(0.02)

    def wait_migrated(self, timeout):
        """Final status of the migration under way."""
        deadline = time.monotonic() + timeout
        while True:
            status = self.execute("query-migrate").get("status")
            if status in ("completed", "failed", "cancelled"):
                return status
            if time.monotonic() > deadline:
                raise TimedOut(f"the migration is still {status} after {timeout} s")
            time.sleep(0.02)

    def close(self):
        self._socket.close()

    def _read(self):
        try:
            line = self._input.readline()
        except OSError as error:
            raise TimedOut(f"QEMU does not answer: {error}") from error
        if not line:
            raise LabError("QEMU closed its control socket")
        return json.loads(line)


def _connect(path, timeout):
    deadline = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
            return connection
        except OSError as error:
            connection.close()
            if time.monotonic() > deadline:
                raise TimedOut(f"{path}: {error}") from error
            time.sleep(0.05)
