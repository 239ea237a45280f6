#!/bin/busybox sh
# Started by the guest's init where the agent is installed.
mkdir -p /var/lib/libresume /run/libresume /etc/libresume
resume-agent >/run/agent.log 2>&1 &
