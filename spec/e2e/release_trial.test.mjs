// A new release whose functions fail too often is taken back by itself.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { command, pushed, releases } from './support/releases.mjs';
import { Server, sleep, until } from './support/server.mjs';

const shop = (version, body) => `app "shop" { version = "${version}" }
model "Item" { fields = { name = text {} } }
access "Item" { public = "all" }
query "stock" { args = { n = int {} }, returns = int, by = "public", run = function(args)
  ${body}
end }`;

const served = async (server) => (await server.post('{ __typename }')).headers['lunette-release'];
const ask = async (server, times, n = 1) => Promise.all(Array.from({ length: times }, () =>
  server.ask(`{ stock(n: ${n}) }`)));

describe('a new release', () => {
  let server, good;
  before(async () => {
    server = await Server.start({ apps: { shop: shop('1.0.0', 'return 1') }, args: ['--workers', '2'] });
    good = await served(server);
    assert.deepEqual((await ask(server, 1))[0], { data: { stock: 1 } });
  });
  after(() => server?.down());

  test('whose functions fail is taken back, and it is said why', async () => {
    const bad = await pushed(server, 'shop', shop('1.1.0', 'error("no stock")'));
    const answers = await ask(server, 30);
    const { code, release } = answers[0].errors[0].extensions;
    assert.deepEqual({ code, release }, { code: 'INTERNAL', release: bad });
    await until('the release before', async () => await served(server) === good);
    const why = new RegExp(`\\d+ of \\d+ calls of ${bad.replaceAll('+', '\\+').replaceAll('.', '\\.')} failed within`);
    assert.match(server.status().taken_back, why);
    assert.match(command(server, 'status').stdout, why);
    assert.match(server.output, new RegExp(`^taking .* back: ${why.source}`, 'm'));
    assert.match(command(server, 'releases', 'shop').stdout,
      new RegExp(`^\\* shop@1\\.0\\.0.*by automatic, rolled back: ${why.source}`, 'm'));
    assert.deepEqual((await ask(server, 1))[0], { data: { stock: 1 } });
    const log = fs.readFileSync(path.join(server.data, 'log/requests.log'), 'utf8');
    assert.match(log, /"msg":"release taken back","release":"shop@1\.1\.0/);
  });

  test('that refuses what callers ask for, or fails now and then, stays', async () => {
    const name = await pushed(server, 'shop',
      shop('1.2.0', 'if args.n == 1 then fail("not you") end if args.n == 2 then error("x") end return 1'));
    await ask(server, 30, 1);
    await ask(server, 30, 3);
    await ask(server, 10, 2);
    await sleep(500);
    assert.equal(await served(server), name);
  });

  test('is not taken back where policy says so, nor when it is saved by a developer', async () => {
    const policy = path.join(server.folder, 'policy.lua');
    fs.writeFileSync(policy, 'app "shop" { rollback = false }\n');
    const name = await pushed(server, 'shop', shop('1.3.0', 'error("never")'));
    await ask(server, 40);
    await sleep(500);
    assert.equal(await served(server), name);
    fs.rmSync(policy);
    assert.equal(await server.reload(() => server.save('shop', shop('1.4.0', 'error("in work")'))), null);
    await ask(server, 40);
    await sleep(500);
    assert.match(await served(server), /shop@1\.4\.0/);
  });

  test('is taken back at the share of errors that policy sets, also when it was saved', async () => {
    fs.writeFileSync(path.join(server.folder, 'policy.lua'),
      'app "shop" { rollback = { errors = 0.05, requests = 10, within = "30s" } }\n');
    const saved = (version, body) => {
      server.save('shop', shop(version, body));
      return until(version, async () => (await served(server)).startsWith(`shop@${version}`) && served(server));
    };
    const before = await saved('1.5.0', 'return 5');
    await saved('1.6.0', 'if args.n == 2 then error("x") end return 6');
    await ask(server, 9, 3);
    await ask(server, 3, 2);
    await until('the release before', async () => await served(server) === before);
    const [current] = (await releases(server, 'shop')).filter((one) => one.current);
    assert.match(current.why, /policy: at most 5 % of 10 and more/);
    await saved('1.7.0', 'error("at last")');
    server.child.kill('SIGTERM');
    await server.ended;
    server.launch();
    await server.ready();
    await ask(server, 40);
    await sleep(500);
    assert.match(await served(server), /shop@1\.7\.0/); // a start brings nothing new
  });
});
