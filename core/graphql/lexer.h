/*
 * core/graphql/lexer.h - tokens of a GraphQL document and its fingerprint.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One pass reads the text once: it checks it (September 2025 specification:
 * names, numbers, strings, block strings, UTF-8), lists the tokens and hashes
 * them. Documents that differ only in the texts of number and string literals,
 * in comments, spacing and commas have one hash: the key of the plan cache.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

struct lun_graphql_error;
struct lun_graphql_limits;
struct lun_json;

enum lun_graphql_kind {
    LUN_GRAPHQL_END,
    LUN_GRAPHQL_BANG,
    LUN_GRAPHQL_DOLLAR,
    LUN_GRAPHQL_AMP,
    LUN_GRAPHQL_PAREN_L,
    LUN_GRAPHQL_PAREN_R,
    LUN_GRAPHQL_SPREAD,
    LUN_GRAPHQL_COLON,
    LUN_GRAPHQL_EQUALS,
    LUN_GRAPHQL_AT,
    LUN_GRAPHQL_BRACKET_L,
    LUN_GRAPHQL_BRACKET_R,
    LUN_GRAPHQL_BRACE_L,
    LUN_GRAPHQL_PIPE,
    LUN_GRAPHQL_BRACE_R,
    LUN_GRAPHQL_NAME,
    /* The literals: their texts are no part of the hash. */
    LUN_GRAPHQL_INT,
    LUN_GRAPHQL_FLOAT,
    LUN_GRAPHQL_STRING,
    LUN_GRAPHQL_BLOCK_STRING
};

struct lun_graphql_token {
    uint32_t start; /* first byte */
    uint32_t end;   /* byte after the last; quotes are inside */
    uint32_t kind;  /* enum lun_graphql_kind */
};

struct lun_graphql_tokens {
    const char *text; /* the caller's; must outlive this */
    size_t len;
    struct lun_graphql_token *items; /* the last one is LUN_GRAPHQL_END */
    size_t count;                    /* without the end */
    uint32_t *literals; /* indexes in items; literal N of the AST */
    size_t literal_count;
    uint64_t hash[2]; /* seeded per process */
};

/*
 * Lexes `len` bytes into `arena`. LUN_ESYNTAX with line and column, LUN_ELIMIT
 * (bytes, tokens) or LUN_EMEMORY. Literals are numbered in token order,
 * descriptions of operations included.
 */
int lun_graphql_lex(struct lun_arena *arena, const char *text, size_t len,
                    const struct lun_graphql_limits *limits,
                    struct lun_graphql_tokens *out,
                    struct lun_graphql_error *error);

/* Line and column (1-based, columns in code points) of byte `offset`. */
void lun_graphql_position(const char *text, size_t len, size_t offset,
                          unsigned *line, unsigned *column);

/* What a message calls the kind: "'{'", "a name", "the end of the document". */
const char *lun_graphql_kind_name(enum lun_graphql_kind kind);

/*
 * Value of literal number `index`: a JSON number with its raw text or a JSON
 * string (escapes resolved, block strings without their common indent).
 * LUN_EMEMORY, or LUN_EINTERNAL when there is no such literal.
 */
int lun_graphql_literal_value(struct lun_arena *arena,
                              const struct lun_graphql_tokens *tokens,
                              size_t index, struct lun_json *out);
