--- The first function of an app's VM (core/vm/app.c): makes the environment of
-- the app and runs its files.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.boot
local native = native
local sandbox = require("lunette.guest.sandbox")
local guest = require("lunette.guest.init")
local decimals = require("lunette.guest.decimals")
local modules = require("lunette.guest.modules")
local records = require("lunette.guest.records")

local function answered(ok, answer)
    if ok then return answer end
    error(host.where(2) .. answer, 0)
end

-- Raises the text of a refusal.
local function ask_host(operation)
    return answered(native.ask(operation))
end

-- What needs nobody outside of the VM ends here.
local function ask(operation)
    if operation.op == "fail" then host.fail(operation.text) end
    if operation.op == "log" then
        return host.log("info", operation.text, operation.fields)
    end
    return ask_host(operation)
end

return function(_, setup)
    local made
    local function word(name)
        local ok, value = pcall(function() return made.environment[name] end)
        return ok and value or nil
    end
    made = guest.new {
        setup = setup, ask = ask, current = host.state,
        globals = sandbox.globals(),
        require = modules.new(host.modules, ask, sandbox.trusted(),
            { decimals = decimals, null = records.NULL, word = word }),
    }
    native.use(made.environment)
    local at = 1
    local run = native.source(at)
    while run do
        run()
        at = at + 1
        run = native.source(at)
    end
    made.loaded()
    native.use(made.environment, made.call)
    return {}
end
