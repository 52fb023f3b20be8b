/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/lexer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/map.h"
#include "core/base/utf8.h"
#include "core/graphql/error.h"
#include "core/graphql/limits.h"
#include "core/graphql/string.h"

#define HASH_CHUNK 1024
#define FIRST_TOKENS 1024

struct hasher {
    uint64_t hash[2];
    size_t used;
    char chunk[HASH_CHUNK];
};

struct lexer {
    struct lun_arena *arena;
    const char *text;
    const char *at;
    const char *end;
    struct lun_graphql_token *items;
    size_t count;
    size_t room;
    size_t max; /* tokens */
    size_t literals;
    struct lun_graphql_error *error;
    struct hasher hasher;
};

static void hash_flush(struct hasher *h)
{
    for (int i = 0; i < 2; i++)
        h->hash[i] = lun_map_hash(h->hash[i], h->chunk, h->used);
    h->used = 0;
}

/* Kinds are below any byte of a name, so the stream reads back in one way. */
static void hash_kind(struct hasher *h, enum lun_graphql_kind kind)
{
    if (h->used == HASH_CHUNK)
        hash_flush(h);
    h->chunk[h->used++] = (char)kind;
}

static void hash_text(struct hasher *h, const char *text, size_t len)
{
    while (len > HASH_CHUNK - h->used) {
        size_t part = HASH_CHUNK - h->used;
        memcpy(h->chunk + h->used, text, part);
        h->used += part;
        hash_flush(h);
        text += part;
        len -= part;
    }
    memcpy(h->chunk + h->used, text, len);
    h->used += len;
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Letters, digits and the underscore, one bit a byte. */
static bool is_name_part(char c)
{
    static const uint64_t bits[4] = {UINT64_C(0x03ff000000000000),
                                     UINT64_C(0x07fffffe87fffffe), 0, 0};
    unsigned char byte = (unsigned char)c;
    return bits[byte >> 6] >> (byte & 63) & 1;
}

static int place(struct lexer *l, const char *at, int code)
{
    if (l->error)
        lun_graphql_position(l->text, (size_t)(l->end - l->text),
                             (size_t)(at - l->text), &l->error->line,
                             &l->error->column);
    return code;
}

static int bad(struct lexer *l, const char *at, const char *what)
{
    lun_graphql_error_set(l->error, LUN_ESYNTAX, "syntax error: %s", what);
    return place(l, at, LUN_ESYNTAX);
}

/* `before` says what would be right. */
static int bad_character(struct lexer *l, const char *at, const char *before)
{
    char what[96];
    size_t width = lun_utf8_width(at, (size_t)(l->end - at));
    if (at == l->end)
        snprintf(what, sizeof(what), "%sfound the end of the document", before);
    else if ((unsigned char)*at < 0x20 || *at == 0x7f)
        snprintf(what, sizeof(what), "%sfound character U+%04X", before,
                 (unsigned)(unsigned char)*at);
    else
        snprintf(what, sizeof(what), "%sfound '%.*s'", before, (int)width, at);
    return bad(l, at, what);
}

static int grow(struct lexer *l)
{
    if (l->count == l->max)
        return place(l, l->at,
                     lun_graphql_error_limit(l->error, "tokens", "tokens",
                                             l->count + 1, l->max));
    size_t room = l->room * 4 < l->max ? l->room * 4 : l->max;
    struct lun_graphql_token *items =
        lun_arena_alloc(l->arena, (room + 1) * sizeof(*items));
    if (!items)
        return lun_graphql_error_set(l->error, LUN_EMEMORY, "out of memory");
    memcpy(items, l->items, l->count * sizeof(*items));
    l->items = items;
    l->room = room;
    return 0;
}

/* The token from `start` to l->at. */
static int add(struct lexer *l, enum lun_graphql_kind kind, const char *start)
{
    if (l->count == l->room) {
        int rc = grow(l);
        if (rc)
            return rc;
    }
    l->items[l->count++] =
        (struct lun_graphql_token){.start = (uint32_t)(start - l->text),
                                   .end = (uint32_t)(l->at - l->text),
                                   .kind = kind};
    hash_kind(&l->hasher, kind);
    return 0;
}

static int lex_name(struct lexer *l)
{
    const char *start = l->at++;
    while (l->at < l->end && is_name_part(*l->at))
        l->at++;
    int rc = add(l, LUN_GRAPHQL_NAME, start);
    if (!rc)
        hash_text(&l->hasher, start, (size_t)(l->at - start));
    return rc;
}

static bool skip_digits(struct lexer *l)
{
    const char *start = l->at;
    while (l->at < l->end && is_digit(*l->at))
        l->at++;
    return l->at > start;
}

static int lex_fraction(struct lexer *l, enum lun_graphql_kind *kind)
{
    if (l->at < l->end && *l->at == '.') {
        l->at++;
        *kind = LUN_GRAPHQL_FLOAT;
        if (!skip_digits(l))
            return bad_character(l, l->at,
                                 "invalid number, expected a digit but ");
    }
    if (l->at < l->end && (*l->at | 32) == 'e') {
        l->at++;
        *kind = LUN_GRAPHQL_FLOAT;
        if (l->at < l->end && (*l->at == '+' || *l->at == '-'))
            l->at++;
        if (!skip_digits(l))
            return bad_character(l, l->at,
                                 "invalid number, expected a digit but ");
    }
    return 0;
}

static int lex_number(struct lexer *l)
{
    const char *start = l->at;
    enum lun_graphql_kind kind = LUN_GRAPHQL_INT;
    if (*l->at == '-')
        l->at++;
    const char *first = l->at;
    if (!skip_digits(l))
        return bad_character(l, l->at, "invalid number, expected a digit but ");
    if (*first == '0' && l->at - first > 1)
        return bad_character(l, first + 1,
                             "invalid number, unexpected digit after 0, ");
    int rc = lex_fraction(l, &kind);
    if (rc)
        return rc;
    if (l->at < l->end && (*l->at == '.' || is_name_start(*l->at)))
        return bad_character(l, l->at, "invalid number, expected its end but ");
    l->literals++;
    return add(l, kind, start);
}

/* Behind the opening quotes. */
static int lex_block_string(struct lexer *l, const char *start)
{
    while (l->at < l->end) {
        const char *quote = memchr(l->at, '"', (size_t)(l->end - l->at));
        if (!quote)
            break;
        l->at = quote + 1;
        if (l->end - quote < 3 || quote[1] != '"' || quote[2] != '"')
            continue;
        l->at = quote + 3;
        if (quote[-1] == '\\' && quote - start > 3)
            continue;
        l->literals++;
        return add(l, LUN_GRAPHQL_BLOCK_STRING, start);
    }
    return bad(l, start, "block string without end");
}

static int lex_escape(struct lexer *l)
{
    const char *slash = l->at++;
    uint32_t point;
    if (lun_graphql_string_escape(&l->at, l->end, &point))
        return 0;
    return bad(l, slash, "invalid escape in a string");
}

static int lex_string(struct lexer *l)
{
    const char *start = l->at++;
    if (l->end - start >= 3 && start[1] == '"' && start[2] == '"') {
        l->at = start + 3;
        return lex_block_string(l, start);
    }
    while (l->at < l->end && *l->at != '\n' && *l->at != '\r') {
        if (*l->at == '"') {
            l->at++;
            l->literals++;
            return add(l, LUN_GRAPHQL_STRING, start);
        }
        if (*l->at == '\\') {
            int rc = lex_escape(l);
            if (rc)
                return rc;
        } else {
            l->at++;
        }
    }
    return bad(l, start, "string without end");
}

static int lex_mark(struct lexer *l, enum lun_graphql_kind kind)
{
    const char *start = l->at++;
    return add(l, kind, start);
}

static int lex_spread(struct lexer *l)
{
    const char *start = l->at;
    if (l->end - start < 3 || start[1] != '.' || start[2] != '.')
        return bad_character(l, start, "unexpected character, ");
    l->at += 3;
    return add(l, LUN_GRAPHQL_SPREAD, start);
}

static void skip_comment(struct lexer *l)
{
    while (l->at < l->end && *l->at != '\n' && *l->at != '\r')
        l->at++;
}

static bool skip_bom(struct lexer *l)
{
    if (l->end - l->at < 3 || memcmp(l->at, "\xef\xbb\xbf", 3) != 0)
        return false;
    l->at += 3;
    return true;
}

static int lex_other(struct lexer *l)
{
    if (is_name_start(*l->at))
        return lex_name(l);
    if (is_digit(*l->at))
        return lex_number(l);
    if (skip_bom(l))
        return 0;
    return bad_character(l, l->at, "unexpected character, ");
}

static int lex_next(struct lexer *l)
{
    switch (*l->at) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case ',':
        l->at++;
        return 0;
    case '#':
        skip_comment(l);
        return 0;
    case '"':
        return lex_string(l);
    case '-':
        return lex_number(l);
    case '.':
        return lex_spread(l);
    case '!':
        return lex_mark(l, LUN_GRAPHQL_BANG);
    case '$':
        return lex_mark(l, LUN_GRAPHQL_DOLLAR);
    case '&':
        return lex_mark(l, LUN_GRAPHQL_AMP);
    case '(':
        return lex_mark(l, LUN_GRAPHQL_PAREN_L);
    case ')':
        return lex_mark(l, LUN_GRAPHQL_PAREN_R);
    case ':':
        return lex_mark(l, LUN_GRAPHQL_COLON);
    case '=':
        return lex_mark(l, LUN_GRAPHQL_EQUALS);
    case '@':
        return lex_mark(l, LUN_GRAPHQL_AT);
    case '[':
        return lex_mark(l, LUN_GRAPHQL_BRACKET_L);
    case ']':
        return lex_mark(l, LUN_GRAPHQL_BRACKET_R);
    case '{':
        return lex_mark(l, LUN_GRAPHQL_BRACE_L);
    case '|':
        return lex_mark(l, LUN_GRAPHQL_PIPE);
    case '}':
        return lex_mark(l, LUN_GRAPHQL_BRACE_R);
    default:
        return lex_other(l);
    }
}

static int list_literals(struct lexer *l, struct lun_graphql_tokens *out)
{
    out->literal_count = l->literals;
    out->literals = NULL;
    if (!l->literals)
        return 0;
    out->literals =
        lun_arena_alloc(l->arena, l->literals * sizeof(*out->literals));
    if (!out->literals)
        return lun_graphql_error_set(l->error, LUN_EMEMORY, "out of memory");
    size_t found = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].kind >= LUN_GRAPHQL_INT)
            out->literals[found++] = (uint32_t)i;
    return 0;
}

static int check_text(struct lexer *l, size_t len,
                      const struct lun_graphql_limits *limits)
{
    if (len > limits->bytes || len >= UINT32_MAX)
        return lun_graphql_error_limit(l->error, "bytes", "bytes", len,
                                       limits->bytes);
    if (lun_utf8_valid(l->text, len))
        return 0;
    return lun_graphql_error_set(
        l->error, LUN_ESYNTAX, "syntax error: the document is not valid UTF-8");
}

/* Few texts have more tokens than half their bytes; grow() helps those. */
static int start(struct lexer *l, size_t len)
{
    size_t room = len / 2 + 8;
    if (room > FIRST_TOKENS)
        room = FIRST_TOKENS;
    l->room = room < l->max ? room : l->max;
    l->items = lun_arena_alloc(l->arena, (l->room + 1) * sizeof(*l->items));
    if (!l->items)
        return lun_graphql_error_set(l->error, LUN_EMEMORY, "out of memory");
    l->hasher.hash[0] = UINT64_C(0x9e3779b97f4a7c15);
    l->hasher.hash[1] = UINT64_C(0xc2b2ae3d27d4eb4f);
    l->hasher.used = 0;
    return 0;
}

int lun_graphql_lex(struct lun_arena *arena, const char *text, size_t len,
                    const struct lun_graphql_limits *limits,
                    struct lun_graphql_tokens *out,
                    struct lun_graphql_error *error)
{
    struct lexer l;
    l.arena = arena;
    l.text = l.at = text;
    l.end = text + len;
    l.count = l.literals = 0;
    l.max = limits->tokens;
    l.error = error;
    int rc = check_text(&l, len, limits);
    if (!rc)
        rc = start(&l, len);
    while (!rc && l.at < l.end)
        rc = lex_next(&l);
    if (!rc)
        rc = list_literals(&l, out);
    if (rc)
        return rc;
    l.items[l.count] = (struct lun_graphql_token){
        .start = (uint32_t)len, .end = (uint32_t)len, .kind = LUN_GRAPHQL_END};
    hash_flush(&l.hasher);
    out->text = text;
    out->len = len;
    out->items = l.items;
    out->count = l.count;
    memcpy(out->hash, l.hasher.hash, sizeof(out->hash));
    return 0;
}

void lun_graphql_position(const char *text, size_t len, size_t offset,
                          unsigned *line, unsigned *column)
{
    *line = *column = 1;
    if (offset > len)
        offset = len;
    for (size_t at = 0; at < offset; at++) {
        if (text[at] == '\n' ||
            (text[at] == '\r' && (at + 1 == len || text[at + 1] != '\n'))) {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text[at] & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

const char *lun_graphql_kind_name(enum lun_graphql_kind kind)
{
    static const char *const names[] = {
        "the end of the document",
        "'!'",
        "'$'",
        "'&'",
        "'('",
        "')'",
        "'...'",
        "':'",
        "'='",
        "'@'",
        "'['",
        "']'",
        "'{'",
        "'|'",
        "'}'",
        "a name",
        "an integer",
        "a float",
        "a string",
        "a block string",
    };
    return names[kind];
}

int lun_graphql_literal_value(struct lun_arena *arena,
                              const struct lun_graphql_tokens *tokens,
                              size_t index, struct lun_json *out)
{
    if (index >= tokens->literal_count)
        return LUN_EINTERNAL;
    const struct lun_graphql_token *token =
        &tokens->items[tokens->literals[index]];
    const char *text = tokens->text + token->start;
    size_t len = token->end - token->start;
    char *copy = lun_arena_alloc(arena, len + 1);
    if (!copy)
        return LUN_EMEMORY;
    memset(out, 0, sizeof(*out));
    out->type = LUN_JSON_STRING;
    if (token->kind == LUN_GRAPHQL_STRING) {
        out->len = lun_graphql_string_unescape(text + 1, len - 2, copy);
    } else if (token->kind == LUN_GRAPHQL_BLOCK_STRING) {
        out->len = lun_graphql_string_dedent(text + 3, len - 6, copy);
    } else {
        out->type = LUN_JSON_NUMBER;
        memcpy(copy, text, len);
        out->len = len;
    }
    copy[out->len] = '\0';
    out->text = copy;
    return 0;
}
