/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/plan.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/map.h"
#include "core/graphql/plan.h"

static void *take(lua_State *L, struct lun_arena *arena, size_t count,
                  size_t size)
{
    void *out = lun_arena_calloc(arena, count ? count : 1, size);
    if (!out)
        luaL_error(L, "out of memory");
    return out;
}

static int absolute(lua_State *L, int index)
{
    return index < 0 ? lua_gettop(L) + index + 1 : index;
}

/* A copy of string field `name`, or NULL when it is absent. */
static const char *get_text(lua_State *L, int index, const char *name,
                            struct lun_arena *arena, size_t *len)
{
    size_t size;
    char *copy = NULL;
    lua_getfield(L, index, name);
    const char *text = lua_tolstring(L, -1, &size);
    if (text) {
        copy = take(L, arena, size + 1, 1);
        memcpy(copy, text, size);
        if (len)
            *len = size;
    }
    lua_pop(L, 1);
    return copy;
}

static const char *need_text(lua_State *L, int index, const char *name,
                             struct lun_arena *arena, size_t *len)
{
    const char *text = get_text(L, index, name, arena, len);
    if (!text)
        luaL_error(L, "a plan lacks '%s'", name);
    return text;
}

static bool get_bool(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static lua_Integer get_int(lua_State *L, int index, const char *name,
                           lua_Integer missing)
{
    lua_getfield(L, index, name);
    lua_Integer value = lua_isnumber(L, -1) ? lua_tointeger(L, -1) : missing;
    lua_pop(L, 1);
    return value;
}

static bool has(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    bool there = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return there;
}

static const char **read_names(lua_State *L, int index, struct lun_arena *arena,
                               size_t *count)
{
    *count = lua_istable(L, index) ? lua_objlen(L, index) : 0;
    const char **names = take(L, arena, *count, sizeof(*names));
    for (size_t i = 0; i < *count; i++) {
        size_t len;
        lua_rawgeti(L, index, (int)i + 1);
        const char *text = luaL_checklstring(L, -1, &len);
        names[i] = lun_arena_strndup(arena, text, len);
        if (!names[i])
            luaL_error(L, "out of memory");
        lua_pop(L, 1);
    }
    return names;
}

static void read_path(lua_State *L, struct lun_arena *arena,
                      struct lun_plan_source *out)
{
    int path = lua_gettop(L);
    if (!lua_istable(L, path))
        return;
    out->step_count = lua_objlen(L, path);
    out->steps = take(L, arena, out->step_count, sizeof(*out->steps));
    for (size_t i = 0; i < out->step_count; i++) {
        lua_rawgeti(L, path, (int)i + 1);
        if (lua_type(L, -1) == LUA_TNUMBER)
            out->steps[i].index = (size_t)lua_tointeger(L, -1);
        else
            out->steps[i].key = lun_arena_strndup(
                arena, luaL_checkstring(L, -1), strlen(lua_tostring(L, -1)));
        lua_pop(L, 1);
    }
}

static void read_items(lua_State *L, struct lun_arena *arena,
                       struct lun_plan_source *out)
{
    int list = lua_gettop(L);
    out->item_count = lua_objlen(L, list);
    out->items = take(L, arena, out->item_count, sizeof(*out->items));
    for (size_t i = 0; i < out->item_count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        lun_bind_plan_source(L, -1, arena, &out->items[i]);
        lua_pop(L, 1);
    }
}

static void read_default(lua_State *L, int index, struct lun_arena *arena,
                         struct lun_plan_source *out)
{
    out->kind = LUN_PLAN_DEFAULT;
    out->item_count = 2;
    out->items = take(L, arena, 2, sizeof(*out->items));
    lua_getfield(L, index, "src");
    lun_bind_plan_source(L, -1, arena, &out->items[0]);
    lua_getfield(L, index, "default");
    lun_bind_plan_source(L, -1, arena, &out->items[1]);
    lua_pop(L, 2);
}

void lun_bind_plan_source(lua_State *L, int index, struct lun_arena *arena,
                          struct lun_plan_source *out)
{
    index = absolute(L, index);
    luaL_checkstack(L, 8, "a plan is nested too deeply");
    luaL_checktype(L, index, LUA_TTABLE);
    if (has(L, index, "lit")) {
        out->kind = LUN_PLAN_LITERAL;
        out->literal = (size_t)get_int(L, index, "lit", 0);
    } else if (has(L, index, "var")) {
        out->kind = LUN_PLAN_VARIABLE;
        out->text = need_text(L, index, "var", arena, NULL);
        lua_getfield(L, index, "path");
        read_path(L, arena, out);
        lua_pop(L, 1);
    } else if (has(L, index, "const")) {
        out->kind = LUN_PLAN_CONST;
        out->text = need_text(L, index, "const", arena, NULL);
    } else if (has(L, index, "ctx")) {
        out->kind = LUN_PLAN_CONTEXT;
        out->text = need_text(L, index, "ctx", arena, NULL);
    } else if (has(L, index, "list")) {
        out->kind = LUN_PLAN_LIST;
        lua_getfield(L, index, "list");
        read_items(L, arena, out);
        lua_pop(L, 1);
    } else if (has(L, index, "default")) {
        read_default(L, index, arena, out);
    } else {
        luaL_error(L, "a plan has a parameter without a source");
    }
}

static void read_param(lua_State *L, int index, struct lun_arena *arena,
                       struct lun_plan_param *out)
{
    struct lun_scalar_options *options = &out->options;
    const char *type = need_text(L, index, "type", arena, NULL);
    int scalar = lun_scalar_find(type);
    if (scalar < 0)
        luaL_error(L, "a plan has a parameter of unknown type '%s'", type);
    out->type = (enum lun_scalar)scalar;
    out->list = get_bool(L, index, "list");
    out->invalid_null = has(L, index, "invalid");
    options->name = get_text(L, index, "name", arena, NULL);
    options->type_name = get_text(L, index, "enum", arena, NULL);
    options->max_length = (size_t)get_int(L, index, "size", 0);
    options->has_min = has(L, index, "min");
    options->min = get_int(L, index, "min", 0);
    options->min_error = (int)get_int(L, index, "error", 0);
    lua_getfield(L, index, "values");
    options->values =
        read_names(L, lua_gettop(L), arena, &options->value_count);
    lua_pop(L, 1);
    lua_getfield(L, index, "src");
    lun_bind_plan_source(L, -1, arena, &out->source);
    lua_pop(L, 1);
}

static struct lun_shape *read_object(lua_State *L, int index,
                                     struct lun_arena *arena);

/* Reads the object below member `name` when it is there. */
static bool read_inner(lua_State *L, int index, const char *name,
                       struct lun_arena *arena, enum lun_shape_kind kind,
                       struct lun_shape_field *out)
{
    lua_getfield(L, index, name);
    bool there = lua_istable(L, -1);
    if (there) {
        out->kind = kind;
        out->of = read_object(L, lua_gettop(L), arena);
    }
    lua_pop(L, 1);
    return there;
}

static void read_shape_field(lua_State *L, int index, struct lun_arena *arena,
                             struct lun_shape_field *out)
{
    out->name = need_text(L, index, "key", arena, &out->name_len);
    out->col = (int)get_int(L, index, "col", -1);
    out->present = (int)get_int(L, index, "present", -1);
    out->list = get_bool(L, index, "list");
    out->json = get_text(L, index, "json", arena, &out->json_len);
    if (out->json) {
        out->kind = LUN_SHAPE_CONST;
        return;
    }
    if (read_inner(L, index, "object", arena, LUN_SHAPE_OBJECT, out) ||
        read_inner(L, index, "record", arena, LUN_SHAPE_RECORD, out) ||
        read_inner(L, index, "records", arena, LUN_SHAPE_RECORDS, out))
        return;
    if (has(L, index, "limit")) {
        out->limit = (int)get_int(L, index, "limit", -1);
        if (!read_inner(L, index, "rows", arena, LUN_SHAPE_ROWS, out))
            out->kind = LUN_SHAPE_MORE;
        return;
    }
    const char *type = need_text(L, index, "type", arena, NULL);
    int ctype = lun_ctype_find(type);
    if (ctype < 0)
        luaL_error(L, "a plan has a column of unknown type '%s'", type);
    out->kind = LUN_SHAPE_COLUMN;
    out->type = (enum lun_ctype)ctype;
}

static struct lun_shape *read_object(lua_State *L, int index,
                                     struct lun_arena *arena)
{
    luaL_checkstack(L, 12, "a plan is nested too deeply");
    lua_getfield(L, index, "fields");
    int fields = lua_gettop(L);
    luaL_checktype(L, fields, LUA_TTABLE);
    struct lun_shape *shape = lun_shape_new(arena, lua_objlen(L, fields));
    if (!shape)
        luaL_error(L, "out of memory");
    for (size_t i = 0; i < shape->count; i++) {
        lua_rawgeti(L, fields, (int)i + 1);
        read_shape_field(L, lua_gettop(L), arena, &shape->fields[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return shape;
}

struct lun_shape *lun_bind_plan_shape(lua_State *L, int index,
                                      struct lun_arena *arena, bool *single)
{
    index = absolute(L, index);
    lua_getfield(L, index, "kind");
    *single = !strcmp(luaL_checkstring(L, -1), "row");
    lua_getfield(L, index, "of");
    struct lun_shape *shape = read_object(L, lua_gettop(L), arena);
    lua_pop(L, 2);
    if (lun_shape_prepare(arena, shape))
        luaL_error(L, "a plan has a result of impossible shape");
    return shape;
}

/* RESULT {kind="variants", of={ {present=, fields=}, ... }} */
static void read_variants(lua_State *L, int index, struct lun_arena *arena,
                          struct lun_plan_field *out)
{
    lua_getfield(L, index, "of");
    int list = lua_gettop(L);
    luaL_checktype(L, list, LUA_TTABLE);
    size_t count = lua_objlen(L, list);
    out->variants = take(L, arena, count, sizeof(*out->variants));
    for (size_t i = 0; i < count; i++) {
        struct lun_plan_variant *variant = &out->variants[i];
        lua_rawgeti(L, list, (int)i + 1);
        int at = lua_gettop(L);
        variant->present = (int)get_int(L, at, "present", 0);
        variant->shape = read_object(L, at, arena);
        if (lun_shape_prepare(arena, variant->shape))
            luaL_error(L, "a plan has a result of impossible shape");
        lua_pop(L, 1);
    }
    out->variant_count = count;
    out->single = true;
    lua_pop(L, 1);
}

static void read_result(lua_State *L, int index, struct lun_arena *arena,
                        struct lun_plan_field *out)
{
    lua_getfield(L, index, "kind");
    bool variants = !strcmp(luaL_checkstring(L, -1), "variants");
    out->page = !strcmp(lua_tostring(L, -1), "page");
    lua_pop(L, 1);
    if (variants)
        read_variants(L, index, arena, out);
    else
        out->shape = lun_bind_plan_shape(L, index, arena, &out->single);
}

/* Statements are known by a name that their text determines, so that equal
 * statements of two plans are prepared once. */
static const char *statement_name(lua_State *L, struct lun_arena *arena,
                                  const char *sql)
{
    char name[40];
    size_t len = strlen(sql);
    snprintf(name, sizeof(name), "q%016llx%016llx",
             (unsigned long long)lun_map_hash(1, sql, len),
             (unsigned long long)lun_map_hash(2, sql, len));
    char *copy = lun_arena_strndup(arena, name, strlen(name));
    if (!copy)
        luaL_error(L, "out of memory");
    return copy;
}

/* `holder` has the list `params`. */
static void read_params(lua_State *L, int holder, struct lun_arena *arena,
                        struct lun_plan_field *out)
{
    lua_getfield(L, holder, "params");
    int params = lua_gettop(L);
    size_t count = lua_istable(L, params) ? lua_objlen(L, params) : 0;
    out->statement.param_count = (int)count;
    out->params = take(L, arena, count, sizeof(*out->params));
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, params, (int)i + 1);
        read_param(L, lua_gettop(L), arena, &out->params[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_sql(lua_State *L, int index, struct lun_arena *arena,
                     struct lun_plan_field *out)
{
    out->kind = LUN_PLAN_SQL;
    out->statement.sql = need_text(L, index, "sql", arena, NULL);
    out->statement.name = statement_name(L, arena, out->statement.sql);
    out->statement.read_only = true;
    out->group.merged.sql = get_text(L, index, "merged", arena, NULL);
    if (out->group.merged.sql)
        out->group.merged.name =
            statement_name(L, arena, out->group.merged.sql);
    out->group.merged.read_only = true;
    read_params(L, index, arena, out);
    out->group.merged.param_count = out->statement.param_count;
    lua_getfield(L, index, "result");
    read_result(L, lua_gettop(L), arena, out);
    lua_pop(L, 1);
}

static enum lun_direct_id read_id(lua_State *L, int index, const char *name,
                                  struct lun_arena *arena)
{
    const char *id = get_text(L, index, name, arena, NULL);
    if (id && !strcmp(id, "uuid"))
        return LUN_DIRECT_UUID;
    return id && !strcmp(id, "bigint") ? LUN_DIRECT_BIGINT : LUN_DIRECT_ANY;
}

static void read_direct_list(lua_State *L, int index, const char *name,
                             struct lun_arena *arena,
                             struct lun_direct_source **out, size_t *count);

/* The SOURCE table at `index`. */
static void read_direct_source(lua_State *L, int index, struct lun_arena *arena,
                               struct lun_direct_source *out)
{
    static const char *const moments[] = {"datetime", "date", "time"};
    out->kind = LUN_DIRECT_NULL;
    if (has(L, index, "slot")) {
        out->kind = LUN_DIRECT_SLOT;
        out->index = (unsigned)get_int(L, index, "slot", 0);
    } else if (has(L, index, "const")) {
        out->kind = LUN_DIRECT_CONST;
        out->text = need_text(L, index, "const", arena, NULL);
    } else if (has(L, index, "user")) {
        out->kind = LUN_DIRECT_USER;
    } else if (has(L, index, "now")) {
        out->kind = LUN_DIRECT_NOW;
        const char *moment = need_text(L, index, "now", arena, NULL);
        while (out->index < 2 && strcmp(moments[out->index], moment) != 0)
            out->index++;
    } else if (has(L, index, "id")) {
        out->kind = LUN_DIRECT_ID;
        out->index = (unsigned)get_int(L, index, "id", 0);
    } else if (has(L, index, "array")) {
        out->kind = LUN_DIRECT_ARRAY;
        read_direct_list(L, index, "array", arena, &out->items, &out->count);
    }
}

static void read_direct_list(lua_State *L, int index, const char *name,
                             struct lun_arena *arena,
                             struct lun_direct_source **out, size_t *count)
{
    luaL_checkstack(L, 8, "a plan is nested too deeply");
    lua_getfield(L, index, name);
    int list = lua_gettop(L);
    *count = lua_objlen(L, list);
    *out = take(L, arena, *count, sizeof(**out));
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        read_direct_source(L, lua_gettop(L), arena, &(*out)[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_direct_statement(lua_State *L, int index,
                                  struct lun_arena *arena,
                                  struct lun_direct_statement *out)
{
    size_t count;
    out->statement.sql = need_text(L, index, "sql", arena, NULL);
    out->statement.name = statement_name(L, arena, out->statement.sql);
    read_direct_list(L, index, "params", arena, &out->params, &count);
    out->statement.param_count = (int)count;
}

static void read_ids(lua_State *L, int index, struct lun_arena *arena,
                     struct lun_direct *out)
{
    lua_getfield(L, index, "ids");
    int list = lua_gettop(L);
    out->id_count = lua_objlen(L, list);
    out->ids = take(L, arena, out->id_count, sizeof(*out->ids));
    for (size_t i = 0; i < out->id_count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        out->ids[i] = !strcmp(luaL_checkstring(L, -1), "uuid") ? LUN_DIRECT_UUID
                                                               : LUN_DIRECT_ANY;
        lua_pop(L, 1);
    }
    lua_getfield(L, index, "needs");
    list = lua_gettop(L);
    out->need_count = lua_objlen(L, list);
    out->needs = take(L, arena, out->need_count, sizeof(*out->needs));
    for (size_t i = 0; i < out->need_count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        int at = lua_gettop(L);
        out->needs[i].slot = (unsigned)get_int(L, at, "slot", 0);
        out->needs[i].id = read_id(L, at, "id", arena);
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

static void read_keys(lua_State *L, int index, struct lun_arena *arena,
                      struct lun_direct *out)
{
    lua_getfield(L, index, "keys");
    int list = lua_gettop(L);
    out->key_count = lua_objlen(L, list);
    out->keys = take(L, arena, out->key_count, sizeof(*out->keys));
    for (size_t i = 0; i < out->key_count; i++) {
        size_t len;
        lua_rawgeti(L, list, (int)i + 1);
        int at = lua_gettop(L);
        const char *tag = need_text(L, at, "tag", arena, &len);
        out->keys[i].tag = lun_map_hash(3, tag, len);
        lua_getfield(L, at, "source");
        read_direct_source(L, lua_gettop(L), arena, &out->keys[i].source);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

/* The member `direct` of the write table at the top, when it has one. */
static void read_direct(lua_State *L, struct lun_arena *arena,
                        struct lun_plan_field *out)
{
    lua_getfield(L, -1, "direct");
    int index = lua_gettop(L);
    if (lua_istable(L, index)) {
        struct lun_direct *direct = take(L, arena, 1, sizeof(*direct));
        read_direct_statement(L, index, arena, &direct->single);
        read_ids(L, index, arena, direct);
        lua_getfield(L, index, "merged");
        int merged = lua_gettop(L);
        if (lua_istable(L, merged)) {
            read_direct_statement(L, merged, arena, &direct->merged);
            read_keys(L, merged, arena, direct);
        }
        lua_getfield(L, index, "result");
        read_result(L, lua_gettop(L), arena, out);
        out->direct = direct;
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

static void read_error(lua_State *L, int index, struct lun_arena *arena,
                       struct lun_plan_field *out)
{
    struct lun_plan_error *error = &out->error;
    out->kind = LUN_PLAN_ERROR;
    lua_getfield(L, index, "error");
    int at = lua_gettop(L);
    error->message = need_text(L, at, "message", arena, NULL);
    error->extension = get_text(L, at, "ext", arena, NULL);
    error->opencrud = (int)get_int(L, at, "code", 0);
    error->limit = get_text(L, at, "limit", arena, NULL);
    error->max = (size_t)get_int(L, at, "max", 0);
    error->code = LUN_EBAD_INPUT;
    for (int code = 1; error->extension && code < LUN_ERROR_COUNT; code++)
        if (!strcmp(lun_error_info(code)->graphql, error->extension)) {
            error->code = code;
            break;
        }
    lua_pop(L, 1);
}

static void read_field(lua_State *L, int index, struct lun_plan *plan,
                       struct lun_plan_field *out)
{
    struct lun_arena *arena = &plan->arena;
    const char *kind = need_text(L, index, "kind", arena, NULL);
    out->key = need_text(L, index, "key", arena, &out->key_len);
    out->nullable = get_bool(L, index, "nullable");
    out->line = (unsigned)get_int(L, index, "line", 0);
    out->column = (unsigned)get_int(L, index, "col", 0);
    out->write = LUA_NOREF;
    if (!strcmp(kind, "sql")) {
        read_sql(L, index, arena, out);
    } else if (!strcmp(kind, "const")) {
        out->kind = LUN_PLAN_JSON;
        out->json = need_text(L, index, "json", arena, &out->json_len);
    } else if (!strcmp(kind, "error")) {
        read_error(L, index, arena, out);
    } else if (!strcmp(kind, "write")) {
        out->kind = LUN_PLAN_WRITE;
        lua_getfield(L, index, "write");
        luaL_checktype(L, -1, LUA_TTABLE);
        read_params(L, lua_gettop(L), arena, out);
        read_direct(L, arena, out);
        out->write = luaL_ref(L, LUA_REGISTRYINDEX);
    } else {
        luaL_error(L, "a plan has a field of unknown kind '%s'", kind);
    }
}

static void free_writes(struct lun_plan *plan, void *context)
{
    for (size_t i = 0; i < plan->field_count; i++)
        if (plan->fields[i].kind == LUN_PLAN_WRITE)
            luaL_unref(context, LUA_REGISTRYINDEX, plan->fields[i].write);
}

/* (plan table, lightuserdata plan) */
static int read_plan(lua_State *L)
{
    struct lun_plan *plan = lua_touserdata(L, 2);
    struct lun_arena *arena = &plan->arena;
    lua_getfield(L, 1, "op");
    plan->mutation = !strcmp(luaL_checkstring(L, -1), "mutation");
    plan->transaction = plan->mutation && get_bool(L, 1, "transaction");
    plan->uncached = get_bool(L, 1, "uncached");
    plan->apps = get_text(L, 1, "apps", arena, NULL);
    lua_getfield(L, 1, "value_vars");
    plan->value_vars =
        read_names(L, lua_gettop(L), arena, &plan->value_var_count);
    lua_getfield(L, 1, "fields");
    int fields = lua_gettop(L);
    luaL_checktype(L, fields, LUA_TTABLE);
    size_t count = lua_objlen(L, fields);
    plan->fields = take(L, arena, count, sizeof(*plan->fields));
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, fields, (int)i + 1);
        read_field(L, lua_gettop(L), plan, &plan->fields[i]);
        plan->field_count = i + 1;
        lua_pop(L, 1);
    }
    plan->bytes = sizeof(*plan) + arena->used;
    return 0;
}

/* References outlive the coroutine that made them: they belong to the main
 * state, which closes last. */
static lua_State *main_state(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "lunette.main");
    lua_State *main = lua_tothread(L, -1);
    lua_pop(L, 1);
    return main ? main : L;
}

struct lun_plan *lun_bind_plan_new(lua_State *L, int index, struct lun_err *err)
{
    struct lun_plan *plan = lun_plan_new();
    if (!plan) {
        lun_error_set(err, LUN_EMEMORY, "out of memory");
        return NULL;
    }
    index = absolute(L, index);
    plan->on_free = free_writes;
    plan->context = main_state(L);
    lua_pushcfunction(L, read_plan);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, plan);
    if (!lua_pcall(L, 2, 0, 0))
        return plan;
    lun_error_set(err, LUN_EINTERNAL, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    lun_plan_unref(plan);
    return NULL;
}
