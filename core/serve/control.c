/*
 * core/serve/control.c - what supervisor and workers say to each other.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/control.h"

#include <stdio.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"

struct word {
    const char *member; /* "do" or "event" */
    const char *name;
};

static const struct word words[] = {
    [LUN_HOST_CONTROL_PREPARE] = {"do", "prepare"},
    [LUN_HOST_CONTROL_COMMIT] = {"do", "commit"},
    [LUN_HOST_CONTROL_ABORT] = {"do", "abort"},
    [LUN_HOST_CONTROL_RENEW] = {"do", "renew"},
    [LUN_HOST_CONTROL_DRAIN] = {"do", "drain"},
    [LUN_HOST_CONTROL_READY] = {"event", "ready"},
    [LUN_HOST_CONTROL_REPLY] = {"event", "reply"},
    [LUN_HOST_CONTROL_ENDED] = {"event", "ended"},
};
#define WORD_COUNT (sizeof words / sizeof words[0])

static bool take_text(const struct lun_json *object, const char *name,
                      char *out, size_t size)
{
    const struct lun_json *node = lun_json_get(object, name);
    if (node == NULL) {
        out[0] = '\0';
        return true;
    }
    if (node->type != LUN_JSON_STRING || node->len >= size) {
        return false;
    }
    memcpy(out, node->text, node->len + 1);
    return true;
}

static bool take_kind(const struct lun_json *object,
                      enum lun_host_control_kind *out)
{
    for (size_t i = 0; i < WORD_COUNT; i++) {
        const struct lun_json *node = lun_json_get(object, words[i].member);
        if (node != NULL && lun_json_is_string(node, words[i].name)) {
            *out = (enum lun_host_control_kind)i;
            return true;
        }
    }
    return false;
}

static bool take_message(const struct lun_json *object,
                         struct lun_host_control *out)
{
    return object->type == LUN_JSON_OBJECT && take_kind(object, &out->kind) &&
           take_text(object, "id", out->id, sizeof out->id) &&
           take_text(object, "set", out->set, sizeof out->set) &&
           take_text(object, "error", out->error, sizeof out->error) &&
           take_text(object, "pid", out->pid, sizeof out->pid);
}

int lun_host_control_parse(const char *line, size_t len,
                           struct lun_host_control *out, struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_json *object;
    lun_arena_init(&arena, (size_t)64 * 1024);
    int code = lun_json_parse(&arena, line, len, 4, 32, &object, err);
    if (code == 0 && !take_message(object, out)) {
        code = lun_error_set(err, LUN_EBAD_INPUT, "not a control message: %.*s",
                             len < 200 ? (int)len : 200, line);
    }
    lun_arena_release(&arena);
    return code;
}

int lun_host_control_feed(struct lun_host_control_reader *reader,
                          const char *data, size_t len, lun_host_control_cb cb,
                          void *context, struct lun_err *err)
{
    struct lun_host_control message;
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n') {
            if (reader->len == sizeof reader->data) {
                return lun_error_set(
                    err, LUN_ELIMIT,
                    "a control message is longer than %d bytes",
                    LUN_HOST_CONTROL_LINE);
            }
            reader->data[reader->len++] = data[i];
            continue;
        }
        int code =
            lun_host_control_parse(reader->data, reader->len, &message, err);
        reader->len = 0;
        if (code != 0) {
            return code;
        }
        cb(context, &message);
    }
    return 0;
}

static void push_member(struct lun_buf *out, const char *name, const char *text)
{
    if (text[0] != '\0') {
        lun_buf_printf(out, ",\"%s\":", name);
        lun_buf_push_json_string(out, text, strlen(text));
    }
}

void lun_host_control_write(const struct lun_host_control *message,
                            struct lun_buf *out)
{
    const struct word *word = &words[message->kind];
    lun_buf_printf(out, "{\"%s\":\"%s\"", word->member, word->name);
    push_member(out, "id", message->id);
    push_member(out, "set", message->set);
    push_member(out, "error", message->error);
    push_member(out, "pid", message->pid);
    if (message->kind == LUN_HOST_CONTROL_REPLY && message->error[0] == '\0') {
        lun_buf_push_str(out, ",\"ok\":true");
    }
    lun_buf_push_str(out, "}\n");
}

static void write_event(enum lun_host_control_kind kind, const char *id,
                        const char *error, struct lun_buf *out)
{
    struct lun_host_control message = {.kind = kind};
    (void)snprintf(message.id, sizeof message.id, "%s", id);
    (void)snprintf(message.error, sizeof message.error, "%s", error);
    lun_host_control_write(&message, out);
}

void lun_host_control_ready(const char *id, struct lun_buf *out)
{
    write_event(LUN_HOST_CONTROL_READY, id, "", out);
}

void lun_host_control_ended(const char *app, const char *release, int pid,
                            const char *request, struct lun_buf *out)
{
    struct lun_host_control message = {.kind = LUN_HOST_CONTROL_ENDED};
    (void)snprintf(message.id, sizeof message.id, "%s", app);
    (void)snprintf(message.set, sizeof message.set, "%s", release);
    (void)snprintf(message.error, sizeof message.error, "%s", request);
    (void)snprintf(message.pid, sizeof message.pid, "%d", pid);
    lun_host_control_write(&message, out);
}

void lun_host_control_reply(const char *id, const char *error,
                            struct lun_buf *out)
{
    /* An error without text must not read as success. */
    const char *text = error == NULL ? "" : error;
    if (error != NULL && error[0] == '\0') {
        text = "failed";
    }
    write_event(LUN_HOST_CONTROL_REPLY, id, text, out);
}
