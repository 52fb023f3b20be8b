/*
 * core/vm/frame.h - what a worker and the process of an app say to each other.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Frames over a socket pair: a header of fixed size, then `len` bytes. Both
 * ends are the same program, so the header is a struct. The worker believes
 * nothing of what comes in: it may be written by whoever took the process over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/vm/app.h"

struct lun_err;

enum lun_vm_frame_type {
    /* worker -> process */
    LUN_VM_FRAME_OPEN = 1, /* the app (lun_vm_frame_write_app); first */
    LUN_VM_FRAME_CALL,     /* entry NUL argument; text: the request */
    LUN_VM_FRAME_ANSWER,
    LUN_VM_FRAME_REFUSE,
    LUN_VM_FRAME_CANCEL,
    /* process -> worker */
    LUN_VM_FRAME_OPENED,
    LUN_VM_FRAME_RETURNED,
    LUN_VM_FRAME_FAILED, /* message; text: the limit or "" */
    LUN_VM_FRAME_ASKS
};

struct lun_vm_frame {
    uint64_t len; /* of what follows */
    uint32_t type;
    uint32_t id;  /* of the call */
    int32_t code; /* FAILED: enum lun_error_code */
    uint32_t unused;
    uint64_t cpu_ns; /* of the request in the app, so far */
    uint64_t memory; /* bytes of the VM */
    uint64_t number; /* CALL: deadline; FAILED: value of the limit */
    char text[64];
};

/* Appends the frame with `data` behind it. */
void lun_vm_frame_push(struct lun_buf *out, const struct lun_vm_frame *frame,
                       const void *data, size_t len);
/*
 * The first whole frame of the bytes: its header goes to `out`, `*data` leads
 * to what is behind it. Returns the bytes of both, 0 when more is needed, and
 * SIZE_MAX when it is longer than `max`.
 */
size_t lun_vm_frame_take(const char *bytes, size_t len, size_t max,
                         struct lun_vm_frame *out, const char **data);

/* All that lun_vm_app_open needs, but the loop. */
void lun_vm_frame_write_app(const struct lun_vm_app_config *config,
                            struct lun_buf *out);
/* The texts are in `data` or in the arena. */
int lun_vm_frame_read_app(const char *data, size_t len, struct lun_arena *arena,
                          struct lun_vm_app_config *out, struct lun_err *err);
