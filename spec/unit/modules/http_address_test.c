/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/modules/support.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "core/base/error.h"
#include "modules/http/grant.h"
#include "modules/http/request.h"

static struct sockaddr_storage parse(const char *text)
{
    struct sockaddr_storage out = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (strchr(text, ':')) {
        assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        memcpy(&out, &six, sizeof(six));
    } else {
        assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
        memcpy(&out, &in, sizeof(in));
    }
    return out;
}

static enum lun_fetch_reach reach(const char *text)
{
    struct sockaddr_storage address = parse(text);
    return lun_fetch_address_reach((struct sockaddr *)&address);
}

static void knows_private_addresses(void **state)
{
    static const char *const list[] = {
        "127.0.0.1",       "127.255.0.9", "10.0.0.1",         "172.16.0.1",
        "172.31.9.9",      "192.168.1.1", "100.64.0.1",       "::1",
        "fd00::1",         "fc12::1",     "::ffff:127.0.0.1", "::ffff:10.1.2.3",
        "64:ff9b::a01:203"};
    (void)state;
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (reach(list[i]) != LUN_FETCH_PRIVATE)
            fail_msg("%s", list[i]);
}

static void knows_addresses_that_are_never_meant(void **state)
{
    static const char *const list[] = {"0.0.0.0",
                                       "0.1.2.3",
                                       "169.254.169.254",
                                       "224.0.0.1",
                                       "255.255.255.255",
                                       "240.0.0.1",
                                       "192.0.2.1",
                                       "198.51.100.7",
                                       "203.0.113.1",
                                       "198.18.0.1",
                                       "::",
                                       "fe80::1",
                                       "ff02::1",
                                       "::ffff:0.0.0.0",
                                       "2001:db8::1",
                                       "2002:7f00:1::",
                                       "2001::1",
                                       "64:ff9b::a9fe:a9fe",
                                       "64:ff9b:1::1",
                                       "::7f00:1",
                                       "::ffff:169.254.169.254",
                                       "fec0::1"};
    (void)state;
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (reach(list[i]) != LUN_FETCH_SPECIAL)
            fail_msg("%s", list[i]);
}

static void leaves_the_internet_open(void **state)
{
    static const char *const list[] = {
        "1.1.1.1",     "8.8.8.8",       "172.32.0.1",  "172.15.255.255",
        "100.128.0.1", "192.167.1.1",   "223.255.0.1", "2606:4700::1111",
        "2a00::1",     "::ffff:8.8.8.8"};
    (void)state;
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (reach(list[i]) != LUN_FETCH_PUBLIC)
            fail_msg("%s", list[i]);
}

static bool network_has(const char *network, const char *address)
{
    struct lun_fetch_network parsed;
    struct sockaddr_storage storage = parse(address);
    assert_true(lun_fetch_network_parse(network, &parsed));
    return lun_fetch_network_has(&parsed, (struct sockaddr *)&storage);
}

static void networks_hold_what_they_say(void **state)
{
    struct lun_fetch_network network;
    (void)state;
    assert_true(network_has("10.1.0.0/16", "10.1.255.255"));
    assert_false(network_has("10.1.0.0/16", "10.2.0.0"));
    assert_true(network_has("10.1.2.3", "10.1.2.3"));
    assert_true(network_has("10.1.2.3", "::ffff:10.1.2.3"));
    assert_false(network_has("10.1.2.3", "10.1.2.4"));
    assert_true(network_has("fd12::/12", "fd1f::9"));
    assert_false(network_has("fd12::/12", "fd20::"));
    assert_true(network_has("192.168.1.128/25", "192.168.1.200"));
    assert_false(network_has("192.168.1.128/25", "192.168.1.127"));
    assert_false(network_has("0.0.0.0/0", "fd00::1"));
    assert_false(lun_fetch_network_parse("10.0.0.0/33", &network));
    assert_false(lun_fetch_network_parse("10.0.0/8", &network));
    assert_false(lun_fetch_network_parse("10.0.0.0/", &network));
    assert_false(lun_fetch_network_parse("10.0.0.0/8 ", &network));
    assert_false(lun_fetch_network_parse("api.example.com", &network));
    assert_false(lun_fetch_network_parse("", &network));
}

/* Grants ------------------------------------------------------------------- */

static int check(const char *options, const char *url, struct lun_err *err)
{
    struct lun_fetch_grant grant;
    struct lun_fetch_target target;
    int rc = lun_fetch_grant_read(&grant, options, err);
    if (!rc)
        rc = lun_fetch_target_read(url, &grant, "crm", &target, err);
    if (!rc)
        lun_fetch_target_release(&target);
    lun_fetch_grant_release(&grant);
    return rc;
}

static void allowed(const char *options, const char *url)
{
    struct lun_err err = {0};
    if (check(options, url, &err))
        fail_msg("%s %s: %s", options, url, err.message);
}

static void refused(const char *options, const char *url, const char *why)
{
    struct lun_err err = {0};
    if (!check(options, url, &err))
        fail_msg("%s %s is allowed", options, url);
    if (!strstr(err.message, why))
        fail_msg("%s: '%s', not '%s'", url, err.message, why);
}

static void reaches_the_hosts_of_the_grant_only(void **state)
{
    const char *one = "{\"hosts\":[\"api.example.com\"]}";
    const char *below = "{\"hosts\":[\"*.example.com\"]}";
    const char *port = "{\"hosts\":[\"api.example.com:8443\"]}";
    const char *name = "modules.http.hosts must include 'api.example.org'";
    (void)state;
    allowed(one, "https://api.example.com/a?b=c");
    allowed(one, "HTTPS://API.EXAMPLE.COM");
    allowed(one, "https://api.example.com.:8443/");
    refused(one, "https://api.example.org/", name);
    refused(one, "https://example.com/", "policy must grant app 'crm'");
    refused(one, "https://xapi.example.com/", "must include");
    refused(one, "https://api.example.com.evil.org/", "must include");
    refused(one, "https://evil.org/api.example.com", "must include");
    refused(one, "https://evil.org#api.example.com", "must include");
    refused(one, "https://evil.org?@api.example.com/", "must include");
    refused("", "https://api.example.org/", name);
    refused("{\"hosts\":[]}", "https://api.example.org/", name);
    allowed(below, "https://a.example.com");
    allowed(below, "https://a.b.example.com");
    refused(below, "https://example.com", "must include 'example.com'");
    refused(below, "https://notexample.com", "must include");
    refused(below, "https://.example.com.evil.org", "must include");
    allowed(port, "https://api.example.com:8443/");
    refused(port, "https://api.example.com/", "must include");
    allowed("{\"hosts\":[\"*\"]}", "https://anything.example.net");
    allowed("{\"hosts\":[\"[2606::1]:8443\"]}", "https://[2606::1]:8443/");
    allowed("{\"hosts\":[\"2606::1\"]}", "https://[2606:0::1]/");
}

static void sends_without_tls_only_where_granted(void **state)
{
    const char *one = "{\"hosts\":[\"api.example.com\"]}";
    (void)state;
    refused(one, "http://api.example.com/",
            "policy must grant app 'crm': modules.http.plain must be true");
    allowed("{\"hosts\":[\"api.example.com\"],\"plain\":true}",
            "http://api.example.com/");
    allowed("{\"hosts\":[\"http://api.example.com\"]}",
            "http://api.example.com/");
    refused("{\"hosts\":[\"http://api.example.com\"]}",
            "https://api.example.com/", "must include 'api.example.com'");
    refused("{\"hosts\":[\"https://api.example.com\"],\"plain\":true}",
            "http://api.example.com/", "must include");
}

static void refuses_urls_that_mean_something_else(void **state)
{
    const char *any = "{\"hosts\":[\"*\"],\"plain\":true}";
    (void)state;
    refused(any, "ftp://example.com/", "must begin with https://");
    refused(any, "file:///etc/passwd", "must begin with https://");
    refused(any, "gopher://example.com/_x", "must begin with https://");
    refused(any, "example.com", "must begin with https://");
    refused(any, "//example.com/", "must begin with https://");
    refused(any, "https://user:secret@example.com/", "user name or password");
    refused(any, "https://user@example.com/", "user name or password");
    refused(any, "https://example.com/\r\nHost: evil", "control character");
    refused(any, "https://example.com\\@evil.org/", "backslash");
    refused(any, "https://[fe80::1%25eth0]/", "network interface");
    refused(any, "https://ex%61mple\xc3\xa4.com/", "xn--");
    refused(any, "https:///path", "must begin with https://");
    refused(any, "https://example.com:99999/", "the URL");
}

/* Other spellings of an address become the usual one before hosts are
 * compared. */
static void sees_through_spellings_of_addresses(void **state)
{
    static const char *const spellings[] = {
        "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
        "http://127.1/",      "http://0x7f.1/",     "http://127.0.0.1./",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        struct lun_err err = {0};
        struct lun_fetch_grant grant;
        struct lun_fetch_target target;
        assert_int_equal(
            lun_fetch_grant_read(&grant, "{\"hosts\":[\"http://127.0.0.1\"]}",
                                 &err),
            0);
        if (lun_fetch_target_read(spellings[i], &grant, "crm", &target, &err))
            fail_msg("%s: %s", spellings[i], err.message);
        assert_string_equal(target.host, "127.0.0.1");
        lun_fetch_target_release(&target);
        lun_fetch_grant_release(&grant);
    }
}

static void says_which_option_is_wrong(void **state)
{
    static const struct {
        const char *options, *why;
    } list[] = {
        {"{\"hosts\":\"a\"}", "'hosts' of module http must be a list"},
        {"{\"hosts\":[1]}", "'hosts'"},
        {"{\"hosts\":[\"a b\"]}", "'a b' in the option 'hosts'"},
        {"{\"hosts\":[\"a*.example.com\"]}", "is not a host"},
        {"{\"hosts\":[\"ftp://a\"]}", "is not a host"},
        {"{\"hosts\":[\"a:0\"]}", "is not a host"},
        {"{\"hosts\":[\"a/b\"]}", "is not a host"},
        {"{\"private\":[\"10.0.0.0/40\"]}", "is not a network"},
        {"{\"private\":1}", "'private'"},
        {"{\"plain\":\"yes\"}", "'plain'"},
        {"{\"timeout\":0}", "'timeout'"},
        {"{\"max_response\":-1}", "'max_response'"},
        {"{\"retries\":11}", "'retries'"},
        {"{\"ca\":\"relative.pem\"}", "'ca'"},
        {"{\"connections\":\"many\"}", "'connections'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        refused(list[i].options, "https://example.com", list[i].why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_private_addresses),
        cmocka_unit_test(knows_addresses_that_are_never_meant),
        cmocka_unit_test(leaves_the_internet_open),
        cmocka_unit_test(networks_hold_what_they_say),
        cmocka_unit_test(reaches_the_hosts_of_the_grant_only),
        cmocka_unit_test(sends_without_tls_only_where_granted),
        cmocka_unit_test(refuses_urls_that_mean_something_else),
        cmocka_unit_test(sees_through_spellings_of_addresses),
        cmocka_unit_test(says_which_option_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
