--- Words in messages: quoting, lists, did-you-mean.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.util.text
local text = {}

local LONGEST_COMPARED = 64

-- Names may come from an app's source: keep messages on one line and short.
local function printable(word)
    local kind = type(word)
    -- Addresses say nothing.
    if kind == "table" or kind == "function" then return kind end
    word = tostring(word):gsub("[%c\127]", "?")
    if #word > LONGEST_COMPARED then
        word = word:sub(1, LONGEST_COMPARED - 3) .. "..."
    end
    return word
end

--- Characters (not bytes) of a UTF-8 text.
function text.length(value)
    return select(2, value:gsub("[^\128-\191]", ""))
end

--- 'word', with control characters replaced and the length bounded.
function text.quote(word)
    return "'" .. printable(word) .. "'"
end

--- 'a', 'b' and 'c'
function text.quoted_list(words, last)
    local quoted = {}
    for at, word in ipairs(words) do quoted[at] = text.quote(word) end
    if #quoted < 2 then return quoted[1] or "" end
    local tail = table.remove(quoted)
    return table.concat(quoted, ", ") .. " " .. (last or "and") .. " " .. tail
end

--- Edits between two words: insert, delete, replace, swap of neighbours.
function text.distance(a, b)
    local before, last, row
    row = {}
    for j = 0, #b do row[j] = j end
    for i = 1, #a do
        before, last, row = last, row, { [0] = i }
        for j = 1, #b do
            local same = a:byte(i) == b:byte(j)
            local best = math.min(last[j] + 1, row[j - 1] + 1,
                last[j - 1] + (same and 0 or 1))
            if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1)
                and a:byte(i - 1) == b:byte(j) then
                best = math.min(best, before[j - 2] + 1)
            end
            row[j] = best
        end
    end
    return row[#b]
end

-- The part behind the dot counts: 'base.Partnr' is near 'sales.Partner' too.
local function score(word, candidate)
    if word:lower() == candidate:lower() then return 0.5 end
    local tail = candidate:match("%.([^.]+)$")
    if tail and tail == (word:match("%.([^.]+)$") or word) then return 0.6 end
    return text.distance(word, candidate)
end

--- The candidate a writer of `word` most likely meant, or nil.
-- @tparam string word
-- @tparam {string,...} candidates
function text.nearest(word, candidates)
    if type(word) ~= "string" or #word > LONGEST_COMPARED then return nil end
    local found, least = nil, math.max(1, math.floor(#word / 3)) + 0.1
    for _, candidate in ipairs(candidates) do
        if type(candidate) == "string" and candidate ~= word
            and math.abs(#candidate - #word) <= math.max(least, #candidate)
            and #candidate <= LONGEST_COMPARED then
            local edits = score(word, candidate)
            if edits < least or edits == least and candidate < found then
                found, least = candidate, edits
            end
        end
    end
    return found
end

--- "; did you mean 'x'?", or the empty text.
function text.did_you_mean(word, candidates)
    local found = text.nearest(word, candidates)
    return found and ("; did you mean %s?"):format(text.quote(found)) or ""
end

-- RFC 3629, 4
local UTF8 = { "[\194-\223][\128-\191]", "\224[\160-\191][\128-\191]",
    "[\225-\236\238\239][\128-\191][\128-\191]",
    "\237[\128-\159][\128-\191]",
    "\240[\144-\191][\128-\191][\128-\191]",
    "[\241-\243][\128-\191][\128-\191][\128-\191]",
    "\244[\128-\143][\128-\191][\128-\191]" }

--- The place of the first byte that is no UTF-8, or nil.
function text.bad_utf8(bytes)
    if not bytes:find("[\128-\255]") then return nil end
    for _, pattern in ipairs(UTF8) do
        bytes = bytes:gsub(pattern, function(found) return ("?"):rep(#found) end)
    end
    return (bytes:find("[\128-\255]"))
end

return text
