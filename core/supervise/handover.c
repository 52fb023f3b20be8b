/*
 * core/supervise/handover.c - what one supervisor leaves to the next.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/json.h"

#define TEXT_MAX ((size_t)1024 * 1024)

/* --- descriptors -------------------------------------------------------- */

static void set_inherited(int fd, bool inherited)
{
    if (fd >= 0) {
        (void)fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC);
    }
}

static void set_all(const struct lun_handover *handover, bool inherited)
{
    set_inherited(handover->lock, inherited);
    set_inherited(handover->ops, inherited);
    for (unsigned i = 0; i < handover->socket_count; i++) {
        set_inherited(handover->sockets[i], inherited);
    }
    for (unsigned i = 0; i < handover->process_count; i++) {
        set_inherited(handover->processes[i].control, inherited);
    }
}

/* --- writing ------------------------------------------------------------ */

static void push_text(struct lun_buf *out, const char *name, const char *text)
{
    lun_buf_printf(out, "\"%s\":", name);
    lun_buf_push_json_string(out, text, strlen(text));
    lun_buf_push_byte(out, ',');
}

static void push(const struct lun_handover *handover, struct lun_buf *out)
{
    lun_buf_push_byte(out, '{');
    push_text(out, "data", handover->data);
    push_text(out, "started", handover->started);
    push_text(out, "from", handover->from);
    lun_buf_printf(out,
                   "\"lock\":%d,\"ops\":%d,\"private_database\":%d,"
                   "\"postgres\":%d,\"nats\":%d,\"nats_port\":%d,"
                   "\"upgrades\":%" PRIu64 ",\"refused\":%" PRIu64
                   ",\"sockets\":[",
                   handover->lock, handover->ops, handover->private_database,
                   (int)handover->postgres, (int)handover->nats,
                   handover->nats_port, handover->upgrades, handover->refused);
    for (unsigned i = 0; i < handover->socket_count; i++) {
        lun_buf_printf(out, "%s%d", i > 0 ? "," : "", handover->sockets[i]);
    }
    lun_buf_push_str(out, "],\"processes\":[");
    for (unsigned i = 0; i < handover->process_count; i++) {
        const struct lun_handover_process *one = &handover->processes[i];
        lun_buf_printf(out, "%s[%u,%d,%d,%d]", i > 0 ? "," : "", one->slot,
                       (int)one->pid, one->control, one->retiring);
    }
    lun_buf_push_str(out, "]}");
}

int lun_handover_write(const struct lun_handover *handover, int *fd,
                       struct lun_err *err)
{
    struct lun_buf text;
    lun_buf_init(&text);
    push(handover, &text);
    int memory = memfd_create("lunette-handover", 0);
    bool ok = !text.failed && memory >= 0 &&
              write(memory, text.data, text.len) == (ssize_t)text.len &&
              lseek(memory, 0, SEEK_SET) == 0;
    lun_buf_release(&text);
    if (!ok) {
        if (memory >= 0) {
            (void)close(memory);
        }
        return lun_error_set(err, LUN_EIO, "cannot make shared memory: %s",
                             strerror(errno));
    }
    set_all(handover, true);
    *fd = memory;
    return 0;
}

void lun_handover_take_back(const struct lun_handover *handover, int fd)
{
    set_all(handover, false);
    (void)close(fd);
}

/* --- reading ------------------------------------------------------------ */

static long long number_of(const struct lun_json *node)
{
    return node != NULL && node->type == LUN_JSON_NUMBER
               ? strtoll(node->text, NULL, 10)
               : -1;
}

static long long number_at(const struct lun_json *object, const char *name)
{
    return number_of(lun_json_get(object, name));
}

static bool take_text(const struct lun_json *object, const char *name,
                      char *out, size_t size)
{
    const struct lun_json *node = lun_json_get(object, name);
    if (node == NULL || node->type != LUN_JSON_STRING || node->len >= size) {
        return false;
    }
    memcpy(out, node->text, node->len + 1);
    return true;
}

static bool is_open(int fd)
{
    return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}

static bool take_sockets(const struct lun_json *list, struct lun_handover *out)
{
    const struct lun_json *item = list != NULL ? list->child : NULL;
    for (; item != NULL; item = item->next) {
        int fd = (int)number_of(item);
        if (out->socket_count == LUN_HANDOVER_WORKERS || !is_open(fd)) {
            return false;
        }
        out->sockets[out->socket_count++] = fd;
    }
    return out->socket_count > 0;
}

static bool take_processes(const struct lun_json *list,
                           struct lun_handover *out)
{
    const struct lun_json *item = list != NULL ? list->child : NULL;
    for (; item != NULL; item = item->next) {
        const struct lun_handover_process one = {
            .slot = (unsigned)number_of(lun_json_at(item, 0)),
            .pid = (pid_t)number_of(lun_json_at(item, 1)),
            .control = (int)number_of(lun_json_at(item, 2)),
            .retiring = number_of(lun_json_at(item, 3)) == 1,
        };
        if (out->process_count == LUN_HANDOVER_PROCESSES ||
            one.slot >= out->socket_count || one.pid <= 0 ||
            !is_open(one.control)) {
            return false;
        }
        out->processes[out->process_count++] = one;
    }
    return true;
}

static bool take(const struct lun_json *object, struct lun_handover *out)
{
    memset(out, 0, sizeof *out);
    out->lock = (int)number_at(object, "lock");
    out->ops = (int)number_at(object, "ops");
    out->private_database = number_at(object, "private_database") == 1;
    out->postgres = (pid_t)number_at(object, "postgres");
    out->nats = (pid_t)number_at(object, "nats");
    out->nats_port = (int)number_at(object, "nats_port");
    out->upgrades = (uint64_t)number_at(object, "upgrades");
    out->refused = (uint64_t)number_at(object, "refused");
    return take_text(object, "data", out->data, sizeof out->data) &&
           take_text(object, "started", out->started, sizeof out->started) &&
           take_text(object, "from", out->from, sizeof out->from) &&
           is_open(out->lock) && is_open(out->ops) &&
           take_sockets(lun_json_get(object, "sockets"), out) &&
           take_processes(lun_json_get(object, "processes"), out);
}

int lun_handover_read(int fd, struct lun_handover *out, struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_json *object;
    char *text = malloc(TEXT_MAX);
    ssize_t len = text != NULL ? read(fd, text, TEXT_MAX) : -1;
    (void)close(fd);
    lun_arena_init(&arena, (size_t)4 * TEXT_MAX);
    bool ok = len > 0 &&
              lun_json_parse(&arena, text, (size_t)len, 4, 20000, &object,
                             NULL) == 0 &&
              object->type == LUN_JSON_OBJECT && take(object, out);
    lun_arena_release(&arena);
    free(text);
    if (!ok) {
        return lun_error_set(err, LUN_EBAD_INPUT,
                             "what the supervisor before has left cannot be "
                             "read");
    }
    set_all(out, false);
    return 0;
}
