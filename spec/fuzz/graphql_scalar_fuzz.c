/*
 * Coerces values: byte 0 chooses the type, byte 1 the options, the rest is JSON
 * or, when it is none, the content of a string.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/graphql/error.h"
#include "core/graphql/scalar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int rc, const struct lun_buf *out,
                  const struct lun_graphql_error *error)
{
    if (rc && (out->len || error->base.code != rc))
        abort();
    if (rc && !lun_utf8_valid(error->base.message, strlen(error->base.message)))
        abort();
    if (!rc && out->len && memchr(out->data, '\0', out->len))
        abort();
}

static void coerce(uint8_t type, uint8_t flags, const struct lun_json *value)
{
    static const char *const values[] = {"A", "USER"};
    struct lun_scalar_options options = {.literal = flags & 1,
                                         .name = flags & 2 ? "name" : NULL,
                                         .values = values,
                                         .value_count = 2,
                                         .max_length = flags & 4 ? 5 : 0,
                                         .has_min = flags & 8,
                                         .min_error = 3026};
    struct lun_buf out;
    struct lun_graphql_error error = {0};
    lun_buf_init(&out);
    check(lun_scalar_coerce(type, value, flags & 16 ? NULL : &options, &out,
                            &error),
          &out, &error);
    lun_buf_clear(&out);
    check(lun_scalar_array(type, value, &options, &out, &error), &out, &error);
    lun_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 2;
    size_t len = size - 2;
    struct lun_arena arena;
    struct lun_json *value;
    lun_arena_init(&arena, 0);
    if (!lun_json_parse(&arena, text, len, 64, 10000, &value, NULL))
        coerce(data[0] % LUN_SCALAR_COUNT, data[1], value);
    if (lun_utf8_valid(text, len)) {
        struct lun_json string = {.type = LUN_JSON_STRING, .len = len};
        string.text = lun_arena_strndup(&arena, text, len);
        coerce(data[0] % LUN_SCALAR_COUNT, data[1], &string);
    }
    lun_arena_release(&arena);
    return 0;
}
