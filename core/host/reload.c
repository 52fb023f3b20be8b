/*
 * core/host/reload.c - from saved files to served releases.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/host/reload.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/host/config.h"
#include "core/host/console.h"
#include "core/host/control.h"
#include "core/host/excerpt.h"
#include "core/host/loadout.h"
#include "core/host/workers.h"
#include "core/os/file.h"
#include "core/os/process.h"
#include "core/telemetry/log.h"

#define REPORT_MAX ((size_t)16 * 1024 * 1024)
#define SLOTS_MAX 256
#define SETS_KEPT 8
#define STALE_NS 2000000000u /* a loader this old is ended by a newer save */

enum phase { IDLE, LOADING, PREPARING, COMMITTING };

struct slot {
    bool awaited; /* its reply to the round under way is missing */
    char set[72]; /* what it serves, "" while it does not */
};

struct lun_reload {
    struct lun_reload_options options;
    struct lun_workers *workers; /* NULL until the first set is there */
    enum phase phase;
    bool again; /* a change came during the round */
    uint64_t again_ns;
    uint64_t since_ns; /* when the change of this round was made */
    uv_process_t process;
    uv_pipe_t pipe;
    uv_timer_t deadline;
    int loader_handles; /* of the loader that are not closed yet */
    uint64_t loader_ns; /* when it was started */
    bool loader_late;
    int64_t exit_status;
    int exit_signal;
    struct lun_buf report;
    char bytes[16384];
    struct lun_loadout current; /* what is served */
    struct lun_loadout next;    /* what the round is about */
    struct slot slots[SLOTS_MAX];
    struct lun_buf last_error;
    struct lun_buf warned; /* the warnings shown last */
    uint64_t good;
    uint64_t failed;
    bool closing;
    void (*closed)(void *context);
    void *context;
};

static void begin(struct lun_reload *reload);
static void on_deadline(uv_timer_t *timer);

/* --- the end of a round ------------------------------------------------- */

static void finish_round(struct lun_reload *reload)
{
    reload->phase = IDLE;
    (void)uv_timer_stop(&reload->deadline);
    reload->options.hooks.on_change(reload->options.hooks.context);
    if (reload->again && !reload->closing) {
        reload->again = false;
        reload->since_ns = reload->again_ns;
        begin(reload);
    }
}

static void record_error(struct lun_reload *reload, const char *message,
                         const struct lun_buf *errors)
{
    struct lun_buf *out = &reload->last_error;
    char text[32];
    time_t now = time(NULL);
    struct tm parts;
    (void)gmtime_r(&now, &parts);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    lun_buf_clear(out);
    lun_buf_printf(out, "{\"time\":\"%s\",\"message\":", text);
    lun_buf_push_json_string(out, message, strcspn(message, "\n"));
    lun_buf_push_str(out, ",\"errors\":");
    if (errors != NULL && errors->len > 0) {
        lun_buf_push(out, errors->data, errors->len);
    } else {
        lun_buf_push_str(out, "[{\"message\":");
        lun_buf_push_json_string(out, message, strlen(message));
        lun_buf_push_str(out, "}]");
    }
    lun_buf_push_byte(out, '}');
    (void)lun_buf_str(out);
}

/* Excerpts of code stand below their message. */
static void say_lines(const char *before, const char *lines)
{
    bool colored = lun_excerpt_colored(1);
    struct lun_buf line;
    lun_buf_init(&line);
    while (lines != NULL && *lines != '\0') {
        size_t len = strcspn(lines, "\n");
        lun_buf_clear(&line);
        lun_buf_push_str(&line, lines[0] == ' ' ? "" : before);
        if (colored) {
            lun_excerpt_push_colored(lines, len, &line);
        } else {
            lun_buf_push(&line, lines, len);
        }
        lun_console_say("%.*s", (int)line.len, line.data);
        lines += len + (lines[len] == '\n');
    }
    lun_buf_release(&line);
}

/* Serves what an earlier start has left, rather than nothing. */
static void fall_back(struct lun_reload *reload)
{
    char link[PATH_MAX];
    struct lun_err err;
    (void)snprintf(link, sizeof link, "%s/sets/current.json",
                   reload->options.data);
    char *path = lun_file_absolute(link);
    if (path == NULL ||
        lun_loadout_read_set(path, &reload->current, &err) != 0) {
        free(path);
        reload->options.hooks.on_hopeless(reload->options.hooks.context);
        return;
    }
    lun_console_say("serving the last good releases instead");
    reload->options.hooks.on_first(reload->options.hooks.context,
                                   reload->current.id, path);
    free(path);
}

static void fail_round(struct lun_reload *reload, const char *message,
                       const struct lun_buf *errors)
{
    bool first = reload->workers == NULL && reload->current.id[0] == '\0';
    reload->failed++;
    record_error(reload, message, errors);
    say_lines("error: ", message);
    lun_log_write(LUN_LOG_ERROR, "load failed",
                  &(struct lun_log_field){"detail", message}, 1);
    lun_loadout_release(&reload->next);
    if (first && !reload->closing) {
        fall_back(reload);
    }
    finish_round(reload);
}

/* --- files of sets ------------------------------------------------------ */

static void point_current(struct lun_reload *reload)
{
    char link[PATH_MAX];
    char fresh[PATH_MAX];
    char target[128];
    (void)snprintf(link, sizeof link, "%s/sets/current.json",
                   reload->options.data);
    (void)snprintf(fresh, sizeof fresh, "%s/sets/current.new",
                   reload->options.data);
    (void)snprintf(target, sizeof target, "%s.json", reload->current.id);
    (void)unlink(fresh);
    if (symlink(target, fresh) == 0) {
        (void)rename(fresh, link);
    }
}

/* A set that nobody can go back to any more. */
static void prune_sets(const struct lun_reload *reload)
{
    char folder[PATH_MAX];
    struct dirent **list;
    (void)snprintf(folder, sizeof folder, "%s/sets", reload->options.data);
    int count = scandir(folder, &list, NULL, NULL);
    time_t times[1024];
    int sets = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < count && i < 1024; i++) {
            char path[PATH_MAX];
            struct stat info;
            int len =
                snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
            if (len < 0 || (size_t)len >= sizeof path ||
                lstat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
                continue;
            }
            if (pass == 0) {
                times[sets++] = info.st_mtime;
                continue;
            }
            int newer = 0;
            for (int j = 0; j < sets; j++) {
                newer += times[j] > info.st_mtime;
            }
            if (newer >= SETS_KEPT && strcmp(path, reload->current.path) != 0) {
                (void)unlink(path);
            }
        }
    }
    for (int i = 0; i < count; i++) {
        free(list[i]);
    }
    if (count >= 0) {
        free(list);
    }
}

/* --- the barrier -------------------------------------------------------- */

static bool tell(struct lun_reload *reload, unsigned slot,
                 enum lun_host_control_kind kind, const struct lun_loadout *set)
{
    struct lun_host_control message = {.kind = kind};
    (void)snprintf(message.id, sizeof message.id, "%s", set->id);
    if (kind == LUN_HOST_CONTROL_PREPARE) {
        (void)snprintf(message.set, sizeof message.set, "%s", set->path);
    }
    return lun_workers_send(reload->workers, slot, &message);
}

static bool awaits(const struct lun_reload *reload)
{
    for (unsigned i = 0; i < lun_workers_count(reload->workers); i++) {
        if (reload->slots[i].awaited) {
            return true;
        }
    }
    return false;
}

/* A worker that started with an older set while the others switched. */
static void catch_up(struct lun_reload *reload)
{
    for (unsigned i = 0; i < lun_workers_count(reload->workers); i++) {
        struct slot *slot = &reload->slots[i];
        if (slot->set[0] != '\0' &&
            strcmp(slot->set, reload->current.id) != 0) {
            (void)snprintf(slot->set, sizeof slot->set, "%s",
                           reload->current.id);
            (void)tell(reload, i, LUN_HOST_CONTROL_PREPARE, &reload->current);
            (void)tell(reload, i, LUN_HOST_CONTROL_COMMIT, &reload->current);
        }
    }
}

static void report_loaded(struct lun_reload *reload, const char *changes)
{
    uint64_t ms = (lun_clock_monotonic_ns() - reload->since_ns) / 1000000;
    char took[32];
    (void)snprintf(took, sizeof took, "%llu", (unsigned long long)ms);
    if (changes[0] == '\0') {
        lun_console_say("loaded, nothing has changed (%s ms)", took);
    } else {
        lun_console_say("loaded %s in %s ms", changes, took);
    }
    lun_log_write(LUN_LOG_INFO, "loaded",
                  (struct lun_log_field[]){{"releases", changes},
                                           {"set", reload->current.id},
                                           {"ms", took}},
                  3);
}

static void end_commit(struct lun_reload *reload)
{
    lun_buf_clear(&reload->last_error);
    reload->good++;
    report_loaded(reload, reload->report.len > 0 ? reload->report.data : "");
    catch_up(reload);
    prune_sets(reload);
    finish_round(reload);
}

/* From here on the new set is the one that counts; a worker that cannot switch
 * is replaced by one that starts with it. */
static void commit(struct lun_reload *reload)
{
    lun_buf_clear(&reload->report); /* now: what has changed */
    lun_loadout_changes(&reload->next, &reload->current, &reload->report);
    (void)lun_buf_str(&reload->report);
    lun_loadout_release(&reload->current);
    reload->current = reload->next;
    memset(&reload->next, 0, sizeof reload->next);
    point_current(reload);
    reload->phase = COMMITTING;
    lun_workers_set_current(reload->workers, reload->current.path);
    for (unsigned i = 0; i < lun_workers_count(reload->workers); i++) {
        struct slot *slot = &reload->slots[i];
        if (slot->set[0] != '\0' && strcmp(slot->set, "-") == 0) {
            slot->awaited =
                tell(reload, i, LUN_HOST_CONTROL_COMMIT, &reload->current);
        }
    }
    (void)uv_timer_start(&reload->deadline, on_deadline,
                         (uint64_t)reload->options.config->reload_ms, 0);
    if (!awaits(reload)) {
        end_commit(reload);
    }
}

static void abort_round(struct lun_reload *reload, const char *reason)
{
    for (unsigned i = 0; i < lun_workers_count(reload->workers); i++) {
        struct slot *slot = &reload->slots[i];
        slot->awaited = false;
        if (strcmp(slot->set, "-") == 0) {
            (void)tell(reload, i, LUN_HOST_CONTROL_ABORT, &reload->next);
            (void)snprintf(slot->set, sizeof slot->set, "%s",
                           reload->current.id);
        }
    }
    fail_round(reload, reason, NULL);
}

/* "-" marks the slots that take part; they have the old set until COMMIT. */
static void prepare(struct lun_reload *reload)
{
    reload->phase = PREPARING;
    for (unsigned i = 0; i < lun_workers_count(reload->workers); i++) {
        struct slot *slot = &reload->slots[i];
        if (slot->set[0] != '\0' &&
            tell(reload, i, LUN_HOST_CONTROL_PREPARE, &reload->next)) {
            slot->awaited = true;
            (void)snprintf(slot->set, sizeof slot->set, "-");
        }
    }
    (void)uv_timer_start(&reload->deadline, on_deadline,
                         (uint64_t)reload->options.config->reload_ms, 0);
    if (!awaits(reload)) {
        commit(reload);
    }
}

static void go_on(struct lun_reload *reload)
{
    if (awaits(reload)) {
        return;
    }
    if (reload->phase == PREPARING) {
        commit(reload);
    } else if (reload->phase == COMMITTING) {
        end_commit(reload);
    }
}

void lun_reload_worker_reply(struct lun_reload *reload, unsigned slot,
                             const char *id, const char *error)
{
    struct slot *at = &reload->slots[slot];
    char reason[1200];
    (void)snprintf(reason, sizeof reason,
                   "worker %u cannot load the release: "
                   "%s",
                   slot, error);
    const char *expected =
        reload->phase == PREPARING ? reload->next.id : reload->current.id;
    if (!at->awaited || strcmp(id, expected) != 0) {
        if (error[0] != '\0') {
            lun_console_complain("%s", reason);
        }
        return;
    }
    at->awaited = false;
    if (reload->phase == COMMITTING) {
        (void)snprintf(at->set, sizeof at->set, "%s", id);
        if (error[0] != '\0') {
            lun_console_complain("%s", reason);
            lun_workers_kill_one(reload->workers, slot);
        }
    } else if (error[0] != '\0') {
        abort_round(reload, reason);
        return;
    }
    go_on(reload);
}

void lun_reload_worker_ready(struct lun_reload *reload, unsigned slot,
                             const char *set)
{
    struct slot *at = &reload->slots[slot];
    (void)snprintf(at->set, sizeof at->set, "%s", set);
    if (reload->phase == IDLE || reload->phase == LOADING) {
        catch_up(reload);
    }
}

void lun_reload_worker_gone(struct lun_reload *reload, unsigned slot)
{
    reload->slots[slot].set[0] = '\0';
    reload->slots[slot].awaited = false;
    if (reload->phase == PREPARING || reload->phase == COMMITTING) {
        go_on(reload);
    }
}

static void on_late_workers(struct lun_reload *reload)
{
    if (reload->phase == PREPARING) {
        abort_round(reload, "the workers did not load the release in time");
        return;
    }
    for (unsigned i = 0; i < lun_workers_count(reload->workers); i++) {
        if (reload->slots[i].awaited) {
            reload->slots[i].awaited = false;
            lun_workers_kill_one(reload->workers, i);
        }
    }
    go_on(reload);
}

/* --- the loader --------------------------------------------------------- */

static void on_deadline(uv_timer_t *timer)
{
    struct lun_reload *reload = timer->data;
    if (reload->phase == LOADING) {
        reload->loader_late = true;
        (void)uv_process_kill(&reload->process, SIGKILL);
    } else {
        on_late_workers(reload);
    }
}

static void show_report(struct lun_reload *reload)
{
    const struct lun_buf *warnings = &reload->next.warnings;
    bool same =
        warnings->len == reload->warned.len &&
        (warnings->len == 0 ||
         memcmp(warnings->data, reload->warned.data, warnings->len) == 0);
    if (!same) {
        say_lines("warning: ", warnings->data);
        lun_buf_clear(&reload->warned);
        lun_buf_push(&reload->warned, warnings->data, warnings->len);
    }
    say_lines("database: ", reload->next.steps.data);
}

static void take_first(struct lun_reload *reload)
{
    struct lun_buf changes;
    lun_buf_init(&changes);
    lun_loadout_changes(&reload->next, &reload->current, &changes);
    reload->current = reload->next;
    memset(&reload->next, 0, sizeof reload->next);
    point_current(reload);
    reload->good++;
    const char *text = lun_buf_str(&changes);
    report_loaded(reload, text != NULL ? text : "");
    lun_buf_release(&changes);
    reload->options.hooks.on_first(reload->options.hooks.context,
                                   reload->current.id, reload->current.path);
    finish_round(reload);
}

static void take_set(struct lun_reload *reload)
{
    show_report(reload);
    if (reload->workers == NULL) {
        take_first(reload);
    } else if (strcmp(reload->next.id, reload->current.id) == 0) {
        lun_loadout_release(&reload->next);
        lun_buf_clear(&reload->last_error);
        reload->good++;
        report_loaded(reload, "");
        finish_round(reload);
    } else {
        prepare(reload);
    }
}

static void on_loader_done(struct lun_reload *reload)
{
    struct lun_err err;
    char message[600];
    (void)uv_timer_stop(&reload->deadline);
    if (reload->closing) {
        finish_round(reload);
        return;
    }
    if (reload->loader_late) {
        if (reload->again) { /* a newer save has ended it */
            finish_round(reload);
        } else {
            fail_round(reload, "the load took too long (setting load_ms)",
                       NULL);
        }
        return;
    }
    if (lun_loadout_parse(reload->report.data, reload->report.len,
                          &reload->next, &err) != 0) {
        (void)snprintf(message, sizeof message, "the loader ended with %s %d",
                       reload->exit_signal != 0 ? "signal" : "status",
                       reload->exit_signal != 0 ? reload->exit_signal
                                                : (int)reload->exit_status);
        fail_round(reload, message, NULL);
    } else if (reload->next.ok) {
        take_set(reload);
    } else {
        struct lun_buf lines = reload->next.errors;
        lun_buf_init(&reload->next.errors);
        struct lun_buf json = reload->next.errors_json;
        lun_buf_init(&reload->next.errors_json);
        fail_round(reload, lines.data != NULL ? lines.data : "load failed",
                   &json);
        lun_buf_release(&lines);
        lun_buf_release(&json);
    }
}

static void end_close(struct lun_reload *reload);

static void on_loader_closed(uv_handle_t *handle)
{
    struct lun_reload *reload = handle->data;
    if (--reload->loader_handles == 0) {
        on_loader_done(reload);
        if (reload->closing) {
            end_close(reload);
        }
    }
}

static void on_loader_exit(uv_process_t *process, int64_t status, int signal)
{
    struct lun_reload *reload = process->data;
    reload->exit_status = status;
    reload->exit_signal = signal;
    uv_close((uv_handle_t *)process, on_loader_closed);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct lun_reload *reload = handle->data;
    (void)size;
    *out = uv_buf_init(reload->bytes, sizeof reload->bytes);
}

static void on_report(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct lun_reload *reload = stream->data;
    if (got > 0 && reload->report.len + (size_t)got <= REPORT_MAX) {
        lun_buf_push(&reload->report, bytes->base, (size_t)got);
    } else if (got < 0) {
        uv_close((uv_handle_t *)stream, on_loader_closed);
    }
}

static int spawn_loader(struct lun_reload *reload)
{
    char parent[16];
    (void)snprintf(parent, sizeof parent, "%d", (int)getpid());
    char *args[] = {(char *)lun_process_self(), "__load",
                    (char *)reload->options.config_path, parent, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&reload->pipe},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    uv_process_options_t options = {
        .file = args[0],
        .args = args,
        .exit_cb = on_loader_exit,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 3,
    };
    (void)uv_pipe_init(reload->options.loop, &reload->pipe, 0);
    reload->pipe.data = reload;
    reload->process.data = reload;
    int code = uv_spawn(reload->options.loop, &reload->process, &options);
    reload->loader_handles = 2;
    if (code != 0) {
        reload->exit_status = code;
        uv_close((uv_handle_t *)&reload->process, on_loader_closed);
        uv_close((uv_handle_t *)&reload->pipe, on_loader_closed);
        return code;
    }
    return uv_read_start((uv_stream_t *)&reload->pipe, on_alloc, on_report);
}

static void begin(struct lun_reload *reload)
{
    reload->phase = LOADING;
    reload->loader_late = false;
    reload->loader_ns = lun_clock_monotonic_ns();
    lun_buf_clear(&reload->report);
    if (spawn_loader(reload) == 0) {
        (void)uv_timer_start(&reload->deadline, on_deadline,
                             (uint64_t)reload->options.config->load_ms, 0);
    }
}

void lun_reload_request(struct lun_reload *reload, uint64_t since_ns)
{
    if (reload->phase == IDLE) {
        reload->since_ns = since_ns;
        begin(reload);
        return;
    }
    if (!reload->again) {
        reload->again = true;
        reload->again_ns = since_ns;
    }
    /* It may hang in the file that was just mended. */
    if (reload->phase == LOADING && reload->workers != NULL &&
        lun_clock_monotonic_ns() - reload->loader_ns > STALE_NS) {
        reload->loader_late = true;
        (void)uv_process_kill(&reload->process, SIGKILL);
    }
}

/* --- open and close ----------------------------------------------------- */

int lun_reload_open(const struct lun_reload_options *options,
                    struct lun_reload **out, struct lun_err *err)
{
    struct lun_reload *reload = calloc(1, sizeof *reload);
    if (reload == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    reload->options = *options;
    (void)uv_timer_init(options->loop, &reload->deadline);
    reload->deadline.data = reload;
    *out = reload;
    return 0;
}

void lun_reload_set_workers(struct lun_reload *reload,
                            struct lun_workers *workers)
{
    reload->workers = workers;
}

const char *lun_reload_current(const struct lun_reload *reload)
{
    return reload->current.id;
}

const struct lun_loadout *lun_reload_loadout(const struct lun_reload *reload)
{
    return &reload->current;
}

const char *lun_reload_last_error(const struct lun_reload *reload)
{
    return reload->last_error.len > 0 ? reload->last_error.data : NULL;
}

void lun_reload_counts(const struct lun_reload *reload, uint64_t *good,
                       uint64_t *failed)
{
    *good = reload->good;
    *failed = reload->failed;
}

static void on_deadline_closed(uv_handle_t *handle)
{
    struct lun_reload *reload = handle->data;
    void (*closed)(void *context) = reload->closed;
    void *context = reload->context;
    lun_loadout_release(&reload->current);
    lun_loadout_release(&reload->next);
    lun_buf_release(&reload->report);
    lun_buf_release(&reload->last_error);
    lun_buf_release(&reload->warned);
    free(reload);
    closed(context);
}

/* Reached twice when the end of a load is what ends the supervisor. */
static void end_close(struct lun_reload *reload)
{
    if (!uv_is_closing((uv_handle_t *)&reload->deadline)) {
        uv_close((uv_handle_t *)&reload->deadline, on_deadline_closed);
    }
}

void lun_reload_close(struct lun_reload *reload, void (*closed)(void *context),
                      void *context)
{
    reload->closing = true;
    reload->again = false;
    reload->closed = closed;
    reload->context = context;
    if (reload->loader_handles == 0) {
        end_close(reload);
    } else if (!uv_is_closing((uv_handle_t *)&reload->process)) {
        (void)uv_process_kill(&reload->process, SIGKILL);
    }
}
