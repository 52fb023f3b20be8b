/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/http/multi.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/base/error.h"

struct lun_fetch_multi {
    CURLM *curl;
    uv_loop_t *loop;
    uv_timer_t timer;
    unsigned handles; /* of libuv, not closed yet */
    unsigned driving; /* calls of libcurl on the C stack */
    bool ending;      /* frees itself when the last handle is closed */
    bool cleaned;
    void (*closed)(void *context);
    void *context;
};

/* A socket that libcurl watches. */
struct watch {
    uv_poll_t poll;
    struct lun_fetch_multi *multi;
    curl_socket_t fd;
};

/* Ending ------------------------------------------------------------------- */

static void handle_closed(struct lun_fetch_multi *multi)
{
    multi->handles--;
    if (multi->handles || !multi->ending)
        return;
    void (*closed)(void *) = multi->closed;
    void *context = multi->context;
    free(multi);
    if (closed)
        closed(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct lun_fetch_multi *multi = watch->multi;
    free(watch);
    handle_closed(multi);
}

/* Not while libcurl is on the stack: it would return into freed memory. */
static void clean_up(struct lun_fetch_multi *multi)
{
    if (!multi->ending || multi->driving || multi->cleaned)
        return;
    multi->cleaned = true;
    curl_multi_cleanup(multi->curl);
    uv_close((uv_handle_t *)&multi->timer, on_timer_closed);
}

/* Driving ------------------------------------------------------------------ */

static void deliver(struct lun_fetch_multi *multi)
{
    CURLMsg *message;
    int left;
    while (!multi->cleaned &&
           (message = curl_multi_info_read(multi->curl, &left))) {
        struct lun_fetch_transfer *transfer;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
                          (char **)&transfer);
        curl_multi_remove_handle(multi->curl, transfer->easy);
        transfer->done(transfer->context, code);
    }
}

static void drive(struct lun_fetch_multi *multi, curl_socket_t fd, int flags)
{
    int running;
    multi->driving++;
    curl_multi_socket_action(multi->curl, fd, flags, &running);
    deliver(multi);
    multi->driving--;
    clean_up(multi);
}

static void on_timer(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    const struct watch *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    drive(watch->multi, watch->fd, flags);
}

/* What libcurl asks of the loop -------------------------------------------- */

static int set_timer(CURLM *curl, long timeout_ms, void *context)
{
    struct lun_fetch_multi *multi = context;
    (void)curl;
    if (multi->cleaned)
        return 0;
    if (timeout_ms < 0)
        uv_timer_stop(&multi->timer);
    else
        uv_timer_start(&multi->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static struct watch *watch_new(struct lun_fetch_multi *multi, curl_socket_t fd)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch || uv_poll_init_socket(multi->loop, &watch->poll, fd)) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->multi = multi;
    watch->fd = fd;
    multi->handles++;
    curl_multi_assign(multi->curl, fd, watch);
    return watch;
}

static int set_watch(CURL *easy, curl_socket_t fd, int what, void *context,
                     void *assigned)
{
    struct lun_fetch_multi *multi = context;
    struct watch *watch = assigned;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch) {
            curl_multi_assign(multi->curl, fd, NULL);
            uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
        }
        return 0;
    }
    if (!watch && !(watch = watch_new(multi, fd)))
        return -1;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) |
                 (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, on_ready) ? -1 : 0;
}

/* Interface ---------------------------------------------------------------- */

static void set_options(struct lun_fetch_multi *multi, unsigned connections)
{
    CURLM *curl = multi->curl;
    curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, set_watch);
    curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi);
    curl_multi_setopt(curl, CURLMOPT_MAXCONNECTS, (long)connections);
    curl_multi_setopt(curl, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
}

struct lun_fetch_multi *lun_fetch_multi_new(uv_loop_t *loop,
                                            unsigned connections)
{
    struct lun_fetch_multi *multi = calloc(1, sizeof(*multi));
    if (!multi)
        return NULL;
    multi->curl = curl_multi_init();
    if (!multi->curl) {
        free(multi);
        return NULL;
    }
    multi->loop = loop;
    uv_timer_init(loop, &multi->timer);
    multi->timer.data = multi;
    multi->handles = 1;
    set_options(multi, connections);
    return multi;
}

int lun_fetch_multi_add(struct lun_fetch_multi *multi,
                        struct lun_fetch_transfer *transfer)
{
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    CURLMcode code = curl_multi_add_handle(multi->curl, transfer->easy);
    return code == CURLM_OK ? 0 : LUN_EMEMORY;
}

void lun_fetch_multi_remove(struct lun_fetch_multi *multi,
                            struct lun_fetch_transfer *transfer)
{
    curl_multi_remove_handle(multi->curl, transfer->easy);
}

void lun_fetch_multi_close(struct lun_fetch_multi *multi,
                           void (*closed)(void *context), void *context)
{
    multi->closed = closed;
    multi->context = context;
    multi->ending = true;
    clean_up(multi);
}
