"""What can go wrong in the lab itself, apart from what a guest does wrong."""


class Skip(Exception):
    """The lab cannot run here; its text says what is missing."""


class LabError(Exception):
    """The lab itself failed (QEMU, dom0, a toolstack command): no verdict on any guest."""


class TimedOut(LabError):
    """Something did not happen in its time; its text says what was waited for."""
