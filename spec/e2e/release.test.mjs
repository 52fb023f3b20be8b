// Releases are pushed, switched and gone back to while the server answers.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { appFolder, Clients, command, ops, push, pushed, releases, rollback }
  from './support/releases.mjs';
import { isAlive, Server, sleep, until } from './support/server.mjs';

// LUNETTE_PUSHES=100 is the full run.
const PUSHES = Number(process.env.LUNETTE_PUSHES ?? 10);

const BASE = `app "base" { version = "1.0.0" }
role "developer" {}
role "lead" { implies = { "developer" } }
model "User" {
  fields = {
    login = text { required = true, unique = true, size = 100 },
    active = bool { required = true, default = true },
    roles = list(text),
  },
}
access "User" { admin = "all" }`;

const shop = (version, fields = '', more = '') => `app "shop" { version = "${version}" }
model "Item" {
  fields = {
    name = text { required = true, unique = true, size = 50 },
${fields}  },
}
access "Item" { public = "all" }
${more}`;

const NOTE = '    note = text { size = 30 },\n';
const served = async (server) => (await server.post('{ __typename }')).headers['lunette-release'];
const tables = (server) => server.sql("select string_agg(table_schema || '.' || table_name || '.' || column_name,"
  + " ' ' order by 1) from information_schema.columns where table_schema in ('shop', 'base')");

describe('a release', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { base: BASE, shop: shop('1.0.0') },
      args: ['--workers', '2', '--releases-keep', '12'] });
    server.sql(`insert into base."user" (id, login, active, roles, version) values
      (gen_random_uuid(), 'dev', true, '{base.developer}', 1),
      (gen_random_uuid(), 'lead', true, '{base.lead}', 1),
      (gen_random_uuid(), 'clerk', true, '{}', 1)`);
  });
  after(() => server?.down());

  test('is pushed by command, with its steps, and listed', async () => {
    const run = command(server, 'push', 'shop', '--note', 'remarks', '--apps',
      appFolder('shop', shop('1.1.0', NOTE)));
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /alter table "shop"."item" add column if not exists "note"/);
    assert.match(run.stdout, /^released shop@1\.1\.0\+[0-9a-f]{8} in \d+ ms$/m);
    assert.match(await served(server), /shop@1\.1\.0\+/);
    await server.dataOf('mutation { createItem(data: { name: "nail", note: "steel" }) { id } }');
    const list = command(server, 'releases', 'shop').stdout.trim().split('\n');
    assert.match(list[0], /^\* shop@1\.1\.0\+\w{8} +pushed \S+ by admin.*: remarks$/);
    assert.match(list[1], /^ {2}shop@1\.0\.0\+\w{8} +pushed \S+ by files/);
  });

  test('is gone back to, and its tables stay as they are', async () => {
    const before = tables(server);
    const run = command(server, 'rollback', 'shop');
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^rolled back to shop@1\.0\.0\+/m);
    assert.match(await served(server), /shop@1\.0\.0\+/);
    assert.match((await server.ask('{ items { note } }')).errors[0].message, /Cannot query field "note"/);
    await server.dataOf('mutation { createItem(data: { name: "screw" }) { id } }');
    assert.equal(tables(server), before);
    assert.equal(server.sql("select note from shop.item where name = 'nail'"), 'steel');
  });

  test('may be named by version or hash', async () => {
    const [, old] = (await releases(server, 'shop'));
    assert.equal(old.version, '1.1.0');
    assert.equal((await rollback(server, 'shop', '1.1.0')).json.release, old.release);
    assert.equal((await rollback(server, 'shop', '1.0.0')).status, 200);
    assert.equal((await rollback(server, 'shop', old.hash)).json.release, old.release);
    const { status, json } = await rollback(server, 'shop', '7.7.7');
    assert.equal(status, 422);
    assert.match(json.message, /no release '7.7.7' of 'shop'/);
    assert.match((await rollback(server, 'shp')).json.message, /did you mean 'shop'/);
  });

  test('stays when the server starts again, until the file changes', async () => {
    const before = await served(server);
    assert.match(before, /shop@1\.1\.0\+/);
    server.child.kill('SIGTERM');
    await server.ended;
    server.launch();
    await server.ready();
    assert.equal(await served(server), before);
    assert.equal(await server.reload(() => server.save('shop', shop('1.2.0', NOTE))), null);
    assert.match(await served(server), /shop@1\.2\.0\+/);
    assert.equal((await releases(server, 'shop'))[0].pushed_by, 'files');
  });

  const good = NOTE;
  const refused = {
    'with a broken syntax': [`${shop('2.0.0', good)}\nmodel "`, /apps\/shop\/app.lua:\d+/, /unfinished string/],
    'that fails while it is loaded': [`${shop('2.0.0', good)}\nerror("not today")`,
      /apps\/shop\/app.lua:10/, /not today/],
    'that uses a module it was not granted': [shop('2.0.0', good).replace('version = "2.0.0"',
      'version = "2.0.0", uses = { "csv" }'), /apps\/shop\/app.lua:1/, /csv/],
    'whose model clashes with that of another app': [shop('2.0.0', good, `model "User" {
      fields = { name = text {} } }
      access "User" { public = "all" }`), /apps\/\w+\/app.lua:\d+/, /User/],
    'without an app it depends on': [shop('2.0.0', good).replace('{ version', '{ depends = { "stock" }, version'),
      /apps\/shop\/app.lua:1/, /stock/],
    'of an app with another name': [shop('2.0.0', good).replace('app "shop"', 'app "shopp"'),
      /apps\/shop\/app.lua:1/, /shopp/],
  };
  for (const [kind, [text, place, reason]] of Object.entries(refused)) {
    test(`${kind} is refused with file and line, and changes nothing`, async () => {
      const before = [await served(server), tables(server)];
      const { status, json } = await push(server, 'shop', text);
      assert.equal(status, 422);
      const found = json.errors.filter(({ message }) => reason.test(message));
      assert.ok(found.length > 0, JSON.stringify(json));
      assert.match(`${found[0].file}:${found[0].line}`, place);
      assert.deepEqual([await served(server), tables(server)], before);
    });
  }

  const tested = (version, expected) => shop(version, good, `
query "count" { returns = int, by = "public", run = function() return #find("Item", {}) end }
test "items are counted" (function(t)
  create("Item", { name = "bolt" })
  t:equal(#find("Item", { name = "bolt" }), ${expected})
end)`);

  test('whose tests fail is refused with the place, and changes nothing', async () => {
    const before = [await served(server), tables(server)];
    const { status, json } = await push(server, 'shop', tested('2.0.0', 2).replace(NOTE, `${NOTE} more = int {},`));
    assert.equal(status, 422, JSON.stringify(json));
    const [error] = json.errors;
    assert.match(error.message, /test 'items are counted' failed: .*got 1, expected 2/);
    assert.equal(`${error.file}:${error.line}`, 'apps/shop/app.lua:13');
    assert.deepEqual([await served(server), tables(server)], before);
    const good = await push(server, 'shop', tested('1.9.0', 1));
    assert.equal(good.status, 200, JSON.stringify(good.json));
    assert.equal(good.json.tests, '1 tests passed');
    assert.equal(server.sql("select count(*) from shop.item where name = 'bolt'"), '0');
  });

  test('that would lose data asks, and is run as it was confirmed', async () => {
    const lossy = shop('2.0.0');
    const state = [await served(server), tables(server)];
    const { status, json } = await push(server, 'shop', lossy);
    assert.equal(status, 409);
    assert.deepEqual(json.confirm.losses, ['shop.item.note']);
    assert.match(json.confirm.steps.join(), /drop column if exists "note"/);
    assert.match(`${json.errors[0].file}:${json.errors[0].line}`, /apps\/shop\/app.lua:\d+/);
    assert.equal((await push(server, 'shop', lossy, { confirm: 'f00' })).status, 409);
    const folder = appFolder('shop', lossy);
    const run = command(server, 'push', 'shop', '--apps', folder);
    assert.equal(run.code, 1);
    assert.match(run.stdout, /the values of shop.item.note are lost/);
    assert.match(run.stderr, /nothing was done/);
    assert.deepEqual([await served(server), tables(server)], state);
    const yes = command(server, 'push', 'shop', '--yes', '--apps', folder);
    assert.equal(yes.code, 0, yes.stderr);
    assert.match(await served(server), /shop@2\.0\.0\+/);
    assert.doesNotMatch(tables(server), /shop.item.note/);
  });

  test('that the tables do not fit any more cannot be gone back to, and it is said why', async () => {
    const state = [await served(server), tables(server)];
    const { status, json } = await rollback(server, 'shop', '1.1.0');
    assert.equal(status, 422);
    assert.match(json.message, /column shop.item.note is not in the database any more/);
    assert.deepEqual([await served(server), tables(server)], state);
  });

  test('is for those whom policy lets push, with a token that is good', async () => {
    const policy = path.join(server.folder, 'policy.lua');
    const text = shop('2.0.1');
    const as = async (user, roles) => (await push(server, 'shop', text, { user, roles })).status;
    assert.equal((await push(server, 'shop', text, { user: null })).status, 401);
    assert.equal((await push(server, 'shop', text, { token: `${server.token('admin')}x` })).status, 401);
    assert.equal(await as('dev'), 403);
    fs.writeFileSync(policy, 'app "shop" { push = { roles = { "base.developer" }, logins = { "clerk" } } }\n');
    assert.equal(await as('dev', ['base.lead']), 403);
    assert.match(await served(server), /shop@2\.0\.0\+/);
    assert.equal(await as('dev'), 200);
    assert.match(await served(server), /shop@2\.0\.1\+/);
    assert.equal((await releases(server, 'shop'))[0].pushed_by, 'dev');
    assert.equal(await as('lead'), 200);
    assert.equal(await as('clerk'), 200);
    assert.equal((await push(server, 'base', BASE, { user: 'dev' })).status, 403);
    fs.rmSync(policy);
  });

  test('does not come by a path that leads out of its app', async () => {
    for (const name of ['../base/app.lua', '/etc/x.lua', 'a/../../b.lua', '.hidden.lua', '']) {
      const { status, json } = await push(server, 'shop', { 'app.lua': shop('3.0.0'), [name]: '' });
      assert.equal(status, 422, name);
      assert.match(json.message, /no path below the app/);
    }
    for (const body of [[], { app: 1 }, { app: 'shop', files: 'x' }, { app: 'shop', files: [1] }]) {
      assert.ok((await ops(server, '/push', { body })).status >= 400, JSON.stringify(body));
    }
    assert.match(await served(server), /shop@2\.0\.1\+/);
  });

  test('brings an app that was not there, with its starting data', async () => {
    const name = await pushed(server, 'staff', {
      'app.lua': 'app "staff" { version = "0.1.0" }',
      'models/person.lua': `model "Person" { fields = { name = text { unique = true } } }
        access "Person" { public = "all" }`,
      'data/person.csv': 'name\nAnn\nBob\n',
    });
    assert.match(name, /^staff@0\.1\.0\+/);
    assert.deepEqual((await server.dataOf('{ persons(orderBy: name_ASC) { name } }')).persons,
      [{ name: 'Ann' }, { name: 'Bob' }]);
    assert.equal(await server.reload(() => server.save('shop', shop('3.0.0'))), null);
    assert.match(await served(server), /shop@3\.0\.0\+\w+,staff@0\.1\.0\+/);
  });

  test(`pushed ${PUSHES} times under 64 clients fails no request and never comes back`, async (t) => {
    const order = [await served(server)];
    const clients = new Clients(t, server, { clients: 64, query: '{ items { name } }' });
    const switches = [];
    await sleep(200);
    for (let i = 1; i <= PUSHES; i++) {
      await pushed(server, 'shop', shop(`4.0.${i}`));
      const at = performance.now();
      order.push(await served(server));
      switches.push({ at, release: order.at(-1) });
      await sleep(20);
    }
    switches.push({ at: performance.now() });
    const late = [];
    await clients.stop();
    for (const [i, { at, release }] of switches.slice(0, -1).entries()) {
      assert.match(release, new RegExp(`shop@4\\.0\\.${i + 1}\\+`));
      // What was asked for after the push was answered, and before the next one.
      late.push(...clients.late(at, Math.min(at + 15, switches[i + 1].at), release));
    }
    assert.deepEqual(clients.failures, []);
    assert.deepEqual(clients.returns(order), []);
    assert.deepEqual(late, []);
    assert.ok(clients.asked > PUSHES * 64, `${clients.asked} requests`);
    assert.equal(server.sql("select count(*) from lunette.release where app = 'shop'"), '12');
    t.diagnostic(`${PUSHES} pushes, ${clients.asked} requests, 0 failed`);
  });

  test('is one everywhere after a worker was killed before its commit', async (t) => {
    const clients = new Clients(t, server, { clients: 8, pause: 5 });
    for (let i = 1; i <= 4; i++) {
      const [victim] = server.status().pids.workers;
      // Stopped, it cannot prepare: the switch waits until it is killed.
      process.kill(victim, 'SIGSTOP');
      const done = pushed(server, 'shop', shop(`5.0.${i}`));
      await sleep(150);
      assert.doesNotMatch(server.status().releases.find(({ app }) => app === 'shop').version,
        new RegExp(`5\\.0\\.${i}`));
      process.kill(victim, 'SIGKILL');
      assert.match(await done, new RegExp(`shop@5\\.0\\.${i}\\+`));
      await until('a successor', () => !isAlive(victim)
        && server.status().workers.every(({ state }) => state === 'ready'));
      const answers = await Promise.all(Array.from({ length: 20 }, () => served(server)));
      assert.match(answers[0], new RegExp(`shop@5\\.0\\.${i}\\+`));
      assert.equal(new Set(answers).size, 1);
    }
    await clients.stop();
  });

  test('that no worker survives loading is refused', async () => {
    const before = await served(server);
    const victims = server.status().pids.workers;
    victims.forEach((pid) => process.kill(pid, 'SIGSTOP'));
    const done = push(server, 'shop', shop('6.0.0'));
    await sleep(200);
    victims.forEach((pid) => process.kill(pid, 'SIGKILL'));
    const { status, json } = await done;
    assert.equal(status, 422);
    assert.match(json.message, /the workers died while they loaded the release/);
    await until('successors', () => server.status().workers.every(({ state, pid }) =>
      state === 'ready' && !victims.includes(pid)));
    assert.equal(await served(server), before);
    assert.match(await pushed(server, 'shop', shop('6.0.1')), /^shop@6\.0\.1/);
  });
});
