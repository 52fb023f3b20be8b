/*
 * core/bind/ast.h - a parsed GraphQL document as Lua tables.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The form is the one that lua/lunette/graphql reads: every node carries `line`
 * and `col`; int, float and string values carry `lit`, the number of their
 * literal token.
 */
#pragma once

#include <lua.h>

struct lun_arena;
struct lun_graphql_document;
struct lun_graphql_tokens;

/* Pushes { operations = {...}, fragments = {...} }. May raise. */
void lun_bind_ast_push(lua_State *L, struct lun_arena *arena,
                       const struct lun_graphql_tokens *tokens,
                       const struct lun_graphql_document *document);
