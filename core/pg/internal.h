/*
 * core/pg/internal.h - what the files of this folder share; nobody else
 * includes it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A *request* is one statement (or the wish to be lent a connection) with its
 * owner's callback. It waits in the pool, then stands in a *slot* of one
 * connection: slots are the pipeline, in the order of libpq's results. A
 * request leaves its slot when it is answered, expired or sent back to wait;
 * the slot stays until the server has answered it. A *group* is the slots up
 * to a Sync: one implicit transaction.
 */
#pragma once

#include "core/base/map.h"
#include "core/pg/pool.h"

struct addrinfo;

/* Requests may stand in two groups of a connection: while the server works on
 * one, the next is in its socket already. */
#define LUN_PG_GROUPS 2
/* A group is filled up to this much expected work, so that cheap statements
 * share a Sync and expensive ones spread over connections. */
#define LUN_PG_GROUP_NS 400000u
/* Less work than this is not worth one more connection. */
#define LUN_PG_SPREAD_NS 50000u
/* How long requests wait while no connection is usable. */
#define LUN_PG_CIRCUIT_NS 250000000u
/* An expired statement may answer this much late before it is cancelled, and
 * again before its connection is given up. */
#define LUN_PG_GRACE_MS 500
/* A connection is made again after a larger result, whether somebody still
 * waited for it or not: libpq keeps the memory that it came in. */
#define LUN_PG_KEEP_BYTES (8u << 20)
/* Attempts to connect that fail, most in one second. */
#define LUN_PG_ATTEMPTS 10
/* How often a statement is sent again by itself. One that makes the server
 * crash must not do so often; an administrator's doing is not its fault. */
#define LUN_PG_LOST_MAX 1
#define LUN_PG_ENDED_MAX 5
/* Statements that one pool keeps prepared; the one that was asked for longest
 * ago goes first. A backend needs some 40 KB for each. */
#define LUN_PG_KNOWN_MAX 2048
/* A connection with more statements to drop takes no second group, so that it
 * gets idle and drops them. */
#define LUN_PG_DROPS_MAX 64

#define LUN_PG_MS UINT64_C(1000000)

enum lun_pg_kind {
    LUN_PG_QUERY, /* a prepared statement */
    LUN_PG_EXEC,  /* ad-hoc text */
    LUN_PG_CHORE, /* ad-hoc text of our own: no owner */
    LUN_PG_TAKE   /* wants to be lent a connection */
};

/* What is prepared on one connection: valid when `epoch` is the connection's.
 */
struct lun_pg_prepared {
    uint32_t epoch;
    uint32_t serial; /* names it on the server */
};

/* A statement by name. */
struct lun_pg_known {
    struct lun_pg_known *older; /* by the last time it was asked for */
    struct lun_pg_known *newer;
    char *name;
    unsigned refs;                     /* requests, and one of the map */
    uint32_t cost_ns;                  /* running mean of the time to answer */
    struct lun_pg_prepared prepared[]; /* by connection */
};

struct lun_pg_request {
    struct lun_pg_request *next;
    struct lun_pg_request *prev;
    struct lun_pg_list *list;             /* where it waits, or NULL */
    struct lun_pg_connection *connection; /* where it stands, or NULL */
    uint64_t position;                    /* of its slot there */

    enum lun_pg_kind kind;
    bool read_only;
    bool text_results;
    uint8_t lost;        /* connections lost under it for no known reason */
    uint8_t ended;       /* connections an administrator ended under it */
    bool retried_plan;   /* prepared again */
    bool alone;          /* was aborted by a neighbour: a group of its own */
    bool commits;        /* "commit" or "end" */
    bool in_transaction; /* of its session, when it was sent */
    union {
        lun_pg_result_cb result;
        lun_pg_session_cb session;
    } cb;
    void *context;
    uint64_t deadline_ns;
    uint64_t queued_ns; /* when it came while nothing was usable, else 0 */
    struct lun_pg_session *session;
    struct lun_pg_known *known;
    const char *sql;
    struct lun_pg_error *error; /* waits in pool->done with it */

    int count; /* parameters, copied behind the struct */
    const char **values;
    int *lengths;
    int *formats;
    size_t room; /* bytes behind the struct */
    max_align_t data[];
};

struct lun_pg_list {
    struct lun_pg_request *first;
    struct lun_pg_request *last;
    unsigned count;
};

enum lun_pg_phase { LUN_PG_PREPARING, LUN_PG_RUNNING, LUN_PG_SYNCING };

struct lun_pg_slot {
    struct lun_pg_request *request; /* NULL when nobody waits any more */
    PGresult *held;                 /* a write's result until its Sync */
    uint32_t serial;                /* of the Parse sent with it, else 0 */
    enum lun_pg_phase phase;
    bool ends_group;
    bool is_write;
    bool answered; /* this phase's result has come */
    bool failed;   /* the Parse sent with it did */
};

enum lun_pg_state {
    LUN_PG_DOWN,      /* waits for its next attempt */
    LUN_PG_RESOLVING, /* asks for addresses */
    LUN_PG_CONNECTING,
    LUN_PG_READY,    /* shared */
    LUN_PG_LENT,     /* belongs to a session */
    LUN_PG_DRAINING, /* is made again when its slots are answered */
    LUN_PG_CLOSED,   /* the pool closes */
    LUN_PG_STATES
};

/* A watched socket; heap, for libuv keeps it until its close callback. */
struct lun_pg_watch {
    uv_poll_t poll;
    struct lun_pg_connection *connection;
    struct lun_pg_pool *pool;
    int fd;
};

struct lun_pg_connection {
    struct lun_pg_pool *pool;
    unsigned index;
    enum lun_pg_state state;
    PGconn *pq;
    struct lun_pg_watch *watch;
    struct lun_pg_resolve *resolve;
    struct lun_pg_session *session; /* while lent */
    uv_timer_t timer; /* next attempt, connect timeout or watchdog, by state */
    unsigned attempt_index; /* its place in pool->attempts */
    unsigned failures;      /* attempts in a row */
    bool was_up;
    bool probing;   /* this attempt holds the pool's one probe */
    bool cancelled; /* a cancel was sent, so 57014 may hit anybody here */
    bool retire;    /* not good any more (old, or a read-only node) */
    bool told;      /* the server has said that it ends the session */
    uint64_t expires_ns;
    bool wants_write;
    bool rollback;    /* was given back with an open transaction */
    uint32_t epoch;   /* new for each connection made */
    uint64_t now_ns;  /* of the answers being read */
    uint64_t last_ns; /* of the last send to idle or the last answers */

    struct lun_pg_slot *slots; /* ring of `size`, a power of two */
    size_t size;
    uint64_t head;   /* position of the oldest slot */
    uint64_t tail;   /* position of the next slot */
    unsigned groups; /* Syncs under way */
    unsigned writes; /* slots under way that may wait for locks and disks */

    uint32_t *drops; /* serials to DEALLOCATE */
    size_t drop_count;
    size_t drop_room;
};

struct lun_pg_session {
    struct lun_pg_pool *pool;
    struct lun_pg_connection *connection; /* NULL when it was lost */
    bool in_transaction;                  /* after everything sent so far */
};

struct lun_pg_target;

struct lun_pg_pool {
    uv_loop_t *loop;
    struct lun_pg_target *target;
    unsigned size;
    unsigned waiting_max;
    unsigned depth;
    unsigned connect_ms;
    size_t result_bytes;
    uint64_t lifetime_ms;
    char prefix[12]; /* of statement names on the server */
    uint32_t serial;
    uint32_t epoch;

    struct lun_map known;
    struct lun_pg_known *oldest;
    struct lun_pg_known *newest;
    struct lun_pg_list reads;
    struct lun_pg_list writes;
    struct lun_pg_list takers;
    struct lun_pg_list private; /* statements of sessions, to be sent */
    struct lun_pg_list done;    /* failed before a connection was reached */
    struct lun_pg_list spare;   /* memory to use again */
    bool takers_turn;           /* before writes */
    bool reads_turn;            /* before both, on a single connection */
    bool has_chores; /* a connection has `rollback`, drops or `retire` */

    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;    /* runs only when the loop must not sleep */
    uv_timer_t timer;  /* the next deadline */
    uint64_t armed_ns; /* when it fires; UINT64_MAX when it does not */

    unsigned usable;
    unsigned lent;
    unsigned sessions; /* not yet given back, lost ones too */
    uint64_t down_ns;  /* since when nothing is usable */
    bool ready;        /* as last told */
    bool probing;      /* one attempt at a time while nothing is usable */
    void (*on_ready)(void *context, bool ready);
    void *on_ready_context;
    uint64_t attempts[LUN_PG_ATTEMPTS]; /* begin of the last failed ones */
    unsigned attempt_next;
    char problem[256]; /* why the last attempt failed */

    bool closing;
    bool hooks_closed;
    unsigned handles; /* open libuv handles */
    void (*closed)(void *context);
    void *closed_context;

    struct lun_pg_stats stats;
    struct lun_pg_connection connections[];
};

/* --- request.c --- */
struct lun_pg_request *lun_pg_request_new(struct lun_pg_pool *pool,
                                          enum lun_pg_kind kind,
                                          const struct lun_pg_params *params,
                                          const char *sql);
void lun_pg_request_free(struct lun_pg_pool *pool, struct lun_pg_request *r);
void lun_pg_request_free_spare(struct lun_pg_pool *pool);
void lun_pg_list_push(struct lun_pg_list *list, struct lun_pg_request *r);
void lun_pg_list_push_front(struct lun_pg_list *list, struct lun_pg_request *r);
void lun_pg_list_remove(struct lun_pg_request *r);
/* Takes the request off its list or slot. */
void lun_pg_request_detach(struct lun_pg_request *r);
/* Detaches, calls the owner with `error`, frees. */
void lun_pg_request_fail(struct lun_pg_pool *pool, struct lun_pg_request *r,
                         const struct lun_pg_error *error);
/* The same at the end of this loop turn. */
void lun_pg_request_fail_later(struct lun_pg_pool *pool,
                               struct lun_pg_request *r,
                               const struct lun_pg_error *error);
struct lun_pg_known *lun_pg_known_get(struct lun_pg_pool *pool,
                                      const char *name);
/* Drops the statement everywhere with the last reference. */
void lun_pg_known_unref(struct lun_pg_pool *pool, struct lun_pg_known *known);

/* --- error.c --- */
void lun_pg_error_make(struct lun_pg_error *error, int code, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));
void lun_pg_error_from_result(struct lun_pg_error *error,
                              const PGresult *result);
/* Says that a commit answered ROLLBACK. */
void lun_pg_error_failed_commit(struct lun_pg_error *error);
/* The first word of `sql` is `word`, in any case. */
bool lun_pg_sql_starts_with(const char *sql, const char *word);
bool lun_pg_sql_commits(const char *sql);
/* The server ended the session with this result. */
bool lun_pg_error_is_fatal(const PGresult *result);
/* ... because it shuts down, or somebody told it to. */
bool lun_pg_error_is_shutdown(const PGresult *result);

/* --- pool.c --- */
/* Arms the timer for `when_ns` when that is earlier. */
void lun_pg_pool_arm(struct lun_pg_pool *pool, uint64_t when_ns);
/* Lets a request wait again, in front of the others. */
void lun_pg_pool_requeue(struct lun_pg_pool *pool, struct lun_pg_request *r);
/* The loop must not sleep before the end of this turn has been worked on. */
void lun_pg_pool_wake(struct lun_pg_pool *pool);
/* `usable` changed. */
void lun_pg_pool_usable(struct lun_pg_pool *pool);
/* Goes on closing when nothing stands in the way any more. */
void lun_pg_pool_close_step(struct lun_pg_pool *pool);
/* The error of a request that found no usable connection. */
void lun_pg_pool_unavailable(const struct lun_pg_pool *pool,
                             struct lun_pg_error *error);

/* --- connection.c --- */
int lun_pg_connection_init(struct lun_pg_pool *pool, unsigned index);
/* Begins the next attempt, at once when limits allow. */
void lun_pg_connection_attempt(struct lun_pg_connection *c);
/* Why a connection ends, for what stands in its slots. */
enum lun_pg_end {
    LUN_PG_BROKE,   /* any of it may have run */
    LUN_PG_REFUSED, /* none of it had an effect */
    LUN_PG_ENDED    /* nor had, and none of it is the reason */
};
/* Ends a connection. It is made again in the background. */
void lun_pg_connection_lose(struct lun_pg_connection *c, const char *why,
                            enum lun_pg_end end);
/* Looks whether an idle connection has been cut; false when it has. */
bool lun_pg_connection_check(struct lun_pg_connection *c);
/* Takes no new work; is made again once what it has is answered. */
void lun_pg_connection_drain(struct lun_pg_connection *c);
/* Lends a ready, idle connection, or takes it back. */
void lun_pg_connection_lend(struct lun_pg_connection *c,
                            struct lun_pg_session *session);
void lun_pg_connection_unlend(struct lun_pg_connection *c);
/* Watches for writability too, or no longer. */
void lun_pg_connection_watch_write(struct lun_pg_connection *c, bool on);
/* A request here has expired: see that the connection does not hang. */
void lun_pg_connection_watchdog(struct lun_pg_connection *c);
void lun_pg_connection_cancel(struct lun_pg_connection *c);
/* A statement of this serial is of no use here any more. */
void lun_pg_connection_push_drop(struct lun_pg_connection *c, uint32_t serial);
/* All slots are answered. */
void lun_pg_connection_drained(struct lun_pg_connection *c);
void lun_pg_connection_close(struct lun_pg_connection *c);

/* --- cancel.c --- */
/* Sends a cancel request from a thread; does nothing when one is under way. */
void lun_pg_cancel_start(PGconn *pq);

/* --- pipeline.c --- */
static inline bool lun_pg_pipeline_is_idle(const struct lun_pg_connection *c)
{
    return c->head == c->tail;
}
/* Puts a request into the pipeline; false when the connection was lost by it.
 */
bool lun_pg_pipeline_send(struct lun_pg_connection *c,
                          struct lun_pg_request *r);
/* Ends the group and flushes. */
void lun_pg_pipeline_sync(struct lun_pg_connection *c);
void lun_pg_pipeline_flush(struct lun_pg_connection *c);
/* Reads what came and answers requests. */
void lun_pg_pipeline_receive(struct lun_pg_connection *c);
/* Empties the slots of a lost connection. */
void lun_pg_pipeline_abandon(struct lun_pg_connection *c, const char *why,
                             enum lun_pg_end end);
/* Sends DEALLOCATE for what was forgotten. */
void lun_pg_pipeline_drop(struct lun_pg_connection *c);
/* Ad-hoc SQL of our own. */
void lun_pg_pipeline_chore(struct lun_pg_connection *c, const char *sql);

/* --- dispatch.c --- */
/* Hands waiting requests to connections. */
void lun_pg_dispatch(struct lun_pg_pool *pool);

/* --- session.c --- */
void lun_pg_session_lend(struct lun_pg_pool *pool, struct lun_pg_connection *c,
                         struct lun_pg_request *taker);

/* --- resolve.c --- */
/* `done` gets the arrays for PQconnectStartParams, or NULL and why. */
typedef void (*lun_pg_resolve_cb)(void *context, const char *const *keywords,
                                  const char *const *values, const char *why);
int lun_pg_target_new(const struct lun_pg_config *config,
                      struct lun_pg_target **out, struct lun_err *err);
void lun_pg_target_free(struct lun_pg_target *target);
/* Start with the next host: the first one did not answer in time. */
void lun_pg_target_rotate(struct lun_pg_target *target);
/* May call `done` before it returns; then *out is NULL. */
void lun_pg_resolve_start(uv_loop_t *loop, struct lun_pg_target *target,
                          lun_pg_resolve_cb done, void *context,
                          struct lun_pg_resolve **out);
/* `done` will not be called; the work may go on for a while. */
void lun_pg_resolve_abandon(struct lun_pg_resolve *resolve);
