-- The SQL of typical operations, kept in spec/data/golden_sql and reviewed there.
-- `# set: shop` and `# variables: {...}` in the head of an operation choose the
-- release set and the variables. LUNETTE_GOLDEN=write keeps what is made now.
-- SPDX-License-Identifier: Apache-2.0
local cjson = require("cjson")
local plans = require("support.plans")
local sets = require("support.sets")
local compile = require("lunette.orm.compile")

local FOLDER = "spec/data/golden_sql/"

local function read_file(path)
    local file = io.open(path)
    if not file then return nil end
    local text = file:read("*a")
    file:close()
    return text
end

local function operations()
    local names = {}
    local pipe = assert(io.popen("ls " .. FOLDER))
    for line in pipe:lines() do
        names[#names + 1] = line:match("^(.+)%.graphql$")
    end
    pipe:close()
    return names
end

local function with_lists(value)
    if type(value) ~= "table" then return value end
    for key, inner in pairs(value) do value[key] = with_lists(inner) end
    if value[1] ~= nil then setmetatable(value, host.array_mt) end
    return value
end

describe("the SQL of", function()
    local services = {
        reference = compile.service(sets.reference(), { strict = true }),
        shop = compile.service(sets.shop(), { strict = true }),
        wide = compile.service(sets.reference()),
        shop_wide = compile.service(sets.shop()),
    }
    for _, name in ipairs(operations()) do
        it(name:gsub("_", " "), function()
            local text = read_file(FOLDER .. name .. ".graphql")
            local service = services[text:match("# set: ([%w_]+)") or "reference"]
            local variables = text:match("# variables: ([^\n]+)")
            local plan = assert(plans.compile(service, text, {
                variables = variables
                    and with_lists(cjson.decode(variables)) or nil,
            }))
            local made = plans.text(plan)
            if os.getenv("LUNETTE_GOLDEN") == "write" then
                local file = assert(io.open(FOLDER .. name .. ".sql", "w"))
                file:write(made)
                file:close()
            end
            assert.equal(read_file(FOLDER .. name .. ".sql"), made)
        end)
    end
end)
