/*
 * core/base/json.h - strict JSON (RFC 8259) into an arena.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numbers keep their text, so a 64-bit id or a decimal loses nothing. Duplicate
 * keys, lone surrogates, invalid UTF-8 and anything after the value are errors.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

struct lun_err;

enum lun_json_type {
    LUN_JSON_NULL,
    LUN_JSON_FALSE,
    LUN_JSON_TRUE,
    LUN_JSON_NUMBER,
    LUN_JSON_STRING,
    LUN_JSON_ARRAY,
    LUN_JSON_OBJECT
};

struct lun_json {
    enum lun_json_type type;
    const char *text; /* string (unescaped) or number text; NUL-terminated */
    size_t len;       /* bytes of text */
    const char *key;  /* name when this is a member of an object, else NULL */
    size_t key_len;
    struct lun_json *child; /* first item or member */
    struct lun_json *next;  /* next sibling */
    size_t count;           /* items or members */
};

/*
 * Parses `len` bytes. At most `max_depth` containers deep and `max_nodes`
 * values. Returns 0 and sets *out, LUN_EBAD_INPUT with what and at which byte,
 * LUN_ELIMIT or LUN_EMEMORY.
 */
int lun_json_parse(struct lun_arena *arena, const char *text, size_t len,
                   unsigned max_depth, size_t max_nodes, struct lun_json **out,
                   struct lun_err *err);
/* Member `key` (NUL-terminated) of an object, else NULL. */
struct lun_json *lun_json_get(const struct lun_json *object, const char *key);
/* Item `index` of an array, else NULL. */
struct lun_json *lun_json_at(const struct lun_json *array, size_t index);
bool lun_json_is_string(const struct lun_json *node, const char *text);
/* The compact text of `node`. */
void lun_json_write(const struct lun_json *node, struct lun_buf *out);
