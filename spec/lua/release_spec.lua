-- SPDX-License-Identifier: Apache-2.0
local host = require("support.host")

describe("which release of each app a load is about", function()
    local release, compile, stored, known, record, kept

    local function app(name, text)
        return { name = name, files = { { path = ("apps/%s/app.lua")
            :format(name), text = text } } }
    end

    local function hash(name, text)
        return compile.hash(app(name, text).files)
    end

    -- What the database has: what is served, and what ever was.
    local function serves(epoch, apps)
        stored = { epoch = epoch, id = "set", apps = {} }
        for name, text in pairs(apps) do
            stored.apps[name] = hash(name, text)
            known[name .. stored.apps[name]] = app(name, text).files
        end
    end

    local function folder(apps)
        local list = {}
        for name, text in pairs(apps) do list[#list + 1] = app(name, text) end
        table.sort(list, function(a, b) return a.name < b.name end)
        return list
    end

    local function had(apps)
        for name, text in pairs(apps) do record[name] = hash(name, text) end
        kept = host.json_encode(record)
    end

    local function chosen(apps)
        local choice = release.of_folder({}, { data = "/data" }, folder(apps))
        local out = {}
        for _, source in ipairs(choice.sources) do
            out[source.name] = source.files[1].text
        end
        return out, choice
    end

    before_each(function()
        known, record, kept = {}, {}, nil
        package.loaded["lunette.release"] = nil
        package.loaded["lunette.release.store"] = {
            current = function() return stored end,
            files = function(_, name, id) return known[name .. id] end,
            has = function(_, name, id) return known[name .. id] ~= nil end,
        }
        host.read_file = function() return kept end
        compile = require("lunette.app.compile")
        release = require("lunette.release")
        serves(0, {})
    end)

    after_each(function()
        package.loaded["lunette.release"] = nil
        package.loaded["lunette.release.store"] = nil
        host.read_file = nil
    end)

    it("is the folder's when nothing was ever released", function()
        assert.same({ shop = "1" }, (chosen({ shop = "1" })))
    end)

    it("is what was pushed while the file is as it was", function()
        had({ shop = "1" })
        serves(2, { shop = "pushed" })
        local apps, choice = chosen({ shop = "1" })
        assert.same({ shop = "pushed" }, apps)
        assert.same({}, choice.changed)
        assert.is_true(release.is_current(choice))
    end)

    it("is the file's once it changes", function()
        had({ shop = "1" })
        serves(2, { shop = "pushed" })
        local apps, choice = chosen({ shop = "2" })
        assert.same({ shop = "2" }, apps)
        assert.same({ shop = true }, choice.changed)
        assert.is_false(release.is_current(choice))
        assert.equal(hash("shop", "2"), choice.record.shop)
    end)

    it("is the file's when it changes back to what it was long ago", function()
        serves(1, { shop = "1" })
        serves(2, { shop = "2" })
        had({ shop = "2" })
        assert.same({ shop = "1" }, (chosen({ shop = "1" })))
    end)

    it("is what is served on a node that is new, unless its file is", function()
        serves(1, { shop = "1" })
        serves(2, { shop = "2" })
        assert.same({ shop = "2" }, (chosen({ shop = "1" })))
        assert.same({ shop = "3" }, (chosen({ shop = "3" })))
    end)

    it("goes with its folder, but not when it was only pushed", function()
        had({ shop = "1", staff = "1" })
        serves(3, { shop = "1", staff = "1", stock = "pushed" })
        local apps, choice = chosen({ shop = "1" })
        assert.same({ shop = "1", stock = "pushed" }, apps)
        assert.is_false(release.is_current(choice))
    end)

    it("leaves the other apps alone in a push", function()
        serves(4, { shop = "1", staff = "1" })
        local choice = release.of_push({}, { app = "shop", login = "dev",
            files = { { path = "app.lua", text = "2" },
                { path = "data/item.csv", text = "name\n" } } })
        assert.equal("2", choice.sources[1].files[1].text)
        assert.equal(1, #choice.sources[1].files)
        assert.equal("1", choice.sources[2].files[1].text)
        assert.same({ shop = true }, choice.changed)
        assert.equal("apps/shop/data/item.csv", choice.data[1].path)
        assert.equal("shop", choice.data[1].app)
    end)

    it("says which files of a push are none", function()
        for _, path in ipairs({ "../app.lua", "/app.lua", ".app.lua", "app",
            "a/../../b.lua", ("x"):rep(300) .. ".lua", "a b.lua" }) do
            local choice, errors = release.of_push({}, { app = "shop",
                files = { { path = path, text = "" } } })
            assert.is_nil(choice, path)
            assert.matches("no path below the app", errors[1].message)
        end
        local _, twice = release.of_push({}, { app = "shop", files = {
            { path = "a.lua", text = "" }, { path = "a.lua", text = "" } } })
        assert.matches("there twice", twice[1].message)
    end)

    it("watches what was pushed, and else what policy says", function()
        local set = { apps = { { name = "a", hash = "1" },
            { name = "b", hash = "2", rollback = false },
            { name = "c", hash = "3", rollback = { errors = 0.1, requests = 5,
                within_ms = 1000 } } } }
        local function watched(choice)
            local names = {}
            for i, trial in ipairs(release.trials(choice, set)) do
                names[i] = trial.app
            end
            return names
        end
        assert.same({ "a", "c" }, watched({ pushed = true }))
        assert.same({ "c" }, watched({}))
        assert.same({}, watched({ pushed = true, settled = true }))
    end)

    it("is refused to whoever has neither role nor login", function()
        local db = { query = function() return { { "shop.dev" } } end }
        local job = { app = "shop", login = "ann" }
        local function refused(granted)
            return release.refuse(db, job, granted) ~= nil
        end
        assert.is_true(refused({ roles = {}, logins = {} }))
        assert.is_true(refused({ roles = { "shop.lead" }, logins = { "bob" } }))
        assert.is_false(refused({ roles = { "shop.dev" }, logins = {} }))
        assert.is_false(refused({ roles = {}, logins = { "ann" } }))
        job.roles = { "other" }
        assert.is_true(refused({ roles = { "shop.dev" }, logins = { "ann" } }))
        job.roles, job.login = {}, "admin"
        assert.is_false(refused({ roles = {}, logins = {} }))
        job.roles = { "shop.dev" }
        assert.is_true(refused({ roles = {}, logins = {} }))
    end)
end)
