"""Sends a kernel guest through cycles of any kind and says how far the host's side got."""

from . import kernel_plan as plan
from .errors import TimedOut

ASK_TIMEOUT = 20
REFUSAL_TIMEOUT = 4


def run_batch(kernel, batch):
    """Yields one (result, seconds to wait for the guest's word) a cycle; the caller looks at the
    console. Result is `ok` or what went wrong on the host's side (as in cycle.cc, or xl's word)."""
    guest = kernel.guest
    if batch.kind in (plan.FAST, plan.SLOW, plan.IN_PLACE):
        _, lines = guest.cycle(batch.kind.name, batch.count, batch.seed, batch.max_pause_ms,
                               ASK_TIMEOUT)
        return [result_of(line) for line in lines] or ["cycle tool said nothing"]
    results = []
    for _ in range(batch.count):
        results.append(ONE_CYCLE[batch.kind](kernel))
        if results[-1] != "ok":
            break
    return results


def result_of(line):
    """`cycle 3 mode=fast ... result=ok` -> ok; any other line is an error text."""
    return line.rsplit("result=", 1)[1] if line.startswith("cycle ") else line


def save_check(kernel):
    status, output = kernel.guest.save_check()
    return "ok" if status == 0 else xl_result(output)


def save_restore(kernel):
    status, output = kernel.guest.save()
    if status != 0:
        return xl_result(output)
    status, output = kernel.guest.restore()
    if status != 0:
        return xl_result(output)
    kernel.make_command_node()
    return "ok"


def migrate(kernel):
    status, output = kernel.guest.migrate("whole")
    kernel.make_command_node()
    return "ok" if status == 0 else xl_result(output)


def late_fail(kernel):
    status, output = kernel.guest.migrate("late")
    if status == 0:
        return "the migration succeeded"
    return "ok" if "resuming at sender" in output else xl_result(output)


def refused(kernel):
    try:
        kernel.command("refuse-next", "REFUSING")
    except TimedOut as error:
        return str(error)
    _, lines = kernel.guest.cycle("ask", 1, seed=1, timeout=REFUSAL_TIMEOUT)
    result = result_of(lines[-1]) if lines else "cycle tool said nothing"
    return {"not-down": "ok", "ok": "it went down"}.get(result, result)


def xl_result(output):
    """xl's own words, short."""
    known = {"guest didn't acknowledge suspend": "no-ack", "guest did not suspend": "not-down"}
    for text, result in known.items():
        if text in output:
            return result
    lines = output.strip().splitlines()
    return "xl: " + (lines[-1] if lines else "no output")


ONE_CYCLE = {plan.SAVE_CHECK: save_check, plan.RESTORE: save_restore, plan.MIGRATE: migrate,
             plan.LATE_FAIL: late_fail, plan.REFUSED: refused}
