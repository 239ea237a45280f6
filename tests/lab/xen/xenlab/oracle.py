"""Has a guest's trace judged by `resumectl verify`."""

import collections
import dataclasses
import json
import pathlib
import subprocess

GOOD, FINDING, INCONCLUSIVE = 0, 1, 3
TIMEOUT = 60


@dataclasses.dataclass(frozen=True)
class Verdict:
    """`violations`: ids of broken invariants, one an occurrence. `problem`: why no verdict."""

    violations: tuple = ()
    problem: str = ""

    def text(self):
        if self.problem:
            return f"no verdict: {self.problem}"
        return "no violation" if not self.violations else "violated: " + " ".join(self.violations)


class Oracle:
    """Judges guests' histories, each a file in `folder` that a person can judge again."""

    def __init__(self, resumectl, folder):
        self._resumectl = pathlib.Path(resumectl)
        self._folder = pathlib.Path(folder)
        self._known = {}

    def judge(self, history, lines):
        """Adds a piece to the trace of the guest `history` and says what is new since the last one:
        a piece alone cannot be judged, it does not tell what the guest had before."""
        path = self._folder / f"{history}.trace"
        with open(path, "a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        answer = subprocess.run([str(self._resumectl), "verify", "--json", str(path)],
                                capture_output=True, text=True, timeout=TIMEOUT, check=False)
        all_of_it = collections.Counter(violation_ids(answer.stdout))
        fresh = all_of_it - self._known.get(history, collections.Counter())
        self._known[history] = all_of_it
        violations = tuple(fresh.elements())
        if answer.returncode == GOOD or (answer.returncode == FINDING and all_of_it):
            return Verdict(violations)
        words = (answer.stderr or answer.stdout).strip().splitlines()
        reason = words[-1] if words else "no output"
        return Verdict(violations, f"{path.name}: exit {answer.returncode}: {reason}")


def violation_ids(text):
    """Ids in the `violations` of each report (JSON Lines)."""
    for line in text.splitlines():
        try:
            report = json.loads(line)
        except ValueError:
            continue
        for violation in report.get("violations", []):
            yield violation.get("id", "?") if isinstance(violation, dict) else str(violation)
