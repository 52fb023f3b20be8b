/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/graphql/error.h"
#include "core/graphql/lexer.h"

struct lun_plan *lun_plan_new(void)
{
    struct lun_plan *plan = calloc(1, sizeof(*plan));
    if (!plan)
        return NULL;
    lun_arena_init(&plan->arena, 0);
    plan->refs = 1;
    return plan;
}

void lun_plan_ref(struct lun_plan *plan)
{
    plan->refs++;
}

void lun_plan_unref(struct lun_plan *plan)
{
    if (!plan || --plan->refs)
        return;
    if (plan->on_free)
        plan->on_free(plan, plan->context);
    lun_arena_release(&plan->arena);
    free(plan);
}

static struct lun_json *make_string(struct lun_arena *arena, const char *text)
{
    struct lun_json *node = lun_arena_calloc(arena, 1, sizeof(*node));
    if (!node)
        return NULL;
    node->type = LUN_JSON_STRING;
    node->text = text;
    node->len = strlen(text);
    return node;
}

/* A constant is a boolean or the name of an enum value, and no enum has values
 * called true and false. */
static struct lun_json *make_constant(struct lun_arena *arena,
                                      const char *text)
{
    struct lun_json *node = make_string(arena, text);
    if (node && !strcmp(text, "true"))
        node->type = LUN_JSON_TRUE;
    else if (node && !strcmp(text, "false"))
        node->type = LUN_JSON_FALSE;
    return node;
}

static const struct lun_json *literal(const struct lun_plan_input *input,
                                      size_t index)
{
    struct lun_json *node = lun_arena_calloc(input->arena, 1, sizeof(*node));
    if (!node || lun_graphql_literal_value(input->arena, input->tokens, index,
                                           node))
        return NULL;
    return node;
}

/* A list counts as literal when its first item is one. */
static bool is_literal(const struct lun_plan_source *source)
{
    if (source->kind == LUN_PLAN_LIST && source->item_count)
        return is_literal(&source->items[0]);
    return source->kind == LUN_PLAN_LITERAL;
}

static const struct lun_json *resolve_variable(
    const struct lun_plan_source *source, const struct lun_json *variables)
{
    const struct lun_json *node = lun_json_get(variables, source->text);
    for (size_t i = 0; node && i < source->step_count; i++) {
        const struct lun_plan_step *step = &source->steps[i];
        if (step->key) {
            node = lun_json_get(node, step->key);
        } else if (node->type == LUN_JSON_ARRAY) {
            node = lun_json_at(node, step->index);
        } else if (step->index > 0) {
            /* A single item stands for a list of itself. */
            node = NULL;
        }
    }
    return node;
}

static const struct lun_json *resolve_list(
    const struct lun_plan_source *source, const struct lun_plan_input *input)
{
    struct lun_json *list = lun_arena_calloc(input->arena, 1, sizeof(*list));
    if (!list)
        return NULL;
    list->type = LUN_JSON_ARRAY;
    struct lun_json **tail = &list->child;
    for (size_t i = 0; i < source->item_count; i++) {
        const struct lun_json *item =
            lun_plan_resolve(&source->items[i], input);
        struct lun_json *copy =
            lun_arena_calloc(input->arena, 1, sizeof(*copy));
        if (!copy)
            return NULL;
        if (item)
            *copy = *item;
        copy->next = NULL;
        copy->key = NULL;
        *tail = copy;
        tail = &copy->next;
        list->count++;
    }
    return list;
}

const struct lun_json *lun_plan_resolve(const struct lun_plan_source *source,
                                        const struct lun_plan_input *input)
{
    const struct lun_json *node;
    switch (source->kind) {
    case LUN_PLAN_LITERAL:
        return literal(input, source->literal);
    case LUN_PLAN_VARIABLE:
        return resolve_variable(source, input->variables);
    case LUN_PLAN_CONST:
        return make_constant(input->arena, source->text);
    case LUN_PLAN_CONTEXT:
        if (input->user && !strcmp(source->text, "user"))
            return make_string(input->arena, input->user);
        return NULL;
    case LUN_PLAN_LIST:
        return resolve_list(source, input);
    case LUN_PLAN_DEFAULT:
        node = lun_plan_resolve(&source->items[0], input);
        return node ? node : lun_plan_resolve(&source->items[1], input);
    }
    return NULL;
}

int lun_plan_error_from(struct lun_arena *arena,
                        const struct lun_graphql_error *in,
                        struct lun_plan_error *out)
{
    memset(out, 0, sizeof(*out));
    out->code = in->base.code;
    out->opencrud = in->opencrud;
    out->limit = in->limit;
    out->max = in->max;
    out->extension = lun_error_info(in->base.code)->graphql;
    out->line = in->line;
    out->column = in->column;
    out->message = lun_arena_strndup(arena, in->base.message,
                                     strlen(in->base.message));
    if (!out->message)
        out->message = lun_error_info(LUN_EMEMORY)->message;
    return out->code;
}

static int64_t window_value(void *context,
                            const struct lun_graphql_window *window)
{
    const struct lun_plan_input *input = context;
    const struct lun_json *value = NULL;
    if (window->variable)
        value = lun_json_get(input->variables, window->variable);
    else if (window->lit >= 0)
        value = literal(input, (size_t)window->lit);
    if (!value && window->default_lit >= 0)
        value = literal(input, (size_t)window->default_lit);
    /* As coercion reads it: 1e5 asks for 100000 records, not for one. */
    int64_t count;
    return value && lun_scalar_integer(value, &count) ? count : -1;
}

int lun_plan_check_nodes(const struct lun_plan *plan,
                         const struct lun_plan_input *input,
                         struct lun_plan_error *error)
{
    struct lun_graphql_error found = {0};
    if (!plan->windows.count)
        return 0;
    int rc = lun_graphql_limits_check_nodes(&plan->windows, input->limits,
                                            window_value, (void *)input,
                                            &found);
    return rc ? lun_plan_error_from(input->arena, &found, error) : 0;
}

static int no_memory(struct lun_plan_error *error)
{
    memset(error, 0, sizeof(*error));
    error->code = LUN_EMEMORY;
    error->message = lun_error_info(LUN_EMEMORY)->message;
    return LUN_EMEMORY;
}

/* What may stand for an id, though perhaps for one that no row can have. */
static bool is_id_like(const struct lun_json *value)
{
    return value->type == LUN_JSON_STRING || value->type == LUN_JSON_NUMBER;
}

/* A list without the items that are malformed ids. */
static int array_of_valid(const struct lun_plan_param *param,
                          const struct lun_json *value,
                          const struct lun_scalar_options *options,
                          struct lun_buf *out, struct lun_graphql_error *error)
{
    bool is_list = value->type == LUN_JSON_ARRAY;
    const struct lun_json *item = is_list ? value->child : value;
    size_t count;
    lun_scalar_array_open(out, &count);
    for (; item; item = is_list ? item->next : NULL) {
        int rc = lun_scalar_array_push(param->type, item, options, out, &count,
                                       error);
        if (rc && (rc != LUN_EBAD_INPUT || !is_id_like(item)))
            return rc;
    }
    lun_scalar_array_close(out);
    return out->failed ? LUN_EMEMORY : 0;
}

static int coerce(const struct lun_plan_param *param,
                  const struct lun_json *value,
                  const struct lun_scalar_options *options, struct lun_buf *out,
                  struct lun_graphql_error *error)
{
    if (!param->list)
        return lun_scalar_coerce(param->type, value, options, out, error);
    if (param->invalid_null)
        return array_of_valid(param, value, options, out, error);
    return lun_scalar_array(param->type, value, options, out, error);
}

static int bind_param(const struct lun_plan_field *field,
                      const struct lun_plan_param *param,
                      const struct lun_plan_input *input,
                      struct lun_buf *scratch, const char **out,
                      struct lun_plan_error *error)
{
    const struct lun_json *value = lun_plan_resolve(&param->source, input);
    struct lun_scalar_options options = param->options;
    struct lun_graphql_error found = {0};
    *out = NULL;
    if (!value || value->type == LUN_JSON_NULL)
        return 0;
    options.literal = is_literal(&param->source);
    lun_buf_clear(scratch);
    int rc = coerce(param, value, &options, scratch, &found);
    if (rc == LUN_EBAD_INPUT && param->invalid_null && !param->list &&
        is_id_like(value))
        return 0;
    if (rc) {
        found.line = field->line;
        found.column = field->column;
        return lun_plan_error_from(input->arena, &found, error);
    }
    if (!scratch->failed)
        *out = lun_arena_strndup(input->arena, scratch->data, scratch->len);
    return *out ? 0 : no_memory(error);
}

int lun_plan_bind(const struct lun_plan_field *field,
                  const struct lun_plan_input *input,
                  struct lun_pg_params *out, struct lun_plan_error *error)
{
    int count = field->statement.param_count;
    const char **values =
        lun_arena_calloc(input->arena, (size_t)count + 1, sizeof(*values));
    if (!values)
        return no_memory(error);
    struct lun_buf scratch;
    int rc = 0;
    lun_buf_init(&scratch);
    for (int i = 0; !rc && i < count; i++)
        rc = bind_param(field, &field->params[i], input, &scratch, &values[i],
                        error);
    lun_buf_release(&scratch);
    if (rc)
        return rc;
    *out = (struct lun_pg_params){.count = count, .values = values};
    return 0;
}
