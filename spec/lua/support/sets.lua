--- Release sets for specs, written as a Prisma datamodel.
--
--     local set = sets.from_datamodel [[
--         type Post { id: ID! @id  title: String!  author: User! }
--         type User { id: ID! @id  posts: [Post] }
--     ]]
--
-- gives the table that lunette.app.compile makes of the same app, so that the
-- schema, the planners and the executor are tested without the loader. Beyond
-- Prisma's scalars, those of Lunette may be named: Long Decimal Date Time UUID.
-- Options: `app` (name of the app, "test"), `id_type` ("text"; "uuid",
-- "bigint"), `snake` (Lua and SQL names in snake_case), `access` (the access
-- table of every model; default: everything for everybody).
-- SPDX-License-Identifier: Apache-2.0
-- @module support.sets
local parse = require("support.parse")

local sets = {}

-- GraphQL scalar → Lua type and PostgreSQL type
local SCALARS = {
    ID = { "text", "text" }, String = { "text", "text" },
    Int = { "int", "integer" }, Long = { "bigint", "bigint" },
    Float = { "float", "double precision" },
    Decimal = { "decimal", "numeric(18,4)" }, Boolean = { "bool", "boolean" },
    DateTime = { "datetime", "timestamptz(3)" }, Date = { "date", "date" },
    Time = { "time", "time" }, Json = { "json", "jsonb" },
    UUID = { "uuid", "uuid" },
}
local ID_PG = { text = "text", uuid = "uuid", bigint = "bigint" }

local function snake(name)
    return (name:gsub("(%l)(%u)", "%1_%2"):gsub("(%u)(%u%l)", "%1_%2"):lower())
end

-- Reading the datamodel -----------------------------------------------------

local Reader = {}
Reader.__index = Reader

function Reader:peek()
    return self.tokens[self.at].value
end

function Reader:take(want)
    local token = self.tokens[self.at]
    if want and token.value ~= want then
        error(("datamodel line %d: expected '%s', found '%s'")
            :format(token.line, want, token.value), 0)
    end
    self.at = self.at + 1
    return token
end

function Reader:literal()
    local token = self:take()
    if token.kind == "int" or token.kind == "float" then
        return tonumber(token.value)
    elseif token.value == "true" or token.value == "false" then
        return token.value == "true"
    end
    return token.value
end

function Reader:directives()
    local found = {}
    while self:peek() == "@" do
        self:take("@")
        local name, args = self:take().value, {}
        if self:peek() == "(" then
            self:take("(")
            while self:peek() ~= ")" do
                local arg = self:take().value
                self:take(":")
                args[arg] = self:literal()
            end
            self:take(")")
        end
        found[name] = args
    end
    return found
end

function Reader:field()
    local field = { graphql = self:take().value }
    self:take(":")
    field.list = self:peek() == "["
    if field.list then self:take("[") end
    local token = self:take()
    field.type, field.line = token.value, token.line
    if self:peek() == "!" then
        self:take("!")
        field.required = not field.list
    end
    if field.list then
        self:take("]")
        if self:peek() == "!" then self:take("!") end
    end
    field.directives = self:directives()
    return field
end

local function read(text)
    local reader = setmetatable({ tokens = parse.tokens(text), at = 1 }, Reader)
    local types, enums = {}, {}
    while reader.tokens[reader.at].kind ~= "eof" do
        local word, token = reader:take().value, reader:take()
        local name = token.value
        reader:directives()
        reader:take("{")
        if word == "enum" then
            enums[name] = {}
            while reader:peek() ~= "}" do
                table.insert(enums[name], reader:take().value)
            end
        else
            local def = { name = name, fields = {}, line = token.line }
            while reader:peek() ~= "}" do
                table.insert(def.fields, reader:field())
            end
            types[#types + 1], types[name] = def, def
        end
        reader:take("}")
    end
    return types, enums
end

-- Scalars -------------------------------------------------------------------

local function default_of(field)
    local default = field.directives.default
    return default and { value = default.value } or nil
end

local function scalar_field(field, enums, opts)
    local kind = SCALARS[field.type] or { "enum", "text" }
    local out = {
        kind = "scalar", type = kind[1], pg = kind[2], scalar = field.type,
        list = field.list, required = field.required or false,
        unique = field.directives.unique ~= nil, index = false,
        default = default_of(field),
    }
    if enums[field.type] then
        out.values, out.enum = enums[field.type], field.type
    end
    if field.list then out.pg = out.pg .. "[]" end
    if field.graphql == "id" then
        out.type, out.id_type, out.unique = "id", opts.id_type, true
        out.pg = ID_PG[opts.id_type]
    end
    if field.directives.createdAt then out.created = true end
    if field.directives.updatedAt then out.updated = true end
    return out
end

-- Relations -----------------------------------------------------------------

local function relation_args(field)
    return field.directives.relation or {}
end

local function pointing_back(types, def, field)
    local found = {}
    for _, other in ipairs(types[field.type].fields) do
        if other.type == def.name and other ~= field then
            found[#found + 1] = other
        end
    end
    return found
end

-- The opposite field, as Prisma 1.34 finds it: the one with the same relation
-- name; for a field without a name the first that points back, whatever its
-- name, and so for a named one the nameless field that would take it.
local function opposite_of(types, def, field)
    local name = relation_args(field).name
    local others = pointing_back(types, def, field)
    if not name then return others[1] end
    for _, other in ipairs(others) do
        if relation_args(other).name == name then return other end
    end
    for _, other in ipairs(others) do
        if not relation_args(other).name
            and pointing_back(types, types[field.type], other)[1] == field then
            return other
        end
    end
end

local function relation_name(def, field, other)
    local name = relation_args(field).name
        or other and relation_args(other).name
    if name then return name end
    local a, b = def.name, field.type
    if b < a then a, b = b, a end
    return a .. "To" .. b
end

-- Whether the foreign key of a one-to-one relation stands on `field`'s side.
local function owns_link(def, field, other)
    if not other then return true end
    if relation_args(field).link == "INLINE" then return true end
    if relation_args(other).link == "INLINE" then return false end
    if field.required ~= other.required then return field.required or false end
    if def.name ~= field.type then return def.name < field.type end
    return field.graphql < other.graphql
end

local function side_is_a(def, field, other)
    if def.name ~= field.type then return def.name < field.type end
    return not other or field.graphql < other.graphql
end

local function link_of(def, field, other, name, opts)
    local own = { kind = "own", column = opts.named(field.graphql) }
    if not field.list and (not other or other.list) then return own end
    if field.list and other and not other.list then
        return { kind = "foreign", column = opts.named(other.graphql) }
    elseif field.list then
        local a = side_is_a(def, field, other)
        return {
            kind = "join", schema = opts.app, table = "_" .. snake(name),
            near = a and "a" or "b", far = a and "b" or "a",
        }
    elseif owns_link(def, field, other) then
        return own
    end
    return { kind = "foreign", column = opts.named(other.graphql) }
end

local function relation_form(field, link)
    if field.list then return link.kind == "join" and "refs" or "many" end
    return link.kind == "own" and "ref" or "single"
end

local function relation_field(types, def, field, opts)
    local other = opposite_of(types, def, field)
    local name = relation_name(def, field, other)
    local link = link_of(def, field, other, name, opts)
    local cascaded = other and relation_args(other).onDelete == "CASCADE"
    local out = {
        kind = "relation", form = relation_form(field, link),
        many = field.list, target = opts.app .. "." .. field.type,
        inverse = other and opts.named(other.graphql) or nil,
        relation = name, required = field.required or false, link = link,
        unique = link.kind == "own" and other ~= nil and not other.list,
        inverse_many = not other or other.list,
        cascade = relation_args(field).onDelete == "CASCADE" or nil,
    }
    if link.kind == "own" then
        out.on_delete = cascaded and "cascade"
            or field.required and "restrict" or "set_null"
    end
    return out
end

-- The set -------------------------------------------------------------------

local function everybody()
    return {
        read = { "public" }, create = { "public" }, write = { "public" },
        delete = { "public" },
    }
end

local function has_id(fields)
    for _, field in ipairs(fields) do
        if field.graphql == "id" then return true end
    end
    return false
end

local function model_of(types, enums, def, opts)
    local fields, source = {}, def.fields
    if not has_id(source) then
        source = { { graphql = "id", type = "ID", required = true,
            directives = {}, line = def.line }, unpack(def.fields) }
    end
    for _, field in ipairs(source) do
        local out = types[field.type]
            and relation_field(types, def, field, opts)
            or scalar_field(field, enums, opts)
        out.name, out.graphql = opts.named(field.graphql), field.graphql
        out.line = field.line
        if out.kind == "scalar" then out.column = out.name end
        fields[#fields + 1] = out
    end
    return {
        name = def.name, key = opts.app .. "." .. def.name, app = opts.app,
        file = "apps/" .. opts.app .. "/app.lua", line = def.line,
        schema = opts.app, table = snake(def.name), fields = fields,
        checks = {}, access = opts.access or everybody(),
    }
end

local function same(name) return name end

--- The release set of one app with the models of `text`.
function sets.from_datamodel(text, opts)
    opts = opts or {}
    local types, enums = read(text)
    local settings = {
        app = opts.app or "test", id_type = opts.id_type or "text",
        access = opts.access, named = opts.snake and snake or same,
    }
    local set = {
        id = "0123456789abcdef", roles = {}, models = {}, warnings = {},
        apps = { { name = settings.app, version = "1.0.0", hash = "1a2b3c4d",
            depends = {} } },
    }
    for _, def in ipairs(types) do
        set.models[#set.models + 1] = model_of(types, enums, def, settings)
    end
    return set
end

--- A model of a set by its GraphQL name, and a field of it by its GraphQL name.
function sets.find(set, model_name, field_name)
    for _, model in ipairs(set.models) do
        if model.name == model_name then
            if not field_name then return model end
            for _, field in ipairs(model.fields) do
                if field.graphql == field_name then return field, model end
            end
        end
    end
end

--- The datamodel in the head of shared/opencrud/reference.graphql.
sets.REFERENCE = [[
type User {
  id: ID! @id
  createdAt: DateTime! @createdAt
  updatedAt: DateTime! @updatedAt
  email: String! @unique
  name: String
  age: Int
  score: Float
  active: Boolean! @default(value: true)
  role: Role! @default(value: READER)
  meta: Json
  nicknames: [String] @scalarList(strategy: RELATION)
  posts: [Post] @relation(name: "UserPosts", onDelete: CASCADE)
}
type Post {
  id: ID! @id
  title: String!
  views: Int! @default(value: 0)
  publishedAt: DateTime
  author: User! @relation(name: "UserPosts")
  reviewer: User @relation(name: "PostReviewer")
  tags: [Tag] @relation(name: "PostTags")
}
type Tag {
  id: ID! @id
  name: String! @unique
  parent: Tag @relation(name: "TagTree")
  children: [Tag] @relation(name: "TagTree")
  posts: [Post] @relation(name: "PostTags")
  watchers: [User] @relation(name: "TagWatchers")
}
enum Role { ADMIN EDITOR READER }
]]

function sets.reference(opts)
    return sets.from_datamodel(sets.REFERENCE, opts)
end

--- Orders with lines: uuid ids, snake_case names, decimals, dates, an owned
-- child, a stored column, a one-to-one relation and a self relation.
sets.SHOP = [[
type Partner {
  name: String!
  vatNumber: String @unique
  creditLimit: Decimal
  parent: Partner @relation(name: "PartnerTree")
  children: [Partner] @relation(name: "PartnerTree")
  saleOrders: [SaleOrder]
  card: LoyaltyCard
}
type LoyaltyCard {
  code: String! @unique
  holder: Partner! @relation(link: INLINE)
}
type Product { name: String!  listPrice: Decimal!  tags: [String] }
type SaleOrder {
  number: Long! @unique
  placedOn: Date
  createdAt: DateTime! @createdAt
  updatedAt: DateTime! @updatedAt
  state: OrderState! @default(value: DRAFT)
  externalRef: UUID
  partner: Partner!
  orderLines: [OrderLine] @relation(onDelete: CASCADE)
}
type OrderLine {
  quantity: Int! @default(value: 1)
  unitPrice: Decimal!
  total: Decimal
  saleOrder: SaleOrder!
  product: Product!
}
enum OrderState { DRAFT CONFIRMED DONE }
]]

function sets.shop(opts)
    opts = opts or {}
    local set = sets.from_datamodel(sets.SHOP, {
        app = "shop", id_type = "uuid", snake = true, access = opts.access,
    })
    local total = sets.find(set, "OrderLine", "total")
    total.stored = { sql = "quantity * unit_price" }
    return set
end

return sets
