/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serve/answer.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/base/arena.h"
#include "core/config/config.h"
#include "core/serve/release.h"
#include "core/serve/service.h"
#include "core/http/server.h"

#define HEADERS_MAX 10
/* Larger bodies are packed on a thread: some 4 µs a KiB would hold up all other
 * requests of the worker. */
#define THREAD_BYTES ((size_t)131072)
#define TAG_BYTES 16
#define TAG_SIZE (TAG_BYTES * 2 + 5) /* W/"..." */

struct headers {
    struct lun_http_header items[HEADERS_MAX];
    size_t count;
};

static void add(struct headers *headers, const char *name, const char *value)
{
    headers->items[headers->count++] = (struct lun_http_header){name, value};
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Packing on a thread ------------------------------------------------------ */

struct job {
    uv_work_t work;
    struct lun_service *service;
    struct lun_http_request *request;
    int status;
    struct headers headers;
    struct lun_buf body;
    struct lun_buf packed;
    bool smaller;
};

static void on_thread(uv_work_t *work)
{
    struct job *job = work->data;
    struct lun_http_gzip *gzip = lun_http_gzip_new();
    job->smaller =
        lun_http_gzip_pack(gzip, job->body.data, job->body.len, &job->packed);
    lun_http_gzip_free(gzip);
}

static void free_job(struct job *job)
{
    lun_buf_release(&job->body);
    lun_buf_release(&job->packed);
    free(job);
}

static void on_packed(uv_work_t *work, int status)
{
    struct job *job = work->data;
    struct lun_service *service = job->service;
    const struct lun_buf *body = job->smaller ? &job->packed : &job->body;
    (void)status;
    if (job->smaller)
        add(&job->headers, "content-encoding", "gzip");
    lun_http_respond(job->request, job->status, job->headers.items,
                     job->headers.count, body->data, body->len);
    free_job(job);
    lun_service_job_done(service);
}

/* Texts that must live as long as the request. */
static bool keep_headers(struct lun_arena *arena, const struct headers *from,
                         struct headers *to)
{
    *to = *from;
    for (size_t i = 0; i < to->count; i++) {
        const char *value = from->items[i].value;
        to->items[i].value = lun_arena_strndup(arena, value, strlen(value));
        if (!to->items[i].value)
            return false;
    }
    return true;
}

static bool pack_later(struct lun_service *service,
                       struct lun_http_request *request,
                       const struct lun_answer *answer,
                       const struct headers *headers)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        return false;
    job->work.data = job;
    job->service = service;
    job->request = request;
    job->status = answer->status;
    lun_buf_push(&job->body, answer->body, answer->len);
    if (job->body.failed ||
        !keep_headers(request->arena, headers, &job->headers) ||
        uv_queue_work(service->loop, &job->work, on_thread, on_packed)) {
        free_job(job);
        return false;
    }
    /* An answer is there; nobody is left to be told of the client's end. */
    request->on_abort = NULL;
    request->on_gone = NULL;
    service->jobs++;
    return true;
}

/* Packing ------------------------------------------------------------------ */

static bool is_packable(const char *type)
{
    return starts(type, "application/") || starts(type, "text/") ||
           starts(type, "image/svg");
}

static bool wants_gzip(const struct lun_service *service,
                       const struct lun_http_request *request,
                       const struct lun_answer *answer)
{
    size_t least = service->config->http_compress_bytes;
    return least && answer->len >= least &&
           answer->coding == LUN_HTTP_IDENTITY && is_packable(answer->type) &&
           lun_http_coding_pick(lun_http_header_get(request, "accept-encoding"),
                                LUN_HTTP_CODING_BIT(LUN_HTTP_GZIP)) ==
               LUN_HTTP_GZIP;
}

static void send_packed(struct lun_service *service,
                        struct lun_http_request *request,
                        const struct lun_answer *answer,
                        struct headers *headers)
{
    struct lun_buf packed;
    lun_buf_init(&packed);
    bool smaller =
        lun_http_gzip_pack(service->gzip, answer->body, answer->len, &packed);
    if (smaller)
        add(headers, "content-encoding", "gzip");
    lun_http_respond(request, answer->status, headers->items, headers->count,
                     smaller ? packed.data : answer->body,
                     smaller ? packed.len : answer->len);
    lun_buf_release(&packed);
}

/* Validators --------------------------------------------------------------- */

/* Weak, since the same answer may travel in several codings. */
static const char *make_tag(const struct lun_answer *answer,
                            char text[TAG_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE];
    if (answer->tag)
        return answer->tag;
    if (EVP_Digest(answer->body, answer->len, hash, NULL, EVP_sha256(), NULL) !=
        1)
        return NULL;
    char *at = text;
    memcpy(at, "W/\"", 3);
    at += 3;
    for (size_t i = 0; i < TAG_BYTES; i++) {
        *at++ = digits[hash[i] >> 4];
        *at++ = digits[hash[i] & 15];
    }
    *at++ = '"';
    *at = '\0';
    return text;
}

/* What may be asked again with If-None-Match. True when the client has it. */
static bool add_validator(const struct lun_http_request *request,
                          const struct lun_answer *answer,
                          struct headers *headers, char text[TAG_SIZE])
{
    const char *tag = make_tag(answer, text);
    bool page = answer->tag != NULL;
    add(headers, "cache-control", page ? "no-cache" : "private, no-cache");
    add(headers, "vary",
        page ? "accept-encoding" : "accept, accept-encoding, authorization");
    if (!tag)
        return false;
    add(headers, "etag", tag);
    return lun_http_coding_has_tag(
        lun_http_header_get(request, "if-none-match"), tag);
}

/* All of it ---------------------------------------------------------------- */

void lun_answer_send(struct lun_service *service,
                     const struct lun_release *release,
                     struct lun_http_request *request,
                     const struct lun_answer *answer)
{
    struct headers headers = {.count = 0};
    char tag[TAG_SIZE];
    bool read =
        request->method == LUN_HTTP_GET || request->method == LUN_HTTP_HEAD;
    add(&headers, "content-type", answer->type);
    add(&headers, "lunette-release", release->header);
    add(&headers, "x-content-type-options", "nosniff");
    if (answer->extra_name)
        add(&headers, answer->extra_name, answer->extra_value);
    if (answer->coding != LUN_HTTP_IDENTITY)
        add(&headers, "content-encoding", lun_http_coding_name(answer->coding));
    bool packs = wants_gzip(service, request, answer);
    if (read && answer->status == 200) {
        if (add_validator(request, answer, &headers, tag)) {
            lun_http_respond(request, 304, headers.items, headers.count, NULL,
                             0);
            return;
        }
    } else {
        if (starts(answer->type, "application/"))
            add(&headers, "cache-control", "no-store");
        if (packs)
            add(&headers, "vary", "accept-encoding");
    }
    if (!packs)
        lun_http_respond(request, answer->status, headers.items, headers.count,
                         answer->body, answer->len);
    else if (answer->len < THREAD_BYTES ||
             !pack_later(service, request, answer, &headers))
        send_packed(service, request, answer, &headers);
}
