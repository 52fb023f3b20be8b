/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/mail/dialogue.h"

#include <ctype.h>
#include <string.h>

static void heard_command(struct lun_mail_dialogue *dialogue, const char *line,
                          size_t len)
{
    char verb[sizeof(dialogue->verb)];
    size_t size = 0;
    while (size < len && size + 1 < sizeof(verb) &&
           isalpha((unsigned char)line[size])) {
        verb[size] = line[size];
        size++;
    }
    verb[size] = '\0';
    /* libcurl says goodbye after a failure, too; what failed came before. */
    dialogue->over = dialogue->over || !strcmp(verb, "QUIT");
    /* What AUTH sends after its first line is no command, and secret. */
    if (strcmp(verb, "EHLO") && strcmp(verb, "HELO") && strcmp(verb, "AUTH") &&
        strcmp(verb, "STARTTL") && strcmp(verb, "MAIL") &&
        strcmp(verb, "RCPT") && strcmp(verb, "DATA"))
        return;
    /* A new connection, when the goodbye was for one that had died. */
    if (!strcmp(verb, "EHLO") || !strcmp(verb, "HELO"))
        dialogue->over = false;
    if (dialogue->over)
        return;
    memcpy(dialogue->verb, verb, sizeof(verb));
    dialogue->last.code = 0;
    dialogue->last.text[0] = '\0';
    if (!strcmp(verb, "RCPT"))
        dialogue->asked++;
}

/* Printable ASCII only: it goes to the log and the database. */
static void copy_text(char *out, const char *line, size_t len)
{
    size_t size = 0;
    for (size_t i = 0; i < len && size + 1 < LUN_MAIL_REPLY; i++)
        if (line[i] != '\r' && line[i] != '\n')
            out[size++] = line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?';
    out[size] = '\0';
}

static void heard_reply(struct lun_mail_dialogue *dialogue, const char *line,
                        size_t len)
{
    if (len < 3 || !isdigit((unsigned char)line[0]) ||
        !isdigit((unsigned char)line[1]) || !isdigit((unsigned char)line[2]))
        return;
    if (dialogue->over || (len > 3 && line[3] == '-'))
        return; /* of several lines the last one says it */
    struct lun_mail_reply *last = &dialogue->last;
    last->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    copy_text(last->text, line, len);
    size_t at = dialogue->asked;
    if (!strcmp(dialogue->verb, "RCPT") && at && at <= dialogue->count)
        dialogue->recipients[at - 1] = *last;
}

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t len,
                    void *context)
{
    (void)easy;
    if (type == CURLINFO_HEADER_OUT)
        heard_command(context, data, len);
    else if (type == CURLINFO_HEADER_IN)
        heard_reply(context, data, len);
    return 0;
}

void lun_mail_dialogue_attach(struct lun_mail_dialogue *dialogue, CURL *easy,
                              struct lun_mail_reply *recipients, size_t count)
{
    memset(dialogue, 0, sizeof(*dialogue));
    dialogue->recipients = recipients;
    dialogue->count = count;
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(easy, CURLOPT_DEBUGDATA, dialogue);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}
