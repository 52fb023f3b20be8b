--- The trusted part of an app's VM: what its files see, and how the host calls
-- its functions.
--
-- The host makes one guest for each VM:
--
--     local guest = require("lunette.guest.init")
--     local made = guest.new {
--         setup = table,      -- of lunette.runtime.setup, as data
--         ask = function,     -- host.ask
--         current = function, -- host.state
--         globals = table,    -- of Lua: the whitelisted functions and libraries
--         require = function, -- of lunette.guest.modules; may be nil
--     }
--     made.environment        -- the globals of the app's files
--     made.loaded()           -- to be called when all files were run
--     made.call(entry, data)  -- runs a function in the coroutine of a call
--
-- `data` is a message {me=, roles=, now=, ...}: what else is in it depends on the
-- entry. The result is plain data.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.init
local entries = require("lunette.guest.entries")
local records = require("lunette.guest.records")
local words = require("lunette.guest.words")

local guest = {}

--- Makes the guest of a VM.
function guest.new(host)
    local self = {
        setup = host.setup, app = host.setup.app, ask = host.ask,
        current = host.current, globals = host.globals,
        require = host.require, functions = {}, loading = true,
    }
    records.open(self)
    self.environment = words.environment(self)
    return {
        environment = self.environment,
        loaded = function() self.loading = false end,
        call = entries.caller(self),
    }
end

return guest
