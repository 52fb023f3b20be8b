--- Lines of words in a source, for messages.
--
-- Lua tells the line of a call, not of a key in a table: it is looked up in the
-- text, below the call.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.places
local places = {}

-- A line without its comment.
local function code_of(line)
    local quote, at = nil, 1
    while at <= #line do
        local c = line:sub(at, at)
        if quote then
            if c == "\\" then at = at + 1 elseif c == quote then quote = nil end
        elseif c == '"' or c == "'" then
            quote = c
        elseif c == "-" and line:sub(at, at + 1) == "--" then
            return line:sub(1, at - 1)
        end
        at = at + 1
    end
    return line
end

--- The lines of a text, without comments.
function places.lines(source)
    local lines = {}
    for line in (source .. "\n"):gmatch("([^\n]*)\n") do
        lines[#lines + 1] = code_of(line)
    end
    return lines
end

local function escaped(word)
    return (word:gsub("%p", "%%%0"))
end

-- Whether a line has the word as a key or as a text.
local function mentions(line, word)
    local plain = escaped(word)
    return line:find("%f[%w_]" .. plain .. "%s*=[^=]")
        or line:find("%f[%w_]" .. plain .. "%s*=$")
        or line:find("[\"']" .. plain .. "[\"']")
        or line:find("[\"']" .. plain .. "%s")
end

--- The line of the last word of a path of words, each looked for from the line
-- of the one before it; the line of the last one found when one is not there.
-- @tparam {string,...} lines of places.lines
-- @tparam integer from
-- @tparam integer to
-- @tparam {string,...} path
-- @treturn integer
function places.find(lines, from, to, path)
    local line = from
    for _, word in ipairs(path) do
        for at = line, math.min(to, #lines) do
            if mentions(lines[at], word) then
                line = at
                break
            end
        end
    end
    return line
end

return places
