#!/usr/bin/env python3
"""client_test.py LIBRARY: libresume-client against a server that misbehaves as it is told."""
import errno
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import binding

LIBRARY = binding.load(sys.argv[1])
EXAMPLES = pathlib.Path(__file__).parents[2] / "libresume/client/examples"
NUMBERS = 50


class Server:
    """Serves each connection in a thread; `handle(message)` gives what to send: messages,
    bytes, or None, which ends the connection."""

    def __init__(self, path, handle):
        self.handle, self.connections, self.heard = handle, [], []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        inbox = b""
        with connection:
            while chunk := connection.recv(65536):
                *messages, inbox = (inbox + chunk).split(b"\0")
                for message in messages:
                    call = json.loads(message)
                    self.heard.append(call)
                    for answer in self.handle(call):
                        if answer is None:
                            return
                        connection.sendall(answer if isinstance(answer, bytes)
                                           else json.dumps(answer).encode() + b"\0")

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # closing alone leaves accept() listening
        self.listener.close()
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)


class ClientTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="resume-client-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "agent.sock"

    def serve(self, handle):
        server = Server(self.path, handle)
        self.addCleanup(server.listener.close)
        return server

    def client(self, **more):
        client = binding.Client(LIBRARY, self.path, **more)
        self.assertEqual(client.opened, 0)
        self.addCleanup(client.close)
        return client

    def test_works_and_says_so_where_no_agent_runs(self):
        client = self.client()
        self.assertEqual(client.state(), -errno.ENOENT)
        self.assertIn("no agent runs here", client.explain())
        self.assertEqual(client.subscribe(), 0)
        self.assertEqual(client.next(), 0)
        self.assertEqual(client.hold(10)[0], -errno.ENOENT)
        self.assertEqual(client.answer(b"token", binding.READY), -errno.ENOENT)

    def test_finds_an_agent_that_starts_later_and_subscribes_there(self):
        client = self.client(label=b"later")
        client.subscribe()
        server = self.serve(lambda call: [{"parameters": {"event": "before", "token": "t",
                                                          "kind": "s3", "deadline_ms": 9},
                                           "continues": True}])
        client.wait_for(binding.CONNECTED)
        event = client.wait_for(binding.BEFORE)
        self.assertEqual((event["token"], event["kind"], event["deadline_ms"]), (b"t", b"s3", 9))
        self.assertEqual(server.heard, [{"method": "io.libresume.Agent1.Subscribe", "more": True,
                                         "parameters": {"label": "later"}}])

    def test_an_event_before_the_reply_is_kept(self):
        def handle(call):
            return [{"parameters": {"event": "after", "kind": "s3", "outcome": "resumed", "id": "b",
                                    "report": {"kind": "s3"}}, "continues": True},
                    {"parameters": {"id": 7}}]
        self.serve(handle)
        client = self.client()
        self.assertEqual(client.hold(10, b"tape"), (0, 7))
        event = client.wait_for(binding.AFTER)
        self.assertEqual(event["outcome"], b"resumed")
        self.assertEqual(json.loads(event["report"]), {"kind": "s3"})

    def test_a_program_that_calls_and_never_takes_an_event_keeps_the_newest(self):
        ids = iter(range(1000))

        def handle(call):
            return [{"parameters": {"event": "after", "id": str(next(ids))}, "continues": True},
                    {"parameters": {"id": 1}}]
        self.serve(handle)
        client = self.client()
        for _ in range(300):
            self.assertEqual(client.hold(10), (0, 1))
        taken = []
        while isinstance(event := client.next(), dict):
            taken.append(event)
        self.assertEqual(taken[0]["type"], binding.CONNECTED)
        self.assertEqual([event["id"] for event in taken[1:]],
                         [str(number).encode() for number in range(45, 300)])

    def test_what_it_does_not_know_is_skipped(self):
        self.serve(lambda call: [
            {"parameters": {"event": "eclipse"}, "continues": True, "later": [1]},
            {"parameters": {"event": "before", "token": 5, "deadline_ms": "soon", "moon": {}},
             "continues": True}])
        client = self.client()
        client.subscribe()
        event = client.wait_for(binding.BEFORE)
        self.assertEqual((event["token"], event["deadline_ms"]), (b"", 0))

    def test_not_permitted_is_said(self):
        self.serve(lambda call: [{"error": "io.libresume.Agent1.PermissionDenied",
                                  "parameters": {}}])
        client = self.client()
        result, _ = client.hold(10)
        self.assertEqual(result, -errno.EACCES)
        self.assertIn("group libresume", LIBRARY.resume_client_explain(result).decode())

    def test_an_agent_that_goes_takes_its_questions_with_it(self):
        server = self.serve(lambda call: [{"parameters": {"event": "after", "kind": "s3"},
                                           "continues": True},
                                          {"parameters": {"event": "before", "token": "t"},
                                           "continues": True}])
        client = self.client()
        client.subscribe()
        client.wait_for(binding.AFTER)
        server.end()
        client.wait_for(binding.DISCONNECTED)
        self.assertEqual(client.next(), 0)
        self.assertEqual(client.state(), -errno.ECONNRESET)
        self.assertEqual(client.answer(b"t", binding.READY), -errno.ECONNREFUSED)

    def test_what_is_not_varlink_ends_the_connection(self):
        self.serve(lambda call: [b"HTTP/1.1 400 Bad Request\r\n\0"])
        self.assertEqual(self.client().hold(10)[0], -errno.EPROTO)

    def test_an_agent_that_does_not_answer_is_given_up(self):
        self.serve(lambda call: [])
        client = self.client()
        self.assertEqual(client.hold(10)[0], -errno.ETIMEDOUT)
        self.assertEqual(client.state(), -errno.ETIMEDOUT)

    def test_the_examples_on_the_wire(self):
        after = {"event": "after", "kind": "s3", "outcome": "resumed"}

        def handle(call):
            if call["method"].endswith(".Subscribe"):
                return [{"parameters": {"event": "subscribed"}, "continues": True},
                        {"parameters": {"event": "before", "token": "t", "kind": "s3"},
                         "continues": True}]
            return [{"parameters": after, "continues": True}, None]
        server = self.serve(handle)
        example = EXAMPLES / "watch.py"
        said = subprocess.run([sys.executable, example, self.path], capture_output=True, text=True,
                              timeout=60, check=True).stdout
        self.assertEqual(said, "a suspend comes: s3\ns3: resumed\n")
        self.assertEqual(server.heard[1]["parameters"], {"token": "t", "answer": "ready"})

    def test_the_go_example_compiles(self):
        if shutil.which("go") is None:
            self.skipTest("no go here")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["go", "build", "-o", pathlib.Path(folder) / "watch",
                            EXAMPLES / "watch.go"], check=True, timeout=240,
                           env={**os.environ, "GOCACHE": folder, "CGO_ENABLED": "0"})

    def test_wrong_arguments(self):
        client = self.client()
        self.assertEqual(client.hold(0)[0], -errno.EINVAL)
        self.assertEqual(client.hold(61)[0], -errno.EINVAL)
        self.assertEqual(client.answer(None, binding.READY), -errno.EINVAL)
        self.assertEqual(client.answer(b"t", 3), -errno.EINVAL)
        self.assertEqual(LIBRARY.resume_client_fd(None), -errno.EINVAL)
        self.assertEqual(binding.Client(LIBRARY, "/" + "x" * 200).opened, -errno.ENAMETOOLONG)
        LIBRARY.resume_client_close(None)
        LIBRARY.resume_client_event_free(None)

    def test_a_child_can_only_close_and_the_parent_goes_on(self):
        numbers = iter(range(1, NUMBERS))
        self.serve(lambda call: [{"parameters": {"id": next(numbers)}}])
        client = self.client()
        self.assertEqual(client.hold(10), (0, 1))
        child = os.fork()
        if child == 0:
            refused = client.hold(10)[0] == -errno.ECHILD and client.next() == -errno.ECHILD
            client.close()
            os._exit(0 if refused else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(client.hold(10), (0, 2))
        self.assertFalse(os.get_inheritable(client.fd()))

    def test_threads_take_turns_and_each_gets_its_own_reply(self):
        def handle(call):
            number = int(call["parameters"]["label"])
            return [{"parameters": {"event": "after", "id": str(number)}, "continues": True},
                    {"parameters": {"id": number}}]
        self.serve(handle)
        client, wrong, seen = self.client(), [], []

        def hold_all(first):
            for number in range(first, first + NUMBERS):
                if client.hold(10, str(number).encode()) != (0, number):
                    wrong.append(number)

        def drain():
            while len(seen) < 4 * NUMBERS:
                seen.append(client.wait_for(binding.AFTER)["id"])

        threads = [threading.Thread(target=hold_all, args=(1000 * i,)) for i in range(4)]
        threads.append(threading.Thread(target=drain))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(len(set(seen)), 4 * NUMBERS)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
