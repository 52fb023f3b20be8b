// What an app has in memory goes to its next release by on_upgrade.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { push, pushed, rollback } from './support/releases.mjs';
import { Server } from './support/server.mjs';

const shop = (version, upgrade, step = 1) => `local seen = 0
app "shop" { version = "${version}"${upgrade ? `,
  on_upgrade = ${upgrade}` : ''} }
query "seen" { returns = int, by = "public", run = function() seen = seen + ${step} return seen end }`;

const HAND_OVER = `function(state)
    if state then seen = state.seen end
    return { seen = seen }
  end`;

describe('on_upgrade', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { shop: shop('1.0.0', HAND_OVER) }, args: ['--workers', '1'] });
  });
  after(() => server?.down());
  const seen = async () => (await server.dataOf('{ seen }')).seen;

  test('hands the state of a release over to the next one', async () => {
    assert.deepEqual([await seen(), await seen()], [1, 2]);
    await pushed(server, 'shop', shop('1.1.0', HAND_OVER, 10));
    assert.deepEqual([await seen(), await seen()], [12, 22]);
    await pushed(server, 'shop', shop('1.2.0', HAND_OVER));
    assert.equal(await seen(), 23);
  });

  test('leaves the release that is gone back to with what it knew', async () => {
    assert.equal((await rollback(server, 'shop')).status, 200);
    assert.equal(await seen(), 32);
  });

  test('that fails in the release before leaves the next one without a state', async () => {
    await pushed(server, 'shop', shop('1.3.0', 'function(state) if not state then error("no") end end'));
    await pushed(server, 'shop', shop('1.4.0', HAND_OVER));
    assert.equal(await seen(), 1);
  });

  test('that cannot take the state keeps the release before', async () => {
    const bad = await push(server, 'shop', shop('1.5.0', 'function(state) return state.seen.no.such end'));
    assert.equal(bad.status, 422);
    assert.match(bad.json.message, /shop:app.lua:3: /);
    assert.equal(await seen(), 2);
    for (const body of ['while true do end', 'return find("Item", {})']) {
      const { status } = await push(server, 'shop', shop('1.5.1', `function(state) if state then ${body} end end`));
      assert.equal(status, 422);
    }
    assert.equal(await seen(), 3);
  });

  test('is not needed', async () => {
    await pushed(server, 'shop', shop('1.6.0'));
    assert.equal(await seen(), 1);
    await pushed(server, 'shop', shop('1.7.0', HAND_OVER));
    assert.equal(await seen(), 1);
  });
});
