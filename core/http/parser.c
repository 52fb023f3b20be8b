/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/parser.h"

#include <string.h>

#include "core/http/steps.h"

/* A step is given at most this much at once, so that the copy it makes fits
 * in what was reserved before. */
#define SLICE ((size_t)2048)
/* Chunk framing may exceed the bytes it carries by this much. */
#define FRAMING_SLACK ((size_t)8192)
/* Memory of a parser that waits for its next request. */
#define KEPT_HEAD ((size_t)8192)
#define KEPT_BODY ((size_t)16384)

static lun_http_step *const steps[] = {
    [LUN_HTTP_AT_START] = lun_http_line_start,
    [LUN_HTTP_AT_START_LF] = lun_http_line_start_lf,
    [LUN_HTTP_AT_METHOD] = lun_http_line_method,
    [LUN_HTTP_AT_TARGET] = lun_http_line_target,
    [LUN_HTTP_AT_VERSION] = lun_http_line_version,
    [LUN_HTTP_AT_LINE_LF] = lun_http_line_end,
    [LUN_HTTP_AT_FIELD_START] = lun_http_field_start,
    [LUN_HTTP_AT_FIELD_NAME] = lun_http_field_name,
    [LUN_HTTP_AT_FIELD_SPACE] = lun_http_field_space,
    [LUN_HTTP_AT_FIELD_VALUE] = lun_http_field_value,
    [LUN_HTTP_AT_FIELD_LF] = lun_http_field_end,
    [LUN_HTTP_AT_FIELDS_LF] = lun_http_field_head_end,
    [LUN_HTTP_AT_BODY] = lun_http_body_plain,
    [LUN_HTTP_AT_CHUNK_SIZE] = lun_http_body_chunk_size,
    [LUN_HTTP_AT_CHUNK_EXTENSION] = lun_http_body_chunk_extension,
    [LUN_HTTP_AT_CHUNK_QUOTED] = lun_http_body_chunk_quoted,
    [LUN_HTTP_AT_CHUNK_LF] = lun_http_body_chunk_lf,
    [LUN_HTTP_AT_CHUNK_DATA] = lun_http_body_chunk_data,
    [LUN_HTTP_AT_CHUNK_DATA_CR] = lun_http_body_chunk_data_cr,
    [LUN_HTTP_AT_CHUNK_DATA_LF] = lun_http_body_chunk_data_lf,
};

/* A budget in bytes, and how to answer when it is spent. */
struct budget {
    size_t *used;
    size_t limit;
    int status;
    const char *reason;
};

static struct budget budget_of(struct lun_http_parser *parser)
{
    const struct lun_http_limits *limits = parser->limits;
    if (parser->state <= LUN_HTTP_AT_LINE_LF)
        return (struct budget){&parser->line_bytes, limits->request_line, 414,
                               "request line too long"};
    if (parser->state <= LUN_HTTP_AT_FIELDS_LF)
        return (struct budget){&parser->header_bytes, limits->header_bytes, 431,
                               "headers too large"};
    return (struct budget){&parser->framing_bytes,
                           parser->body.len + FRAMING_SLACK, 413,
                           "chunks too small"};
}

/* One step over bytes that count against a budget. It never sees a byte beyond
 * it, so that the outcome does not depend on how the input was cut. */
static const char *step_bounded(struct lun_http_parser *parser, const char *at,
                                const char *end)
{
    struct budget budget = budget_of(parser);
    size_t len = (size_t)(end - at);
    if (len > budget.limit - *budget.used)
        len = budget.limit - *budget.used;
    if (!len)
        return lun_http_refuse(parser, budget.status, budget.reason, at);
    if (len > SLICE)
        len = SLICE;
    if (!lun_buf_reserve(&parser->head, len + 2))
        return lun_http_refuse(parser, 503, "out of memory", at);
    const char *next = steps[parser->state](parser, at, at + len);
    *budget.used += (size_t)(next - at);
    return next;
}

size_t lun_http_parser_feed(struct lun_http_parser *parser, const char *data,
                            size_t len)
{
    const char *at = data;
    const char *end = data + len;
    while (at < end && parser->state < LUN_HTTP_AT_DONE) {
        if (parser->state == LUN_HTTP_AT_BODY ||
            parser->state == LUN_HTTP_AT_CHUNK_DATA)
            at = steps[parser->state](parser, at, end);
        else
            at = step_bounded(parser, at, end);
    }
    if (parser->state == LUN_HTTP_AT_DONE && !lun_buf_str(&parser->body))
        lun_http_refuse(parser, 503, "out of memory", NULL);
    return (size_t)(at - data);
}

enum lun_http_parser_phase
lun_http_parser_phase(const struct lun_http_parser *parser)
{
    if (parser->state == LUN_HTTP_AT_BAD)
        return LUN_HTTP_PHASE_BAD;
    if (parser->state == LUN_HTTP_AT_DONE)
        return LUN_HTTP_PHASE_DONE;
    return parser->state >= LUN_HTTP_AT_BODY || parser->in_trailer
               ? LUN_HTTP_PHASE_BODY
               : LUN_HTTP_PHASE_HEAD;
}

void lun_http_parser_init(struct lun_http_parser *parser,
                          const struct lun_http_limits *limits)
{
    lun_buf_init(&parser->head);
    lun_buf_init(&parser->body);
    parser->limits = limits;
    lun_http_parser_clear(parser);
}

void lun_http_parser_clear(struct lun_http_parser *parser)
{
    struct lun_buf head = parser->head;
    struct lun_buf body = parser->body;
    const struct lun_http_limits *limits = parser->limits;
    if (head.cap > KEPT_HEAD)
        lun_buf_release(&head);
    if (body.cap > KEPT_BODY)
        lun_buf_release(&body);
    /* The table of fields is as long as field_count says; no need to wipe. */
    memset(parser, 0, offsetof(struct lun_http_parser, fields));
    lun_buf_clear(&head);
    lun_buf_clear(&body);
    parser->head = head;
    parser->body = body;
    parser->limits = limits;
}

void lun_http_parser_release(struct lun_http_parser *parser)
{
    lun_buf_release(&parser->head);
    lun_buf_release(&parser->body);
}

bool lun_http_parser_request(struct lun_http_parser *parser,
                             struct lun_arena *arena,
                             struct lun_http_request *request)
{
    unsigned count = parser->field_count;
    struct lun_http_header *headers =
        lun_arena_calloc(arena, count, sizeof(*headers));
    if (!headers && count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        headers[i].name = lun_http_text(parser, parser->fields[i].name);
        headers[i].value = lun_http_text(parser, parser->fields[i].value);
    }
    request->method = parser->method;
    request->method_text = lun_http_text(parser, parser->method_at);
    request->path = lun_http_text(parser, parser->path_at);
    request->query = lun_http_text(parser, parser->query_at);
    request->headers = headers;
    request->header_count = count;
    request->body = parser->body.data;
    request->body_len = parser->body.len;
    return true;
}
