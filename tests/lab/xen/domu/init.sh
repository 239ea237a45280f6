#!/bin/busybox sh
# A Linux guest of the lab: modules, the agent, then commands from the store.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs run /run
mkdir -p /proc/xen
for module in $(cat /lab/modules/order); do
    insmod "/lab/modules/$module" || echo "LAB-ERROR insmod $module"
done
mount -t xenfs xenfs /proc/xen
ip link set lo up
[ ! -x /lab/start ] || /lab/start
exec sh /lab/commands
