"""libresume-client through ctypes: the C interface as a program without a compiler sees it."""
import ctypes
import select

CONNECTED, DISCONNECTED, BEFORE, AFTER = 1, 2, 3, 4
READY, REFUSE = 1, 2
PATIENCE_MS = 60_000  # only a test that fails waits for so long


class Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("socket_path", ctypes.c_char_p),
                ("label", ctypes.c_char_p)]


class Event(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("type", ctypes.c_uint32),
                ("deadline_ms", ctypes.c_uint32), ("token", ctypes.c_char_p),
                ("kind", ctypes.c_char_p), ("outcome", ctypes.c_char_p), ("id", ctypes.c_char_p),
                ("report", ctypes.c_char_p)]


def load(path):
    library = ctypes.CDLL(path)
    library.resume_client_explain.restype = ctypes.c_char_p
    library.resume_client_event_free.restype = None
    library.resume_client_close.restype = None
    return library


class Client:
    def __init__(self, library, path, label=b"test"):
        self.calls, self.handle = library, ctypes.c_void_p()
        options = Options(ctypes.sizeof(Options), str(path).encode(), label)
        self.opened = library.resume_client_open(ctypes.byref(options), ctypes.byref(self.handle))

    def close(self):
        self.calls.resume_client_close(self.handle)
        self.handle = ctypes.c_void_p()

    def fd(self):
        return self.calls.resume_client_fd(self.handle)

    def state(self):
        return self.calls.resume_client_state(self.handle)

    def explain(self):
        return self.calls.resume_client_explain(self.state()).decode()

    def subscribe(self):
        return self.calls.resume_client_subscribe(self.handle)

    def next(self):
        """The next event as a dictionary, or the number that says why there is none."""
        event = ctypes.POINTER(Event)()
        got = self.calls.resume_client_next(self.handle, ctypes.byref(event))
        if got != 1:
            return got
        told = {name: getattr(event.contents, name) for name, _ in Event._fields_}
        self.calls.resume_client_event_free(event)
        return told

    def wait_for(self, wanted):
        """Polls the descriptor, as a program's own loop does, until an event of that type."""
        poll = select.poll()
        poll.register(self.fd(), select.POLLIN)
        while poll.poll(PATIENCE_MS):
            while isinstance(event := self.next(), dict):
                if event["type"] == wanted:
                    return event
        raise AssertionError(f"no event {wanted}: {self.explain()}")

    def answer(self, token, answer, reason=None):
        return self.calls.resume_client_answer(self.handle, token, answer, reason)

    def hold(self, ttl_s, label=None):
        """(result, id)"""
        number = ctypes.c_uint64()
        result = self.calls.resume_client_hold(self.handle, ttl_s, label, ctypes.byref(number))
        return result, number.value

    def release(self, number):
        return self.calls.resume_client_release(self.handle, ctypes.c_uint64(number))
