/*
 * core/graphql/exec.h - runs a plan and writes the response.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The root fields of a query run at the same time, those of a mutation one
 * after another (GraphQL section 6.2). The response is written from the binary
 * results as they come, without a tree between.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/graphql/plan.h"

struct lun_exec;
struct lun_json;

/* How a write ended: `json` is the value of the field, or `error` is set. */
typedef void (*lun_exec_written_cb)(struct lun_exec *exec, size_t field,
                                    const char *json, size_t json_len,
                                    const struct lun_plan_error *error);

/* What makes the writes of a request safe to send again (Idempotency-Key). */
struct lun_exec_once {
    const char *key;
    const char *body; /* tells requests apart */
    size_t body_len;
};

struct lun_exec_config {
    struct lun_pg_pool *pool;
    struct lun_merge *merge;
    struct lun_arena *arena; /* outlives the execution */
    struct lun_plan *plan;   /* a reference is taken */
    struct lun_plan_input input;
    uint64_t deadline_ns;
    const struct lun_exec_once *once; /* NULL: none */
    /* Runs a LUN_PLAN_WRITE field; must lead to one lun_exec_written, also
     * before it returns. In a plan with `transaction` it is called for field 0
     * alone, runs all fields and leads to one lun_exec_written_all. */
    void (*write)(struct lun_exec *exec, size_t field, void *context);
    /* An error that the client does not see in full; fills error_id. */
    void (*report)(const struct lun_pg_error *pg, struct lun_plan_error *error,
                   void *context);
    /* Called once. `status` is 200, or what errors.def says when every root
     * field failed for a reason of the server's; `error` is that of the first
     * failed field or NULL. Both and `body` live during the call. */
    void (*done)(struct lun_exec *exec, int status,
                 const struct lun_plan_error *error, struct lun_buf *body,
                 void *context);
    void *context;
};

/*
 * Starts. All parameters are bound before anything is sent: on bad input
 * nothing runs, `error` is filled and the code returned; `done` is not called.
 * What has an OpenCRUD number fails its own field only, where there are others.
 * Otherwise returns 0; `done` may be called before this returns when no field
 * needs the database.
 */
int lun_exec_start(const struct lun_exec_config *config,
                   struct lun_plan_error *error);

const struct lun_exec_config *lun_exec_config_of(const struct lun_exec *exec);
/* The bound parameters of a field. */
const struct lun_pg_params *lun_exec_params(const struct lun_exec *exec,
                                            size_t field);

void lun_exec_written(struct lun_exec *exec, size_t field, const char *json,
                      size_t json_len, const struct lun_plan_error *error);

/* All writes of the request ended: `values` has the JSON of each field, or
 * `error` is set and says how field `failed` did; then none has an effect. */
void lun_exec_written_all(struct lun_exec *exec, const struct lun_buf *values,
                          size_t failed, const struct lun_plan_error *error);

/* Appends one member of "errors". `path_key` (may be NULL) is the response key
 * of the root field. */
void lun_exec_write_error(struct lun_buf *out,
                          const struct lun_plan_error *error,
                          const char *path_key, size_t path_len);
