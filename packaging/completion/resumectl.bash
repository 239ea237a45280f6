# bash completion for resumectl(1)
_resumectl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
    local kinds="xen-suspend s3 s2idle hibernate pm-test pause restore clock-step snapshot"
    case "$before" in
        --for | --kind) mapfile -t COMPREPLY < <(compgen -W "$kinds" -- "$word"); return ;;
        --outcome)
            mapfile -t COMPREPLY < <(compgen -W "resumed cancelled aborted unknown none" -- "$word")
            return
            ;;
        -o | --output | --folder | --socket) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    esac
    local words
    if [ "$COMP_CWORD" = 1 ]; then
        words=$(resumectl --help 2>/dev/null | sed -n '/^Subcommands:/,$s/^  \([a-z-]*\) .*/\1/p')
    elif [ "$command" = verify ] && [ "${word#-}" = "$word" ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    elif [ "$command" = hooks ] && [ "$COMP_CWORD" = 2 ]; then
        words="list test mask"
    else
        words=$(resumectl "$command" --help 2>/dev/null | grep -o -- '--[a-z-]*')
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o filenames -F _resumectl resumectl
