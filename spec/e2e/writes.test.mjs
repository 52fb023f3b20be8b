// Many rows in one write, and many writes of the same rows.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';

import { Server, sleep, until } from './support/server.mjs';

const app = `app "c" { version = "1.0.0" }
model "Row" {
  fields = { id = id {}, code = text { unique = true }, n = int {},
    parts = many "Part" { by = "row" }, tags = refs "Tag" { by = "rows" } },
}
model "Part" { fields = { n = int {}, row = ref "Row" {} } }
model "Tag" { fields = { name = text { unique = true }, rows = refs "Row" { by = "tags" } } }
access "Row" { admin = "all" }
access "Part" { admin = "all" }
access "Tag" { admin = "all" }`;

let server;
before(async () => { server = await Server.start({ apps: { c: app },
  args: ['--workers', '1'] }); });
after(() => server?.down());

/** Runs a mutation many times at once; all must succeed. */
async function together(count, query, variables) {
  const answers = await Promise.all(Array.from({ length: count },
    (_, i) => server.ask(query, variables(i))));
  for (const { errors } of answers) assert.equal(errors, undefined, JSON.stringify(errors));
  return answers.map(({ data }) => data);
}

const fill = (rows) => server.sql(`truncate c.row cascade;
  insert into c.row (id, code, n) select gen_random_uuid(), 'c' || i, i
  from generate_series(1, ${rows}) i`);

describe('one write of many rows', () => {
  test('changes and deletes 20,000', async () => {
    fill(20000);
    const { updateManyRows } = await server.dataOf(
      'mutation { updateManyRows(where: { n_gt: 0 }, data: { n: -1 }) { count } }');
    assert.equal(updateManyRows.count, 20000);
    assert.equal(server.sql('select count(*) from c.row where n = -1 and version = 2'), '20000');
    const { deleteManyRows } = await server.dataOf('mutation { deleteManyRows { count } }');
    assert.equal(deleteManyRows.count, 20000);
  });

  test('takes lists of 50,000', async () => {
    fill(50000);
    const codes = Array.from({ length: 50000 }, (_, i) => `c${i + 1}`);
    const { updateManyRows } = await server.dataOf(`mutation($in: [String!]) {
      updateManyRows(where: { code_in: $in }, data: { n: 0 }) { count } }`, { in: codes });
    assert.equal(updateManyRows.count, 50000);
    const { rowsConnection } = await server.dataOf(`query($in: [String!]) {
      rowsConnection(where: { code_in: $in }) { aggregate { count } } }`, { in: codes });
    assert.equal(rowsConnection.aggregate.count, 50000);
    const { deleteManyRows } = await server.dataOf(`mutation($in: [String!]) {
      deleteManyRows(where: { code_in: $in }) { count } }`, { in: codes });
    assert.equal(deleteManyRows.count, 50000);
  });
});

describe('a hundred writes of one row at once', () => {
  test('as updates', async () => {
    fill(1);
    await together(100, `mutation($n: Int) {
      updateRow(where: { code: "c1" }, data: { n: $n }) { n } }`, (n) => ({ n }));
    assert.equal(server.sql('select version from c.row'), '101');
  });

  test('as upserts', async () => {
    fill(0);
    await together(100, `mutation($n: Int) {
      upsertRow(where: { code: "u" }, create: { code: "u", n: $n }, update: { n: $n }) { n } }`,
    (n) => ({ n }));
    assert.equal(server.sql('select count(*), max(version) from c.row'), '1|100');
  });

  test('as nested creates and connects', async () => {
    fill(1);
    server.sql("insert into c.tag (id, name) values (gen_random_uuid(), 't')");
    await together(100, `mutation($n: Int) {
      updateRow(where: { code: "c1" }, data: { n: $n,
        tags: { connect: [{ name: "t" }] }, parts: { create: [{ n: $n }] } }) { tags { name } } }`,
    (n) => ({ n }));
    await together(100, `mutation($n: Int) {
      createPart(data: { n: $n, row: { connect: { code: "c1" } } }) { row { code } } }`,
    (n) => ({ n }));
    await together(100, `mutation($n: String) {
      createRow(data: { code: $n, tags: { connect: [{ name: "t" }] } }) { tags { name } } }`,
    (n) => ({ n: `n${n}` }));
    assert.equal(server.sql('select count(*) from c.part p join c.row r on r.id = p.row'
      + " where r.code = 'c1'"), '200');
  });

  test('as writes of two rows in both orders', async () => {
    fill(2);
    await together(100, `mutation($one: String!, $two: String!) {
      a: updateManyRows(where: { code_in: [$one, $two] }, data: { n: 1 }) { count }
      b: updateRow(where: { code: $one }, data: { n: 2 }) { n } }`,
    (n) => (n % 2 ? { one: 'c1', two: 'c2' } : { one: 'c2', two: 'c1' }));
  });

  test('as transactions of two rows in both orders', async () => {
    fill(2);
    await together(8, `mutation($one: String, $two: String) @transaction {
      a: updateRow(where: { code: $one }, data: { n: 1 }) { n }
      b: updateRow(where: { code: $two }, data: { n: 2 }) { n } }`,
    (n) => (n % 2 ? { one: 'c1', two: 'c2' } : { one: 'c2', two: 'c1' }));
  });

  test('behind a lock, which the writes of other rows do not wait for', async () => {
    fill(3);
    const update = (code) => server.ask(`mutation($code: String) {
      updateRow(where: { code: $code }, data: { n: 9 }) { n } }`, { code });
    await update('c3');
    const { socket, database } = server.status();
    const holder = spawn('psql', ['-h', socket, '-d', database, '-qAt', '-c',
      "begin; update c.row set n = 0 where code = 'c1'; select pg_sleep(2)"]);
    await until('the lock', () => server.sql(
      "select count(*) from pg_stat_activity where query like '%pg_sleep(2)%' and state = 'active'") > 1);
    const held = [update('c1'), update('c1')];
    await sleep(20);
    const started = Date.now();
    assert.equal((await update('c2')).data.updateRow.n, 9);
    assert.ok(Date.now() - started < 1000, `${Date.now() - started} ms`);
    for (const each of await Promise.all(held)) assert.equal(each.data.updateRow.n, 9);
    holder.kill();
  });
});
