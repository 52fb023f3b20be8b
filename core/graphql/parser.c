/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/parser.h"

#include <stdio.h>
#include <string.h>

#include "core/graphql/error.h"
#include "core/graphql/limits.h"

struct parser {
    struct lun_arena *arena;
    const struct lun_graphql_tokens *tokens;
    const struct lun_graphql_token *at;
    uint32_t literals; /* literal tokens before `at` */
    size_t open;       /* brackets open now */
    size_t max_open;
    /* Nodes are placed in the order of the text, so that finding all lines
     * takes one walk over it. */
    uint32_t offset;
    struct lun_graphql_place place;
    struct lun_graphql_error *error;
};

static int parse_value(struct parser *p, bool constant,
                       struct lun_graphql_value **out);
static int parse_selections(struct parser *p,
                            struct lun_graphql_selection **out);

static const char *token_text(const struct parser *p)
{
    return p->tokens->text + p->at->start;
}

static size_t token_len(const struct parser *p)
{
    return p->at->end - p->at->start;
}

static bool is_kind(const struct parser *p, enum lun_graphql_kind kind)
{
    return p->at->kind == kind;
}

static bool is_word(const struct parser *p, const char *word)
{
    return is_kind(p, LUN_GRAPHQL_NAME) && token_len(p) == strlen(word) &&
           !memcmp(token_text(p), word, token_len(p));
}

static void advance(struct parser *p)
{
    if (p->at->kind >= LUN_GRAPHQL_INT)
        p->literals++;
    if (p->at->kind != LUN_GRAPHQL_END)
        p->at++;
}

/* Place of the token `at`, which is never before the last one asked for. */
static struct lun_graphql_place place(struct parser *p)
{
    const char *text = p->tokens->text;
    for (; p->offset < p->at->start; p->offset++) {
        char c = text[p->offset];
        bool pair = c == '\r' && p->offset + 1 < p->tokens->len &&
                    text[p->offset + 1] == '\n';
        if (c == '\n' || (c == '\r' && !pair)) {
            p->place.line++;
            p->place.column = 1;
        } else if (((unsigned char)c & 0xc0) != 0x80) {
            p->place.column++;
        }
    }
    return p->place;
}

static int at_place(struct parser *p, int code)
{
    if (p->error)
        lun_graphql_position(p->tokens->text, p->tokens->len, p->at->start,
                             &p->error->line, &p->error->column);
    return code;
}

static int no_memory(struct parser *p)
{
    return lun_graphql_error_set(p->error, LUN_EMEMORY, "out of memory");
}

static void *new_node(struct parser *p, size_t size)
{
    return lun_arena_calloc(p->arena, 1, size);
}

/* "'name'" for tokens that have a text worth showing. */
static const char *found(const struct parser *p, char *buffer, size_t size)
{
    if (p->at->kind < LUN_GRAPHQL_NAME || p->at->kind > LUN_GRAPHQL_FLOAT)
        return lun_graphql_kind_name((enum lun_graphql_kind)p->at->kind);
    size_t len = token_len(p);
    snprintf(buffer, size, "'%.*s%s'", (int)(len > 40 ? 40 : len),
             token_text(p), len > 40 ? "..." : "");
    return buffer;
}

static int unexpected(struct parser *p, const char *expected)
{
    char buffer[64];
    lun_graphql_error_set(p->error, LUN_ESYNTAX,
                          "syntax error: expected %s but found %s", expected,
                          found(p, buffer, sizeof(buffer)));
    return at_place(p, LUN_ESYNTAX);
}

static int bad(struct parser *p, const char *what)
{
    lun_graphql_error_set(p->error, LUN_ESYNTAX, "syntax error: %s", what);
    return at_place(p, LUN_ESYNTAX);
}

static int expect(struct parser *p, enum lun_graphql_kind kind)
{
    if (!is_kind(p, kind))
        return unexpected(p, lun_graphql_kind_name(kind));
    advance(p);
    return 0;
}

static bool skip(struct parser *p, enum lun_graphql_kind kind)
{
    if (!is_kind(p, kind))
        return false;
    advance(p);
    return true;
}

static int open_bracket(struct parser *p, enum lun_graphql_kind kind)
{
    if (!is_kind(p, kind))
        return unexpected(p, lun_graphql_kind_name(kind));
    if (p->open == p->max_open)
        return at_place(p, lun_graphql_error_limit(p->error, "nesting",
                                                   "brackets open at once",
                                                   p->open + 1, p->max_open));
    p->open++;
    advance(p);
    return 0;
}

static void close_bracket(struct parser *p)
{
    p->open--;
    advance(p);
}

static struct lun_graphql_name token_name(const struct parser *p)
{
    return (struct lun_graphql_name){.text = token_text(p),
                                     .len = (uint32_t)token_len(p)};
}

static int parse_name(struct parser *p, struct lun_graphql_name *out)
{
    if (!is_kind(p, LUN_GRAPHQL_NAME))
        return unexpected(p, "a name");
    *out = token_name(p);
    advance(p);
    return 0;
}

static int parse_argument(struct parser *p, bool constant,
                          struct lun_graphql_argument **out)
{
    struct lun_graphql_argument *node = new_node(p, sizeof(*node));
    if (!node)
        return no_memory(p);
    node->place = place(p);
    *out = node;
    int rc = parse_name(p, &node->name);
    if (!rc)
        rc = expect(p, LUN_GRAPHQL_COLON);
    return rc ? rc : parse_value(p, constant, &node->value);
}

static int parse_arguments(struct parser *p, bool constant,
                           struct lun_graphql_argument **out)
{
    if (!skip(p, LUN_GRAPHQL_PAREN_L))
        return 0;
    do {
        int rc = parse_argument(p, constant, out);
        if (rc)
            return rc;
        out = &(*out)->next;
    } while (!is_kind(p, LUN_GRAPHQL_PAREN_R));
    advance(p);
    return 0;
}

static int parse_directives(struct parser *p, bool constant,
                            struct lun_graphql_directive **out)
{
    while (is_kind(p, LUN_GRAPHQL_AT)) {
        struct lun_graphql_directive *node = new_node(p, sizeof(*node));
        if (!node)
            return no_memory(p);
        node->place = place(p);
        advance(p);
        *out = node;
        out = &node->next;
        int rc = parse_name(p, &node->name);
        if (!rc)
            rc = parse_arguments(p, constant, &node->arguments);
        if (rc)
            return rc;
    }
    return 0;
}

static int parse_list(struct parser *p, bool constant,
                      struct lun_graphql_value *node)
{
    struct lun_graphql_value **tail = &node->items;
    node->kind = LUN_GRAPHQL_VALUE_LIST;
    int rc = open_bracket(p, LUN_GRAPHQL_BRACKET_L);
    while (!rc && !is_kind(p, LUN_GRAPHQL_BRACKET_R)) {
        if (is_kind(p, LUN_GRAPHQL_END))
            return unexpected(p, "']'");
        rc = parse_value(p, constant, tail);
        if (!rc)
            tail = &(*tail)->next;
    }
    if (!rc)
        close_bracket(p);
    return rc;
}

static int parse_object(struct parser *p, bool constant,
                        struct lun_graphql_value *node)
{
    struct lun_graphql_argument **tail = &node->fields;
    node->kind = LUN_GRAPHQL_VALUE_OBJECT;
    int rc = open_bracket(p, LUN_GRAPHQL_BRACE_L);
    while (!rc && !is_kind(p, LUN_GRAPHQL_BRACE_R)) {
        rc = parse_argument(p, constant, tail);
        if (!rc)
            tail = &(*tail)->next;
    }
    if (!rc)
        close_bracket(p);
    return rc;
}

static int parse_variable_use(struct parser *p, bool constant,
                              struct lun_graphql_value *node)
{
    if (constant)
        return bad(p, "a variable cannot stand in a constant value");
    node->kind = LUN_GRAPHQL_VALUE_VAR;
    advance(p);
    return parse_name(p, &node->text);
}

static void parse_word_value(struct parser *p, struct lun_graphql_value *node)
{
    node->text = token_name(p);
    node->truth = is_word(p, "true");
    if (node->truth || is_word(p, "false"))
        node->kind = LUN_GRAPHQL_VALUE_BOOL;
    else if (is_word(p, "null"))
        node->kind = LUN_GRAPHQL_VALUE_NULL;
    else
        node->kind = LUN_GRAPHQL_VALUE_ENUM;
    advance(p);
}

static void parse_literal(struct parser *p, struct lun_graphql_value *node)
{
    if (is_kind(p, LUN_GRAPHQL_INT))
        node->kind = LUN_GRAPHQL_VALUE_INT;
    else if (is_kind(p, LUN_GRAPHQL_FLOAT))
        node->kind = LUN_GRAPHQL_VALUE_FLOAT;
    else
        node->kind = LUN_GRAPHQL_VALUE_STRING;
    node->text = token_name(p);
    node->lit = p->literals;
    advance(p);
}

static int parse_value(struct parser *p, bool constant,
                       struct lun_graphql_value **out)
{
    struct lun_graphql_value *node = new_node(p, sizeof(*node));
    if (!node)
        return no_memory(p);
    node->place = place(p);
    *out = node;
    switch (p->at->kind) {
    case LUN_GRAPHQL_BRACKET_L:
        return parse_list(p, constant, node);
    case LUN_GRAPHQL_BRACE_L:
        return parse_object(p, constant, node);
    case LUN_GRAPHQL_DOLLAR:
        return parse_variable_use(p, constant, node);
    case LUN_GRAPHQL_NAME:
        parse_word_value(p, node);
        return 0;
    case LUN_GRAPHQL_INT:
    case LUN_GRAPHQL_FLOAT:
    case LUN_GRAPHQL_STRING:
    case LUN_GRAPHQL_BLOCK_STRING:
        parse_literal(p, node);
        return 0;
    default:
        return unexpected(p, "a value");
    }
}

static int parse_type(struct parser *p, struct lun_graphql_type **out)
{
    struct lun_graphql_type *node = new_node(p, sizeof(*node));
    int rc;
    if (!node)
        return no_memory(p);
    node->place = place(p);
    if (is_kind(p, LUN_GRAPHQL_BRACKET_L)) {
        node->kind = LUN_GRAPHQL_TYPE_LIST;
        rc = open_bracket(p, LUN_GRAPHQL_BRACKET_L);
        if (!rc)
            rc = parse_type(p, &node->of);
        if (!rc && !is_kind(p, LUN_GRAPHQL_BRACKET_R))
            rc = unexpected(p, "']'");
        if (!rc)
            close_bracket(p);
    } else {
        rc = parse_name(p, &node->name);
    }
    if (rc)
        return rc;
    *out = node;
    if (!skip(p, LUN_GRAPHQL_BANG))
        return 0;
    *out = new_node(p, sizeof(*node));
    if (!*out)
        return no_memory(p);
    (*out)->kind = LUN_GRAPHQL_TYPE_NONNULL;
    (*out)->place = node->place;
    (*out)->of = node;
    return 0;
}

/* Descriptions are for readers of the document; nothing is kept of them. */
static bool skip_description(struct parser *p)
{
    return skip(p, LUN_GRAPHQL_STRING) || skip(p, LUN_GRAPHQL_BLOCK_STRING);
}

static int parse_variable(struct parser *p, struct lun_graphql_variable **out)
{
    struct lun_graphql_variable *node = new_node(p, sizeof(*node));
    if (!node)
        return no_memory(p);
    *out = node;
    skip_description(p);
    node->place = place(p);
    int rc = expect(p, LUN_GRAPHQL_DOLLAR);
    if (!rc)
        rc = parse_name(p, &node->name);
    if (!rc)
        rc = expect(p, LUN_GRAPHQL_COLON);
    if (!rc)
        rc = parse_type(p, &node->type);
    if (!rc && skip(p, LUN_GRAPHQL_EQUALS))
        rc = parse_value(p, true, &node->initial);
    return rc ? rc : parse_directives(p, true, &node->directives);
}

static int parse_variables(struct parser *p, struct lun_graphql_variable **out)
{
    if (!skip(p, LUN_GRAPHQL_PAREN_L))
        return 0;
    do {
        int rc = parse_variable(p, out);
        if (rc)
            return rc;
        out = &(*out)->next;
    } while (!is_kind(p, LUN_GRAPHQL_PAREN_R));
    advance(p);
    return 0;
}

static int parse_field(struct parser *p, struct lun_graphql_selection *node)
{
    node->kind = LUN_GRAPHQL_FIELD;
    int rc = parse_name(p, &node->name);
    if (!rc && skip(p, LUN_GRAPHQL_COLON)) {
        node->alias = node->name;
        rc = parse_name(p, &node->name);
    }
    if (!rc)
        rc = parse_arguments(p, false, &node->arguments);
    if (!rc)
        rc = parse_directives(p, false, &node->directives);
    if (!rc && is_kind(p, LUN_GRAPHQL_BRACE_L))
        rc = parse_selections(p, &node->selections);
    return rc;
}

/* Behind "...". */
static int parse_spread(struct parser *p, struct lun_graphql_selection *node)
{
    int rc = 0;
    if (is_kind(p, LUN_GRAPHQL_NAME) && !is_word(p, "on")) {
        node->kind = LUN_GRAPHQL_FRAGMENT_SPREAD;
        node->name = token_name(p);
        advance(p);
        return parse_directives(p, false, &node->directives);
    }
    node->kind = LUN_GRAPHQL_INLINE;
    if (is_word(p, "on")) {
        advance(p);
        rc = parse_name(p, &node->on);
    }
    if (!rc)
        rc = parse_directives(p, false, &node->directives);
    return rc ? rc : parse_selections(p, &node->selections);
}

static int parse_selection(struct parser *p, struct lun_graphql_selection **out)
{
    struct lun_graphql_selection *node = new_node(p, sizeof(*node));
    if (!node)
        return no_memory(p);
    node->place = place(p);
    *out = node;
    if (skip(p, LUN_GRAPHQL_SPREAD))
        return parse_spread(p, node);
    return parse_field(p, node);
}

static int parse_selections(struct parser *p,
                            struct lun_graphql_selection **out)
{
    int rc = open_bracket(p, LUN_GRAPHQL_BRACE_L);
    if (rc)
        return rc;
    do {
        rc = parse_selection(p, out);
        if (rc)
            return rc;
        out = &(*out)->next;
    } while (!is_kind(p, LUN_GRAPHQL_BRACE_R));
    close_bracket(p);
    return 0;
}

/* At "query", "mutation" or "subscription". */
static int parse_operation_head(struct parser *p,
                                struct lun_graphql_operation *node)
{
    if (is_word(p, "mutation"))
        node->kind = LUN_GRAPHQL_MUTATION;
    else if (is_word(p, "subscription"))
        node->kind = LUN_GRAPHQL_SUBSCRIPTION;
    advance(p);
    if (is_kind(p, LUN_GRAPHQL_NAME)) {
        node->name = token_name(p);
        advance(p);
    }
    int rc = parse_variables(p, &node->variables);
    return rc ? rc : parse_directives(p, false, &node->directives);
}

static int parse_operation(struct parser *p, struct lun_graphql_operation **out)
{
    struct lun_graphql_operation *node = new_node(p, sizeof(*node));
    if (!node)
        return no_memory(p);
    node->kind = LUN_GRAPHQL_QUERY;
    node->place = place(p);
    *out = node;
    int rc = 0;
    if (!is_kind(p, LUN_GRAPHQL_BRACE_L))
        rc = parse_operation_head(p, node);
    return rc ? rc : parse_selections(p, &node->selections);
}

static int parse_fragment(struct parser *p, struct lun_graphql_fragment **out)
{
    struct lun_graphql_fragment *node = new_node(p, sizeof(*node));
    if (!node)
        return no_memory(p);
    node->place = place(p);
    *out = node;
    advance(p);
    if (is_word(p, "on"))
        return unexpected(p, "a fragment name");
    int rc = parse_name(p, &node->name);
    if (!rc && !is_word(p, "on"))
        return unexpected(p, "'on'");
    advance(p);
    if (!rc)
        rc = parse_name(p, &node->on);
    if (!rc)
        rc = parse_directives(p, false, &node->directives);
    return rc ? rc : parse_selections(p, &node->selections);
}

static bool is_type_system(const struct parser *p)
{
    static const char *const words[] = {"schema", "scalar",    "type",
                                        "union",  "interface", "enum",
                                        "input",  "directive", "extend"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (is_word(p, words[i]))
            return true;
    return false;
}

static bool is_operation(const struct parser *p)
{
    return is_word(p, "query") || is_word(p, "mutation") ||
           is_word(p, "subscription");
}

struct tails {
    struct lun_graphql_operation **operation;
    struct lun_graphql_fragment **fragment;
};

static int parse_definition(struct parser *p, struct lun_graphql_document *doc,
                            struct tails *tails)
{
    int rc;
    bool described = skip_description(p);
    if (is_operation(p) || (is_kind(p, LUN_GRAPHQL_BRACE_L) && !described)) {
        rc = parse_operation(p, tails->operation);
        if (rc)
            return rc;
        tails->operation = &(*tails->operation)->next;
        doc->operation_count++;
        return 0;
    }
    if (is_word(p, "fragment")) {
        rc = parse_fragment(p, tails->fragment);
        if (rc)
            return rc;
        tails->fragment = &(*tails->fragment)->next;
        doc->fragment_count++;
        return 0;
    }
    if (is_type_system(p))
        return bad(p, "type definitions cannot be executed");
    return unexpected(p, described ? "an operation or a fragment"
                                   : "an operation, a fragment or '{'");
}

int lun_graphql_parse(struct lun_arena *arena,
                      const struct lun_graphql_tokens *tokens,
                      const struct lun_graphql_limits *limits,
                      struct lun_graphql_document **out,
                      struct lun_graphql_error *error)
{
    struct parser p = {.arena = arena,
                       .tokens = tokens,
                       .at = tokens->items,
                       .max_open = limits->nesting,
                       .place = {.line = 1, .column = 1},
                       .error = error};
    struct lun_graphql_document *doc = new_node(&p, sizeof(*doc));
    if (!doc)
        return no_memory(&p);
    struct tails tails = {&doc->operations, &doc->fragments};
    do {
        int rc = parse_definition(&p, doc, &tails);
        if (rc)
            return rc;
    } while (!is_kind(&p, LUN_GRAPHQL_END));
    *out = doc;
    return 0;
}

const struct lun_graphql_operation *
lun_graphql_operation_find(const struct lun_graphql_document *document,
                           const char *name, size_t len)
{
    if (!name)
        return document->operation_count == 1 ? document->operations : NULL;
    const struct lun_graphql_operation *found = NULL;
    const struct lun_graphql_operation *op = document->operations;
    for (; op; op = op->next) {
        if (op->name.len != len || !op->name.text ||
            memcmp(op->name.text, name, len) != 0)
            continue;
        if (found)
            return NULL;
        found = op;
    }
    return found;
}
