--- From a parsed operation to a plan: the entry of the system VM for GraphQL.
--
-- A plan is plain data that C caches and runs (formats: core/bind/plan.h,
-- core/graphql/plan.h). It holds no literal of the document, so that documents
-- which differ in literals only share it.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.compile
local call = require("lunette.orm.call")
local context = require("lunette.orm.context")
local errors = require("lunette.graphql.errors")
local input = require("lunette.graphql.input")
local introspection = require("lunette.graphql.introspection")
local read = require("lunette.orm.read")
local selections = require("lunette.graphql.selections")
local types = require("lunette.graphql.types")
local validate = require("lunette.graphql.validate")
local write = require("lunette.orm.write")

local compile = {}

-- Services ------------------------------------------------------------------

--- What all requests against one release set share.
-- @tparam table set release set
-- @tparam ?table opts `strict`: only what the OpenCRUD reference has
function compile.service(set, opts)
    local service = {
        set = set, strict = opts and opts.strict or false, by_key = {},
    }
    for _, model in ipairs(set.models) do service.by_key[model.key] = model end
    service.schema = types.new(set, { strict = service.strict })
    return service
end

-- Operations ----------------------------------------------------------------

-- The operation that is asked for; nil and an error when that is not clear.
local function pick(doc, name)
    if not name then
        if #doc.operations == 1 then return doc.operations[1] end
        return nil, errors.invalid(#doc.operations == 0
            and "the document has no operation"
            or "the document has several operations: 'operationName' is needed")
    end
    for _, operation in ipairs(doc.operations) do
        if operation.name == name then return operation end
    end
    return nil, errors.invalid(("unknown operation '%s'"):format(name))
end

local function by_name(fragments)
    local found = {}
    for _, fragment in ipairs(fragments or {}) do
        found[fragment.name] = fragment
    end
    return found
end

-- Variables whose value decides the plan ------------------------------------

local function add_variables(found, args)
    for _, arg in ipairs(args or {}) do
        if arg.value.kind == "var" then found[arg.value.name] = true end
    end
end

-- Of `first` and `last` only usual sizes decide.
local function add_sizes(found, args)
    for _, arg in ipairs(args or {}) do
        if (arg.name == "first" or arg.name == "last")
            and arg.value.kind == "var" then
            found["#" .. arg.value.name] = true
        end
    end
end

local function add_selections(found, list)
    for _, node in ipairs(list or {}) do
        add_sizes(found, node.args)
        for _, directive in ipairs(node.directives or {}) do
            add_variables(found, directive.args)
        end
        if node.name == "__type" then add_variables(found, node.args) end
        add_selections(found, node.selections)
    end
end

-- The same for every plan of a document, whatever the values are, since the
-- cache reads it off any of them.
local function value_vars(schema, doc, operation)
    local list, found = {}, {}
    if #operation.variables == 0 then return list end
    for _, name in ipairs(input.order_variables(schema, operation)) do
        found[name] = true
    end
    add_selections(found, operation.selections)
    for _, fragment in ipairs(doc.fragments or {}) do
        add_selections(found, fragment.selections)
    end
    for _, variable in ipairs(operation.variables) do
        for _, name in ipairs { variable.name, "#" .. variable.name } do
            if found[name] then list[#list + 1] = name end
        end
    end
    return list
end

-- Root fields ---------------------------------------------------------------

local function constant(json)
    return { kind = "const", json = json }
end

-- `__type(name:)` answers by a value that the key of the plan cache may lack.
local function plan_introspection(compilation, item)
    if introspection.depends_on_value(item, compilation.selections) then
        compilation.uncached = true
    end
    local json, err = introspection.field(compilation.schema, item,
        compilation.selections)
    if not json then compilation:context():refuse(err) end
    return constant(json)
end

local function plan_query(compilation, item)
    if item.def.meta.what == "introspection" then
        return plan_introspection(compilation, item)
    end
    return read.field(compilation:context(), item)
end

local function plan_mutation(compilation, item)
    return write.plan(compilation:context(), item)
end

local function plan_subscription(compilation)
    compilation:context():refuse(errors.not_implemented("subscriptions"))
end

local PLANS = { query = plan_query, mutation = plan_mutation,
    subscription = plan_subscription }

local function plan_item(compilation, root, item)
    if item.name == "__typename" then
        return constant('"' .. root.name .. '"')
    elseif item.def.meta.what == "call" then
        return call.plan(compilation:context(), item)
    end
    return PLANS[compilation.op](compilation, item)
end

local function root_field(compilation, root, item)
    local made, err = context.attempt(plan_item, compilation, root, item)
    made = made or { kind = "error", error = err }
    made.key, made.path_name = item.key, item.key
    local meta = item.def.meta or {}
    made.app = meta.call and meta.call.app
        or meta.model and meta.model.key:match("^[^.]+")
    made.nullable = item.def.type.kind ~= "nonnull"
    made.line, made.col = item.ast.line, item.ast.col
    return made
end

-- Entry ---------------------------------------------------------------------

local Compilation = {}
Compilation.__index = Compilation

--- A planning context for one statement.
function Compilation:context()
    return context.new(self.service, self.request, self.schema,
        self.selections)
end

local function begin(service, request, operation)
    local schema = service.schema
    return setmetatable({
        service = service, request = request, schema = schema,
        op = operation.op,
        selections = selections.new(schema, operation,
            by_name(request.doc.fragments), request.variables),
    }, Compilation)
end

local function plan_fields(compilation, operation)
    local root = compilation.schema:root(operation.op)
    local fields = {}
    local items = compilation.selections:collect(root,
        { operation.selections })
    for i, item in ipairs(items) do
        fields[i] = root_field(compilation, root, item)
    end
    return fields
end

-- "sales,base": the apps whose root fields these are; nil for none.
local function apps_of(fields)
    local names, known = {}, {}
    for _, field in ipairs(fields) do
        if field.app and not known[field.app] then
            known[field.app] = true
            names[#names + 1] = field.app
        end
    end
    table.sort(names)
    return #names > 0 and table.concat(names, ",") or nil
end

local function has_directive(operation, name)
    for _, directive in ipairs(operation.directives or {}) do
        if directive.name == name then return true end
    end
    return false
end

--- Compiles one operation of a document.
-- @tparam table service from compile.service
-- @tparam table request {doc=, operation_name=, variables=, roles=, user=}
-- @treturn[1] table PLAN {op=, value_vars=, fields=, uncached=}
-- @treturn[2] nil
-- @treturn[2] table errors {message=, line=, col=, code=, ext=}
function compile.operation(service, request)
    local invalid, compared = validate.document(service.schema, request.doc)
    if #invalid > 0 then return nil, invalid end
    local operation, unclear = pick(request.doc, request.operation_name)
    if not operation then return nil, { unclear } end
    local bad = input.check(service.schema, operation, request.variables)
    if #bad > 0 then return nil, bad end
    local compilation = begin(service, request, operation)
    local ok, fields = pcall(plan_fields, compilation, operation)
    if not ok then
        if type(fields) == "table" and fields.input_error then
            return nil, { fields.input_error }
        end
        error(fields, 0)
    end
    return {
        op = operation.op, fields = fields, apps = apps_of(fields),
        transaction = has_directive(operation, "transaction") or nil,
        uncached = compared or compilation.uncached or nil,
        value_vars = value_vars(service.schema, request.doc, operation),
    }
end

return compile
