--- policy.lua → what it declares, unjudged.
--
-- The file is data: it sees the words `default`, `group`, `app` and `env`, and
-- nothing of Lua's library.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.file
local lists = require("lunette.util.lists")
local places = require("lunette.policy.places")
local text = require("lunette.util.text")

local file = {}

local MAX_FILE, MAX_DECLARATIONS = 1000000, 10000
local WORDS = { "default", "group", "app", "env" }
local CHUNK = "=policy"

local function line_of_call()
    for level = 3, 8 do
        local info = debug.getinfo(level, "Sl")
        if not info then break end
        if info.source == CHUNK then return info.currentline end
    end
    return 1
end

local Reader = {}
Reader.__index = Reader

function Reader:error(line, word, ...)
    self.report:error({ file = self.path, line = line }, word, ...)
end

function Reader:add(word, name)
    local declared = { word = word, name = name, line = line_of_call() }
    if #self.list >= MAX_DECLARATIONS then error("too many declarations", 0) end
    self.list[#self.list + 1] = declared
    return declared
end

-- group "sales" { ... }
function Reader:named(word)
    return function(name)
        if type(name) ~= "string" or not name:find("^[%a_][%w_]*$")
            or #name > 60 then
            self:error(line_of_call(), word, '%s is used wrongly; write %s'
                .. ' "name" { ... }', word, word)
            name = "?"
        end
        local declared = self:add(word, name)
        return function(options)
            if type(options) ~= "table" or declared.options then
                self:error(line_of_call(), word, '%s is used wrongly; write '
                    .. '%s "%s" { ... }', word, word, name)
                options = {}
            end
            declared.options = options
        end
    end
end

function Reader:default()
    return function(options)
        local declared = self:add("default")
        if type(options) ~= "table" then
            self:error(declared.line, "default",
                "default is used wrongly; write default { ... }")
            options = {}
        end
        declared.options = options
    end
end

-- Secrets stand in the environment of the server, not in the file.
function Reader:env(tools)
    return function(name)
        local value = type(name) == "string" and tools.getenv(name)
        if not value then
            self:error(line_of_call(), tostring(name), "the environment of the "
                .. "server has no %s", text.quote(name))
            return ""
        end
        return value
    end
end

function Reader:environment(tools)
    local words = { default = self:default(), group = self:named("group"),
        app = self:named("app"), env = self:env(tools) }
    return setmetatable({}, { __metatable = false,
        __index = function(_, word)
            if words[word] then return words[word] end
            self:error(line_of_call(), tostring(word), "unknown word %s%s",
                text.quote(word), text.did_you_mean(tostring(word), WORDS))
            -- Swallows the call, so that the rest is read.
            return function() return function() end end
        end,
        __newindex = function(_, word)
            self:error(line_of_call(), tostring(word), "%s cannot be set; write "
                .. "local %s = ...", text.quote(word), tostring(word))
        end })
end

local function run(reader, source, tools)
    if #source > MAX_FILE then return false, "the file is too long" end
    if source:sub(1, 1) == "\27" then
        return false, "this is bytecode; a policy is read as text"
    end
    local main, wrong = load(source, CHUNK, "t", reader:environment(tools))
    if not main then return false, wrong end
    if tools.guarded then return tools.guarded(main) end
    return pcall(main)
end

-- "policy:12: message" → 12, "message"
local function split(message)
    local line, rest = tostring(message):match("^policy:(%d+): (.*)$")
    return tonumber(line), (rest or tostring(message)):gsub("%c", " ")
end

local function finish(reader, lines)
    for at = #reader.list, 1, -1 do
        local declared = reader.list[at]
        local following = reader.list[at + 1]
        declared.last = following and math.max(declared.line,
            following.line - 1) or #lines
        if not declared.options then
            reader:error(declared.line, declared.word, "%s %s has no { ... }",
                declared.word, text.quote(declared.name))
            declared.options = {}
        end
    end
end

--- Reads a policy file.
-- @tparam table source { path (to be shown), text }
-- @tparam table report lunette.app.report
-- @tparam table tools guarded, getenv
-- @treturn {table,...} { word, name, options, line, last }, with
--   `list.place(declared, {"modules", "http"})` → { file, line }
function file.read(source, report, tools)
    local reader = setmetatable({ list = {}, report = report,
        path = source.path }, Reader)
    local lines = places.lines(source.text)
    local ok, message = run(reader, source.text, {
        guarded = tools.guarded, getenv = tools.getenv or os.getenv })
    if not ok then
        local line, rest = split(message)
        reader:error(line, nil, "%s", rest)
    end
    finish(reader, lines)
    function reader.list.place(declared, words)
        return { file = source.path, line = places.find(lines, declared.line,
            declared.last, lists.merged({}, words)) }
    end
    return reader.list
end

return file
