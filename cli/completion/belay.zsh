#compdef belay
# zsh completion for belay
_belay() {
    local -a found
    local line
    while IFS= read -r line; do
        [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done < <(belay __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then
        _describe belay found
    else
        _files
    fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _belay "$@"
else
    compdef _belay belay
fi
