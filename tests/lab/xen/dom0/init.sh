#!/bin/busybox sh
# dom0 of the lab: modules, Xen's daemons, then the command server on the virtio-serial port.
/bin/busybox --install -s /bin
export PATH=@XEN_BIN@:/lab/bin:/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o size=80% tmp /tmp
mount -t tmpfs run /run
mkdir -p /dev/pts /dev/shm /run/lock /run/xen /run/xenstored /proc/xen /share
mkdir -p /var/lib/xenstored /var/lib/xen /var/log/xen/console
mount -t devpts devpts /dev/pts
rm -rf /var/run /var/lock
ln -s /run /var/run
ln -s /run/lock /var/lock
ln -s /proc/self/fd /dev/fd
for module in $(cat /lab/modules/order); do
    insmod "/lab/modules/$module" || echo "LAB-ERROR insmod $module"
done
mount -t xenfs xenfs /proc/xen
mount -t 9p -o trans=virtio,version=9p2000.L,cache=none,msize=262144 share /share ||
    echo "LAB-ERROR mount /share"
ip link set lo up
xenstored || echo "LAB-ERROR xenstored"
xen-init-dom0 || echo "LAB-ERROR xen-init-dom0"
xenconsoled --log=all --log-dir=/var/log/xen/console --timestamp=none ||
    echo "LAB-ERROR xenconsoled"
echo "LAB-DOM0 up $(cat /proc/uptime)"
for name in /sys/class/virtio-ports/*/name; do
    [ "$(cat "$name")" = lab.commands ] && port=/dev/$(basename "$(dirname "$name")")
done
[ -n "$port" ] || echo "LAB-ERROR no virtio-serial port named lab.commands"
resume-lab-server "$port"
echo "LAB-ERROR the command server ended with $?"
while :; do sleep 1000; done
