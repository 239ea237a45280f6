#!/bin/sh
# The far end of `xl migrate -s "receiver.sh HOW"`, called as
# receiver.sh HOW HOST xl migrate-receive ...
#   whole  a receiver that works
#   late   takes the whole stream, so that the guest is suspended by then; of its answers only the
#          banner gets back to the sender, and then it is gone
#   early  gone in the live phase, before the guest is asked to suspend
how=$1
shift 2
[ "$1" = exec ] && shift
banner='xl migration receiver ready, send binary domain data.
'
case $how in
whole) exec sh -c "$*" ;;
late)
    sh -c "$*" | head -c ${#banner}
    exit 3
    ;;
early) exec sh -c "head -c ${EARLY_BYTES:-4000000} | $*" ;;
*)
    echo "receiver.sh: unknown way '$how'" >&2
    exit 64
    ;;
esac
