--- The line of code that a message is about, and where in it the wrong word is.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.excerpt
local excerpt = {}

local MAX_BYTES = 500 -- longer lines are not shown

local function line_of(text, number)
    if number < 1 then return nil end
    local at = 1
    for _ = 2, number do
        at = text:find("\n", at, true)
        if not at then return nil end
        at = at + 1
    end
    return text:match("^([^\r\n]*)", at)
end

local function escaped(word)
    return (word:gsub("%p", "%%%0"))
end

-- First and last byte of a word that stands alone, else of the same text.
local function find_word(line, word)
    if type(word) ~= "string" or word == "" then return nil end
    local first, last = line:find("%f[%w_]" .. escaped(word) .. "%f[^%w_]")
    if first then return first, last end
    return line:find(word, 1, true)
end

-- What a message quotes: "references unknown model 'Prtner'".
local function find_quoted(line, message)
    for quoted in message:gmatch("'([^']+)'") do
        local first, last = find_word(line, quoted)
        if first then return first, last end
    end
    return nil
end

local function characters(text)
    local _, count = text:gsub("[^\128-\191]", "")
    return count
end

--- Where the caret belongs.
-- @tparam string line
-- @tparam ?string word the word that is wrong
-- @tparam string message what is wrong with it
-- @treturn number column, from 1, in characters
-- @treturn number width in characters
function excerpt.locate(line, word, message)
    local first, last = find_word(line, word)
    if not first then first, last = find_quoted(line, message) end
    if not first then
        first = line:find("%S") or 1
        last = first
    end
    return characters(line:sub(1, first - 1)) + 1,
        characters(line:sub(first, last))
end

--- Adds `source`, `column` and `width` to entries whose file is known.
-- @tparam {table,...} entries { file, line, word, message }
-- @tparam {table,...} sources { files = { {path, text}, ... } }
function excerpt.add(entries, sources)
    local texts = {}
    for _, source in ipairs(sources) do
        for _, file in ipairs(source.files) do texts[file.path] = file.text end
    end
    for _, entry in ipairs(entries or {}) do
        local text = entry.line and texts[entry.file]
        local line = text and line_of(text, entry.line)
        if line and line:find("%S") and #line <= MAX_BYTES
            and not line:find("[%z\1-\8\11-\31\127]") then
            entry.source = line
            entry.column, entry.width = excerpt.locate(line, entry.word,
                entry.message)
        end
    end
end

return excerpt
