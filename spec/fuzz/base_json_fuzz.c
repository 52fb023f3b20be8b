/*
 * Reads JSON; what is valid must come back the same when written and read
 * again.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct lun_arena *arena, const char *text, size_t len,
                 struct lun_json **out)
{
    struct lun_err err = {0};
    int rc = lun_json_parse(arena, text, len, 64, 10000, out, &err);
    if (rc && (!err.message[0] || err.code != rc))
        abort();
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lun_arena arena;
    struct lun_json *first;
    struct lun_json *second;
    struct lun_buf once;
    struct lun_buf twice;
    lun_arena_init(&arena, 0);
    lun_buf_init(&once);
    lun_buf_init(&twice);
    if (!parse(&arena, (const char *)data, size, &first)) {
        lun_json_write(first, &once);
        if (parse(&arena, once.data, once.len, &second))
            abort();
        lun_json_write(second, &twice);
        if (once.len != twice.len || memcmp(once.data, twice.data, once.len))
            abort();
    }
    lun_buf_release(&once);
    lun_buf_release(&twice);
    lun_arena_release(&arena);
    return 0;
}
