/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/limits.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/map.h"
#include "core/graphql/error.h"
#include "core/graphql/parser.h"

static const struct {
    const char *name;
    size_t offset;
    size_t value;
} settings[] = {
#define LIMIT(name, value)                                                     \
    {                                                                          \
#name, offsetof(struct lun_graphql_limits, name), value                \
    }
    LIMIT(bytes, 100 * 1024),    LIMIT(tokens, 15000),
    LIMIT(nesting, 200),         LIMIT(depth, 20),
    LIMIT(fields, 2000),         LIMIT(root_fields, 100),
    LIMIT(aliases, 200),         LIMIT(directives, 100),
    LIMIT(directives_on_one, 8), LIMIT(operations, 50),
    LIMIT(fragments, 200),       LIMIT(variables, 200),
    LIMIT(schemas, 3),           LIMIT(introspection, 2),
    LIMIT(nodes, 500000),        LIMIT(rows, 500000),
    LIMIT(answer_bytes, 64 << 20), LIMIT(batch, 0),
#undef LIMIT
};

#define SETTINGS (sizeof(settings) / sizeof(*settings))

void lun_graphql_limits_init(struct lun_graphql_limits *limits)
{
    for (size_t i = 0; i < SETTINGS; i++)
        *(size_t *)(void *)((char *)limits + settings[i].offset) =
            settings[i].value;
}

size_t *lun_graphql_limits_find(struct lun_graphql_limits *limits,
                                const char *name)
{
    for (size_t i = 0; i < SETTINGS; i++)
        if (!strcmp(settings[i].name, name))
            return (size_t *)(void *)((char *)limits + settings[i].offset);
    return NULL;
}

/* What a selection set costs with its fragments expanded. Sums stop at
 * SIZE_MAX. */
struct cost {
    size_t depth;   /* fields inside fields */
    size_t fields;  /* selections, all levels */
    size_t root;    /* fields of the first level */
    size_t schemas; /* __schema fields of the first level */
    size_t lists;   /* fields of introspection.. inside each other */
    bool too_deep;  /* introspection below this breaks its limit */
};

struct fragment {
    const struct lun_graphql_fragment *node;
    bool open; /* being measured: a spread of it is a cycle */
    bool done;
    struct cost cost;
};

struct walk {
    const struct lun_graphql_limits *limits;
    struct lun_graphql_error *error;
    struct fragment *fragments;
    size_t *slots; /* hash table of fragment indexes + 1 */
    size_t slot_mask;
    size_t level;      /* C frames in use */
    size_t aliases;    /* of the document */
    size_t directives; /* of the document */
};

/* Fragments let selections nest deeper than brackets do. */
#define LEVEL_MAX 2000

static size_t add(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static bool same(const struct lun_graphql_name *a,
                 const struct lun_graphql_name *b)
{
    return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static bool is_name(const struct lun_graphql_name *name, const char *text)
{
    return name->len == strlen(text) && !memcmp(name->text, text, name->len);
}

static size_t *find_slot(const struct walk *w,
                         const struct lun_graphql_name *name)
{
    size_t at = (size_t)lun_map_hash(0, name->text, name->len) & w->slot_mask;
    while (w->slots[at] &&
           !same(&w->fragments[w->slots[at] - 1].node->name, name))
        at = (at + 1) & w->slot_mask;
    return &w->slots[at];
}

static int exceeds(struct walk *w, const char *limit, const char *what,
                   size_t value, size_t max,
                   const struct lun_graphql_place *place)
{
    if (value <= max)
        return 0;
    lun_graphql_error_limit(w->error, limit, what, value, max);
    if (place && w->error) {
        w->error->line = place->line;
        w->error->column = place->column;
    }
    return LUN_ELIMIT;
}

static int count_directives(struct walk *w,
                            const struct lun_graphql_directive *directive,
                            const struct lun_graphql_place *place)
{
    size_t count = 0;
    for (; directive; directive = directive->next)
        count++;
    w->directives += count;
    return exceeds(w, "directives_on_one", "directives in one place", count,
                   w->limits->directives_on_one, place);
}

static bool is_introspection_list(const struct lun_graphql_name *name)
{
    return is_name(name, "fields") || is_name(name, "inputFields") ||
           is_name(name, "interfaces") || is_name(name, "possibleTypes");
}

static int measure(struct walk *w,
                   const struct lun_graphql_selection *selection,
                   struct cost *cost);

static int measure_field(struct walk *w,
                         const struct lun_graphql_selection *field,
                         struct cost *cost)
{
    struct cost inner = {0};
    int rc = measure(w, field->selections, &inner);
    if (rc)
        return rc;
    bool schema = is_name(&field->name, "__schema");
    if (is_introspection_list(&field->name))
        inner.lists++;
    if ((schema || is_name(&field->name, "__type")) &&
        inner.lists > w->limits->introspection)
        inner.too_deep = true;
    cost->depth = larger(cost->depth, add(inner.depth, 1));
    cost->fields = add(cost->fields, inner.fields);
    cost->root = add(cost->root, 1);
    cost->schemas = add(cost->schemas, schema);
    cost->lists = larger(cost->lists, inner.lists);
    cost->too_deep |= inner.too_deep;
    w->aliases += field->alias.text != NULL;
    return 0;
}

static void join(struct cost *cost, const struct cost *part)
{
    cost->depth = larger(cost->depth, part->depth);
    cost->fields = add(cost->fields, part->fields);
    cost->root = add(cost->root, part->root);
    cost->schemas = add(cost->schemas, part->schemas);
    cost->lists = larger(cost->lists, part->lists);
    cost->too_deep |= part->too_deep;
}

static int measure_fragment(struct walk *w, struct fragment *fragment)
{
    if (fragment->done || fragment->open)
        return 0;
    const struct lun_graphql_fragment *node = fragment->node;
    fragment->open = true;
    int rc = count_directives(w, node->directives, &node->place);
    if (!rc)
        rc = measure(w, node->selections, &fragment->cost);
    fragment->open = false;
    fragment->done = true;
    return rc;
}

static int measure_one(struct walk *w,
                       const struct lun_graphql_selection *selection,
                       struct cost *cost)
{
    cost->fields = add(cost->fields, 1);
    int rc = count_directives(w, selection->directives, &selection->place);
    if (rc)
        return rc;
    if (selection->kind == LUN_GRAPHQL_FIELD)
        return measure_field(w, selection, cost);
    if (selection->kind == LUN_GRAPHQL_INLINE)
        return measure(w, selection->selections, cost);
    size_t found = *find_slot(w, &selection->name);
    if (!found)
        return 0;
    struct fragment *fragment = &w->fragments[found - 1];
    rc = measure_fragment(w, fragment);
    if (!rc && fragment->done)
        join(cost, &fragment->cost);
    return rc;
}

/* Adds the cost of a selection set to `cost`. */
static int measure(struct walk *w,
                   const struct lun_graphql_selection *selection,
                   struct cost *cost)
{
    int rc = exceeds(w, "nesting", "selections inside each other", ++w->level,
                     LEVEL_MAX, NULL);
    for (; !rc && selection; selection = selection->next)
        rc = measure_one(w, selection, cost);
    w->level--;
    return rc;
}

static int check_cost(struct walk *w, const struct cost *cost,
                      const struct lun_graphql_place *place)
{
    const struct lun_graphql_limits *max = w->limits;
    int rc =
        exceeds(w, "depth", "levels of fields", cost->depth, max->depth, place);
    if (!rc)
        rc = exceeds(w, "fields", "selections when its fragments are expanded",
                     cost->fields, max->fields, place);
    if (!rc && cost->too_deep)
        rc =
            exceeds(w, "introspection", "introspection lists inside each other",
                    cost->lists, max->introspection, place);
    return rc;
}

static int check_variables(struct walk *w,
                           const struct lun_graphql_operation *op)
{
    const struct lun_graphql_variable *variable = op->variables;
    size_t count = 0;
    int rc = 0;
    for (; !rc && variable; variable = variable->next, count++)
        rc = count_directives(w, variable->directives, &variable->place);
    return rc ? rc
              : exceeds(w, "variables", "variables in an operation", count,
                        w->limits->variables, &op->place);
}

static int check_operation(struct walk *w,
                           const struct lun_graphql_operation *op,
                           size_t *fields)
{
    struct cost cost = {0};
    int rc = count_directives(w, op->directives, &op->place);
    if (!rc)
        rc = check_variables(w, op);
    if (!rc)
        rc = measure(w, op->selections, &cost);
    if (!rc)
        rc = exceeds(w, "root_fields", "fields at its root", cost.root,
                     w->limits->root_fields, &op->place);
    if (!rc)
        rc = exceeds(w, "schemas", "__schema fields", cost.schemas,
                     w->limits->schemas, &op->place);
    if (!rc)
        rc = check_cost(w, &cost, &op->place);
    *fields = add(*fields, cost.fields);
    /* Validation reads all operations, so together they are bounded too. */
    return rc ? rc
              : exceeds(w, "fields", "selections in all its operations",
                        *fields, add(w->limits->fields, w->limits->fields),
                        &op->place);
}

static int check_definitions(struct walk *w,
                             const struct lun_graphql_document *document)
{
    size_t fields = 0;
    int rc = 0;
    for (size_t i = 0; !rc && i < document->fragment_count; i++) {
        struct fragment *fragment = &w->fragments[i];
        rc = measure_fragment(w, fragment);
        if (!rc)
            rc = check_cost(w, &fragment->cost, &fragment->node->place);
    }
    const struct lun_graphql_operation *op = document->operations;
    for (; !rc && op; op = op->next)
        rc = check_operation(w, op, &fields);
    if (!rc)
        rc = exceeds(w, "aliases", "aliases", w->aliases, w->limits->aliases,
                     NULL);
    if (!rc)
        rc = exceeds(w, "directives", "directives", w->directives,
                     w->limits->directives, NULL);
    return rc;
}

/* Of fragments with one name the first counts; validation reports them. */
static bool index_fragments(struct walk *w, struct lun_arena *arena,
                            const struct lun_graphql_document *document)
{
    size_t slots = 4;
    while (slots < document->fragment_count * 2)
        slots *= 2;
    w->slot_mask = slots - 1;
    w->slots = lun_arena_calloc(arena, slots, sizeof(*w->slots));
    w->fragments = lun_arena_calloc(arena, document->fragment_count + 1,
                                    sizeof(*w->fragments));
    if (!w->slots || !w->fragments)
        return false;
    const struct lun_graphql_fragment *node = document->fragments;
    for (size_t i = 0; node; node = node->next, i++) {
        w->fragments[i].node = node;
        size_t *slot = find_slot(w, &node->name);
        if (!*slot)
            *slot = i + 1;
    }
    return true;
}

int lun_graphql_limits_check(const struct lun_graphql_document *document,
                             const struct lun_graphql_limits *limits,
                             struct lun_arena *arena,
                             struct lun_graphql_error *error)
{
    struct walk w = {.limits = limits, .error = error};
    int rc = exceeds(&w, "operations", "operations", document->operation_count,
                     limits->operations, NULL);
    if (!rc)
        rc = exceeds(&w, "fragments", "fragments", document->fragment_count,
                     limits->fragments, NULL);
    if (rc)
        return rc;
    if (!index_fragments(&w, arena, document))
        return lun_graphql_error_set(error, LUN_EMEMORY, "out of memory");
    return check_definitions(&w, document);
}

struct collector {
    struct walk walk; /* only its table of fragments */
    struct lun_arena *arena;
    const struct lun_graphql_operation *operation;
    struct lun_graphql_windows *out;
    size_t room;
    size_t left; /* selections that may still be visited */
};

/* Far above any limit on expanded selections; only cycles get there. */
#define VISITS_MAX 1000000

static int collect(struct collector *c,
                   const struct lun_graphql_selection *selection, int parent);

static int default_literal(const struct collector *c,
                           const struct lun_graphql_name *name)
{
    const struct lun_graphql_variable *variable = c->operation->variables;
    for (; variable; variable = variable->next)
        if (same(&variable->name, name))
            return variable->initial &&
                           variable->initial->kind == LUN_GRAPHQL_VALUE_INT
                       ? (int)variable->initial->lit
                       : -1;
    return -1;
}

static const struct lun_graphql_value *
window_value(const struct lun_graphql_selection *field)
{
    const struct lun_graphql_argument *argument = field->arguments;
    for (; argument; argument = argument->next)
        if ((is_name(&argument->name, "first") ||
             is_name(&argument->name, "last")) &&
            (argument->value->kind == LUN_GRAPHQL_VALUE_INT ||
             argument->value->kind == LUN_GRAPHQL_VALUE_VAR))
            return argument->value;
    return NULL;
}

static bool reserve_window(struct collector *c)
{
    if (c->out->count < c->room)
        return true;
    size_t room = c->room ? c->room * 2 : 8;
    struct lun_graphql_window *items =
        lun_arena_alloc(c->arena, room * sizeof(*items));
    if (!items)
        return false;
    if (c->out->count)
        memcpy(items, c->out->items, c->out->count * sizeof(*items));
    c->out->items = items;
    c->room = room;
    return true;
}

static int add_window(struct collector *c,
                      const struct lun_graphql_value *value, int parent)
{
    struct lun_graphql_window window = {
        .parent = parent, .lit = -1, .default_lit = -1};
    if (!reserve_window(c))
        return LUN_EMEMORY;
    if (value->kind == LUN_GRAPHQL_VALUE_INT) {
        window.lit = (int)value->lit;
    } else {
        window.variable =
            lun_arena_strndup(c->arena, value->text.text, value->text.len);
        window.default_lit = default_literal(c, &value->text);
        if (!window.variable)
            return LUN_EMEMORY;
    }
    c->out->items[c->out->count++] = window;
    return 0;
}

static int collect_field(struct collector *c,
                         const struct lun_graphql_selection *field, int parent)
{
    if (!field->selections)
        return 0;
    const struct lun_graphql_value *value = window_value(field);
    if (value) {
        int rc = add_window(c, value, parent);
        if (rc)
            return rc;
        parent = (int)c->out->count - 1;
    }
    if (parent >= 0)
        c->out->items[parent].fields++;
    return collect(c, field->selections, parent);
}

static int collect_spread(struct collector *c,
                          const struct lun_graphql_selection *spread,
                          int parent)
{
    size_t found = *find_slot(&c->walk, &spread->name);
    if (!found)
        return 0;
    struct fragment *fragment = &c->walk.fragments[found - 1];
    if (fragment->open)
        return 0;
    fragment->open = true;
    int rc = collect(c, fragment->node->selections, parent);
    fragment->open = false;
    return rc;
}

static int collect(struct collector *c,
                   const struct lun_graphql_selection *selection, int parent)
{
    int rc = 0;
    for (; !rc && selection; selection = selection->next) {
        if (!c->left--)
            return LUN_ELIMIT;
        if (selection->kind == LUN_GRAPHQL_FIELD)
            rc = collect_field(c, selection, parent);
        else if (selection->kind == LUN_GRAPHQL_INLINE)
            rc = collect(c, selection->selections, parent);
        else
            rc = collect_spread(c, selection, parent);
    }
    return rc;
}

int lun_graphql_limits_windows(const struct lun_graphql_document *document,
                               const struct lun_graphql_operation *operation,
                               struct lun_arena *arena,
                               struct lun_graphql_windows *out)
{
    struct lun_arena scratch;
    struct lun_graphql_windows windows = {0};
    struct collector c = {.arena = arena,
                          .operation = operation,
                          .out = &windows,
                          .left = VISITS_MAX};
    lun_arena_init(&scratch, 0);
    int rc = index_fragments(&c.walk, &scratch, document)
                 ? collect(&c, operation->selections, -1)
                 : LUN_EMEMORY;
    lun_arena_release(&scratch);
    if (!rc)
        *out = windows;
    return rc;
}

static size_t multiply(size_t a, size_t b)
{
    size_t product;
    return __builtin_mul_overflow(a, b, &product) ? SIZE_MAX : product;
}

/* Windows are few and parents stand first; each product is found from its
 * parent's by walking up, at most as far as fields nest. */
static size_t repeats(const struct lun_graphql_windows *windows, int index,
                      lun_graphql_window_cb value, void *context)
{
    size_t product = 1;
    while (index >= 0) {
        const struct lun_graphql_window *window = &windows->items[index];
        int64_t count = value(context, window);
        if (count >= 0)
            product = multiply(product, (size_t)count);
        index = window->parent;
    }
    return product;
}

int lun_graphql_limits_check_nodes(const struct lun_graphql_windows *windows,
                                   const struct lun_graphql_limits *limits,
                                   lun_graphql_window_cb value, void *context,
                                   struct lun_graphql_error *error)
{
    size_t nodes = 0;
    for (size_t i = 0; i < windows->count; i++) {
        size_t times = repeats(windows, (int)i, value, context);
        nodes = add(nodes, multiply(times, windows->items[i].fields));
    }
    if (nodes <= limits->nodes)
        return 0;
    lun_graphql_error_set(error, LUN_ELIMIT,
                          "document asks for more than %zu records",
                          limits->nodes);
    if (error) {
        error->limit = "nodes";
        error->value = nodes;
        error->max = limits->nodes;
    }
    return LUN_ELIMIT;
}

static bool introspects(const struct lun_graphql_selection *selection)
{
    for (; selection; selection = selection->next) {
        if (selection->kind == LUN_GRAPHQL_FIELD &&
            (is_name(&selection->name, "__schema") ||
             is_name(&selection->name, "__type")))
            return true;
        if (introspects(selection->selections))
            return true;
    }
    return false;
}

bool lun_graphql_limits_introspects(
    const struct lun_graphql_document *document)
{
    for (const struct lun_graphql_operation *at = document->operations; at;
         at = at->next) {
        if (introspects(at->selections))
            return true;
    }
    for (const struct lun_graphql_fragment *at = document->fragments; at;
         at = at->next) {
        if (introspects(at->selections))
            return true;
    }
    return false;
}
