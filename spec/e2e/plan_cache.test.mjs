// A read whose plan is known never enters the Lua VM.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from './support/server.mjs';

const QUERY = `query ($code: String, $n: Int) {
  partners(where: { code_gt: $code }, orderBy: code_ASC, first: $n) {
    code country { name currencies: code }
  }
}`;

describe('the plan cache', () => {
  let server;
  before(async () => {
    server = await Server.start({ args: ['--anonymous-role', 'admin', '--workers', '1'] });
  });
  after(() => server.down());

  const luaCalls = async () => {
    const text = await (await fetch(`${server.ops}/metrics`)).text();
    return Number(text.match(/^lunette_lua_calls_total\{worker="0"\} (\d+)$/m)[1]);
  };

  test('answers a known document without Lua, whatever its values', async () => {
    // Each usual size of a page has a plan of its own.
    await server.dataOf(QUERY, { code: 'P00001', n: 5 });
    await server.dataOf(QUERY, { code: 'P00001', n: 11 });
    const before = await luaCalls();
    for (let i = 0; i < 50; i++) {
      const n = [5, 11, 13, 14, 17][i % 5];
      const { partners } = await server.dataOf(QUERY, { code: `P0000${i % 9}`, n });
      assert.equal(partners.length, n);
    }
    assert.equal(await luaCalls(), before);
  });

  test('answers a document with other literals without Lua', async () => {
    const ask = (code) => server.dataOf(`{ partner(where: { code: "${code}" }) { code } }`);
    await ask('P00001');
    const before = await luaCalls();
    for (const code of ['P00002', 'P00003', 'P00399']) {
      assert.equal((await ask(code)).partner.code, code);
    }
    assert.equal(await luaCalls(), before);
  });

  test('gives as many rows as asked for, usual size or not', async () => {
    const LIST = 'query ($n: Int, $m: Int = 7) { a: partners(first: $n) { id }'
      + ' b: partners(last: $n) { id } c: partnersConnection(first: $n)'
      + ' { edges { cursor } pageInfo { hasNextPage hasPreviousPage } } d: partners(first: $m) { id } }';
    const all = (await server.dataOf('{ partners { id } }')).partners.length;
    assert.ok(all > 300);
    const lengths = ({ a, b, c }) => [a.length, b.length, c.edges.length];
    const sizes = [0, 1, 10, 11, 20, 21, 100, 257, all - 1, all, 1000, 20000];
    for (const n of [...sizes, ...sizes.reverse()]) {
      const want = Math.min(n, all);
      const data = await server.dataOf(LIST, { n });
      assert.deepEqual(lengths(data), [want, want, want], `first: ${n}`);
      assert.deepEqual(data.c.pageInfo, { hasNextPage: n < all, hasPreviousPage: false });
      assert.equal(data.d.length, 7);
      const text = LIST.replaceAll('$n)', `${n})`).replace('$n: Int, ', '');
      assert.deepEqual(lengths(await server.dataOf(text, { m: n })), [want, want, want]);
    }
  });

  test('knows a number by its value, in any spelling', async () => {
    for (const n of ['2e0', '30e1', '4.0', '3e2', '200e-1', '1e1']) {
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST', headers: { 'content-type': 'application/json' },
        body: `{"query":"query ($n: Int) { partners(first: $n) { id } }","variables":{"n":${n}}}`,
      });
      const { data, errors } = await response.json();
      if (errors) assert.equal(errors[0].extensions.code, 'BAD_USER_INPUT');
      else assert.equal(data.partners.length, Number(n), n);
    }
  });

  test('compiles inputs of another shape', async () => {
    await server.dataOf(QUERY, { code: 'P00001', n: 2 });
    const before = await luaCalls();
    await server.dataOf(QUERY, { code: null, n: 2 });
    assert.ok(await luaCalls() > before);
  });
});
