/* SPDX-License-Identifier: Apache-2.0 */
#include "core/supervise/reload_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/config/console.h"
#include "core/config/excerpt.h"
#include "core/serve/loadout.h"
#include "core/telemetry/log.h"

/* Excerpts of code stand below their message. */
void lun_reload_say(const char *before, const char *lines)
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

static void push_text(struct lun_buf *out, const char *name, const char *text)
{
    lun_buf_printf(out, ",\"%s\":", name);
    lun_buf_push_json_string(out, text, strlen(text));
}

static void push_json(struct lun_buf *out, const char *name,
                      const struct lun_buf *json)
{
    if (json->len > 0) {
        lun_buf_printf(out, ",\"%s\":", name);
        lun_buf_push(out, json->data, json->len);
    }
}

static const char *or_empty(const struct lun_buf *text)
{
    return text->len > 0 ? text->data : "";
}

/* --- success ------------------------------------------------------------ */

static void say_success(const struct lun_reload_success *success)
{
    if (success->changes[0] == '\0') {
        lun_console_say("loaded, nothing has changed (%" PRIu64 " ms)",
                        success->ms);
    } else {
        lun_console_say("%s %s in %" PRIu64 " ms",
                        success->back ? "rolled back to" : "loaded",
                        success->changes, success->ms);
    }
}

static void log_success(const struct lun_reload_success *success)
{
    const struct lun_loadout *loadout = success->loadout;
    char ms[24];
    char us[24];
    char epoch[24];
    (void)snprintf(ms, sizeof ms, "%" PRIu64, success->ms);
    (void)snprintf(us, sizeof us, "%" PRIu64, success->switch_us);
    (void)snprintf(epoch, sizeof epoch, "%" PRIu64, success->epoch);
    lun_log_write(LUN_LOG_INFO, success->back ? "rolled back" : "loaded",
                  (struct lun_log_field[]){{"releases", success->changes},
                                           {"set", loadout->id},
                                           {"epoch", epoch},
                                           {"by", or_empty(&loadout->by)},
                                           {"why", or_empty(&loadout->why)},
                                           {"ms", ms},
                                           {"switch_us", us}},
                  7);
}

void lun_reload_report_success(const struct lun_reload_success *success,
                               struct lun_buf *body)
{
    const struct lun_loadout *loadout = success->loadout;
    say_success(success);
    log_success(success);
    lun_buf_push_str(body, "{\"ok\":true");
    push_text(body, "release", success->changes);
    push_text(body, "set", loadout->id);
    push_text(body, "tests", or_empty(&loadout->tests));
    push_text(body, "steps", or_empty(&loadout->steps));
    push_text(body, "warnings", or_empty(&loadout->warnings));
    push_json(body, "sql", &loadout->sql);
    lun_buf_printf(body,
                   ",\"epoch\":%" PRIu64 ",\"ms\":%" PRIu64
                   ",\"switch_us\":%" PRIu64 "}",
                   success->epoch, success->ms, success->switch_us);
}

/* --- failure ------------------------------------------------------------ */

static void push_errors(const struct lun_loadout *loadout, const char *message,
                        struct lun_buf *out)
{
    size_t first = strcspn(message, "\n");
    lun_buf_push_str(out, "\"message\":");
    lun_buf_push_json_string(out, message, first);
    lun_buf_push_str(out, ",\"errors\":");
    if (loadout->errors_json.len > 0) {
        lun_buf_push(out, loadout->errors_json.data, loadout->errors_json.len);
        return;
    }
    lun_buf_push_str(out, "[{\"message\":");
    lun_buf_push_json_string(out, message, strlen(message));
    lun_buf_push_str(out, "}]");
}

void lun_reload_report_refusal(const struct lun_loadout *loadout,
                               const char *message, struct lun_buf *body)
{
    lun_buf_push_str(body, "{\"ok\":false,");
    push_errors(loadout, message, body);
    push_text(body, "warnings", or_empty(&loadout->warnings));
    push_json(body, "confirm", &loadout->confirm);
    lun_buf_push_byte(body, '}');
}

void lun_reload_report_error(const struct lun_loadout *loadout,
                             const char *message, struct lun_buf *out)
{
    char text[32];
    time_t now = time(NULL);
    struct tm parts;
    (void)gmtime_r(&now, &parts);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    lun_buf_clear(out);
    lun_buf_printf(out, "{\"time\":\"%s\",", text);
    push_errors(loadout, message, out);
    lun_buf_push_byte(out, '}');
    (void)lun_buf_str(out);
}
