/*
 * core/vm/call.h - one function of an app at work.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A call is a coroutine of the app's VM that the loop resumes: slice by slice,
 * one slice of each app a loop turn. It ends with a result or a fault; in
 * between it may ask the host (read, write, a module) and waits for the answer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lun_vm_app;
struct lun_vm_call; /* opaque; gone when its last event was delivered */

/* What one request has used in one app; zero it (but `deadline_ns`) before its
 * first call, and give it to all its calls. It must outlive them. */
struct lun_vm_spent {
    uint64_t deadline_ns; /* of the request (monotonic clock) */
    uint64_t cpu_ns;
    uint64_t statements;
    uint64_t rows;
    uint64_t outgoing_bytes;
    char request[64]; /* names the request in logs and after a crash */
};

enum lun_vm_event {
    LUN_VM_RETURNED, /* `data` is the list of results; the call is over */
    LUN_VM_FAILED,   /* `fault` is set; the call is over */
    LUN_VM_ASKS      /* `data` is what lunette.guest asks; answer it */
};

struct lun_vm_fault {
    int code; /* LUN_EBUDGET, LUN_EDEADLINE, LUN_EINTERNAL, LUN_EREFUSED... */
    const char *limit;   /* LUN_EBUDGET: "cpu", "memory", ...; else NULL */
    uint64_t max;        /* of the limit, in ms, bytes or pieces */
    const char *message; /* for the log: "sales:app.lua:14: ..." + traceback;
                            LUN_EREFUSED: what the app says to the caller */
};

typedef void (*lun_vm_call_cb)(void *context, struct lun_vm_call *call,
                               enum lun_vm_event event, const char *data,
                               size_t len, const struct lun_vm_fault *fault);

/*
 * Starts `entry` ("query:count", "hook:before_create:Order") with `data` as its
 * argument. `cb` is never called before this returns. NULL when memory ran out.
 */
struct lun_vm_call *lun_vm_call_start(struct lun_vm_app *app,
                                      struct lun_vm_spent *spent,
                                      const char *entry, const char *data,
                                      size_t len, lun_vm_call_cb cb,
                                      void *context);
/* The answer to LUN_VM_ASKS: what `ask` returns in lunette.guest. */
void lun_vm_call_answer(struct lun_vm_call *call, const char *data, size_t len);
/* Instead of an answer: `ask` raises `message` there. */
void lun_vm_call_refuse(struct lun_vm_call *call, const char *message);
/* Gives the call up; `cb` is not called any more. */
void lun_vm_call_cancel(struct lun_vm_call *call);
