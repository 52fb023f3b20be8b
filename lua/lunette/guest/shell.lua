--- One line of `lunette shell`, run with what the files of the app see.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.shell
local setfenv = setfenv
local show = require("lunette.guest.show")

local shell = {}

local MAX_LINES = 1000

-- Globals of the shell stay from line to line; those of the app are below.
local function environment_of(self)
    if self.shell then return self.shell end
    local own = { print = function(...)
        local parts = {}
        for at = 1, select("#", ...) do
            local value = select(at, ...)
            parts[at] = type(value) == "string" and value or show.pretty(value)
        end
        if #self.printed < MAX_LINES then
            self.printed[#self.printed + 1] = table.concat(parts, "\t")
        end
    end }
    self.shell = setmetatable(own, { __index = self.environment })
    return own
end

-- An expression prints its value; what is none is a statement.
local function compile(code)
    local run = host.compile("return " .. code, "shell")
    if run then return run end
    return host.compile(code, "shell")
end

local function pack(...)
    return { n = select("#", ...), ... }
end

--- Runs a line.
-- @treturn table { incomplete=true } or { ok=, lines={text,...}, message= }
function shell.run(self, code)
    local run, problem = compile(code)
    if not run then
        problem = tostring(problem)
        return { incomplete = problem:find("<eof>", 1, true) ~= nil,
            message = problem }
    end
    self.printed = {}
    setfenv(run, environment_of(self))
    local results = pack(pcall(run))
    local lines = self.printed
    self.printed = nil
    if not results[1] then
        return { lines = lines, message = tostring(results[2]) }
    end
    for at = 2, results.n do lines[#lines + 1] = show.pretty(results[at]) end
    return { ok = true, lines = lines }
end

return shell
