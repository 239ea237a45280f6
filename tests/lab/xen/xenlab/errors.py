"""What can go wrong in the lab itself, apart from what a guest does wrong."""


class Skip(Exception):
    """The lab cannot run here; its text says what is missing."""


class LabError(Exception):
    """The lab itself failed (QEMU, dom0, a toolstack command): no verdict on any guest."""


class TimedOut(LabError):
    """Something did not happen in its time; its text says what was waited for."""


OWN_FAULT, SKIPPED = 70, 77


def exit_status(lab):
    """Of a lab's program: what `lab()` returns, or what is said of one that could not run or that
    failed itself."""
    try:
        return lab()
    except Skip as reason:
        print(f"SKIP: {reason}", flush=True)
        return SKIPPED
    except LabError as error:
        print(f"LAB FAILED: {error}", flush=True)
        return OWN_FAULT
