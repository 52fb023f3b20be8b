// What functions of apps read and write: find, records, create, set, delete, and
// with whose rights.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Server, until } from './support/server.mjs';

const geo = `app "geo" { version = "1.0.0" }
role "traveller" {}
model "Country" { fields = { name = text { required = true } } }
access "Country" { traveller = "all" }`;

const base = `app "base" { version = "1.0.0", depends = { "geo" } }
role "employee" {}
model "User" { fields = { login = text { required = true, unique = true },
  name = text {}, active = bool { default = true }, roles = list(text) {} } }
model "City" { fields = { name = text { required = true },
  country = ref "geo.Country" { one_sided = true } } }

model "Vault" { fields = { word = text {} } }
access "User" { employee = "read" }
access "City" { employee = "read" }
access "Vault" { employee = "all" }`;

// A word of Lua in `run` decides what is tried; `say` shows values.
const app = `app "crm" { version = "1.0.0", depends = { "base" } }
role "seller" { implies = { "base.employee" } }
role "reader" {}
enum "Stage" { "NEW", "WON", "LOST" }
model "Partner" { fields = {
  name = text { required = true, unique = true },
  leads = many "Lead" { by = "partner" },
  tags = refs "Tag" {},
} }
model "Tag" { fields = { name = text { required = true }, partners = refs "Partner" {} } }
model "Lead" { order = "name", fields = {
  name = text { required = true, size = 40 },
  stage = enum "Stage" { default = "NEW" },
  value = decimal { digits = { 12, 2 }, default = 0, min = 0 },
  big = bigint {}, part = float {}, hits = int { default = 0 },
  day = date {}, at = datetime {}, hour = time {}, done = bool { default = false },
  extra = json {}, words = list(text) {}, numbers = list(int) {},
  partner = ref "Partner" {}, city = ref "base.City" { one_sided = true },
  owner = ref "base.User" { one_sided = true, default = me },
  lines = many "Line" { by = "lead" },
  made = created {},
} }
model "Line" { fields = { lead = ref "Lead" { required = true, on_delete = "cascade" },
  what = text {}, qty = int { default = 1 } } }
model "Numbered" { fields = { id = id "bigint", name = text {}, next = ref "Numbered" { one_sided = true } } }
model "Coded" { fields = { id = id "text", name = text {}, number = ref "Numbered" { one_sided = true } } }
model "Secret" { fields = { word = text {} } }
access "Partner" { seller = "all" }
access "Tag" { seller = "all" }
access "Lead" { seller = "all", reader = "read" }
access "Line" { seller = "all" }

local function names(rs)
  local out = {}
  for i, r in ipairs(rs) do out[i] = r.name end
  return table.concat(out, " ")
end

local cases = {}
TESTS

query "read" { args = { case = text {} }, returns = json, by = "public",
  run = function(a) return cases[a.case]() end }
mutation "change" { args = { case = text {} }, returns = json, by = "public",
  run = function(a) return cases[a.case]() end }
`;

const cases = {};
const order = [];

/** A case: Lua that returns a value, as a query (read) or mutation (change). */
function lua(kind, name, code, expected, options) {
  cases[name] = code;
  order.push({ kind, name, expected, options });
}
const read = (...args) => lua('read', ...args);
const change = (...args) => lua('change', ...args);

// Finding
read('finds all in the order of the model', 'return names(find("Lead"))', 'a b c d');
read('counts', 'return #find("Lead", {})', 4);
read('finds by equality', 'return names(find("Lead", { stage = "WON" }))', 'b');
read('finds by several fields', 'return names(find("Lead", { stage = "NEW", done = false }))', 'a d');
read('finds by comparison', `return names(find("Lead", { value = gt(10) }))
  .. "|" .. names(find("Lead", { value = gte("10.50") }))
  .. "|" .. names(find("Lead", { value = lt(10) }))
  .. "|" .. names(find("Lead", { hits = lte(2) }))`,
  'b c|b c|a d|a b d');
read('finds what is not equal', 'return names(find("Lead", { stage = ne("NEW") }))', 'b');
read('finds what has a value, or none', `return names(find("Lead", { day = null }))
  .. "|" .. names(find("Lead", { day = ne(null) }))`, 'c d|a b');
read('finds one of several', `return names(find("Lead", { name = { "a", "c" } }))
  .. "|" .. names(find("Lead", { name = one_of { "b", "z" } }))
  .. "|" .. #find("Lead", { name = {} })`, 'a c|b|0');
read('finds none of several', 'return names(find("Lead", { name = ne { "a", "c" } }))', 'b d');
read('finds by parts of texts', `return names(find("Partner", { name = contains("orn") }))
  .. "|" .. names(find("Partner", { name = starts_with("A") }))`, 'Born|Acme');
read('finds by either, none and a list of filters',
  `return names(find("Lead", { either { { name = "a" }, { stage = "WON" } } }))
  .. "|" .. names(find("Lead", { none { { name = "a" }, { stage = "WON" } } }))
  .. "|" .. names(find("Lead", { either { name = "a", hits = 3 } }))
  .. "|" .. names(find("Lead", { stage = "NEW", either { { name = "a" }, { name = "d" } } }))`, 'a b|c d|a c|a d');
read('finds by related records', `return names(find("Lead", { ["partner.name"] = "Acme" }))
  .. "|" .. names(find("Lead", { partner = one("Partner", { name = "Acme" }) }))
  .. "|" .. names(find("Lead", { partner = { name = "Born" } }))
  .. "|" .. names(find("Lead", { partner = null }))
  .. "|" .. names(find("Lead", { partner = one("Partner", { name = "Acme" }).id }))
  .. "|" .. names(find("Lead", { any("lines", { qty = gt(3) }) }))
  .. "|" .. names(find("Partner", { any("leads", { stage = "WON" }) }))
  .. "|" .. names(find("Partner", { none { any("leads") } }))`, 'a b|a b|c|d|a b|b|Acme|Empty');
read('finds by lists, Json, dates and big numbers', `return names(find("Lead", { words = "x" }))
  .. "|" .. names(find("Lead", { words = { "x", "y" } }))
  .. "|" .. names(find("Lead", { extra = { a = 1 } }))
  .. "|" .. names(find("Lead", { day = gte("2026-01-02") }))
  .. "|" .. names(find("Lead", { big = "9007199254740993" }))
  .. "|" .. names(find("Lead", { part = 0.25 }))`, 'a b|b|a|b|a|a');
read('orders, limits and skips', `return names(find("Lead", {}, { order = "-value" }))
  .. "|" .. names(find("Lead", {}, { order = "-value, name", limit = 2 }))
  .. "|" .. names(find("Lead", {}, { order = { "stage", "-name" }, limit = 2, offset = 1 }))
  .. "|" .. names(find("Lead", { partner = ne(null) }, { order = "-partner.name,name" }))
  .. "|" .. names(find("Lead", {}, { limit = 0 }))`, 'c b d a|c b|c a|c a b|');
read('finds one or nothing', `local a = one("Lead", { name = "b" })
  return a.name .. " " .. tostring(one("Lead", { name = "zz" })) .. " " .. one("Lead", a.id).name
    .. " " .. tostring(one("Lead", "no id"))`, 'b nil b nil');
read('never puts a value into a statement', `return #find("Lead", { name = "x' OR '1'='1" })
  + #find("Lead", { ["name"] = "'; DROP TABLE crm.lead; --" })`, 0);

// Records
read('reads fields as values of Lua', `local l = one("Lead", { name = "a" })
  return { name = l.name, stage = l.stage, hits = l.hits + 1, part = l.part, big = l.big, day = l.day,
    at = l.at, done = l.done, a = l.extra.a, words = #l.words, n = l.numbers[2], none = tostring(l.hour),
    value = tostring(l.value + "0.30"), id = #l.id }`,
{ name: 'a', stage: 'NEW', hits: 2, part: 0.25, big: '9007199254740993', day: '2026-01-01',
  at: '2026-01-01T10:00:00.123Z', done: false, a: 1, words: 1, n: 2, none: 'nil', value: '1.40', id: 36 });
read('calculates with decimals exactly', `local l = one("Lead", { name = "c" })
  local sum = l.value * 0
  for _, lead in each(find("Lead")) do sum = sum + lead.value end
  return { tostring(sum), l.value > one("Lead", { name = "b" }).value, l.value:compare(21), tostring(-l.value),
    l.value == l.value * 1, tostring((l.value / 7):round(2)), tostring(l.value * 2 + 1) }`,
['33.85', true, -1, '-20.25', true, '2.89', '41.50']);
read('follows relations', `local l = one("Lead", { name = "b" })
  return { l.partner.name, names(l.partner.leads), l.city.name, #l.lines, l.lines[1].lead.name,
    names(l.partner.tags), tostring(one("Lead", { name = "d" }).partner),
    l.partner == one("Partner", { name = "Acme" }),
    l.partner ~= l.city, tostring(l.owner) }`,
['Acme', 'a b', 'Bern', 2, 'b', 't1 t2', 'nil', true, true, 'nil']);
read('reads a relation of all records at once', `local before = find("Lead")
  local seen = {}
  for _, l in each(before) do seen[#seen + 1] = l.partner and l.partner.name or "-" end
  for _, l in each(before) do seen[#seen + 1] = #l.lines end
  return table.concat(seen, " ")`, 'Acme Acme Born - 1 2 0 0');
read('keeps lists of records like tables', `local rs = find("Lead")
  local count = 0
  for i, r in ipairs(rs) do count = count + i end
  return { #rs, count, rs[1].name, tostring(rs[9]), names(rs:where(function(r) return r.stage == "WON" end)),
    table.concat(rs:map("name"), "") }`, [4, 10, 'a', 'nil', 'b', 'abcd']);

// Changing
change('creates one', `local l = create("Lead", { name = "n1", value = "3.333", day = today() })
  return { l.name, tostring(l.value), l.stage, l.done, #l.id, tostring(l.owner == nil) }`,
['n1', '3.33', 'NEW', false, 36, 'true']);
change('reads Json and lists back as they were', `local extra = { a = { 1, 2.5, "x", true, null, {} },
    text = 'q"\\\\b\\n\\t\\1é', deep = { deeper = { deepest = -1e3 } } }
  local l = create("Lead", { name = "j", extra = extra, words = { 'a"b', "c,d", "e\\\\f", "NULL", "" } })
  l = one("Lead", { name = "j" })
  local e = l.extra
  return { e.a[2], e.a[3], e.a[5] == null, #e.a, e.text == extra.text, e.deep.deeper.deepest,
    table.concat(l.words, "|"), one("Lead", { name = "c" }).extra == nil }`,
[2.5, 'x', true, 6, true, -1000, 'a"b|c,d|e\\f|NULL|', true]);
change('creates many', `local list = {}
  for i = 1, 50 do list[i] = { name = "m" .. i, hits = i } end
  local rs = create("Lead", list)
  return { #rs, rs[50].hits, rs[1].name }`, [50, 50, 'm1']);
change('creates what is nested', `local p = create("Partner", { name = "Nest", leads = {
    { name = "x1", lines = { { what = "l1", qty = 2 }, { what = "l2" } } }, { name = "x2" } },
    tags = { { name = "new" }, find("Tag", { name = "t1" })[1] } })
  return { #p.leads, #p.leads[1].lines, p.leads[1].lines[2].qty, #p.tags }`, [2, 2, 1, 2]);
change('links records by record and by id', `local p = one("Partner", { name = "Born" })
  local a = create("Lead", { name = "k1", partner = p })
  local b = create("Lead", { name = "k2", partner = p.id })
  return { a.partner == p, b.partner.name }`, [true, 'Born']);
change('sets one and many', `local l = one("Lead", { name = "a" })
  l:set { hits = 9, value = l.value + 1 }
  l.done = true
  find("Lead", { name = { "b", "c" } }):set { hits = 7, day = null }
  local b = one("Lead", { name = "b" })
  return { l.hits, tostring(l.value), l.done, b.hits, tostring(b.day) }`, [9, '2.10', true, 7, 'nil']);
change('sets and cuts a link', `local l = one("Lead", { name = "d" })
  l.partner = one("Partner", { name = "Born" })
  local with = l.partner.name
  l.partner = null
  return { with, tostring(l.partner) }`, ['Born', 'nil']);
change('deletes with what belongs to it', `local p = one("Lead", { name = "b" })
  local before = #find("Line")
  p:delete()
  return { before, #find("Line"), tostring(one("Lead", { name = "b" })) }`, [3, 1, 'nil']);
change('deletes many', 'local rs = find("Lead") rs:delete() return { #rs, #find("Lead") }', [4, 0]);
change('knows ids that are numbers and texts', `local rs = create("Numbered", { { name = "a" }, { name = "b" } })
  local c = create("Coded", { id = "x", name = "c", number = rs[2] })
  local n = one("Numbered", rs[1].id)
  n.next = rs[2]
  return { n.name, n.next.name, c.number.name, one("Coded", "x").name, one("Coded", { number = rs[2] }).id,
    #find("Numbered", { id = { rs[1].id, rs[2] } }), tostring(one("Numbered", "x y")),
    create("Numbered", { id = 77, name = "n" }).id, one("Numbered", 77).name }`,
['a', 'b', 'b', 'c', 'x', 2, 'nil', '77', 'n']);
change('goes over 1,000 records and a relation in few statements', `local list = {}
  for i = 1, 1000 do list[i] = { name = "r" .. i, partner = { name = "p" .. i } } end
  create("Lead", list)
  local n = 0
  for _, l in each(find("Lead", { name = starts_with("r") })) do n = n + #l.partner.name end
  return n`, 4893 - 1000);
change('does nothing with no records', `local rs = find("Lead", { name = "zz" })
  rs:set { hits = 1 } rs:delete() return #rs`, 0);

const wrong = {};
const mistakes = [];
/** A case that ends in an error: of a code, or (INTERNAL) of a line in the log. */
function mistake(name, code, expected, options) {
  wrong[name] = code;
  mistakes.push({ name, expected, options });
}
mistake('model', 'return #find("Leed")', /has no model 'Leed'; did you mean 'Lead'\?/);
mistake('field', 'return #find("Lead", { nam = "x" })', /Lead has no field 'nam'; did you mean 'name'\?/);
mistake('field read', 'return one("Lead").nam', /Lead has no field 'nam'; did you mean 'name'\?/);
mistake('field written', 'create("Lead", { nme = "x" })', /Lead has no field 'nme'; did you mean 'name'\?/);
mistake('field set', 'one("Lead").hit = 1', /Lead has no field 'hit'; did you mean 'hits'\?/);
mistake('value', 'return #find("Lead", { hits = "many" })', /hits/);
mistake('operator', 'return #find("Lead", { stage = gt("A") })', /stage is a enum: gt has no meaning/);
mistake('order', 'return #find("Lead", {}, { order = "nme" })', /did you mean 'name'/);
mistake('option', 'return #find("Lead", {}, { limt = 1 })', /no option 'limt'/);
mistake('limit', 'return #find("Lead", {}, { limit = -1 })', /limit must be a whole number/);
mistake('list', 'return #find("Partner", { leads = 1 })', /any\("leads", \{ \.\.\. \}\)/);
mistake('foreign app', 'return #find("hr.Person")', /has no model 'hr.Person'/);
mistake('foreign write', 'create("base.City", { name = "x" })', /may not create 'base.City'/);
mistake('server set', 'create("Lead", { name = "x", made = now() })', /made is set by the server/);
mistake('too long', `create("Lead", { name = ("x"):rep(41) })`, 'VALIDATION_FAILED');
mistake('below min', 'create("Lead", { name = "x", value = -1 })', 'VALIDATION_FAILED');
mistake('required', 'create("Lead", { hits = 1 })', 'VALIDATION_FAILED');
mistake('required link', 'create("Line", { what = "x" })', 'VALIDATION_FAILED');
mistake('unique', 'create("Partner", { name = "Acme" })', 'CONFLICT');
mistake('text', 'create("Lead", { name = "a\\0b" })', /name/);
mistake('bytes', 'create("Lead", { name = "\\255" })', 'BAD_USER_INPUT');
mistake('no number', 'create("Lead", { name = "x", hits = 0/0 })', /finite/);
mistake('null', 'one("Lead").name = null', 'VALIDATION_FAILED');
mistake('missing link', `create("Lead", { name = "x",
  partner = "0190a000-0000-7000-8000-000000000000" })`, 'NOT_FOUND');

const sources = [];
for (const [all, prefix] of [[cases, ''], [wrong, 'wrong ']]) {
  for (const [name, code] of Object.entries(all)) {
    sources.push(`cases["${prefix}${name}"] = function() ${code}\nend`);
  }
}
const rights = `
cases["can read"] = function() return #find("Lead") end
cases["can write"] = function() one("Lead"):set { hits = 5 } return 1 end
cases["secret"] = function() return #find("Secret") end
cases["secret as app"] = function() return as_app(function() return #find("Secret") end) end
cases["vault"] = function() return #find("base.Vault") end
cases["vault write"] = function() create("base.Vault", { word = "w" }) return 1 end
cases["city by filter"] = function() return #find("Lead", { ["city.name"] = "Bern" }) end
cases["country"] = function() return #find("Lead", { ["city.country.name"] = "CH" }) end
cases["country as app"] = function()
  return as_app(function() return #find("Lead", { ["city.country.name"] = "CH" }) end)
end
cases["country by order"] = function() return #find("Lead", {}, { order = "city.country.name" }) end
cases["country by record"] = function()
  return tostring(one("Lead", { name = "b" }).city.country)
end
cases["mine"] = function() return #find("Lead", { owner = me }) end
cases["owner"] = function() return create("Lead", { name = "own" }).owner.login end
cases["caught"] = function() local ok, why = pcall(find, "Leed") return { ok, why } end
`;
const text = app.replace('TESTS', () => sources.join('\n') + rights);

let server;
before(async () => {
  server = await Server.start({ apps: { geo, base, crm: text } });
  server.sql(`insert into base.user (id, login, active, roles) values
    (gen_random_uuid(), 'sue', true, '{crm.seller}'),
    (gen_random_uuid(), 'rob', true, '{crm.reader}')`);
});
after(() => server?.down());

const fill = () => server.sql(`
  truncate crm.lead, crm.line, crm.partner, crm.tag, base.city cascade;
  truncate geo.country cascade;
  insert into geo.country (id, name) values ('0190a000-0000-7000-8000-0000000000d1', 'CH');
  insert into base.city (id, name, country) values
    ('0190a000-0000-7000-8000-0000000000c1', 'Bern', '0190a000-0000-7000-8000-0000000000d1');
  insert into crm.partner (id, name) values
    ('0190a000-0000-7000-8000-0000000000a1', 'Acme'), ('0190a000-0000-7000-8000-0000000000a2', 'Born'),
    ('0190a000-0000-7000-8000-0000000000a3', 'Empty');
  insert into crm.tag (id, name) values ('0190a000-0000-7000-8000-0000000000b1', 't1'),
    ('0190a000-0000-7000-8000-0000000000b2', 't2');
  insert into crm._partner_tags select '0190a000-0000-7000-8000-0000000000a1', id from crm.tag;
  insert into crm.lead (id, name, stage, value, big, part, hits, day, at, done, extra, words, numbers,
    partner, city, made) values
    (gen_random_uuid(), 'a', 'NEW', 1.1, 9007199254740993, 0.25, 1, '2026-01-01', '2026-01-01 10:00:00.123+00', false,
      '{"a": 1}', '{x}', '{1,2}', '0190a000-0000-7000-8000-0000000000a1', null, now()),
    (gen_random_uuid(), 'b', 'WON', 10.5, 5, null, 2, '2026-01-02', null, true, null, '{x,y}', '{}',
      '0190a000-0000-7000-8000-0000000000a1', '0190a000-0000-7000-8000-0000000000c1', now()),
    (gen_random_uuid(), 'c', 'NEW', 20.25, null, null, 3, null, null, true, null, '{}', '{}',
      '0190a000-0000-7000-8000-0000000000a2', null, now()),
    (gen_random_uuid(), 'd', 'NEW', 2, null, null, 0, null, null, false, null, '{}', '{}', null, null, now());
  insert into crm.line (id, lead, what, qty) select gen_random_uuid(), id, 'w', n
    from crm.lead, generate_series(3, 4) n where name = 'b';
  insert into crm.line (id, lead, what, qty) select gen_random_uuid(), id, 'w', 1 from crm.lead where name = 'a';`);

const logged = () => fs.readFileSync(path.join(server.data, 'log/requests.log'), 'utf8');
/** What the log says of an error. */
const detailOf = async (error) => JSON.parse(await until('the log', () => logged().split('\n')
  .find((each) => each.includes(error.extensions.error_id)))).detail;
const ask = (kind, name, options) =>
  server.post(`${kind === 'read' ? 'query' : 'mutation'}($c: String) { value: ${kind}(case: $c) }`,
    { c: name }, options);

describe('a function of an app', () => {
  before(fill);
  for (const { kind, name, expected } of order) {
    test(name, async () => {
      if (kind === 'change') fill();
      const { json } = await ask(kind, name);
      if (json.errors) assert.fail(JSON.stringify(json.errors[0]) + await detailOf(json.errors[0]));
      assert.deepEqual(json.data.value, expected);
    });
  }
});

describe('a mistake with', () => {
  before(fill);
  for (const { name, expected } of mistakes) {
    test(name, async () => {
      const { json } = await ask('change', `wrong ${name}`);
      const error = json.errors?.[0];
      assert.ok(error, JSON.stringify(json));
      if (typeof expected === 'string') return assert.equal(error.extensions.code, expected);
      assert.equal(error.extensions.code, 'INTERNAL', JSON.stringify(error));
      const detail = await detailOf(error);
      assert.match(detail, expected);
      assert.match(detail, /^crm:app\.lua:\d+: /);
    });
  }
});

describe('the rights of a function', () => {
  before(fill);
  const as = async (user, kind, name) => (await ask(kind, name, { user })).json;
  const code = (json) => json.errors?.[0].extensions.code;

  test('are those of its caller', async () => {
    assert.equal((await as('rob', 'read', 'can read')).data.value, 4);
    assert.equal((await as('sue', 'change', 'can write')).data.value, 1);
    const refused = await as('rob', 'change', 'can write');
    assert.equal(code(refused), 'FORBIDDEN');
    assert.match(refused.errors[0].message, /write of 'crm\.Lead' is not allowed/);
    assert.equal(code(await as(null, 'read', 'can read')), 'FORBIDDEN');
  });

  test('are those of the app inside as_app only', async () => {
    assert.equal(code(await as('sue', 'read', 'secret')), 'FORBIDDEN');
    assert.equal((await as('sue', 'read', 'secret as app')).data.value, 0);
    assert.equal((await as(null, 'read', 'secret as app')).data.value, 0);
  });

  test('hold for what filters look at', async () => {
    assert.equal((await as('sue', 'read', 'city by filter')).data.value, 1);
    assert.equal(code(await as('rob', 'read', 'city by filter')), 'FORBIDDEN');
  });

  test('end at the apps that the app does not depend on, whoever calls', async () => {
    for (const name of ['country', 'country as app', 'country by order', 'country by record']) {
      const { errors } = await as('admin', 'read', name);
      assert.equal(errors?.[0].extensions.code, 'INTERNAL', name);
      assert.match(await detailOf(errors[0]), /may not read/, name);
    }
  });

  test('find nothing of nobody', async () => {
    server.sql("update crm.lead set owner = (select id from base.user where login = 'sue') where name = 'a'");
    assert.equal((await as('sue', 'read', 'mine')).data.value, 1);
    assert.equal((await as('rob', 'read', 'mine')).data.value, 0);
  });

  test('give what is made the caller as default', async () => {
    assert.equal((await as('sue', 'change', 'owner')).data.value, 'sue');
  });

  test('let a mistake be caught', async () => {
    const { data } = await as('sue', 'read', 'caught');
    assert.equal(data.value[0], false);
    assert.match(data.value[1], /has no model 'Leed'/);
  });
});
