"""How long a kernel guest took to come back, by its own trace."""

import collections
import statistics

DISK = "disk"
MARKS = ("cycle", "connected", "first I/O")


class ReturnTimes:
    """Times of the cycles of all guests, by kind: of the whole cycle, and from the hypercall's
    return until the disk's resume hook is through and until the first request is."""

    def __init__(self):
        self._times = collections.defaultdict(lambda: collections.defaultdict(list))

    def take(self, kind, lines):
        """`lines`: a piece of a trace, with its head."""
        hertz, disk, begun, back, seen = 0, None, 0, 0, set()
        for words in (line.split() for line in lines):
            if words[:2] == ["lrt", "frequency"]:
                hertz = int(words[2])
            elif words[:2] == ["lrt", "device"] and words[5] == DISK:
                disk = words[2]
            elif words[:2] == ["lrt", "event"]:
                ticks, witness, event, device, phase = int(words[2]), *words[4:8]
                mark = None
                if event == "cycle_begin":
                    begun, back = ticks, 0
                elif event == "cycle_end":
                    self._add(kind, "cycle", (ticks - begun) / hertz)
                elif event == "evidence" and witness == "other_side":
                    back, seen = ticks, set()
                elif event == "hook_end" and device == disk and phase == "resume":
                    mark = "connected"
                elif event == "io_completed" and device == disk:
                    mark = "first I/O"
                if mark and back and mark not in seen:
                    seen.add(mark)
                    self._add(kind, mark, (ticks - back) / hertz)

    def _add(self, kind, mark, seconds):
        self._times[kind.name][mark].append(seconds * 1000)

    def report(self):
        """One line a kind: median and worst, in ms."""
        for kind, marks in self._times.items():
            parts = [f"{mark} {statistics.median(marks[mark]):.1f} / {max(marks[mark]):.1f}"
                     for mark in MARKS if marks[mark]]
            yield f"{kind:<9} x{len(marks['cycle']):<4} " + ", ".join(parts) + " ms"
