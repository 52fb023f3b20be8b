--- The files of a new app, as `lunette new APP` writes them.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.template
local names = require("lunette.util.names")

local template = {}

local APP = [[
-- The app "$app". Save this file, and the running server has its tables and
-- its API at once. docs/language.md explains every word.
app "$app" { version = "0.1.0", title = "$Title" }

role "user"    { title = "Employee" }
role "manager" { title = "Manager", implies = { "user" } }

enum "${Prefix}TaskState" { "OPEN", "DONE" }

model "${Prefix}Project" {
  title = "Project", label = "{name}", order = "name",
  fields = {
    name   = text { required = true, unique = true, size = 100 },
    budget = money { min = 0 },
    tasks  = many "${Prefix}Task" { by = "project" },
  },
}

model "${Prefix}Task" {
  title = "Task", label = "{title}", order = "due",
  fields = {
    title    = text { required = true, size = 200 },
    state    = enum "${Prefix}TaskState" { default = "OPEN" },
    project  = ref "${Prefix}Project" { required = true,
                                       on_delete = "cascade" },
    start    = date { default = today() },
    due      = date {},
    hours    = int { default = 1, min = 0 },
    rate     = money { default = 0, min = 0 },
    cost     = money { stored = sql "hours * rate" },
    made_at  = created {},
    moved_at = updated {},
  },
  check = { "start == nil or due == nil or due >= start",
            "{due} is before {start}" },
}

access "${Prefix}Project" { user = "read", manager = "all" }
access "${Prefix}Task"    { user = { "read", "create", "write" },
                           manager = "all" }

-- A field of the API of its own: { ${app_field}(project: "...") }
query "${app}_open_cost" {
  args = { project = id { required = true } },
  returns = money,
  by = "user",
  run = function(args)
    local sum = 0
    for _, task in each(find("${Prefix}Task", { project = args.project,
        state = "OPEN" })) do
      sum = sum + task.cost
    end
    return sum
  end,
}

-- 'lunette test $app' runs it; everything it does is rolled back.
test "open tasks cost their hours" (function(t)
  local project = t:create("${Prefix}Project", { name = "Move in" })
  t:create("${Prefix}Task", { project = project, title = "Paint", hours = 3,
    rate = 20 })
  t:create("${Prefix}Task", { project = project, title = "Carry", hours = 2,
    rate = 10, state = "DONE" })
  t:equal(t:as("user"):call("${app}_open_cost", { project = project.id }), 60)
end)

test "who may what" (function(t)
  local employee, manager = t:as(t:user "user"), t:as(t:user "manager")
  local project = manager:create("${Prefix}Project", { name = "Move in" })
  local task = employee:create("${Prefix}Task", { project = project,
    title = "Paint" })
  t:denied(function() employee:find(project):delete() end)
  t:denied(function() t:as(nil):find("${Prefix}Task") end)
  t:fails("before", function()
    employee:find(task):set { start = "2026-02-01", due = "2026-01-01" }
  end)
end)
]]

local function title_of(name)
    return (names.upper_first(name):gsub("_", " "))
end

--- The files of a new app.
-- @tparam string name the folder below apps/
-- @treturn[1] { {path, text}, ... } paths below the apps folder
-- @treturn[2] nil
-- @treturn[2] string what is wrong with the name
function template.files(name)
    if not name:find("^%l[%l%d_]*$") or #name > 40 then
        return nil, "an app is named with lower-case letters, digits and '_', "
            .. "as in 'stock'"
    end
    local parts = { app = name, Title = title_of(name),
        Prefix = names.upper_first(names.snake_to_camel(name)),
        app_field = names.snake_to_camel(name .. "_open_cost") }
    local text = APP:gsub("%$(%w+)", parts):gsub("%${([%w_]+)}", parts)
    return { { path = name .. "/app.lua", text = text } }
end

return template
