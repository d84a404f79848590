# bash completion for belay
_belay() {
    # Bash splits words at = and :, which are parts of words here.
    local line word typed=${COMP_WORDS[COMP_CWORD]} words=() glue= i last
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        last=$((${#words[@]} - 1))
        if [[ $last -ge 0 && (-n $glue || $word == [=:]) ]]; then
            words[last]+=$word
        else
            words+=("$word")
        fi
        glue=
        [[ $word == [=:] ]] && glue=yes
    done
    [[ $typed == [=:] ]] && typed=
    # Of the answer, bash wants what follows the last = or :.
    local skip=$((${#words[${#words[@]} - 1]} - ${#typed}))
    COMPREPLY=()
    while IFS= read -r line; do
        line=${line%%$'\t'*}
        [[ -n $line ]] && COMPREPLY+=("$(printf '%q' "${line:skip}")")
    done < <(belay __complete -- "${words[@]}" 2>/dev/null)
}
complete -o bashdefault -o default -F _belay belay
