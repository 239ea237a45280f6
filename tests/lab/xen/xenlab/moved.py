"""`resume-stress real --method xen` in dom0, on a Linux guest with the agent, disk and net at work."""

import json
import pathlib
import shlex
import tempfile
import time

from .errors import LabError

PROGRAM = "resume-stress-xen"
PATIENCE_S = 120
# Linux 6.1's xen-netfront loses about 1 MiB whenever it is connected anew, 280 times in the whole run
# (`linux-xen-netfront-page-pool` in the doctor's table): one of 192 MiB had none left after 240 cycles.
MEMORY_MB = 512
# Files lie in the guest's memory.
AGENT = """
[report]
log_kib = 1024
"""
# A disk that is never idle and has a pattern that is read again, frames to dom0 and back, and a line
# in the store a round. It allows what is done to it anew each time: a restore forgets that.
LOAD = """
mkdir -p /mnt; mke2fs -q -F /dev/xvdb && mount -t ext4 /dev/xvdb /mnt &&
dd if=/dev/urandom of=/run/pattern bs=64k count=2 && cp /run/pattern /mnt/pattern && sync &&
cd / && sha256sum run/pattern mnt/pattern > /run/sums || exit 1
echo 4 > /proc/sys/vm/drop_caches || exit 1  # no word of it on the console from here on
cat > /run/load.sh <<'END'
while :; do dd if=/dev/zero of=/mnt/load bs=64k count=2 conv=fsync; sleep 0.1; done
END
cat > /run/beat.sh <<'END'
cd /; last=0; number=0
problem=
while :; do
    echo 1 > /proc/sys/vm/drop_caches
    sha256sum -c /run/sums > /run/compared 2>&1 || case $problem in
        *pattern*) ;;
        *) problem="$problem $(grep pattern: /run/compared | grep -v ': OK')" ;;
    esac
    ping -c 1 -W 1 {far} || ping -c 1 -W 2 {far} || ping -c 1 -W 4 {far} || problem="$problem net"
    now=$(cut -d' ' -f1 /proc/uptime)
    awk -v a=$last -v b=$now 'BEGIN {{ exit !(b > a) }}' || problem="$problem clock"
    last=$now; number=$((number+1))
    xenstore-write data/lab/beat "$number ${{problem:-well}}" data/resume/stress-ok 1
    sleep 0.1
done
END
sh /run/load.sh > /dev/null 2>&1 &
sh /run/beat.sh > /dev/null 2>&1 &
i=0; until xenstore-read data/lab/beat 2>/dev/null; do [ $((i=i+1)) -lt 300 ] || exit 1; sleep 0.1; done
"""
# A round that ended after the cycle; what was wrong once is told in each round from then on.
CHECK = """
node=/local/domain/$RESUME_DOMID/data/lab/beat
beat() { said=$(xenstore-read $node 2>/dev/null); number=${said%% *}; }
beat; first=${number:-0}; tries=0
while :; do
    beat
    [ -z "$said" ] || [ "${said#* }" = well ] || { echo "in the guest: $said"; exit 1; }
    [ -z "$number" ] || { [ $first != 0 ] || first=$number; [ $number -le $first ] || exit 0; }
    [ $((tries=tries+1)) -lt 600 ] || { echo "the guest beats no more: $said"; exit 1; }
    sleep 0.1
done
"""
SCRIPT = "/tmp/check.sh"


class Lines:
    """What the program prints, a line of JSON a cycle, as it comes."""

    def __init__(self):
        self._text = b""
        self.all = []
        self.other = []

    def take(self, data):
        *whole, self._text = (self._text + data).split(b"\n")
        self.all += [json.loads(line) for line in whole if line.startswith(b"{")]
        self.other += [line for line in whole if line and not line.startswith(b"{")]


class Moved:
    def __init__(self, dom0, guests, seed, say):
        self._dom0 = dom0
        self._guests = guests
        self._seed = seed
        self._say = say
        self._linux = None
        self._free_kib = 0

    def run(self, cycles, restores, only=None):
        """Whether all went as it should."""
        with tempfile.TemporaryDirectory() as overlay:
            config = pathlib.Path(overlay) / "etc/libresume/agent.toml"
            config.parent.mkdir(parents=True)
            config.write_text(AGENT)
            self._linux = self._guests.create(overlay=overlay, memory_mb=MEMORY_MB)
        far = f"10.9.{self._linux.number}.1"
        status, lines = self._linux.shell.run(LOAD.format(far=far), timeout=60)
        if status != 0:
            raise LabError(f"the guest has no load: {lines}")
        self._dom0.write_file(SCRIPT, CHECK)
        self._free_kib = self._memory_free()
        parts = {"moved": lambda: self._plain(cycles, "fast:3,inplace"),
                 "restored": lambda: self._plain(restores, "restore"),
                 "refused": self._refused}
        chosen = only.split(",") if only else list(parts)
        return all([parts[name]() for name in chosen])

    def _start(self, cycles, mix, lines, awake_ms="0..100"):
        name = self._linux.name
        state = f"/tmp/stress-{time.monotonic_ns()}"
        command = [PROGRAM, "--method", "xen", "--domain", name, "--yes-break", name, "--mix", mix,
                   "--cycles", str(cycles), "--seed", str(self._seed), "--asleep-ms", "0..50",
                   "--awake-ms", awake_ms, "--patience-s", str(PATIENCE_S), "--check",
                   f"sh {SCRIPT}", "--continue", state, "--json"]
        return self._dom0.start(shlex.join(command) + " 2>&1", PATIENCE_S + 60 * cycles, lines.take)

    def _plain(self, cycles, mix):
        lines = Lines()
        begun = time.monotonic()
        status = self._start(cycles, mix, lines).wait(PATIENCE_S + 60 * cycles)
        summary = self._summary(lines, status)
        passed = time.monotonic() - begun
        good = (status == 0 and summary["cycles"] == cycles and summary["failures"] == 0 and
                summary["agent_reports"] == cycles)
        self._linux.guest.find_domid()  # a restore gave it another
        before, self._free_kib = self._free_kib, self._memory_free()
        self._tell(lines, f"{mix}: {self._text(summary)}, {passed / cycles:.2f} s a cycle, "
                   f"{before - self._free_kib} KiB of memory fewer free", good)
        return good

    def _memory_free(self):
        """KiB, nothing kept that can be given up."""
        return int(self._linux.shell.run("sync; echo 3 > /proc/sys/vm/drop_caches; "
                                         "awk '/^MemFree/ {print $2}' /proc/meminfo")[1][0])

    def _refused(self):
        """What refuses is plugged in once the first cycle is over, and out again at the end."""
        self._linux.load_later_modules()
        lines = Lines()
        command = self._start(9, "fast", lines, awake_ms="2000")
        self._wait_for(command, lines, lambda: lines.all)
        self._linux.plug_in_what_refuses(loaded=True)
        self._wait_for(command, lines, lambda: sum(refusal(each) for each in lines.all) >= 2)
        self._linux.shell.run("killall resume-lab-usb; while pidof resume-lab-usb; do "
                              "sleep 0.1; done", timeout=60)
        status = command.wait(PATIENCE_S + 600)
        summary = self._summary(lines, status)
        refused = [each for each in lines.all[:-1] if each["outcome"] == "aborted"]
        good = (status == 1 and summary["agent_reports"] == 9 and
                len(refused) == summary["failures"] and all(map(refusal, refused)) and
                lines.all[-2]["outcome"] == "cancelled")
        self._tell(lines, f"with a device that refuses: {self._text(summary)}", good)
        return good

    @staticmethod
    def _wait_for(command, lines, come):
        deadline = time.monotonic() + 300
        while not come():
            if command.status is not None or time.monotonic() > deadline:
                raise LabError(f"it did not come: {lines.all[-3:]} {lines.other}, {command.status}")
            time.sleep(0.1)

    @staticmethod
    def _summary(lines, status):
        if not lines.all or "cycles" not in lines.all[-1]:
            raise LabError(f"{PROGRAM} ended with {status} and no summary: {lines.other}")
        return lines.all[-1]

    @staticmethod
    def _text(summary):
        return (f"{summary['cycles']} cycles, {summary['outcomes']}, {summary['failures']} failures, "
                f"{summary['agent_reports']} reports of the agent")

    def _tell(self, lines, text, good):
        for line in lines.all[:-1]:
            for problem in line["problems"]:
                self._say(f"  cycle {line['cycle']}, {line['act']} {line['outcome']}: {problem}")
        self._say(text + ("" if good else "  <-- NOT AS EXPECTED"))


def refusal(line):
    """Whether a cycle was refused by the device that does, with its errno, and nothing else."""
    problems = line.get("problems", [])
    return len(problems) == 1 and "vhci_hcd.0" in problems[0] and "EBUSY" in problems[0]
