#!/bin/busybox sh
# The lab's guest: modules, a mounted disk, a link that is up, then the command server.
/bin/busybox --install -s /bin
export PATH=/lab/bin:/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
for module in $(cat /lab/modules/order); do
    insmod "/lab/modules/$module" || echo "LAB-ERROR insmod $module"
done
# The image of a guest that hibernated, if there is one: this line does not return then.
[ -e /sys/block/vdb ] && cat /sys/block/vdb/dev >/sys/power/resume
mount -t ext4 /dev/vda /mnt || echo "LAB-ERROR mount /dev/vda"
ip link set lo up
ip link set eth0 up
echo 0 >/sys/module/suspend/parameters/pm_test_delay
for name in /sys/class/virtio-ports/*/name; do
    [ "$(cat "$name")" = lab.commands ] && port=/dev/$(basename "$(dirname "$name")")
done
[ -n "$port" ] || echo "LAB-ERROR no virtio-serial port named lab.commands"
echo "LAB-READY $(uname -r)"
resume-lab-server "$port"
echo "LAB-ERROR the command server ended with $?"
while :; do sleep 1000; done
