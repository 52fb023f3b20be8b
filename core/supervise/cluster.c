/*
 * core/supervise/cluster.c - the files of the private PostgreSQL cluster.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/cluster.h"

#include <dirent.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/config/datadir.h"
#include "core/supervise/postgres.h"
#include "core/os/file.h"

#define DEBIAN_BIN "/usr/lib/postgresql"
#define SOCKET_NAME "/.s.PGSQL.5432"
#define FAR_AWAY "/var/lib/lunette"

static int too_long(struct lun_err *err, const char *path)
{
    return lun_error_set(err, LUN_EIO, "path is too long: '%s'", path);
}

static int join(char out[PATH_MAX], const char *folder, const char *name,
                struct lun_err *err)
{
    int len = snprintf(out, PATH_MAX, "%s/%s", folder, name);
    return len < 0 || len >= PATH_MAX ? too_long(err, folder) : 0;
}

/* --- the programs ------------------------------------------------------- */

static bool has_server(const char *bin)
{
    char path[PATH_MAX];
    return join(path, bin, "initdb", NULL) == 0 && access(path, X_OK) == 0 &&
           join(path, bin, "postgres", NULL) == 0 && access(path, X_OK) == 0;
}

/* The folder that link `name` on PATH really leads to. */
static bool find_on_path(char out[PATH_MAX])
{
    const char *path = getenv("PATH");
    for (; path != NULL && *path != '\0'; path += *path == ':') {
        size_t len = strcspn(path, ":");
        char folder[PATH_MAX];
        if (len > 0 && len < sizeof folder) {
            memcpy(folder, path, len);
            folder[len] = '\0';
            char program[PATH_MAX];
            if (has_server(folder) &&
                join(program, folder, "postgres", NULL) == 0 &&
                realpath(program, out) != NULL) {
                *strrchr(out, '/') = '\0';
                return true;
            }
        }
        path += len;
    }
    return false;
}

/* Debian keeps each major version in a folder; `wanted` 0 takes the newest. */
static bool find_debian(long wanted, char out[PATH_MAX])
{
    DIR *list = opendir(DEBIAN_BIN);
    long best = 0;
    for (struct dirent *entry; list != NULL && (entry = readdir(list));) {
        long version = strtol(entry->d_name, NULL, 10);
        char bin[PATH_MAX];
        (void)snprintf(bin, sizeof bin, DEBIAN_BIN "/%ld/bin", version);
        if (version > best && (wanted == 0 || version == wanted) &&
            has_server(bin)) {
            best = version;
            (void)snprintf(out, PATH_MAX, "%s", bin);
        }
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    return best > 0;
}

static int find_programs(const struct lun_config *config, long version,
                         struct lun_cluster *cluster, struct lun_err *err)
{
    if (config->postgres_bin[0] != '\0') {
        if (!has_server(config->postgres_bin)) {
            return lun_error_set(err, LUN_ENOT_FOUND,
                                 "postgres_bin: there is no PostgreSQL server "
                                 "in '%s'",
                                 config->postgres_bin);
        }
        (void)snprintf(cluster->bin, sizeof cluster->bin, "%s",
                       config->postgres_bin);
        return 0;
    }
    if (find_debian(version, cluster->bin) ||
        (version == 0 && find_on_path(cluster->bin))) {
        return 0;
    }
    if (version != 0) {
        return lun_error_set(err, LUN_ENOT_FOUND,
                             "the cluster in '%s' was made by PostgreSQL %ld, "
                             "which is not installed",
                             cluster->data, version);
    }
    return lun_error_set(err, LUN_ENOT_FOUND,
                         "no PostgreSQL server found; install 'postgresql', "
                         "set postgres_bin, or give --database URL");
}

/* --- the cluster -------------------------------------------------------- */

/* Major version of a finished cluster, 0 when there is none. */
static long cluster_version(const char *data)
{
    char path[PATH_MAX];
    struct lun_buf text;
    long version = 0;
    lun_buf_init(&text);
    if (join(path, data, "PG_VERSION", NULL) == 0 &&
        lun_file_read(path, 64, &text, NULL) == 0 &&
        lun_buf_str(&text) != NULL) {
        version = strtol(text.data, NULL, 10);
    }
    lun_buf_release(&text);
    return version;
}

static int run_initdb(const struct lun_cluster *cluster, const char *data,
                      struct lun_err *err)
{
    char program[PATH_MAX];
    int code = join(program, cluster->bin, "initdb", err);
    if (code != 0) {
        return code;
    }
    const char *argv[] = {program,
                          "-D",
                          data,
                          "-U",
                          cluster->superuser,
                          "-E",
                          "UTF8",
                          "--locale=C",
                          "-k",
                          "--auth-local=trust",
                          "--auth-host=reject",
                          NULL};
    int status = lun_process_run(argv, &cluster->user, cluster->log, err);
    if (status > 0) {
        return lun_error_set(err, LUN_EIO,
                             "initdb failed with status %d; see '%s'", status,
                             cluster->log);
    }
    return status < 0 ? LUN_EIO : 0;
}

static int own(const struct lun_cluster *cluster, const char *path,
               struct lun_err *err)
{
    if (chown(path, cluster->user.uid, cluster->user.gid) != 0 ||
        chmod(path, 0700) != 0) {
        return lun_error_set(err, LUN_EIO, "cannot give '%s' to '%s': %s", path,
                             cluster->user.name, strerror(errno));
    }
    return 0;
}

static int make_beside(const struct lun_cluster *cluster, struct lun_err *err)
{
    char fresh[PATH_MAX];
    int len = snprintf(fresh, sizeof fresh, "%s.new", cluster->data);
    if (len < 0 || (size_t)len >= sizeof fresh) {
        return too_long(err, cluster->data);
    }
    /* What an interrupted start has left is no cluster yet. */
    const char *const clean[] = {"rm", "-rf", fresh, NULL};
    (void)lun_process_run(clean, NULL, cluster->log, NULL);
    int code = lun_file_mkdirs(fresh, 0700, err);
    if (code == 0) {
        code = own(cluster, fresh, err);
    }
    if (code == 0) {
        code = run_initdb(cluster, fresh, err);
    }
    if (code == 0 && rename(fresh, cluster->data) != 0) {
        code = lun_error_set(err, LUN_EIO, "cannot make '%s': %s",
                             cluster->data, strerror(errno));
    }
    return code;
}

/* As root in a folder that the server's account cannot reach (/root/...): the
 * cluster lives elsewhere and a link leads to it. */
static int make_far_away(const struct lun_cluster *cluster, struct lun_err *err)
{
    char place[] = FAR_AWAY "/XXXXXX";
    int code = lun_file_mkdirs(FAR_AWAY, 0755, err);
    if (code != 0) {
        return code;
    }
    if (mkdtemp(place) == NULL) {
        return lun_error_set(err, LUN_EIO, "cannot make a folder in '%s': %s",
                             FAR_AWAY, strerror(errno));
    }
    code = own(cluster, place, err);
    if (code == 0) {
        code = run_initdb(cluster, place, err);
    }
    (void)unlink(cluster->data); /* a link that leads nowhere */
    if (code == 0 && symlink(place, cluster->data) != 0) {
        code = lun_error_set(err, LUN_EIO, "cannot link '%s': %s",
                             cluster->data, strerror(errno));
    }
    if (code == 0) {
        lun_console_say("the database lives in '%s', because user '%s' cannot "
                        "reach the data folder",
                        place, cluster->user.name);
    }
    return code;
}

static int make_cluster(const struct lun_cluster *cluster,
                        const struct lun_datadir *dir, struct lun_err *err)
{
    lun_console_step("making a PostgreSQL cluster");
    if (cluster->user.uid != geteuid() &&
        !lun_process_user_reaches(&cluster->user, dir->path)) {
        return make_far_away(cluster, err);
    }
    return make_beside(cluster, err);
}

/* --- its socket --------------------------------------------------------- */

static bool socket_fits(const char *folder)
{
    return strlen(folder) + strlen(SOCKET_NAME) <
           sizeof(((struct sockaddr_un *)0)->sun_path);
}

static bool is_private(const struct lun_cluster *cluster, const char *folder)
{
    struct stat info;
    return lstat(folder, &info) == 0 && S_ISDIR(info.st_mode) &&
           info.st_uid == cluster->user.uid && (info.st_mode & 077) == 0;
}

static int make_short_socket(struct lun_cluster *cluster, const char *link,
                             struct lun_err *err)
{
    ssize_t len = readlink(link, cluster->socket, sizeof cluster->socket - 1);
    cluster->socket_is_short = true;
    if (len > 0) {
        cluster->socket[len] = '\0';
        if (is_private(cluster, cluster->socket)) {
            return 0;
        }
    }
    (void)snprintf(cluster->socket, sizeof cluster->socket,
                   "/tmp/lunette-XXXXXX");
    (void)unlink(link);
    if (mkdtemp(cluster->socket) == NULL ||
        symlink(cluster->socket, link) != 0) {
        return lun_error_set(err, LUN_EIO, "cannot make a folder in /tmp: %s",
                             strerror(errno));
    }
    return own(cluster, cluster->socket, err);
}

static int make_socket(struct lun_cluster *cluster,
                       const struct lun_datadir *dir, struct lun_err *err)
{
    char path[PATH_MAX];
    int code = lun_datadir_join(dir, "run", path, err);
    if (code != 0) {
        return code;
    }
    bool far = cluster->user.uid != geteuid() &&
               !lun_process_user_reaches(&cluster->user, dir->path);
    if (far || !socket_fits(path)) {
        return make_short_socket(cluster, path, err);
    }
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode)) {
        (void)unlink(path); /* the data folder was moved to a shorter name */
    }
    (void)snprintf(cluster->socket, sizeof cluster->socket, "%s", path);
    code = lun_file_mkdirs(path, 0700, err);
    return code != 0 ? code : own(cluster, path, err);
}

/* --- its settings ------------------------------------------------------- */

static void push_quoted_list(struct lun_buf *out, const char *path)
{
    lun_buf_push_str(out, "'\"");
    for (; *path != '\0'; path++) {
        if (*path == '\'' || *path == '"' || *path == '\\') {
            lun_buf_push_byte(out, *path);
        }
        lun_buf_push_byte(out, *path);
    }
    lun_buf_push_str(out, "\"'");
}

static int connections(const struct lun_config *config)
{
    long workers = config->workers;
    if (workers == 0) {
        workers = sysconf(_SC_NPROCESSORS_ONLN);
    }
    long wanted = (workers + 1) * config->pg_size + 20;
    return wanted > 100 ? (int)wanted : 100;
}

static int write_settings(const struct lun_config *config,
                          const struct lun_cluster *cluster,
                          struct lun_err *err)
{
    struct lun_buf text;
    char path[PATH_MAX];
    int code = join(path, cluster->data, "lunette.conf", err);
    if (code != 0) {
        return code;
    }
    lun_buf_init(&text);
    lun_buf_push_str(&text, "# Written by lunette at each start.\n"
                            "listen_addresses = ''\n"
                            "port = 5432\n"
                            "unix_socket_permissions = 0700\n"
                            "unix_socket_directories = ");
    push_quoted_list(&text, cluster->socket);
    lun_buf_printf(&text,
                   "\nmax_connections = %d\n"
                   "shared_buffers = 128MB\n"
                   "effective_cache_size = 1GB\n"
                   "work_mem = 8MB\n"
                   "maintenance_work_mem = 64MB\n"
                   "fsync = on\n"
                   "synchronous_commit = on\n"
                   "full_page_writes = on\n"
                   "wal_compression = on\n"
                   "max_wal_size = 1GB\n"
                   "checkpoint_timeout = 15min\n"
                   "random_page_cost = 1.1\n"
                   /* who lost is sent again by us: do not keep him waiting */
                   "deadlock_timeout = 100ms\n"
                   "jit = off\n"
                   /* requests are many and short, cores few */
                   "max_parallel_workers_per_gather = 0\n"
                   "timezone = 'UTC'\n"
                   "log_timezone = 'UTC'\n"
                   "log_min_messages = warning\n"
                   /* statements carry data of users */
                   "log_min_error_statement = panic\n"
                   "log_line_prefix = '%%m [%%p] %%q%%u@%%d '\n",
                   connections(config));
    code = text.failed
               ? lun_error_set(err, LUN_EMEMORY, "out of memory")
               : lun_file_write(path, 0644, text.data, text.len, false, err);
    lun_buf_release(&text);
    return code;
}

static int include_settings(const struct lun_cluster *cluster,
                            struct lun_err *err)
{
    static const char line[] = "\ninclude_if_exists = 'lunette.conf'\n";
    char path[PATH_MAX];
    struct lun_buf text;
    int code = join(path, cluster->data, "postgresql.conf", err);
    if (code != 0) {
        return code;
    }
    lun_buf_init(&text);
    code = lun_file_read(path, (size_t)1024 * 1024, &text, err);
    if (code == 0 && memmem(text.data, text.len, line, strlen(line)) == NULL) {
        lun_buf_push_str(&text, line);
        code = lun_file_write(path, 0644, text.data, text.len, true, err);
    }
    lun_buf_release(&text);
    return code;
}

/* --- all of it ---------------------------------------------------------- */

/* The place a link leads to: the server may not pass through the link's own
 * folder. */
static int resolve(struct lun_cluster *cluster, struct lun_err *err)
{
    char *real = lun_file_absolute(cluster->data);
    if (real == NULL) {
        return lun_error_set(err, LUN_EIO, "cannot find '%s': %s",
                             cluster->data, strerror(errno));
    }
    (void)snprintf(cluster->data, sizeof cluster->data, "%s", real);
    free(real);
    return 0;
}

static int find_users(struct lun_cluster *cluster, struct lun_err *err)
{
    struct lun_process_user self;
    int code = lun_process_user_find(NULL, &self, err);
    if (code != 0) {
        return code;
    }
    (void)snprintf(cluster->superuser, sizeof cluster->superuser, "%s",
                   self.name);
    if (self.uid != 0) {
        cluster->user = self;
        return 0;
    }
    /* PostgreSQL refuses to run as root. */
    if (lun_process_user_find("postgres", &cluster->user, err) != 0) {
        return lun_error_set(err, LUN_ENOT_FOUND,
                             "PostgreSQL does not run as root and there is no "
                             "user 'postgres'; install 'postgresql' or start "
                             "lunette as another user");
    }
    return 0;
}

/* Lets the server's account pass through the data folder, nothing more. */
static int open_way(const struct lun_cluster *cluster,
                    const struct lun_datadir *dir, struct lun_err *err)
{
    if (cluster->user.uid == geteuid()) {
        return 0;
    }
    if (chown(dir->path, geteuid(), cluster->user.gid) != 0 ||
        chmod(dir->path, 0710) != 0) {
        return lun_error_set(err, LUN_EIO, "cannot open '%s' for '%s': %s",
                             dir->path, cluster->user.name, strerror(errno));
    }
    return 0;
}

int lun_cluster_prepare(const struct lun_config *config,
                        const struct lun_datadir *dir,
                        struct lun_cluster *cluster, struct lun_err *err)
{
    memset(cluster, 0, sizeof *cluster);
    int code = lun_datadir_join(dir, "postgres", cluster->data, err);
    if (code == 0) {
        code = lun_datadir_join(dir, "log/postgres.log", cluster->log, err);
    }
    if (code == 0) {
        code = find_users(cluster, err);
    }
    if (code != 0) {
        return code;
    }
    long version = cluster_version(cluster->data);
    code = find_programs(config, version, cluster, err);
    if (code == 0) {
        code = open_way(cluster, dir, err);
    }
    if (code == 0 && version == 0) {
        code = make_cluster(cluster, dir, err);
    }
    if (code == 0) {
        code = resolve(cluster, err);
    }
    if (code == 0) {
        code = make_socket(cluster, dir, err);
    }
    if (code == 0) {
        code = include_settings(cluster, err);
    }
    return code != 0 ? code : write_settings(config, cluster, err);
}

static size_t quote_value(char *out, size_t size, const char *value)
{
    size_t len = 0;
    for (; *value != '\0' && len + 3 < size; value++) {
        if (*value == '\'' || *value == '\\') {
            out[len++] = '\\';
        }
        out[len++] = *value;
    }
    out[len] = '\0';
    return len;
}

int lun_cluster_conninfo(const struct lun_cluster *cluster, const char *role,
                         const char *database, char *out, size_t size)
{
    char host[2 * PATH_MAX];
    char user[160];
    (void)quote_value(host, sizeof host, cluster->socket);
    (void)quote_value(user, sizeof user, role);
    int len = snprintf(out, size, "host='%s' port=5432 user='%s' dbname='%s'",
                       host, user, database);
    return len < 0 || (size_t)len >= size ? LUN_ELIMIT : 0;
}

static PGconn *connect_to(const struct lun_cluster *cluster,
                          const char *database, struct lun_err *err)
{
    char info[2 * PATH_MAX];
    (void)lun_cluster_conninfo(cluster, cluster->superuser, database, info,
                               sizeof info);
    PGconn *connection = PQconnectdb(info);
    if (PQstatus(connection) != CONNECTION_OK) {
        (void)lun_error_set(err, LUN_EUNAVAILABLE,
                            "cannot set up the database: %s",
                            PQerrorMessage(connection));
        PQfinish(connection);
        return NULL;
    }
    return connection;
}

static int run_sql(PGconn *connection, const char *sql, struct lun_err *err)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        return lun_error_set(err, LUN_EUNAVAILABLE,
                             "cannot set up the database: %s",
                             PQerrorMessage(connection));
    }
    return 0;
}

static bool exists(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    bool found =
        PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
    PQclear(result);
    return found;
}

struct setup_step {
    const char *done; /* a row says that it was done before */
    const char *sql;
};

static const struct setup_step server_steps[] = {
    {"select 1 from pg_roles where rolname = 'lunette_migrator'",
     "create role lunette_migrator login"},
    {"select 1 from pg_roles where rolname = 'lunette_app'",
     "create role lunette_app login"},
    {"select 1 from pg_database where datname = '" LUN_POSTGRES_DATABASE "'",
     "create database " LUN_POSTGRES_DATABASE " owner lunette_migrator"},
};

/* The run-time role reads and changes rows, the migrator owns the tables. */
static const struct setup_step database_steps[] = {
    {"select 1 from pg_default_acl",
     "begin;"
     "revoke all on database " LUN_POSTGRES_DATABASE " from public;"
     "grant connect on database " LUN_POSTGRES_DATABASE " to lunette_app;"
     "alter default privileges for role lunette_migrator"
     " grant usage on schemas to lunette_app;"
     "alter default privileges for role lunette_migrator"
     " grant select, insert, update, delete on tables to lunette_app;"
     "alter default privileges for role lunette_migrator"
     " grant usage, select on sequences to lunette_app;"
     "commit"},
};

static int run_steps(const struct lun_cluster *cluster, const char *database,
                     const struct setup_step *steps, size_t count,
                     struct lun_err *err)
{
    PGconn *connection = connect_to(cluster, database, err);
    if (connection == NULL) {
        return LUN_EUNAVAILABLE;
    }
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        if (!exists(connection, steps[i].done)) {
            code = run_sql(connection, steps[i].sql, err);
        }
    }
    PQfinish(connection);
    return code;
}

int lun_cluster_setup(const struct lun_cluster *cluster, struct lun_err *err)
{
    int code = run_steps(cluster, "postgres", server_steps,
                         sizeof server_steps / sizeof server_steps[0], err);
    if (code == 0) {
        code = run_steps(cluster, LUN_POSTGRES_DATABASE, database_steps,
                         sizeof database_steps / sizeof database_steps[0], err);
    }
    return code;
}

/* The first line of postmaster.pid counts only while that process really
 * works in this folder: the number may belong to somebody else by now. */
pid_t lun_cluster_postmaster(const char *data)
{
    char path[PATH_MAX];
    char real[PATH_MAX];
    char place[PATH_MAX];
    struct lun_buf text;
    pid_t pid = 0;
    lun_buf_init(&text);
    if (join(path, data, "postmaster.pid", NULL) == 0 &&
        lun_file_read(path, 4096, &text, NULL) == 0 &&
        lun_buf_str(&text) != NULL) {
        pid = (pid_t)strtol(text.data, NULL, 10);
    }
    lun_buf_release(&text);
    if (!lun_process_alive(pid) || realpath(data, real) == NULL) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
    ssize_t len = readlink(path, place, sizeof place - 1);
    if (len > 0) {
        place[len] = '\0';
        return strcmp(place, real) == 0 ? pid : 0;
    }
    return pid;
}
