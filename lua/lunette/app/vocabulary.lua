--- The words that Lunette knows but has not built yet, and those of Lua that
-- apps do not get.
--
-- A word of the language is never ignored: it works, or it is refused by name.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.vocabulary
local lists = require("lunette.util.lists")

local function words(text)
    local list = {}
    for word in text:gmatch("%S+") do list[#list + 1] = word end
    return lists.set(list)
end

local vocabulary = {}

--- Declarations at the top of a file.
vocabulary.LATER = words([[workflow on saga every job view migrate file
    related]])

--- Helpers that only mean something inside such a declaration or in a filter:
-- they are reported where they are used as a value.
vocabulary.LATER_VALUES = words([[days hours minutes weeks months period mine
    notify todo]])

--- Options of models, fields and access lines.
vocabulary.LATER_OPTIONS = words([[mixins exclude tree search track only
    translate sequence locked_if compute stored_if restrict]])

--- Globals of Lua that a declaration does not need and an app does not get.
vocabulary.DENIED = words([[io os debug package load loadstring loadfile
    dofile setfenv getfenv collectgarbage newproxy module print jit ffi _G
    gcinfo]])

return vocabulary
