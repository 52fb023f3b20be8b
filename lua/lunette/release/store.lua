--- Releases as the database keeps them, and which of them are served.
--
-- lunette.release has the files of every release, lunette.release_set one row
-- for each switch: the row with the highest epoch says what all nodes serve. A
-- switch is one insert of the next epoch (core/supervise/epoch.h), so of two that
-- race one wins.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.release.store
local store = {}

local SETS_KEPT = 200 -- rows of lunette.release_set
local LISTED = 100

--- The tables; every statement may run again.
store.TABLES = {
    [[create table if not exists lunette.release (
        app text not null,
        hash text not null,
        version text not null,
        files text not null,
        pushed_by text not null,
        pushed_at timestamptz not null default now(),
        served_at timestamptz,
        notes text not null default '',
        primary key (app, hash))]],
    [[create table if not exists lunette.release_set (
        epoch bigint primary key,
        id text not null,
        apps jsonb not null,
        policy text not null default '',
        by text not null,
        at timestamptz not null default now(),
        why text not null default '')]],
}

local function must(rows, err)
    if rows then return rows end
    error(err, 0)
end

--- What is served: { epoch, id, apps = { app = hash }, by, why }; epoch 0 when nothing
-- was ever released.
function store.current(db)
    local row = must(db:query("select epoch, id, apps::text, by, why from"
        .. " lunette.release_set order by epoch desc limit 1"))[1]
    if not row then return { epoch = 0, apps = {} } end
    return { epoch = tonumber(row[1]), id = row[2], by = row[4], why = row[5],
        apps = assert(host.json_decode(row[3])) }
end

--- The files of a release, with the paths that compile wants, or nil.
-- @treturn ?{table,...} { {path, text}, ... }
function store.files(db, app, hash)
    local row = must(db:query("select files from lunette.release where app = $1"
        .. " and hash = $2", { app, hash }))[1]
    if not row then return nil end
    local files = {}
    for i, file in ipairs(assert(host.json_decode(row[1]))) do
        files[i] = { path = ("apps/%s/%s"):format(app, file.path),
            text = file.text }
    end
    return files
end

--- Whether a release is known.
function store.has(db, app, hash)
    return must(db:query("select 1 from lunette.release where app = $1 and"
        .. " hash = $2", { app, hash }))[1] ~= nil
end

--- Keeps a release.
-- @tparam table release app, hash, version, files (with the paths that compile
--   wants), by, notes
function store.put(db, release)
    local files = setmetatable({}, host.array_mt)
    local below = #("apps/" .. release.app .. "/") + 1
    for i, file in ipairs(release.files) do
        files[i] = { path = file.path:sub(below), text = file.text }
    end
    must(db:query("insert into lunette.release"
        .. " (app, hash, version, files, pushed_by, notes)"
        .. " values ($1, $2, $3, $4, $5, $6) on conflict (app, hash) do update"
        .. " set pushed_by = excluded.pushed_by, pushed_at = now(),"
        .. " notes = excluded.notes",
        { release.app, release.hash, release.version, host.json_encode(files),
            release.by, release.notes or "" }))
end

--- Forgets all but the last releases of each app, and old switches.
function store.prune(db, keep)
    must(db:query("delete from lunette.release where (app, hash) in ("
        .. "select r.app, r.hash from (select app, hash, row_number() over"
        .. " (partition by app order by coalesce(served_at, pushed_at) desc)"
        .. " as place from lunette.release) r where r.place > $1)"
        .. " and not exists (select 1 from (select apps from"
        .. " lunette.release_set order by epoch desc limit 2) s"
        .. " where s.apps ->> release.app = release.hash)", { keep }))
    must(db:query("delete from lunette.release_set where epoch <="
        .. " (select max(epoch) from lunette.release_set) - $1::bigint",
        { SETS_KEPT }))
end

-- Finding -------------------------------------------------------------------

--- The release of an app that was served before the one that is.
-- @treturn ?string hash
function store.previous(db, app, current)
    local row = must(db:query("select s.apps ->> $1 from lunette.release_set s"
        .. " join lunette.release r on r.app = $1 and r.hash = s.apps ->> $1"
        .. " where s.apps ->> $1 <> $2 order by s.epoch desc limit 1",
        { app, current }))[1]
    return row and row[1]
end

--- A release by its version or the beginning of its hash; of several with one
-- version, the one that was pushed last.
-- @treturn ?string hash
function store.find(db, app, name)
    local row = must(db:query("select hash from lunette.release where app = $1"
        .. " and (version = $2 or (length($2) >= 4 and starts_with(hash, $2))"
        .. " or version || '+' || left(hash, 8) = $2)"
        .. " order by pushed_at desc limit 1", { app, name }))[1]
    return row and row[1]
end

local LIST = [[
select r.app, r.version, left(r.hash, 8), r.hash, r.pushed_by,
       to_char(r.pushed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       to_char(r.served_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       r.notes, s.by, s.why,
       to_char(s.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from lunette.release r
left join lateral (select by, why, at from lunette.release_set s
    where s.apps ->> r.app = r.hash order by epoch desc limit 1) s on true
where $1 = '' or r.app = $1
order by r.app, coalesce(r.served_at, r.pushed_at) desc, r.pushed_at desc
limit %d]]

local function text(value)
    return value ~= host.null and value or nil
end

--- The releases of an app, or of all ("").
-- @treturn {table,...} { app, version, hash, release, current, pushed_by,
--   pushed_at, served_at, notes, why }
function store.list(db, app)
    local current = store.current(db).apps
    local out = setmetatable({}, host.array_mt)
    for i, row in ipairs(must(db:query(LIST:format(LISTED), { app }))) do
        out[i] = { app = row[1], version = row[2], hash = row[3],
            release = ("%s@%s+%s"):format(row[1], row[2], row[3]),
            current = current[row[1]] == row[4], pushed_by = row[5],
            pushed_at = row[6], served_at = text(row[7]), notes = row[8],
            switched_by = text(row[9]), why = text(row[10]),
            switched_at = text(row[11]) }
    end
    return out
end

return store
