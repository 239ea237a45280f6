"""The test kernel as a guest: its lines, its commands, its trace. See CONTRACT.md."""

import dataclasses
import re
import time

from .errors import LabError, TimedOut

COMMAND_NODE = "data/lab/command"
COMMAND_TIMEOUT = 60
TRACE_TIMEOUT = 120
READY_TIMEOUT = 60
DEAD_WORDS = ("PANIC", "FAULT")


@dataclasses.dataclass(frozen=True)
class Line:
    """A console line that the contract knows."""

    word: str
    values: dict
    text: str
    time: float  # host's time.time() when it came

    def get(self, key, default="-"):
        return self.values.get(key, default)


def parse_line(text, when=0.0):
    """`WORD key=value ...`; words without `=` are kept by position (`0`, `1`, ...)."""
    word, _, rest = text.partition(" ")
    values = {}
    for position, part in enumerate(rest.split()):
        key, equals, value = part.partition("=")
        values[key if equals else str(position)] = value if equals else part
    return Line(word, values, text, when)


def settings(kernel, vcpus, words, devices=(), memory_mb=16):
    """Lines of xl.cfg; `kernel` is dom0's path of the ELF file. `devices`: their lines."""
    return "\n".join([*devices, 'type="pvh"', f'kernel="{kernel}"', f"memory={memory_mb}", f"vcpus={vcpus}",
                      'cpus="1"', f'extra="{words}"'])


class KernelGuest:
    """Wraps a Guest that runs the test kernel. `cursor` is the first line not yet looked at."""

    def __init__(self, guest, hypervisor_console):
        self.guest = guest
        self.console = guest.console
        self.cursor = 0
        self.devices = ()  # under load: KernelDisk, KernelNet
        self._hypervisor = hypervisor_console
        self._emergency_since = len(hypervisor_console.lines)

    def wait_ready(self):
        """Raises LabError when the guest dies or says nothing."""
        _, line = self._wait(("READY",) + DEAD_WORDS, 0, READY_TIMEOUT)
        if line.word != "READY":
            raise LabError(f"{self.guest.name} died at boot: {line.text}")
        self.make_command_node()

    def make_command_node(self):
        """libxl does not carry data/: a restored guest has no such node."""
        self.guest.write(COMMAND_NODE, "")

    def take_lines(self):
        """Contract lines since the last call."""
        lines = self.console.since(self.cursor)
        self.cursor += len(lines)
        return [parse_line(text, when) for when, text in lines]

    def wait_cycles(self, since, count, timeout):
        """CYCLE lines from index `since` on: `count` of them, or fewer when the time is over or the
        guest has died. Never raises."""
        found = []
        deadline = time.monotonic() + timeout
        index = since
        while len(found) < count:
            try:
                index, line = self._wait(("CYCLE",) + DEAD_WORDS, index,
                                         max(0.0, deadline - time.monotonic()))
            except TimedOut:
                break
            if line.word != "CYCLE":
                break
            found.append(line)
            index += 1
        return found

    def emergency_lines(self):
        """PANIC and FAULT lines by port 0xE9, which works when the PV console does not."""
        tag = f"(d{self.guest.domid}) "
        lines = [text for _, text in self._hypervisor.since(self._emergency_since)]
        found = [text.split(tag, 1)[1] for text in lines if tag in text]
        return [parse_line(text) for text in found if text.startswith(DEAD_WORDS)]

    def command(self, word, answer):
        """Writes the command and returns the first line whose word is `answer`."""
        since = len(self.console.lines)
        self.guest.write(COMMAND_NODE, word)
        _, line = self._wait((answer,) + DEAD_WORDS, since, COMMAND_TIMEOUT)
        deadline = time.monotonic() + COMMAND_TIMEOUT
        while self.guest.read(COMMAND_NODE) and time.monotonic() < deadline:
            time.sleep(0.05)
        return line

    def read_trace(self):
        """Lines of the guest's trace since the last time; the guest then empties its ring."""
        since = len(self.console.lines)
        self.guest.write(COMMAND_NODE, "trace")
        return self.collect_trace(since)

    def collect_trace(self, since):
        """The next trace on the console (after a PANIC it comes unasked)."""
        begin, _ = self._wait(("TRACE-BEGIN",), since, COMMAND_TIMEOUT)
        end, _ = self._wait(("TRACE-END",), begin, TRACE_TIMEOUT)
        return self.console.lines[begin + 1:end]

    def ticks(self):
        """{n, max_gap_ms, traffic} as numbers."""
        line = self.command("ticks", "TICKS")
        return {key: int(value) for key, value in line.values.items()
                if re.fullmatch(r"\d+", value)}

    def _wait(self, words, since, timeout):
        heads = tuple(words)
        index, text = self.console.wait_for(lambda line: line.split(" ", 1)[0] in heads, since,
                                            timeout)
        return index, parse_line(text)
