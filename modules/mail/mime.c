/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/mail/mime.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/json.h"

/* Bytes of a text in one encoded word, which may have 75 characters (RFC 2047);
 * a multiple of three. */
#define WORD_BYTES 45

struct builder {
    CURL *easy;
    struct curl_slist *headers;
    bool failed; /* memory ran out */
};

/* Texts of headers --------------------------------------------------------- */

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* Bytes of `text` for one encoded word: whole characters. */
static size_t word_size(const char *text, size_t len)
{
    if (len <= WORD_BYTES)
        return len;
    size_t size = WORD_BYTES;
    while (size && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--;
    return size ? size : WORD_BYTES;
}

static void push_encoded(struct lun_buf *out, const char *text)
{
    unsigned char word[WORD_BYTES * 2];
    size_t len = strlen(text);
    bool first = true;
    while (len) {
        size_t size = word_size(text, len);
        int made =
            EVP_EncodeBlock(word, (const unsigned char *)text, (int)size);
        lun_buf_push_str(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        lun_buf_push(out, word, (size_t)made);
        lun_buf_push_str(out, "?=");
        text += size;
        len -= size;
        first = false;
    }
}

static void push_text(struct lun_buf *out, const char *text)
{
    /* What looks like an encoded word must not be read as one. */
    if (is_ascii(text) && !strstr(text, "=?"))
        lun_buf_push_str(out, text);
    else
        push_encoded(out, text);
}

static void push_name(struct lun_buf *out, const char *name)
{
    if (!is_ascii(name) || strstr(name, "=?")) {
        push_encoded(out, name);
        return;
    }
    lun_buf_push_byte(out, '"');
    for (; *name; name++) {
        if (*name == '"' || *name == '\\')
            lun_buf_push_byte(out, '\\');
        lun_buf_push_byte(out, *name);
    }
    lun_buf_push_byte(out, '"');
}

static const char *text_of(const struct lun_json *object, const char *name)
{
    const struct lun_json *node = object ? lun_json_get(object, name) : NULL;
    return node && node->type == LUN_JSON_STRING ? node->text : NULL;
}

static void push_address(struct lun_buf *out, const struct lun_json *who)
{
    const char *name = text_of(who, "name"), *address = text_of(who, "address");
    if (name && name[0]) {
        push_name(out, name);
        lun_buf_push_byte(out, ' ');
    }
    lun_buf_printf(out, "<%s>", address ? address : "");
}

/* Headers ------------------------------------------------------------------ */

/* Takes `line` and releases it. */
static void add_header(struct builder *builder, struct lun_buf *line)
{
    const char *text = lun_buf_str(line);
    struct curl_slist *list =
        text ? curl_slist_append(builder->headers, text) : NULL;
    if (list)
        builder->headers = list;
    else
        builder->failed = true;
    lun_buf_release(line);
}

static void add_addresses(struct builder *builder, const char *name,
                          const struct lun_json *list)
{
    struct lun_buf line;
    if (!list || (list->type == LUN_JSON_ARRAY && !list->count))
        return;
    lun_buf_init(&line);
    lun_buf_printf(&line, "%s: ", name);
    if (list->type == LUN_JSON_OBJECT)
        push_address(&line, list);
    const struct lun_json *at =
        list->type == LUN_JSON_ARRAY ? list->child : NULL;
    for (; at; at = at->next) {
        push_address(&line, at);
        if (at->next)
            lun_buf_push_str(&line, ",\r\n ");
    }
    add_header(builder, &line);
}

static void add_date(struct builder *builder)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
                                       "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    struct lun_buf line;
    struct tm tm;
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    lun_buf_init(&line);
    lun_buf_printf(&line, "Date: %s, %d %s %d %02d:%02d:%02d +0000",
                   days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    add_header(builder, &line);
}

static void add_headers(struct builder *builder, const struct lun_json *message,
                        const char *id)
{
    const struct lun_json *from = lun_json_get(message, "from");
    const char *address = text_of(from, "address");
    const char *domain = address ? strchr(address, '@') : NULL;
    const char *subject = text_of(message, "subject");
    struct lun_buf line;
    add_date(builder);
    add_addresses(builder, "From", from);
    const struct lun_json *to = lun_json_get(message, "to");
    add_addresses(builder, "To", to);
    add_addresses(builder, "Cc", lun_json_get(message, "cc"));
    add_addresses(builder, "Reply-To", lun_json_get(message, "reply_to"));
    lun_buf_init(&line);
    lun_buf_push_str(&line, "Subject: ");
    push_text(&line, subject ? subject : "");
    add_header(builder, &line);
    lun_buf_init(&line);
    lun_buf_printf(&line, "Message-ID: <%s@%s>", id,
                   domain ? domain + 1 : "localhost");
    add_header(builder, &line);
    lun_buf_init(&line);
    lun_buf_push_str(&line, "Auto-Submitted: auto-generated");
    add_header(builder, &line);
}

/* Parts -------------------------------------------------------------------- */

/* Line ends are CR LF: quoted-printable would encode others. */
static void push_lines(struct lun_buf *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '\r' && at[1] == '\n')
            continue;
        if (*at == '\n' || *at == '\r')
            lun_buf_push_str(out, "\r\n");
        else
            lun_buf_push_byte(out, *at);
    }
}

static void set_text(struct builder *builder, curl_mimepart *part,
                     const char *text, const char *type)
{
    struct lun_buf lines;
    lun_buf_init(&lines);
    push_lines(&lines, text);
    if (lines.failed || !part ||
        curl_mime_data(part, lines.data ? lines.data : "", lines.len) ||
        curl_mime_type(part, type) ||
        curl_mime_encoder(part, "quoted-printable"))
        builder->failed = true;
    lun_buf_release(&lines);
}

/* Text and HTML: one part each, or both as alternatives of one. */
static void add_texts(struct builder *builder, curl_mime *mime,
                      const char *text, const char *html)
{
    curl_mime *parts = mime;
    curl_mimepart *both = NULL;
    if (text && html) {
        both = curl_mime_addpart(mime);
        parts = curl_mime_init(builder->easy);
        if (!both || !parts || curl_mime_subparts(both, parts)) {
            curl_mime_free(parts);
            builder->failed = true;
            return;
        }
        if (curl_mime_type(both, "multipart/alternative"))
            builder->failed = true;
    }
    if (text)
        set_text(builder, curl_mime_addpart(parts), text,
                 "text/plain; charset=utf-8");
    if (html)
        set_text(builder, curl_mime_addpart(parts), html,
                 "text/html; charset=utf-8");
}

/* "attachment; filename=...", also for names outside of ASCII (RFC 6266). */
static struct curl_slist *disposition(const char *name)
{
    struct lun_buf line;
    lun_buf_init(&line);
    lun_buf_push_str(&line, "Content-Disposition: attachment; filename=\"");
    for (const char *at = name; *at; at++)
        lun_buf_push_byte(&line,
                          (unsigned char)*at >= 0x80 || *at == '"' ? '_' : *at);
    lun_buf_push_byte(&line, '"');
    if (!is_ascii(name) || strchr(name, '"')) {
        lun_buf_push_str(&line, ";\r\n filename*=UTF-8''");
        for (const char *at = name; *at; at++)
            lun_buf_printf(&line, "%%%02X", (unsigned)(unsigned char)*at);
    }
    const char *text = lun_buf_str(&line);
    struct curl_slist *list = text ? curl_slist_append(NULL, text) : NULL;
    lun_buf_release(&line);
    return list;
}

static int set_base64(curl_mimepart *part, const struct lun_json *data)
{
    int rc = LUN_EBAD_INPUT;
    unsigned char *bytes = malloc(data->len + 4);
    if (!bytes)
        return LUN_EMEMORY;
    int size = data->len < INT32_MAX && data->len % 4 == 0
                   ? EVP_DecodeBlock(bytes, (const unsigned char *)data->text,
                                     (int)data->len)
                   : -1;
    for (size_t i = data->len; size > 0 && i && data->text[i - 1] == '='; i--)
        size--;
    if (size >= 0)
        rc =
            curl_mime_data(part, (char *)bytes, (size_t)size) ? LUN_EMEMORY : 0;
    free(bytes);
    return rc;
}

static int add_attachment(curl_mime *mime, const struct lun_json *given)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    const char *name = text_of(given, "name"), *type = text_of(given, "type");
    const struct lun_json *data = lun_json_get(given, "data");
    if (!name || !type || !data || data->type != LUN_JSON_STRING)
        return LUN_EBAD_INPUT;
    struct curl_slist *headers = disposition(name);
    if (!part || !headers)
        return LUN_EMEMORY;
    if (curl_mime_headers(part, headers, 1)) {
        curl_slist_free_all(headers);
        return LUN_EMEMORY;
    }
    if (curl_mime_type(part, type) || curl_mime_encoder(part, "base64"))
        return LUN_EMEMORY;
    return set_base64(part, data);
}

/* All of it ---------------------------------------------------------------- */

int lun_mail_mime_set(CURL *easy, const struct lun_json *message,
                      const char *id, struct curl_slist **headers,
                      curl_mime **mime)
{
    struct builder builder = {.easy = easy};
    int rc = 0;
    add_headers(&builder, message, id);
    *headers = builder.headers;
    *mime = curl_mime_init(easy);
    if (!*mime)
        return LUN_EMEMORY;
    add_texts(&builder, *mime, text_of(message, "text"),
              text_of(message, "html"));
    const struct lun_json *list = lun_json_get(message, "attachments");
    const struct lun_json *at =
        list && list->type == LUN_JSON_ARRAY ? list->child : NULL;
    for (; at && !rc; at = at->next)
        rc = add_attachment(*mime, at);
    if (!rc && builder.failed)
        rc = LUN_EMEMORY;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
    curl_easy_setopt(easy, CURLOPT_MIMEPOST, *mime);
    return rc;
}
