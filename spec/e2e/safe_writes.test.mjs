// Writes that may be sent again, writes that hold only for the version a client
// saw, and requests that are one transaction.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Server } from './support/server.mjs';

const app = `app "c" { version = "1.0.0" }
model "Row" {
  fields = { id = id "text", code = text { unique = true }, n = int {},
    parts = many "Part" { by = "row" } },
}
model "Part" { fields = { id = id "text", row = ref "Row" {}, n = int {} } }
access "Row" { admin = "all" }
access "Part" { admin = "all" }`;

const CREATE = `mutation($code: String, $n: Int) {
  createRow(data: { code: $code, n: $n }) { id code n } }`;

let server;
before(async () => { server = await Server.start({ apps: { c: app } }); });
after(() => server?.down());

const withKey = (key, query, variables, options = {}) =>
  server.post(query, variables, { ...options, headers: { 'idempotency-key': key } });
const count = (code) => server.sql(`select count(*) from c.row where code = '${code}'`);

describe('a mutation with an Idempotency-Key', () => {
  test('has its effect once, and the same answer each time', async () => {
    const first = await withKey('k1', CREATE, { code: 'once', n: 1 });
    assert.equal(first.json.errors, undefined, first.text);
    const second = await withKey('k1', CREATE, { code: 'once', n: 1 });
    assert.equal(second.text, first.text);
    assert.equal(count('once'), '1');
  });

  test('is refused when the key belongs to another request', async () => {
    await withKey('k2', CREATE, { code: 'two', n: 1 });
    const other = await withKey('k2', CREATE, { code: 'three', n: 1 });
    assert.equal(other.status, 422);
    assert.equal(other.json.errors[0].extensions.code, 'IDEMPOTENCY_KEY_REUSED');
    assert.equal(count('three'), '0');
  });

  test('leaves no trace when it failed', async () => {
    await withKey('k3', CREATE, { code: 'three', n: 1 });
    const failed = await withKey('k4', CREATE, { code: 'three', n: 2 });
    assert.equal(failed.json.errors[0].code, 3010);
    server.sql("delete from c.row where code = 'three'");
    const again = await withKey('k4', CREATE, { code: 'three', n: 2 });
    assert.equal(again.json.data.createRow.n, 2);
  });

  test('runs once when it is sent many times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 },
      () => withKey('k5', CREATE, { code: 'many', n: 1 })));
    const good = answers.filter(({ status }) => status === 200);
    const busy = answers.filter(({ status }) => status === 409);
    assert.equal(good.length + busy.length, 20, answers.map((each) => each.text).join());
    assert.ok(good.length > 0);
    for (const each of good) assert.equal(each.text, good[0].text);
    for (const each of busy) {
      assert.equal(each.json.errors[0].extensions.code, 'IDEMPOTENCY_KEY_IN_USE');
      assert.ok(each.headers['retry-after']);
    }
    assert.equal(count('many'), '1');
  });

  test('keeps each root field', async () => {
    const query = `mutation { a: createRow(data: { code: "fa" }) { id }
      b: createRow(data: { code: "fb" }) { id } }`;
    const first = await withKey('k6', query);
    assert.equal((await withKey('k6', query)).text, first.text);
    assert.equal(count('fa'), '1');
  });

  test('forgets the key after a day', async () => {
    await withKey('k7', CREATE, { code: 'day', n: 1 });
    server.sql("update lunette.idempotency set at = at - interval '25 hours' where key in ('k7', 'k6')");
    const again = await withKey('k7', CREATE, { code: 'next', n: 1 });
    assert.equal(again.json.data.createRow.code, 'next');
    assert.equal(server.sql("select count(*) from lunette.idempotency where key = 'k6'"), '0');
  });

  test('takes keys of 1 to 255 characters', async () => {
    assert.equal((await withKey('x'.repeat(256), CREATE, {})).status, 400);
    assert.equal((await withKey('x'.repeat(255), CREATE, { code: 'long' })).status, 200);
  });
});

describe('the version of a row', () => {
  const make = async (code) =>
    (await server.dataOf(`mutation { createRow(data: { code: "${code}" }) { id version } }`)).createRow;

  test('counts its changes', async () => {
    const { id, version } = await make('v1');
    assert.equal(version, 1);
    const { updateRow } = await server.dataOf(`mutation {
      updateRow(where: { id: "${id}" }, data: { n: 2 }) { version } }`);
    assert.equal(updateRow.version, 2);
  });

  test('guards updates and deletes', async () => {
    const { id } = await make('v2');
    const update = `mutation($v: Int) {
      updateRow(where: { id: "${id}" }, data: { n: 3 }, version: $v) { n version } }`;
    assert.deepEqual((await server.dataOf(update, { v: 1 })).updateRow, { n: 3, version: 2 });
    const stale = await server.ask(update, { v: 1 });
    assert.equal(stale.errors[0].extensions.code, 'STALE_VERSION');
    assert.equal(stale.data.updateRow, null);
    const remove = `mutation($v: Int) { deleteRow(where: { id: "${id}" }, version: $v) { n } }`;
    assert.equal((await server.ask(remove, { v: 1 })).errors[0].extensions.code, 'STALE_VERSION');
    assert.deepEqual((await server.dataOf(remove, { v: 2 })).deleteRow, { n: 3 });
    assert.equal((await server.ask(remove, { v: 2 })).errors[0].code, 3039);
  });

  test('lets one of many win', async () => {
    const { id } = await make('v3');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => server.ask(
      `mutation { updateRow(where: { id: "${id}" }, data: { n: ${n} }, version: 1) { n } }`)));
    assert.equal(answers.filter(({ errors }) => !errors).length, 1);
  });
});

describe('a mutation in one transaction', () => {
  test('has all of its effects', async () => {
    const data = await server.dataOf(`mutation @transaction {
      a: createRow(data: { code: "ta", parts: { create: [{ n: 1 }] } }) { code parts { n } }
      __typename
      b: updateRow(where: { code: "ta" }, data: { n: 5 }) { code n } }`);
    assert.deepEqual(data, { a: { code: 'ta', parts: [{ n: 1 }] }, __typename: 'Mutation',
      b: { code: 'ta', n: 5 } });
  });

  test('or none', async () => {
    const { data, errors } = await server.ask(`mutation @transaction {
      a: createRow(data: { code: "tb" }) { code }
      b: updateRow(where: { code: "nobody" }, data: { n: 5 }) { code } }`);
    assert.equal(data, null);
    assert.equal(errors.length, 1);
    assert.deepEqual(errors[0].path, ['b']);
    assert.equal(errors[0].code, 3039);
    assert.equal(count('tb'), '0');
  });

  test('may be sent again with a key', async () => {
    const query = `mutation @transaction { a: createRow(data: { code: "tc" }) { id }
      b: updateRow(where: { code: "tc" }, data: { n: 1 }) { id n } }`;
    const first = await withKey('t1', query);
    assert.equal(first.json.errors, undefined, first.text);
    assert.equal((await withKey('t1', query)).text, first.text);
  });

  test('is for mutations only', async () => {
    const { errors } = await server.ask('query @transaction { rows { id } }');
    assert.match(errors[0].message, /may not be used on QUERY/);
  });
});
