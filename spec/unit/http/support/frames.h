/*
 * spec/unit/http/support/frames.h - an HTTP/2 client that may misbehave.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Frames are written by hand and header blocks without compression, so that
 * every byte is the test's; what comes back is read by nghttp2's inflater.
 */
#pragma once

#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>

#include "spec/unit/http/support/wire.h"

#define STREAMS_MAX 2048

/* What came for one stream. */
struct got {
    int status;
    size_t len; /* of the body */
    char body[256];
    char fields[1024]; /* "name: value\n" */
    bool ended;
    int reset; /* its reason, -1: none */
};

struct peer {
    struct fixture *f;
    int fd;
    nghttp2_hd_inflater *inflater;
    char in[1 << 18];
    size_t in_len;
    struct got got[STREAMS_MAX]; /* by (stream - 1) / 2 */
    int goaway;                  /* the last reason, -1: none */
    unsigned goaways;
    unsigned pings, acks, settings;
    uint32_t setting[16]; /* by id */
    bool closed;
};

static inline struct got *stream(struct peer *p, int id)
{
    assert_in_range((id - 1) / 2, 0, STREAMS_MAX - 1);
    return &p->got[(id - 1) / 2];
}

static inline void put(struct peer *p, const void *data, size_t len)
{
    const char *at = data;
    uint64_t end = lun_clock_monotonic_ns() + 2000000000;
    while (len && lun_clock_monotonic_ns() < end) {
        ssize_t done = send(p->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done < 0 && errno != EAGAIN)
            return; /* a server that has had enough */
        if (done < 0) {
            turn(p->f);
            continue;
        }
        at += done;
        len -= (size_t)done;
    }
}

static inline void write_uint32(unsigned char *out, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(number >> (24 - 8 * i));
}

static inline void frame(struct peer *p, int type, int flags, int id,
                         const void *payload, size_t len)
{
    unsigned char head[9];
    write_uint32(head, (uint32_t)len << 8);
    head[3] = (unsigned char)type;
    head[4] = (unsigned char)flags;
    write_uint32(head + 5, (uint32_t)id);
    put(p, head, sizeof(head));
    put(p, payload, len);
}

static inline void frame_uint32(struct peer *p, int type, int id,
                                uint32_t number)
{
    unsigned char payload[4];
    write_uint32(payload, number);
    frame(p, type, 0, id, payload, sizeof(payload));
}

/* Header blocks */

struct block {
    unsigned char data[1 << 17];
    size_t len;
};

static inline void field(struct block *b, const char *name, const char *value)
{
    const char *texts[] = {name, value};
    assert_true(b->len + strlen(name) + strlen(value) + 16 < sizeof(b->data));
    b->data[b->len++] = 0;
    for (int i = 0; i < 2; i++) {
        size_t len = strlen(texts[i]);
        size_t rest = len < 127 ? 0 : len - 127;
        b->data[b->len++] = (unsigned char)(len < 127 ? len : 127);
        for (; len >= 127 && rest >= 128; rest /= 128)
            b->data[b->len++] = (unsigned char)(rest % 128 | 128);
        if (len >= 127)
            b->data[b->len++] = (unsigned char)rest;
        memcpy(b->data + b->len, texts[i], len);
        b->len += len;
    }
}

static inline void head(struct block *b, const char *method, const char *path)
{
    b->len = 0;
    field(b, ":method", method);
    field(b, ":scheme", "http");
    field(b, ":path", path);
    field(b, ":authority", "a");
}

#define END_STREAM NGHTTP2_FLAG_END_STREAM
#define END_HEADERS NGHTTP2_FLAG_END_HEADERS

static inline void send_block(struct peer *p, int id, const struct block *b,
                              int flags)
{
    size_t max = 16384, len = b->len < max ? b->len : max;
    int whole = b->len <= max ? END_HEADERS : 0;
    frame(p, NGHTTP2_HEADERS, (flags & END_STREAM) | whole, id, b->data, len);
    for (size_t at = len; at < b->len; at += len) {
        len = b->len - at < max ? b->len - at : max;
        frame(p, NGHTTP2_CONTINUATION, at + len == b->len ? END_HEADERS : 0, id,
              b->data + at, len);
    }
}

static inline void get(struct peer *p, int id, const char *path)
{
    static struct block b;
    head(&b, "GET", path);
    send_block(p, id, &b, END_STREAM);
}

static inline void post(struct peer *p, int id, const char *path,
                        const char *body)
{
    static struct block b;
    head(&b, "POST", path);
    send_block(p, id, &b, 0);
    frame(p, NGHTTP2_DATA, END_STREAM, id, body, strlen(body));
}

static inline void window(struct peer *p, int id, uint32_t more)
{
    frame_uint32(p, NGHTTP2_WINDOW_UPDATE, id, more);
}

static inline void reset(struct peer *p, int id)
{
    frame_uint32(p, NGHTTP2_RST_STREAM, id, NGHTTP2_CANCEL);
}

/* Reading */

static inline uint32_t read_uint32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

static inline void take_fields(struct peer *p, struct got *got,
                               const unsigned char *data, size_t len)
{
    int flags = 0;
    while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        nghttp2_nv nv;
        ssize_t took =
            nghttp2_hd_inflate_hd2(p->inflater, &nv, &flags, data, len, 1);
        assert_true(took >= 0);
        data += took;
        len -= (size_t)took;
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT))
            continue;
        if (strcmp((char *)nv.name, ":status") == 0)
            got->status = atoi((char *)nv.value);
        else
            snprintf(got->fields + strlen(got->fields),
                     sizeof(got->fields) - strlen(got->fields), "%s: %s\n",
                     (char *)nv.name, (char *)nv.value);
    }
    assert_int_equal(nghttp2_hd_inflate_end_headers(p->inflater), 0);
}

static inline void take_settings(struct peer *p, const unsigned char *data,
                                 size_t len)
{
    for (size_t at = 0; at + 6 <= len; at += 6) {
        unsigned id = (unsigned)data[at] << 8 | data[at + 1];
        if (id < 16)
            p->setting[id] = read_uint32(data + at + 2);
    }
}

static inline void take_frame(struct peer *p, int type, int flags, int id,
                              const unsigned char *data, size_t len)
{
    struct got *got = id ? stream(p, id) : NULL;
    if (type == NGHTTP2_HEADERS) {
        assert_true(flags & END_HEADERS);
        take_fields(p, got, data, len);
    } else if (type == NGHTTP2_DATA) {
        for (size_t i = 0; i < len; i++) {
            if (got->len + i < sizeof(got->body) - 1)
                got->body[got->len + i] = (char)data[i];
        }
        got->len += len;
    } else if (type == NGHTTP2_RST_STREAM) {
        got->reset = (int)read_uint32(data);
    } else if (type == NGHTTP2_GOAWAY) {
        p->goaway = (int)read_uint32(data + 4);
        p->goaways++;
    } else if (type == NGHTTP2_PING) {
        p->pings++;
    } else if (type == NGHTTP2_SETTINGS && !(flags & NGHTTP2_FLAG_ACK)) {
        p->settings++;
        take_settings(p, data, len);
    } else if (type == NGHTTP2_SETTINGS) {
        p->acks++;
    }
    if (got && (type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) &&
        (flags & END_STREAM))
        got->ended = true;
}

static inline void take_frames(struct peer *p)
{
    size_t at = 0;
    while (p->in_len - at >= 9) {
        const unsigned char *head = (unsigned char *)p->in + at;
        size_t len = read_uint32(head) >> 8;
        if (p->in_len - at - 9 < len)
            break;
        take_frame(p, head[3], head[4], (int)read_uint32(head + 5), head + 9,
                   len);
        at += 9 + len;
    }
    memmove(p->in, p->in + at, p->in_len - at);
    p->in_len -= at;
}

/* One turn of the loop and what it brought. */
static inline void step(struct peer *p)
{
    turn(p->f);
    ssize_t got =
        recv(p->fd, p->in + p->in_len, sizeof(p->in) - p->in_len, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        p->closed = true;
    if (got <= 0)
        return;
    p->in_len += (size_t)got;
    take_frames(p);
}

static inline void steps(struct peer *p, int count)
{
    while (count--)
        step(p);
}

/* Steps until `condition` holds; fails after two seconds. */
#define AWAIT(p, condition)                                                    \
    do {                                                                       \
        uint64_t end_ = lun_clock_monotonic_ns() + 2000000000;                 \
        while (!(condition) && lun_clock_monotonic_ns() < end_)                \
            step(p);                                                           \
        assert_true(condition);                                                \
    } while (0)

/* Opening */

static inline struct peer *dial_bare(struct fixture *f)
{
    struct peer *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->f = f;
    p->fd = dial(f);
    int on = 1;
    (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    p->goaway = -1;
    for (int i = 0; i < STREAMS_MAX; i++)
        p->got[i].reset = -1;
    assert_int_equal(nghttp2_hd_inflate_new(&p->inflater), 0);
    return p;
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static inline struct peer *dial2(struct fixture *f)
{
    struct peer *p = dial_bare(f);
    put(p, PREFACE, strlen(PREFACE));
    frame(p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    AWAIT(p, p->settings && p->acks);
    frame(p, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    return p;
}

static inline void hang_up(struct peer *p)
{
    close(p->fd);
    nghttp2_hd_inflate_del(p->inflater);
    free(p);
}
