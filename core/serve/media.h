/*
 * core/serve/media.h - media types and URL parameters of GraphQL over HTTP.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lun_arena;
struct lun_err;

enum lun_media_answer {
    LUN_MEDIA_NONE,   /* the client takes neither: 406 */
    LUN_MEDIA_JSON,   /* application/json */
    LUN_MEDIA_GRAPHQL /* application/graphql-response+json */
};

/* Picks by the Accept header (NULL or empty: JSON): the higher quality wins,
 * then graphql-response+json when it was named itself, so that wildcards
 * answer JSON. */
enum lun_media_answer lun_media_accept(const char *accept);

/* Is this Content-Type (NULL: none) JSON in UTF-8? */
bool lun_media_is_json(const char *content_type);

/*
 * The decoded value of parameter `name` of a query string ('+' is a space);
 * `*text` is NULL when it is absent. LUN_EBAD_INPUT on a bad escape or when it
 * comes twice, LUN_EMEMORY.
 */
int lun_media_parameter(struct lun_arena *arena, const char *query,
                        const char *name, const char **text, size_t *len,
                        struct lun_err *err);
