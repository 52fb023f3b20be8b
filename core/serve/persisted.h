/*
 * core/serve/persisted.h - documents that are known by their hash.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two kinds. Those that clients registered (Apollo's automatic persisted
 * queries) are kept up to a number of bytes, the least recently used go first.
 * Those of an allow list come from files; then nothing else is answered, and a
 * document sent in full is compared token by token, so that white space and
 * comments do not matter.
 *
 * An allow list is a file or a folder (with those below it) of
 *   *.graphql *.gql   one document each
 *   *.json            Apollo's manifest {"operations":[{"id","body"}]} or an
 *                     object {id: document}
 * A document is found by its SHA-256 and by the id that a manifest gives it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lun_err;
struct lun_graphql_limits;
struct lun_graphql_tokens;
struct lun_persisted; /* opaque */

/* A document, counted: the store may forget it while a request uses it. */
struct lun_document {
    unsigned refs;
    size_t len;
    const char *text;
};

/*
 * Keeps up to `bytes` of registered documents (0: takes none). `allow_list` is
 * a path, "" for none; LUN_ECONFIG names the file that is wrong. Reads files,
 * so it blocks.
 */
int lun_persisted_open(size_t bytes, const char *allow_list,
                       const struct lun_graphql_limits *limits,
                       struct lun_persisted **out, struct lun_err *err);
void lun_persisted_close(struct lun_persisted *store);

/* Registers documents at all. */
bool lun_persisted_is_on(const struct lun_persisted *store);
/* Answers those of its list only. */
bool lun_persisted_is_strict(const struct lun_persisted *store);

/* The document with this hash, the caller's to unref; NULL: unknown. */
struct lun_document *lun_persisted_find(struct lun_persisted *store,
                                        const char *hash);
void lun_document_unref(struct lun_document *document);
/* Whether `hash` is the SHA-256 of the text, in lower-case hexadecimal. */
bool lun_persisted_matches(const char *hash, const char *text, size_t len);
/* Registers a document under its hash; not when it is known or too large. */
void lun_persisted_add(struct lun_persisted *store, const char *hash,
                       const char *text, size_t len);
/* Whether the allow list has a document of these tokens. */
bool lun_persisted_allows(const struct lun_persisted *store,
                          const struct lun_graphql_tokens *tokens);
