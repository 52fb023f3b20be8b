/*
 * core/cli/line_editor.c - lines typed at a terminal, with history (libedit).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/cli/line_editor.h"

#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_LINES 1000

struct lun_line_editor {
    EditLine *edit; /* NULL: no terminal */
    History *history;
    char path[PATH_MAX];
    const char *prompt;
    bool interrupted;
    char *line; /* of getline, or a copy without the end of line */
    size_t cap;
};

static char *give_prompt(EditLine *edit)
{
    struct lun_line_editor *editor;
    (void)el_get(edit, EL_CLIENTDATA, &editor);
    return (char *)editor->prompt;
}

/* Ctrl-C is a key here: the line is given up, the program goes on. */
static unsigned char on_interrupt(EditLine *edit, int key)
{
    struct lun_line_editor *editor;
    const LineInfo *info = el_line(edit);
    (void)key;
    (void)el_get(edit, EL_CLIENTDATA, &editor);
    editor->interrupted = true;
    el_deletestr(edit, (int)(info->cursor - info->buffer));
    (void)fputs("^C\n", stdout);
    return CC_NEWLINE;
}

static bool open_edit(struct lun_line_editor *editor)
{
    HistEvent event;
    (void)setlocale(LC_CTYPE, "");
    editor->edit = el_init("lunette", stdin, stdout, stderr);
    editor->history = history_init();
    if (editor->edit == NULL || editor->history == NULL) {
        return false;
    }
    (void)history(editor->history, &event, H_SETSIZE, KEPT_LINES);
    (void)history(editor->history, &event, H_SETUNIQUE, 1);
    (void)history(editor->history, &event, H_LOAD, editor->path);
    (void)el_set(editor->edit, EL_CLIENTDATA, editor);
    (void)el_set(editor->edit, EL_PROMPT, give_prompt);
    (void)el_set(editor->edit, EL_EDITOR, "emacs");
    (void)el_set(editor->edit, EL_HIST, history, editor->history);
    (void)el_set(editor->edit, EL_ADDFN, "lunette-interrupt",
                 "give up the line", on_interrupt);
    (void)el_set(editor->edit, EL_SETTY, "-d", "-isig", NULL);
    (void)el_set(editor->edit, EL_BIND, "^C", "lunette-interrupt", NULL);
    (void)el_set(editor->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    (void)el_source(editor->edit, NULL);
    return true;
}

struct lun_line_editor *lun_line_editor_open(const char *path)
{
    struct lun_line_editor *editor = calloc(1, sizeof *editor);
    if (editor == NULL) {
        return NULL;
    }
    (void)snprintf(editor->path, sizeof editor->path, "%s", path);
    if (isatty(0) == 1 && isatty(1) == 1 && !open_edit(editor)) {
        lun_line_editor_close(editor);
        return NULL;
    }
    return editor;
}

void lun_line_editor_close(struct lun_line_editor *editor)
{
    HistEvent event;
    if (editor->history != NULL) {
        (void)history(editor->history, &event, H_SAVE, editor->path);
        history_end(editor->history);
    }
    if (editor->edit != NULL) {
        el_end(editor->edit);
    }
    free(editor->line);
    free(editor);
}

bool lun_line_editor_is_terminal(const struct lun_line_editor *editor)
{
    return editor->edit != NULL;
}

static size_t cut_end(char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        line[--len] = '\0';
    }
    return len;
}

static const char *read_plain(struct lun_line_editor *editor, size_t *len)
{
    ssize_t got = getline(&editor->line, &editor->cap, stdin);
    if (got < 0) {
        return NULL;
    }
    *len = cut_end(editor->line, (size_t)got);
    return editor->line;
}

const char *lun_line_editor_read(struct lun_line_editor *editor,
                                 const char *prompt, size_t *len)
{
    HistEvent event;
    int count;
    if (editor->edit == NULL) {
        return read_plain(editor, len);
    }
    editor->interrupted = false;
    editor->prompt = prompt;
    const char *line = el_gets(editor->edit, &count);
    if (!editor->interrupted && (line == NULL || count <= 0)) {
        (void)fputs("\n", stdout);
        return NULL;
    }
    free(editor->line);
    editor->line = strdup(editor->interrupted ? "" : line);
    if (editor->line == NULL) {
        return NULL;
    }
    *len = cut_end(editor->line, strlen(editor->line));
    if (*len > 0) {
        (void)history(editor->history, &event, H_ENTER, editor->line);
    }
    return editor->line;
}

bool lun_line_editor_was_interrupted(const struct lun_line_editor *editor)
{
    return editor->interrupted;
}
