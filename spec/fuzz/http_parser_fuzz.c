/*
 * spec/fuzz/http_parser_fuzz.c - any bytes, cut anywhere, read the same.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says in pieces of which size the rest is read a second time.
 */
#include <stdlib.h>
#include <string.h>

#include "core/http/parser.h"

static const struct lun_http_limits limits = {
    .request_line = 256,
    .header_bytes = 1024,
    .header_count = 16,
    .body_bytes = 4096,
};

struct reading {
    struct lun_http_parser parser;
    struct lun_arena arena;
    struct lun_http_request request;
    size_t used;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void read_all(struct reading *out, const char *text, size_t len,
                     size_t step)
{
    memset(out, 0, sizeof(*out));
    lun_arena_init(&out->arena, 0);
    lun_http_parser_init(&out->parser, &limits);
    while (out->used < len &&
           lun_http_parser_phase(&out->parser) < LUN_HTTP_PHASE_DONE) {
        size_t piece = len - out->used < step ? len - out->used : step;
        size_t took =
            lun_http_parser_feed(&out->parser, text + out->used, piece);
        require(took <= piece);
        out->used += took;
    }
    if (lun_http_parser_phase(&out->parser) == LUN_HTTP_PHASE_DONE)
        require(
            lun_http_parser_request(&out->parser, &out->arena, &out->request));
}

static void release(struct reading *reading)
{
    lun_arena_release(&reading->arena);
    lun_http_parser_release(&reading->parser);
}

static void require_same_request(const struct lun_http_request *a,
                                 const struct lun_http_request *b)
{
    require(a->method == b->method);
    require(strcmp(a->method_text, b->method_text) == 0);
    require(strcmp(a->path, b->path) == 0);
    require(strcmp(a->query, b->query) == 0);
    require(a->header_count == b->header_count);
    for (size_t i = 0; i < a->header_count; i++) {
        require(strcmp(a->headers[i].name, b->headers[i].name) == 0);
        require(strcmp(a->headers[i].value, b->headers[i].value) == 0);
    }
    require(a->body_len == b->body_len);
    require(memcmp(a->body, b->body, a->body_len) == 0);
}

/* What no accepted request may have. */
static void require_sane(const struct reading *reading)
{
    const struct lun_http_request *request = &reading->request;
    const char *length = lun_http_header_get(request, "content-length");
    const char *coding = lun_http_header_get(request, "transfer-encoding");
    require(request->path[0] == '/' || strcmp(request->path, "*") == 0);
    require(!(length && coding));
    require(!length || (size_t)atoll(length) == request->body_len);
    require(length || coding || request->body_len == 0);
    require(request->body[request->body_len] == '\0');
    require(request->body_len <= limits.body_bytes);
    for (size_t i = 0; i < request->header_count; i++)
        require(!strpbrk(request->headers[i].value, "\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading whole, pieces;
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 1;
    read_all(&whole, text, size - 1, size);
    read_all(&pieces, text, size - 1, (size_t)data[0] % 64 + 1);
    enum lun_http_parser_phase phase = lun_http_parser_phase(&whole.parser);
    require(phase == lun_http_parser_phase(&pieces.parser));
    require(whole.used == pieces.used);
    if (phase == LUN_HTTP_PHASE_DONE) {
        require_same_request(&whole.request, &pieces.request);
        require_sane(&whole);
    } else if (phase == LUN_HTTP_PHASE_BAD) {
        require(whole.parser.status == pieces.parser.status);
        require(whole.parser.status >= 400);
    }
    release(&whole);
    release(&pieces);
    return 0;
}
