/*
 * core/cli/command_completion.c - `lunette completion bash|zsh`.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <string.h>

#include "core/cli/command.h"

static const char bash[] =
    "# Completion of lunette for bash; in ~/.bashrc:\n"
    "#   source <(lunette completion bash)\n"
    "_lunette() {\n"
    "    local line current=${COMP_WORDS[COMP_CWORD]}\n"
    "    local program=${COMP_WORDS[0]/#\\~/$HOME}\n"
    "    [[ $current == '=' ]] && current=\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        case $line in\n"
    "            :files|:folders)\n"
    "                compopt -o filenames 2>/dev/null\n"
    "                local kind=-f\n"
    "                [[ $line == ':folders' ]] && kind=-d\n"
    "                mapfile -t COMPREPLY < <(compgen $kind -- \"$current\")\n"
    "                ;;\n"
    "            *) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "        esac\n"
    "    done < <(\"$program\" __complete "
    "\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _lunette lunette ./lunette\n";

static const char zsh[] =
    "#compdef lunette\n"
    "# Completion of lunette for zsh; in ~/.zshrc, after compinit:\n"
    "#   source <(lunette completion zsh)\n"
    "_lunette() {\n"
    "    local line\n"
    "    local -a found\n"
    "    local -a lines=(\"${(@f)$(${~words[1]} __complete "
    "\"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "    [[ $words[CURRENT] == --*=* ]] && compset -P '*='\n"
    "    for line in $lines; do\n"
    "        case $line in\n"
    "            :files) _files; return ;;\n"
    "            :folders) _files -/; return ;;\n"
    "            ?*) found+=(\"${${line%%$'\\t'*}//:/\\\\:}:"
    "${line#*$'\\t'}\") ;;\n"
    "        esac\n"
    "    done\n"
    "    _describe -V lunette found\n"
    "}\n"
    "compdef _lunette lunette\n";

int lun_command_completion(struct lun_command_line *line)
{
    const char *shell = line->arg_count > 0 ? line->args[0] : "";
    const char *script = strcmp(shell, "bash") == 0  ? bash
                         : strcmp(shell, "zsh") == 0 ? zsh
                                                     : NULL;
    if (script == NULL) {
        (void)fprintf(stderr,
                      "lunette completion: name the shell, bash or zsh\n");
        return LUN_EXIT_USAGE;
    }
    (void)fputs(script, stdout);
    return LUN_EXIT_OK;
}
