/*
 * core/lunette.h - Lunette inside another program.
 * SPDX-License-Identifier: Apache-2.0
 *
 * liblunette serves apps on a libuv loop that belongs to the caller:
 *
 *     const char *settings[] = {"apps=apps", "data=.lunette", "port=8080",
 *                               "database=postgresql:///mine", NULL};
 *     struct lun_runtime *runtime;
 *     struct lun_err err;
 *     if (lun_runtime_open(uv_default_loop(), settings, &runtime, &err) ||
 *         lun_runtime_load(runtime, &err) ||
 *         lun_runtime_listen(runtime, &err)) {
 *         fprintf(stderr, "%s\n", err.message);
 *     }
 *     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
 *
 * There is one process here: no supervisor, no worker processes, no private
 * PostgreSQL and no watching of files. The program gives a database and says
 * when to load. All calls come from the thread of the loop. examples/embed.c is
 * a whole program.
 */
#pragma once

#include <uv.h>

#include "core/base/error.h" /* struct lun_err: code and message */

#ifdef __cplusplus
extern "C" {
#endif

struct lun_runtime; /* opaque; belongs to whoever opened it */

typedef void (*lun_runtime_closed_cb)(void *context);

/*
 * Makes a runtime. `settings` are "key=value" texts with the keys of
 * `lunette help config`, ended by NULL; nothing is read from a file or the
 * environment. `data` is made when it is not there and locked, `database` is
 * needed. Returns 0 or a LUN_E code and fills `err`.
 */
int lun_runtime_open(uv_loop_t *loop, const char *const *settings,
                     struct lun_runtime **out, struct lun_err *err);

/*
 * Compiles the apps, changes the tables and loads new starting data; while
 * the runtime listens, requests that begin from now on are served by what was
 * loaded. Blocks for as long as that takes. On failure nothing has changed for
 * requests, and `err` has "file:line: message" of the first thing that is
 * wrong.
 */
int lun_runtime_load(struct lun_runtime *runtime, struct lun_err *err);

/* Begins to serve what was loaded. */
int lun_runtime_listen(struct lun_runtime *runtime, struct lun_err *err);

/* The port that is listened on; 0 before. */
int lun_runtime_port(const struct lun_runtime *runtime);
/* "app@version+hash,..." of what was loaded last; "" before. */
const char *lun_runtime_release(const struct lun_runtime *runtime);

/* Answers what has begun, closes everything on the loop, frees `runtime`, then
 * calls `closed` (may be NULL). The loop itself stays the caller's. */
void lun_runtime_close(struct lun_runtime *runtime,
                       lun_runtime_closed_cb closed, void *context);

#ifdef __cplusplus
}
#endif
