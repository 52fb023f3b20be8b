/*
 * core/supervise/reload_parts.h - the inside of reloads.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only for core/supervise/reload*.c: reload.c is the round, reload_open.c its
 * begin and end and what it is asked.
 */
#pragma once

#include "core/serve/loadout.h"
#include "core/supervise/reload.h"

struct lun_barrier;
struct lun_epoch;
struct lun_loading;
struct lun_loading_end;
struct lun_probation;

enum lun_reload_phase { IDLE, LOADING, PREPARING, CLAIMING, COMMITTING };

enum lun_reload_kind { LOAD, FOLLOW, ASKED };

/* Somebody who waits for an answer. */
struct lun_reload_asked {
    struct lun_reload_asked *next;
    struct lun_buf job;
    uint64_t since_ns;
    lun_reload_answer_cb cb;
    void *context;
};

struct lun_reload {
    struct lun_reload_options options;
    struct lun_workers *workers; /* NULL until the first set is there */
    struct lun_loading *loading;
    struct lun_barrier *barrier;
    struct lun_epoch *epoch;
    struct lun_probation *trial;
    enum lun_reload_phase phase;
    /* The round under way. */
    enum lun_reload_kind kind;
    struct lun_reload_asked *ask; /* of an ASKED one */
    unsigned tries;
    uint64_t since_ns; /* when the change of this round was made */
    bool going_back;   /* to the warm set */
    /* What waits. */
    struct lun_reload_asked *asks;
    bool again; /* a save */
    uint64_t again_ns;
    bool follow;
    struct lun_loadout current; /* what is served */
    struct lun_loadout next;    /* what the round is about */
    struct lun_loadout warm;    /* what the workers have beside it */
    bool warm_fits;             /* the tables are right for it as they are */
    uint64_t epoch_now;         /* the row that is served, or was tried */
    char taken_back[512];       /* why a release was, last */
    struct lun_buf last_error;
    struct lun_buf warned; /* the warnings shown last */
    uint64_t good;
    uint64_t failed;
    bool closing;
    void (*closed)(void *context);
    void *context;
};

/* Gives the one who asked an answer and forgets the question. */
void lun_reload_answer(struct lun_reload *reload, int status,
                       const struct lun_buf *body);
/* What it is told by its parts. */
void lun_reload_on_loaded(void *context, const struct lun_loading_end *end);
void lun_reload_on_prepared(void *context, const char *error);
void lun_reload_on_committed(void *context);
void lun_reload_on_moved(void *context, uint64_t epoch);
void lun_reload_on_bad(void *context, const struct lun_probation_limits *limits,
                       const char *why);
