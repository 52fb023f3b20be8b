/*
 * core/config/excerpt.c - messages about apps, with the line of code and a
 * caret. SPDX-License-Identifier: Apache-2.0
 */
#include "core/config/excerpt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/json.h"

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[1;31m"
#define YELLOW "\033[1;33m"
#define PLAIN "\033[0m"

/* A line of an excerpt: "    3 | code"; the number may be missing. */
#define MARGIN 5

bool lun_excerpt_colored(int fd)
{
    const char *no = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return (no == NULL || no[0] == '\0') && isatty(fd) == 1 &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && node->text != NULL ? node->text : "";
}

static size_t number_of(const struct lun_json *object, const char *name)
{
    return strtoul(text_of(object, name), NULL, 10);
}

static void push_in(struct lun_buf *out, const char *color, const char *text,
                    size_t len)
{
    lun_buf_push_str(out, color);
    lun_buf_push(out, text, len);
    lun_buf_push_str(out, color[0] != '\0' ? PLAIN : "");
}

static bool continues_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Room as wide as the first `count` characters of the line, tabs kept. */
static void push_room(struct lun_buf *out, const struct lun_excerpt *excerpt)
{
    size_t count = excerpt->column - 1;
    for (size_t i = 0; i < excerpt->len && count > 0; i++) {
        if (!continues_character(excerpt->source[i])) {
            lun_buf_push_byte(out, excerpt->source[i] == '\t' ? '\t' : ' ');
            count--;
        }
    }
}

void lun_excerpt_push_source(const struct lun_excerpt *excerpt,
                             const char *indent, bool colored,
                             struct lun_buf *out)
{
    struct lun_buf line;
    lun_buf_init(&line);
    lun_buf_printf(&line, "%s%*zu | %.*s", indent, MARGIN, excerpt->line,
                   (int)excerpt->len, excerpt->source);
    push_in(out, colored ? DIM : "", line.data, line.len);
    lun_buf_clear(&line);
    lun_buf_printf(&line, "\n%s%*s | ", indent, MARGIN, "");
    push_room(&line, excerpt);
    lun_buf_push(out, line.data, line.len);
    lun_buf_clear(&line);
    for (size_t i = 0; i < (excerpt->width > 0 ? excerpt->width : 1); i++) {
        lun_buf_push_byte(&line, '^');
    }
    push_in(out, colored ? RED : "", line.data, line.len);
    lun_buf_push_byte(out, '\n');
    lun_buf_release(&line);
}

static void push_source(const struct lun_json *entry, bool colored,
                        struct lun_buf *out)
{
    const char *source = text_of(entry, "source");
    const struct lun_excerpt excerpt = {
        .line = number_of(entry, "line"),
        .source = source,
        .len = strlen(source),
        .column = number_of(entry, "column"),
        .width = number_of(entry, "width"),
    };
    if (source[0] != '\0' && excerpt.column > 0) {
        lun_excerpt_push_source(&excerpt, "", colored, out);
    }
}

void lun_excerpt_push(const struct lun_json *entry, const char *kind,
                      bool colored, struct lun_buf *out)
{
    const char *file = text_of(entry, "file");
    const char *line = text_of(entry, "line");
    struct lun_buf place;
    lun_buf_init(&place);
    if (file[0] != '\0') {
        lun_buf_printf(&place, "%s%s%s:", file, line[0] != '\0' ? ":" : "",
                       line);
        push_in(out, colored ? BOLD : "", place.data, place.len);
        lun_buf_push_byte(out, ' ');
    }
    lun_buf_release(&place);
    push_in(out, colored && kind[0] != '\0' ? YELLOW : "", kind, strlen(kind));
    lun_excerpt_push_plain(entry->type == LUN_JSON_STRING
                               ? entry->text
                               : text_of(entry, "message"),
                           "    ", out);
    lun_buf_push_byte(out, '\n');
    push_source(entry, colored, out);
}

void lun_excerpt_push_plain(const char *text, const char *indent,
                            struct lun_buf *out)
{
    for (const char *c = text; *c != '\0'; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '\n') {
            lun_buf_push_str(out, c[1] != '\0' ? "\n" : "");
            lun_buf_push_str(out, c[1] != '\0' ? indent : "");
        } else if (byte == 0xc2 && ((unsigned char)c[1] & 0xe0) == 0x80) {
            lun_buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*++c);
        } else if ((byte < ' ' && byte != '\t') || byte == 0x7f) {
            lun_buf_printf(out, "\\x%02x", (unsigned)byte);
        } else {
            lun_buf_push_byte(out, *c);
        }
    }
}

void lun_excerpt_push_colored(const char *line, size_t len, struct lun_buf *out)
{
    const char *bar =
        len > MARGIN + 2 && line[0] == ' ' ? memchr(line, '|', len) : NULL;
    const char *caret =
        len > 0 && line[len - 1] == '^' ? memchr(line, '^', len) : NULL;
    if (bar == NULL) {
        lun_buf_push(out, line, len);
    } else if (caret != NULL && strncmp(line, "      ", MARGIN + 1) == 0) {
        lun_buf_push(out, line, (size_t)(caret - line));
        push_in(out, RED, caret, len - (size_t)(caret - line));
    } else {
        push_in(out, DIM, line, len);
    }
}

void lun_excerpt_print(struct lun_buf *out, FILE *to)
{
    if (out->len > 0) {
        (void)fwrite(out->data, 1, out->len, to);
    }
    lun_buf_release(out);
}
