"""The kernel guest's disk under load: a file in dom0 that must hold what the guest says it wrote."""

from .guest import disk_settings

LANES = 8
DISK_MB = 1
# Of the DISK line: what must be 0.
HARM = ("under_way", "failed", "wrong", "doubled", "odd")


class KernelDisk:
    """The file below a guest's first disk."""

    def __init__(self, dom0, name):
        self._dom0 = dom0
        self._path = f"/tmp/{name}.disk"
        dom0.run(f"dd if=/dev/zero of={self._path} bs=1M count={DISK_MB} 2>/dev/null")
        self._writes = 0
        self._replayed = 0

    def settings(self):
        return disk_settings((("xvda", self._path),))

    @staticmethod
    def words(vcpus):
        """With one vCPU the grants stay with the backend, with more each request has its own."""
        return f"disk={LANES} persistent={1 if vcpus == 1 else 0}"

    def summary(self):
        return (f"{self._writes} writes read back and compared, {self._replayed} requests sent "
                "again")

    def problems(self, kernel, _batch):
        """What is wrong with the disk by the guest's word, or by the file's."""
        line = kernel.command("disk", "DISK")
        if line.word != "DISK":
            return [line.text]
        found = [f"disk: {key}={line.get(key)}" for key in HARM if line.get(key) != "0"]
        if int(line.get("writes", "0")) <= self._writes:
            found.append("disk: nothing was written")
        self._writes, self._replayed = int(line.get("writes")), int(line.get("replayed"))
        size = line.get("bytes")
        told = int(self._dom0.output(f"head -c {size} {self._path} | crc32").split()[0], 16)
        written = int(line.get("crc32"), 16)
        if told != written:
            found.append(f"disk: the file's checksum is {told:08x}, the guest wrote {written:08x}")
        return found
