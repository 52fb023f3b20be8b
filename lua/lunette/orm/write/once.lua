--- Writes that a client may send again: the header Idempotency-Key.
--
-- The key is taken first, in the transaction of the write, so that a write that
-- fails leaves nothing behind. Taking does not wait: who comes while the first is
-- under way is told so.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.once
local fail = require("lunette.orm.write.fail")
local faults = require("lunette.orm.write.faults")
local sql = require("lunette.orm.write.sql")

local once = {}

local TAKE = [[INSERT INTO lunette.idempotency AS i (owner, key, path, body)
    VALUES ($1::text, $2::text, $3::text, $4::text)
    ON CONFLICT (owner, key, path) DO UPDATE
    SET body = excluded.body, response = NULL, at = now()
    WHERE i.at < now() - interval '24 hours' RETURNING 1]]

local FIND = [[SELECT body, response FROM lunette.idempotency
    WHERE owner = $1::text AND key = $2::text AND path = $3::text]]

-- Some of what is older than a day goes each time.
local STORE = [[WITH old AS (DELETE FROM lunette.idempotency WHERE ctid = ANY(
        ARRAY(SELECT ctid FROM lunette.idempotency
        WHERE at < now() - interval '24 hours' LIMIT 20
        FOR UPDATE SKIP LOCKED)))
    UPDATE lunette.idempotency SET response = $4::text
    WHERE owner = $1::text AND key = $2::text AND path = $3::text]]

local RUNNING = { ext = "IDEMPOTENCY_KEY_IN_USE",
    message = "a request with this Idempotency-Key is still running" }
local OTHER = { ext = "IDEMPOTENCY_KEY_REUSED",
    message = "this Idempotency-Key was used with another request" }

local function place(ctx)
    return { ctx.user or "", ctx.once.key, ctx.once.path }
end

-- True when the key is this write's now, false when another had it before.
local function take(job, ctx, hash)
    local params = place(ctx)
    params[4] = hash
    sql.query(job, "SELECT set_config('lock_timeout', '10', true)")
    local rows, err = ctx.db:query(TAKE, params)
    if not rows then
        fail.with(err.code == "55P03" and RUNNING or faults.reason(job, err))
    end
    sql.query(job, "SET LOCAL lock_timeout TO DEFAULT")
    return #rows > 0
end

local function stored(job, ctx, hash)
    local row = sql.query(job, FIND, place(ctx))[1]
    if not row or row[2] == host.null then fail.with(RUNNING) end
    if row[1] ~= hash then fail.with(OTHER) end
    return { json = row[2] }
end

--- The answer of `run(job)`, or the one that it had before.
-- `ctx.once` = {key=, path= of the field, body= what tells requests apart}
function once.run(job, run)
    local ctx = job.ctx
    local hash = host.sha256(ctx.once.body)
    if not take(job, ctx, hash) then return stored(job, ctx, hash) end
    local answer = run()
    local params = place(ctx)
    params[4] = answer.json
    sql.query(job, STORE, params)
    return answer
end

return once
