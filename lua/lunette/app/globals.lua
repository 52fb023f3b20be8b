--- The globals that functions name, read off their bytecode: a word that does not
-- exist is told when the app is loaded, not when the function first runs.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.globals
local bit = require("bit")
local util = require("jit.util")

local globals = {}

local function opcode_of(fn, at)
    return bit.band((util.funcbc(fn, at)), 0xff)
end

-- What the compiler makes of a read and of a write of a global.
local SAMPLE = assert(loadstring("x = y"))
local GET, SET = opcode_of(SAMPLE, 1), opcode_of(SAMPLE, 2)

local scan

local function scan_inside(fn, found)
    for at = 1, util.funcinfo(fn).gcconsts do
        local constant = util.funck(fn, -at)
        if type(constant) == "proto" then scan(constant, found) end
    end
end

function scan(fn, found)
    for at = 1, util.funcinfo(fn).bytecodes - 1 do
        local op = opcode_of(fn, at)
        if op == GET or op == SET then
            local constant = bit.rshift((util.funcbc(fn, at)), 16)
            found[#found + 1] = { name = util.funck(fn, -constant - 1),
                line = util.funcinfo(fn, at).currentline, is_set = op == SET }
        end
    end
    scan_inside(fn, found)
end

--- The globals that the functions inside a file name.
-- @tparam function main what the file became
-- @treturn {table,...} { name, line, is_set = it is written }
function globals.inside(main)
    local found = {}
    scan_inside(main, found)
    return found
end

return globals
