# bash completion for belay
_belay() {
    local line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    # Bash splits words at = and :, which are parts of words here.
    if declare -F _get_comp_words_by_ref >/dev/null; then
        local cur cwords cword
        _get_comp_words_by_ref -n =: -w cwords -i cword cur
        words=("${cwords[@]:1:cword}")
    fi
    COMPREPLY=()
    while IFS= read -r line; do
        line=${line%%$'\t'*}
        [[ -n $line ]] && COMPREPLY+=("$(printf '%q' "$line")")
    done < <(belay __complete -- "${words[@]}" 2>/dev/null)
    if declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "${words[-1]}"
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}
complete -o bashdefault -o default -F _belay belay
