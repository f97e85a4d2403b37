//! The script for bash.

/// Bash cuts words at `=` and `:` and completes only the last piece. So the pieces that stand together in the line are joined
/// before we are asked, and of what we answer the part before the piece is taken off.
const SCRIPT: &str = r#"_rulemake_complete() {
    local rest=${COMP_LINE:0:COMP_POINT} words=() last=-1 piece index answer begun
    for ((index = 0; index <= COMP_CWORD; index++)); do
        piece=${COMP_WORDS[index]}
        if ((index == 0)) || [[ $rest == [[:space:]]* ]]; then
            words+=("") last=$((last + 1))
            rest=${rest#"${rest%%[![:space:]]*}"}
        fi
        # Of the last one only what stands before the cursor.
        ((index == COMP_CWORD)) && piece=$rest
        words[last]+=$piece
        rest=${rest#"$piece"}
    done
    begun=${words[last]%"$2"} words[last]=${words[last]#[\'\"]} begun=${begun#[\'\"]}
    COMPREPLY=()
    while IFS= read -r answer || [[ -n $answer ]]; do
        answer=${answer#"$begun"}
        [[ $answer == *[[:space:]\'\"\\\$\&\;\|\<\>\(\)\*\?\[\`]* ]] && printf -v answer %q "$answer"
        COMPREPLY+=("$answer")
    done < <(VARIABLE=bash INDEX=$last _CLAP_IFS=$'\n' rulemake -- "${words[@]}" 2>/dev/null)
    # What ends so goes on.
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/:] ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -o bashdefault -o nosort -F _rulemake_complete rulemake 2>/dev/null ||
    complete -o bashdefault -F _rulemake_complete rulemake
"#;

pub(super) fn script(variable: &str, index: &str) -> String {
    SCRIPT.replace("VARIABLE", variable).replace("INDEX", index)
}
