"""case / expected / reported / evidence, a row each, as they come."""

import statistics

WIDTHS = (22, 44, 44)


def field(report, dotted):
    value = report
    for name in dotted.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def agrees(report, expected):
    for name, wanted in expected.items():
        value = field(report, name)
        if not (wanted(value) if callable(wanted) else value == wanted):
            return False
    return True


def describe(expected):
    if expected is None:
        return "nothing"
    return " ".join(f"{name.removeprefix('cause.')}={getattr(wanted, '__name__', wanted)}"
                    for name, wanted in expected.items())


def summary(report):
    parts = [str(report.get("kind")), str(report.get("outcome"))]
    cause = report.get("cause") or {}
    parts += [f"{name}={cause[name]}" for name in ("phase", "device", "task", "errno")
              if cause.get(name) not in (None, "", 0)]
    return " ".join(parts)


class Table:
    def __init__(self, reporter):
        self.agreed = self.differed = self.skips = 0
        print(f"reported by {reporter}", flush=True)
        self._row("case", "expected", "reported", "evidence")

    def judge(self, case, reports, seconds):
        """The last report counts; more than one is a difference unless nothing was expected."""
        expected = describe(case.expected)
        if case.expected is None:
            good, told = not reports, summary(reports[-1]) if reports else "nothing"
        elif len(reports) != 1:
            good, told = False, f"{len(reports)} reports: " + "; ".join(map(summary, reports))
        else:
            good, told = agrees(reports[0], case.expected), summary(reports[0])
        violations = [str(violation) for report in reports
                      for violation in report.get("violations", [])]
        self.agreed += good and not violations
        self.differed += not good or bool(violations)
        evidence = f"{seconds:.1f} s"
        if reports:
            said = [f"{source.get('name')}: {source.get('said')}"
                    for source in reports[-1].get("sources", []) if source.get("available")]
            evidence += f", {'; '.join(said)[:100]}"
        mark = "" if good and not violations else "  <-- DIFFERS " + " ".join(violations)[:200]
        self._row(case.name, expected, told, evidence + mark)

    def failed(self, case, why):
        self.differed += 1
        self._row(case.name, describe(case.expected), "-", f"LAB: {why}"[:300])

    def skipped(self, case, why):
        self.skips += case.repeat
        self._row(case.name, describe(case.expected), "SKIP", why)

    def all_agree(self):
        return self.differed == 0 and self.agreed > 0

    @staticmethod
    def say_delays(delays_ms):
        if delays_ms:
            print(f"thawed to reported on disk, {len(delays_ms)} reports: median "
                  f"{statistics.median(delays_ms):.0f} ms, worst {max(delays_ms):.0f} ms", flush=True)

    def closing_line(self):
        total = self.agreed + self.differed + self.skips
        return f"{total} cases, {self.agreed} agreed, {self.skips} skipped"

    @staticmethod
    def _row(*cells):
        padded = [cell.ljust(width) for cell, width in zip(cells, WIDTHS)]
        print("  ".join(padded + [cells[-1]]), flush=True)
