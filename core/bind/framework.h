/*
 * core/bind/framework.h - the system VM: it compiles, C runs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Holds the framework (lua/lunette) of one worker. A service is one release set
 * loaded into it; several live side by side while one takes over from another.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_State;
struct lun_arena;
struct lun_err;
struct lun_framework; /* opaque */
struct lun_graphql_document;
struct lun_graphql_tokens;
struct lun_json;
struct lun_plan;
struct lun_plan_error;

/* The framework below `lua_dir`; loads all modules it needs for requests. */
int lun_framework_open(const char *lua_dir, struct lun_framework **out,
                       struct lun_err *err);
void lun_framework_close(struct lun_framework *framework);
struct lua_State *lun_framework_state(struct lun_framework *framework);
/* Bytes in use by the VM. */
size_t lun_framework_memory(const struct lun_framework *framework);

/* Loads the release set in `json`; `*service` is its handle. */
int lun_framework_load(struct lun_framework *framework, const char *json,
                       size_t len, bool strict, int *service,
                       struct lun_err *err);
void lun_framework_unload(struct lun_framework *framework, int service);

/* The id of the release set of a service, into `out`. */
int lun_framework_id(struct lun_framework *framework, int service, char *out,
                     size_t size, struct lun_err *err);
/* The header line "sales@1.0.0+1a2b3c4d,..." of a service, into `out`. */
int lun_framework_release(struct lun_framework *framework, int service,
                          char *out, size_t size, struct lun_err *err);
/* Closes a set of role names over what they imply; both lists are NULL-ended.
 * The result lives in `arena`, sorted; unknown names are dropped. */
int lun_framework_roles(struct lun_framework *framework, int service,
                        struct lun_arena *arena, const char *const *names,
                        const char *const **out, struct lun_err *err);
/* The model "base.User" of the service exists and has the fields of the user
 * directory. */
bool lun_framework_has_users(struct lun_framework *framework, int service);

/* Pushes the list of apps that have functions (lunette.runtime.setup) on the
 * stack of the VM; nothing when it fails. */
int lun_framework_push_apps(struct lun_framework *framework, int service,
                            struct lun_err *err);

struct lun_framework_request {
    struct lun_arena *arena;
    const struct lun_graphql_tokens *tokens;
    const struct lun_graphql_document *document;
    const char *operation_name;       /* NULL: none */
    const struct lun_json *variables; /* NULL: none */
    const char *const *roles;         /* NULL-ended, closed */
    const char *user;                 /* NULL: nobody */
    bool get;                         /* over GET: no mutation */
};

/*
 * Compiles. Returns 0 and a plan with one reference; or a code and the errors,
 * in the request's arena (LUN_EINVALID, LUN_EBAD_INPUT, LUN_EINTERNAL).
 */
int lun_framework_compile(struct lun_framework *framework, int service,
                          const struct lun_framework_request *request,
                          struct lun_plan **plan,
                          struct lun_plan_error **errors, size_t *count);
