#!/bin/sh
# libxl's hotplug script for disks (file or block device) and network interfaces, without bash and
# udev: called as block-lab or vif-lab. A vif's ip= is the address of dom0's end.
case "$1:$0" in
add:*block* | online:*block*)
    target=$(xenstore-read "$XENBUS_PATH/params")
    if [ ! -b "$target" ]; then
        # One loop device a file: a migrated guest's disk is plugged in twice for a moment. The
        # scripts of two disks run at once: what is free now may be the other's in a moment.
        tries=0
        until loop=$(losetup -a | sed -n "s|^\(/dev/loop[0-9]*\):.* $target\$|\1|p" | head -n 1)
            [ -n "$loop" ]; do
            [ $((tries = tries + 1)) -lt 50 ] || { echo "no loop device for $target" >&2; exit 1; }
            losetup "$(losetup -f)" "$target"
        done
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
