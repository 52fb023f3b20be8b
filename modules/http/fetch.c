/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/http/fetch.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/telemetry/metrics.h"
#include "core/vm/data.h"
#include "core/vm/module.h"
#include "modules/http/easy.h"
#include "modules/http/multi.h"
#include "modules/http/pool.h"
#include "modules/http/request.h"
#include "modules/http/response.h"

#define MS 1000000ULL
#define MARGIN_NS (5 * MS) /* the answer must be there before the deadline */
#define BACKOFF_NS (100 * MS)
#define BACKOFF_MAX_NS (5000 * MS)
#define NO_DEADLINE_NS (3600000 * MS)
#define GARBAGE_KB 4096

struct lun_fetch {
    struct lun_fetch *prev, *next; /* of the pool */
    struct lun_fetch_pool *pool;
    struct lun_module_ask *ask;
    struct lun_fetch_client *client;
    struct lun_fetch_request request;
    struct lun_fetch_target target;
    struct lun_fetch_transfer transfer;
    struct lun_fetch_try attempt;
    struct lun_fetch_response response;
    uv_timer_t timer;
    uint64_t deadline_ns;
    unsigned tries;     /* begun at this origin */
    unsigned redirects; /* followed */
    bool running;       /* with the multi */
};

static void start_try(struct lun_fetch *fetch);

/* Ending ------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct lun_fetch *fetch = handle->data;
    struct lun_fetch_pool *pool = fetch->pool;
    free(fetch);
    lun_fetch_pool_closed(pool);
}

/* Takes the transfer back from the multi. */
static void end_try(struct lun_fetch *fetch)
{
    uv_timer_stop(&fetch->timer);
    if (fetch->running)
        lun_fetch_multi_remove(fetch->client->multi, &fetch->transfer);
    fetch->running = false;
    curl_easy_cleanup(fetch->transfer.easy);
    fetch->transfer.easy = NULL;
    curl_slist_free_all(fetch->attempt.headers);
    fetch->attempt.headers = NULL;
}

/* The answer or refusal has been given. */
static void end(struct lun_fetch *fetch)
{
    end_try(fetch);
    if (fetch->prev)
        fetch->prev->next = fetch->next;
    else
        fetch->pool->fetches = fetch->next;
    if (fetch->next)
        fetch->next->prev = fetch->prev;
    lun_fetch_target_release(&fetch->target);
    lun_fetch_request_release(&fetch->request);
    lun_fetch_response_release(&fetch->response);
    if (fetch->client)
        lun_fetch_pool_give(fetch->client);
    uv_close((uv_handle_t *)&fetch->timer, on_timer_closed);
}

static void refuse(struct lun_fetch *fetch, const struct lun_err *err)
{
    char message[sizeof(err->message) + sizeof(fetch->target.origin) + 64];
    struct lun_module_ask *ask = fetch->ask;
    /* What policy must grant reads the same wherever it is missing. */
    bool grant = err->code == LUN_EFORBIDDEN;
    bool origin = !grant && fetch->target.origin[0];
    snprintf(message, sizeof(message), "%s%s%s%s%s",
             grant ? "" : "http: ", origin ? fetch->target.origin : "",
             origin ? ": " : "", err->message,
             fetch->redirects ? " (after a redirect)" : "");
    bool failed = err->code == LUN_EUNAVAILABLE || err->code == LUN_EDEADLINE ||
                  err->code == LUN_EMEMORY;
    lun_metrics_add(failed ? LUN_METRIC_FETCH_FAILED : LUN_METRIC_FETCH_REFUSED,
                    1);
    ask->work = NULL;
    end(fetch);
    lun_module_refuse(ask, message);
}

static void refuse_text(struct lun_fetch *fetch, int code, const char *text)
{
    struct lun_err err;
    lun_error_set(&err, code, "%s", text);
    refuse(fetch, &err);
}

void lun_fetch_cancel(struct lun_fetch *fetch, const char *why)
{
    refuse_text(fetch, LUN_EUNAVAILABLE, why);
}

/* Answering ---------------------------------------------------------------- */

static int push_response(lua_State *L)
{
    struct lun_fetch *fetch = lua_touserdata(L, 1);
    char *url = NULL;
    long status = 0;
    curl_easy_getinfo(fetch->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(fetch->transfer.easy, CURLINFO_EFFECTIVE_URL, &url);
    lun_fetch_response_push(&fetch->response, status, url ? url : "", L);
    lun_buf_release(&fetch->response.body); /* as large as it is, not twice */
    return 1;
}

static int write_response(struct lun_fetch *fetch, struct lun_buf *out)
{
    lua_State *L = fetch->pool->L;
    struct lun_err err;
    lua_settop(L, 0);
    lua_pushcfunction(L, push_response);
    lua_pushlightuserdata(L, fetch);
    int rc = lua_pcall(L, 1, 1, 0) ? LUN_EMEMORY : 0;
    if (!rc)
        rc = lun_vm_data_write(L, 1, SIZE_MAX, out, &err);
    lua_settop(L, 0);
    if (lua_gc(L, LUA_GCCOUNT, 0) > GARBAGE_KB)
        lua_gc(L, LUA_GCCOLLECT, 0);
    return rc;
}

static void answer(struct lun_fetch *fetch)
{
    struct lun_buf out;
    struct lun_module_ask *ask = fetch->ask;
    lun_buf_init(&out);
    if (write_response(fetch, &out)) {
        refuse_text(fetch, LUN_EMEMORY, "out of memory");
    } else {
        lun_metrics_add(LUN_METRIC_FETCH_ANSWERED, 1);
        ask->work = NULL;
        end(fetch);
        lun_module_answer(ask, out.data, out.len);
    }
    lun_buf_release(&out);
}

/* Trying again ------------------------------------------------------------- */

static void on_backoff(uv_timer_t *timer)
{
    start_try(timer->data);
}

static uint64_t backoff_ns(const struct lun_fetch *fetch)
{
    uint32_t random;
    uint64_t wait = BACKOFF_NS << (fetch->tries < 8 ? fetch->tries - 1 : 7);
    if (wait > BACKOFF_MAX_NS)
        wait = BACKOFF_MAX_NS;
    lun_random_bytes(&random, sizeof(random));
    return wait / 2 + wait * random / UINT32_MAX / 2;
}

/* Plans another try; false when there is none left, or no time for it. */
static bool try_again(struct lun_fetch *fetch)
{
    curl_off_t after = 0;
    if (fetch->tries > fetch->request.retries)
        return false;
    uint64_t wait = backoff_ns(fetch);
    curl_easy_getinfo(fetch->transfer.easy, CURLINFO_RETRY_AFTER, &after);
    if (after > 0 && after < 86400 && (uint64_t)after * 1000 * MS > wait)
        wait = (uint64_t)after * 1000 * MS;
    if (after >= 86400 ||
        lun_clock_monotonic_ns() + wait + MARGIN_NS >= fetch->deadline_ns)
        return false;
    end_try(fetch);
    uv_timer_start(&fetch->timer, on_backoff, wait / MS, 0);
    return true;
}

static bool is_passing_status(long status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

static bool is_passing_failure(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

/* The end of a try --------------------------------------------------------- */

/* Another address of the same name may have been connected to after all. */
static bool is_refused(const struct lun_fetch_try *attempt, CURLcode code)
{
    return attempt->refused.code &&
           (code == CURLE_COULDNT_CONNECT || code == CURLE_SSL_CACERT_BADFILE);
}

static void fail(struct lun_fetch *fetch, CURLcode code)
{
    const struct lun_fetch_response *response = &fetch->response;
    const struct lun_fetch_try *attempt = &fetch->attempt;
    struct lun_err err;
    if (response->no_memory || code == CURLE_OUT_OF_MEMORY)
        lun_error_set(&err, LUN_EMEMORY, "out of memory");
    else if (response->too_large)
        lun_error_set(&err, LUN_ELIMIT, "the answer has %s (%zu bytes)",
                      response->too_large, response->max_body);
    else if (code == CURLE_FILESIZE_EXCEEDED)
        lun_error_set(&err, LUN_ELIMIT,
                      "the answer has a body larger than max_response (%zu"
                      " bytes)",
                      response->max_body);
    else if (is_refused(attempt, code))
        err = attempt->refused;
    else if (code == CURLE_OPERATION_TIMEDOUT)
        lun_error_set(&err, LUN_EDEADLINE, "%s",
                      attempt->text[0] ? attempt->text : "no answer in time");
    else
        lun_error_set(&err, LUN_EUNAVAILABLE, "%s",
                      attempt->text[0] ? attempt->text
                                       : curl_easy_strerror(code));
    refuse(fetch, &err);
}

/* The next hop of a redirect; the method and body that go there are those of
 * RFC 9110 15.4. */
static void follow(struct lun_fetch *fetch, const char *url, long status)
{
    struct lun_fetch_target target;
    struct lun_err err;
    fetch->redirects++;
    int rc = lun_fetch_target_read(url, &fetch->client->grant, fetch->ask->app,
                                   &target, &err);
    if (rc) {
        refuse(fetch, &err);
        return;
    }
    bool post = !strcmp(fetch->attempt.method, "POST");
    if ((status == 303 && strcmp(fetch->attempt.method, "HEAD")) ||
        (status < 303 && post)) {
        fetch->attempt.method = "GET";
        fetch->attempt.with_body = false;
    }
    if (strcmp(target.origin, fetch->target.origin))
        fetch->attempt.elsewhere = true;
    end_try(fetch);
    lun_fetch_target_release(&fetch->target);
    fetch->target = target;
    fetch->tries = 0;
    start_try(fetch);
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

static void finish(struct lun_fetch *fetch)
{
    CURL *easy = fetch->transfer.easy;
    char *url = NULL;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (is_redirect(status) && fetch->request.redirects)
        curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &url);
    if (url && fetch->redirects == fetch->request.redirects)
        refuse_text(fetch, LUN_ELIMIT, "too many redirects");
    else if (url)
        follow(fetch, url, status);
    else if (!is_passing_status(status) || !try_again(fetch))
        answer(fetch);
}

static void on_done(void *context, CURLcode code)
{
    struct lun_fetch *fetch = context;
    fetch->running = false;
    uv_timer_stop(&fetch->timer);
    bool final = fetch->response.too_large || fetch->response.no_memory ||
                 is_refused(&fetch->attempt, code);
    if (code == CURLE_OK)
        finish(fetch);
    else if (final || !is_passing_failure(code) || !try_again(fetch))
        fail(fetch, code);
}

static void on_timeout(uv_timer_t *timer)
{
    struct lun_fetch *fetch = timer->data;
    lun_fetch_multi_remove(fetch->client->multi, &fetch->transfer);
    snprintf(fetch->attempt.text, sizeof(fetch->attempt.text),
             "no whole answer within %.3g s",
             (double)uv_timer_get_repeat(timer) / 1000);
    on_done(fetch, CURLE_OPERATION_TIMEDOUT);
}

/* The begin of a try ------------------------------------------------------- */

/* Time that the try may take, in ms; 0 when there is none left. */
static uint64_t time_left_ms(const struct lun_fetch *fetch)
{
    uint64_t now = lun_clock_monotonic_ns();
    if (now + MARGIN_NS >= fetch->deadline_ns)
        return 0;
    uint64_t left = fetch->deadline_ns - MARGIN_NS - now;
    if (left > fetch->request.timeout_ns)
        left = fetch->request.timeout_ns;
    return left < MS ? 1 : left / MS;
}

static bool count_outgoing(struct lun_fetch *fetch)
{
    const struct lun_module_ask *ask = fetch->ask;
    uint64_t bytes = lun_fetch_easy_bytes(&fetch->attempt);
    uint64_t used = *ask->outgoing_bytes;
    if (used > ask->max_outgoing || bytes > ask->max_outgoing - used)
        return false;
    *ask->outgoing_bytes = used + bytes;
    return true;
}

static int open_try(struct lun_fetch *fetch)
{
    fetch->transfer.easy = curl_easy_init();
    if (!fetch->transfer.easy)
        return LUN_EMEMORY;
    lun_fetch_response_clear(&fetch->response);
    lun_fetch_response_attach(&fetch->response, fetch->transfer.easy);
    int rc = lun_fetch_easy_set(fetch->transfer.easy, &fetch->attempt);
    if (!rc)
        rc = lun_fetch_multi_add(fetch->client->multi, &fetch->transfer);
    fetch->running = !rc;
    return rc;
}

static void start_try(struct lun_fetch *fetch)
{
    uint64_t left = time_left_ms(fetch);
    fetch->tries++;
    if (!left) {
        refuse_text(fetch, LUN_EDEADLINE, "no time is left in this request");
    } else if (!count_outgoing(fetch)) {
        struct lun_err err;
        lun_error_set(&err, LUN_EBUDGET,
                      "more bytes would be sent than a request may send (%llu"
                      " bytes, limit 'outgoing')",
                      (unsigned long long)fetch->ask->max_outgoing);
        refuse(fetch, &err);
    } else if (open_try(fetch)) {
        refuse_text(fetch, LUN_EMEMORY, "out of memory");
    } else {
        /* The loop's clock stands still while functions of apps run. */
        uv_update_time(fetch->pool->loop);
        /* The repetition only keeps the number for the message. */
        uv_timer_start(&fetch->timer, on_timeout, left, left);
    }
}

/* Beginning ---------------------------------------------------------------- */

struct reading {
    struct lun_fetch *fetch;
    struct lun_err *err;
    int rc;
};

static int read_request(lua_State *L)
{
    struct reading *reading = lua_touserdata(L, 1);
    struct lun_fetch *fetch = reading->fetch;
    const struct lun_module_ask *ask = fetch->ask;
    reading->rc = lun_vm_data_read(L, ask->data, ask->len, reading->err);
    if (!reading->rc)
        reading->rc = lun_fetch_request_read(L, &fetch->client->grant, ask->app,
                                             &fetch->request, reading->err);
    return 0;
}

static int open_request(struct lun_fetch *fetch, struct lun_err *err)
{
    struct reading reading = {.fetch = fetch, .err = err};
    lua_State *L = fetch->pool->L;
    const struct lun_module_ask *ask = fetch->ask;
    int rc = lun_fetch_pool_take(fetch->pool, ask->app, ask->options,
                                 &fetch->client, err);
    if (rc)
        return rc;
    lua_settop(L, 0);
    if (lua_cpcall(L, read_request, &reading))
        reading.rc = lun_error_set(err, LUN_EMEMORY, "out of memory");
    lua_settop(L, 0);
    if (reading.rc)
        return reading.rc;
    return lun_fetch_target_read(fetch->request.url, &fetch->client->grant,
                                 ask->app, &fetch->target, err);
}

static struct lun_fetch *fetch_new(struct lun_fetch_pool *pool,
                                   struct lun_module_ask *ask)
{
    struct lun_fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch)
        return NULL;
    fetch->pool = pool;
    fetch->ask = ask;
    ask->work = fetch;
    fetch->deadline_ns = ask->deadline_ns
                             ? ask->deadline_ns
                             : lun_clock_monotonic_ns() + NO_DEADLINE_NS;
    uv_timer_init(pool->loop, &fetch->timer);
    fetch->timer.data = fetch;
    pool->handles++;
    fetch->next = pool->fetches;
    if (fetch->next)
        fetch->next->prev = fetch;
    pool->fetches = fetch;
    return fetch;
}

void lun_fetch_begin(struct lun_fetch_pool *pool, struct lun_module_ask *ask)
{
    struct lun_err err;
    struct lun_fetch *fetch = pool->stopping ? NULL : fetch_new(pool, ask);
    if (!fetch) {
        lun_module_refuse(ask, pool->stopping ? "http: the worker ends"
                                              : "http: out of memory");
        return;
    }
    if (open_request(fetch, &err)) {
        fetch->target.origin[0] = '\0';
        refuse(fetch, &err);
        return;
    }
    fetch->response.max_body = fetch->client->grant.max_response;
    fetch->transfer.done = on_done;
    fetch->transfer.context = fetch;
    fetch->attempt = (struct lun_fetch_try){
        .grant = &fetch->client->grant,
        .app = fetch->client->app,
        .request = &fetch->request,
        .target = &fetch->target,
        .method = fetch->request.method,
        .with_body = fetch->request.body != NULL,
        .traceparent = ask->traceparent ? ask->traceparent : "",
    };
    start_try(fetch);
}
