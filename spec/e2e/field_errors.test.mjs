// What is wrong with one root field is that field's own: the others answer.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from './support/server.mjs';

describe('a field whose value breaks a rule', () => {
  let server;
  before(async () => {
    server = await Server.start({ args: ['--anonymous-role', 'admin', '--workers', '1'] });
  });
  after(() => server.down());

  const ask = async (query, variables) => (await fetch(`${server.url}/graphql`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })).json();

  for (const [name, query, variables] of [
    ['a variable', 'query ($n: Int) { a: country(where: { code: "DE" })'
      + ' { code partners(first: $n) { id } } b: countries(first: 1) { code } }', { n: -1 }],
    ['a literal below', '{ a: country(where: { code: "DE" }) { code partners(last: -7) { id } }'
      + ' b: countries(first: 1) { code } }', {}],
  ]) {
    test(`fails alone: ${name}`, async () => {
      const { data, errors } = await ask(query, variables);
      assert.equal(data.a, null);
      assert.equal(data.b.length, 1);
      assert.equal(errors.length, 1);
      assert.deepEqual(errors[0].path, ['a']);
      assert.match(`${errors[0].code}`, /^302[67]$/);
    });
  }

  test('leaves the writes before and behind it alone', async () => {
    const { data, errors } = await ask(`mutation ($n: Int) {
      a: createCountry(data: { code: "XA", name: "A" }) { code }
      b: createCountry(data: { code: "XB", name: "B" }) { code partners(first: $n) { id } }
      c: createCountry(data: { code: "XC", name: "C" }) { code }
    }`, { n: -1 });
    assert.equal(errors?.length, 1);
    assert.deepEqual(errors[0].path, ['b']);
    const { data: kept } = await ask('{ countries(where: { code_starts_with: "X" }) { code } }');
    assert.deepEqual(kept.countries.map((one) => one.code).sort(), ['XA', 'XC']);
    assert.ok(data === null || data.c.code === 'XC');
  });

  test('refuses all of a transaction', async () => {
    const { errors } = await ask(`mutation ($n: Int) @transaction {
      a: createCountry(data: { code: "YA", name: "A" }) { code }
      b: createCountry(data: { code: "YB", name: "B" }) { code partners(first: $n) { id } }
    }`, { n: -1 });
    assert.equal(errors.length, 1);
    const { data: kept } = await ask('{ countries(where: { code_starts_with: "Y" }) { code } }');
    assert.deepEqual(kept.countries.filter((one) => one.code[1] < 'C'), []);
  });

  test('is no excuse for a value of another type: that refuses the request', async () => {
    const { data, errors } = await ask('query ($n: Int) { a: countries(first: $n) { code }'
      + ' b: countries(first: 1) { code } }', { n: 'many' });
    assert.equal(data, undefined);
    assert.equal(errors.length, 1);
  });
});
