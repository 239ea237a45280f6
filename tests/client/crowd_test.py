#!/usr/bin/env python3
"""Two hundred programs at the real agent: ten are stuck, ten crash, and the cycle goes on.

    crowd_test.py LIBRARY AGENT RESUMECTL     Exit code 77: SKIP, with the reason.

Says also how much longer an announced suspend takes for so many clients that behave.
"""
import contextlib
import json
import os
import select
import signal
import socket
import statistics
import sys
import time

import agent_root
import binding

CROWD, STUCK, CRASHING = 200, 10, 10
ROUNDS = 9
PATIENCE_S = 60  # only a test that fails waits for so long


class Wire:
    """The agent's socket without the library, to see all that it says."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(agent_root.SOCKET)
        self.rest = b""

    def send(self, method, more=False, **parameters):
        message = {"method": f"io.libresume.Agent1.{method}", "parameters": parameters}
        if more:
            message["more"] = True
        self.socket.sendall(json.dumps(message).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.rest:
            self.rest += self.socket.recv(65536)
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def call(self, method, **parameters):
        self.send(method, **parameters)
        return self.receive()


def subscribers(count, label):
    clients = [binding.Client(agent_root.LIBRARY, agent_root.SOCKET, label % number)
               for number in range(count)]
    for client in clients:
        client.subscribe()
        # Calls of one connection are answered in order: with this reply the agent knows of it.
        if client.release(0) != 0:
            raise AssertionError(client.explain())
    return clients


def answer_for_ever(clients):
    by_fd = {client.fd(): client for client in clients}
    poll = select.poll()
    for fd in by_fd:
        poll.register(fd, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            while isinstance(event := by_fd[fd].next(), dict):
                if event["type"] == binding.BEFORE:
                    by_fd[fd].answer(event["token"], binding.READY)


def die_when_asked(clients):
    clients[0].wait_for(binding.BEFORE)
    os.kill(os.getpid(), signal.SIGKILL)


def be_stuck(_clients):
    while True:
        signal.pause()


class CrowdTest(agent_root.AgentTestCase):
    def child(self, habit, count, label):
        """A process with so many subscribers; it is ready when this returns."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                os.close(reading)
                clients = subscribers(count, label)
                os.write(writing, b"ready")
                habit(clients)
            os._exit(1)
        os.close(writing)
        self.addCleanup(self.end, pid)
        with os.fdopen(reading, "rb") as ready:
            self.assertEqual(ready.read(5), b"ready", label)
        return pid

    def wire(self):
        wire = Wire()
        self.addCleanup(wire.socket.close)
        return wire

    @staticmethod
    def end(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def test_a_cycle_goes_on_without_those_that_are_stuck_or_gone(self):
        self.child(answer_for_ever, CROWD - STUCK - CRASHING, b"good-%d")
        stuck = [self.child(be_stuck, 1, b"stuck-%%d-%d" % number) for number in range(STUCK)]
        for number in range(CRASHING):
            self.child(die_when_asked, 1, b"crash-%%d-%d" % number)
        watcher, caller = self.wire(), self.wire()
        watcher.send("Subscribe", more=True, label="watcher")
        self.assertEqual(watcher.receive()["parameters"]["event"], "subscribed")
        self.assertEqual(caller.call("Status")["parameters"]["subscribers"], CROWD + 1)
        begin = time.monotonic()
        caller.send("Prepare", kind="s3", ttl_s=60, deadline_s=30)
        token = watcher.receive()["parameters"]["token"]
        watcher.send("Answer", token=token, answer="ready")
        watcher.receive()
        self.assertNotIn("error", caller.receive())
        seconds = time.monotonic() - begin
        caller.call("Release")
        after = watcher.receive()["parameters"]
        executable = os.readlink("/proc/self/exe")
        self.assertEqual(sorted(after["late"]), sorted(
            f"stuck-0-{number} (pid {pid}, {executable})" for number, pid in enumerate(stuck)))
        self.assertEqual(caller.call("Status")["parameters"]["subscribers"], CROWD + 1 - CRASHING)
        print(f"\n{CROWD} subscribers, {STUCK} stuck, {CRASHING} crashed: the cycle went on after "
              f"{seconds:.2f} s; late: {after['late'][0]}, ... ({len(after['late'])})", flush=True)

    def test_what_clients_that_behave_add(self):
        caller = self.wire()
        for count in (0, 10, CROWD):
            pid = self.child(answer_for_ever, count, b"good-%d") if count else None
            times = []
            for _ in range(ROUNDS):
                begin = time.monotonic()
                self.assertNotIn("error", caller.call("Prepare", kind="s3", ttl_s=60,
                                                      deadline_s=30))
                times.append((time.monotonic() - begin) * 1000)
                caller.call("Release")
                until = time.monotonic() + PATIENCE_S
                while caller.call("Status")["parameters"]["announced"]:
                    self.assertLess(time.monotonic(), until, "announced for ever")
            print(f"\n{count} well-behaved subscribers: ready after {statistics.median(times):.1f} "
                  f"ms (median of {ROUNDS}; {min(times):.1f} to {max(times):.1f})", flush=True)
            if pid:
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(agent_root.main())
