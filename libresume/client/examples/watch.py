#!/usr/bin/env python3
"""Gets ready before each suspend and says what came of it; speaks the wire, needs no library."""
import json
import socket
import sys

PATH = sys.argv[1] if len(sys.argv) > 1 else "/run/libresume/agent.sock"


def say(agent, method, parameters, **flags):
    call = {"method": f"io.libresume.Agent1.{method}", "parameters": parameters, **flags}
    agent.sendall(json.dumps(call).encode() + b"\0")


def main():
    with socket.socket(socket.AF_UNIX) as agent:
        try:
            agent.connect(PATH)
        except OSError as error:
            sys.exit(f"watch.py: no agent runs here: {PATH}: {error.strerror}")
        say(agent, "Subscribe", {"label": "watch.py"}, more=True)
        inbox = b""
        while chunk := agent.recv(65536):
            *messages, inbox = (inbox + chunk).split(b"\0")
            for event in (json.loads(message).get("parameters", {}) for message in messages):
                if event.get("event") == "before":
                    print("a suspend comes:", event["kind"], flush=True)
                    say(agent, "Answer", {"token": event["token"], "answer": "ready"}, oneway=True)
                elif event.get("event") == "after":
                    print(f"{event['kind']}: {event['outcome']}", flush=True)


if __name__ == "__main__":
    main()
