# fish completion for belay
function __belay_complete
    set -l words (commandline -opc) (commandline -ct)
    belay __complete -- $words[2..-1] 2>/dev/null
end
complete -c belay -f -n 'test -n "(__belay_complete)"' -a '(__belay_complete)'
