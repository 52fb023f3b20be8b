/*
 * core/config/console.c - what the supervisor tells the person who started it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config/console.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* what a writable pipe takes without blocking */

static bool step_shown;
static int tee_fd = -1;
static int out_fd = 1;

static void put(int fd, const char *text, size_t len)
{
    struct pollfd ask = {.fd = fd, .events = POLLOUT};
    if (poll(&ask, 1, 100) == 1 && (ask.revents & POLLOUT) != 0) {
        ssize_t sent = write(fd, text, len);
        (void)sent; /* nobody is left to tell */
    }
}

static void put_line(int fd, const char *before, const char *format,
                     va_list args)
{
    char line[LINE_MAX_BYTES];
    size_t len = 0;
    if (step_shown) {
        len = (size_t)snprintf(line, sizeof line, "\r\033[K");
        step_shown = false;
    }
    len += (size_t)snprintf(line + len, sizeof line - len, "%s", before);
    int wrote = vsnprintf(line + len, sizeof line - len - 1, format, args);
    size_t room = sizeof line - len - 2;
    len += wrote < 0 ? 0 : (size_t)wrote > room ? room : (size_t)wrote;
    line[len++] = '\n';
    put(fd, line, len);
    if (tee_fd >= 0) {
        put(tee_fd, line, len);
    }
}

void lun_console_tee(int fd)
{
    tee_fd = fd;
}

void lun_console_use_stderr(void)
{
    out_fd = 2;
}

void lun_console_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(out_fd, "", format, args);
    va_end(args);
}

void lun_console_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(2, "lunette: ", format, args);
    va_end(args);
}

void lun_console_step(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (isatty(out_fd) == 0) {
        put_line(out_fd, "", format, args);
    } else {
        char line[256];
        char text[200];
        (void)vsnprintf(text, sizeof text, format, args);
        int len = snprintf(line, sizeof line, "\r\033[K%s ...", text);
        put(out_fd, line, len > 0 ? (size_t)len : 0);
        step_shown = true;
    }
    va_end(args);
}
