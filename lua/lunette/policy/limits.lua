--- The limits of an app: what they bound, their defaults and bounds.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.limits
local units = require("lunette.policy.units")

local limits = {}

-- key in policy.lua, key in the release set, kind, default, bounds, what it is
local ROWS = {
    { "memory", "memory", "size", "64m", "4m", "2g",
        "memory of the app's VM in a worker" },
    { "cpu", "cpu_ms", "time", "200ms", "1ms", "60s",
        "processor time of one request in the app" },
    { "wall", "wall_ms", "time", "5s", "10ms", "10m",
        "time of one request in the app, waiting included" },
    { "slice", "slice_ms", "time", "5ms", "1ms", "100ms",
        "at a stretch; then other requests have their turn" },
    { "stuck", "stuck_ms", "time", "2s", "100ms", "60s",
        "at a stretch that nothing could stop; then the worker is replaced" },
    { "statements", "statements", "int", 1000, 1, 1000000,
        "statements of the database of one request" },
    { "rows", "rows", "int", 100000, 1, 100000000,
        "rows that one request reads and writes" },
    { "outgoing", "outgoing", "size", "10m", "0", "1g",
        "bytes that one request sends by modules" },
    { "value", "value", "size", "4m", "4k", "64m",
        "one value that goes into the app or comes out of it" },
}

--- All limits in the order of the documents: { key, set_key, kind, default,
-- doc }; `kind` is one of lunette.policy.units.
limits.list = {}
--- The same by key.
limits.by_key = {}

for at, row in ipairs(ROWS) do
    local kind = { type = row[3], least = 0, most = math.huge }
    local least, most = units.read(row[5], kind), units.read(row[6], kind)
    kind.least, kind.most = least, most
    limits.list[at] = { key = row[1], set_key = row[2], kind = kind,
        default = units.read(row[4], kind), doc = row[7] }
    limits.by_key[row[1]] = limits.list[at]
end

return limits
