/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/error.h"

#define BACKLOG 1024

/* "Address already in use" reads better inside a sentence in lower case. */
static int fail(const char *host, int port, int number, struct lun_err *err)
{
    char text[128];
    snprintf(text, sizeof(text), "%s", strerror(number));
    if (text[0] >= 'A' && text[0] <= 'Z')
        text[0] = (char)(text[0] - 'A' + 'a');
    return lun_error_set(err, LUN_EIO, "cannot listen on '%s:%d': %s", host,
                         port, text);
}

static int resolve(const char *host, int port, struct addrinfo **out,
                   struct lun_err *err)
{
    char service[16];
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM};
    if (port < 0 || port > 65535)
        return lun_error_set(err, LUN_ECONFIG,
                             "cannot listen on '%s:%d': a port is a number "
                             "from 0 to 65535",
                             host, port);
    snprintf(service, sizeof(service), "%d", port);
    int code = getaddrinfo(host, service, &hints, out);
    if (code)
        return lun_error_set(err, LUN_ECONFIG,
                             "cannot listen on '%s:%d': no such host", host,
                             port);
    return 0;
}

static bool set_on(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/* Opens and binds; -1 with errno. `shared` sockets may have company. */
static int bind_socket(const struct addrinfo *address, bool shared)
{
    int fd = socket(address->ai_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    /* Accepted sockets inherit TCP_NODELAY. */
    if (!set_on(fd, SOL_SOCKET, SO_REUSEADDR) ||
        (shared && !set_on(fd, SOL_SOCKET, SO_REUSEPORT)) ||
        !set_on(fd, IPPROTO_TCP, TCP_NODELAY) ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(name);
    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return -1;
    if (name.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&name)->sin6_port);
    return ntohs(((struct sockaddr_in *)&name)->sin_port);
}

static int open_socket(const char *host, int port, bool shared, int *out_fd,
                       struct lun_err *err)
{
    struct addrinfo *found = NULL;
    int code = resolve(host, port, &found, err);
    if (code)
        return code;
    int fd = -1;
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = bind_socket(at, shared);
    int number = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return fail(host, port, number, err);
    *out_fd = fd;
    return 0;
}

int lun_net_listener_bind(const char *host, int port, int *out_fd,
                          int *out_port, struct lun_err *err)
{
    int fd = -1;
    int code = open_socket(host, port, true, &fd, err);
    if (code)
        return code;
    int got = port_of(fd);
    if (got < 0) {
        code = fail(host, port, errno, err);
        close(fd);
        return code;
    }
    *out_fd = fd;
    if (out_port)
        *out_port = got;
    return 0;
}

int lun_net_listener_probe(const char *host, int port, struct lun_err *err)
{
    int fd = -1;
    int code = open_socket(host, port, false, &fd, err);
    if (code == 0)
        close(fd);
    return code;
}
