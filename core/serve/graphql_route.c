/*
 * GraphQL over HTTP (the GraphQL foundation's draft of that name): from a
 * request to its plan, its execution and the answer.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/map.h"
#include "core/base/random.h"
#include "core/bind/framework.h"
#include "core/bind/write.h"
#include "core/graphql/error.h"
#include "core/graphql/exec.h"
#include "core/graphql/parser.h"
#include "core/graphql/plan.h"
#include "core/graphql/page_size.h"
#include "core/graphql/plan_cache.h"
#include "core/graphql/page_size.h"
#include "core/config/config.h"
#include "core/serve/media.h"
#include "core/serve/params.h"
#include "core/serve/persisted.h"
#include "core/serve/release.h"
#include "core/config/role_limits.h"
#include "core/serve/service.h"
#include "core/http/server.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "core/telemetry/trace.h"
#include "core/vm/call.h"

#define BODY_DEPTH 64
#define BODY_NODES 300000
/* Errors of one answer. */
#define MOST_ERRORS 10

struct batch;

/* One request on its way; lives in the arena of the HTTP request. */
struct call {
    struct lun_service *service;
    struct lun_http_request *http;
    struct lun_release *release;
    struct lun_caller *caller;
    const struct lun_graphql_limits *limits; /* of the caller */
    struct lun_plan *plan;
    struct lun_graphql_tokens tokens;
    struct lun_params params;
    struct lun_document *document; /* found by its hash; NULL: none */
    struct batch *batch;           /* NULL: answers for itself */
    bool graphql_type; /* answers as application/graphql-response+json */
    uint64_t deadline_ns;
    struct lun_trace trace;
    struct lun_bind_request functions; /* of apps; filled when one is needed */
    struct call *next;                 /* with functions, of one HTTP request */
    const char *code;                  /* of the first error, for the log */
    const char *error_id;
};

/* Several requests in one body; lives in the arena of the HTTP request. */
struct batch {
    struct call *calls;
    struct lun_buf *answers;
    size_t count;
    size_t missing; /* answers; and one more until all calls have started */
};

static const char *type_of(const struct call *call)
{
    return call->graphql_type
               ? "application/graphql-response+json; charset=utf-8"
               : "application/json; charset=utf-8";
}

/* Answers when all calls have. */
static void gather(struct batch *batch)
{
    const struct call *call = &batch->calls[0];
    struct lun_release *release = call->release;
    struct lun_buf body;
    if (--batch->missing)
        return;
    lun_buf_init(&body);
    lun_buf_push_byte(&body, '[');
    for (size_t i = 0; i < batch->count; i++) {
        if (i)
            lun_buf_push_byte(&body, ',');
        lun_buf_push(&body, batch->answers[i].data, batch->answers[i].len);
        body.failed |= batch->answers[i].failed;
        lun_buf_release(&batch->answers[i]);
    }
    lun_buf_push_byte(&body, ']');
    lun_service_respond(call->service, release, call->http,
                        body.failed ? 503 : 200, type_of(call), NULL, NULL,
                        body.data, body.failed ? 0 : body.len);
    lun_buf_release(&body);
    lun_release_unref(release);
}

/* Keeps the answer of one call of a batch. */
static void put_by(struct call *call, const char *body, size_t len)
{
    struct batch *batch = call->batch;
    size_t index = (size_t)(call - batch->calls);
    lun_buf_push(&batch->answers[index], body, len);
    gather(batch);
}

static void finish(struct call *call, int status, const char *body, size_t len)
{
    struct lun_http_request *http = call->http;
    uint64_t duration = lun_clock_monotonic_ns() - http->started_ns;
    const char *extra = NULL, *value = NULL;
    if (status == 503 || status == 429 || status == 409)
        extra = "retry-after", value = "1";
    else if (status == 401)
        extra = "www-authenticate", value = "Bearer";
    else if (status == 405)
        extra = "allow",
        value = http->method == LUN_HTTP_GET ? "POST" : "GET, POST";
    struct lun_log_request line = {
        .status = status,
        .duration_ns = duration,
        .trace_id = call->trace.trace_id,
        .release = call->release->header,
        .apps = call->plan ? call->plan->apps : NULL,
        .method = http->method_text,
        .path = http->path,
        .operation = call->params.operation,
        .code = call->code,
        .error_id = call->error_id,
        .user = call->caller ? call->caller->login : NULL,
        .peer = http->peer,
        .bytes = len,
    };
    lun_log_request(&line);
    lun_metrics_observe_request(status, duration);
    if (call->code)
        lun_metrics_add(LUN_METRIC_GRAPHQL_ERRORS, 1);
    lun_plan_unref(call->plan);
    struct lun_release *release = call->release;
    lun_caller_unref(call->caller);
    lun_document_unref(call->document);
    if (call->batch) {
        put_by(call, body, len);
        return;
    }
    lun_service_respond(call->service, release, http, status, type_of(call),
                        extra, value, body, len);
    lun_release_unref(release);
}

/* Answers a request that was never executed: no "data". */
static void refuse(struct call *call, int status,
                   const struct lun_plan_error *errors, size_t count)
{
    struct lun_buf body;
    lun_buf_init(&body);
    lun_buf_push_str(&body, "{\"errors\":[");
    for (size_t i = 0; i < count && i < MOST_ERRORS; i++) {
        if (i)
            lun_buf_push_byte(&body, ',');
        lun_exec_write_error(&body, &errors[i], NULL, 0);
    }
    lun_buf_push_str(&body, "]}");
    call->code = errors[0].extension ? errors[0].extension
                                     : lun_error_info(errors[0].code)->graphql;
    if (errors[0].error_id[0])
        call->error_id = errors[0].error_id;
    if (body.failed)
        finish(call, 503, "", 0);
    else
        finish(call, status, body.data, body.len);
    lun_buf_release(&body);
}

/*
 * The status of an error that came before execution. A client that accepts
 * only application/json sees 200 for what is well-formed HTTP and JSON, as it
 * always did; see section "Status Codes" of the draft.
 */
static int status_of(const struct call *call, int code)
{
    int http = lun_error_info(code)->http;
    if (http >= 401)
        return http;
    if (code == LUN_ELIMIT)
        return 400;
    return call->graphql_type ? 400 : 200;
}

static void refuse_code(struct call *call, int code, int status,
                        const char *message)
{
    struct lun_plan_error error = {.code = code, .message = message};
    refuse(call, status, &error, 1);
}

static void refuse_graphql(struct call *call,
                           const struct lun_graphql_error *found)
{
    struct lun_plan_error error;
    lun_plan_error_from(call->http->arena, found, &error);
    refuse(call, status_of(call, error.code), &error, 1);
}

/* Executing --------------------------------------------------------------- */

static void report(const struct lun_pg_error *pg, struct lun_plan_error *error,
                   void *context)
{
    struct call *call = context;
    lun_random_hex(error->error_id, 8);
    call->error_id = lun_arena_strndup(call->http->arena, error->error_id, 16);
    const char *release =
        error->release ? error->release : call->release->header;
    struct lun_log_field fields[] = {
        {"error_id", error->error_id},
        {"trace_id", call->trace.trace_id},
        {"release", release},
        {"sqlstate", pg->sqlstate},
        {"detail", error->detail ? error->detail : pg->message},
        {"app", error->app},
    };
    lun_log_write(LUN_LOG_ERROR, error->message, fields, error->app ? 6 : 5);
}

static void on_done(struct lun_exec *exec, int status,
                    const struct lun_plan_error *error, struct lun_buf *body,
                    void *context)
{
    struct call *call = context;
    (void)exec;
    if (body->failed) {
        refuse_code(call, LUN_EMEMORY, 503,
                    lun_error_info(LUN_EMEMORY)->message);
        return;
    }
    if (error)
        call->code = error->extension ? error->extension
                                      : lun_error_info(error->code)->graphql;
    finish(call, status, body->data, body->len);
}

/* The client has gone: functions of apps need not go on for it. */
static void on_gone(struct lun_http_request *http)
{
    for (struct call *call = http->user; call; call = call->next)
        lun_bind_write_abandon(&call->functions);
}

/* What the functions of apps get that this request calls. */
static bool prepare_functions(struct call *call)
{
    const struct lun_bind_apps *apps = &call->release->apps;
    struct lun_arena *arena = call->http->arena;
    struct lun_vm_spent *spent =
        lun_arena_calloc(arena, apps->count + 1, sizeof(*spent));
    char *header = lun_arena_alloc(arena, 56);
    if (!spent || !header)
        return false;
    lun_trace_header(&call->trace, header);
    for (size_t i = 0; i < apps->count; i++) {
        spent[i].deadline_ns = call->deadline_ns;
        strcpy(spent[i].request, call->trace.trace_id);
    }
    call->functions = (struct lun_bind_request){
        .service = call->release->service,
        .roles = call->caller->roles,
        .apps = apps,
        .spent = spent,
        .modules = &call->service->modules,
        .traceparent = header,
    };
    call->next = call->http->user;
    call->http->user = call;
    call->http->on_gone = on_gone;
    return true;
}

static void write_field(struct lun_exec *exec, size_t field, void *context)
{
    struct call *call = context;
    if (!call->functions.spent && !prepare_functions(call)) {
        struct lun_plan_error error = {
            .code = LUN_EMEMORY,
            .message = lun_error_info(LUN_EMEMORY)->message};
        lun_exec_written(exec, field, NULL, 0, &error);
        return;
    }
    lun_bind_write_start(call->service->writer, &call->functions, exec, field);
}

/* The Idempotency-Key of the request, if any; true when it is none. */
static bool read_once(struct call *call, struct lun_exec_once **out)
{
    struct lun_http_request *http = call->http;
    const char *key = lun_http_header_get(http, "idempotency-key");
    if (!key)
        return false;
    if (call->batch)
        return true;
    *out = lun_arena_calloc(http->arena, 1, sizeof(**out));
    if (!*out || !key[0] || strlen(key) > 255)
        return true;
    **out = (struct lun_exec_once){
        .key = key, .body = http->body, .body_len = http->body_len};
    return false;
}

static void execute(struct call *call)
{
    struct lun_exec_config config = {
        .pool = call->service->pool,
        .merge = call->service->merge,
        .arena = call->http->arena,
        .plan = call->plan,
        .input = {.arena = call->http->arena,
                  .tokens = &call->tokens,
                  .variables = call->params.variables,
                  .user = call->caller->user,
                  .limits = call->limits},
        .deadline_ns = call->deadline_ns,
        .write = write_field,
        .report = report,
        .done = on_done,
        .context = call,
    };
    struct lun_plan_error error;
    struct lun_exec_once *once = NULL;
    if (call->plan->mutation && read_once(call, &once)) {
        refuse_code(call, LUN_EBAD_INPUT, 400,
                    "the header Idempotency-Key takes 1 to 255 characters, and "
                    "no batch");
        return;
    }
    config.once = once;
    if (call->plan->mutation && call->http->method != LUN_HTTP_POST) {
        refuse_code(call, LUN_EINVALID, 405,
                    "mutations are accepted by POST only");
        return;
    }
    lun_metrics_add(call->plan->mutation ? LUN_METRIC_GRAPHQL_MUTATIONS
                                         : LUN_METRIC_GRAPHQL_QUERIES,
                    1);
    if (lun_exec_start(&config, &error))
        refuse(call, status_of(call, error.code), &error, 1);
}

/* Compiling --------------------------------------------------------------- */

static struct lun_plan_key key_of(const struct call *call)
{
    struct lun_plan_key key = {
        .document = {call->tokens.hash[0] ^ call->caller->roles_hash,
                     call->tokens.hash[1] + call->caller->roles_hash},
    };
    uint64_t sizes = lun_graphql_page_sizes(&call->tokens);
    key.document[0] ^= sizes;
    key.document[1] += sizes;
    const char *operation = call->params.operation;
    if (operation) {
        size_t len = strlen(operation);
        key.document[0] = lun_map_hash(key.document[0], operation, len);
        key.document[1] = lun_map_hash(key.document[1], operation, len);
    }
    return key;
}

static int add_windows(struct call *call,
                       const struct lun_graphql_document *document)
{
    const char *name = call->params.operation;
    const struct lun_graphql_operation *operation =
        lun_graphql_operation_find(document, name, name ? strlen(name) : 0);
    if (!operation)
        return 0;
    return lun_graphql_limits_windows(document, operation, &call->plan->arena,
                                      &call->plan->windows);
}

/* Introspection may be closed to some (setting `introspection`). */
static bool may_introspect(const struct call *call)
{
    const char *who = call->service->config->introspection;
    const struct lun_caller *caller = call->caller;
    bool admin = false;
    for (size_t i = 0; caller->roles[i] && !admin; i++)
        admin = !strcmp(caller->roles[i], "admin");
    return !strcmp(who, "all") || (!strcmp(who, "admin") && admin) ||
           (!strcmp(who, "authenticated") && (caller->login || admin));
}

static void refuse_introspection(struct call *call)
{
    refuse_code(call, LUN_EFORBIDDEN, lun_error_info(LUN_EFORBIDDEN)->http,
                "introspection is not open to you");
}

/* Makes the plan; answers itself and returns false when there is none. */
static bool compile(struct call *call)
{
    struct lun_arena *arena = call->http->arena;
    struct lun_graphql_document *document;
    struct lun_graphql_error found = {0};
    struct lun_plan_error *errors = NULL;
    size_t count = 0;
    int rc = lun_graphql_parse(arena, &call->tokens, call->limits, &document,
                               &found);
    if (!rc)
        rc = lun_graphql_limits_check(document, call->limits, arena, &found);
    if (rc) {
        refuse_graphql(call, &found);
        return false;
    }
    bool introspects = lun_graphql_limits_introspects(document);
    if (introspects && !may_introspect(call)) {
        refuse_introspection(call);
        return false;
    }
    struct lun_framework_request request = {
        .arena = arena,
        .tokens = &call->tokens,
        .document = document,
        .operation_name = call->params.operation,
        .variables = call->params.variables,
        .roles = call->caller->roles,
        .user = call->caller->user,
        .get = call->http->method != LUN_HTTP_POST,
    };
    rc = lun_framework_compile(call->service->framework, call->release->service,
                               &request, &call->plan, &errors, &count);
    if (!rc && add_windows(call, document)) {
        refuse_code(call, LUN_EMEMORY, 503,
                    lun_error_info(LUN_EMEMORY)->message);
        return false;
    }
    if (!rc) {
        call->plan->introspects = introspects;
        return true;
    }
    if (count)
        refuse(call, status_of(call, rc), errors, count);
    else
        refuse_code(call, rc, status_of(call, rc), lun_error_info(rc)->message);
    return false;
}

static void run(struct call *call)
{
    struct lun_plan_key key = key_of(call);
    struct lun_plan *plan =
        lun_plan_cache_find(call->release->plans, &key, call->params.variables);
    lun_metrics_add(plan ? LUN_METRIC_PLAN_HITS : LUN_METRIC_PLAN_MISSES, 1);
    if (plan) {
        lun_plan_ref(plan);
        call->plan = plan;
        /* The key has the roles, not whether somebody is logged in. */
        if (plan->introspects && !may_introspect(call)) {
            refuse_introspection(call);
            return;
        }
    } else if (compile(call)) {
        lun_plan_cache_add(call->release->plans, &key, call->params.variables,
                           call->plan);
    } else {
        return;
    }
    if (call->params.hash && call->params.query)
        lun_persisted_add(call->service->persisted, call->params.hash,
                          call->params.query, call->params.query_len);
    execute(call);
}

/* Persisted queries -------------------------------------------------------- */

/* Words and codes are those of Apollo's protocol: clients act upon them, and
 * expect the status 200. */
static void refuse_hash(struct call *call, const char *message,
                        const char *extension)
{
    struct lun_plan_error error = {
        .code = LUN_EBAD_INPUT, .message = message, .extension = extension};
    refuse(call, 200, &error, 1);
}

static void refuse_unlisted(struct call *call)
{
    struct lun_plan_error error = {
        .code = LUN_EFORBIDDEN,
        .message = "only the documents of the server's list are answered",
        .reason = "PERSISTED_QUERY_ONLY"};
    refuse(call, lun_error_info(LUN_EFORBIDDEN)->http, &error, 1);
}

/* Finds the document of a hash; answers itself and returns false when there is
 * none. */
static bool find_document(struct call *call)
{
    struct lun_persisted *store = call->service->persisted;
    struct lun_params *params = &call->params;
    if (!lun_persisted_is_on(store) && !lun_persisted_is_strict(store)) {
        refuse_hash(call, "PersistedQueryNotSupported",
                    "PERSISTED_QUERY_NOT_SUPPORTED");
        return false;
    }
    if (params->query) {
        if (lun_persisted_matches(params->hash, params->query,
                                  params->query_len))
            return true;
        refuse_code(call, LUN_EBAD_INPUT, 400,
                    "provided sha does not match query");
        return false;
    }
    call->document = lun_persisted_find(store, params->hash);
    if (!call->document && lun_persisted_is_strict(store))
        refuse_unlisted(call);
    else if (!call->document)
        refuse_hash(call, "PersistedQueryNotFound",
                    "PERSISTED_QUERY_NOT_FOUND");
    return call->document != NULL;
}

/* False when memory ran out; then it has answered. */
static bool find_limits(struct call *call)
{
    struct lun_service *service = call->service;
    call->limits = &service->limits;
    if (!service->role_limits)
        return true;
    struct lun_graphql_limits *own =
        lun_arena_alloc(call->http->arena, sizeof(*own));
    if (!own) {
        refuse_code(call, LUN_EMEMORY, 503,
                    lun_error_info(LUN_EMEMORY)->message);
        return false;
    }
    lun_role_limits_find(service->role_limits, call->caller->roles, own);
    call->limits = own;
    return true;
}

static bool lex(struct call *call)
{
    const struct lun_document *document = call->document;
    struct lun_graphql_error found = {0};
    if (!lun_graphql_lex(call->http->arena,
                         document ? document->text : call->params.query,
                         document ? document->len : call->params.query_len,
                         call->limits, &call->tokens, &found))
        return true;
    refuse_graphql(call, &found);
    return false;
}

static void on_caller(void *context, struct lun_caller *caller, int code)
{
    struct call *call = context;
    struct lun_persisted *store = call->service->persisted;
    if (!caller) {
        refuse_code(call, code, lun_error_info(code)->http,
                    lun_error_info(code)->message);
        return;
    }
    call->caller = caller;
    caller->refs++;
    if (call->params.hash && !find_document(call))
        return;
    if (!find_limits(call) || !lex(call))
        return;
    if (lun_persisted_is_strict(store) && !call->document &&
        !lun_persisted_allows(store, &call->tokens))
        refuse_unlisted(call);
    else
        run(call);
}

/* Reading the request ----------------------------------------------------- */

static void refuse_input(struct call *call, const char *message)
{
    refuse_code(call, LUN_EBAD_INPUT, 400, message);
}

static bool is_coded(const struct lun_http_request *http)
{
    const char *coding = lun_http_header_get(http, "content-encoding");
    return coding && *coding && strcasecmp(coding, "identity") != 0;
}

static void find_caller(struct call *call)
{
    lun_auth_find(&call->service->auth, call->release,
                  lun_http_header_get(call->http, "authorization"),
                  call->deadline_ns, on_caller, call);
}

/* What a call shares with the others of its batch. */
static void copy_call(const struct call *from, struct batch *batch,
                      struct call *to)
{
    *to = *from;
    to->batch = batch;
}

static void start_batch(struct call *call, const struct lun_json *body)
{
    struct lun_arena *arena = call->http->arena;
    struct batch *batch = lun_arena_calloc(arena, 1, sizeof(*batch));
    if (batch) {
        batch->calls = lun_arena_calloc(arena, body->count, sizeof(*call));
        batch->answers =
            lun_arena_calloc(arena, body->count, sizeof(*batch->answers));
    }
    if (!batch || !batch->calls || !batch->answers) {
        refuse_code(call, LUN_EMEMORY, 503,
                    lun_error_info(LUN_EMEMORY)->message);
        return;
    }
    batch->count = body->count;
    batch->missing = body->count + 1;
    for (size_t i = 0; i < batch->count; i++)
        copy_call(call, batch, &batch->calls[i]);
    const struct lun_json *at = body->child;
    for (size_t i = 0; i < batch->count; i++, at = at->next) {
        struct call *one = &batch->calls[i];
        const char *wrong = at->type == LUN_JSON_OBJECT
                                ? lun_params_from_json(at, &one->params)
                                : "a request must be a JSON object";
        if (wrong)
            refuse_input(one, wrong);
        else
            find_caller(one);
    }
    gather(batch);
}

static void start_array(struct call *call, const struct lun_json *body)
{
    size_t max = call->service->limits.batch;
    if (!max) {
        refuse_input(call, "the body must be a JSON object with 'query'; "
                           "batches are not accepted");
    } else if (!body->count) {
        refuse_input(call, "the batch is empty");
    } else if (body->count > max) {
        struct lun_plan_error error = {.code = LUN_ELIMIT,
                                       .message =
                                           "the batch has too many requests",
                                       .limit = "batch",
                                       .max = max};
        refuse(call, 400, &error, 1);
    } else {
        start_batch(call, body);
    }
}

static void start_post(struct call *call)
{
    struct lun_http_request *http = call->http;
    struct lun_json *body;
    struct lun_err err;
    const char *wrong = NULL;
    int rc = lun_json_parse(http->arena, http->body, http->body_len, BODY_DEPTH,
                            BODY_NODES, &body, &err);
    if (rc)
        wrong =
            lun_arena_strndup(http->arena, err.message, strlen(err.message));
    else if (body->type == LUN_JSON_OBJECT)
        wrong = lun_params_from_json(body, &call->params);
    else if (body->type != LUN_JSON_ARRAY)
        wrong = "the body must be a JSON object with 'query'";
    if (wrong || rc)
        refuse_input(call, wrong ? wrong : lun_error_info(rc)->message);
    else if (body->type == LUN_JSON_ARRAY)
        start_array(call, body);
    else
        find_caller(call);
}

static void start_get(struct call *call)
{
    const char *wrong = lun_params_from_url(call->http->arena,
                                            call->http->query, &call->params);
    if (wrong)
        refuse_input(call, wrong);
    else
        find_caller(call);
}

static void start(struct call *call)
{
    struct lun_http_request *http = call->http;
    const char *accept = lun_http_header_get(http, "accept");
    enum lun_media_answer answer = lun_media_accept(accept);
    call->graphql_type = answer == LUN_MEDIA_GRAPHQL;
    if (answer == LUN_MEDIA_NONE) {
        refuse_code(call, LUN_EBAD_INPUT, 406,
                    "this endpoint answers application/graphql-response+json"
                    " or application/json");
        return;
    }
    if (is_coded(http)) {
        refuse_code(call, LUN_EBAD_INPUT, 415,
                    "the body must not have a content encoding");
        return;
    }
    if (http->method == LUN_HTTP_POST &&
        !lun_media_is_json(lun_http_header_get(http, "content-type"))) {
        refuse_code(call, LUN_EBAD_INPUT, 415,
                    "the content type must be application/json, in UTF-8");
        return;
    }
    if (http->method != LUN_HTTP_POST && http->method != LUN_HTTP_GET) {
        refuse_code(call, LUN_EBAD_INPUT, 405,
                    "this endpoint takes GET and POST");
        return;
    }
    if (http->method == LUN_HTTP_POST)
        start_post(call);
    else
        start_get(call);
}

void lun_graphql_route(struct lun_service *service,
                       struct lun_http_request *request)
{
    struct call *call = lun_arena_calloc(request->arena, 1, sizeof(*call));
    if (!call) {
        lun_service_respond(service, service->current, request, 503,
                            "application/json", "retry-after", "1", "", 0);
        return;
    }
    call->service = service;
    call->http = request;
    call->release = lun_release_ref(service->current);
    call->deadline_ns =
        request->started_ns + (uint64_t)service->config->request_ms * 1000000;
    lun_trace_begin(&call->trace, lun_http_header_get(request, "traceparent"));
    start(call);
}
