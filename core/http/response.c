/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/response.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/http/grammar.h"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *lun_http_response_reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Status";
}

/* Not strftime: its names of days follow the locale. */
void lun_http_response_date(struct lun_http_date *date, int64_t unix_ms)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed",
                                   "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t second = unix_ms / 1000;
    if (second == date->second)
        return;
    struct tm tm;
    time_t now = (time_t)second;
    if (!gmtime_r(&now, &tm))
        return;
    date->second = second;
    snprintf(date->text, sizeof(date->text),
             "%s, %02u %s %04u %02u:%02u:%02u GMT", days[tm.tm_wday % 7],
             (unsigned)tm.tm_mday % 100, months[tm.tm_mon % 12],
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

static bool is_safe(const struct lun_http_header *header)
{
    const char *at = header->name;
    if (!*at)
        return false;
    for (; *at; at++) {
        if (!lun_http_grammar_token[(unsigned char)*at])
            return false;
    }
    for (at = header->value; *at; at++) {
        if (!lun_http_grammar_is(*at, LUN_HTTP_VALUE))
            return false;
    }
    return true;
}

bool lun_http_response_is_safe(const struct lun_http_response *response)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (!is_safe(&response->headers[i]))
            return false;
    }
    return true;
}

static void push_status(struct lun_buf *out, int status)
{
    if (status == 200) {
        lun_buf_push(out, "HTTP/1.1 200 OK\r\n", 17);
        return;
    }
    lun_buf_push(out, "HTTP/1.1 ", 9);
    lun_buf_push_int(out, status);
    lun_buf_push_byte(out, ' ');
    lun_buf_push_str(out, lun_http_response_reason(status));
    lun_buf_push(out, "\r\n", 2);
}

static void push_headers(const struct lun_http_response *response,
                         const struct lun_http_date *date, struct lun_buf *out)
{
    push_status(out, response->status);
    lun_buf_push(out, "date: ", 6);
    lun_buf_push(out, date->text, sizeof(date->text) - 1);
    for (size_t i = 0; i < response->header_count; i++) {
        lun_buf_push(out, "\r\n", 2);
        lun_buf_push_str(out, response->headers[i].name);
        lun_buf_push(out, ": ", 2);
        lun_buf_push_str(out, response->headers[i].value);
    }
    if (response->connection == LUN_HTTP_CONNECTION_CLOSE)
        lun_buf_push_str(out, "\r\nconnection: close");
    else if (response->connection == LUN_HTTP_CONNECTION_KEEP)
        lun_buf_push_str(out, "\r\nconnection: keep-alive");
}

void lun_http_response_write(const struct lun_http_response *response,
                             const struct lun_http_date *date,
                             struct lun_buf *out)
{
    struct lun_http_response broken = {.status = 500,
                                       .connection = response->connection};
    if (!lun_http_response_is_safe(response))
        response = &broken;
    /* One reservation for all that usually comes. */
    (void)lun_buf_reserve(out, response->body_len + 512);
    push_headers(response, date, out);
    bool has_body = lun_http_response_has_body(response);
    if (has_body) {
        lun_buf_push(out, "\r\ncontent-length: ", 18);
        lun_buf_push_int(out, (int64_t)response->body_len);
    }
    lun_buf_push(out, "\r\n\r\n", 4);
    if (has_body && !response->head_only)
        lun_buf_push(out, response->body, response->body_len);
}
