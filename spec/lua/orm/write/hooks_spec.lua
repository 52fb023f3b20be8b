-- Hooks and computed defaults inside writes.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local cjson = require("cjson")
local convert = require("lunette.orm.write.convert")
local fail = require("lunette.orm.write.fail")
local hooked = require("support.hooked")
local writes = require("support.writes")

local function app(text)
    return apps.set({ test = 'app "test" {}\n' .. text })
end

local LEAD = [[
model "Lead" {
  fields = {
    name = text { size = 20 }, code = text { unique = true, size = 20 },
    value = money { default = function() end }, n = int { min = 0 },
    open = bool {}, due = date {}, tags = list(text) {}, data = json {},
    owner = ref "Person" { default = function() end },
    notes = many "Note" { by = "lead", delete = "cascade" },
  }, %s
}
model "Person" { fields = { name = text {},
  leads = many "Lead" { by = "owner" } } %s }
model "Note" { fields = { text = text {}, lead = ref "Lead" {} } %s }
]]

-- "before_create, after_write" as options of a model.
local function options(names)
    local parts = {}
    for name in (names or ""):gmatch("[%w_]+") do
        parts[#parts + 1] = name .. " = function() end"
    end
    return table.concat(parts, ", ")
end

local function leads(lead, person, note)
    return app(LEAD:format(options(lead), person and ", " .. options(person)
        or "", note and ", " .. options(note) or ""))
end

local function nothing(message)
    return message.values or message.changes
end

local DEFAULTS = {
    ["default:Lead.value"] = function(message)
        local list = {}
        for i, row in ipairs(message.values) do list[i] = row.n or 7 end
        return list
    end,
    ["default:Lead.owner"] = function(message)
        local list = {}
        for i in ipairs(message.values) do list[i] = convert.null() end
        return list
    end,
}

local function use(functions)
    for entry, run in pairs(DEFAULTS) do
        functions[entry] = functions[entry] or run
    end
    hooked.use(functions)
end

describe("hooks", writes.with_database(function(w)
    it("compute defaults once for all rows, also nested ones", function()
        w:set(leads())
        use {}
        w:ok('mutation { createPerson(data: { name: "p", leads: { create: ['
            .. '{ n: 1 }, { n: 2 }, { value: "9.5" }, { value: null }] } })'
            .. " { id } }")
        assert.equal(1, hooked.count("default:Lead.value"))
        assert.equal(0, hooked.count("default:Lead.owner"))
        w:sees("{ leads(orderBy: n_ASC) { n value owner { name } } }",
            [[{"leads":[{"n":1,"value":1,"owner":{"name":"p"}},
            {"n":2,"value":2,"owner":{"name":"p"}},
            {"n":null,"value":9.5,"owner":{"name":"p"}},
            {"n":null,"value":null,"owner":{"name":"p"}}]}]])
    end)

    it("see the values of a new row and may change them", function()
        w:set(leads("before_create"))
        local seen
        use { ["hook:before_create:Lead"] = function(message)
            local row = message.values[1]
            seen = { name = row.name, n = row.n, open = row.open,
                due = row.due, tags = row.tags, data = row.data,
                value = row.value }
            row.name, row.n, row.open = row.name .. "!", row.n + 1, false
            row.due, row.value, row.code = nil, "3.25", "c"
            row.tags, row.data = { "x", 'y"z' }, { a = { 1, 2 } }
            return message.values
        end }
        w:ok([[mutation { createLead(data: { name: "a", n: 4, open: true,
            due: "2026-02-03", tags: { set: ["t", "u"] }, data: "{\"b\":1}" })
            { id } }]])
        assert.same({ name = "a", n = 4, open = true, due = "2026-02-03",
            tags = { "t", "u" }, data = { b = 1 }, value = "4" }, seen)
        w:sees("{ leads { name n open due value code tags data } }",
            [[{"leads":[{"name":"a!","n":5,"open":false,"due":null,
            "value":3.25,"code":"c","tags":["x","y\"z"],
            "data":{"a":[1,2]}}]}]])
    end)

    it("keep the id of a row, whatever becomes of it", function()
        w:set(leads("before_create"))
        use { ["hook:before_create:Lead"] = function() return { {} } end }
        local made = w:ok('mutation { createLead(data: { name: "a", n: 1 })'
            .. " { id name n } }").createLead
        assert.equal(36, #made.id)
        assert.equal(cjson.null, made.name)
        use { ["hook:before_create:Lead"] = function(message)
            message.values[1].id = "01890a5d-ac96-774b-bcce-b302099a8057"
            return message.values
        end }
        w:fails("INTERNAL", "mutation { createLead(data: {}) { id } }")
        use { ["hook:before_create:Lead"] = function() return {} end }
        w:fails("INTERNAL", "mutation { createLead(data: {}) { id } }")
    end)

    it("have what they set checked as input is", function()
        w:set(leads("before_create"))
        local change
        use { ["hook:before_create:Lead"] = function(message)
            change(message.values[1])
            return message.values
        end }
        local create = "mutation { createLead(data: {}) { id } }"
        change = function(row) row.n = -1 end
        w:fails("VALIDATION_FAILED", create, "n must be at least 0")
        change = function(row) row.name = ("x"):rep(21) end
        w:fails("VALIDATION_FAILED", create, "name must be at most 20")
        for wrong, detail in pairs {
            n = "sets", name = "value", nmae = "did you mean 'name'",
            notes = "no field of the row itself",
        } do
            change = function(row)
                row[wrong] = wrong == "name" and 5 or { 1 }
            end
            local response = w:run(create)
            assert.equal("INTERNAL", response.errors[1].ext)
            assert.equal("internal error", response.errors[1].message)
            assert.is_truthy(response.errors[1].detail:find(
                wrong == "n" and "must be" or detail, 1, true))
        end
        w:sees("{ leads { id } }", '{"leads":[]}')
    end)

    it("run in order: before, rows, links, after, level by level", function()
        w:set(leads("before_create after_create",
            "before_create after_create", "before_create after_create"))
        local notes
        use {
            ["hook:before_create:Lead"] = nothing,
            ["hook:before_create:Person"] = nothing,
            ["hook:before_create:Note"] = nothing,
            ["hook:after_create:Lead"] = function(message)
                notes = message.job.db:query("SELECT count(*) FROM test.note"
                    .. " WHERE lead = $1::uuid", { message.ids[1] })[1][1]
            end,
            ["hook:after_create:Person"] = nothing,
            ["hook:after_create:Note"] = nothing,
        }
        w:ok('mutation { createLead(data: { owner: { create: { name: "p" } },'
            .. ' notes: { create: [{ text: "a" }, { text: "b" }] } })'
            .. " { id } }")
        assert.equal("2", notes)
        assert.same({ "test hook:before_create:Person",
            "test default:Lead.value", "test hook:before_create:Lead",
            "test hook:before_create:Note", "test hook:after_create:Person",
            "test hook:after_create:Lead", "test hook:after_create:Note" },
            hooked.calls)
    end)

    it("get 1,000 rows of one create in one call, in few statements", function()
        w:set(leads("before_create after_create"))
        local sizes = {}
        use {
            ["hook:before_create:Lead"] = function(message)
                sizes[1] = #message.values
                for _, row in ipairs(message.values) do row.open = true end
                return message.values
            end,
            ["hook:after_create:Lead"] = function(message)
                sizes[2] = #message.ids
            end,
        }
        local rows = {}
        for i = 1, 1000 do rows[i] = ("{ n: %d }"):format(i) end
        local log = w:statements(function()
            w:ok('mutation { createPerson(data: { leads: { create: ['
                .. table.concat(rows, ",") .. "] } }) { id } }")
        end)
        assert.same({ 1000, 1000 }, sizes)
        assert.is_true(#log <= 4, cjson.encode(log))
        assert.equal("1000", w:value("count(*) FROM test.lead WHERE open"))
    end)

    it("get more rows than that in several calls", function()
        w:set(leads("before_create after_create before_write after_write"
            .. " before_delete after_delete"))
        local sizes = {}
        local function note(name)
            return function(message)
                local rows = message.values or message.ids or message.rows
                sizes[name] = (sizes[name] or "") .. #rows .. " "
                return message.values or message.changes
            end
        end
        use {
            ["hook:before_create:Lead"] = note("create"),
            ["hook:after_create:Lead"] = note("created"),
            ["hook:before_write:Lead"] = note("write"),
            ["hook:after_write:Lead"] = note("written"),
            ["hook:before_delete:Lead"] = note("delete"),
            ["hook:after_delete:Lead"] = note("deleted"),
        }
        local rows = {}
        for i = 1, 1500 do rows[i] = "{}" end
        w:ok('mutation { createPerson(data: { leads: { create: ['
            .. table.concat(rows, ",") .. "] } }) { id } }")
        w:sees("mutation { updateManyLeads(data: { n: 3 }) { count } }",
            '{"updateManyLeads":{"count":1500}}')
        w:sees("mutation { deleteManyLeads { count } }",
            '{"deleteManyLeads":{"count":1500}}')
        local all = {}
        for _, name in ipairs { "create", "created", "write", "written",
            "delete", "deleted" } do
            all[name] = "1000 500 "
        end
        assert.same(all, sizes)
    end)

    it("see and change what a write changes", function()
        w:set(leads("before_write after_write"))
        local seen, after
        use {
            ["hook:before_write:Lead"] = function(message)
                seen = message.changes
                local changes = {}
                for name, value in pairs(seen) do changes[name] = value end
                changes.code = "new"
                changes.n = nil
                return changes
            end,
            ["hook:after_write:Lead"] = function(message)
                after = message.changes
            end,
        }
        w:ok('mutation { createLead(data: { name: "a", n: 1, due:'
            .. ' "2026-01-01" }) { id } }')
        w:ok('mutation { updateManyLeads(data: { name: "b", n: 2, due: null })'
            .. " { count } }")
        assert.same({ name = "b", n = 2, due = convert.null() }, seen)
        assert.same({ name = "b", code = "new", due = convert.null() }, after)
        w:sees("{ leads { name n code due version } }", [[{"leads":[{"name":"b",
            "n":1,"code":"new","due":null,"version":2}]}]])
    end)

    it("run for rows whose link another row changes", function()
        w:set(leads("before_write after_write before_delete after_delete"))
        local changed = {}
        use {
            ["hook:before_write:Lead"] = function(message)
                table.insert(changed, ("%d %s"):format(#message.ids,
                    convert.is_null(message.changes.owner) and "null"
                        or type(message.changes.owner)))
                return message.changes
            end,
            ["hook:after_write:Lead"] = nothing,
            ["hook:before_delete:Lead"] = nothing,
            ["hook:after_delete:Lead"] = nothing,
        }
        w:ok('mutation { a: createLead(data: { code: "a" }) { id }'
            .. ' b: createLead(data: { code: "b" }) { id } }')
        local id = w:ok('mutation { createPerson(data: { leads: { connect: ['
            .. '{ code: "a" }, { code: "b" }] } }) { id } }').createPerson.id
        w:ok(('mutation { updatePerson(where: { id: "%s" }, data: { leads: {'
            .. ' disconnect: { code: "a" } } }) { id } }'):format(id))
        w:ok('mutation { updateLead(where: { code: "a" }, data: { owner: {'
            .. (' connect: { id: "%s" } } }) { id } }'):format(id))
        w:ok(('mutation { deletePerson(where: { id: "%s" }) { id } }')
            :format(id))
        assert.same({ "2 string", "1 null", "1 string", "2 null" }, changed)
        assert.equal("2", w:value("count(*) FROM test.lead WHERE owner IS NULL"))
        assert.equal(0, hooked.count("hook:before_delete:Lead"))
    end)

    it("run for rows that go by a cascade, with what they were", function()
        w:set(leads("before_delete after_delete", nil,
            "before_delete after_delete"))
        local before, gone = {}, {}
        local function note_before(message)
            before[message.model] = #message.ids
        end
        local function note_gone(message)
            gone[message.model] = #message.rows
        end
        use {
            ["hook:before_delete:Lead"] = note_before,
            ["hook:before_delete:Note"] = note_before,
            ["hook:after_delete:Lead"] = note_gone,
            ["hook:after_delete:Note"] = note_gone,
        }
        for _, code in ipairs { "a", "b" } do
            w:ok(('mutation { createLead(data: { code: "%s", notes: { create: ['
                .. "{}, {}, {}] } }) { id } }"):format(code))
        end
        w:ok('mutation { deleteLead(where: { code: "a" }) { code } }')
        assert.same({ ["test.Lead"] = 1, ["test.Note"] = 3 }, before)
        assert.same(before, gone)
        w:ok("mutation { deleteManyLeads { count } }")
        assert.same({ ["test.Lead"] = 1, ["test.Note"] = 3 }, gone)
        assert.equal("0", w:value("count(*) FROM test.note"))
    end)

    it("may delete what would go, and add what goes too", function()
        w:set(leads("before_delete", nil, "before_delete"))
        local notes = {}
        use {
            ["hook:before_delete:Lead"] = function(message)
                message.job.db:query("DELETE FROM test.note", {})
                message.job.db:query("INSERT INTO test.note (id, text, lead)"
                    .. " VALUES (gen_random_uuid(), 'late', $1::uuid)",
                    { message.ids[1] })
            end,
            ["hook:before_delete:Note"] = function(message)
                table.insert(notes, #message.ids)
            end,
        }
        w:ok('mutation { createLead(data: { code: "a", notes: { create: [{},'
            .. " {}] } }) { id } }")
        w:ok('mutation { deleteLead(where: { code: "a" }) { code } }')
        assert.same({ 2, 1 }, notes)
        assert.equal("0", w:value("count(*) FROM test.note"))
    end)

    it("end the whole write when they refuse", function()
        w:set(leads("after_create", nil, "before_create"))
        use {
            ["hook:after_create:Lead"] = nothing,
            ["hook:before_create:Note"] = function()
                fail.with(fail.invalid_reason("no notes today"))
            end,
        }
        w:fails("VALIDATION_FAILED", 'mutation { createLead(data: { notes: {'
            .. ' create: { text: "a" } } }) { id } }', "no notes today")
        w:sees("{ leads { id } notes { id } }", '{"leads":[],"notes":[]}')
    end)

    it("run for either branch of an upsert", function()
        w:set(leads("before_create before_write"))
        use {
            ["hook:before_create:Lead"] = nothing,
            ["hook:before_write:Lead"] = nothing,
        }
        local upsert = 'mutation { upsertLead(where: { code: "u" }, create: {'
            .. ' code: "u", n: 1 }, update: { n: 2 }) { n } }'
        w:sees(upsert, '{"upsertLead":{"n":1}}')
        w:sees(upsert, '{"upsertLead":{"n":2}}')
        assert.equal(1, hooked.count("hook:before_create:Lead"))
        assert.equal(1, hooked.count("hook:before_write:Lead"))
    end)

    it("do not nest without an end", function()
        w:set(leads("after_create"))
        local create = require("lunette.orm.write.create")
        use { ["hook:after_create:Lead"] = function(message)
            create.list(message.job, { { model = message.job.graph.models[
                "test.Lead"], sets = {}, links = {} } })
        end }
        w:fails("BUDGET_EXCEEDED", "mutation { createLead(data: {}) { id } }",
            "hooks are nested deeper than 6: 'default:Lead.value' is called"
            .. " inside 'hook:after_create:Lead'")
        w:sees("{ leads { id } }", '{"leads":[]}')
    end)

    it("keep a write from being a single statement", function()
        w:set(leads("after_create"))
        local compile = require("lunette.orm.compile")
        local parse = require("support.parse")
        local function plan(text)
            return compile.operation(w.server.service, { variables = {},
                doc = parse.document(text), roles = { admin = true } })
                .fields[1].write
        end
        local hooked_write = plan("mutation { createLead(data: {}) { id } }")
        assert.is_nil(hooked_write.direct)
        assert.is_nil(hooked_write.single)
        local plain = plan("mutation { createNote(data: {}) { id } }")
        assert.is_truthy(plain.direct)
        local nested = plan("mutation { createNote(data: { lead: { create: {} }"
            .. " }) { id } }")
        assert.is_nil(nested.direct)
    end)
end))
