#!/bin/busybox sh
# Boots a Debian root from its disk, under QEMU or as a Xen guest.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in $(cat /lab/modules/order); do
    insmod "/lab/modules/$module" || echo "LAB-ERROR insmod $module"
done
disk=
until [ -n "$disk" ]; do
    for each in /dev/vda /dev/xvda; do
        [ ! -b "$each" ] || disk=$each
    done
    usleep 50000
done
mount -t ext4 -o rw,noatime "$disk" /root || echo "LAB-ERROR mount $disk"
for each in dev proc sys; do
    mount -o move "/$each" "/root/$each"
done
exec switch_root /root /sbin/init
