--- Declared relation field → FIELD, and the pairing of the two sides.
--
-- A relation has one or two fields. Which two belong together is said by `by`,
-- else by an equal `relation` name, else found when there is but one choice; a
-- choice is never guessed. Then the foreign key or join table follows.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.relation
local lists = require("lunette.util.lists")
local names = require("lunette.util.names")
local options = require("lunette.model.options")
local text = require("lunette.util.text")
local types = require("lunette.model.types")
local values = require("lunette.model.values")

local relation = {}

local MAX_TABLE = 63
-- Forms that can stand at the other end of a form.
local OPPOSITE = {
    ref = lists.set({ "many", "single" }), refs = lists.set({ "refs" }),
    many = lists.set({ "ref" }), single = lists.set({ "ref" }),
}
local COPIED = { "title", "help", "readonly", "was" }

-- Fields --------------------------------------------------------------------

local function default_of(value, reader)
    local token = reader:token(value)
    if type(value) == "function" then
        return values.computed(reader)
    elseif token and token.what == "later" then
        return reader:later(token)
    elseif token and token.what == "marker" and token.word == "me" then
        return { me = true }
    end
    reader:error("default", ": the default of a ref can only be 'me' or a"
        .. " function")
end

local function check_rules(field, clean, reader)
    if clean.on_delete == "set_null" and field.required then
        reader:error("on_delete", ": a required ref cannot be set to null")
    end
    if clean.one_sided and clean.by then
        reader:error("one_sided",
            ": 'one_sided' says that there is no other field, 'by' names it")
    end
end

--- Makes the FIELD of a relation; inverse, link and rules come with resolve.
-- @tparam string name
-- @tparam table declared what the word recorded
-- @tparam table context { app, model, subject }
function relation.build(name, declared, context)
    local form = declared.word
    local clean, reader = options.read(context.app, declared.place,
        context.subject, declared.options, types.RELATIONS[form])
    local many = form == "many" or form == "refs"
    local field = {
        name = name, graphql = clean.graphql or names.snake_to_camel(name),
        kind = "relation", form = form, many = many,
        required = not many and clean.required or false,
        unique = clean.unique or false, line = declared.place.line,
        cascade = clean.delete == "cascade" or nil,
        asked = { target = declared.target, by = clean.by,
            relation = clean.relation, one_sided = clean.one_sided,
            on_delete = clean.on_delete },
    }
    for _, key in ipairs(COPIED) do field[key] = clean[key] end
    check_rules(field, clean, reader)
    if clean.default ~= nil then
        field.default = default_of(clean.default, reader)
    end
    return field
end

-- Targets -------------------------------------------------------------------

-- Everything that resolving needs to know of one side.
local function new_side(builder, field)
    return { builder = builder, field = field, model = builder.model,
        app = builder.added_by[field] or builder.app,
        subject = builder.model.name .. "." .. field.name,
        place = { file = field.file, line = field.line } }
end

local function fail(side, word, message, ...)
    side.failed = true
    side.builder.app.report:error(side.place, word, message, ...)
end

local function known_keys(context, app)
    local keys = {}
    for key, builder in pairs(context.by_key) do
        if builder.app == app then
            keys[#keys + 1] = builder.declared_name
        elseif context.may_name(app, builder.app.name) then
            keys[#keys + 1] = key
        end
    end
    return keys
end

local function find_target(context, side)
    local app, wanted = side.app, side.field.asked.target
    local owner = wanted:match("^([^.]+)%.")
    local key = owner and wanted or app.name .. "." .. wanted
    if owner and owner ~= app.name and not context.may_name(app, owner) then
        fail(side, wanted,
            "%s refers to %s, but 'depends' does not name the app %s",
            side.subject, text.quote(wanted), text.quote(owner))
    elseif context.by_key[key] then
        return context.by_key[key]
    elseif not context.is_broken(owner or app.name) then
        fail(side, wanted, "%s refers to %s, which does not exist%s",
            side.subject, text.quote(wanted),
            text.did_you_mean(wanted, known_keys(context, app)))
    else
        side.failed = true
    end
end

local function check_me(side)
    local default = side.field.default
    if default and default.me and side.field.target ~= "base.User" then
        fail(side, "me", "%s: 'me' is a 'base.User', not a %s", side.subject,
            text.quote(side.field.asked.target))
    end
end

local function all_sides(context)
    local sides, by_field = {}, {}
    for _, builder in ipairs(context.builders) do
        for _, field in ipairs(builder.model.fields) do
            if field.kind == "relation" then
                local side = new_side(builder, field)
                by_field[field] = side
                sides[#sides + 1] = side
            end
        end
    end
    for _, side in ipairs(sides) do
        local target = find_target(context, side)
        if target then
            side.target, side.field.target = target, target.model.key
            check_me(side)
        end
    end
    return sides, by_field
end

-- Pairing -------------------------------------------------------------------

local function fits(a, b)
    return b ~= a and b.target == a.builder and a.target == b.builder
        and OPPOSITE[a.field.form][b.field.form]
        and not b.field.asked.one_sided and not a.field.asked.one_sided
end

local function name_allows(a, b)
    local x, y = a.field.asked.relation, b.field.asked.relation
    return x == y or not x or not y
end

local function only_named(a, b)
    local name = a.field.asked.relation
    return name and name == b.field.asked.relation
end

local function pair(a, b)
    a.other, b.other = b, a
end

local function usable_names(by_field, side)
    local found = {}
    for _, field in ipairs(side.target.model.fields) do
        local other = by_field[field]
        if other and fits(side, other) then found[#found + 1] = field.name end
    end
    return found
end

local function wrong_opposite(side, other)
    local form, by = side.field.form, side.field.asked.by
    local wanted = text.quoted_list(lists.keys(OPPOSITE[form]), "or")
    if not other then
        return ("by = '%s' is no relation"):format(by)
    elseif other.target ~= side.builder then
        return ("by = '%s' refers to '%s', not to '%s'"):format(by,
            other.field.asked.target, side.builder.declared_name)
    elseif other.field.asked.one_sided then
        return ("by = '%s' is one_sided"):format(by)
    end
    return ("by = '%s' is written with '%s'; the other side of '%s' is %s")
        :format(by, other.field.form, form, wanted)
end

local function pair_by(context, side)
    local by = side.field.asked.by
    local target = side.target
    local field = target.by_name[by]
    if not field then
        return fail(side, by, "%s: by names the unknown field %s of '%s'%s",
            side.subject, text.quote(by), target.declared_name,
            text.did_you_mean(by, usable_names(context.by_field, side)))
    end
    local other = context.by_field[field]
    if other and other.failed then
        side.failed = true
    elseif not other or not fits(side, other) then
        fail(side, by, "%s: %s", side.subject, wrong_opposite(side, other))
    elseif other.field.asked.by and other.field.asked.by ~= side.field.name then
        fail(side, by, "%s: by = '%s', but %s says by = '%s'", side.subject, by,
            other.subject, other.field.asked.by)
    elseif other.other and other.other ~= side then
        fail(side, by, "%s and %s both say by = '%s'", other.other.subject,
            side.subject, by)
    elseif not name_allows(side, other) then
        fail(side, by, "%s is the relation '%s', but %s is '%s'", side.subject,
            side.field.asked.relation, other.subject,
            other.field.asked.relation)
    else
        pair(side, other)
    end
end

-- Free sides at the target that could be the other side.
local function candidates(context, side, allows)
    local found = {}
    for _, field in ipairs(side.target.model.fields) do
        local other = context.by_field[field]
        if other and not other.other and not other.failed
            and not other.field.asked.by and fits(side, other)
            and allows(side, other) then
            found[#found + 1] = other
        end
    end
    return found
end

local function subjects(sides)
    local list = {}
    for at, side in ipairs(sides) do list[at] = side.subject end
    return table.concat(list, " and ")
end

local function is_free(side)
    return side.target and not side.other and not side.failed
        and not side.field.asked.by and not side.field.asked.one_sided
end

local function ambiguous(side, found)
    for _, other in ipairs(found) do other.failed = true end
    fail(side, nil, "%s: %s could be the other side; say which with "
        .. "by = \"...\"", side.subject, subjects(found))
end

local function pair_found(context, sides, allows)
    for _, side in ipairs(sides) do
        if is_free(side) then
            local found = candidates(context, side, allows)
            if #found > 1 then
                ambiguous(side, found)
            elseif #found == 1 then
                local back = candidates(context, found[1], allows)
                if #back > 1 then
                    ambiguous(found[1], back)
                else
                    pair(side, found[1])
                end
            end
        end
    end
end

local function need_ref(side)
    local form = side.field.form
    local hint = form == "many"
        and '; add a ref there, or write refs { one_sided = true }'
        or "; add a ref there"
    fail(side, form, "%s: no field of '%s' refers back to '%s'%s", side.subject,
        side.target.declared_name, side.builder.declared_name, hint)
end

local function pair_all(context, sides)
    for _, side in ipairs(sides) do
        if side.target and side.field.asked.by and not side.other then
            pair_by(context, side)
        end
    end
    pair_found(context, sides, only_named)
    pair_found(context, sides, name_allows)
    for _, side in ipairs(sides) do
        local form = side.field.form
        if side.target and not side.other and not side.failed
            and (form == "many" or form == "single") then
            need_ref(side)
        end
    end
end

-- Links ---------------------------------------------------------------------

local function relation_name(side)
    local other = side.other
    local name = side.field.asked.relation
        or other and other.field.asked.relation
    if name then return name end
    local a, b = side.model.name, side.target.model.name
    if b < a then a, b = b, a end
    return a .. "To" .. b
end

-- The side of a join table that names it: fixed, whatever the order of
-- declaration.
local function leads(side)
    local other = side.other
    if not other then return true end
    if side.model.key ~= other.model.key then
        return side.model.key < other.model.key
    end
    return side.field.name < other.field.name
end

local function join_link(context, side)
    local lead = leads(side) and side or side.other
    local name = "_" .. lead.model.table .. "_" .. lead.field.name
    if #name > MAX_TABLE then
        name = name:sub(1, MAX_TABLE - 9) .. "_"
            .. context.digest(name):sub(1, 8)
    end
    local near, far = lead.model.table, lead.target.model.table
    if near == far then near, far = "source", "target" end
    if lead ~= side then near, far = far, near end
    return { kind = "join", schema = lead.model.schema, table = name:lower(),
        near = near, far = far }
end

local function link_of(context, side)
    local form = side.field.form
    if form == "ref" then return { kind = "own", column = side.field.name } end
    if form == "refs" then return join_link(context, side) end
    return { kind = "foreign", column = side.other.field.name }
end

local function inverse_many(side)
    local field, other = side.field, side.other
    if other then return other.field.many end
    return not (field.form == "ref" and field.unique)
end

-- on_delete of a ref and delete = "cascade" at the other side are one rule.
local function settle_delete(side)
    local field, other = side.field, side.other
    local asked = field.asked.on_delete
    local cascaded = other and other.field.cascade
    if cascaded and asked and asked ~= "cascade" then
        fail(side, "on_delete", "%s: on_delete = '%s', but %s says "
            .. "delete = 'cascade'", side.subject, asked, other.subject)
    end
    field.on_delete = cascaded and "cascade" or asked
        or (field.required and "restrict" or "set_null")
    if other and field.on_delete == "cascade" then
        other.field.cascade = true
    end
end

local function finish(context, side)
    local field, other = side.field, side.other
    if other and other.field.form == "single" then field.unique = true end
    if field.unique and other and other.field.form == "many" then
        fail(side, "unique", "%s is unique, but %s is 'many'; write 'single'",
            side.subject, other.subject)
    end
    field.inverse = other and other.field.name or nil
    field.relation = relation_name(side)
    field.link = link_of(context, side)
    field.inverse_many = inverse_many(side)
    if field.form == "ref" then settle_delete(side) end
end

--- Resolves all relations of all models.
-- @tparam table context builders = from lunette.model.model.start, in order;
--   by_key = model key → builder; digest(text);
--   may_name(app, other) whether an app may refer to another;
--   is_broken(name) whether an app's files did not all run
function relation.resolve(context)
    local sides, by_field = all_sides(context)
    context.by_field = by_field
    pair_all(context, sides)
    for _, side in ipairs(sides) do
        if side.target and not side.failed then finish(context, side) end
    end
    for _, side in ipairs(sides) do side.field.asked = nil end
end

return relation
