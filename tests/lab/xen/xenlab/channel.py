"""Commands in dom0, several at once, over the socket that QEMU gives a virtio-serial port.

The other end is dom0/server.cc, which documents the frames.
"""

import socket
import threading
import time

from .errors import LabError, TimedOut

TIMED_OUT_STATUS = 124


class Command:
    """One command that runs in dom0. `output` grows until it has ended."""

    def __init__(self, channel, number, script, on_output):
        self._channel = channel
        self._on_output = on_output
        self._ended = threading.Event()
        self._chunks = []
        self.number = number
        self.script = script
        self.status = None

    @property
    def output(self):
        return b"".join(self._chunks).decode(errors="replace")

    def wait(self, timeout):
        """Status of the command. Raises TimedOut, or LabError when dom0 is gone."""
        if not self._ended.wait(timeout):
            raise TimedOut(f"dom0 command still runs after {timeout} s: {self.script}")
        if self.status is None:
            raise LabError(f"dom0 is gone ({self._channel.broken}) during: {self.script}")
        return self.status

    def kill(self):
        if not self._ended.is_set():
            self._channel.send(f"KILL {self.number} 0 0\n".encode())

    def take(self, data):
        if self._on_output:
            self._on_output(data)
        else:
            self._chunks.append(data)

    def end(self, status):
        self.status = status
        self._ended.set()


class Channel:
    """Owns the socket and one thread that reads it."""

    def __init__(self, path, timeout):
        self._commands = {}
        self._lock = threading.Lock()
        self._next = 1
        self._ready = threading.Event()
        self.broken = None
        self._socket = _connect(path, timeout)
        self._input = self._socket.makefile("rb")
        self._thread = threading.Thread(target=self._read, name="dom0 channel", daemon=True)
        self._thread.start()

    def wait_ready(self, timeout, is_alive):
        """Until dom0's server has said hello. `is_alive` tells whether QEMU still runs."""
        deadline = time.monotonic() + timeout
        while not self._ready.wait(0.2):
            if self.broken or not is_alive():
                raise LabError("QEMU ended before dom0 was up")
            if time.monotonic() > deadline:
                raise TimedOut(f"dom0 was not up after {timeout} s")

    def start(self, script, timeout, on_output=None):
        """Starts a shell command; dom0 itself kills it after `timeout` seconds."""
        with self._lock:
            number = self._next
            self._next += 1
            command = Command(self, number, script, on_output)
            self._commands[number] = command
        body = script.encode()
        self.send(b"RUN %d %d %d\n" % (number, int(timeout * 1000), len(body)) + body)
        return command

    def send(self, data):
        if self.broken:
            raise LabError(f"dom0 is gone: {self.broken}")
        try:
            with self._lock:
                self._socket.sendall(data)
        except OSError as error:
            raise LabError(f"dom0 is gone: {error}") from error

    def close(self):
        self._socket.close()

    def _read(self):
        try:
            while self._take_frame():
                pass
            reason = "the channel was closed"
        except (OSError, ValueError, KeyError) as error:
            reason = f"the channel is broken: {error!r}"
        self.broken = reason
        for command in list(self._commands.values()):
            command.end(None)

    def _take_frame(self):
        header = self._input.readline(128)
        if not header:
            return False
        verb, number, value = header.split()
        if verb == b"HELLO":
            self._ready.set()
        elif verb == b"OUT":
            self._commands[int(number)].take(self._input.read(int(value)))
        elif verb == b"END":
            self._commands.pop(int(number)).end(int(value))
        else:
            raise ValueError(header)
        return True


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
