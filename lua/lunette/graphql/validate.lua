--- Checks a document against a schema: every rule of GraphQL's "Validation".
--
-- One walk over the definitions checks what stands by itself; what spans
-- definitions (variables, fragments, merged fields) follows from notes taken on
-- the way. Nothing grows faster than the document, save what is bounded.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.validate
local builtin = require("lunette.graphql.builtin")
local overlap = require("lunette.graphql.validate.overlap")
local report = require("lunette.graphql.validate.report")
local types = require("lunette.graphql.types")
local values = require("lunette.graphql.validate.values")
local variables = require("lunette.graphql.validate.variables")

local validate = {}

local MOST_ERRORS = 10

-- How many types of an interface are looked at for a suggestion.
local MOST_POSSIBLE = 20

local Context = {}
Context.__index = Context

-- Types ---------------------------------------------------------------------

local function is_composite(type)
    return type.kind == "OBJECT" or type.kind == "INTERFACE"
end

--- The type called `name`; reported at `node` when there is none.
function Context:known_type(name, node)
    local type = self.schema:type(name)
    if not type then
        self.report:add(node, 'Unknown type "%s".%s', name,
            report.did_you_mean(name, self.schema:names()))
    end
    return type
end

-- Whether objects can be of both types.
local function overlaps(schema, a, b)
    if a == b then return true end
    local names = {}
    for _, name in ipairs(schema:possible(a)) do names[name] = true end
    for _, name in ipairs(schema:possible(b)) do
        if names[name] then return true end
    end
    return false
end

-- Directives ----------------------------------------------------------------

--- Checks the directives of `node`, which stands at a place such as "FIELD".
function Context:check_directives(node, place)
    local seen = {}
    for _, directive in ipairs(node.directives or {}) do
        local name = directive.name
        local def = builtin.directives(self.schema)[name]
        if not def then
            self.report:add(directive, 'Unknown directive "@%s".', name)
        elseif not def.at[place] then
            self.report:add(directive, 'Directive "@%s" may not be used on %s.',
                name, place)
        end
        if def and seen[name] then
            self.report:add(directive, 'The directive "@%s" can only be used '
                .. "once at this location.", name)
        end
        seen[name] = true
        values.check_arguments(self, def, directive,
            ('directive "@%s"'):format(name), ('Directive "@%s"'):format(name))
    end
end

-- Selections ----------------------------------------------------------------

-- Types that an interface stands for and that have the field.
local function fragment_names(schema, parent, name)
    local found = {}
    if parent.kind ~= "INTERFACE" then return found end
    for i, possible in ipairs(schema:possible(parent)) do
        if i > MOST_POSSIBLE then break end
        if schema:type(possible).by[name] then found[#found + 1] = possible end
    end
    return found
end

local function report_unknown_field(self, parent, node)
    local meant = report.mean(fragment_names(self.schema, parent, node.name),
        "to use an inline fragment on")
    if meant == "" then
        meant = report.did_you_mean(node.name, report.names(parent.fields))
    end
    self.report:add(node, 'Cannot query field "%s" on type "%s".%s', node.name,
        parent.name, meant)
end

local function check_leaf(self, node, def, type)
    if is_composite(type) then
        if not node.selections then
            self.report:add(node, 'Field "%s" of type "%s" must have a '
                .. 'selection of subfields. Did you mean "%s { ... }"?',
                node.name, types.text(def.type), node.name)
        end
    elseif node.selections then
        self.report:add(node, 'Field "%s" must not have a selection since '
            .. 'type "%s" has no subfields.', node.name, types.text(def.type))
    end
end

local walk

local function walk_field(self, parent, node)
    local def = parent and self.schema:field(parent, node.name)
    if parent and not def then report_unknown_field(self, parent, node) end
    self:check_directives(node, "FIELD")
    values.check_arguments(self, def, node,
        ('field "%s.%s"'):format(parent and parent.name or "?", node.name),
        ('Field "%s"'):format(node.name))
    local type = def and self.schema:type(types.bottom(def.type))
    if def then check_leaf(self, node, def, type) end
    if node.selections then
        walk(self, type and is_composite(type) and type or nil,
            node.selections)
    end
end

-- Reports a fragment that no object of `parent` can match.
local function check_possible(self, parent, type, node, name)
    if parent and type and not overlaps(self.schema, parent, type) then
        self.report:add(node, 'Fragment %scannot be spread here as objects of '
            .. 'type "%s" can never be of type "%s".',
            name and ('"%s" '):format(name) or "", parent.name, type.name)
    end
end

local function walk_inline(self, parent, node)
    local type = parent
    if node.on then
        type = self:known_type(node.on, node)
        if type and not is_composite(type) then
            self.report:add(node, "Fragment cannot condition on non composite "
                .. 'type "%s".', node.on)
            type = nil
        end
        check_possible(self, parent, type, node)
    end
    self:check_directives(node, "INLINE_FRAGMENT")
    walk(self, type, node.selections)
end

local function walk_spread(self, parent, node)
    local spreads = self.definition.spreads
    local fragment = self.fragments[node.name]
    self:check_directives(node, "FRAGMENT_SPREAD")
    if not fragment then
        self.report:add(node, 'Unknown fragment "%s".', node.name)
        return
    end
    spreads[#spreads + 1] = node
    local type = self.schema:type(fragment.on)
    if type and is_composite(type) then
        check_possible(self, parent, type, node, node.name)
    end
end

local WALK = { field = walk_field, inline = walk_inline, spread = walk_spread }

-- Walks a list of selections on `parent` (nil: nobody knows the type).
function walk(self, parent, list)
    for _, node in ipairs(list) do WALK[node.kind](self, parent, node) end
end

-- Definitions ---------------------------------------------------------------

-- Begins the notes on a definition: `uses` of variables, `spreads`.
local function begin(self, node)
    self.definition = { node = node, uses = {}, spreads = {} }
    self.definitions[node] = self.definition
end

local PLACES = { query = "QUERY", mutation = "MUTATION",
    subscription = "SUBSCRIPTION" }

local function walk_operation(self, operation)
    local root = self.schema:root(operation.op)
    begin(self, operation)
    if not root then
        self.report:add(operation,
            "Schema is not configured to execute %s operation.", operation.op)
    end
    variables.check_definitions(self, operation)
    self:check_directives(operation, PLACES[operation.op])
    walk(self, root, operation.selections)
end

local function walk_fragment(self, fragment)
    begin(self, fragment)
    local type = self:known_type(fragment.on, fragment)
    if type and not is_composite(type) then
        self.report:add(fragment, 'Fragment "%s" cannot condition on non '
            .. 'composite type "%s".', fragment.name, fragment.on)
        type = nil
    end
    self:check_directives(fragment, "FRAGMENT_DEFINITION")
    walk(self, type, fragment.selections)
end

local function check_operation_names(self, operations)
    local seen = {}
    for _, operation in ipairs(operations) do
        if not operation.name then
            if #operations > 1 then
                self.report:add(operation,
                    "This anonymous operation must be the only defined "
                        .. "operation.")
            end
        elseif seen[operation.name] then
            self.report:add(operation,
                'There can be only one operation named "%s".', operation.name)
        else
            seen[operation.name] = true
        end
    end
end

local function index_fragments(self, fragments)
    for _, fragment in ipairs(fragments) do
        if self.fragments[fragment.name] then
            self.report:add(fragment,
                'There can be only one fragment named "%s".', fragment.name)
        else
            self.fragments[fragment.name] = fragment
        end
    end
end

-- Across definitions --------------------------------------------------------

-- Reports fragments that spread themselves; depth first, each fragment once.
local function check_cycles(self, fragment, state, path)
    state[fragment] = "open"
    for _, node in ipairs(self.definitions[fragment].spreads) do
        local next_one = self.fragments[node.name]
        path[#path + 1] = next_one
        if state[next_one] == "open" then
            local via = {}
            for i = #path - 1, 1, -1 do
                if path[i] == next_one then break end
                table.insert(via, 1, '"' .. path[i].name .. '"')
            end
            self.report:add(node,
                'Cannot spread fragment "%s" within itself%s.', node.name,
                #via > 0 and " via " .. table.concat(via, ", ") or "")
            self.has_cycle = true
        elseif not state[next_one] then
            check_cycles(self, next_one, state, path)
        end
        path[#path] = nil
    end
    state[fragment] = "closed"
end

-- The notes on a definition and all fragments it reaches, each once.
local function reach(self, definition, found)
    found[#found + 1], found[definition] = definition, true
    for _, node in ipairs(definition.spreads) do
        local next_one = self.definitions[self.fragments[node.name]]
        if not found[next_one] then reach(self, next_one, found) end
    end
    return found
end

-- Whether a directive with a literal says that the selection is left out.
local function is_dropped(node)
    for _, directive in ipairs(node.directives or {}) do
        local arg = directive.args[1]
        local value = arg and arg.value.kind == "bool" and arg.value
        if value and (directive.name == "skip" and value.value
            or directive.name == "include" and not value.value) then
            return true
        end
    end
    return false
end

-- The fields of a subscription's root, one of each response key.
local function root_fields(self, list, keys, spread)
    for _, node in ipairs(list) do
        local fragment = node.kind == "spread" and self.fragments[node.name]
        local on = node.on or fragment and fragment.on
        local key = node.alias or node.name
        local counts = not is_dropped(node)
            and (not on or on == "Subscription")
        if counts and node.kind == "field" and not keys[key] then
            keys[#keys + 1], keys[key] = node, true
        elseif counts and node.kind == "inline" then
            root_fields(self, node.selections, keys, spread)
        elseif counts and fragment and not spread[fragment] then
            spread[fragment] = true
            root_fields(self, fragment.selections, keys, spread)
        end
    end
    return keys
end

local function check_subscription(self, operation)
    if operation.op ~= "subscription" then return end
    local keys = root_fields(self, operation.selections, {}, {})
    local who = operation.name and ('Subscription "%s"'):format(operation.name)
        or "Anonymous Subscription"
    if #keys > 1 then
        self.report:add(keys[2], "%s must select only one top level field.",
            who)
    end
    for _, node in ipairs(keys) do
        if node.name:sub(1, 2) == "__" then
            self.report:add(node,
                "%s must not select an introspection top level field.", who)
        end
    end
end

local function check_across(self, doc)
    local used, state = {}, {}
    for _, fragment in ipairs(doc.fragments) do
        if not state[fragment] then
            check_cycles(self, fragment, state, { fragment })
        end
    end
    for _, operation in ipairs(doc.operations) do
        local reached = reach(self, self.definitions[operation], {})
        for _, definition in ipairs(reached) do used[definition.node] = true end
        variables.check_uses(self, operation, reached)
        check_subscription(self, operation)
    end
    for _, fragment in ipairs(doc.fragments) do
        if not used[fragment] then
            self.report:add(fragment, 'Fragment "%s" is never used.',
                fragment.name)
        end
    end
end

local function run(self, doc)
    check_operation_names(self, doc.operations)
    index_fragments(self, doc.fragments)
    for _, operation in ipairs(doc.operations) do
        walk_operation(self, operation)
    end
    for _, fragment in ipairs(doc.fragments) do
        walk_fragment(self, fragment)
    end
    check_across(self, doc)
    if self.has_cycle then return end
    for _, operation in ipairs(doc.operations) do
        if self.schema:root(operation.op) then
            self.compared = overlap.check(self, operation) or self.compared
        end
    end
end

--- Checks a document.
-- @tparam table schema made by lunette.graphql.types
-- @tparam table doc AST
-- @treturn {table,...} errors {message=, line=, col=, ext=}, at most 10; empty
-- when the document is valid
-- @treturn boolean whether texts of literals were compared: a plan of such a
-- document must not be cached without them
function validate.document(schema, doc)
    local self = setmetatable({
        schema = schema, report = report.new(MOST_ERRORS), fragments = {},
        definitions = {}, compared = false,
    }, Context)
    report.guard(run, self, doc)
    return self.report.errors, self.compared
end

return validate
