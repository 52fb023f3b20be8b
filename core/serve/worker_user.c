/*
 * core/serve/worker_user.c - the account that workers run under.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/worker_user.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/config/datadir.h"
#include "core/config/program.h"
#include "core/os/process.h"

#define PROBE_S 10

static int refuse(const char *path, struct lun_err *err)
{
    return lun_error_set(err, LUN_EIO, "cannot open '%s' for workers: %s", path,
                         strerror(errno));
}

/* The private cluster may have given the folder to a group of its own. */
static int admit_to_folder(const struct lun_process_user *user,
                           const char *folder, struct lun_err *err)
{
    struct stat info;
    if (stat(folder, &info) != 0) {
        return refuse(folder, err);
    }
    bool passes = info.st_gid == user->gid && (info.st_mode & S_IXGRP) != 0;
    if (passes || (info.st_mode & S_IXOTH) != 0) {
        return 0;
    }
    return chmod(folder, (info.st_mode & 07777) | S_IXOTH) != 0
               ? refuse(folder, err)
               : 0;
}

/* --- what it must reach ------------------------------------------------- */

/* Results of the trial, as exit codes; the first ones are folders. */
enum {
    REACHES,
    NO_DATA,
    NO_LUA,
    NO_MODULES,
    NO_PAGES,
    NO_DATABASE,
    NO_CHANGE,
    TRIALS
};

struct places {
    const char *data;
    char pages[PATH_MAX];
    char lua[PATH_MAX];
    char modules[PATH_MAX];
};

static bool reads(const char *folder)
{
    return folder[0] == '\0' || access(folder, R_OK | X_OK) == 0;
}

static int try_all(const struct lun_process_user *user,
                   const struct places *places, const char *database)
{
    (void)alarm(PROBE_S);
    if (lun_process_user_become(user, NULL) != 0) {
        return NO_CHANGE;
    }
    if (access(places->data, X_OK) != 0) {
        return NO_DATA;
    }
    if (!reads(places->lua)) {
        return NO_LUA;
    }
    if (!reads(places->pages)) {
        return NO_PAGES;
    }
    if (!reads(places->modules)) {
        return NO_MODULES;
    }
    PGconn *connection = PQconnectdb(database);
    return PQstatus(connection) == CONNECTION_OK ? REACHES : NO_DATABASE;
}

static int run_trial(const struct lun_process_user *user,
                     const struct places *places, const char *database)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        _exit(try_all(user, places, database));
    }
    while (child > 0 && waitpid(child, &status, 0) != child) {
        if (errno != EINTR) {
            return NO_CHANGE;
        }
    }
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) >= TRIALS) {
        return NO_CHANGE;
    }
    return WEXITSTATUS(status);
}

static int try_user(const struct lun_config *config,
                    const struct lun_datadir *dir, const char *name,
                    struct lun_err *err)
{
    struct lun_process_user user;
    struct places places = {.data = dir->path};
    int code = lun_process_user_find(name, &user, err);
    if (code == 0) {
        code = admit_to_folder(&user, dir->path, err);
    }
    if (code != 0) {
        return code;
    }
    (void)lun_program_lua_dir(config, places.lua, NULL);
    if (lun_program_pages_dir(config, places.pages, NULL) != 0) {
        places.pages[0] = '\0';
    }
    if (lun_program_modules_dir(config, places.modules, NULL) != 0) {
        places.modules[0] = '\0';
    }
    const char *const reached[TRIALS] = {
        [NO_DATA] = dir->path,          [NO_LUA] = places.lua,
        [NO_PAGES] = places.pages,      [NO_MODULES] = places.modules,
        [NO_DATABASE] = "the database", [NO_CHANGE] = NULL,
    };
    int result = run_trial(&user, &places, config->database);
    if (result == REACHES) {
        return 0;
    }
    return lun_error_set(err, LUN_EFORBIDDEN,
                         reached[result] != NULL ? "user '%s' cannot reach %s"
                                                 : "cannot become user '%s'%s",
                         name, reached[result] != NULL ? reached[result] : "");
}

int lun_worker_user_choose(const struct lun_config *config,
                           const struct lun_datadir *dir, const char *preferred,
                           char *out, size_t size, struct lun_err *err)
{
    struct lun_err why;
    bool given = config->user[0] != '\0';
    const char *name = given ? config->user : preferred;
    out[0] = '\0';
    if (geteuid() != 0 || strcmp(name, "root") == 0) {
        return 0;
    }
    int code = try_user(config, dir, name, &why);
    if (code == 0) {
        (void)snprintf(out, size, "%s", name);
    } else if (given) {
        return lun_error_set(err, code, "user: %s", why.message);
    } else {
        lun_console_say("workers run as root: %s; the setting 'user' names "
                        "another account",
                        why.message);
    }
    return 0;
}

/* --- what it may -------------------------------------------------------- */

/* New files get the group of the folder; those of an earlier start had none. */
static int admit_to_sets(const struct lun_process_user *user,
                         const char *folder, struct lun_err *err)
{
    if (chown(folder, geteuid(), user->gid) != 0 ||
        chmod(folder, S_ISGID | 0750) != 0) {
        return refuse(folder, err);
    }
    DIR *list = opendir(folder);
    for (struct dirent *entry; list != NULL && (entry = readdir(list));) {
        int fd = openat(dirfd(list), entry->d_name,
                        O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        struct stat info;
        if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
            (void)(fchown(fd, geteuid(), user->gid) == 0 &&
                   fchmod(fd, 0640) == 0);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    return 0;
}

static int admit_to_log(const struct lun_process_user *user, const char *log,
                        struct lun_err *err)
{
    const int flags =
        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    struct stat info;
    int fd = open(log, flags, 0600);
    if (fd < 0) {
        return refuse(log, err);
    }
    int failed = fstat(fd, &info);
    if (failed == 0 && S_ISREG(info.st_mode)) { /* a pipe stays as it is */
        failed = fchown(fd, user->uid, user->gid);
    }
    (void)close(fd);
    return failed != 0 ? refuse(log, err) : 0;
}

int lun_worker_user_admit(const char *name, const struct lun_datadir *dir,
                          const char *log, struct lun_err *err)
{
    struct lun_process_user user;
    char sets[PATH_MAX];
    char logs[PATH_MAX];
    int code = lun_process_user_find(name, &user, err);
    if (code == 0) {
        code = lun_datadir_join(dir, "sets", sets, err);
    }
    if (code == 0) {
        code = lun_datadir_join(dir, "log", logs, err);
    }
    if (code == 0) {
        code = admit_to_folder(&user, dir->path, err);
    }
    if (code == 0) {
        code = admit_to_sets(&user, sets, err);
    }
    if (code == 0 && log[0] != '\0') {
        code = admit_to_log(&user, log, err);
        if (code == 0 &&
            (chown(logs, geteuid(), user.gid) != 0 || chmod(logs, 0710) != 0)) {
            code = refuse(logs, err);
        }
    }
    return code;
}

int lun_worker_user_become(const char *name, struct lun_err *err)
{
    struct lun_process_user user;
    if (geteuid() != 0 || name[0] == '\0' || strcmp(name, "root") == 0) {
        return 0;
    }
    int code = lun_process_user_find(name, &user, err);
    return code != 0 ? code : lun_process_user_become(&user, err);
}
