/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/net/listener.h"

static int connect_to(int port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void opens_on_a_free_port_and_listens(void **state)
{
    (void)state;
    int fd = -1, port = 0;
    struct lun_err err;
    assert_int_equal(lun_net_listener_bind("127.0.0.1", 0, &fd, &port, &err),
                     0);
    assert_in_range(port, 1, 65535);
    int client = connect_to(port);
    assert_true(client >= 0);
    close(client);
    close(fd);
    assert_int_equal(connect_to(port), -1);
}

static void accepts_a_name_and_ipv6(void **state)
{
    (void)state;
    int fd = -1, port = 0;
    struct lun_err err;
    assert_int_equal(lun_net_listener_bind("localhost", 0, &fd, NULL, &err), 0);
    close(fd);
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 name = {.sin6_family = AF_INET6,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    if (probe < 0 || bind(probe, (struct sockaddr *)&name, sizeof(name)) != 0)
        skip();
    close(probe);
    assert_int_equal(lun_net_listener_bind("::1", 0, &fd, &port, &err), 0);
    assert_in_range(port, 1, 65535);
    close(fd);
}

static void gives_descriptors_that_do_not_leak_or_block(void **state)
{
    (void)state;
    int fd = -1, on = 0;
    socklen_t len = sizeof(on);
    assert_int_equal(lun_net_listener_bind("127.0.0.1", 0, &fd, NULL, NULL), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_true(on);
    close(fd);
}

static void lets_worker_slots_share_a_port(void **state)
{
    (void)state;
    int first = -1, second = -1, port = 0, same = 0;
    struct lun_err err;
    assert_int_equal(lun_net_listener_bind("127.0.0.1", 0, &first, &port, &err),
                     0);
    assert_int_equal(
        lun_net_listener_bind("127.0.0.1", port, &second, &same, &err), 0);
    assert_int_equal(port, same);
    close(first);
    /* What the second slot holds still serves. */
    int client = connect_to(port);
    assert_true(client >= 0);
    close(client);
    close(second);
}

static void probe_sees_a_port_in_use_that_bind_would_share(void **state)
{
    (void)state;
    int fd = -1, port = 0;
    struct lun_err err;
    char want[128];
    assert_int_equal(lun_net_listener_bind("127.0.0.1", 0, &fd, &port, &err),
                     0);
    assert_int_equal(lun_net_listener_probe("127.0.0.1", port, &err), LUN_EIO);
    snprintf(want, sizeof(want),
             "cannot listen on '127.0.0.1:%d': address already in use", port);
    assert_string_equal(err.message, want);
    close(fd);
    assert_int_equal(lun_net_listener_probe("127.0.0.1", port, &err), 0);
}

static void says_what_is_wrong_with_an_address(void **state)
{
    (void)state;
    int fd = 77, port = 88;
    struct lun_err err;
    assert_int_equal(
        lun_net_listener_bind("127.0.0.1", 70000, &fd, &port, &err),
        LUN_ECONFIG);
    assert_string_equal(err.message,
                        "cannot listen on '127.0.0.1:70000': a port is a "
                        "number from 0 to 65535");
    assert_int_equal(lun_net_listener_bind("no such", 1, &fd, &port, &err),
                     LUN_ECONFIG);
    assert_string_equal(err.message,
                        "cannot listen on 'no such:1': no such host");
    assert_int_equal(lun_net_listener_bind("192.0.2.1", 1024, &fd, &port, &err),
                     LUN_EIO);
    assert_string_equal(err.message,
                        "cannot listen on '192.0.2.1:1024': cannot "
                        "assign requested address");
    assert_int_equal(fd, 77);
    assert_int_equal(port, 88);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_on_a_free_port_and_listens),
        cmocka_unit_test(accepts_a_name_and_ipv6),
        cmocka_unit_test(gives_descriptors_that_do_not_leak_or_block),
        cmocka_unit_test(lets_worker_slots_share_a_port),
        cmocka_unit_test(probe_sees_a_port_in_use_that_bind_would_share),
        cmocka_unit_test(says_what_is_wrong_with_an_address),
    };
    return cmocka_run_group_tests_name("net/listener", tests, NULL, NULL);
}
