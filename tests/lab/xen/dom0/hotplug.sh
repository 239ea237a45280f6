#!/bin/sh
# libxl's hotplug script for disks (file or block device) and network interfaces, without bash and
# udev: called as block-lab or vif-lab.
case "$1:$0" in
add:*block* | online:*block*)
    target=$(xenstore-read "$XENBUS_PATH/params")
    if [ ! -b "$target" ]; then
        loop=$(losetup -f)
        losetup "$loop" "$target"
        target=$loop
    fi
    xenstore-write "$XENBUS_PATH/physical-device" "$(stat -c '%t:%T' "$target")"
    xenstore-write "$XENBUS_PATH/hotplug-status" connected
    ;;
add:*vif* | online:*vif*)
    ip link set "$vif" up
    xenstore-write "$XENBUS_PATH/hotplug-status" connected
    ;;
esac
exit 0
