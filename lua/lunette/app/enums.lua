--- The enums of all apps: declared by name, or inline with a field.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.enums
local scalar = require("lunette.model.scalar")
local text = require("lunette.util.text")

local enums = {}

local function add(self, app, declared)
    local key = app.name .. "." .. declared.name
    if not declared.name:find("^%u[%w_]*$") or #declared.name > 60 then
        app.report:error(declared.place, declared.name,
            "enum name %s must be CamelCase, as in 'OrderState'",
            text.quote(declared.name))
    elseif self.by_key[key] then
        app.report:error(declared.place, declared.name,
            "enum %s is declared twice; the first is at %s:%d",
            text.quote(declared.name), self.by_key[key].place.file,
            self.by_key[key].place.line)
    else
        local enum = { key = key, name = declared.name, app = app,
            place = declared.place,
            graphql = (app.prefix or "") .. declared.name }
        enum.values = scalar.enum_values(declared.values, app.report,
            declared.place, "enum '" .. declared.name .. "'")
        self.by_key[key] = enum
        self.list[#self.list + 1] = enum
    end
end

--- Reads the declared enums.
-- @tparam {table,...} apps records of lunette.app.load
-- @tparam function may_name(app, other)
-- @treturn table with find(name, app), known(app), add_inline(field, context)
--   and list
function enums.read(apps, may_name)
    local self = { list = {}, by_key = {} }
    for _, app in ipairs(apps) do
        for _, declared in ipairs(app.enums) do add(self, app, declared) end
    end

    function self.find(name, app)
        local owner = name:match("^([^.]+)%.")
        if owner and owner ~= app.name and not may_name(app, owner) then
            return nil
        end
        return self.by_key[owner and name or app.name .. "." .. name]
    end

    function self.known(app)
        local names = {}
        for _, enum in ipairs(self.list) do
            if enum.app == app then
                names[#names + 1] = enum.name
            elseif may_name(app, enum.app.name) then
                names[#names + 1] = enum.key
            end
        end
        return names
    end

    function self.add_inline(field, context)
        self.list[#self.list + 1] = { graphql = field.enum, app = context.app,
            place = { file = context.reader.place.file, line = field.line },
            field = context.subject }
    end

    return self
end

return enums
