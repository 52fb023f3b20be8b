/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/ast.h"

#include <lauxlib.h>

#include "core/base/json.h"
#include "core/graphql/parser.h"

struct push {
    lua_State *L;
    struct lun_arena *arena;
    const struct lun_graphql_tokens *tokens;
};

static void push_value(const struct push *p,
                       const struct lun_graphql_value *value);
static void push_selections(const struct push *p,
                            const struct lun_graphql_selection *selection);

static void set_name(lua_State *L, const char *field,
                     struct lun_graphql_name name)
{
    if (!name.text)
        return;
    lua_pushlstring(L, name.text, name.len);
    lua_setfield(L, -2, field);
}

static void set_text(lua_State *L, const char *field, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

static void set_place(lua_State *L, struct lun_graphql_place place)
{
    lua_pushinteger(L, (lua_Integer)place.line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, (lua_Integer)place.column);
    lua_setfield(L, -2, "col");
}

static void new_node(const struct push *p, struct lun_graphql_place place)
{
    luaL_checkstack(p->L, 8, "the document is nested too deeply");
    lua_createtable(p->L, 0, 8);
    set_place(p->L, place);
}

static void push_arguments(const struct push *p,
                           const struct lun_graphql_argument *argument)
{
    lua_newtable(p->L);
    for (int i = 1; argument; argument = argument->next, i++) {
        new_node(p, argument->place);
        set_name(p->L, "name", argument->name);
        push_value(p, argument->value);
        lua_setfield(p->L, -2, "value");
        lua_rawseti(p->L, -2, i);
    }
}

static void push_literal(const struct push *p, const char *kind,
                         const struct lun_graphql_value *value)
{
    struct lun_json node;
    set_text(p->L, "kind", kind);
    lua_pushinteger(p->L, (lua_Integer)value->lit);
    lua_setfield(p->L, -2, "lit");
    if (lun_graphql_literal_value(p->arena, p->tokens, value->lit, &node))
        luaL_error(p->L, "out of memory");
    lua_pushlstring(p->L, node.text, node.len);
    lua_setfield(p->L, -2, "value");
}

static void push_list(const struct push *p, const struct lun_graphql_value *list)
{
    int i = 0;
    lua_newtable(p->L);
    for (const struct lun_graphql_value *item = list->items; item;
         item = item->next) {
        push_value(p, item);
        lua_rawseti(p->L, -2, ++i);
    }
    lua_setfield(p->L, -2, "items");
}

static void push_value(const struct push *p,
                       const struct lun_graphql_value *value)
{
    new_node(p, value->place);
    switch (value->kind) {
    case LUN_GRAPHQL_VALUE_INT:
        push_literal(p, "int", value);
        break;
    case LUN_GRAPHQL_VALUE_FLOAT:
        push_literal(p, "float", value);
        break;
    case LUN_GRAPHQL_VALUE_STRING:
        push_literal(p, "string", value);
        break;
    case LUN_GRAPHQL_VALUE_BOOL:
        set_text(p->L, "kind", "bool");
        lua_pushboolean(p->L, value->truth);
        lua_setfield(p->L, -2, "value");
        break;
    case LUN_GRAPHQL_VALUE_NULL:
        set_text(p->L, "kind", "null");
        break;
    case LUN_GRAPHQL_VALUE_ENUM:
        set_text(p->L, "kind", "enum");
        set_name(p->L, "value", value->text);
        break;
    case LUN_GRAPHQL_VALUE_VAR:
        set_text(p->L, "kind", "var");
        set_name(p->L, "name", value->text);
        break;
    case LUN_GRAPHQL_VALUE_LIST:
        set_text(p->L, "kind", "list");
        push_list(p, value);
        break;
    case LUN_GRAPHQL_VALUE_OBJECT:
        set_text(p->L, "kind", "object");
        push_arguments(p, value->fields);
        lua_setfield(p->L, -2, "fields");
        break;
    }
}

static void push_directives(const struct push *p,
                            const struct lun_graphql_directive *directive)
{
    lua_newtable(p->L);
    for (int i = 1; directive; directive = directive->next, i++) {
        new_node(p, directive->place);
        set_name(p->L, "name", directive->name);
        push_arguments(p, directive->arguments);
        lua_setfield(p->L, -2, "args");
        lua_rawseti(p->L, -2, i);
    }
}

static void push_type(const struct push *p, const struct lun_graphql_type *type)
{
    static const char *const kinds[] = {"named", "list", "nonnull"};
    new_node(p, type->place);
    set_text(p->L, "kind", kinds[type->kind]);
    if (type->kind == LUN_GRAPHQL_TYPE_NAMED) {
        set_name(p->L, "name", type->name);
        return;
    }
    push_type(p, type->of);
    lua_setfield(p->L, -2, "of");
}

static void push_selection(const struct push *p,
                           const struct lun_graphql_selection *selection)
{
    static const char *const kinds[] = {"field", "spread", "inline"};
    new_node(p, selection->place);
    set_text(p->L, "kind", kinds[selection->kind]);
    set_name(p->L, "alias", selection->alias);
    set_name(p->L, "name", selection->name);
    set_name(p->L, "on", selection->on);
    push_directives(p, selection->directives);
    lua_setfield(p->L, -2, "directives");
    if (selection->kind == LUN_GRAPHQL_FIELD) {
        push_arguments(p, selection->arguments);
        lua_setfield(p->L, -2, "args");
    }
    if (selection->selections) {
        push_selections(p, selection->selections);
        lua_setfield(p->L, -2, "selections");
    }
}

static void push_selections(const struct push *p,
                            const struct lun_graphql_selection *selection)
{
    lua_newtable(p->L);
    for (int i = 1; selection; selection = selection->next, i++) {
        push_selection(p, selection);
        lua_rawseti(p->L, -2, i);
    }
}

static void push_variables(const struct push *p,
                           const struct lun_graphql_variable *variable)
{
    lua_newtable(p->L);
    for (int i = 1; variable; variable = variable->next, i++) {
        new_node(p, variable->place);
        set_name(p->L, "name", variable->name);
        push_type(p, variable->type);
        lua_setfield(p->L, -2, "type");
        if (variable->initial) {
            push_value(p, variable->initial);
            lua_setfield(p->L, -2, "default");
        }
        push_directives(p, variable->directives);
        lua_setfield(p->L, -2, "directives");
        lua_rawseti(p->L, -2, i);
    }
}

static void push_operation(const struct push *p,
                           const struct lun_graphql_operation *operation)
{
    static const char *const kinds[] = {"query", "mutation", "subscription"};
    new_node(p, operation->place);
    set_text(p->L, "op", kinds[operation->kind]);
    set_name(p->L, "name", operation->name);
    push_variables(p, operation->variables);
    lua_setfield(p->L, -2, "variables");
    push_directives(p, operation->directives);
    lua_setfield(p->L, -2, "directives");
    push_selections(p, operation->selections);
    lua_setfield(p->L, -2, "selections");
}

static void push_fragment(const struct push *p,
                          const struct lun_graphql_fragment *fragment)
{
    new_node(p, fragment->place);
    set_name(p->L, "name", fragment->name);
    set_name(p->L, "on", fragment->on);
    push_directives(p, fragment->directives);
    lua_setfield(p->L, -2, "directives");
    push_selections(p, fragment->selections);
    lua_setfield(p->L, -2, "selections");
}

void lun_bind_ast_push(lua_State *L, struct lun_arena *arena,
                       const struct lun_graphql_tokens *tokens,
                       const struct lun_graphql_document *document)
{
    struct push p = {L, arena, tokens};
    int i = 0;
    lua_createtable(L, 0, 2);
    lua_newtable(L);
    for (const struct lun_graphql_operation *operation = document->operations;
         operation; operation = operation->next) {
        push_operation(&p, operation);
        lua_rawseti(L, -2, ++i);
    }
    lua_setfield(L, -2, "operations");
    lua_newtable(L);
    i = 0;
    for (const struct lun_graphql_fragment *fragment = document->fragments;
         fragment; fragment = fragment->next) {
        push_fragment(&p, fragment);
        lua_rawseti(L, -2, ++i);
    }
    lua_setfield(L, -2, "fragments");
}
