/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/frame.h"

#include <string.h>

#include "core/base/error.h"
#include "core/vm/module.h"

void lun_vm_frame_push(struct lun_buf *out, const struct lun_vm_frame *frame,
                       const void *data, size_t len)
{
    struct lun_vm_frame head = *frame;
    head.len = len;
    lun_buf_push(out, &head, sizeof(head));
    lun_buf_push(out, data, len);
}

size_t lun_vm_frame_take(const char *bytes, size_t len, size_t max,
                         struct lun_vm_frame *out, const char **data)
{
    if (len < sizeof(*out))
        return 0;
    memcpy(out, bytes, sizeof(*out));
    out->text[sizeof(out->text) - 1] = '\0';
    if (out->len > max)
        return SIZE_MAX;
    if (len - sizeof(*out) < out->len)
        return 0;
    *data = bytes + sizeof(*out);
    return sizeof(*out) + (size_t)out->len;
}

/* Apps --------------------------------------------------------------------- */

/* With a NUL behind, which the length does not count. */
static void push_bytes(struct lun_buf *out, const char *bytes, size_t len)
{
    lun_buf_push(out, &len, sizeof(len));
    lun_buf_push(out, bytes, len);
    lun_buf_push_byte(out, '\0');
}

static void push_text(struct lun_buf *out, const char *text)
{
    push_bytes(out, text, strlen(text));
}

void lun_vm_frame_write_app(const struct lun_vm_app_config *config,
                            struct lun_buf *out)
{
    lun_buf_push(out, &config->limits, sizeof(config->limits));
    push_text(out, config->name);
    push_text(out, config->release);
    push_text(out, config->lua_dir);
    push_text(out, config->modules_dir ? config->modules_dir : "");
    push_bytes(out, config->setup, config->setup_len);
    lun_buf_push(out, &config->source_count, sizeof(config->source_count));
    for (size_t i = 0; i < config->source_count; i++) {
        push_text(out, config->sources[i].chunk);
        push_bytes(out, config->sources[i].text, config->sources[i].len);
    }
    lun_buf_push(out, &config->grant_count, sizeof(config->grant_count));
    for (size_t i = 0; i < config->grant_count; i++) {
        push_text(out, config->grants[i].name);
        push_text(out, config->grants[i].options);
    }
}

struct reading {
    const char *at;
    size_t left;
    bool failed;
};

static void take(struct reading *reading, void *out, size_t size)
{
    if (reading->failed || reading->left < size) {
        reading->failed = true;
        memset(out, 0, size);
        return;
    }
    memcpy(out, reading->at, size);
    reading->at += size;
    reading->left -= size;
}

static const char *take_bytes(struct reading *reading, size_t *len)
{
    size_t size;
    take(reading, &size, sizeof(size));
    if (reading->failed || reading->left <= size) {
        reading->failed = true;
        size = 0;
    }
    const char *bytes = reading->failed ? "" : reading->at;
    if (!reading->failed) {
        reading->at += size + 1;
        reading->left -= size + 1;
    }
    if (len)
        *len = size;
    return bytes;
}

static void *take_list(struct reading *reading, struct lun_arena *arena,
                       size_t *count, size_t size)
{
    take(reading, count, sizeof(*count));
    if (*count > reading->left)
        reading->failed = true;
    void *list =
        reading->failed ? NULL : lun_arena_calloc(arena, *count + 1, size);
    if (!list) {
        reading->failed = true;
        *count = 0;
    }
    return list;
}

int lun_vm_frame_read_app(const char *data, size_t len, struct lun_arena *arena,
                          struct lun_vm_app_config *out, struct lun_err *err)
{
    struct reading reading = {.at = data, .left = len};
    take(&reading, &out->limits, sizeof(out->limits));
    out->name = take_bytes(&reading, NULL);
    out->release = take_bytes(&reading, NULL);
    out->lua_dir = take_bytes(&reading, NULL);
    out->modules_dir = take_bytes(&reading, NULL);
    out->setup = take_bytes(&reading, &out->setup_len);
    struct lun_vm_source *sources =
        take_list(&reading, arena, &out->source_count, sizeof(*sources));
    for (size_t i = 0; i < out->source_count; i++) {
        sources[i].chunk = take_bytes(&reading, NULL);
        sources[i].text = take_bytes(&reading, &sources[i].len);
    }
    out->sources = sources;
    struct lun_vm_grant *grants =
        take_list(&reading, arena, &out->grant_count, sizeof(*grants));
    for (size_t i = 0; i < out->grant_count; i++) {
        grants[i].name = take_bytes(&reading, NULL);
        grants[i].options = take_bytes(&reading, NULL);
        grants[i].module = lun_module_find(grants[i].name);
    }
    out->grants = grants;
    if (!out->modules_dir[0])
        out->modules_dir = NULL;
    return reading.failed || reading.left
               ? lun_error_set(err, LUN_EBAD_INPUT, "not the frame of an app")
               : 0;
}
