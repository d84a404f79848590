# fish completion for belay
function __belay_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (belay __complete -- $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c belay -f -a '(__belay_complete)'
