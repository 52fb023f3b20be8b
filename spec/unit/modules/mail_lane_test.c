/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include "spec/unit/support.h"
/* clang-format on */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modules/mail/lane.h"
#include "modules/mail/mail.h"

/* What the server says to each verb; "" for the greeting. NULL ends the
 * connection, without a row it says 250. */
struct row {
    const char *verb;
    const char *reply;
};

struct server {
    int fd;
    int port;
    const struct row *rows;
    uv_thread_t thread;
    char said[20000]; /* by clients, all of it */
    unsigned connections;
};

static const char *reply_to(const struct server *server, const char *line)
{
    for (const struct row *row = server->rows; row->verb; row++)
        if (row->verb[0] ? !strncmp(line, row->verb, strlen(row->verb))
                         : !line[0])
            return row->reply;
    return line[0] ? "250 fine\r\n" : "220 here\r\n";
}

static bool answer(const struct server *server, FILE *out, const char *line)
{
    const char *reply = reply_to(server, line);
    return reply && fputs(reply, out) >= 0 && !fflush(out);
}

static void serve(struct server *server, FILE *in, FILE *out)
{
    char line[2048];
    bool data = false, open = answer(server, out, "");
    while (open && fgets(line, sizeof(line), in)) {
        size_t used = strlen(server->said);
        snprintf(server->said + used, sizeof(server->said) - used, "%s", line);
        if (data && strcmp(line, ".\r\n"))
            continue;
        open = answer(server, out, line) && strncmp(line, "QUIT", 4);
        data = !data && !strncmp(line, "DATA", 4) &&
               !strncmp(reply_to(server, line), "354", 3);
    }
}

static void listen_for_ever(void *context)
{
    struct server *server = context;
    int fd;
    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
        server->connections++;
        serve(server, in, out);
        fclose(out);
        fclose(in);
    }
}

static void open_server(struct server *server, const struct row *rows)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    memset(server, 0, sizeof(*server));
    server->rows = rows;
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->fd, (void *)&address, size), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (void *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    uv_thread_create(&server->thread, listen_for_ever, server);
}

static void close_server(struct server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    uv_thread_join(&server->thread);
    close(server->fd);
}

/* Sending ------------------------------------------------------------------ */

struct run {
    uv_loop_t loop;
    struct lun_mail_lane lane;
    atomic_bool stop;
    struct lun_mail_item *done[8]; /* in any order */
    unsigned count;
    bool closed;
};

static void on_item(struct lun_mail_lane *lane, struct lun_mail_item *item)
{
    struct run *run = lane->context;
    if (item)
        run->done[run->count++] = item;
    else
        uv_stop(&run->loop);
}

static void on_closed(struct lun_mail_lane *lane)
{
    ((struct run *)lane->context)->closed = true;
}

static struct lun_mail_item *item_new(const char *options, const char *subject,
                                      const char *recipients,
                                      struct lun_mail_item *next)
{
    char message[512];
    struct lun_mail_item *item = calloc(1, sizeof(*item));
    snprintf(item->id, sizeof(item->id), "0000-%s", subject);
    snprintf(message, sizeof(message),
             "{\"from\":{\"name\":\"\",\"address\":\"me@example.com\"},"
             "\"to\":[],\"subject\":\"%s\",\"text\":\"body\"}",
             subject);
    item->app = strdup("crm");
    item->options = strdup(options);
    item->message = strdup(message);
    item->recipients = strdup(recipients);
    item->refused = strdup("[]");
    item->tries = 1;
    item->next = next;
    return item;
}

static void run_lane(struct run *run, struct lun_mail_item *items)
{
    memset(run, 0, sizeof(*run));
    uv_loop_init(&run->loop);
    assert_true(
        lun_mail_lane_open(&run->lane, &run->loop, &run->stop, on_item, run));
    uv_ref((uv_handle_t *)&run->lane.told);
    assert_true(lun_mail_lane_start(&run->lane, items));
    uv_run(&run->loop, UV_RUN_DEFAULT);
    lun_mail_lane_close(&run->lane, on_closed);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    assert_true(run->closed);
    assert_int_equal(uv_loop_close(&run->loop), 0);
}

static void release(struct run *run)
{
    for (unsigned i = 0; i < run->count; i++)
        lun_mail_item_free(run->done[i]);
}

static void options_of(const struct server *server, char out[128])
{
    snprintf(out, 128, "{\"server\":\"smtp://127.0.0.1:%d\",\"tls\":\"none\"}",
             server->port);
}

/* One message to `recipients` through a server with `rows`. */
static void expect(const struct row *rows, const char *recipients,
                   enum lun_mail_outcome outcome, const char *left,
                   const char *refused, const char *problem)
{
    struct server server;
    struct run run;
    char options[128];
    open_server(&server, rows);
    options_of(&server, options);
    run_lane(&run, item_new(options, "one", recipients, NULL));
    close_server(&server);
    assert_int_equal(run.count, 1);
    struct lun_mail_item *item = run.done[0];
    assert_int_equal(item->outcome, outcome);
    assert_string_equal(lun_buf_str(&item->left), left);
    assert_non_null(strstr(lun_buf_str(&item->refused_now), refused));
    if (!strstr(item->problem, problem))
        fail_msg("'%s', not '%s'", item->problem, problem);
    release(&run);
}

#define GO                                                                     \
    {                                                                          \
        "DATA", "354 go\r\n"                                                   \
    }
#define END                                                                    \
    {                                                                          \
        NULL, NULL                                                             \
    }
#define ANN "[\"ann@example.com\"]"

static void sends_several_over_one_connection(void **state)
{
    const struct row rows[] = {GO, END};
    struct server server;
    struct run run;
    char options[128];
    (void)state;
    open_server(&server, rows);
    options_of(&server, options);
    run_lane(&run, item_new(options, "one", ANN,
                            item_new(options, "two", ANN,
                                     item_new(options, "three", ANN, NULL))));
    close_server(&server);
    assert_int_equal(run.count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(run.done[i]->outcome, LUN_MAIL_SENT);
    assert_int_equal(server.connections, 1);
    assert_non_null(strstr(server.said, "MAIL FROM:<me@example.com>"));
    assert_non_null(strstr(server.said, "RCPT TO:<ann@example.com>"));
    assert_non_null(strstr(server.said, "Message-ID: <0000-two@example.com>"));
    assert_non_null(strstr(server.said, "QUIT"));
    release(&run);
}

static void sorts_recipients_by_their_replies(void **state)
{
    const struct row rows[] = {
        {"RCPT TO:<gone", "550-no\r\n550 5.1.1 not here\r\n"},
        {"RCPT TO:<busy", "450 later\r\n"},
        GO,
        END};
    (void)state;
    expect(rows,
           "[\"gone@example.com\",\"ann@example.com\",\"busy@example.com\"]",
           LUN_MAIL_LATER, "[\"busy@example.com\"]",
           "\"gone@example.com\",\"problem\":\"550 5.1.1 not here\"", "550");
    expect(rows, "[\"gone@example.com\",\"ann@example.com\"]", LUN_MAIL_PARKED,
           "[]", "gone@example.com", "550 5.1.1 not here");
    expect(rows, "[\"gone@example.com\"]", LUN_MAIL_PARKED, "[]",
           "gone@example.com", "550");
    expect(rows, "[\"busy@example.com\"]", LUN_MAIL_LATER,
           "[\"busy@example.com\"]", "[]", "450 later");
}

static void knows_what_is_final(void **state)
{
    const struct row sender[] = {{"MAIL", "553 who?\r\n"}, END};
    const struct row data[] = {{"DATA", "554 no\r\n"}, END};
    const struct row content[] = {GO, {".", "550 spam\r\n"}, END};
    (void)state;
    expect(sender, ANN, LUN_MAIL_PARKED, "[]", "553 who?", "553");
    expect(data, ANN, LUN_MAIL_PARKED, "[]", "554 no", "554");
    expect(content, ANN, LUN_MAIL_PARKED, "[]", "550 spam", "550");
}

static void knows_what_may_pass(void **state)
{
    const struct row greeting[] = {{"", "421 busy\r\n"}, END};
    const struct row closed[] = {{"", NULL}, END};
    const struct row sender[] = {{"MAIL", "451 later\r\n"}, END};
    const struct row content[] = {GO, {".", "452 full\r\n"}, END};
    const struct row cut[] = {GO, {".", NULL}, END};
    (void)state;
    expect(greeting, ANN, LUN_MAIL_LATER, ANN, "[]", "421");
    expect(closed, ANN, LUN_MAIL_LATER, ANN, "[]", "");
    expect(sender, ANN, LUN_MAIL_LATER, ANN, "[]", "451 later");
    expect(content, ANN, LUN_MAIL_LATER, ANN, "[]", "452 full");
    expect(cut, ANN, LUN_MAIL_LATER, ANN, "[]", "");
}

static void leaves_a_silent_server_alone(void **state)
{
    const struct row rows[] = {{"", NULL}, END};
    struct server server;
    struct run run;
    char options[128];
    (void)state;
    open_server(&server, rows);
    options_of(&server, options);
    run_lane(&run, item_new(options, "one", ANN,
                            item_new(options, "two", ANN, NULL)));
    close_server(&server);
    assert_int_equal(run.count, 2);
    assert_int_equal(run.done[0]->silent + run.done[1]->silent, 1);
    assert_int_equal(run.done[0]->outcome, LUN_MAIL_LATER);
    assert_int_equal(run.done[1]->outcome, LUN_MAIL_LATER);
    assert_int_equal(server.connections, 1);
    release(&run);
}

static void refuses_a_server_without_tls(void **state)
{
    const struct row rows[] = {GO, END};
    struct server server;
    struct run run;
    char options[128];
    (void)state;
    open_server(&server, rows);
    snprintf(options, sizeof(options), "{\"server\":\"smtp://127.0.0.1:%d\"}",
             server.port);
    run_lane(&run, item_new(options, "one", ANN, NULL));
    close_server(&server);
    assert_int_equal(run.done[0]->outcome, LUN_MAIL_LATER);
    assert_null(strstr(server.said, "MAIL"));
    release(&run);
}

static void says_which_option_is_wrong(void **state)
{
    static const struct {
        const char *options, *problem;
    } list[] = {
        {"{}", "'server'"},
        {"{\"server\":\"ftp://a\"}", "'server'"},
        {"{\"server\":\"smtp://a@b\"}", "'server'"},
        {"{\"server\":\"smtp://\"}", "'server'"},
        {"[]", "no object"},
        {"{\"server\":\"a\",\"user\":\"u\"}", "'password_env'"},
        {"{\"server\":\"a\",\"user\":\"u\",\"tls\":\"none\"}",
         "not sent without TLS"},
        {"{\"server\":\"a\",\"user\":\"u\",\"password_env\":\"NO_SUCH\"}",
         "no usable 'NO_SUCH'"},
        {"{\"server\":\"a\",\"user\":\"u\",\"password_file\":\"/no/such\"}",
         "cannot be read from '/no/such'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        struct run run;
        run_lane(&run, item_new(list[i].options, "one", ANN, NULL));
        assert_int_equal(run.done[0]->outcome, LUN_MAIL_LATER);
        assert_string_equal(lun_buf_str(&run.done[0]->left), ANN);
        if (!strstr(run.done[0]->problem, list[i].problem))
            fail_msg("%s: '%s'", list[i].options, run.done[0]->problem);
        release(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_several_over_one_connection),
        cmocka_unit_test(sorts_recipients_by_their_replies),
        cmocka_unit_test(knows_what_is_final),
        cmocka_unit_test(knows_what_may_pass),
        cmocka_unit_test(leaves_a_silent_server_alone),
        cmocka_unit_test(refuses_a_server_without_tls),
        cmocka_unit_test(says_which_option_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
