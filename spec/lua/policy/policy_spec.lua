-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")

local MANIFESTS = {
    csv = [[return { name = "csv", version = "1.2.0", options = {
        { "bytes", type = "size", default = "8m", min = "1k", max = "16m" } } }]],
    json = 'return { name = "json", version = "0.3.1" }',
    http = [[return { name = "http", version = "2.0.0",
        capabilities = { "network" }, options = {
        { "hosts", type = "list", of = "text", required = true,
            doc = "hosts that may be reached" },
        { "timeout", type = "time", default = "10s", max = "60s" },
        { "mode", type = "enum", values = { "plain", "tls" }, default = "tls" },
        { "private", type = "bool", default = false },
        { "tries", type = "int", default = 2, max = 5 },
        { "key", type = "secret" } } }]],
}

local function sources(text, manifests)
    local modules = {}
    for name, manifest in pairs(manifests or MANIFESTS) do
        modules[#modules + 1] = { name = name, manifest = manifest,
            code = "return {}" }
    end
    return { text = text, modules = modules, path = "policy.lua" }
end

local BASE = 'app "base" {}\nmodel "Partner" { fields = {} }\nmodel "User" { fields = {} }\n'
    .. 'access "Partner" { admin = "read" }\naccess "User" { admin = "read" }'

local function app(uses)
    return ('app "sales" {\n  title = "Sales",\n  depends = { "base" },\n'
        .. '  uses = { %s },\n}\nrole "lead" {}'):format(uses or "")
end

local function set_of(text, uses)
    return apps.set({ base = BASE, sales = app(uses) }, sources(text))
end

local function granted(text, uses)
    for _, one in ipairs(set_of(text, uses).apps) do
        if one.name == "sales" then return one end
    end
end

local function errors_of(text, uses)
    return apps.errors({ base = BASE, sales = app(uses) }, sources(text))
end

local function plain(value)
    if type(value) ~= "table" then return value end
    local out = {}
    for key, item in pairs(value) do out[key] = plain(item) end
    return out
end

describe("a policy", function()
    it("gives nothing when there is none", function()
        local sales = granted(nil)
        assert.same({}, plain(sales.modules))
        assert.same({}, sales.foreign)
        assert.same({}, plain(sales.extend))
        assert.equal("worker", sales.isolation)
        assert.is_nil(sales.push)
        assert.is_nil(sales.rollback)
        assert.same({ memory = 64 * 1024 ^ 2, cpu_ms = 200, wall_ms = 5000,
            slice_ms = 5, stuck_ms = 2000, statements = 1000, rows = 100000,
            outgoing = 10 * 1024 ^ 2, value = 4 * 1024 ^ 2 }, sales.limits)
    end)

    it("grants modules with their options", function()
        local sales = granted([[app "sales" { modules = { "csv",
            http = { hosts = "a.example", timeout = "5s" } } }]],
            '"csv", "http 2"')
        assert.same({ "csv", "http" }, { sales.modules[1].name,
            sales.modules[2].name })
        assert.same({ bytes = 8 * 1024 ^ 2 }, sales.modules[1].options)
        assert.same({ hosts = { "a.example" }, timeout = 5000, mode = "tls",
            private = false, tries = 2 }, plain(sales.modules[2].options))
        assert.equal("2.0.0", sales.modules[2].version)
    end)

    it("reads hosts and networks", function()
        local units = require("lunette.policy.units")
        local function read(kind, value)
            return units.read(value, { type = kind })
        end
        for _, host in ipairs { "api.example.com", "*.example.com", "*",
            "https://api.example.com:8443", "http://127.0.0.1:80", "[::1]:80",
            "fd00::1", "API.example.com" } do
            assert.same({ host }, plain(read("hosts", host)))
        end
        for _, host in ipairs { "a b", "a*.example.com", "ftp://a", "a/b",
            "https://a/b", "user@a", "a:b", "" } do
            assert.is_nil(read("hosts", { "ok.example", host }))
        end
        assert.is_true(read("networks", true))
        assert.is_false(read("networks", false))
        assert.same({ "10.0.0.0/8", "fd00::/8", "10.1.2.3" },
            plain(read("networks", { "10.0.0.0/8", "fd00::/8", "10.1.2.3" })))
        for _, network in ipairs { "10.0.0/8", "example.com", "10.0.0.0/", 5 } do
            assert.is_nil(read("networks", { network }))
        end
        assert.equal('{ "10.0.0.0/8" }', units.show({ "10.0.0.0/8" },
            { type = "networks" }))
        assert.equal("true", units.show(true, { type = "networks" }))
    end)

    it("gives only what the app uses", function()
        assert.same({}, plain(granted('default { modules = { "csv" } }')
            .modules))
    end)

    it("lets the nearest word count", function()
        local sales = granted([[
            app "sales" { limits = { cpu = "1s" } }
            default { modules = { csv = { bytes = "1m" }, "json" },
                limits = { memory = "16m", cpu = "50ms", rows = 10 } }
            group "office" { apps = { "sales", "hr" },
                modules = { csv = { bytes = "2m" } },
                limits = { memory = "32m", cpu = "100ms" } }]],
            '"csv", "json"')
        assert.equal(2 * 1024 ^ 2, sales.modules[1].options.bytes)
        assert.same({ 32 * 1024 ^ 2, 1000, 10 }, { sales.limits.memory,
            sales.limits.cpu_ms, sales.limits.rows })
        local base = set_of('group "x" { apps = "sales",'
            .. ' limits = { rows = 5 } }').apps[1]
        assert.equal(100000, base.limits.rows)
    end)

    it("can take a module away", function()
        assert.same({ "apps/sales/app.lua:4: the app uses the module 'csv', but "
            .. "policy.lua:2 takes it away; grant it in policy.lua: "
            .. 'app "sales" { modules = { "csv" } }' },
            errors_of('default { modules = { "csv" } }\n'
                .. 'app "sales" { modules = { csv = false } }', '"csv"'))
    end)

    it("grants models of other apps, and to extend them", function()
        local sales = granted([[app "sales" {
            models = { ["base.*"] = "read",
                ["base.Partner"] = { "read", "create" } },
            extend = { "base.Partner" } }]])
        assert.same({ ["base.Partner"] = { read = true, create = true },
            ["base.User"] = { read = true } }, sales.foreign)
        assert.same({ "base.Partner" }, plain(sales.extend))
    end)

    it("lets an app extend what it says, and nothing else", function()
        local with = { base = BASE, sales = app() .. '\nextend "base.Partner" '
            .. '{ fields = { rating = int {} } }' }
        assert.same({}, apps.errors(with,
            sources('app "sales" { extend = "base.*" }')))
        assert.is_truthy(apps.errors(with, sources('app "sales" { extend = '
            .. '"base.User" }'))[1]:find("policy must grant", 1, true))
    end)

    it("says isolation, push, rollback and prefix", function()
        local sales = granted([[app "sales" { isolation = "process",
            prefix = "Crm", push = { roles = "sales.lead", logins = { "anna" } },
            rollback = { errors = 0.2, within = "30s" } }]])
        assert.equal("process", sales.isolation)
        assert.equal("Crm", sales.prefix)
        assert.same({ roles = { "sales.lead" }, logins = { "anna" } },
            plain(sales.push))
        assert.same({ errors = 0.2, requests = 20, within_ms = 30000 },
            sales.rollback)
        assert.is_false(granted('default { rollback = {} }\n'
            .. 'app "sales" { rollback = false }').rollback)
    end)

    it("makes another set when it gives something else", function()
        local text = "default { limits = { rows = %d } }"
        assert.equal(set_of(text:format(5)).id,
            set_of("-- five\n" .. text:format(5)).id)
        assert.not_equal(set_of(text:format(5)).id, set_of(text:format(6)).id)
    end)

    it("makes another set when the code of a module that is used changes", function()
        local function id(code, uses)
            local with = sources('default { modules = { "csv" } }')
            for _, module in ipairs(with.modules) do
                if module.name == "csv" then module.code = code end
            end
            return apps.set({ base = BASE, sales = app(uses) }, with).id
        end
        assert.not_equal(id("return {}", '"csv"'), id("return { }", '"csv"'))
        assert.equal(id("return {}"), id("return { }"))
    end)

    it("reads values of the environment of the server", function()
        local home = os.getenv("HOME")
        assert.equal(home, granted([[app "sales" { modules = { http = {
            hosts = {}, key = env "HOME" } } }]], '"http"')
            .modules[1].options.key)
        assert.same({ "policy.lua:1: the environment of the server has no "
            .. "'LUNETTE_NO_SUCH'" }, errors_of('app "sales" { modules = '
            .. '{ http = { hosts = {}, key = env "LUNETTE_NO_SUCH" } } }'))
    end)
end)

describe("an app without a grant", function()
    local function first(text, uses)
        return errors_of(text, uses)[1]
    end

    it("is told the line of uses, and the grant that is missing", function()
        assert.equal("apps/sales/app.lua:4: the app uses the module 'csv', but "
            .. "policy does not grant it; grant it in policy.lua, which is not "
            .. 'there yet: app "sales" { modules = { "csv" } }',
            first(nil, '"csv"'))
        assert.equal("apps/sales/app.lua:4: the app uses the module 'http', but "
            .. "policy does not grant it; grant it in policy.lua: "
            .. 'app "sales" { modules = { http = { hosts = ... } } }',
            first('app "base" { modules = { "csv" } }', '"http"'))
    end)

    it("is told of a module that is not there", function()
        assert.equal("apps/sales/app.lua:4: the app uses 'cvs', which is no "
            .. "module; did you mean 'csv'?", first(nil, '"cvs"'))
        assert.equal("apps/sales/app.lua:4: the app uses the module 'bad', whose "
            .. "manifest is wrong", apps.errors({ base = BASE,
                sales = app('"bad"') }, sources(nil, { bad = "return {" }))[1])
    end)

    it("is told of a version that does not fit", function()
        assert.equal("apps/sales/app.lua:4: the app uses 'csv' 1.3, but the "
            .. "module here is 1.2.0", first('default { modules = { "csv" } }',
                '"csv 1.3"'))
        assert.equal("apps/sales/app.lua:4: the app uses 'csv', which "
            .. "policy.lua:2 grants in version 2, but the module here is 1.2.0",
            first('\ndefault { modules = { csv = { version = "2" } } }',
                '"csv"'))
    end)

    it("cannot require what it does not use", function()
        assert.same({ "apps/sales/app.lua:7: the module 'csv' is required, but "
            .. "the app does not name it in its 'uses'" }, apps.errors({
                base = BASE, sales = app() .. '\nlocal csv = require "csv"' },
                sources('default { modules = { "csv" } }')))
    end)

    it("may require what it uses, at the top of a file", function()
        assert.same({}, apps.errors({ base = BASE, sales = app('"csv"')
            .. '\nlocal csv = require "csv"\nlocal parse = csv.parse' },
            sources('default { modules = { "csv" } }')))
    end)

    it("is told how 'uses' is written", function()
        assert.equal("apps/sales/app.lua:1: 'uses' takes names of modules, with "
            .. 'a version when wanted: { "csv", "http 1.2" }',
            first(nil, '"csv latest"'))
    end)
end)

describe("versions", function()
    local versions = require("lunette.policy.versions")

    it("fit from what is wanted on, up to the next that may break", function()
        for _, case in ipairs({
            { "1.2.0", "1", true }, { "1.2.0", "1.2", true },
            { "1.2.0", "1.1.9", true }, { "1.2.0", "1.2.1", false },
            { "1.2.0", "1.3", false }, { "2.0.0", "1.2", false },
            { "1.2.0", "=1.2", true }, { "1.2.3", "=1.2.2", false },
            { "0.3.1", "0.3", true }, { "0.3.1", "0.2", false },
            { "0.3.1", "0", true }, { "0.0.2", "0.0.1", false },
            { "10.0.0", "9", false } }) do
            assert.equal(case[3], versions.fits(case[1], case[2]),
                case[1] .. " for " .. case[2])
        end
        for _, wrong in ipairs({ "", "v1", "1.", "1..2", "1.2.3.4", "^1" }) do
            assert.is_false(versions.is_wanted(wrong), wrong)
        end
    end)
end)

describe("a wrong policy", function()
    local function says(text, ...)
        assert.same({ ... }, errors_of(text))
    end

    it("is told by line and word", function()
        says('default { modules = {\n  "cvs" } }',
            "policy.lua:2: there is no module 'cvs'; did you mean 'csv'?")
        says('default { modules = { csv = { byte = 1 } } }',
            "policy.lua:1: module 'csv' has no option 'byte'; did you mean "
            .. "'bytes'?")
        says('default {\n  modules = {\n    csv = {\n      bytes = "1x" } } }',
            "policy.lua:4: csv: option 'bytes' must be a size like \"64m\"")
        says('default { modules = { csv = { bytes = "1g" } } }',
            "policy.lua:1: csv: option 'bytes' must be between 1k and 16m")
        says('default { modules = { "http" } }', "policy.lua:1: module 'http' "
            .. "needs the option 'hosts': hosts that may be reached")
        says('default { modules = { csv = "yes" } }', "policy.lua:1: module "
            .. "'csv' must be followed by its options { ... }")
        says('default { modules = { csv = { version = "new" } } }',
            "policy.lua:1: version 'new' must be written as \"1\", \"1.2\" or "
            .. '"=1.2.3"')
        says('default { modules = "csv" }', 'policy.lua:1: modules must be a '
            .. 'table { "csv", http = { hosts = { ... } } }')
    end)

    it("has the kinds of options checked", function()
        local function option(code)
            return errors_of('default { modules = { http = { hosts = "a", '
                .. code .. ' } } }')[1]:gsub("^policy.lua:1: http: ", "")
        end
        assert.equal("option 'timeout' must be a time like \"200ms\" or \"5s\"",
            (option('timeout = "soon"')))
        assert.equal("option 'timeout' must be between 0 and 1m",
            (option('timeout = "2m"')))
        assert.equal("option 'mode' must be 'plain' or 'tls'",
            (option('mode = "fast"')))
        assert.equal("option 'private' must be true or false",
            (option('private = 1')))
        assert.equal("option 'tries' must be between 0 and 5",
            (option('tries = 6')))
        assert.equal("option 'tries' must be a whole number",
            (option('tries = 1.5')))
        assert.equal("option 'hosts' item 1 must be a text of at most 4000 "
            .. "characters", (option('hosts = { 1 }')))
    end)

    it("has its limits checked", function()
        says('default { limits = { memroy = "1m" } }', "policy.lua:1: limits "
            .. "has no 'memroy'; did you mean 'memory'?")
        says('default { limits = { memory = "1m" } }', "policy.lua:1: limit "
            .. "'memory' must be between 4m and 2g")
        says('default { limits = { cpu = "fast" } }', "policy.lua:1: limit "
            .. "'cpu' must be a time like \"200ms\" or \"5s\"")
        says('default { limits = 5 }',
            "policy.lua:1: limits must be a table { ... }")
    end)

    it("names models, rights and roles that are there", function()
        says('app "sales" { models = { ["base.Partnr"] = "read" } }',
            "policy.lua:1: there is no model 'base.Partnr'; did you mean "
            .. "'base.Partner'?")
        says('app "sales" { models = { ["base.Partner"] = "reed" } }',
            "policy.lua:1: unknown right 'reed'; did you mean 'read'?; rights "
            .. "are 'read', 'create', 'write' and 'delete' or 'all'")
        says('app "sales" { models = { "base.Partner" } }', "policy.lua:1: models "
            .. "must say what may be done with 'base.Partner': "
            .. '["base.Partner"] = "read"')
        says('app "sales" { extend = { "Partner" } }', "policy.lua:1: 'Partner' "
            .. 'is no model; write "app.Model" or "app.*"')
        says('app "sales" { push = { roles = "sales.leed" } }', "policy.lua:1: "
            .. "there is no role 'sales.leed'; did you mean 'sales.lead'?")
        says('app "sales" { models = { ["other.Thing"] = "read" },'
            .. ' push = { roles = "other.boss" } }')
    end)

    it("has the rest checked", function()
        says('app "sales" { isolation = "vm" }',
            "policy.lua:1: isolation must be 'worker' or 'process'")
        says('app "sales" { prefix = "hr" }', "policy.lua:1: prefix must be the "
            .. 'beginning of type names: "Hr"')
        says('default { prefix = "Hr" }', "policy.lua:1: default has no 'prefix'")
        says('app "sales" { push = { role = "admin" } }', "policy.lua:1: push "
            .. "has no 'role'; did you mean 'roles'?")
        says('app "sales" { rollback = { errors = 2 } }', "policy.lua:1: "
            .. "rollback: errors must be a share of the requests, above 0 and "
            .. "up to 1")
        says('group "office" {}', "policy.lua:1: group \"office\" needs the apps "
            .. 'that it is for: apps = { "sales" }')
        says('app "sales" {}\napp "sales" {}', "policy.lua:2: app \"sales\" is "
            .. "declared twice; the first is at line 1")
        says('app "sales" { module = {} }', "policy.lua:1: app \"sales\" has no "
            .. "'module'; did you mean 'modules'?")
    end)

    it("is told everything at once", function()
        says('defualt {}\napp "sales" { limits = { cpu = 0 } }\ngroup "a"\n'
            .. 'other = 1',
            "policy.lua:1: unknown word 'defualt'; did you mean 'default'?",
            "policy.lua:2: limit 'cpu' must be between 1ms and 1m",
            "policy.lua:3: group 'a' has no { ... }",
            "policy.lua:3: group \"a\" needs the apps that it is for: apps = "
            .. '{ "sales" }',
            "policy.lua:4: 'other' cannot be set; write local other = ...")
        says('app "sales" {', "policy.lua:1: unexpected symbol near '<eof>'")
        says("app {}", "policy.lua:1: app is used wrongly; write app \"name\" "
            .. "{ ... }", "policy.lua:1: app '?' has no { ... }")
        says("default(5)", "policy.lua:1: default is used wrongly; write default "
            .. "{ ... }")
    end)

    it("has none of Lua's library, and is text", function()
        says("os.exit()", "policy.lua:1: unknown word 'os'",
            "policy.lua:1: attempt to index global 'os' (a function value)")
        says("\27LJ", "policy.lua: this is bytecode; a policy is read as text")
    end)

    it("is warned of an app that looks like another", function()
        local set = set_of('group "x" {\n apps = { "base", "slaes", "hr" } }')
        assert.same({ "group \"x\" names the app 'slaes', which is not here; did "
            .. "you mean 'sales'?" }, { set.warnings[1].message,
            set.warnings[2] and set.warnings[2].message })
        assert.equal(2, set.warnings[1].line)
    end)
end)

describe("a manifest", function()
    local function says(manifest, ...)
        assert.same({ ... }, apps.errors({ base = BASE },
            sources(nil, { csv = manifest })))
    end
    local PATH = "modules/csv/manifest.lua: "

    it("is checked", function()
        says('return { name = "cvs", version = "1.0.0" }', PATH
            .. "the module is called 'cvs', but its folder 'csv'")
        says('return { name = "csv", version = "1" }', PATH
            .. "version '1' must be written as '1.2.0'")
        says('return { name = "csv", version = "1.0.0", optoins = {} }', PATH
            .. "the manifest: unknown key 'optoins'; did you mean 'options'?")
        says('return { name = "csv", version = "1.0.0",'
            .. ' capabilities = { "netwrk" } }', PATH
            .. "unknown capability 'netwrk'; did you mean 'network'?")
        says('return { name = "csv", version = "1.0.0",'
            .. ' options = { { "a", type = "int", default = "x" } } }', PATH
            .. "option 'a': the default must be a whole number")
        says("return 5", PATH .. "returns no table")
        says("return os", PATH .. "returns no table")
        says("return {", PATH .. "line 1: unexpected symbol near '<eof>'")
    end)
end)
