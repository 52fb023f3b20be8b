/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/mail/smtp.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "modules/mail/dialogue.h"
#include "modules/mail/mail.h"
#include "modules/mail/mime.h"
#include "modules/mail/settings.h"

#define CONNECT_S 10L
#define REPLY_S 30L
#define WHOLE_S 120L
#define RECIPIENTS_MAX 1000

struct lun_mail_smtp {
    const atomic_bool *stop;
    CURL *easy; /* keeps the connection */
    char *app;  /* whose it is */
    char *options;
    char
        silent[LUN_MAIL_PROBLEM]; /* why the server takes nothing; "": it may */
};

/* One message on its way. */
struct sending {
    struct lun_mail_item *item;
    struct lun_mail_settings settings;
    struct lun_arena arena;
    struct lun_json *message;
    struct lun_json *recipients;
    struct curl_slist *headers;
    struct curl_slist *envelope;
    curl_mime *mime;
    struct lun_mail_dialogue dialogue;
    struct lun_mail_reply *replies;
    char text[CURL_ERROR_SIZE];
};

/* Connections ---------------------------------------------------------------
 */

static void drop_connection(struct lun_mail_smtp *smtp)
{
    /* How long to wait for the answer to QUIT. */
    if (smtp->easy)
        curl_easy_setopt(smtp->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, 3L);
    curl_easy_cleanup(smtp->easy);
    free(smtp->app);
    free(smtp->options);
    smtp->easy = NULL;
    smtp->app = smtp->options = NULL;
}

struct lun_mail_smtp *lun_mail_smtp_new(const atomic_bool *stop)
{
    struct lun_mail_smtp *smtp = calloc(1, sizeof(*smtp));
    if (smtp)
        smtp->stop = stop;
    return smtp;
}

void lun_mail_smtp_free(struct lun_mail_smtp *smtp)
{
    drop_connection(smtp);
    free(smtp);
}

/* No connection serves two apps, or one app under two grants. */
static bool take_connection(struct lun_mail_smtp *smtp,
                            const struct lun_mail_item *item)
{
    if (smtp->easy && !strcmp(smtp->app, item->app) &&
        !strcmp(smtp->options, item->options)) {
        curl_easy_reset(smtp->easy);
        return true;
    }
    drop_connection(smtp);
    smtp->easy = curl_easy_init();
    smtp->app = strdup(item->app);
    smtp->options = strdup(item->options);
    if (smtp->easy && smtp->app && smtp->options)
        return true;
    drop_connection(smtp);
    return false;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c,
                       curl_off_t d)
{
    const struct lun_mail_smtp *smtp = context;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(smtp->stop);
}

static CURLcode on_tls(CURL *easy, void *tls, void *context)
{
    const struct lun_mail_settings *settings = context;
    (void)easy;
    return SSL_CTX_load_verify_file(tls, settings->ca) == 1
               ? CURLE_OK
               : CURLE_SSL_CACERT_BADFILE;
}

static void set_server(struct lun_mail_smtp *smtp, struct sending *sending)
{
    const struct lun_mail_settings *settings = &sending->settings;
    CURL *easy = smtp->easy;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_URL, settings->url);
    curl_easy_setopt(easy, CURLOPT_USE_SSL,
                     (long)(settings->tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (settings->ca[0]) {
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, settings);
    }
    if (settings->user[0]) {
        curl_easy_setopt(easy, CURLOPT_USERNAME, settings->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, settings->password);
    }
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, REPLY_S);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, WHOLE_S);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, smtp);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, sending->text);
}

/* The message ---------------------------------------------------------------
 */

static int parse(struct sending *sending, const char *text,
                 enum lun_json_type type, struct lun_json **out)
{
    int rc = lun_json_parse(&sending->arena, text, strlen(text), 16, 100000,
                            out, NULL);
    return rc ? rc : (*out)->type == type ? 0 : LUN_EBAD_INPUT;
}

static bool append(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer)
        *list = longer;
    return longer;
}

static int set_envelope(CURL *easy, struct sending *sending)
{
    const struct lun_json *from = lun_json_get(sending->message, "from");
    const struct lun_json *address = from && from->type == LUN_JSON_OBJECT
                                         ? lun_json_get(from, "address")
                                         : NULL;
    const struct lun_json *at = sending->recipients->child;
    if (!address || address->type != LUN_JSON_STRING ||
        !sending->recipients->count ||
        sending->recipients->count > RECIPIENTS_MAX)
        return LUN_EBAD_INPUT;
    for (; at; at = at->next) {
        if (at->type != LUN_JSON_STRING)
            return LUN_EBAD_INPUT;
        if (!append(&sending->envelope, at->text))
            return LUN_EMEMORY;
    }
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, address->text);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, sending->envelope);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    return 0;
}

static int set_message(struct lun_mail_smtp *smtp, struct sending *sending)
{
    struct lun_mail_item *item = sending->item;
    int rc = parse(sending, item->message, LUN_JSON_OBJECT, &sending->message);
    if (!rc)
        rc = parse(sending, item->recipients, LUN_JSON_ARRAY,
                   &sending->recipients);
    if (!rc)
        rc = set_envelope(smtp->easy, sending);
    if (rc)
        return rc;
    sending->replies =
        calloc(sending->recipients->count, sizeof(*sending->replies));
    if (!sending->replies)
        return LUN_EMEMORY;
    lun_mail_dialogue_attach(&sending->dialogue, smtp->easy, sending->replies,
                             sending->recipients->count);
    return lun_mail_mime_set(smtp->easy, sending->message, item->id,
                             &sending->headers, &sending->mime);
}

/* What became of it ---------------------------------------------------------
 */

static bool is_final(int code)
{
    return code >= 500 && code <= 599;
}

/* A reply that means the message itself, not the connection to the server. */
static bool is_about_message(const struct lun_mail_dialogue *dialogue)
{
    return !strcmp(dialogue->verb, "MAIL") || !strcmp(dialogue->verb, "DATA");
}

/* The dialogue came to the message. */
static bool was_heard(const struct lun_mail_dialogue *dialogue)
{
    return is_about_message(dialogue) || !strcmp(dialogue->verb, "RCPT");
}

static void push_item(struct lun_buf *list, const char *text)
{
    lun_buf_push_byte(list, list->len > 1 ? ',' : '[');
    lun_buf_push_json_string(list, text, strlen(text));
}

static void push_refused(struct lun_buf *list, const char *address,
                         const char *problem)
{
    lun_buf_push_byte(list, list->len > 1 ? ',' : '[');
    lun_buf_push_str(list, "{\"address\":");
    lun_buf_push_json_string(list, address, strlen(address));
    lun_buf_push_str(list, ",\"problem\":");
    lun_buf_push_json_string(list, problem, strlen(problem));
    lun_buf_push_byte(list, '}');
}

static void end_list(struct lun_buf *list)
{
    lun_buf_push_str(list, list->len ? "]" : "[]");
}

/* Those refused before stay refused. */
static void keep_refused(struct sending *sending)
{
    struct lun_buf *out = &sending->item->refused_now;
    struct lun_json *list;
    if (parse(sending, sending->item->refused, LUN_JSON_ARRAY, &list))
        return;
    for (const struct lun_json *at = list->child; at; at = at->next) {
        lun_buf_push_byte(out, out->len > 1 ? ',' : '[');
        lun_json_write(at, out);
    }
}

static void set_problem(struct sending *sending, CURLcode code)
{
    struct lun_mail_item *item = sending->item;
    const struct lun_mail_reply *last = &sending->dialogue.last;
    const char *text =
        sending->text[0] ? sending->text : curl_easy_strerror(code);
    if (last->code >= 400)
        text = last->text;
    snprintf(item->problem, sizeof(item->problem), "%s", text);
}

/* Sorts the recipients: who has it, who may have it later, who never. */
static void sort_recipients(struct sending *sending, CURLcode code)
{
    struct lun_mail_item *item = sending->item;
    const struct lun_mail_dialogue *dialogue = &sending->dialogue;
    bool all = code != CURLE_OK && is_about_message(dialogue) &&
               is_final(dialogue->last.code);
    const struct lun_mail_reply *reply = sending->replies;
    const struct lun_json *at = sending->recipients->child;
    for (; at; at = at->next, reply++) {
        if (is_final(reply->code)) {
            push_refused(&item->refused_now, at->text, reply->text);
            snprintf(item->problem, sizeof(item->problem), "%s: %s", at->text,
                     reply->text);
        } else if (all) {
            push_refused(&item->refused_now, at->text, dialogue->last.text);
        } else if (code != CURLE_OK || reply->code < 200 || reply->code > 299) {
            push_item(&item->left, at->text);
        }
    }
}

static void conclude(struct sending *sending, CURLcode code)
{
    struct lun_mail_item *item = sending->item;
    if (code != CURLE_OK)
        set_problem(sending, code);
    keep_refused(sending);
    sort_recipients(sending, code);
    item->silent = code != CURLE_OK && !was_heard(&sending->dialogue);
    bool left = item->left.len, refused = item->refused_now.len;
    end_list(&item->left);
    end_list(&item->refused_now);
    item->outcome = left      ? LUN_MAIL_LATER
                    : refused ? LUN_MAIL_PARKED
                              : LUN_MAIL_SENT;
}

/* Before there was a connection: everybody may have it later. */
static void postpone(struct lun_mail_item *item, const char *problem)
{
    snprintf(item->problem, sizeof(item->problem), "%s", problem);
    lun_buf_push_str(&item->left, item->recipients);
    lun_buf_push_str(&item->refused_now, item->refused);
    item->outcome = LUN_MAIL_LATER;
}

/* Sending -------------------------------------------------------------------
 */

static void release(struct lun_mail_smtp *smtp, struct sending *sending)
{
    /* Nothing of the message stays with the connection. */
    if (smtp->easy)
        curl_easy_reset(smtp->easy);
    curl_mime_free(sending->mime);
    curl_slist_free_all(sending->headers);
    curl_slist_free_all(sending->envelope);
    free(sending->replies);
    lun_arena_release(&sending->arena);
    OPENSSL_cleanse(&sending->settings, sizeof(sending->settings));
}

static void try_item(struct lun_mail_smtp *smtp, struct sending *sending)
{
    struct lun_mail_item *item = sending->item;
    struct lun_err err;
    if (lun_mail_settings_read(&sending->settings, item->options, &err)) {
        postpone(item, err.message);
        return;
    }
    if (!take_connection(smtp, item)) {
        postpone(item, "out of memory");
        return;
    }
    set_server(smtp, sending);
    if (set_message(smtp, sending)) {
        postpone(item, "the message cannot be read, or memory ran out");
        return;
    }
    CURLcode code = curl_easy_perform(smtp->easy);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        item->outcome = LUN_MAIL_GIVEN_UP;
    else
        conclude(sending, code);
    if (item->silent)
        snprintf(smtp->silent, sizeof(smtp->silent), "%s", item->problem);
}

void lun_mail_smtp_send(struct lun_mail_smtp *smtp, struct lun_mail_item *item)
{
    struct sending sending = {.item = item};
    if (atomic_load(smtp->stop)) {
        item->outcome = LUN_MAIL_GIVEN_UP;
        return;
    }
    if (!item->options) {
        postpone(item, "policy does not grant the app mail any more");
        return;
    }
    if (smtp->silent[0]) {
        postpone(item, smtp->silent);
        return;
    }
    lun_arena_init(&sending.arena, 0);
    try_item(smtp, &sending);
    release(smtp, &sending);
}
