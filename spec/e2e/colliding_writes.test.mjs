// Random writes of the same rows at the same time: what the clients saw and what
// is in the table must come from some order of them, one after another.
// SPDX-License-Identifier: Apache-2.0
//
// LUNETTE_COLLISIONS=10000 runs that many bursts (default 300), with the seed
// LUNETTE_SEED (default 1).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from './support/server.mjs';

const bursts = Number(process.env.LUNETTE_COLLISIONS ?? 300);
const size = 10;
let state = Number(process.env.LUNETTE_SEED ?? 1);

/** mulberry32: the same sequence for the same seed. */
function random(limit) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % limit;
}

const app = `app "c" { version = "1.0.0" }
model "Row" {
  fields = {
    id   = id "text",
    code = text { unique = true, size = 10 },
    n    = int {},
  },
}
access "Row" { admin = "all" }`;

let server;

before(async () => {
  server = await Server.start({ apps: { c: app }, args: ['--workers', '1'] });
});
after(() => server?.down());

// The writes, their documents, and what one does to a table alone: the answer
// that the client sees, and the table is changed.
const ids = ['a', 'b', 'c', 'd'];
const codes = ['u', 'v', 'w'];
const one = (list) => list[random(list.length)];
const taken = (rows, code, id) => code !== null
  && [...rows.values()].some((row) => row.code === code && row.id !== id);
const shown = (row) => `${row.id} ${row.code} ${row.n}`;

const kinds = {
  create: {
    query: `mutation($id: ID, $code: String, $n: Int) {
      r: createRow(data: { id: $id, code: $code, n: $n }) { id code n } }`,
    make: (n) => ({ id: one(ids), code: one(codes), n }),
    run(rows, { id, code, n }) {
      if (rows.has(id) || taken(rows, code, id)) return '3010';
      rows.set(id, { id, code, n });
      return shown(rows.get(id));
    },
  },
  update: {
    query: `mutation($id: ID, $n: Int) {
      r: updateRow(where: { id: $id }, data: { n: $n }) { id code n } }`,
    make: (n) => ({ id: one(ids), n }),
    run(rows, { id, n }) {
      if (!rows.has(id)) return '3039';
      rows.set(id, { ...rows.get(id), n });
      return shown(rows.get(id));
    },
  },
  recode: {
    query: `mutation($id: ID, $code: String) {
      r: updateRow(where: { id: $id }, data: { code: $code }) { id code n } }`,
    make: () => ({ id: one(ids), code: one(codes) }),
    run(rows, { id, code }) {
      if (!rows.has(id)) return '3039';
      if (taken(rows, code, id)) return '3010';
      rows.set(id, { ...rows.get(id), code });
      return shown(rows.get(id));
    },
  },
  bycode: {
    query: `mutation($code: String, $n: Int) {
      r: updateRow(where: { code: $code }, data: { n: $n }) { id code n } }`,
    make: (n) => ({ code: one(codes), n }),
    run(rows, { code, n }) {
      const row = [...rows.values()].find((each) => each.code === code);
      if (!row) return '3039';
      rows.set(row.id, { ...row, n });
      return shown(rows.get(row.id));
    },
  },
  remove: {
    query: 'mutation($id: ID) { r: deleteRow(where: { id: $id }) { id code n } }',
    make: () => ({ id: one(ids) }),
    run(rows, { id }) {
      if (!rows.has(id)) return '3039';
      const text = shown(rows.get(id));
      rows.delete(id);
      return text;
    },
  },
};

// A burst has few kinds, so that writes of one plan meet.
const mixes = [
  ['create'], ['update'], ['recode'], ['remove'], ['update', 'recode'],
  ['create', 'remove'], ['update', 'bycode'], Object.keys(kinds),
];

function tableText(rows) {
  return [...rows.values()].map(shown).sort().join('\n');
}

/** Whether some order of `calls` gives their answers and ends with `end`. */
function hasOrder(rows, calls, end) {
  const seen = new Set();
  function search(table, left) {
    if (left === 0) return tableText(table) === end;
    const key = `${left} ${tableText(table)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return calls.some((call, i) => {
      if (!(left & (1 << i))) return false;
      const next = new Map(table);
      return kinds[call.kind].run(next, call.variables) === call.answer
        && search(next, left & ~(1 << i));
    });
  }
  return search(rows, (1 << calls.length) - 1);
}

async function run(call) {
  const { data, errors } = await server.ask(kinds[call.kind].query, call.variables);
  call.answer = errors ? String(errors[0].code ?? errors[0].message) : shown(data.r);
}

async function table() {
  const { rows } = await server.dataOf('{ rows { id code n } }');
  return new Map(rows.map((row) => [row.id, row]));
}

test(`${bursts} bursts of colliding writes equal some serial order`, async () => {
  let rows = await table();
  let n = 0;
  for (let i = 0; i < bursts; i += 1) {
    const mix = one(mixes);
    const calls = Array.from({ length: size }, () => {
      const kind = one(mix);
      n += 1;
      return { kind, variables: kinds[kind].make(n) };
    });
    await Promise.all(calls.map(run));
    const now = await table();
    assert.ok(hasOrder(rows, calls, tableText(now)),
      `burst ${i} from\n${tableText(rows)}\nto\n${tableText(now)}\n${
        calls.map((call) => JSON.stringify(call)).join('\n')}`);
    rows = now;
  }
});

test('waiting writes did share statements', async () => {
  const { text } = await server.request('/metrics').catch(() => ({ text: '' }));
  const metrics = text.includes('lunette_writes_total') ? text
    : await (await fetch(`${server.ops}/metrics`)).text();
  const shared = Number(metrics.match(/lunette_writes_total\{[^}]*shared[^}]*\} (\d+)/)[1]);
  assert.ok(shared > bursts, `${shared} writes shared a statement`);
});
