/*
 * Static pages: GraphiQL and the admin, built into one folder by the bootstrap
 * script and read when they are asked for.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/serve/answer.h"
#include "core/config/config.h"
#include "core/config/program.h"
#include "core/serve/release.h"
#include "core/serve/service.h"
#include "core/http/server.h"
#include "core/telemetry/metrics.h"

#define PAGE_BYTES_MAX ((size_t)16 << 20)

/* Pages load nothing from elsewhere and cannot be framed. */
static const char policy[] =
    "default-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'";

static const struct {
    const char *suffix;
    const char *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".woff2", "font/woff2"},
    {".json", "application/json"},
    {".ttf", "font/ttf"},
};

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(dot, types[i].suffix))
            return types[i].type;
    return NULL;
}

/* Only names that the build makes: no "..", no hidden files, no escapes. */
static bool is_plain(const char *path)
{
    if (strstr(path, "..") || strstr(path, "/.") || strstr(path, "//"))
        return false;
    return strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789-_./") == strlen(path);
}

/* "/graphiql" stands for its index. */
static bool file_of(const struct lun_config *config, const char *path,
                    char out[PATH_MAX])
{
    char pages[PATH_MAX];
    struct lun_err err;
    if (!is_plain(path) || lun_program_pages_dir(config, pages, &err))
        return false;
    size_t len = strlen(path);
    const char *name = strrchr(path, '/') + 1;
    const char *rest = path[len - 1] == '/' ? "index.html"
                       : strchr(name, '.')  ? ""
                                            : "/index.html";
    return snprintf(out, PATH_MAX, "%s%s%s", pages, path, rest) < PATH_MAX;
}

/* A file that was read, and its validator. */
struct page {
    struct lun_buf body;
    enum lun_http_coding coding;
    char tag[64];
};

static bool read_file(const char *path, struct page *page)
{
    struct stat info;
    struct lun_buf *out = &page->body;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool ok = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
              (size_t)info.st_size <= PAGE_BYTES_MAX &&
              lun_buf_reserve(out, (size_t)info.st_size);
    if (ok) {
        ssize_t got = read(fd, out->data, (size_t)info.st_size);
        ok = got == info.st_size;
        out->len = ok ? (size_t)got : 0;
        (void)snprintf(page->tag, sizeof(page->tag), "W/\"%llx-%llx-%lx\"",
                       (unsigned long long)info.st_size,
                       (unsigned long long)info.st_mtim.tv_sec,
                       (unsigned long)info.st_mtim.tv_nsec);
    }
    (void)close(fd);
    return ok;
}

/* The packed form of a page stands beside it where the build made one. */
static bool read_coded(const char *path, enum lun_http_coding coding,
                       struct page *page)
{
    char packed[PATH_MAX];
    const char *suffix = coding == LUN_HTTP_BROTLI ? "br" : "gz";
    if (snprintf(packed, sizeof(packed), "%s.%s", path, suffix) >= PATH_MAX ||
        !read_file(packed, page))
        return false;
    page->coding = coding;
    return true;
}

static bool read_page(const char *path, const char *accept, struct page *page)
{
    unsigned gzip = LUN_HTTP_CODING_BIT(LUN_HTTP_GZIP);
    unsigned all = gzip | LUN_HTTP_CODING_BIT(LUN_HTTP_BROTLI);
    page->coding = LUN_HTTP_IDENTITY;
    if (lun_http_coding_pick(accept, all) == LUN_HTTP_BROTLI &&
        read_coded(path, LUN_HTTP_BROTLI, page))
        return true;
    if (lun_http_coding_pick(accept, gzip) == LUN_HTTP_GZIP &&
        read_coded(path, LUN_HTTP_GZIP, page))
        return true;
    return read_file(path, page);
}

static void observe(const struct lun_http_request *request, int status)
{
    lun_metrics_observe_request(status,
                                lun_clock_monotonic_ns() - request->started_ns);
}

static void respond_error(struct lun_service *service,
                          struct lun_http_request *request, int status,
                          const char *message)
{
    struct lun_buf body;
    lun_buf_init(&body);
    lun_buf_printf(&body, "{\"errors\":[{\"message\":\"%s\"}]}", message);
    observe(request, status);
    lun_service_respond(service, service->current, request, status,
                        "application/json; charset=utf-8",
                        status == 405 ? "allow" : NULL, "GET, HEAD", body.data,
                        body.len);
    lun_buf_release(&body);
}

void lun_page_route(struct lun_service *service,
                    struct lun_http_request *request)
{
    char file[PATH_MAX];
    struct page page;
    const char *type;
    const char *accept = lun_http_header_get(request, "accept-encoding");
    /* The front page is GraphiQL. */
    const char *path = strcmp(request->path, "/") ? request->path : "/graphiql";
    lun_buf_init(&page.body);
    if (!file_of(service->config, path, file) || !(type = type_of(file)) ||
        !read_page(file, accept, &page)) {
        respond_error(service, request, 404, "nothing is here");
    } else if (request->method != LUN_HTTP_GET &&
               request->method != LUN_HTTP_HEAD) {
        respond_error(service, request, 405, "pages are read by GET");
    } else {
        observe(request, 200);
        const struct lun_answer answer = {
            .status = 200,
            .type = type,
            .extra_name = "content-security-policy",
            .extra_value = policy,
            .body = page.body.data,
            .len = page.body.len,
            .tag = page.tag,
            .coding = page.coding,
        };
        lun_answer_send(service, service->current, request, &answer);
    }
    lun_buf_release(&page.body);
}
