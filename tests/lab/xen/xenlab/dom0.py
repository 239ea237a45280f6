"""dom0's toolstack: commands, guests' consoles, the store."""

import shlex

from .console import Consoles
from .errors import LabError

DEFAULT_TIMEOUT = 120
# The toolstack itself waits 60 s for a guest that does not suspend.
XL_TIMEOUT = 240


class Dom0:
    """What a person at dom0's shell would do. Commands may run at the same time."""

    def __init__(self, machine):
        self.machine = machine
        self._channel = machine.channel
        self.consoles = Consoles(machine.channel)

    def start(self, script, timeout=DEFAULT_TIMEOUT, on_output=None):
        return self._channel.start(script, timeout, on_output)

    def run(self, script, timeout=DEFAULT_TIMEOUT, check=True):
        """(status, output). With `check`, a status other than 0 raises LabError."""
        command = self.start(script, timeout)
        status = command.wait(timeout + 10)
        if check and status != 0:
            raise LabError(f"dom0: status {status} of `{script}`: {command.output.strip()[-800:]}")
        return status, command.output

    def output(self, script, timeout=DEFAULT_TIMEOUT):
        return self.run(script, timeout)[1]

    def write_file(self, path, text):
        self.run(f"cat > {shlex.quote(path)} <<'LAB-END'\n{text}\nLAB-END")

    def store_read(self, path):
        """Value of a node, or None when it is absent."""
        status, output = self.run(f"xenstore-read {shlex.quote(path)} 2>/dev/null", check=False)
        return output.rstrip("\n") if status == 0 else None

    def store_write(self, path, value):
        self.run(f"xenstore-write {shlex.quote(path)} {shlex.quote(value)}")

    def domains(self):
        """{name: (domid, state)} of every domain but dom0, states as in `xl list`."""
        found = {}
        for line in self.output("xl list").splitlines()[1:]:
            words = line.split()
            if len(words) >= 6 and words[1] != "0":
                found[words[0]] = (int(words[1]), words[4])
        return found

    def xen_log(self):
        return self.output("xl dmesg")
