#!/bin/busybox sh
# Starts the agent, as its unit would: by the guest's init, and again by a case that killed it.
mkdir -p /var/lib/libresume /run/libresume /etc/libresume
[ -e /etc/libresume/agent.toml ] || cat >/etc/libresume/agent.toml <<'TOML'
[log]
level = "debug"
[request]
accept = ["xen-suspend"]
[act.freeze]
mounts = ["/mnt"]
ttl_s = 3
TOML
resume-agent >>/run/agent.log 2>&1 &
