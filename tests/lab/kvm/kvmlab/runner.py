"""What both runners of this lab share."""

import time

from xenlab.errors import LabError

GOOD, FINDING = 0, 1


def run_case(case, machine, reporter, table):
    for _ in range(case.repeat):
        begun = time.monotonic()
        try:
            reporter.begin(machine, case)
            case.act(machine)
            table.judge(case, reporter.reports(machine, case), time.monotonic() - begun)
        except LabError as error:
            table.failed(case, str(error))
            if not machine.is_alive():
                raise
