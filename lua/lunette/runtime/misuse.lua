--- Mistakes of an app in what it asks: they become errors at its own line.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.misuse
local misuse = {}

local Misuse = {}

--- Raises a message for the developer of the app.
function misuse.with(message, ...)
    error(setmetatable({ message = message:format(...) }, Misuse), 0)
end

--- The message of what misuse.with raised; nil for any other error.
function misuse.text(err)
    return getmetatable(err) == Misuse and err.message or nil
end

return misuse
