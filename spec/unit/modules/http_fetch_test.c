/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/modules/support.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <libdeflate.h>
#include <netdb.h>
#include <stdatomic.h>

#include "spec/unit/modules/server.h"

/* Names that end with ".slow" resolve only once the test lets them. */
static uv_sem_t resolver;
static atomic_uint resolving;

int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **out)
{
    static int (*real)(const char *, const char *, const struct addrinfo *,
                       struct addrinfo **);
    size_t len = name ? strlen(name) : 0;
    if (len > 5 && !strcmp(name + len - 5, ".slow")) {
        atomic_fetch_add(&resolving, 1);
        uv_sem_wait(&resolver);
        atomic_fetch_sub(&resolving, 1);
        return EAI_NONAME;
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    /* "both.test" has an address of each family. */
    if (!name || strcmp(name, "both.test"))
        return real(name, service, hints, out);
    int rc = real("::1", service, hints, out);
    return rc ? rc : real("127.0.0.1", service, hints, &(*out)->ai_next);
}

#define OK "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

static const char GRANT[] =
    "{\"hosts\":[\"http://127.0.0.1\",\"http://localhost\"],\"private\":true,"
    "\"max_response\":100000}";

struct test {
    struct asker asker;
    struct server server;
    char url[64];
};

/* Answers with what was asked, as a body. */
static void echo(uv_stream_t *client, const char *request)
{
    char head[128];
    snprintf(head, sizeof(head),
             "HTTP/1.1 200 OK\r\ncontent-length: %zu\r\n\r\n", strlen(request));
    server_send(client, head);
    server_send(client, request);
}

static void redirect(struct server *server, uv_stream_t *client, int status,
                     const char *host, const char *path)
{
    char text[256];
    snprintf(text, sizeof(text),
             "HTTP/1.1 %d Moved\r\nlocation: http://%s:%d%s\r\n"
             "content-length: 0\r\n\r\n",
             status, host, server->port, path);
    server_send(client, text);
}

/* A body without an end, in pieces as fast as they are taken. */
static void pour(struct server *server, uv_stream_t *client)
{
    static char piece[60000];
    (void)server;
    memset(piece, 'x', sizeof(piece));
    server_send(client, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 100; i++)
        server_send_bytes(client, piece, sizeof(piece), false);
}

/* Ten million zeros, packed to some 10 kB. */
static void bomb(uv_stream_t *client)
{
    size_t size = 10000000;
    char *zeros = calloc(1, size);
    struct libdeflate_compressor *packer = libdeflate_alloc_compressor(6);
    char *packed = malloc(size);
    size = libdeflate_gzip_compress(packer, zeros, size, packed, size);
    server_send(client, "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n");
    server_send_bytes(client, packed, size, true);
    libdeflate_free_compressor(packer);
    free(packed);
    free(zeros);
}

static void flood_headers(uv_stream_t *client)
{
    server_send(client, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 3000; i++)
        server_send(client, "x-header: 0123456789012345678901234567890\r\n");
}

static void on_request(struct server *server, uv_stream_t *client,
                       const char *request)
{
    if (strstr(request, " /echo"))
        echo(client, request);
    else if (strstr(request, " /silent"))
        return;
    else if (strstr(request, " /endless"))
        pour(server, client);
    else if (strstr(request, " /bomb"))
        bomb(client);
    else if (strstr(request, " /headers"))
        flood_headers(client);
    else if (strstr(request, " /cut")) {
        const char *cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx";
        server_send_bytes(client, cut, strlen(cut), true);
    } else if (strstr(request, " /large"))
        server_send(client,
                    "HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n");
    else if (strstr(request, " /closed"))
        server_close_client(client);
    else if (strstr(request, " /busy-twice") && server->requests < 3)
        server_send(client, "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
    else if (strstr(request, " /busy-later"))
        server_send(client, "HTTP/1.1 503 Busy\r\nretry-after: 3600\r\n"
                            "content-length: 0\r\n\r\n");
    else if (strstr(request, " /moved-off"))
        redirect(server, client, 302, "localhost", "/echo");
    else if (strstr(request, " /moved-out"))
        redirect(server, client, 302, "192.168.255.254", "/");
    else if (strstr(request, " /moved-307"))
        redirect(server, client, 307, "127.0.0.1", "/echo");
    else if (strstr(request, " /moved-303"))
        redirect(server, client, 303, "127.0.0.1", "/echo");
    else if (strstr(request, " /loop"))
        redirect(server, client, 302, "127.0.0.1", "/loop");
    else if (strstr(request, " /file"))
        server_send(client, "HTTP/1.1 302 Found\r\nlocation: "
                            "file:///etc/passwd\r\ncontent-length: 0\r\n\r\n");
    else if (strstr(request, " /cookies"))
        server_send(client,
                    "HTTP/1.1 100 Continue\r\nx-early: 1\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"
                    "X-List: 1\r\nx-list: 2\r\ncontent-length: 0\r\n\r\n");
    else
        server_send(client, OK);
}

static int open_test(void **state)
{
    struct test *test = calloc(1, sizeof(*test));
    asker_open(&test->asker, "http");
    server_open(&test->server, &test->asker.loop, on_request);
    snprintf(test->url, sizeof(test->url), "http://127.0.0.1:%d",
             test->server.port);
    *state = test;
    return 0;
}

static int close_test(void **state)
{
    struct test *test = *state;
    server_close(&test->server);
    asker_close(&test->asker);
    free(test);
    return 0;
}

/* The request `{ method = ..., url = URL/path, <rest> }`. */
static const char *request(const struct test *test, const char *method,
                           const char *path, const char *rest)
{
    static char text[4096];
    snprintf(text, sizeof(text), "{ method = '%s', url = '%s%s', %s }", method,
             test->url, path, rest);
    return text;
}

static void gives_status_headers_and_body(void **state)
{
    struct test *test = *state;
    answers(&test->asker, GRANT, request(test, "GET", "/", ""),
            "r.status == 200 and r.body == 'ok' and"
            " r.headers['content-length'] == '2'");
    answers(&test->asker, GRANT, request(test, "HEAD", "/", ""),
            "r.status == 200 and r.body == ''");
    answers(&test->asker, GRANT, request(test, "HEAD", "/large", ""),
            "r.status == 200 and r.headers['content-length'] == '100001'");
    answers(&test->asker, GRANT, request(test, "GET", "/cookies", ""),
            "r.headers['set-cookie'][2] == 'b=2' and r.headers['x-list'] =="
            " '1, 2' and not r.headers['x-early']");
}

static void sends_what_was_asked(void **state)
{
    struct test *test = *state;
    answers(&test->asker, GRANT,
            request(test, "POST", "/echo?q=1",
                    "body = 'name=x', headers = {{'X-One', 'a'}, {'X-None', "
                    "''}, {'Content-Type', 'text/plain'}}"),
            "r.body:find('^POST /echo%?q=1 HTTP/1.1\\r\\n') and"
            " r.body:find('\\r\\nX%-One: a\\r\\n') and"
            " r.body:find('\\r\\nX%-None:\\r\\n') and"
            " r.body:find('\\r\\nContent%-Type: text/plain\\r\\n') and"
            " r.body:find('\\r\\nUser%-Agent: lunette/') and"
            " r.body:find('\\r\\ntraceparent: 00%-0af76519') and"
            " r.body:find('\\r\\n\\r\\nname=x$') and"
            " not r.body:find('Expect')");
    answers(&test->asker, GRANT, request(test, "PUT", "/echo", ""),
            "r.body:find('^PUT /echo') and r.body:find('Content%-Length: 0')"
            " and not r.body:find('Content%-Type')");
    answers(&test->asker, GRANT, request(test, "DELETE", "/echo", ""),
            "r.body:find('^DELETE /echo') and"
            " not r.body:find('Content%-Length')");
    assert_true(test->asker.outgoing > 300);
}

static void refuses_headers_that_break_the_line(void **state)
{
    struct test *test = *state;
    struct asker *asker = &test->asker;
    refuses(asker, GRANT,
            request(test, "GET", "/", "headers = {{'X-A', 'a\\r\\nX-B: b'}}"),
            "the header 'X-A' holds a line end");
    refuses(asker, GRANT,
            request(test, "GET", "/", "headers = {{'X-A', 'a\\nb'}}"),
            "line end");
    refuses(asker, GRANT,
            request(test, "GET", "/", "headers = {{'X-A', 'a\\0b'}}"),
            "line end");
    refuses(asker, GRANT,
            request(test, "GET", "/", "headers = {{'X-A: b\\r\\nX', 'a'}}"),
            "the name of a header");
    refuses(asker, GRANT, request(test, "GET", "/", "headers = {{'', 'a'}}"),
            "the name of a header");
    refuses(asker, GRANT,
            request(test, "GET", "/", "headers = {{'Host', 'evil'}}"),
            "the header 'Host' is set by the host");
    refuses(asker, GRANT,
            request(test, "GET", "/",
                    "headers = {{'Transfer-Encoding', 'chunked'}}"),
            "is set by the host");
    refuses(asker, GRANT, request(test, "GE T", "/", ""), "the method must be");
    refuses(asker, GRANT, request(test, "GET", "/\\r\\nX: y", ""),
            "control character");
    refuses(asker, GRANT, "{ method = 'GET', url = 5 }", "must be a text");
    refuses(asker, GRANT, "5", "must be a table");
    assert_int_equal(test->server.requests, 0);
}

static void refuses_what_was_not_granted(void **state)
{
    struct test *test = *state;
    struct asker *asker = &test->asker;
    refuses(asker, "{\"hosts\":[\"api.example.com\"]}",
            request(test, "GET", "/", ""),
            "policy must grant app 'crm': modules.http.hosts must include "
            "'http://127.0.0.1'");
    refuses(asker, "{\"hosts\":[\"http://127.0.0.1\"],\"methods\":[\"GET\"]}",
            request(test, "DELETE", "/", ""),
            "policy must grant app 'crm': modules.http.methods must include "
            "'DELETE'");
    refuses(asker, "{\"hosts\":[\"http://127.0.0.1\"]}",
            request(test, "GET", "/", ""),
            "policy must grant app 'crm': modules.http.private must include "
            "'127.0.0.1'");
    refuses(asker,
            "{\"hosts\":[\"http://127.0.0.1\"],\"private\":[\"10.0.0.0/8\"]}",
            request(test, "GET", "/", ""), "modules.http.private must include");
    assert_int_equal(test->server.connections, 0);
    answers(asker,
            "{\"hosts\":[\"http://127.0.0.1\"],\"private\":[\"127.0.0.0/8\"]}",
            request(test, "GET", "/", ""), "r.status == 200");
}

/* The name is public, the address is not: what counts is the address. */
static void refuses_a_name_that_leads_to_a_private_address(void **state)
{
    struct test *test = *state;
    char lua[128];
    snprintf(lua, sizeof(lua),
             "{ method = 'GET', url = 'http://localhost:%d/' }",
             test->server.port);
    refuses(&test->asker, "{\"hosts\":[\"http://localhost\"]}", lua,
            "modules.http.private must include");
    refuses(&test->asker, "{\"hosts\":[\"*\"],\"plain\":true}",
            "{ method = 'GET', url = 'http://0.0.0.0:1/' }",
            "modules.http.private must include '0.0.0.0', a reserved");
    refuses(&test->asker, GRANT,
            "{ method = 'GET', url = 'http://[::ffff:127.0.0.1]:1/' }",
            "modules.http.hosts must include");
    refuses(&test->asker, "{\"hosts\":[\"*\"],\"plain\":true}",
            "{ method = 'GET', url = 'http://[::ffff:127.0.0.1]:1/' }",
            "modules.http.private must include");
    assert_int_equal(test->server.connections, 0);
}

static void takes_the_address_that_is_granted_of_several(void **state)
{
    struct test *test = *state;
    char lua[128];
    snprintf(lua, sizeof(lua),
             "{ method = 'GET', url = 'http://both.test:%d/', retries = 0 }",
             test->server.port);
    answers(&test->asker,
            "{\"hosts\":[\"http://both.test\"],\"private\":[\"127.0.0.1\"]}",
            lua, "r.status == 200");
    refuses(&test->asker,
            "{\"hosts\":[\"http://both.test\"],\"private\":[\"10.0.0.1\"]}",
            lua, "modules.http.private must include");
    refuses(&test->asker,
            "{\"hosts\":[\"http://both.test\"],\"private\":[\"::1\"]}", lua,
            "policy must grant app 'crm'");
    assert_int_equal(test->server.connections, 1);
}

static void ends_answers_that_are_too_large(void **state)
{
    struct test *test = *state;
    struct asker *asker = &test->asker;
    const char *limit = "a body larger than max_response (100000 bytes)";
    refuses(asker, GRANT, request(test, "GET", "/endless", ""), limit);
    refuses(asker, GRANT, request(test, "GET", "/large", ""), limit);
    refuses(asker, GRANT, request(test, "GET", "/bomb", ""), limit);
    refuses(asker, GRANT, request(test, "GET", "/headers", ""),
            "more than 64 KiB of headers");
    assert_int_equal(test->server.requests, 4);
}

static void ends_what_takes_too_long(void **state)
{
    struct test *test = *state;
    struct asker *asker = &test->asker;
    refuses(asker, GRANT,
            request(test, "GET", "/silent", "timeout = 0.05, retries = 0"),
            "no whole answer within 0.05 s");
    asker->deadline_ms = 100;
    refuses(asker, GRANT, request(test, "GET", "/silent", "timeout = 9"),
            "no whole answer within");
    asker->deadline_ms = 0;
    refuses(asker, GRANT, request(test, "GET", "/", ""),
            "no time is left in this request");
}

static void tries_again_what_may_be_repeated(void **state)
{
    struct test *test = *state;
    struct asker *asker = &test->asker;
    answers(asker, GRANT, request(test, "GET", "/busy-twice", ""),
            "r.status == 200");
    assert_int_equal(test->server.requests, 3);
    test->server.requests = 0;
    answers(asker, GRANT, request(test, "POST", "/busy-twice", "body = 'x'"),
            "r.status == 503");
    assert_int_equal(test->server.requests, 1);
    test->server.requests = 0;
    answers(asker, GRANT,
            request(test, "POST", "/busy-twice", "body = 'x', retries = 2"),
            "r.status == 200");
    assert_int_equal(test->server.requests, 3);
    test->server.requests = 0;
    refuses(asker, GRANT, request(test, "GET", "/closed", "retries = 1"),
            "http://127.0.0.1");
    assert_true(test->server.requests >= 2);
    test->server.requests = 0;
    answers(asker, GRANT, request(test, "GET", "/busy-twice", "retries = 0"),
            "r.status == 503");
    refuses(asker, GRANT, request(test, "GET", "/cut", "retries = 0"),
            "http: http://127.0.0.1");
}

/* The server asks for an hour, which the request does not have. */
static void does_not_try_again_before_the_server_wants(void **state)
{
    struct test *test = *state;
    answers(&test->asker, GRANT, request(test, "GET", "/busy-later", ""),
            "r.status == 503 and r.headers['retry-after'] == '3600'");
    assert_int_equal(test->server.requests, 1);
}

static void follows_redirects_only_where_asked(void **state)
{
    struct test *test = *state;
    struct asker *asker = &test->asker;
    answers(asker, GRANT, request(test, "GET", "/moved-307", ""),
            "r.status == 307 and r.headers.location:find('/echo$')");
    answers(asker, GRANT,
            request(test, "POST", "/moved-307", "body = 'x', redirects = 1"),
            "r.body:find('^POST /echo') and r.body:find('\\r\\n\\r\\nx$') and"
            " r.url:find('/echo$')");
    answers(asker, GRANT,
            request(test, "POST", "/moved-303",
                    "body = 'x', redirects = 1, headers = {{'Content-Type',"
                    "'a/b'}}"),
            "r.body:find('^GET /echo') and not r.body:find('Content')");
    refuses(asker, GRANT, request(test, "GET", "/loop", "redirects = 4"),
            "too many redirects");
}

static void checks_where_a_redirect_leads(void **state)
{
    struct test *test = *state;
    struct asker *asker = &test->asker;
    refuses(asker, GRANT, request(test, "GET", "/moved-out", "redirects = 3"),
            "modules.http.hosts must include 'http://192.168.255.254'"
            " (after a redirect)");
    refuses(asker,
            "{\"hosts\":[\"*\"],\"plain\":true,\"private\":[\"127.0.0.1\"]}",
            request(test, "GET", "/moved-out", "redirects = 3"),
            "modules.http.private must include '192.168.255.254'");
    refuses(asker, GRANT, request(test, "GET", "/file", "redirects = 3"),
            "must begin with https:// or http://");
}

static void keeps_secrets_from_other_origins(void **state)
{
    struct test *test = *state;
    const char *headers = "redirects = 2, headers = {{'Authorization', 's'},"
                          " {'Cookie', 's'}, {'X-Api-Key', 's'},"
                          " {'Accept', 'a/b'}}";
    answers(&test->asker, GRANT, request(test, "GET", "/moved-off", headers),
            "not r.body:find('uthorization') and not r.body:find('ookie') and"
            " not r.body:find('Api') and r.body:find('Accept: a/b')");
    answers(&test->asker, GRANT, request(test, "GET", "/moved-307", headers),
            "r.body:find('Authorization: s') and r.body:find('X%-Api%-Key')");
}

static void uses_connections_again_but_not_those_of_other_apps(void **state)
{
    struct test *test = *state;
    struct asker *asker = &test->asker;
    struct outcome other;
    for (int i = 0; i < 10; i++)
        answers(asker, GRANT, request(test, "GET", "/", ""), "r.status == 200");
    assert_int_equal(test->server.connections, 1);
    asker_begin(asker, &other, "hr", GRANT, request(test, "GET", "/", ""));
    asker_wait(asker);
    assert_true(other.answer.len > 0);
    outcome_release(&other);
    assert_int_equal(test->server.connections, 2);
}

static void bounds_the_connections_of_a_thousand_requests(void **state)
{
    enum { COUNT = 1000 };
    struct test *test = *state;
    struct outcome *list = calloc(COUNT, sizeof(*list));
    for (int i = 0; i < COUNT; i++)
        asker_begin(&test->asker, &list[i], "crm",
                    "{\"hosts\":[\"http://127.0.0.1\"],\"private\":true,"
                    "\"connections\":20}",
                    request(test, "GET", "/", ""));
    asker_wait(&test->asker);
    for (int i = 0; i < COUNT; i++) {
        assert_string_equal(list[i].refusal, "");
        outcome_release(&list[i]);
    }
    assert_int_equal(test->server.requests, COUNT);
    assert_true(test->server.most <= 20);
    free(list);
}

static void bounds_what_a_request_sends(void **state)
{
    struct test *test = *state;
    test->asker.max_outgoing = 1000;
    answers(&test->asker, GRANT, request(test, "POST", "/", "body = 'x'"),
            "r.status == 200");
    refuses(&test->asker, GRANT,
            request(test, "POST", "/", "body = ('x'):rep(900)"),
            "(1000 bytes, limit 'outgoing')");
    assert_int_equal(test->server.requests, 1);
}

static void ends_what_nobody_waits_for(void **state)
{
    struct test *test = *state;
    struct outcome waiting;
    asker_begin(&test->asker, &waiting, "crm", GRANT,
                request(test, "GET", "/silent", ""));
    while (!test->server.requests)
        uv_run(&test->asker.loop, UV_RUN_ONCE);
    assert_int_equal(test->server.open, 1);
    test->asker.module->cancel(&waiting.ask);
    assert_true(waiting.over);
    while (test->server.open)
        uv_run(&test->asker.loop, UV_RUN_ONCE);
    outcome_release(&waiting);
}

/* Whoever waits for the resolver here waits for ever. */
static void does_not_wait_for_names_that_resolve_slowly(void **state)
{
    struct test *test = *state;
    const char *any = "{\"hosts\":[\"*\"]}";
    struct outcome outcome;
    refuses(&test->asker, any,
            "{ method = 'GET', url = 'https://one.slow/', timeout = 0.05,"
            " retries = 0 }",
            "no whole answer within 0.05 s");
    asker_begin(&test->asker, &outcome, "crm", any,
                "{ method = 'GET', url = 'https://two.slow/' }");
    while (atomic_load(&resolving) < 2)
        uv_run(&test->asker.loop, UV_RUN_NOWAIT);
    asker_stop(&test->asker);
    assert_non_null(strstr(outcome.refusal, "the worker ends"));
    outcome_release(&outcome);
    test->asker.state = test->asker.module->start(&test->asker.host);
    uv_sem_post(&resolver);
    uv_sem_post(&resolver);
    while (atomic_load(&resolving))
        uv_sleep(1);
}

static void refuses_what_is_under_way_when_the_worker_ends(void **state)
{
    struct test *test = *state;
    struct outcome waiting, unresolved;
    asker_begin(&test->asker, &waiting, "crm", GRANT,
                request(test, "GET", "/silent", ""));
    while (!test->server.requests)
        uv_run(&test->asker.loop, UV_RUN_ONCE);
    asker_begin(&test->asker, &unresolved, "crm", "{\"hosts\":[\"*\"]}",
                "{ method = 'GET', url = 'https://example.invalid/' }");
    asker_stop(&test->asker);
    assert_non_null(strstr(waiting.refusal, "the worker ends"));
    assert_non_null(strstr(unresolved.refusal, "the worker ends"));
    outcome_release(&waiting);
    outcome_release(&unresolved);
    test->asker.state = test->asker.module->start(&test->asker.host);
}

static void names_what_failed(void **state)
{
    struct test *test = *state;
    refuses(&test->asker, "{\"hosts\":[\"http://127.0.0.1\"],\"private\":true}",
            "{ method = 'GET', url = 'http://127.0.0.1:1/', retries = 0 }",
            "http: http://127.0.0.1:1: Failed to connect");
    refuses(&test->asker, "{\"hosts\":[\"*\"]}",
            "{ method = 'GET', url = 'https://name.invalid/', retries = 0 }",
            "http: https://name.invalid: Could not resolve host");
    refuses(&test->asker, "{\"hosts\":1}", request(test, "GET", "/", ""),
            "http: the option 'hosts' of module http must be a list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)
        TEST(gives_status_headers_and_body),
        TEST(sends_what_was_asked),
        TEST(refuses_headers_that_break_the_line),
        TEST(refuses_what_was_not_granted),
        TEST(refuses_a_name_that_leads_to_a_private_address),
        TEST(takes_the_address_that_is_granted_of_several),
        TEST(ends_answers_that_are_too_large),
        TEST(ends_what_takes_too_long),
        TEST(tries_again_what_may_be_repeated),
        TEST(does_not_try_again_before_the_server_wants),
        TEST(follows_redirects_only_where_asked),
        TEST(checks_where_a_redirect_leads),
        TEST(keeps_secrets_from_other_origins),
        TEST(uses_connections_again_but_not_those_of_other_apps),
        TEST(bounds_the_connections_of_a_thousand_requests),
        TEST(bounds_what_a_request_sends),
        TEST(ends_what_nobody_waits_for),
        TEST(does_not_wait_for_names_that_resolve_slowly),
        TEST(refuses_what_is_under_way_when_the_worker_ends),
        TEST(names_what_failed),
    };
    uv_sem_init(&resolver, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
