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
    await server.dataOf(QUERY, { code: 'P00001', n: 2 });
    const before = await luaCalls();
    for (let i = 0; i < 50; i++) {
      const { partners } = await server.dataOf(QUERY, { code: `P0000${i % 9}`, n: 1 + i % 5 });
      assert.equal(partners.length, 1 + i % 5);
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

  test('compiles inputs of another shape', async () => {
    await server.dataOf(QUERY, { code: 'P00001', n: 2 });
    const before = await luaCalls();
    await server.dataOf(QUERY, { code: null, n: 2 });
    assert.ok(await luaCalls() > before);
  });
});
