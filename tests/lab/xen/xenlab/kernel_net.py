"""The kernel guest's network interface under load, and what dom0 saw of it on the wire."""

import time

COUNTS = "/run/lab-wire"
# Of the NET line: what must be 0.
HARM = ("wrong", "doubled", "odd")
# The wire's counts are written when it has been quiet for a moment.
PATIENCE = 10


def start_wire(dom0):
    """The peer of all guests; it ends with the machine."""
    dom0.run(f"resume-lab-wire {COUNTS} >/dev/null 2>&1 </dev/null &")


class KernelNet:
    """A guest's first interface."""

    def __init__(self, dom0, number):
        self._dom0 = dom0
        self._mac = f"00:16:3e:00:{number >> 8:02x}:{number & 255:02x}"
        self._lost = 0
        self._places = 1  # where the network must have been told that the guest is
        self._back = 0

    def settings(self):
        return [f"vif=['script=vif-lab,mac={self._mac}']"]

    @staticmethod
    def words(_vcpus):
        return "net=1"

    def summary(self):
        return (f"{self._back} frames came back, {self._lost} were lost with their domain, "
                f"{self._places} places announced")

    def problems(self, kernel, batch):
        """What is wrong by the guest's word, or by what dom0 saw."""
        self._places += batch.count if batch.kind.domain == "new" else 0
        deadline = time.monotonic() + PATIENCE
        while True:
            line = kernel.command("net", "NET")
            if line.word != "NET":
                return [line.text]
            found = self._compare(line, self._seen(), batch)
            if not found or time.monotonic() > deadline:
                break
        self._lost, self._back = int(line.get("lost")), int(line.get("back"))
        return found

    def _seen(self):
        """{frames, repeated, announced} of this guest's, by dom0."""
        lines = self._dom0.output(f"sleep 0.1; cat {COUNTS}").splitlines()
        for words in (line.split() for line in lines):
            if words and words[0] == self._mac:
                return {key: int(value) for key, value in (word.split("=") for word in words[1:])}
        return {"frames": 0, "repeated": 0, "announced": 0}

    def _compare(self, line, seen, batch):
        sent, back, lost = (int(line.get(key, "0")) for key in ("sent", "back", "lost"))
        found = [f"net: {key}={line.get(key)}" for key in HARM if line.get(key) != "0"]
        if back <= self._back:
            found.append("net: no frame came back")
        if sent != back + lost:
            found.append(f"net: {sent} frames sent, {back} came back and {lost} were lost")
        if batch.kind.domain != "new" and lost != self._lost:
            found.append(f"net: {lost - self._lost} frames were lost in the same domain")
        if not back <= seen["frames"] <= sent or seen["repeated"]:
            found.append(f"net: the guest sent {sent}, dom0 saw {seen}")
        if seen["announced"] != self._places:
            found.append(f"net: {self._places} places, and dom0 was told of {seen['announced']}")
        return found
