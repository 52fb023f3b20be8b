-- SPDX-License-Identifier: Apache-2.0
local cjson = require("cjson")
local host = require("support.host")

local APP = 'app "shop" { version = "1.0.0", title = "Shop" }\n'
    .. 'role "clerk" {}\n'
    .. 'model "Thing" { fields = { name = text { required = true } } }\n'
    .. 'access "Thing" { clerk = "all" }\n'

describe("the loader", function()
    local loader, tree, written, saved, calls, stored, releases

    -- A file system of one level: folder → list of files.
    local function stub_host()
        function host.folders(folder)
            if folder == "/none" then return nil, "cannot read folder" end
            local names = {}
            for name in pairs(tree) do names[#names + 1] = name end
            table.sort(names)
            return names
        end
        function host.read_files(folder, endings)
            local name, below = folder:match("^/apps/([^/]+)/?(.*)$")
            local out = {}
            for _, file in ipairs(tree[name] or {}) do
                local prefix = below == "" and "" or below .. "/"
                for _, ending in ipairs(endings) do
                    if file.path:sub(1, #prefix) == prefix
                        and file.path:sub(-#ending - 1) == "." .. ending then
                        out[#out + 1] = { text = file.text,
                            path = file.path:sub(#prefix + 1) }
                    end
                end
            end
            return out
        end
        host.modules_dir = "/modules"
        function host.write_file(path, text)
            written[path] = text
            return true
        end
        function host.read_file(path)
            return written[path]
        end
        function host.connect(conninfo)
            if conninfo == "down" then return nil, "refused" end
            return { close = function() calls[#calls + 1] = "close" end }
        end
    end

    local function stub_database()
        package.loaded["lunette.release"] = nil
        package.loaded["lunette.release.store"] = {
            current = function() return stored end,
            files = function(_, app, hash) return releases[app .. hash] end,
            has = function(_, app, hash) return releases[app .. hash] end,
            put = function(_, one)
                releases[one.app .. one.hash] = one.files
                calls.put = one
            end,
            prune = function() end,
        }
        package.loaded["lunette.schema"] = {
            prepare = function() end,
            fits = function() return true end,
            apply = function(_, set, options)
                calls[#calls + 1] = "schema"
                calls.set, calls.options = set, options
                if calls.refuse then
                    return nil, { { message = "would lose data" } }, {}
                end
                return true, { "create table x" }
            end,
        }
        package.loaded["lunette.data"] = {
            load = function(_, _, files)
                calls[#calls + 1] = "data"
                calls.files = files
                return { "apps/shop/data/thing.csv: 1 rows of Thing" }
            end,
        }
    end

    before_each(function()
        saved = { schema = package.loaded["lunette.schema"],
            data = package.loaded["lunette.data"],
            store = package.loaded["lunette.release.store"] }
        stored, releases = { epoch = 0, apps = {} }, {}
        tree = { shop = { { path = "app.lua", text = APP } } }
        written, calls = {}, {}
        stub_host()
        stub_database()
        loader = require("lunette.loader")
    end)

    after_each(function()
        package.loaded["lunette.schema"] = saved.schema
        package.loaded["lunette.data"] = saved.data
        package.loaded["lunette.release.store"] = saved.store
        package.loaded["lunette.release"] = nil
        for _, name in ipairs({ "folders", "read_files", "read_file",
            "write_file", "connect" }) do
            host[name] = nil
        end
    end)

    local function run(options)
        options = options or {}
        options.apps, options.data = options.apps or "/apps", "/data"
        options.database = options.database or "up"
        return cjson.decode(loader.run(options))
    end

    it("writes the set and reports its releases", function()
        local report = run()
        assert.is_true(report.ok, report.errors and report.errors[1].message)
        assert.equal("/data/sets/" .. report.id .. ".json", report.file)
        assert.equal(report.id, cjson.decode(written[report.file]).id)
        assert.equal("shop", report.releases[1].app)
        assert.equal("1.0.0", report.releases[1].version)
        assert.equal(8, #report.releases[1].hash)
        assert.same({ "schema", "data", "close" }, { calls[1], calls[2],
            calls[3] })
        assert.same({ "1 steps changed the tables",
            "apps/shop/data/thing.csv: 1 rows of Thing" }, report.steps)
    end)

    it("shows files as apps/<name>/..., wherever they are", function()
        tree.shop[1].text = APP .. "modl {}\n"
        local report = run()
        assert.is_false(report.ok)
        assert.equal("apps/shop/app.lua", report.errors[1].file)
        assert.equal(5, report.errors[1].line)
        assert.same({ "close" }, calls)
        assert.same({}, written)
    end)

    it("gives starting data with its app, demo data only when asked", function()
        tree.shop[2] = { path = "data/thing.csv", text = "name\na\n" }
        tree.shop[3] = { path = "demo/thing.csv", text = "name\nb\n" }
        run()
        assert.equal(1, #calls.files)
        assert.equal("apps/shop/data/thing.csv", calls.files[1].path)
        assert.equal("shop", calls.files[1].app)
        run({ demo = true })
        assert.equal(2, #calls.files)
        assert.equal("apps/shop/demo/thing.csv", calls.files[2].path)
    end)

    it("leaves folders without Lua alone and wants at least one app", function()
        tree.assets = { { path = "logo.png", text = "x" } }
        assert.is_true(run().ok)
        tree.shop = nil
        assert.equal("there is no app in '/apps'; 'lunette new APP' makes one",
            run().errors[1].message)
        assert.equal("cannot read folder",
            run({ apps = "/none" }).errors[1].message)
    end)

    it("writes nothing when the database refuses", function()
        calls.refuse = true
        assert.equal("would lose data", run().errors[1].message)
        assert.same({}, written)
        assert.equal("cannot reach the database: refused",
            run({ database = "down" }).errors[1].message)
    end)

    it("checks without touching the database", function()
        local report = cjson.decode(loader.check({ apps = "/apps" }))
        assert.is_true(report.ok)
        assert.same({}, calls)
        tree.shop[1].text = "x"
        report = cjson.decode(loader.check({ apps = "/apps" }))
        assert.is_false(report.ok)
        assert.equal("apps/shop/app.lua", report.errors[1].file)
    end)

    it("prints the schema, of a folder or of a set", function()
        local from_apps = cjson.decode(loader.schema({ apps = "/apps" }))
        assert.is_true(from_apps.ok)
        assert.truthy(from_apps.sdl:find("type Thing implements Node {", 1,
            true))
        local report = run()
        local from_set = cjson.decode(loader.schema({
            set = written[report.file] }))
        assert.equal(from_apps.sdl, from_set.sdl)
    end)

    it("knows the roles of the apps and suggests near ones", function()
        assert.is_true(cjson.decode(loader.schema({ apps = "/apps",
            roles = { "shop.clerk", "admin" } })).ok)
        local report = cjson.decode(loader.schema({ apps = "/apps",
            roles = { "shop.clark" } }))
        assert.is_false(report.ok)
        assert.truthy(report.errors[1].message:find("shop.clerk", 1, true))
    end)
end)
