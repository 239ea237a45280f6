#!/usr/bin/env python3
"""The client against the real agent, in a root file system with nothing else in it.

    agent_test.py LIBRARY AGENT RESUMECTL     Exit code 77: SKIP, with the reason.
"""
import subprocess
import sys

import agent_root
import binding


class AgentTest(agent_root.AgentTestCase):
    def announce(self):
        return subprocess.Popen(["/bin/resumectl", "prepare", "--for", "s3", "--timeout", "30"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def idle(self, expected):
        """What `resumectl status --idle` says: a package asks it before it stops the agent."""
        done = subprocess.run(["/bin/resumectl", "status", "--idle"], stdout=subprocess.PIPE,
                              text=True, check=False)
        self.assertEqual(done.returncode, expected, done.stdout)
        return done.stdout

    def test_is_told_before_and_after(self):
        client = self.subscriber()
        self.assertIn("quiet", self.idle(0))
        announced = self.announce()
        event = client.wait_for(binding.BEFORE)
        self.assertEqual(event["kind"], b"s3")
        self.assertGreater(event["deadline_ms"], 0)
        self.assertEqual(client.answer(b"another/1", binding.READY), 0)
        self.assertEqual(client.answer(event["token"], binding.READY), 1)
        self.assertEqual(client.answer(event["token"], binding.READY), 0)
        self.assertEqual((announced.communicate()[1], announced.returncode), (None, 0))
        subprocess.run(["/bin/resumectl", "release"], check=True)
        self.assertIn(b'"kind":"s3"', client.wait_for(binding.AFTER)["report"])

    def test_refuses_with_a_reason(self):
        client = self.subscriber()
        announced = self.announce()
        token = client.wait_for(binding.BEFORE)["token"]
        self.assertEqual(client.answer(token, binding.REFUSE, b"a tape is being written"), 1)
        self.assertIn("a tape is being written", announced.communicate()[0])
        self.assertEqual(announced.returncode, 1)

    def test_a_hold_is_waited_for(self):
        holder, client = self.client(), self.subscriber()
        result, number = holder.hold(60, b"tape")
        self.assertEqual(result, 0)
        announced = self.announce()
        token = client.wait_for(binding.BEFORE)["token"]
        self.assertEqual(client.answer(token, binding.READY), 1)
        self.assertIsNone(announced.poll())
        self.assertIn("held by 1", self.idle(1))
        self.assertEqual(holder.release(number), 1)
        self.assertEqual(holder.release(number), 0)
        announced.communicate()
        self.assertEqual(announced.returncode, 0)
        self.assertIn("a suspend is announced", self.idle(1))

    def test_an_agent_that_starts_again_is_found_with_the_subscription(self):
        client = self.subscriber()
        self.agent.kill()
        self.agent.wait()
        client.wait_for(binding.DISCONNECTED)
        self.start()
        client.wait_for(binding.CONNECTED)
        self.assertEqual(client.release(0), 0)
        announced = self.announce()
        token = client.wait_for(binding.BEFORE)["token"]
        self.assertEqual(client.answer(token, binding.READY), 1)
        announced.communicate()
        self.assertEqual(announced.returncode, 0)


if __name__ == "__main__":
    sys.exit(agent_root.main())
