/*
 * Lexes, parses and measures a document and takes the values of its literals.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/graphql/error.h"
#include "core/graphql/limits.h"
#include "core/graphql/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t page_size(void *context, const struct lun_graphql_window *window)
{
    (void)context;
    return window->lit;
}

static void read_literals(struct lun_arena *arena,
                          const struct lun_graphql_tokens *tokens)
{
    for (size_t i = 0; i < tokens->literal_count; i++) {
        struct lun_json value;
        if (lun_graphql_literal_value(arena, tokens, i, &value))
            abort();
        if (!lun_utf8_valid(value.text, value.len) || value.text[value.len])
            abort();
    }
}

static void check_error(int rc, const struct lun_graphql_error *error)
{
    if (rc &&
        (error->base.code != rc || !error->base.message[0] ||
         !lun_utf8_valid(error->base.message, strlen(error->base.message))))
        abort();
}

static void measure(struct lun_arena *arena,
                    const struct lun_graphql_document *document,
                    const struct lun_graphql_limits *limits)
{
    struct lun_graphql_error error = {0};
    struct lun_graphql_windows windows;
    int rc = lun_graphql_limits_check(document, limits, arena, &error);
    check_error(rc, &error);
    const struct lun_graphql_operation *op = document->operations;
    for (; !rc && op; op = op->next)
        if (!lun_graphql_limits_windows(document, op, arena, &windows))
            lun_graphql_limits_check_nodes(&windows, limits, page_size, NULL,
                                           &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lun_arena arena;
    struct lun_graphql_limits limits;
    struct lun_graphql_tokens tokens;
    struct lun_graphql_document *document;
    struct lun_graphql_error error = {0};
    lun_arena_init(&arena, 0);
    lun_graphql_limits_init(&limits);
    int rc = lun_graphql_lex(&arena, (const char *)data, size, &limits, &tokens,
                             &error);
    check_error(rc, &error);
    if (!rc) {
        read_literals(&arena, &tokens);
        rc = lun_graphql_parse(&arena, &tokens, &limits, &document, &error);
        check_error(rc, &error);
        if (!rc)
            measure(&arena, document, &limits);
    }
    lun_arena_release(&arena);
    return 0;
}
