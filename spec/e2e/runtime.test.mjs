// Functions of apps at request time: query and mutation, what they get, what
// they return, and what becomes of their mistakes.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Server, until } from './support/server.mjs';

const base = `app "base" { version = "1.0.0" }
role "employee" {}
model "User" { fields = { login = text { required = true, unique = true },
  name = text {}, active = bool { default = true }, roles = list(text) {} } }
model "City" { fields = { name = text { required = true } } }
access "User" { employee = "read" }
access "City" { employee = "read" }`;

const app = `app "crm" { version = "1.0.0", depends = { "base" } }
role "seller" { implies = { "base.employee" } }
role "boss" { implies = { "seller" } }
enum "Stage" { "NEW", "WON", "LOST" }
model "Partner" { fields = {
  name = text { required = true, unique = true },
  leads = many "Lead" { by = "partner" },
} }
model "Lead" { fields = {
  name = text { required = true, size = 40 },
  stage = enum "Stage" { default = "NEW" },
  value = decimal { digits = { 12, 2 }, default = 0, min = 0 },
  big = bigint {}, part = float {}, hits = int { default = 0 },
  day = date {}, at = datetime {}, hour = time {}, done = bool { default = false },
  extra = json {}, tags = list(text) {},
  partner = ref "Partner" {}, city = ref "base.City" { one_sided = true },
  owner = ref "base.User" { one_sided = true },
} }
model "Secret" { fields = { word = text {} } }
access "Partner" { seller = "all" }
access "Lead" { seller = "all" }
access "Secret" { boss = { "read" } }

query "hello" { args = { name = text { required = true } }, returns = text,
  by = "public", run = function(a) return "Hello " .. a.name end }
query "echo" {
  args = { i = int { default = 5, min = 1, max = 100 }, b = bigint {}, f = float {},
    d = decimal {}, t = text { size = 5 }, o = bool {}, day = date {}, at = datetime {},
    j = json {}, l = list(int) {}, s = enum "Stage" {}, who = id {} },
  returns = json, by = "public",
  run = function(a)
    local kinds = {}
    for name, value in pairs(a) do kinds[name] = { type(value), value } end
    return kinds
  end }
query "wrong_arg" { args = { n = int {} }, returns = int, by = "public",
  run = function(a) return a.n end }
query "every" { returns = { i = int {}, b = bigint {}, f = float {}, d = decimal {},
    t = text {}, o = bool {}, day = date {}, at = datetime {}, j = json {}, l = list(text),
    s = enum "Stage" {}, nothing = text {}, inner = { n = int {} },
    many = list { n = int {} } }, by = "public",
  run = function()
    return { i = 7, b = "9007199254740993", f = 1.5, d = "12.50", t = "x", o = true,
      day = "2026-01-05", at = "2026-01-05T10:00:00Z", j = { a = { 1, 2 } },
      l = { "a", "b" }, s = "WON", inner = { n = 1 }, many = { { n = 1 }, { n = 2 } } }
  end }
query "lie" { args = { how = text {} }, returns = int, by = "public",
  run = function(a)
    local cycle = {}
    cycle.self = cycle
    local deep = {}
    local at = deep
    for i = 1, 200 do at.x = {} at = at.x end
    return ({ text = "seven", half = 1.5, table = {}, fn = tostring,
      cycle = cycle, nan = 0 / 0, huge = 2 ^ 40, deep = deep,
      yes = true })[a.how]
  end }
query "size" { args = { n = int {} }, returns = text, by = "public",
  run = function(a) return ("x"):rep(a.n) end }
query "other_model" { returns = "Partner", by = "public",
  run = function() return one("Lead", { name = "l1" }) end }
query "as_json" { returns = json, run = function() return { lead = one("Lead", { name = "l1" }), me = me } end }
query "boom" { returns = int, by = "public",
  run = function() local t = nil
    return t.x
  end }
query "refuse" { returns = int, by = "public", run = function() fail("not today") end }
query "typo" { returns = int, by = "public", run = function() return fnd("Lead") end }
query "global" { returns = int, by = "public", run = function() counter = 1 return 1 end }
query "who" { returns = text, run = function() return me.login end }
query "nobody" { returns = text, by = "public", run = function() return me.login end }
query "bosses" { returns = text, by = { "boss" }, run = function() return "ok" end }
query "clock" { returns = { day = date {}, at = datetime {} }, by = "public",
  run = function() return { day = today(), at = now() } end }
query "one_lead" { args = { name = text {} }, returns = "Lead",
  run = function(a) return one("Lead", { name = a.name }) end }
query "leads_of" { args = { names = list(text) {} }, returns = list "Lead",
  run = function(a)
    local out = {}
    for i, name in ipairs(a.names) do out[i] = one("Lead", { name = name }) end
    return out
  end }
query "no_write" { returns = int, by = "public",
  run = function() create("Lead", { name = "x" }) return 1 end }
mutation "add" { args = { name = text { required = true }, stop = text {} },
  returns = "Lead", by = "seller",
  run = function(a)
    local lead = create("Lead", { name = a.name, value = "1.10" })
    if a.stop == "fail" then fail("stopped " .. a.name) end
    if a.stop == "error" then error("broken " .. a.name) end
    return lead
  end }
mutation "nothing" { by = "public", run = function() end }
mutation "note" { args = { text = text {} }, by = "public",
  run = function(a) log("noted", { text = a.text }) end }
`;

let server;
before(async () => {
  server = await Server.start({ apps: { base, crm: app } });
  server.sql(`insert into base.user (id, login, active, roles) values
    (gen_random_uuid(), 'sue', true, '{crm.seller}'),
    (gen_random_uuid(), 'bob', true, '{crm.boss}')`);
  await server.dataOf(`mutation { a: createLead(data: { name: "l1", value: "5.50" }) { id }
    b: createLead(data: { name: "l2", partner: { create: { name: "P" } } }) { id } }`);
});
after(() => server?.down());

const public_ = { user: null };
const logged = () => fs.readFileSync(path.join(server.data, 'log/requests.log'), 'utf8');
/** The entry of the log that has `text`, once it is written. */
const entryWith = async (text) => JSON.parse(await until(`'${text}' in the log`,
  () => logged().split('\n').find((line) => line.includes(text))));
const errorOf = async (query, variables, options = public_) => {
  const { json } = await server.post(query, variables, options);
  assert.ok(json.errors, JSON.stringify(json));
  return json.errors[0];
};

describe('a query of an app', () => {
  test('answers from its arguments', async () => {
    assert.deepEqual(await server.dataOf('query($n: String!) { hello(name: $n) }', { n: 'Ann' }, public_),
      { hello: 'Hello Ann' });
    assert.deepEqual(await server.dataOf('{ a: hello(name: "A") b: hello(name: "B") }', {}, public_),
      { a: 'Hello A', b: 'Hello B' });
  });

  test('gets every type as a value of Lua', async () => {
    const { echo } = await server.dataOf(`{ echo(i: 7, b: "9007199254740993", f: 1.5,
      d: "12.50", t: "abc", o: false, day: "2026-01-05", at: "2026-01-05T10:00:00+02:00",
      j: "{\\"a\\": [1, null, \\"x\\"]}", l: [1, 2], s: WON, who: "k1") }`, {}, public_);
    assert.deepEqual(echo.i, ['number', 7]);
    assert.deepEqual(echo.b, ['string', '9007199254740993']);
    assert.deepEqual(echo.f, ['number', 1.5]);
    assert.equal(String(echo.d[1]), '12.50');
    assert.deepEqual(echo.t, ['string', 'abc']);
    assert.deepEqual(echo.o, ['boolean', false]);
    assert.deepEqual(echo.day, ['string', '2026-01-05']);
    assert.deepEqual(echo.at, ['string', '2026-01-05T08:00:00.000Z']);
    assert.equal(echo.j[1].a[2], 'x');
    assert.deepEqual(echo.l, ['table', [1, 2]]);
    assert.deepEqual(echo.s, ['string', 'WON']);
    assert.deepEqual(echo.who, ['string', 'k1']);
  });

  test('gets defaults, and nothing for what was not given', async () => {
    assert.deepEqual((await server.dataOf('{ echo }', {}, public_)).echo, { i: ['number', 5] });
    assert.deepEqual((await server.dataOf('query($i: Int) { echo(i: $i) }', {}, public_)).echo,
      { i: ['number', 5] });
  });

  test('is not called with a value out of bounds', async () => {
    for (const args of ['i: 0', 'i: 101', 't: "abcdef"', 'i: "x"', 's: MAYBE', 'day: "2026-02-30"']) {
      const { json } = await server.post(`{ echo(${args}) }`, {}, public_);
      assert.match(json.errors?.[0].extensions.code ?? 'none',
        /BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED|VALIDATION_FAILED/, args);
    }
  });

  test('returns every type, objects and lists of objects', async () => {
    const { every } = await server.dataOf(`{ every { i b f d t o day at j l s nothing
      inner { n } many { n __typename } again: i } }`, {}, public_);
    assert.deepEqual(every, { i: 7, b: '9007199254740993', f: 1.5, d: '12.50', t: 'x', o: true,
      day: '2026-01-05', at: '2026-01-05T10:00:00.000Z', j: { a: [1, 2] }, l: ['a', 'b'],
      s: 'WON', nothing: null, inner: { n: 1 },
      many: [{ n: 1, __typename: 'EveryMany' }, { n: 2, __typename: 'EveryMany' }], again: 7 });
  });

  test('reads the selection of a record it returns', async () => {
    const { oneLead } = await server.dataOf(`query($f: Int) { oneLead(name: "l2") {
      name stage partner { name leads(first: $f) { name } } } }`, { f: 1 });
    assert.deepEqual(oneLead, { name: 'l2', stage: 'NEW',
      partner: { name: 'P', leads: [{ name: 'l2' }] } });
    assert.deepEqual(await server.dataOf('{ oneLead(name: "none") { name } }'), { oneLead: null });
  });

  test('keeps the order of the records it returns, also twice the same', async () => {
    const { leadsOf } = await server.dataOf(
      '{ leadsOf(names: ["l2", "l1", "l2"]) { name value } }');
    assert.deepEqual(leadsOf.map(({ name }) => name), ['l2', 'l1', 'l2']);
    assert.equal(Number(leadsOf[1].value), 5.5);
  });

  test('writes a record into Json as its id', async () => {
    const { asJson, l } = await server.dataOf('{ asJson l: oneLead(name: "l1") { id } }');
    assert.equal(asJson.lead, l.id);
  });

  test('knows the caller, the day and the moment', async () => {
    assert.deepEqual(await server.dataOf('{ who }', {}, { user: 'sue' }), { who: 'sue' });
    assert.deepEqual(await server.dataOf('{ nobody }', {}, public_), { nobody: null });
    const { clock } = await server.dataOf('{ clock { day at } }', {}, public_);
    assert.match(clock.at, new RegExp(`^${clock.day}T\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$`));
  });

  test('is closed to those it is not for', async () => {
    assert.equal((await errorOf('{ who }')).extensions.code, 'FORBIDDEN');
    assert.equal((await errorOf('{ bosses }', {}, { user: 'sue' })).extensions.code, 'FORBIDDEN');
    assert.deepEqual(await server.dataOf('{ bosses }', {}, { user: 'bob' }), { bosses: 'ok' });
  });

  test('changes nothing', async () => {
    const error = await errorOf('{ noWrite }');
    assert.match(error.message, /a query changes nothing/);
    assert.equal(server.sql("select count(*) from crm.lead where name = 'x'"), '0');
  });
});

describe('a mutation of an app', () => {
  test('commits when it returns', async () => {
    const { add } = await server.dataOf('mutation { add(name: "good") { name value owner { login } } }',
      {}, { user: 'sue' });
    assert.equal(add.name, 'good');
    assert.equal(Number(add.value), 1.1);
    assert.equal(server.sql("select count(*) from crm.lead where name = 'good'"), '1');
  });

  test('leaves nothing when it fails or breaks', async () => {
    for (const stop of ['fail', 'error']) {
      const error = await errorOf(`mutation { add(name: "bad", stop: "${stop}") { id } }`, {}, { user: 'sue' });
      assert.equal(error.extensions.code, stop === 'fail' ? 'VALIDATION_FAILED' : 'INTERNAL');
    }
    assert.equal(server.sql("select count(*) from crm.lead where name = 'bad'"), '0');
  });

  test('is true when it returns nothing', async () => {
    assert.deepEqual(await server.dataOf('mutation { nothing }', {}, public_), { nothing: true });
  });

  test('takes part in a transaction of all fields', async () => {
    const failed = await server.ask(`mutation @transaction { a: add(name: "t1") { id }
      b: add(name: "t2", stop: "fail") { id } }`);
    assert.equal(failed.data, null);
    assert.deepEqual(failed.errors[0].path, ['b']);
    assert.equal(server.sql("select count(*) from crm.lead where name like 't_'"), '0');
    await server.dataOf(`mutation @transaction { a: add(name: "t1") { id }
      b: createLead(data: { name: "t2" }) { id } }`);
    assert.equal(server.sql("select count(*) from crm.lead where name like 't_'"), '2');
  });

  test('has its effect once for one Idempotency-Key', async () => {
    const send = () => server.post('mutation { add(name: "once") { id name } }', {},
      { headers: { 'idempotency-key': 'r1' } });
    const first = await send();
    assert.equal(first.json.errors, undefined, first.text);
    assert.equal((await send()).text, first.text);
    assert.equal(server.sql("select count(*) from crm.lead where name = 'once'"), '1');
  });
});

describe('a mistake of an app', () => {
  test('is an internal error whose log line has the place', async () => {
    const error = await errorOf('{ boom }');
    assert.equal(error.message, 'internal error');
    assert.equal(error.extensions.code, 'INTERNAL');
    const entry = await entryWith(error.extensions.error_id);
    const place = app.split('\n').findIndex((text) => text.includes('return t.x')) + 1;
    assert.match(entry.detail, new RegExp(`^crm:app\\.lua:${place}: .*nil value`));
    assert.match(entry.detail, /stack traceback/);
    assert.equal(entry.app, 'crm');
    assert.match(entry.release, /^crm@1\.0\.0\+/);
  });

  test('that refuses is told to the caller', async () => {
    const error = await errorOf('{ refuse }');
    assert.equal(error.message, 'not today');
    assert.equal(error.extensions.code, 'VALIDATION_FAILED');
  });

  test('in a name is named with what was meant', async () => {
    const error = await errorOf('{ typo }');
    assert.match((await entryWith(error.extensions.error_id)).detail,
      /^crm:app\.lua:\d+: unknown word 'fnd'; did you mean 'find'\?/);
    const other = await errorOf('{ global }');
    assert.match((await entryWith(other.extensions.error_id)).detail,
      /'counter' is no local variable/);
  });

  test('in its result says what came and what was declared', async () => {
    for (const how of ['text', 'half', 'table', 'fn', 'cycle', 'nan', 'huge', 'deep', 'yes']) {
      const error = await errorOf(`{ lie(how: "${how}") }`);
      assert.equal(error.extensions.code, 'INTERNAL', how);
      await entryWith(error.extensions.error_id);
    }
    assert.deepEqual(await server.dataOf('{ lie(how: "none") }', {}, public_), { lie: null });
  });

  test('that returns a record of another model is named', async () => {
    const error = await errorOf('{ otherModel { name } }', {}, {});
    assert.match((await entryWith(error.extensions.error_id)).detail,
      /query 'other_model' returned a crm\.Lead, no crm\.Partner/);
  });

  test('of 50 MB ends the call, not the worker', async () => {
    const before_ = server.status().pids.workers;
    const error = await errorOf('{ size(n: 50000000) }');
    assert.match(error.extensions.code, /INTERNAL|BUDGET_EXCEEDED/);
    const { size } = await server.dataOf('{ size(n: 1000000) }', {}, public_);
    assert.equal(size.length, 1000000);
    assert.deepEqual(server.status().pids.workers, before_);
  });
});

test('a line of an app in the log carries app, release and request', async () => {
  await server.dataOf('mutation { note(text: "find me") }', {}, public_);
  const entry = await entryWith('find me');
  assert.equal(entry.msg, 'noted');
  assert.equal(entry.app, 'crm');
  assert.match(entry.release, /^crm@1\.0\.0\+/);
  assert.match(entry.request ?? entry.trace_id, /^[0-9a-f]{32}$/);
});
