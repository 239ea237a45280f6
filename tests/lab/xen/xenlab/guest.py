"""One guest: created, cycled in every way that a host knows, and destroyed by its domain id."""

import shlex
import threading

from .dom0 import XL_TIMEOUT
from .errors import LabError

# xl's monitor would restart or remove a guest that ended; the lab wants to look at it.
PRESERVE = "\n".join(f'{event}="preserve"' for event in
                     ("on_poweroff", "on_reboot", "on_watchdog", "on_crash", "on_soft_reset"))
CYCLE_SLACK = 30


def disk_settings(disks):
    """Lines of xl.cfg. `disks`: (vdev, path of a file in dom0)."""
    targets = ", ".join(
        f"'vdev={vdev},access=rw,format=raw,backendtype=phy,script=block-lab,target={path}'"
        for vdev, path in disks)
    return [f"disk=[{targets}]"] if targets else []


class Guest:
    """A domain by name. Its domain id changes with a restore or a migration."""

    def __init__(self, dom0, name, settings):
        """`settings` are lines of xl.cfg beside the name and the on_* lines."""
        self.dom0 = dom0
        self.name = name
        self.domid = None
        self._destroyed = False
        self._settings = settings
        self.console = dom0.consoles.get(name)

    @property
    def path(self):
        return f"/local/domain/{self.domid}"

    def create(self):
        config = f"/tmp/{self.name}.cfg"
        self.dom0.write_file(config, f'name="{self.name}"\n{PRESERVE}\n{self._settings}')
        self.dom0.run(f"xl create -q {config}", XL_TIMEOUT)
        self.find_domid()

    def find_domid(self):
        self.domid = int(self.dom0.output(f"xl domid {self.name}"))
        return self.domid

    def state(self):
        """Letters of `xl list`, e.g. `-b----`, or `gone`."""
        return self.dom0.domains().get(self.name, (0, "gone"))[1]

    def destroy(self):
        if self._destroyed:
            return
        self._destroyed = True
        for name, (domid, _) in self.dom0.domains().items():
            if name == self.name or name.startswith(f"{self.name}--"):
                self.dom0.run(f"xl destroy {domid}", check=False)
        self.dom0.run(f"rm -f /tmp/{self.name}.*", check=False)

    def read(self, node):
        return self.dom0.store_read(f"{self.path}/{node}")

    def write(self, node, value):
        self.dom0.store_write(f"{self.path}/{node}", value)

    def cycle(self, mode, count, seed, max_pause_ms=0, timeout=20, observe=0):
        """resume-lab-cycle: (status, lines). Status 0 = every request went as asked. `observe`:
        seconds to look at how it comes back."""
        command = (f"resume-lab-cycle {mode} {self.domid} {count} --seed {seed} "
                   f"--max-pause-ms {max_pause_ms} --timeout-ms {int(timeout * 1000)} "
                   f"--observe-ms {int(observe * 1000)}")
        limit = count * (max_pause_ms / 1000 + 2 + observe) + timeout + CYCLE_SLACK
        status, output = self.dom0.run(command, limit, check=False)
        return status, output.splitlines()

    def save_check(self):
        """`xl save -c`: (status, output)."""
        image = f"/tmp/{self.name}.image"
        return self.dom0.run(f"xl save -c {self.name} {image}; status=$?; rm -f {image}; "
                             "exit $status", XL_TIMEOUT, check=False)

    def save(self):
        return self.dom0.run(f"xl save {self.name} /tmp/{self.name}.image", XL_TIMEOUT, check=False)

    def restore(self):
        """After save(): back with a new domain id."""
        image = f"/tmp/{self.name}.image"
        status, output = self.dom0.run(f"xl restore {image} && rm -f {image}", XL_TIMEOUT,
                                       check=False)
        if status == 0:
            self.find_domid()
        return status, output

    def migrate(self, how):
        """`xl migrate` to this very host; `how` as in dom0/receiver.sh: (status, output)."""
        command = shlex.quote(f"receiver.sh {how}")
        status, output = self.dom0.run(f"xl migrate -s {command} {self.name} localhost",
                                       XL_TIMEOUT, check=False)
        self._remove_incoming()
        self.find_domid()
        return status, output

    def _remove_incoming(self):
        """A receiver that has died leaves its half of the domain and its own process."""
        left = self.dom0.domains().get(f"{self.name}--incoming")
        if left:
            self.dom0.run("for each in /proc/[0-9]*; do "
                          "tr '\\0' ' ' < $each/cmdline 2>/dev/null | "
                          "grep -q '^xl migrate-receive' && kill ${each#/proc/}; done; "
                          f"sleep 0.2; xl destroy {left[0]}", check=False)


class Guests:
    """Creates guests and destroys all of them at the end, whatever happened in between."""

    def __init__(self, dom0):
        self._dom0 = dom0
        self._lock = threading.Lock()
        self._guests = []

    def create(self, name, settings):
        guest = Guest(self._dom0, name, settings)
        with self._lock:
            self._guests.append(guest)
        guest.create()
        return guest

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        for guest in self._guests:
            try:
                guest.destroy()
            except LabError:
                return  # dom0 itself is gone, and with it every guest
