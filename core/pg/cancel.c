/*
 * core/pg/cancel.c - asks the server to stop a statement.
 * SPDX-License-Identifier: Apache-2.0
 *
 * PQcancel of libpq 15 blocks, and waits for ever when the other side takes the
 * connection but never closes it. So it runs on a detached thread of its own,
 * which owns all it touches: neither libuv's thread pool nor the end of the
 * loop waits for it. At most one runs; when it hangs, no more are sent and the
 * server's statement_timeout does the work.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "core/pg/internal.h"

static atomic_flag under_way = ATOMIC_FLAG_INIT;

static void *send_cancel(void *argument)
{
    PGcancel *cancel = argument;
    char text[256];
    (void)PQcancel(cancel, text, sizeof(text));
    PQfreeCancel(cancel);
    atomic_flag_clear(&under_way);
    return NULL;
}

void lun_pg_cancel_start(PGconn *pq)
{
    if (atomic_flag_test_and_set(&under_way))
        return;
    PGcancel *cancel = PQgetCancel(pq);
    pthread_attr_t attr;
    pthread_t thread;
    int failed = !cancel || pthread_attr_init(&attr) != 0;
    if (!failed) {
        failed =
            pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) != 0 ||
            pthread_create(&thread, &attr, send_cancel, cancel) != 0;
        pthread_attr_destroy(&attr);
    }
    if (failed) {
        PQfreeCancel(cancel);
        atomic_flag_clear(&under_way);
    }
}
