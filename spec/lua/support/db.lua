--- A blocking connection to PostgreSQL for specs (libpq through ffi).
--
-- It has the interface that the framework gets from the host: `db:query(sql,
-- params)` gives rows of text, or nil and an error. Specs that use it are
-- pending unless LUNETTE_TEST_CONNINFO says where the database is
-- (spec/support/postgres starts one).
-- SPDX-License-Identifier: Apache-2.0
-- @module support.db
local ffi = require("ffi")
local host = require("support.host")

ffi.cdef [[
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
int usleep(unsigned int microseconds);
PGconn *PQconnectdb(const char *conninfo);
int PQstatus(const PGconn *conn);
char *PQerrorMessage(const PGconn *conn);
void PQfinish(PGconn *conn);
PGresult *PQexecParams(PGconn *conn, const char *sql, int count,
    const unsigned int *types, const char *const *values, const int *lengths,
    const int *formats, int result_format);
int PQsendQueryParams(PGconn *conn, const char *sql, int count,
    const unsigned int *types, const char *const *values, const int *lengths,
    const int *formats, int result_format);
PGresult *PQgetResult(PGconn *conn);
int PQconsumeInput(PGconn *conn);
int PQisBusy(PGconn *conn);
PGresult *PQexec(PGconn *conn, const char *sql);
int PQresultStatus(const PGresult *result);
char *PQresultErrorField(const PGresult *result, int field);
int PQntuples(const PGresult *result);
int PQnfields(const PGresult *result);
char *PQgetvalue(const PGresult *result, int row, int column);
int PQgetlength(const PGresult *result, int row, int column);
int PQgetisnull(const PGresult *result, int row, int column);
char *PQcmdStatus(PGresult *result);
char *PQcmdTuples(PGresult *result);
void PQclear(PGresult *result);
]]

local pq = ffi.load("pq")

local db = {}

local Db = {}
Db.__index = Db

local CONNECTION_OK = 0
local COMMAND_OK, TUPLES_OK = 1, 2

local FIELDS = {
    code = "C", message = "M", schema = "s", table = "t", column = "c",
    constraint = "n", detail = "D",
}

local function error_of(result)
    local err = {}
    for name, letter in pairs(FIELDS) do
        local text = pq.PQresultErrorField(result, letter:byte())
        if text ~= nil then err[name] = ffi.string(text) end
    end
    if err.detail then err.message = err.message .. ": " .. err.detail end
    err.detail = nil
    return err
end

local function rows_of(result)
    local rows = {}
    local columns = pq.PQnfields(result)
    for i = 0, pq.PQntuples(result) - 1 do
        local row = {}
        for j = 0, columns - 1 do
            if pq.PQgetisnull(result, i, j) == 1 then
                row[j + 1] = host.null
            else
                row[j + 1] = ffi.string(pq.PQgetvalue(result, i, j),
                    pq.PQgetlength(result, i, j))
            end
        end
        rows[i + 1] = row
    end
    rows.tag = ffi.string(pq.PQcmdStatus(result))
    rows.n = tonumber(ffi.string(pq.PQcmdTuples(result))) or 0
    return rows
end

local function take(result)
    local status = pq.PQresultStatus(result)
    local rows, err
    if status == COMMAND_OK or status == TUPLES_OK then
        rows = rows_of(result)
    else
        err = error_of(result)
    end
    pq.PQclear(result)
    return rows, err
end

local function texts(params)
    local values = ffi.new("const char *[?]", #params + 1)
    local kept = {}
    for i, value in ipairs(params) do
        if value ~= host.null then
            kept[i] = tostring(value)
            values[i - 1] = kept[i]
        end
    end
    return values, kept
end

--- Runs one statement; nil and {code=, message=, constraint=, ...} on failure.
-- On a connection with `yields` set it yields while the server works.
function Db:query(sql, params)
    params = params or {}
    if self.log then self.log[#self.log + 1] = sql end
    local values, kept = texts(params)
    if not self.yields then
        local rows, err = take(pq.PQexecParams(self.conn, sql, #params, nil,
            values, nil, nil, 0))
        return rows, err, kept
    end
    assert(pq.PQsendQueryParams(self.conn, sql, #params, nil, values, nil, nil,
        0) == 1)
    repeat
        coroutine.yield()
        assert(pq.PQconsumeInput(self.conn) == 1)
    until pq.PQisBusy(self.conn) == 0
    local rows, err = take(pq.PQgetResult(self.conn))
    assert(pq.PQgetResult(self.conn) == nil)
    return rows, err, kept
end

--- Runs statements without parameters; raises when one fails.
function Db:exec(sql)
    local rows, err
    if self.yields then
        rows, err = self:query(sql)
    else
        rows, err = take(pq.PQexec(self.conn, sql))
    end
    if not rows then error(err.message .. ": " .. sql, 2) end
    return rows
end

--- The blocking interface of the loader.
function Db:begin() return self:query("begin") end
function Db:commit() return self:query("commit") end
function Db:rollback() return self:query("rollback") end

function Db:close()
    pq.PQfinish(self.conn)
    self.conn = nil
end

--- Runs `fn(connection, i)` for i = 1 to `count` at the same time, each on a
-- connection of its own.
function db.together(count, fn)
    local tasks = {}
    for i = 1, count do
        local connection = db.connect()
        connection.yields = true
        tasks[i] = { connection = connection, run = coroutine.create(fn) }
    end
    local alive = count
    while alive > 0 do
        for i, task in ipairs(tasks) do
            if coroutine.status(task.run) ~= "dead" then
                local ok, err = coroutine.resume(task.run, task.connection, i)
                if not ok then error(err, 0) end
                if coroutine.status(task.run) == "dead" then
                    alive = alive - 1
                    task.connection:close()
                end
            end
        end
        ffi.C.usleep(200)
    end
end

--- Where the database is; nil when specs have none.
function db.conninfo()
    return os.getenv("LUNETTE_TEST_CONNINFO")
end

--- A new connection.
function db.connect()
    local conninfo = assert(db.conninfo(), "LUNETTE_TEST_CONNINFO is not set")
    local self = setmetatable({ conn = pq.PQconnectdb(conninfo) }, Db)
    if pq.PQstatus(self.conn) ~= CONNECTION_OK then
        error(ffi.string(pq.PQerrorMessage(self.conn)))
    end
    self:exec("SET client_min_messages = error")
    return self
end

return db
