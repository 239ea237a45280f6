# What the host's scripts share: the nodes below data/resume of a guest. POSIX sh; sourced.

guest_node() { # DOMID NODE
    xenstore-read "/local/domain/$1/data/resume/$2" 2>/dev/null
}

guest_has_agent() { # DOMID
    case "$(guest_node "$1" version)" in
        1\ *) return 0 ;;
        *) return 1 ;;
    esac
}

# False only for a guest whose doctor says so; no word of it is no reason.
guest_is_safe() { # DOMID
    case "$(guest_node "$1" doctor)" in
        unsafe*) return 1 ;;
        *) return 0 ;;
    esac
}

# Asks the guest to get ready. True when it is, or takes no requests; false when it refuses.
guest_prepare() { # DOMID ID KIND TTL_S
    xenstore-write "/local/domain/$1/data/resume/request" "prepare $2 $3 $4" || return 0
    _waited=0
    while [ "$_waited" -lt "$4" ]; do
        _answer=$(guest_node "$1" answer)
        case "$_answer" in
            "ready $2"* | "unsupported $2"*) return 0 ;;
            "refused $2"* | "expired $2"*) return 1 ;;
        esac
        # An agent that takes no requests does not even look.
        if [ "$_waited" -ge 3 ] && [ "$_answer" != "pending $2" ]; then
            xenstore-rm "/local/domain/$1/data/resume/request" 2>/dev/null
            return 0
        fi
        sleep 1
        _waited=$((_waited + 1))
    done
    return 1
}

guest_release() { # DOMID ID
    xenstore-write "/local/domain/$1/data/resume/request" "release $2"
}
