"""xenstored's own log: how many requests a guest made."""

import collections
import re

LOG = "/tmp/xenstored.log"
# `IN 0x55d0c8a1d2a0 20261127 10:11:12 WRITE (device/vbd/51712/state 4 )`
REQUEST = re.compile(r"^IN (\S+) \d+ [\d:]+ (\S+) \((.*)$")


def start(dom0):
    dom0.run(f"rm -f {LOG}; xenstore-control logfile {LOG} && xenstore-control log on")


def stop(dom0):
    """Lines since start()."""
    dom0.run("xenstore-control log off")
    return dom0.output(f"cat {LOG}").splitlines()


def requests_after_return(lines):
    """{type: count} of what the guest sent after it was introduced anew, which an in-place restore
    does last. The guest's connection is the one that writes below device/."""
    found = []
    for line in lines:
        match = REQUEST.match(line)
        if match:
            found.append(match.groups())
    begin = max((index for index, (_, kind, _) in enumerate(found) if kind == "INTRODUCE"),
                default=0)
    guests = {connection for connection, kind, text in found
              if kind == "WRITE" and text.startswith("device/")}
    return collections.Counter(kind for connection, kind, _ in found[begin:]
                               if connection in guests)
