// What functions of apps return becomes what `returns` declares: random shapes of
// scalars, lists, records and objects, a hundred of them in one app.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Server } from './support/server.mjs';

let seed = Number(process.env.LUNETTE_TEST_SEED ?? 20240229);
const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
const below = (n) => Math.floor(random() * n);

// [type, what the function returns, what the client gets]
const UUID = '01890a5d-ac96-774b-bcce-b302099a8057';
const SCALARS = [
  ['int', '-7', -7], ['bool', 'false', false], ['float', '1.5', 1.5], ['text', '"h\\"\\n"', 'h"\n'],
  ['text', '"é"', 'é'], ['decimal', '"1.25"', '1.25'], ['money', '3', '3'], ['bigint', '12', 12],
  ['bigint', '"9007199254740993"', '9007199254740993'], ['date', '"2026-01-31"', '2026-01-31'],
  ['datetime', '"2026-01-31T08:30:00Z"', '2026-01-31T08:30:00.000Z'], ['id', '"abc"', 'abc'],
  ['time', '"08:30"', '08:30:00'], ['uuid', `"${UUID}"`, UUID], ['enum "Color" {}', '"RED"', 'RED'],
  ['json', '{ a = { 1, null, "x" } }', { a: [1, null, 'x'] }],
];
const RECORDS = [
  ['"Thing"', 'one("Thing")', { name: 'one' }], ['"Thing"', 'nil', null],
  ['list "Thing"', 'find("Thing")', [{ name: 'one' }]], ['list "Thing"', 'nil', []],
];

let named = 0;
function scalar() {
  const [type, value, want] = SCALARS[below(SCALARS.length)];
  if (random() < 0.1) return { type, value: 'nil', want: null, select: '' };
  if (type === 'json' || random() < 0.7) return { type, value, want, select: '' };
  return { type: `list(${type})`, value: `{ ${value}, ${value} }`, want: [want, want], select: '' };
}

function object(depth) {
  const members = Array.from({ length: 1 + below(4) }, () => [`f${named++}`, shape(depth - 1)]);
  const table = (of) => `{ ${members.map(([name, each]) => `${name} = ${of(each)}`).join(', ')} }`;
  const one = {
    type: table(({ type }) => type), value: table(({ value }) => value),
    want: Object.fromEntries(members.map(([name, { want }]) => [name, want])),
    select: `{ ${members.map(([name, { select }]) => `${name} ${select}`).join(' ')} }`,
  };
  if (random() < 0.6) return one;
  return { type: `list ${one.type}`, value: `{ ${one.value}, ${one.value} }`,
    want: [one.want, one.want], select: one.select };
}

function shape(depth) {
  const dice = random();
  if (depth > 0 && dice < 0.25) return object(depth);
  if (dice > 0.45) return scalar();
  const [type, value, want] = RECORDS[below(RECORDS.length)];
  return { type, value, want, select: '{ name }' };
}

const calls = Array.from({ length: 100 }, (_, i) =>
  ({ ...shape(3), name: `call${i}x`, kind: random() < 0.5 ? 'query' : 'mutation' }));
const app = `app "shapes" {}
enum "Color" { "RED", "BLUE" }
model "Thing" { fields = { name = text {} } }
access "Thing" { admin = "all" }
${calls.map(({ name, kind, type, value }) =>
    `${kind} "${name}" { returns = ${type}, run = function() return ${value} end }`).join('\n')}
`;

describe('results', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { shapes: app }, args: ['--workers', '1'] });
    await server.dataOf('mutation { createThing(data: { name: "one" }) { id } }');
  });
  after(() => server?.down());

  test('are what was declared, whatever their shape', async () => {
    for (const { name, kind, type, value, want, select } of calls) {
      const answer = await server.ask(`${kind} { ${name} ${select} }`);
      assert.deepEqual(answer, { data: { [name]: want } }, `${type} of ${value}`);
    }
  });
});
