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
#include "core/graphql/plan_cache.h"
#include "core/host/config.h"
#include "core/host/media.h"
#include "core/host/release.h"
#include "core/host/service.h"
#include "core/http/server.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "core/telemetry/trace.h"

#define BODY_DEPTH 64
#define BODY_NODES 300000

/* One request on its way; lives in the arena of the HTTP request. */
struct call {
    struct lun_service *service;
    struct lun_http_request *http;
    struct lun_release *release;
    struct lun_caller *caller;
    struct lun_plan *plan;
    struct lun_graphql_tokens tokens;
    const char *query;
    size_t query_len;
    const char *operation;           /* NULL: none */
    const struct lun_json *variables; /* NULL: none */
    bool graphql_type; /* answers as application/graphql-response+json */
    uint64_t deadline_ns;
    struct lun_trace trace;
    const char *code;        /* of the first error, for the log */
    const char *error_id;
};

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
        .method = http->method_text,
        .path = http->path,
        .operation = call->operation,
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
    lun_service_respond(call->service, release, http, status,
                        call->graphql_type
                            ? "application/graphql-response+json"
                              "; charset=utf-8"
                            : "application/json; charset=utf-8",
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
    for (size_t i = 0; i < count; i++) {
        if (i)
            lun_buf_push_byte(&body, ',');
        lun_exec_write_error(&body, &errors[i], NULL, 0);
    }
    lun_buf_push_str(&body, "]}");
    call->code = errors[0].extension
                     ? errors[0].extension
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
    struct lun_log_field fields[] = {
        {"error_id", error->error_id},     {"trace_id", call->trace.trace_id},
        {"release", call->release->header}, {"sqlstate", pg->sqlstate},
        {"detail", pg->message},
    };
    lun_log_write(LUN_LOG_ERROR, error->message, fields, 5);
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

static void write_field(struct lun_exec *exec, size_t field, void *context)
{
    struct call *call = context;
    lun_bind_write_start(call->service->writer, call->release->service,
                         call->caller->roles, exec, field);
}

/* The Idempotency-Key of the request, if any; true when it is none. */
static bool read_once(struct call *call, struct lun_exec_once **out)
{
    struct lun_http_request *http = call->http;
    const char *key = lun_http_header_get(http, "idempotency-key");
    if (!key)
        return false;
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
                  .variables = call->variables,
                  .user = call->caller->user,
                  .limits = &call->service->limits},
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
                    "the header Idempotency-Key takes 1 to 255 characters");
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
    if (call->operation) {
        size_t len = strlen(call->operation);
        key.document[0] =
            lun_map_hash(key.document[0], call->operation, len);
        key.document[1] =
            lun_map_hash(key.document[1], call->operation, len);
    }
    return key;
}

static int add_windows(struct call *call,
                       const struct lun_graphql_document *document)
{
    const struct lun_graphql_operation *operation = lun_graphql_operation_find(
        document, call->operation,
        call->operation ? strlen(call->operation) : 0);
    if (!operation)
        return 0;
    return lun_graphql_limits_windows(document, operation, &call->plan->arena,
                                      &call->plan->windows);
}

/* Makes the plan; answers itself and returns false when there is none. */
static bool compile(struct call *call)
{
    struct lun_arena *arena = call->http->arena;
    struct lun_graphql_document *document;
    struct lun_graphql_error found = {0};
    struct lun_plan_error *errors = NULL;
    size_t count = 0;
    int rc = lun_graphql_parse(arena, &call->tokens, &call->service->limits,
                               &document, &found);
    if (!rc)
        rc = lun_graphql_limits_check(document, &call->service->limits, arena,
                                      &found);
    if (rc) {
        refuse_graphql(call, &found);
        return false;
    }
    struct lun_framework_request request = {
        .arena = arena,
        .tokens = &call->tokens,
        .document = document,
        .operation_name = call->operation,
        .variables = call->variables,
        .roles = call->caller->roles,
        .user = call->caller->user,
        .get = call->http->method != LUN_HTTP_POST,
    };
    rc = lun_framework_compile(call->service->framework,
                               call->release->service, &request, &call->plan,
                               &errors, &count);
    if (!rc && add_windows(call, document)) {
        refuse_code(call, LUN_EMEMORY, 503,
                    lun_error_info(LUN_EMEMORY)->message);
        return false;
    }
    if (!rc)
        return true;
    if (count)
        refuse(call, status_of(call, rc), errors, count);
    else
        refuse_code(call, rc, status_of(call, rc),
                    lun_error_info(rc)->message);
    return false;
}

static void run(struct call *call)
{
    struct lun_plan_key key = key_of(call);
    struct lun_plan *plan =
        lun_plan_cache_find(call->release->plans, &key, call->variables);
    lun_metrics_add(plan ? LUN_METRIC_PLAN_HITS : LUN_METRIC_PLAN_MISSES, 1);
    if (plan) {
        lun_plan_ref(plan);
        call->plan = plan;
    } else if (compile(call)) {
        lun_plan_cache_add(call->release->plans, &key, call->variables,
                           call->plan);
    } else {
        return;
    }
    execute(call);
}

static void on_caller(void *context, struct lun_caller *caller, int code)
{
    struct call *call = context;
    struct lun_graphql_error found = {0};
    if (!caller) {
        refuse_code(call, code, lun_error_info(code)->http,
                    lun_error_info(code)->message);
        return;
    }
    call->caller = caller;
    caller->refs++;
    if (lun_graphql_lex(call->http->arena, call->query, call->query_len,
                        &call->service->limits, &call->tokens, &found))
        refuse_graphql(call, &found);
    else
        run(call);
}

/* Reading the request ----------------------------------------------------- */

static void refuse_input(struct call *call, const char *message)
{
    refuse_code(call, LUN_EBAD_INPUT, 400, message);
}

/* Takes query, operationName and variables out of `body`; NULL or what is
 * wrong. */
static const char *read_parameters(struct call *call,
                                   const struct lun_json *query,
                                   const struct lun_json *operation,
                                   const struct lun_json *variables,
                                   const struct lun_json *extensions)
{
    if (!query || query->type != LUN_JSON_STRING)
        return "parameter 'query' is missing or not a string";
    if (operation && operation->type != LUN_JSON_NULL &&
        operation->type != LUN_JSON_STRING)
        return "parameter 'operationName' must be a string";
    if (variables && variables->type != LUN_JSON_NULL &&
        variables->type != LUN_JSON_OBJECT)
        return "parameter 'variables' must be an object";
    if (extensions && extensions->type != LUN_JSON_NULL &&
        extensions->type != LUN_JSON_OBJECT)
        return "parameter 'extensions' must be an object";
    call->query = query->text;
    call->query_len = query->len;
    if (operation && operation->type == LUN_JSON_STRING && operation->len)
        call->operation = operation->text;
    if (variables && variables->type == LUN_JSON_OBJECT)
        call->variables = variables;
    return NULL;
}

static const char *read_body(struct call *call)
{
    struct lun_http_request *http = call->http;
    struct lun_json *body;
    struct lun_err err;
    int rc = lun_json_parse(http->arena, http->body, http->body_len, BODY_DEPTH,
                            BODY_NODES, &body, &err);
    if (rc)
        return lun_arena_strndup(http->arena, err.message,
                                 strlen(err.message));
    if (body->type != LUN_JSON_OBJECT)
        return "the body must be a JSON object with 'query'; batches are not "
               "accepted";
    return read_parameters(call, lun_json_get(body, "query"),
                           lun_json_get(body, "operationName"),
                           lun_json_get(body, "variables"),
                           lun_json_get(body, "extensions"));
}

/* A parameter of the URL as a JSON string node, or parsed as JSON. */
static const char *url_parameter(struct call *call, const char *name,
                                 bool json, struct lun_json **out)
{
    struct lun_http_request *http = call->http;
    const char *text;
    size_t len;
    struct lun_err err;
    *out = NULL;
    int rc = lun_media_parameter(http->arena, http->query, name, &text, &len,
                                 &err);
    if (!rc && text && json)
        rc = lun_json_parse(http->arena, text, len, BODY_DEPTH, BODY_NODES,
                            out, &err);
    if (rc)
        return lun_arena_strndup(http->arena, err.message,
                                 strlen(err.message));
    if (!text || json)
        return NULL;
    *out = lun_arena_calloc(http->arena, 1, sizeof(**out));
    if (!*out)
        return lun_error_info(LUN_EMEMORY)->message;
    (*out)->type = LUN_JSON_STRING;
    (*out)->text = text;
    (*out)->len = len;
    return NULL;
}

static const char *read_url(struct call *call)
{
    struct lun_json *query, *operation, *variables, *extensions;
    const char *wrong = url_parameter(call, "query", false, &query);
    if (!wrong)
        wrong = url_parameter(call, "operationName", false, &operation);
    if (!wrong)
        wrong = url_parameter(call, "variables", true, &variables);
    if (!wrong)
        wrong = url_parameter(call, "extensions", true, &extensions);
    if (wrong)
        return wrong;
    return read_parameters(call, query, operation, variables, extensions);
}

static bool is_coded(const struct lun_http_request *http)
{
    const char *coding = lun_http_header_get(http, "content-encoding");
    return coding && *coding && strcasecmp(coding, "identity") != 0;
}

static void start(struct call *call)
{
    struct lun_http_request *http = call->http;
    const char *accept = lun_http_header_get(http, "accept");
    const char *wrong;
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
    wrong = http->method == LUN_HTTP_POST ? read_body(call) : read_url(call);
    if (wrong) {
        refuse_input(call, wrong);
        return;
    }
    lun_auth_find(&call->service->auth, call->release,
                  lun_http_header_get(http, "authorization"),
                  call->deadline_ns, on_caller, call);
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
    call->deadline_ns = request->started_ns +
                        (uint64_t)service->config->request_ms * 1000000;
    lun_trace_begin(&call->trace, lun_http_header_get(request, "traceparent"));
    start(call);
}
