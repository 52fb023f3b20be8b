// Functions of apps under pressure: their limits, many at once, clients that go
// away, and a server that ends.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Server, sleep, temporaryFolder, until } from './support/server.mjs';

const app = `app "crm" { version = "1.0.0" }
model "Lead" { fields = { name = text { required = true }, hits = int { default = 0 } } }
access "Lead" { admin = "all", public = "all" }
query "count" { returns = int, by = "public", run = function() return #find("Lead") end }
query "many" { args = { n = int {} }, returns = int, by = "public",
  run = function(a)
    local sum = 0
    for i = 1, a.n do sum = sum + #find("Lead", { hits = i }) end
    return sum
  end }
query "some" { returns = int, by = "public",
  run = function() return #find("Lead", {}, { limit = 4000 }) end }
query "lie" { returns = int, by = "public", run = function() return "seven" end }
query "all" { returns = int, by = "public", run = function() return #find("Lead") end }
query "loop" { returns = int, by = "public", run = function() while true do end end }
query "slow" { args = { n = int {} }, returns = int, by = "public",
  run = function(a)
    local x = 0
    for i = 1, a.n do
      for j = 1, 5e6 do x = x + j % 7 end
      x = x + #find("Lead", {}, { limit = 1 })
    end
    return a.n
  end }
query "eat" { returns = int, by = "public",
  run = function() local t = {} for i = 1, 1e9 do t[i] = { i } end return 1 end }
query "deep" { returns = int, by = "public",
  run = function() local function f(n) return 1 + f(n + 1) end return f(1) end }
mutation "bump" { args = { name = text {} }, returns = int, by = "public",
  run = function(a)
    local lead = one("Lead", { name = a.name }, { lock = true })
    lead.hits = lead.hits + 1
    return lead.hits
  end }
mutation "cross" { args = { first = text {}, second = text {} }, returns = int, by = "public",
  run = function(a)
    local one_, x = one("Lead", { name = a.first }, { lock = true }), 0
    for i = 1, 20 do
      for j = 1, 1e6 do x = x + j % 7 end
      x = x + #find("Lead", {}, { limit = 1 })
    end
    local two = one("Lead", { name = a.second }, { lock = true })
    one_.hits, two.hits = one_.hits + 1, two.hits + 1
    return two.hits
  end }
mutation "hold" { args = { n = int {} }, returns = int, by = "public",
  run = function(a)
    find("Lead"):set { hits = 1 }
    local x = 0
    for i = 1, a.n do
      for j = 1, 5e6 do x = x + j % 7 end
      x = x + #find("Lead", {}, { limit = 1 })
    end
    return x
  end }
`;

const calm = `app "calm" { version = "1.0.0" }
model "Note" { fields = { name = text {} } }
access "Note" { public = "all" }
mutation "put" { returns = int, by = "public", run = function() create("Note", { name = "n" }) return 1 end }
`;

const policy = `app "crm" { limits = { statements = 50, rows = 5000, value = "1m", cpu = "1s", wall = "9s",
  memory = "32m" } }`;

let server;
before(async () => {
  const folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'policy.lua'), policy);
  server = await Server.start({ apps: { crm: app, calm }, folder, args: ['--workers', '1'] });
  server.sql(`insert into crm.lead (id, name, hits)
    select gen_random_uuid(), 'l' || n, n from generate_series(1, 100) n`);
});
after(() => server?.down());

const errorOf = async (query) => (await server.ask(query, {}, { user: null })).errors?.[0];
const logged = () => fs.readFileSync(path.join(server.data, 'log/requests.log'), 'utf8')
  .split('\n').filter((line) => line).map((line) => JSON.parse(line));
/** Sessions of the database that are inside a transaction. */
const held = () => Number(server.sql(`select count(*) from pg_stat_activity
  where datname = current_database() and state like 'idle in transaction%'`));
const idle = () => until('no open transaction', () => held() === 0);

describe('a limit of an app', () => {
  const cases = [
    ['statements', '{ many(n: 51) }', 50], ['rows', '{ all }', 5000],
    ['cpu', '{ loop }', 1000], ['memory', '{ eat }', 32 << 20],
  ];
  before(() => server.sql(`insert into crm.lead (id, name, hits)
    select gen_random_uuid(), 'x', 0 from generate_series(1, 5000)`));
  after(() => server.sql("delete from crm.lead where name = 'x'"));
  for (const [limit, query, max] of cases) {
    test(`of ${limit} ends the call and is named`, async () => {
      const error = await errorOf(query);
      assert.equal(error?.extensions.code, 'BUDGET_EXCEEDED', JSON.stringify(error));
      assert.equal(error.extensions.limit, limit);
      assert.equal(error.extensions.max, max);
      assert.equal(error.extensions.app, 'crm');
    });
  }

  test('is not reached by what just fits', async () => {
    await server.dataOf('{ many(n: 50) }', {}, { user: null });
  });

  test('does not hold for the next request', async () => {
    await errorOf('{ loop }');
    await server.dataOf('{ many(n: 50) }', {}, { user: null });
  });

  test('of what crosses at once holds for what is read', async () => {
    server.sql("update crm.lead set name = repeat('y', 2000) where name = 'x'");
    const error = await errorOf('{ some }');
    assert.equal(error.extensions.limit, 'value');
    server.sql("update crm.lead set name = 'x' where length(name) = 2000");
  });

  test('and a wrong result count as errors of the app', async () => {
    const count = async () => Number((await (await fetch(`${server.ops}/metrics`)).text())
      .match(/^lunette_app_errors_total\{[^}]*app="crm"[^}]*\} (\d+)$/m)?.[1] ?? 0);
    const before_ = await count();
    await errorOf('{ lie }');
    await errorOf('{ all }');
    await until('the count', async () => await count() === before_ + 2);
  });

  test('ends an endless recursion', async () => {
    assert.match((await errorOf('{ deep }')).extensions.code, /INTERNAL|BUDGET_EXCEEDED/);
  });
});

describe('many calls at once', () => {
  test('are all answered', async () => {
    const answers = await Promise.all(Array.from({ length: 1000 },
      () => server.ask('{ count }', {}, { user: null })));
    for (const { data, errors } of answers) assert.equal(data?.count, 100, JSON.stringify(errors));
    await idle();
  });

  test('lose no change of a record that each locks', async () => {
    const answers = await Promise.all(Array.from({ length: 60 },
      () => server.ask('mutation { bump(name: "l1") }', {}, { user: null })));
    for (const { errors } of answers) assert.equal(errors, undefined, JSON.stringify(errors));
    assert.equal(server.sql("select hits from crm.lead where name = 'l1'"), '61');
    await idle();
  });

  test('begin again after a deadlock, from the start', async () => {
    const cross = (first, second) => server.ask(
      `mutation { cross(first: "${first}", second: "${second}") }`, {}, { user: null });
    const answers = await Promise.all([cross('l5', 'l6'), cross('l6', 'l5')]);
    for (const { errors } of answers) assert.equal(errors, undefined, JSON.stringify(errors));
    assert.equal(server.sql("select sum(hits) from crm.lead where name in ('l5', 'l6')"), '15');
    await until('the count of deadlocks', () => server.sql(
      'select deadlocks from pg_stat_database where datname = current_database()') !== '0');
  });

  test('run beside each other in one query', async () => {
    const fields = Array.from({ length: 40 }, (_, i) => `f${i}: count`).join(' ');
    const data = await server.dataOf(`{ ${fields} }`, {}, { user: null });
    assert.equal(Object.keys(data).length, 40);
  });
});

test('a slow app leaves a connection to the mutations of others', async () => {
  let ended = 0;
  const slow = Array.from({ length: 12 }, (_, i) => server.ask(
    `mutation { cross(first: "l${20 + i}", second: "l${40 + i}") }`, {}, { user: null })
    .then((answer) => { ended++; return answer; }));
  await sleep(100);
  assert.deepEqual((await server.ask('mutation { put }', {}, { user: null })).data, { put: 1 });
  assert.ok(ended < 10, `${ended} had ended before`);
  for (const { errors } of await Promise.all(slow)) assert.equal(errors, undefined, JSON.stringify(errors));
  await idle();
});

/** Sends a request and leaves before its answer. */
const leave = async (query, operationName, afterMs = 50) => {
  const body = JSON.stringify({ query, operationName });
  const { port, hostname } = new URL(server.url);
  const socket = net.connect(Number(port), hostname);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(`POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`
    + `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  await sleep(afterMs);
  socket.resetAndDestroy();
};

describe('a client that goes away', () => {
  test('ends the function that worked for it', async () => {
    await Promise.all(Array.from({ length: 10 }, () => leave('query Left { slow(n: 45) }', 'Left')));
    const left = () => logged().filter(({ operation }) => operation === 'Left');
    await until('the end of all', () => left().length === 10);
    assert.deepEqual(left().map(({ code }) => code), Array(10).fill('UNAVAILABLE'));
  });

  test('leaves no lock behind', async () => {
    await leave('mutation Held { hold(n: 45) }', 'Held');
    await until('its end', () => logged().some(({ operation }) => operation === 'Held'));
    await idle();
    await server.dataOf('mutation { bump(name: "l2") }', {}, { user: null });
    assert.equal(server.sql("select count(*) from crm.lead where hits = 1 and name <> 'l1'"), '0');
  });
});

test('a server that ends answers the calls under way', async () => {
  const answers = Array.from({ length: 4 }, () => server.ask('{ slow(n: 15) }', {}, { user: null }));
  await sleep(100);
  server.child.kill('SIGTERM');
  for (const answer of answers) assert.deepEqual((await answer).data, { slow: 15 });
  await server.ended;
});
