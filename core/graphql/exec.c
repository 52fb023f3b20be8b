/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/exec.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/graphql/writer.h"

/* About what the key of a field and what is around it take in the answer. */
#define FIELD_ROOM 64
#define ROOM_MAX ((size_t)64 * 1024)

/* One root field under way. */
struct field_run {
    struct lun_exec *exec;
    size_t index;
    struct lun_pg_params params;
    union {
        struct lun_merge_read read;
        struct lun_direct_write write;
    };
    struct lun_buf json; /* its value; empty: null */
    bool failed;
    struct lun_plan_error error;
};

struct lun_exec {
    struct lun_exec_config config;
    struct field_run *runs;
    size_t pending;
    bool starting;
    bool rolled_back; /* the one transaction of all fields */
    size_t rows;      /* of lists, of all fields so far */
    size_t bytes;     /* of values */
};

const struct lun_exec_config *lun_exec_config_of(const struct lun_exec *exec)
{
    return &exec->config;
}

const struct lun_pg_params *lun_exec_params(const struct lun_exec *exec,
                                            size_t field)
{
    return &exec->runs[field].params;
}

static void push_path(struct lun_buf *out, const struct lun_plan_error *error,
                      const char *key, size_t key_len)
{
    if (!error->path && !key)
        return;
    lun_buf_push_str(out, ",\"path\":");
    if (error->path) {
        lun_buf_push_str(out, error->path);
        return;
    }
    lun_buf_push_byte(out, '[');
    lun_buf_push_json_string(out, key, key_len);
    lun_buf_push_byte(out, ']');
}

void lun_exec_write_error(struct lun_buf *out,
                          const struct lun_plan_error *error,
                          const char *path_key, size_t path_len)
{
    const char *extension = error->extension
                                ? error->extension
                                : lun_error_info(error->code)->graphql;
    lun_buf_push_str(out, "{\"message\":");
    lun_buf_push_json_string(out, error->message, strlen(error->message));
    if (error->line)
        lun_buf_printf(out, ",\"locations\":[{\"line\":%u,\"column\":%u}]",
                       error->line, error->column);
    push_path(out, error, path_key, path_len);
    lun_buf_push_str(out, ",\"extensions\":{\"code\":");
    lun_buf_push_json_string(out, extension, strlen(extension));
    if (error->opencrud)
        lun_buf_printf(out, ",\"opencrud\":%d", error->opencrud);
    if (error->limit) {
        lun_buf_push_str(out, ",\"limit\":");
        lun_buf_push_json_string(out, error->limit, strlen(error->limit));
        lun_buf_printf(out, ",\"max\":%zu", error->max);
    }
    if (error->reason) {
        lun_buf_push_str(out, ",\"reason\":");
        lun_buf_push_json_string(out, error->reason, strlen(error->reason));
    }
    if (error->app) {
        lun_buf_push_str(out, ",\"app\":");
        lun_buf_push_json_string(out, error->app, strlen(error->app));
    }
    if (error->release) {
        lun_buf_push_str(out, ",\"release\":");
        lun_buf_push_json_string(out, error->release, strlen(error->release));
    }
    if (error->error_id[0])
        lun_buf_printf(out, ",\"error_id\":\"%s\"", error->error_id);
    lun_buf_push_byte(out, '}');
    if (error->opencrud)
        lun_buf_printf(out, ",\"code\":%d", error->opencrud);
    lun_buf_push_byte(out, '}');
}

static void free_exec(struct lun_exec *exec)
{
    for (size_t i = 0; i < exec->config.plan->field_count; i++)
        lun_buf_release(&exec->runs[i].json);
    lun_plan_unref(exec->config.plan);
    free(exec->runs);
    free(exec);
}

static void push_data(struct lun_exec *exec, struct lun_buf *out)
{
    const struct lun_plan *plan = exec->config.plan;
    lun_buf_push_byte(out, '{');
    for (size_t i = 0; i < plan->field_count; i++) {
        const struct lun_plan_field *field = &plan->fields[i];
        const struct field_run *run = &exec->runs[i];
        if (i)
            lun_buf_push_byte(out, ',');
        lun_buf_push_byte(out, '"');
        lun_buf_push(out, field->key, field->key_len);
        lun_buf_push(out, "\":", 2);
        if (!run->failed && field->kind == LUN_PLAN_JSON)
            lun_buf_push(out, field->json, field->json_len);
        else if (run->json.len && !run->failed)
            lun_buf_push(out, run->json.data, run->json.len);
        else
            lun_buf_push(out, "null", 4);
    }
    lun_buf_push_byte(out, '}');
}

static void push_errors(struct lun_exec *exec, struct lun_buf *out)
{
    const struct lun_plan *plan = exec->config.plan;
    bool first = true;
    for (size_t i = 0; i < plan->field_count; i++) {
        if (!exec->runs[i].failed)
            continue;
        lun_buf_push_str(out, first ? ",\"errors\":[" : ",");
        first = false;
        lun_exec_write_error(out, &exec->runs[i].error, plan->fields[i].key,
                             plan->fields[i].key_len);
    }
    if (!first)
        lun_buf_push_byte(out, ']');
}

/* The status of the table of causes counts only when no root field ran. */
static int status_of(const struct lun_exec *exec)
{
    int status = 200;
    for (size_t i = 0; i < exec->config.plan->field_count; i++) {
        if (!exec->runs[i].failed) {
            if (exec->rolled_back)
                continue;
            return 200;
        }
        int http = lun_error_info(exec->runs[i].error.code)->http;
        if (http < 403 || http == 501)
            return 200;
        if (http > status)
            status = http;
    }
    return status;
}

static const struct lun_plan_error *first_error(const struct lun_exec *exec)
{
    for (size_t i = 0; i < exec->config.plan->field_count; i++)
        if (exec->runs[i].failed)
            return &exec->runs[i].error;
    return NULL;
}

static void finish(struct lun_exec *exec)
{
    const struct lun_plan *plan = exec->config.plan;
    struct lun_buf body;
    bool data = !exec->rolled_back;
    for (size_t i = 0; i < plan->field_count; i++)
        if (exec->runs[i].failed && !plan->fields[i].nullable)
            data = false;
    lun_buf_init(&body);
    (void)lun_buf_reserve(&body, exec->bytes + plan->field_count * FIELD_ROOM);
    lun_buf_push_str(&body, "{\"data\":");
    if (data)
        push_data(exec, &body);
    else
        lun_buf_push_str(&body, "null");
    push_errors(exec, &body);
    lun_buf_push_byte(&body, '}');
    exec->config.done(exec, status_of(exec), first_error(exec), &body,
                      exec->config.context);
    lun_buf_release(&body);
    free_exec(exec);
}

static void run_field(struct lun_exec *exec, size_t index);

/* A mutation goes on with its next field; a query ends with its last answer. */
static void field_done(struct lun_exec *exec, size_t index)
{
    const struct lun_plan *plan = exec->config.plan;
    exec->pending--;
    if (plan->mutation && index + 1 < plan->field_count) {
        run_field(exec, index + 1);
        return;
    }
    if (!exec->pending && !exec->starting)
        finish(exec);
}

static void set_failure(struct field_run *run,
                        const struct lun_plan_error *error)
{
    const struct lun_plan_field *field =
        &run->exec->config.plan->fields[run->index];
    run->failed = true;
    run->error = *error;
    if (!run->error.line) {
        run->error.line = field->line;
        run->error.column = field->column;
    }
}

static void fail_with_pg(struct field_run *run, const struct lun_pg_error *pg)
{
    const struct lun_exec_config *config = &run->exec->config;
    struct lun_plan_error error = {0};
    error.code = pg->code;
    error.message = lun_error_info(pg->code)->message;
    if (pg->code == LUN_ERESULT) {
        error.limit = "pg_result_bytes";
        error.max = lun_pg_pool_result_bytes(config->pool);
    }
    config->report(pg, &error, config->context);
    set_failure(run, &error);
}

static const struct lun_shape *shape_of(const struct lun_plan_field *field,
                                        const PGresult *result, int row)
{
    for (size_t i = 0; i < field->variant_count; i++)
        if (field->variants[i].present < PQnfields(result) &&
            !PQgetisnull(result, row, field->variants[i].present))
            return field->variants[i].shape;
    return field->shape;
}

static int write_one(struct field_run *run, const struct lun_plan_field *field,
                     const PGresult *result, int row)
{
    const struct lun_shape *shape = shape_of(field, result, row);
    return shape ? lun_graphql_write_row(&run->json, shape, result, row) : 0;
}

/* Stops when the bytes of an answer are reached. */
static int write_list(struct field_run *run, const struct lun_plan_field *field,
                      const PGresult *result)
{
    size_t most = run->exec->config.input.limits->answer_bytes;
    int rows = PQntuples(result), rc = 0;
    lun_buf_push_byte(&run->json, '[');
    for (int row = 0; !rc && row < rows && run->json.len <= most; row++) {
        if (row)
            lun_buf_push_byte(&run->json, ',');
        rc = write_one(run, field, result, row);
    }
    lun_buf_push_byte(&run->json, ']');
    return rc;
}

static void fail_with_limit(struct field_run *run, const char *limit,
                            size_t max)
{
    struct lun_plan_error error = {.code = LUN_ELIMIT,
                                   .message =
                                       lun_error_info(LUN_ELIMIT)->message,
                                   .limit = limit,
                                   .max = max};
    set_failure(run, &error);
    lun_buf_release(&run->json);
}

/* False when all lists of the answer together have too many rows. */
static bool count_rows(struct field_run *run, const PGresult *result)
{
    struct lun_exec *exec = run->exec;
    const struct lun_graphql_limits *limits = exec->config.input.limits;
    exec->rows += (size_t)PQntuples(result);
    if (exec->rows <= limits->rows)
        return true;
    fail_with_limit(run, "rows", limits->rows);
    return false;
}

/* Answers of one plan are of much the same size: the next one takes its memory
 * at once. A rare large one is soon forgotten. */
static void remember_room(struct lun_plan_field *field, size_t len)
{
    if (len > ROOM_MAX)
        len = ROOM_MAX;
    if (len > field->json_room)
        field->json_room = len + len / 8;
    else
        field->json_room -= (field->json_room - len) / 2;
}

/* `row` is that of a single object, -1 when there is none. */
static void write_result(struct field_run *run, const PGresult *result, int row)
{
    struct lun_plan_field *field = &run->exec->config.plan->fields[run->index];
    const struct lun_graphql_limits *limits = run->exec->config.input.limits;
    int rc = 0;
    if (!field->single && !count_rows(run, result))
        return;
    (void)lun_buf_reserve(&run->json, field->json_room);
    if (field->page)
        rc = lun_graphql_write_page(&run->json, field->shape, result);
    else if (!field->single)
        rc = write_list(run, field, result);
    else if (row >= 0)
        rc = write_one(run, field, result, row);
    if (rc || run->json.failed) {
        struct lun_pg_error pg = {.code = rc ? LUN_EINTERNAL : LUN_EMEMORY};
        strcpy(pg.message, "the result does not have the shape of the plan");
        fail_with_pg(run, &pg);
        return;
    }
    remember_room(field, run->json.len);
    run->exec->bytes += run->json.len;
    if (run->exec->bytes > limits->answer_bytes)
        fail_with_limit(run, "answer_bytes", limits->answer_bytes);
}

static void on_result(void *context, const PGresult *result,
                      const struct lun_pg_error *error)
{
    struct field_run *run = context;
    struct lun_exec *exec = run->exec;
    if (error)
        fail_with_pg(run, error);
    else
        write_result(run, result, PQntuples(result) ? 0 : -1);
    field_done(exec, run->index);
}

static void on_merged(void *context, const PGresult *result, int row,
                      const struct lun_pg_error *error)
{
    struct field_run *run = context;
    if (error)
        fail_with_pg(run, error);
    else
        write_result(run, result, row);
    field_done(run->exec, run->index);
}

static void run_sql(struct field_run *run, struct lun_plan_field *field)
{
    const struct lun_exec_config *config = &run->exec->config;
    if (!field->group.merged.sql || !config->merge) {
        lun_pg_pool_query(config->pool, &field->statement, &run->params,
                          config->deadline_ns, on_result, run);
        return;
    }
    run->read = (struct lun_merge_read){.params = &run->params,
                                        .deadline_ns = config->deadline_ns,
                                        .cb = on_merged,
                                        .context = run};
    lun_merge_run(config->merge, &field->group, &field->statement, &run->read);
}

/* A write that ended with a lost connection may have taken effect. */
static void fail_direct(struct field_run *run, const struct lun_pg_error *pg)
{
    struct lun_pg_error error = *pg;
    if (pg->lost && !pg->before_send)
        error.code = LUN_EOUTCOME_UNKNOWN;
    fail_with_pg(run, &error);
}

/* Whatever is not simply done is done, or explained, by the framework. */
static void on_direct(void *context, const PGresult *result, int row,
                      const struct lun_pg_error *error)
{
    struct field_run *run = context;
    struct lun_exec *exec = run->exec;
    if (error ? lun_direct_failed_clean(error) : row < 0) {
        exec->config.write(exec, run->index, exec->config.context);
        return;
    }
    if (error)
        fail_direct(run, error);
    else
        write_result(run, result, row);
    field_done(exec, run->index);
}

static void run_write(struct field_run *run, struct lun_plan_field *field)
{
    const struct lun_exec_config *config = &run->exec->config;
    struct lun_direct *direct = field->direct;
    if (direct && config->merge && !config->once &&
        lun_direct_fits(direct, &run->params)) {
        run->write = (struct lun_direct_write){
            .params = &run->params,
            .user = config->input.user,
            .arena = config->arena,
            .deadline_ns = config->deadline_ns,
            .cb = on_direct,
            .context = run,
        };
        if (!lun_direct_run(direct, config->merge, &run->write))
            return;
    }
    config->write(run->exec, run->index, config->context);
}

void lun_exec_written(struct lun_exec *exec, size_t index, const char *json,
                      size_t json_len, const struct lun_plan_error *error)
{
    struct field_run *run = &exec->runs[index];
    const struct lun_graphql_limits *limits = exec->config.input.limits;
    exec->bytes += json_len;
    if (error)
        set_failure(run, error);
    else if (!exec->config.plan->mutation && exec->bytes > limits->answer_bytes)
        fail_with_limit(run, "answer_bytes", limits->answer_bytes);
    else
        lun_buf_push(&run->json, json, json_len);
    field_done(exec, index);
}

void lun_exec_written_all(struct lun_exec *exec, const struct lun_buf *values,
                          size_t failed, const struct lun_plan_error *error)
{
    exec->rolled_back = error != NULL;
    if (error)
        set_failure(&exec->runs[failed], error);
    for (size_t i = 0; !error && i < exec->config.plan->field_count; i++)
        lun_buf_push(&exec->runs[i].json, values[i].data, values[i].len);
    if (!--exec->pending && !exec->starting)
        finish(exec);
}

/* All fields of a mutation in one transaction; a field that is known to fail
 * leaves nothing to do. */
static void run_transaction(struct lun_exec *exec)
{
    const struct lun_plan *plan = exec->config.plan;
    bool writes = false;
    for (size_t i = 0; i < plan->field_count; i++) {
        writes = writes || plan->fields[i].kind == LUN_PLAN_WRITE;
        if (plan->fields[i].kind == LUN_PLAN_ERROR) {
            set_failure(&exec->runs[i], &plan->fields[i].error);
            exec->rolled_back = true;
        }
    }
    if (!writes || exec->rolled_back)
        return;
    exec->pending++;
    exec->config.write(exec, 0, exec->config.context);
}

static void run_field(struct lun_exec *exec, size_t index)
{
    const struct lun_exec_config *config = &exec->config;
    struct field_run *run = &exec->runs[index];
    struct lun_plan_field *field = &config->plan->fields[index];
    exec->pending++;
    if (run->failed) {
        field_done(exec, index);
        return;
    }
    switch (field->kind) {
    case LUN_PLAN_SQL:
        run_sql(run, field);
        return;
    case LUN_PLAN_WRITE:
        run_write(run, field);
        return;
    case LUN_PLAN_ERROR:
        set_failure(run, &field->error);
        break;
    case LUN_PLAN_JSON:
        break;
    }
    field_done(exec, index);
}

/* A value of the right type that breaks a rule of the API (they have numbers)
 * fails its field only, where there are others. */
static int bind_field(struct field_run *run, struct lun_plan_error *error)
{
    const struct lun_exec_config *config = &run->exec->config;
    const struct lun_plan *plan = config->plan;
    const struct lun_plan_field *field = &plan->fields[run->index];
    int rc = lun_plan_bind(field, &config->input, &run->params, error);
    if (!rc || !error->opencrud || plan->transaction || plan->field_count == 1)
        return rc;
    set_failure(run, error);
    return 0;
}

static int bind_fields(struct lun_exec *exec, struct lun_plan_error *error)
{
    struct lun_plan *plan = exec->config.plan;
    int rc = lun_plan_check_nodes(plan, &exec->config.input, error);
    for (size_t i = 0; !rc && i < plan->field_count; i++) {
        exec->runs[i].exec = exec;
        exec->runs[i].index = i;
        if (plan->fields[i].kind == LUN_PLAN_SQL ||
            plan->fields[i].kind == LUN_PLAN_WRITE)
            rc = bind_field(&exec->runs[i], error);
    }
    return rc;
}

int lun_exec_start(const struct lun_exec_config *config,
                   struct lun_plan_error *error)
{
    struct lun_plan *plan = config->plan;
    struct lun_exec *exec = calloc(1, sizeof(*exec));
    if (exec)
        exec->runs = calloc(plan->field_count + 1, sizeof(*exec->runs));
    if (!exec || !exec->runs) {
        free(exec);
        memset(error, 0, sizeof(*error));
        error->code = LUN_EMEMORY;
        error->message = lun_error_info(LUN_EMEMORY)->message;
        return LUN_EMEMORY;
    }
    exec->config = *config;
    lun_plan_ref(plan);
    int rc = bind_fields(exec, error);
    if (rc) {
        free_exec(exec);
        return rc;
    }
    /* Held open while starting, so that a field that is done at once does not
     * end an execution whose other fields have not begun. */
    exec->starting = true;
    exec->pending++;
    if (plan->transaction) {
        run_transaction(exec);
    } else if (plan->mutation) {
        if (plan->field_count)
            run_field(exec, 0);
    } else {
        for (size_t i = 0; i < plan->field_count; i++)
            run_field(exec, i);
    }
    exec->starting = false;
    if (!--exec->pending)
        finish(exec);
    return 0;
}
