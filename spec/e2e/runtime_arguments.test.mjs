// Arguments of an app's functions are values of their declared types.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Server } from './support/server.mjs';

const app = `app "till" { version = "1.0.0" }
query "double" {
  args = { price = decimal { required = true }, all = list(decimal) {}, count = bigint {} },
  returns = { twice = decimal {}, more = bool {}, sum = decimal {}, next = bigint {}, as = list(text) },
  by = "public",
  run = function(a)
    local sum
    for _, one in ipairs(a.all or {}) do sum = (sum or 0) + one end
    local p, as = a.price, {}
    for name, holds in pairs {
      above = p > 12.3, below = 12.3 < p, text = p < "12.35", ["not below"] = p >= 13, equal = p == p + 0,
      number = p == 12, ["to a text"] = p == "12.345678901234567890", ["to nil"] = p == nil,
      ["to a table"] = p == {}, ["to a word"] = p == "much", negative = -p < 0,
    } do
      if holds then as[#as + 1] = name end
    end
    table.sort(as)
    as[#as + 1] = tostring(pcall(function() p.digits = 1 end)) .. tostring(p[1e9]) .. tostring(p.digits)
    as[#as + 1] = ("%s|%s"):format(p, p .. "")
    return { as = as, twice = a.price + a.price, more = a.price > a.price - 1, sum = sum, next = a.count }
  end,
}`;

describe('arguments', () => {
  let server;
  before(async () => { server = await Server.start({ apps: { till: app } }); });
  after(() => server.down());

  test('of decimals calculate and compare exactly', async () => {
    const { double } = await server.dataOf('query ($p: Decimal!, $l: [Decimal!], $n: Long) {'
      + ' double(price: $p, all: $l, count: $n) { twice more sum next as } }',
    { p: '12.345678901234567890', l: ['0.1', '0.2'], n: '9223372036854775807' });
    assert.deepEqual(double, { twice: '24.691357802469135780', more: true, sum: '0.3',
      next: '9223372036854775807', as: ['above', 'below', 'equal', 'negative', 'text', 'to a text',
        'falsenilnil', '12.345678901234567890|12.345678901234567890'] });
  });
});
