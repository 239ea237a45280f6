# The host's half of data/resume/*, for POSIX sh; sourced by resume-xl and by the XAPI hooks.
# Needs xenstore-read and xenstore-write and nothing else. What a guest wrote is untrusted: only its
# first words are compared, and it is cut and cleaned before a person sees it.

LIBRESUME_TTL_S=${LIBRESUME_TTL_S:-60}       # for how long the guest may stay prepared
LIBRESUME_WAIT_S=${LIBRESUME_WAIT_S:-30}     # for how long its answer is waited for

libresume_say() {
    printf 'libresume: %s\n' "$*" >&2
}

# libresume_node DOMID NODE: what the guest wrote there, printable, at most 256 bytes; empty without.
# Octal ranges: the tr of busybox takes [:print:] for the characters that it is written with.
libresume_node() {
    xenstore-read "/local/domain/$1/data/resume/$2" 2>/dev/null |
        LC_ALL=C tr -d '\000-\037\177-\377' | cut -c1-256
}

# libresume_has_agent DOMID
libresume_has_agent() {
    [ -n "$(libresume_node "$1" version)" ]
}

# libresume_doctor DOMID: 0 good or unknown, 1 warning, 2 unsafe; says why when not good.
libresume_doctor() {
    libresume_verdict=$(libresume_node "$1" doctor)
    case "$libresume_verdict" in
        unsafe | unsafe\ *)
            libresume_say "domain $1 says that it is unsafe to suspend: ${libresume_verdict#unsafe}"
            return 2
            ;;
        warning | warning\ *)
            libresume_say "domain $1 warns:${libresume_verdict#warning}"
            return 1
            ;;
    esac
    return 0
}

# libresume_prepare DOMID ID KIND: asks the guest to get ready and waits for its answer.
# 0 ready, or it does not take requests (its default); 1 refused; 75 no answer in time.
libresume_prepare() {
    xenstore-write "/local/domain/$1/data/resume/request" \
        "prepare $2 $3 $LIBRESUME_TTL_S" || return 70
    libresume_waited=0
    while [ "$libresume_waited" -lt "$LIBRESUME_WAIT_S" ]; do
        libresume_answer=$(libresume_node "$1" answer)
        case "$libresume_answer" in
            "ready $2" | "ready $2 "*) return 0 ;;
            "unsupported $2" | "unsupported $2 "*)
                libresume_say "domain $1 does not take requests of its host; going on without"
                return 0
                ;;
            "refused $2" | "refused $2 "*)
                libresume_say "domain $1 refuses: ${libresume_answer#refused "$2"}"
                return 1
                ;;
            "expired $2" | "expired $2 "*) break ;;
        esac
        sleep 1
        libresume_waited=$((libresume_waited + 1))
    done
    libresume_release "$1" "$2"
    libresume_say "domain $1 did not answer the request $2 within $LIBRESUME_WAIT_S s"
    return 75
}

# libresume_release DOMID ID: the guest may go on; safe twice, and where the domain is gone.
libresume_release() {
    xenstore-read "/local/domain/$1/data/resume/version" >/dev/null 2>&1 || return 0
    xenstore-write "/local/domain/$1/data/resume/request" "release $2" 2>/dev/null || return 0
}
