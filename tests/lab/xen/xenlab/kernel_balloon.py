"""The kernel guest's balloon: how much memory the host wants of it, and what became of its pages."""

import random

PAGES = 64
PAGE_KIB = 4
TRIES = 20


class KernelBalloon:
    """Another target after each batch, so that the next one goes with other pages out."""

    def __init__(self):
        self._wanted = 0
        self._moved = 0

    @staticmethod
    def settings():
        return []

    @staticmethod
    def words(_vcpus):
        return f"balloon={PAGES}"

    def summary(self):
        return f"{self._moved} pages went to the host or came back, {self._wanted} are out"

    def problems(self, kernel, batch):
        """What is wrong with what was out during the batch, or with what is to be out now."""
        found = self._compare(kernel)
        before, self._wanted = self._wanted, random.Random(batch.seed).randint(0, PAGES)
        most = int(kernel.guest.read("memory/static-max"))
        kernel.guest.write("memory/target", str(most - self._wanted * PAGE_KIB))
        self._moved += abs(self._wanted - before)
        return found + self._compare(kernel)

    def _compare(self, kernel):
        for _ in range(TRIES):
            line = kernel.command("balloon", "BALLOON")
            if line.word != "BALLOON":
                return [line.text]
            if line.get("out") == str(self._wanted):
                break
        wanted = {"out": self._wanted, "wanted": self._wanted, "used": PAGES - self._wanted,
                  "wrong": 0, "refusals": 0}
        return [f"balloon: {key}={line.get(key)} instead of {value}" for key, value in wanted.items()
                if line.get(key) != str(value)]
