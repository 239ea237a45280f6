"""Who tells what happened to the guest: the agent inside it, or resumectl from a raw kernel trace."""

import json
import re
import subprocess

from xenlab.errors import LabError, TimedOut

INSTANCE = "/sys/kernel/tracing/instances/lab"
CYCLES = "/var/lib/libresume/cycles.jsonl"

# The debug level has each report's delay.
START_AGENT = """
mkdir -p /run/libresume /var/lib/libresume /etc/libresume/agent.toml.d
printf '[log]\\nlevel = "debug"\\n' > /etc/libresume/agent.toml.d/10-lab.toml
resume-agent >> /run/agent.log 2>&1 < /dev/null &
i=0
until resumectl status > /dev/null 2>&1 || [ $((i=i+1)) -gt 100 ]; do sleep 0.1; done
[ $i -le 100 ] || { cat /run/agent.log; exit 1; }
"""

TRACE_ON = f"""
mkdir -p {INSTANCE} && cd {INSTANCE} && echo 0 > tracing_on && echo > trace &&
echo boot > trace_clock && echo 8192 > buffer_size_kb &&
echo 1 > events/power/suspend_resume/enable &&
echo 1 > events/power/device_pm_callback_start/enable &&
echo 1 > events/power/device_pm_callback_end/enable && echo 1 > tracing_on
"""


class TraceReporter:
    """Records the kernel's trace of a case and has resumectl judge it, outside the guest."""

    name = "resumectl verify"
    is_agent = False

    def __init__(self, resumectl, folder):
        self._resumectl = resumectl
        self._folder = folder

    def start(self, machine):
        pass

    def begin(self, machine, _case):
        machine.run(TRACE_ON)

    def reports(self, machine, case):
        """Reports of all cycles since begin(), oldest first, and the exit code of resumectl."""
        text = machine.output(f"echo 0 > {INSTANCE}/tracing_on; cat {INSTANCE}/trace", timeout=120)
        path = self._folder / f"{case.name}.trace"
        path.write_text(text)
        done = subprocess.run([str(self._resumectl), "verify", "--json", str(path)],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode not in (0, 1, 3):
            raise LabError(f"resumectl verify {path.name}: {done.returncode}: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class AgentReporter:
    """The agent runs in the guest; its cycles.jsonl is the report."""

    name = "resume-agent"
    is_agent = True

    def __init__(self):
        self._seen = 0
        self.delays_ms = []  # from the end of a cycle's thaw to its report on disk

    def start(self, machine):
        """Once in a machine: the agent, as its unit would start it."""
        machine.run(START_AGENT)

    def begin(self, machine, _case):
        self._seen = self._lines(machine)

    def reports(self, machine, case):
        lines = self._lines(machine)
        wanted = self._seen + (1 if case.expected else 0)
        # The agent writes when it has seen the end of a cycle; asking it settles that it has.
        for _ in range(50):
            if lines >= wanted:
                break
            machine.run("resumectl status >/dev/null 2>&1; sleep 0.1", check=False)
            lines = self._lines(machine)
        else:
            if case.expected:
                raise TimedOut(f"{case.name}: no report in {CYCLES} after 5 s")
        text = machine.output(f"tail -n +{self._seen + 1} {CYCLES} 2>/dev/null || true")
        reports = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        if case.timely:
            self._take_delays(machine, reports)
        return reports

    def _take_delays(self, machine, reports):
        """What the agent's log says of those whose end the kernel's trace has."""
        thawed = {report["id"] for report in reports
                  if any(step["name"] == "thaw_tasks" for step in report["steps"])}
        text = machine.output("grep ': after its end on disk ' /run/agent.log || true")
        for line in text.splitlines():
            found = re.search(r"(\S+): after its end on disk ([0-9.]+) ms", line)
            if found and found.group(1) in thawed:
                self.delays_ms.append(float(found.group(2)))

    @staticmethod
    def _lines(machine):
        return int(machine.output(f"cat {CYCLES} 2>/dev/null | wc -l").strip() or 0)
