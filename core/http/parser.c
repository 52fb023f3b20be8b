/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/parser.h"

#include <string.h>
#include <strings.h>

#include "core/http/grammar.h"

/* A step is given at most this much at once, so that the copy it makes fits
 * in what was reserved before. */
#define SLICE ((size_t)2048)
#define METHOD_MAX 32
/* Chunk framing may exceed the bytes it carries by this much. */
#define FRAMING_SLACK ((size_t)8192)
/* Memory of a parser that waits for its next request. */
#define KEPT_HEAD ((size_t)8192)
#define KEPT_BODY ((size_t)16384)

enum state {
    START,
    START_LF,
    METHOD,
    TARGET,
    VERSION,
    LINE_LF,
    FIELD_START,
    FIELD_NAME,
    FIELD_SPACE,
    FIELD_VALUE,
    FIELD_LF,
    FIELDS_LF,
    BODY,
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_QUOTED,
    CHUNK_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    DONE,
    BAD
};

/* Fields whose repetition would leave open which one counts. */
enum once {
    ONCE_HOST = 1,
    ONCE_LENGTH = 2,
    ONCE_CODING = 4,
    ONCE_EXPECT = 8,
    ONCE_TYPE = 16,
    ONCE_AUTHORIZATION = 32,
    ONCE_ORIGIN = 64
};

typedef const char *(*step_cb)(struct lun_http_parser *parser, const char *at,
                               const char *end);

static const char *refuse(struct lun_http_parser *parser, int status,
                          const char *reason, const char *at)
{
    parser->state = BAD;
    parser->status = status;
    parser->reason = reason;
    return at;
}

static void push(struct lun_http_parser *parser, char byte)
{
    parser->head.data[parser->head.len++] = byte;
}

static const char *text_at(const struct lun_http_parser *parser, size_t offset)
{
    return parser->head.data + offset;
}

/* Request line */

/* Old clients send an empty line after a body; one is tolerated. */
static const char *step_start(struct lun_http_parser *parser, const char *at,
                              const char *end)
{
    (void)end;
    if (*at == '\r' && !parser->blank_seen) {
        parser->blank_seen = true;
        parser->state = START_LF;
        return at + 1;
    }
    parser->state = METHOD;
    return at;
}

static const char *step_start_lf(struct lun_http_parser *parser, const char *at,
                                 const char *end)
{
    (void)end;
    if (*at != '\n')
        return refuse(parser, 400, "bare carriage return", at);
    parser->state = START;
    return at + 1;
}

static const char *take_method(struct lun_http_parser *parser, const char *at)
{
    static const struct {
        const char *name;
        enum lun_http_method method;
        int status;
    } known[] = {
        {"GET", LUN_HTTP_GET, 0},
        {"POST", LUN_HTTP_POST, 0},
        {"HEAD", LUN_HTTP_HEAD, 0},
        {"OPTIONS", LUN_HTTP_OPTIONS, 0},
        {"PUT", LUN_HTTP_OTHER, 0},
        {"PATCH", LUN_HTTP_OTHER, 0},
        {"DELETE", LUN_HTTP_OTHER, 0},
        {"CONNECT", LUN_HTTP_OTHER, 405},
        {"TRACE", LUN_HTTP_OTHER, 405},
        {"PRI", LUN_HTTP_OTHER, 505},
    };
    const char *name = parser->head.data;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(name, known[i].name) != 0)
            continue;
        if (known[i].status)
            return refuse(parser, known[i].status,
                          known[i].status == 505 ? "version not served"
                                                 : "method not allowed",
                          at);
        parser->method = known[i].method;
        parser->state = TARGET;
        return at + 1;
    }
    return refuse(parser, 501, "unknown method", at);
}

static const char *step_method(struct lun_http_parser *parser, const char *at,
                               const char *end)
{
    while (at < end && lun_http_grammar_token[(unsigned char)*at]) {
        if (parser->head.len == METHOD_MAX)
            return refuse(parser, 501, "unknown method", at);
        push(parser, *at++);
    }
    if (at == end)
        return at;
    if (*at != ' ' || parser->head.len == 0)
        return refuse(parser, 400, "malformed request line", at);
    push(parser, '\0');
    parser->path_at = parser->head.len;
    return take_method(parser, at);
}

/* `http://authority/path`: notes the authority and makes the path begin with
 * '/', for which the authority gives way by one byte when there is none. */
static bool split_absolute(struct lun_http_parser *parser, char *target)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    if (!scheme)
        return false;
    char *authority = target + scheme;
    size_t len = strcspn(authority, "/?");
    if (!lun_http_grammar_is_authority(authority, len))
        return false;
    if (authority[len] != '/') {
        memmove(authority - 1, authority, len);
        authority--;
        authority[len] = '/';
    }
    parser->authority_at = (size_t)(authority - parser->head.data);
    parser->authority_len = len;
    parser->path_at = parser->authority_at + len;
    return true;
}

static const char *take_target(struct lun_http_parser *parser, const char *at)
{
    char *target = parser->head.data + parser->path_at;
    bool any = strcmp(target, "*") == 0 && parser->method == LUN_HTTP_OPTIONS;
    if (target[0] != '/' && !any && !split_absolute(parser, target))
        return refuse(parser, 400, "malformed request target", at);
    char *path = parser->head.data + parser->path_at;
    char *query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    else
        query = path + strlen(path);
    parser->query_at = (size_t)(query - parser->head.data);
    if (!lun_http_grammar_is_path(path))
        return refuse(parser, 400, "malformed percent-encoding", at);
    parser->state = VERSION;
    return at + 1;
}

static const char *step_target(struct lun_http_parser *parser, const char *at,
                               const char *end)
{
    const char *start = at;
    while (at < end && lun_http_grammar_is(*at, LUN_HTTP_TARGET))
        at++;
    memcpy(parser->head.data + parser->head.len, start, (size_t)(at - start));
    parser->head.len += (size_t)(at - start);
    if (at == end)
        return at;
    if (*at != ' ' || parser->head.len == parser->path_at)
        return refuse(parser, 400, "malformed request line", at);
    push(parser, '\0');
    return take_target(parser, at);
}

static const char *step_version(struct lun_http_parser *parser, const char *at,
                                const char *end)
{
    const char *text = parser->version;
    while (at < end && *at != '\r') {
        if (parser->version_len == sizeof(parser->version))
            return refuse(parser, 400, "malformed version", at);
        parser->version[parser->version_len++] = *at++;
    }
    if (at == end)
        return at;
    if (parser->version_len != sizeof(parser->version) ||
        memcmp(text, "HTTP/", 5) != 0 || text[5] < '0' || text[5] > '9' ||
        text[6] != '.' || text[7] < '0' || text[7] > '9')
        return refuse(parser, 400, "malformed version", at);
    if (text[5] != '1' || text[7] > '1')
        return refuse(parser, 505, "version not served", at);
    parser->is_http10 = text[7] == '0';
    parser->state = LINE_LF;
    return at + 1;
}

static const char *step_line_lf(struct lun_http_parser *parser, const char *at,
                                const char *end)
{
    (void)end;
    if (*at != '\n')
        return refuse(parser, 400, "bare carriage return", at);
    parser->state = FIELD_START;
    return at + 1;
}

/* Header fields and trailers */

static const char *step_field_start(struct lun_http_parser *parser,
                                    const char *at, const char *end)
{
    (void)end;
    if (*at == '\r') {
        parser->state = FIELDS_LF;
        return at + 1;
    }
    if (*at == ' ' || *at == '\t')
        return refuse(parser, 400, "folded header", at);
    unsigned count = parser->field_count + parser->trailer_count;
    if (count >= LUN_HTTP_PARSER_FIELDS ||
        count >= parser->limits->header_count)
        return refuse(parser, 431, "too many headers", at);
    parser->name_at = parser->head.len;
    parser->state = FIELD_NAME;
    return at;
}

static const char *step_field_name(struct lun_http_parser *parser,
                                   const char *at, const char *end)
{
    unsigned char lower = 0;
    while (at < end && (lower = lun_http_grammar_token[(unsigned char)*at])) {
        push(parser, (char)lower);
        at++;
    }
    if (at == end)
        return at;
    if (*at != ':' || parser->head.len == parser->name_at)
        return refuse(parser, 400, "malformed header name", at);
    push(parser, '\0');
    parser->value_at = parser->head.len;
    parser->state = FIELD_SPACE;
    return at + 1;
}

static const char *step_field_space(struct lun_http_parser *parser,
                                    const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at < end)
        parser->state = FIELD_VALUE;
    return at;
}

static const char *step_field_value(struct lun_http_parser *parser,
                                    const char *at, const char *end)
{
    const char *start = at;
    while (at < end && lun_http_grammar_is(*at, LUN_HTTP_VALUE))
        at++;
    memcpy(parser->head.data + parser->head.len, start, (size_t)(at - start));
    parser->head.len += (size_t)(at - start);
    if (at == end)
        return at;
    if (*at != '\r')
        return refuse(parser, 400, "malformed header value", at);
    parser->state = FIELD_LF;
    return at + 1;
}

/* False when a field that may come once came before. */
static bool first(struct lun_http_parser *parser, enum once field)
{
    if (parser->seen & field)
        return false;
    parser->seen |= field;
    return true;
}

static bool take_length(struct lun_http_parser *parser, const char *value)
{
    size_t len = strlen(value);
    if (len == 0 || len > 18 || strspn(value, "0123456789") != len ||
        !first(parser, ONCE_LENGTH))
        return false;
    for (; *value; value++)
        parser->left = parser->left * 10 + (uint64_t)(*value - '0');
    return true;
}

static bool take_host(struct lun_http_parser *parser, const char *value)
{
    parser->host_at = parser->value_at;
    return lun_http_grammar_is_authority(value, strlen(value)) &&
           first(parser, ONCE_HOST);
}

static void take_connection(struct lun_http_parser *parser, const char *value)
{
    if (lun_http_grammar_has_token(value, "close"))
        parser->wants_close = true;
    if (lun_http_grammar_has_token(value, "keep-alive"))
        parser->wants_keep_alive = true;
}

static void take_coding(struct lun_http_parser *parser, const char *value)
{
    if (!first(parser, ONCE_CODING))
        refuse(parser, 400, "repeated transfer-encoding", NULL);
    else if (strcasecmp(value, "chunked") != 0)
        refuse(parser, 501, "transfer-encoding not served", NULL);
    parser->chunked = true;
}

static void take_expect(struct lun_http_parser *parser, const char *value)
{
    if (!first(parser, ONCE_EXPECT) || strcasecmp(value, "100-continue") != 0)
        refuse(parser, 417, "expectation not met", NULL);
    parser->expects_continue = true;
}

/* What a field means for framing; picked by length, since most fields mean
 * nothing here. */
static void take_field(struct lun_http_parser *parser, size_t name_len)
{
    const char *name = text_at(parser, parser->name_at);
    const char *value = text_at(parser, parser->value_at);
    bool good = true;
    if (name_len == 4 && strcmp(name, "host") == 0)
        good = take_host(parser, value);
    else if (name_len == 6 && strcmp(name, "expect") == 0)
        take_expect(parser, value);
    else if (name_len == 6 && strcmp(name, "origin") == 0)
        good = first(parser, ONCE_ORIGIN);
    else if (name_len == 10 && strcmp(name, "connection") == 0)
        take_connection(parser, value);
    else if (name_len == 12 && strcmp(name, "content-type") == 0)
        good = first(parser, ONCE_TYPE);
    else if (name_len == 13 && strcmp(name, "authorization") == 0)
        good = first(parser, ONCE_AUTHORIZATION);
    else if (name_len == 14 && strcmp(name, "content-length") == 0)
        good = take_length(parser, value);
    else if (name_len == 17 && strcmp(name, "transfer-encoding") == 0)
        take_coding(parser, value);
    if (!good)
        refuse(parser, 400, "repeated or malformed header", NULL);
}

static const char *step_field_lf(struct lun_http_parser *parser, const char *at,
                                 const char *end)
{
    (void)end;
    if (*at != '\n')
        return refuse(parser, 400, "bare carriage return", at);
    struct lun_buf *head = &parser->head;
    while (head->len > parser->value_at && (head->data[head->len - 1] == ' ' ||
                                            head->data[head->len - 1] == '\t'))
        head->len--;
    push(parser, '\0');
    parser->state = FIELD_START;
    if (parser->in_trailer) {
        parser->trailer_count++;
        head->len = parser->name_at;
        return at + 1;
    }
    unsigned index = parser->field_count++;
    parser->fields[index].name = (uint32_t)parser->name_at;
    parser->fields[index].value = (uint32_t)parser->value_at;
    take_field(parser, parser->value_at - parser->name_at - 1);
    return at + 1;
}

/* The head as a whole: what its fields mean together. */
static const char *take_head(struct lun_http_parser *parser, const char *at)
{
    bool has_host = parser->seen & ONCE_HOST;
    if (!has_host && !parser->is_http10)
        return refuse(parser, 400, "no host", at);
    if (has_host && parser->authority_len) {
        const char *host = text_at(parser, parser->host_at);
        const char *authority = text_at(parser, parser->authority_at);
        if (strlen(host) != parser->authority_len ||
            strncasecmp(host, authority, parser->authority_len) != 0)
            return refuse(parser, 400, "host and target differ", at);
    }
    if (parser->chunked && parser->is_http10)
        return refuse(parser, 400, "transfer-encoding in HTTP/1.0", at);
    if (parser->chunked && (parser->seen & ONCE_LENGTH))
        return refuse(parser, 400, "two lengths", at);
    if (parser->left > parser->limits->body_bytes)
        return refuse(parser, 413, "body too large", at);
    parser->keep_alive =
        !parser->wants_close && (!parser->is_http10 || parser->wants_keep_alive);
    bool has_body = parser->chunked || parser->left > 0;
    parser->expects_continue &= has_body && !parser->is_http10;
    parser->state = parser->chunked ? CHUNK_SIZE : has_body ? BODY : DONE;
    return at + 1;
}

static const char *step_fields_lf(struct lun_http_parser *parser,
                                  const char *at, const char *end)
{
    (void)end;
    if (*at != '\n')
        return refuse(parser, 400, "bare carriage return", at);
    if (!parser->in_trailer)
        return take_head(parser, at);
    parser->state = DONE;
    return at + 1;
}

/* Body */

/* Copies what `left` allows; false when memory ran out. */
static bool copy_body(struct lun_http_parser *parser, const char **at,
                      const char *end)
{
    size_t len = (size_t)(end - *at);
    if (len > parser->left)
        len = (size_t)parser->left;
    lun_buf_push(&parser->body, *at, len);
    if (parser->body.failed) {
        refuse(parser, 503, "out of memory", NULL);
        return false;
    }
    parser->left -= len;
    *at += len;
    return true;
}

static const char *step_body(struct lun_http_parser *parser, const char *at,
                             const char *end)
{
    if (copy_body(parser, &at, end) && parser->left == 0)
        parser->state = DONE;
    return at;
}

static const char *step_chunk_size(struct lun_http_parser *parser,
                                   const char *at, const char *end)
{
    for (; at < end && lun_http_grammar_is(*at, LUN_HTTP_HEX); at++) {
        if (++parser->digits > 15)
            return refuse(parser, 400, "malformed chunk size", at);
        parser->left =
            parser->left * 16 + (uint64_t)lun_http_grammar_hex(*at);
    }
    if (at == end)
        return at;
    if (parser->digits == 0 || (*at != '\r' && *at != ';'))
        return refuse(parser, 400, "malformed chunk size", at);
    if (parser->left > parser->limits->body_bytes - parser->body.len)
        return refuse(parser, 413, "body too large", at);
    parser->state = *at == '\r' ? CHUNK_LF : CHUNK_EXTENSION;
    return at + 1;
}

static const char *step_chunk_extension(struct lun_http_parser *parser,
                                        const char *at, const char *end)
{
    while (at < end && (lun_http_grammar_token[(unsigned char)*at] ||
                        *at == '=' || *at == ';'))
        at++;
    if (at == end)
        return at;
    if (*at != '\r' && *at != '"')
        return refuse(parser, 400, "malformed chunk extension", at);
    parser->state = *at == '\r' ? CHUNK_LF : CHUNK_QUOTED;
    return at + 1;
}

/* Without quoted pairs: nobody sends them, and readers differ over them. */
static const char *step_chunk_quoted(struct lun_http_parser *parser,
                                     const char *at, const char *end)
{
    while (at < end && lun_http_grammar_is(*at, LUN_HTTP_VALUE) && *at != '"' &&
           *at != '\\')
        at++;
    if (at == end)
        return at;
    if (*at != '"')
        return refuse(parser, 400, "malformed chunk extension", at);
    parser->state = CHUNK_EXTENSION;
    return at + 1;
}

static const char *step_chunk_lf(struct lun_http_parser *parser, const char *at,
                                 const char *end)
{
    (void)end;
    if (*at != '\n')
        return refuse(parser, 400, "bare carriage return", at);
    parser->in_trailer = parser->left == 0;
    parser->state = parser->in_trailer ? FIELD_START : CHUNK_DATA;
    return at + 1;
}

static const char *step_chunk_data(struct lun_http_parser *parser,
                                   const char *at, const char *end)
{
    if (copy_body(parser, &at, end) && parser->left == 0)
        parser->state = CHUNK_DATA_CR;
    return at;
}

static const char *step_chunk_data_cr(struct lun_http_parser *parser,
                                      const char *at, const char *end)
{
    (void)end;
    if (*at != '\r')
        return refuse(parser, 400, "chunk longer than its size", at);
    parser->state = CHUNK_DATA_LF;
    return at + 1;
}

static const char *step_chunk_data_lf(struct lun_http_parser *parser,
                                      const char *at, const char *end)
{
    (void)end;
    if (*at != '\n')
        return refuse(parser, 400, "bare carriage return", at);
    parser->digits = 0;
    parser->state = CHUNK_SIZE;
    return at + 1;
}

static const step_cb steps[] = {
    [START] = step_start,
    [START_LF] = step_start_lf,
    [METHOD] = step_method,
    [TARGET] = step_target,
    [VERSION] = step_version,
    [LINE_LF] = step_line_lf,
    [FIELD_START] = step_field_start,
    [FIELD_NAME] = step_field_name,
    [FIELD_SPACE] = step_field_space,
    [FIELD_VALUE] = step_field_value,
    [FIELD_LF] = step_field_lf,
    [FIELDS_LF] = step_fields_lf,
    [BODY] = step_body,
    [CHUNK_SIZE] = step_chunk_size,
    [CHUNK_EXTENSION] = step_chunk_extension,
    [CHUNK_QUOTED] = step_chunk_quoted,
    [CHUNK_LF] = step_chunk_lf,
    [CHUNK_DATA] = step_chunk_data,
    [CHUNK_DATA_CR] = step_chunk_data_cr,
    [CHUNK_DATA_LF] = step_chunk_data_lf,
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
    if (parser->state <= LINE_LF)
        return (struct budget){&parser->line_bytes, limits->request_line, 414,
                               "request line too long"};
    if (parser->state <= FIELDS_LF)
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
        return refuse(parser, budget.status, budget.reason, at);
    if (len > SLICE)
        len = SLICE;
    if (!lun_buf_reserve(&parser->head, len + 2))
        return refuse(parser, 503, "out of memory", at);
    const char *next = steps[parser->state](parser, at, at + len);
    *budget.used += (size_t)(next - at);
    return next;
}

size_t lun_http_parser_feed(struct lun_http_parser *parser, const char *data,
                            size_t len)
{
    const char *at = data;
    const char *end = data + len;
    while (at < end && parser->state < DONE) {
        if (parser->state == BODY || parser->state == CHUNK_DATA)
            at = steps[parser->state](parser, at, end);
        else
            at = step_bounded(parser, at, end);
    }
    if (parser->state == DONE && !lun_buf_str(&parser->body))
        refuse(parser, 503, "out of memory", NULL);
    return (size_t)(at - data);
}

enum lun_http_parser_phase
lun_http_parser_phase(const struct lun_http_parser *parser)
{
    if (parser->state == BAD)
        return LUN_HTTP_PHASE_BAD;
    if (parser->state == DONE)
        return LUN_HTTP_PHASE_DONE;
    return parser->state >= BODY || parser->in_trailer ? LUN_HTTP_PHASE_BODY
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
        headers[i].name = text_at(parser, parser->fields[i].name);
        headers[i].value = text_at(parser, parser->fields[i].value);
    }
    request->method = parser->method;
    request->method_text = parser->head.data;
    request->path = text_at(parser, parser->path_at);
    request->query = text_at(parser, parser->query_at);
    request->headers = headers;
    request->header_count = count;
    request->body = parser->body.data;
    request->body_len = parser->body.len;
    return true;
}
