-- Roles and permissions.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")

local HEAD = [[
role "user" {}
role "manager" { title = "Manager", implies = { "user" } }
role "boss" { implies = { "manager", "portal" } }
model "Order" { fields = {} }
]]

local function errors_of(text)
    local errors = apps.errors_of(HEAD .. text)
    for at, line in ipairs(errors) do
        errors[at] = line:gsub("^apps/test/app%.lua:%d+: ", "")
    end
    return errors
end

describe("roles", function()
    it("are closed over what they imply", function()
        local _, set = apps.models_of(HEAD)
        local by = {}
        for _, role in ipairs(set.roles) do by[role.name] = role end
        assert.same({ "portal", "test.manager", "test.user" },
            by["test.boss"].implies)
        assert.same({ "test.user" }, by["test.manager"].implies)
        assert.equal("Manager", by["test.manager"].title)
        assert.same({ "public", "portal", "admin" }, { set.roles[1].name,
            set.roles[2].name, set.roles[3].name })
    end)

    local wrong = {
        ['role "user" {}'] = "role 'user' is declared twice",
        ['role "admin" {}'] = "role 'admin' is built in",
        ['role "User" {}'] =
            "role 'User' must be lower-case letters, digits and '_'",
        ['role "x" { implies = { "manger" } }'] = "role 'x' implies: "
            .. "unknown role 'manger'; did you mean 'manager'?",
        ['role "x" { implies = { "admin" } }'] = "role 'x' implies: "
            .. "'admin' cannot be implied; it is given to users",
        ['role "x" { implies = { "x" } }'] = "role 'x' implies itself",
        ['role "x" { implies = { "hr.y" } }'] = "role 'x' implies: "
            .. "role 'hr.y' belongs to an app that 'depends' does not name",
        ['role "x" { tilte = "X" }'] =
            "role 'x': unknown option 'tilte'; did you mean 'title'?",
    }
    for source, message in pairs(wrong) do
        it("are refused: " .. source, function()
            assert.same({ message }, errors_of(source))
        end)
    end

    it("cannot imply each other", function()
        local errors = errors_of('role "x" { implies = { "y" } }\n'
            .. 'role "y" { implies = { "x" } }')
        assert.equal(2, #errors)
    end)
end)

describe("access", function()
    it("is written in four ways", function()
        local by = apps.models_of(HEAD .. [[access "Order" { user = "read",
            manager = "all", portal = { "read", "create" },
            boss = { delete = true, read = false } }]])
        assert.same({ read = { "portal", "test.manager", "test.user" },
            create = { "portal", "test.manager" }, write = { "test.manager" },
            delete = { "test.boss", "test.manager" } }, by.Order.access)
    end)

    it("may name roles of apps that the app depends on", function()
        local set = apps.set({ base = 'app "base" {}\nrole "employee" {}',
            sales = 'app "sales" { depends = { "base" } }\n'
                .. 'model "Order" { fields = {} }\n'
                .. 'access "Order" { ["base.employee"] = "read" }' })
        assert.same({ "base.employee" }, set.models[1].access.read)
        assert.equal(0, #set.warnings)
    end)

    it("that nobody has is a warning", function()
        local _, set = apps.models_of(HEAD)
        assert.equal("Order has no access rules: only admin may use it",
            set.warnings[1].message)
        assert.equal(5, set.warnings[1].line)
    end)

    local wrong = {
        ['access "Ordr" { user = "all" }'] =
            "access to unknown model 'Ordr'; did you mean 'Order'?",
        ['access "base.User" { user = "all" }'] = "access to 'base.User': "
            .. "only the app 'base' can give rights to its models",
        ['access "Order" { usr = "all" }'] =
            "access to Order: unknown role 'usr'; did you mean 'user'?",
        ['access "Order" { user = "raed" }'] =
            "access to Order: unknown operation 'raed'; did you mean 'read'?",
        ['access "Order" { user = { confirm = true } }'] =
            "access to Order: unknown operation 'confirm'",
        ['access "Order" { user = { read = { x = 1 } } }'] =
            "access to Order: read = { ... }: a filter is not built yet",
        ['access "Order" { user = { read = either { {} } } }'] =
            "access to Order: read = { ... }: a filter is not built yet",
        ['access "Order" { user = 1 }'] = "access to Order: rights are written "
            .. '"all", "read" or { read = true, ... }',
        ['access "Order" { restrict = { x = 1 } }'] =
            "access to Order: restrict is not built yet",
        ['access "Order" { user = "all" } access "Order" { user = "all" }'] =
            "access to Order: role 'user' stands there twice",
    }
    for source, message in pairs(wrong) do
        it("is refused: " .. source, function()
            assert.same({ message }, errors_of(source))
        end)
    end
end)
