"""Chromium without a window, driven over its debugging pipe (Chrome DevTools Protocol)."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


def find_browser():
    """The program, or None where none is installed."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    return None


class Browser:
    """One page in one browser. Use as a context manager. `errors` grows with every script error."""

    def __init__(self, program, width=1400, height=1000):
        self.errors = []
        self._next = 0
        self._inbox = b""
        self._events = []
        self._session = None
        self._profile = tempfile.TemporaryDirectory(prefix="resume-page-")
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        # The browser reads commands from descriptor 3 and writes answers to 4.
        wiring = f"exec \"$@\" 3<&{to_browser} 4>&{from_browser}"
        self._process = subprocess.Popen(
            ["sh", "-c", wiring, "sh", program, "--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
             f"--window-size={width},{height}", f"--user-data-dir={self._profile.name}",
             "--remote-debugging-pipe", "about:blank"],
            pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)

    def __enter__(self):
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page["targetId"],
                                  flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *exception):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def open(self, path):
        self._events.clear()
        self.call("Page.navigate", url=f"file://{path}")
        self._until(lambda: self._take(0, {}) or "Page.loadEventFired" in self._events, 60)

    def value(self, expression):
        """What a script's expression comes to, in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            self.errors.append(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def look(self, scheme="light", medium=""):
        """From now on in this colour scheme; medium "print": as it is printed."""
        self.call("Emulation.setEmulatedMedia", media=medium,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.value("window.dispatchEvent(new Event('resize'))")

    def screenshot(self, path, **clip):
        arguments = {"clip": {**clip, "scale": 1}} if clip else {}
        data = self.call("Page.captureScreenshot", format="png", **arguments)["data"]
        path.write_bytes(base64.b64decode(data))

    def call(self, method, **parameters):
        self._next += 1
        message = {"id": self._next, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        answer = {}
        self._until(lambda: self._take(self._next, answer), 60)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _until(self, done, timeout):
        deadline = time.monotonic() + timeout
        while not done():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise RuntimeError(f"the browser did not answer within {timeout} s")
            data = os.read(self._from, 1 << 16)
            if not data:
                raise RuntimeError("the browser ended")
            self._inbox += data

    def _take(self, number, answer):
        """Takes whole messages off the inbox until the answer to `number` is among them."""
        while b"\0" in self._inbox:
            text, self._inbox = self._inbox.split(b"\0", 1)
            message = json.loads(text)
            if message.get("id") == number:
                answer.update(message)
                return True
            self._note(message)
        return False

    def _note(self, message):
        method = message.get("method")
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(message["params"]["exceptionDetails"])[:500])
        elif method == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])
        elif method:
            self._events.append(method)
