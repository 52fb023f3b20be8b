// A change of the models that would lose data.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server, until } from './support/server.mjs';

const ITEM = `app "shop" { version = "1.0.0" }
model "Item" { fields = {
  name = text { required = true },
  note = text {},
} }
model "Label" { fields = { name = text { required = true } } }
access "Item"  { public = "all" }
access "Label" { public = "all" }
`;
const WITHOUT_NOTE = ITEM.replace(/ {2}note = .*\n/, '');
const WITHOUT_LABEL = WITHOUT_NOTE.replace(/.*Label.*\n/g, '');

const columns = (server) => server.sql(`select table_name || '.' || column_name
  from information_schema.columns where table_schema = 'shop'
  and column_name in ('note', 'name') order by 1`).split('\n');

/** The same server once more, on its data. */
async function restart(server, args, env = {}) {
  server.child.kill('SIGTERM');
  await server.ended;
  server.args = ['--workers', '1', ...args];
  server.env = env;
  server.launch();
  await server.ready();
}

describe('a change that would lose data', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { shop: ITEM }, args: ['--workers', '1'] });
    await server.dataOf(`mutation {
      createItem(data: { name: "nail", note: "keep me" }) { id }
      createLabel(data: { name: "red" }) { id }
    }`);
  });
  after(() => server.down());

  test('is refused with its plan, and the old release serves', async () => {
    const error = await server.reload(() => server.save('shop', WITHOUT_NOTE));
    assert.match(error.message, /column shop\.item\.note is gone/);
    assert.match(error.message, /--accept-loss shop\.item\.note/);
    assert.equal(error.errors[1].message,
      'not run: alter table "shop"."item" drop column if exists "note"');
    await until('the plan on the terminal', () =>
      /^error: not run: alter table "shop"\."item" drop/m.test(server.output));
    assert.deepEqual(await server.dataOf('{ items { note } }'), { items: [{ note: 'keep me' }] });
  });

  test('is made when the loss of that column is accepted', async () => {
    await restart(server, ['--accept-loss', 'shop.item.note']);
    assert.equal(server.status().last_error, null);
    assert.deepEqual(columns(server), ['item.name', 'label.name']);
    assert.deepEqual(await server.dataOf('{ items { name } }'), { items: [{ name: 'nail' }] });
  });

  test('does not cover another column or table', async () => {
    const error = await server.reload(() => server.save('shop', WITHOUT_LABEL));
    assert.match(error.message, /--accept-loss shop\.label/);
    assert.deepEqual(columns(server), ['item.name', 'label.name']);
  });

  test('takes tables, and several with commas between', async () => {
    await restart(server, [], { LUNETTE_ACCEPT_LOSS: 'shop.item.note, shop.label' });
    assert.equal(server.status().last_error, null);
    assert.deepEqual(columns(server), ['item.name']);
  });

  test('is refused when the setting names no column or table', async () => {
    await restart(server, ['--accept-loss', 'everything']);
    assert.match(server.status().last_error.message, /'everything' is not of the form/);
  });
});
