#!/bin/sh
# libxl's hotplug script for disks (file or block device) and network interfaces, without bash and
# udev: called as block-lab or vif-lab. A vif's ip= is the address of dom0's end.
case "$1:$0" in
add:*block* | online:*block*)
    target=$(xenstore-read "$XENBUS_PATH/params")
    if [ ! -b "$target" ]; then
        # One loop device a file: a migrated guest's disk is plugged in twice for a moment.
        loop=$(losetup -a | sed -n "s|^\(/dev/loop[0-9]*\):.* $target\$|\1|p" | head -n 1)
        [ -n "$loop" ] || { loop=$(losetup -f) && losetup "$loop" "$target"; }
        target=$loop
    fi
    xenstore-write "$XENBUS_PATH/physical-device" "$(stat -c '%t:%T' "$target")"
    xenstore-write "$XENBUS_PATH/hotplug-status" connected
    ;;
remove:*block* | offline:*block*)
    # Gone when nobody has it open any more: the domain that a guest moved to may.
    device=$(xenstore-read "$XENBUS_PATH/physical-device")
    [ "${device%:*}" != 7 ] || losetup -d "/dev/loop$((0x${device#*:}))"
    ;;
add:*vif* | online:*vif*)
    address=$(xenstore-read "$XENBUS_PATH/ip")
    [ -z "$address" ] || ip addr add "$address/24" dev "$vif"
    ip link set "$vif" up
    xenstore-write "$XENBUS_PATH/hotplug-status" connected
    ;;
esac
exit 0
