#!/bin/sh
# What any Linux guest of the lab does for the lab: commands from the store, answered on its console.
# A command is `NUMBER SCRIPT...` in data/lab/run; its output is led by `NUMBER> `, a piece of a line
# too long for dom0's follower by `NUMBER+ `, and LAB-END tells how many of both there are. One that
# comes again is not run again; the line for it takes along what a console of a restored guest held
# back.
echo "LAB-READY $(uname -r) $(cat /sys/hypervisor/guest_type)"

run_command() {
    number=${1%% *}
    [ "$number" != "$last" ] || {
        # Also where the kernel wrote into the line that ended it.
        echo "LAB-AGAIN $number"
        echo "$end"
        return
    }
    last=$number
    echo "LAB-BEGIN $number"
    sh -c "${1#* }" >/run/output 2>&1 </dev/null
    status=$?
    awk -v n="$number" '{
        for (; length($0) > 4000; $0 = substr($0, 4001)) print n "+ " substr($0, 1, 4000)
        print n "> " $0
    }' /run/output >/run/told
    cat /run/told
    end="LAB-END $number $status $(wc -l </run/told)"
    echo "$end"
}

last=
end=
# The watch fires at once when it is set, at each write, and again after a restore.
xenstore-watch data/lab/run | while read -r node; do
    command=$(xenstore-read -R "$node" 2>/dev/null)
    [ -z "$command" ] || run_command "$command"
done
echo "LAB-ERROR the store's watch ended"
while :; do sleep 1000; done
