// Several nodes on one database serve the same releases; each switches whole.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Clients, command, push, pushed, releases, rollback } from './support/releases.mjs';
import { isAlive, request, Server, sleep, until } from './support/server.mjs';

const shop = (version, fields = '') => `app "shop" { version = "${version}" }
model "Item" {
  fields = {
    name = text { required = true, unique = true, size = 50 },
${fields}  },
}
access "Item" { public = "all" }`;

const served = async (server) => (await server.post('{ __typename }')).headers['lunette-release'];
const conninfo = (server) => {
  const { socket, database } = server.status();
  return `host=${socket} dbname=${database}`;
};

/** Has begun the switch that comes next, and gives it up when `release()` is called. */
function holdSwitches(server) {
  const { socket, database } = server.status();
  const child = spawn('psql', ['-h', socket, '-d', database, '-qAt'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.stdin.write("begin; insert into lunette.release_set (epoch, id, apps, by) select max(epoch) + 1, 'held', '{}',"
    + " 'nobody' from lunette.release_set; select 'held';\n");
  const held = new Promise((resolve) => child.stdout.once('data', resolve));
  return { held, release: () => { child.stdin.end('rollback;\n'); return closed; } };
}

const waits = (server) => server.sql("select count(*) from pg_stat_activity where query like '%insert into"
  + " lunette.release_set%' and wait_event_type = 'Lock' and pid <> pg_backend_pid()") === '1';

describe('a switch', () => {
  let server;
  before(async () => { server = await Server.start({ apps: { shop: shop('1.0.0') }, args: ['--workers', '3'] }); });
  after(() => server?.down());

  /** Pushes; when all workers have prepared and nothing is decided, `meanwhile`. */
  async function between(text, meanwhile) {
    const lock = holdSwitches(server);
    await lock.held;
    const done = push(server, 'shop', text);
    await until('all to be prepared', () => waits(server));
    const before = await served(server);
    await meanwhile();
    await lock.release();
    return { before, answer: await done };
  }

  const everywhere = async (release) => {
    await until('all workers', () => server.status().workers.every(({ state }) => state === 'ready'));
    const answers = await Promise.all(Array.from({ length: 40 }, () => request(`${server.url}/graphql`, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"query":"{ __typename }"}' })));
    assert.deepEqual([...new Set(answers.map(({ headers }) => headers['lunette-release']))], [release]);
  };

  test('goes on without a worker that is killed between prepare and commit', async () => {
    const [victim] = server.status().pids.workers;
    const { before, answer } = await between(shop('1.1.0'), () => process.kill(victim, 'SIGKILL'));
    assert.match(before, /shop@1\.0\.0\+/);
    assert.match(answer.json.release, /^shop@1\.1\.0\+/);
    await until('its end', () => !isAlive(victim));
    await everywhere(answer.json.release);
  });

  test('takes a worker along that has started with the old release meanwhile', async () => {
    const [victim] = server.status().pids.workers;
    const { answer } = await between(shop('1.2.0'), async () => {
      process.kill(victim, 'SIGKILL');
      await until('a successor', () => !server.status().pids.workers.includes(victim)
        && server.status().workers.every(({ state }) => state === 'ready'));
    });
    assert.match(answer.json.release, /^shop@1\.2\.0\+/);
    await everywhere(answer.json.release);
  });

  test('goes on when all workers are killed at that moment', async () => {
    const victims = server.status().pids.workers;
    const { answer } = await between(shop('1.3.0'), () => victims.forEach((pid) => process.kill(pid, 'SIGKILL')));
    assert.match(answer.json.release, /^shop@1\.3\.0\+/);
    await until('their end', () => !victims.some(isAlive));
    await everywhere(answer.json.release);
  });

  test('has happened or not when the supervisor is killed at that moment', async () => {
    const lock = holdSwitches(server);
    await lock.held;
    const lost = push(server, 'shop', shop('1.4.0')).catch((error) => error);
    await until('all to be prepared', () => waits(server));
    server.child.kill('SIGKILL');
    await lock.release();
    assert.ok(await lost instanceof Error);
    await server.ended;
    await until('the end of the workers', async () => {
      server.launch();
      await server.ready().catch(() => {});
      return /^ops http\S+$/m.test(server.output);
    });
    const hash = server.sql("select left(apps ->> 'shop', 8) from lunette.release_set order by epoch desc limit 1");
    assert.equal((await served(server)).split('+')[1], hash);
    const { json } = await push(server, 'shop', shop('1.5.0'));
    assert.match(json.release, /^shop@1\.5\.0\+/);
    await everywhere(json.release);
  });

  /** A change that waits for a lock until `free()` is called. */
  async function slowRequest() {
    const { socket, database } = server.status();
    const psql = spawn('psql', ['-h', socket, '-d', database, '-qAt'], { stdio: ['pipe', 'pipe', 'inherit'] });
    psql.stdin.write("begin; select id from shop.item where name = 'slow' for update;\n");
    await new Promise((resolve) => psql.stdout.once('data', resolve));
    const answer = server.post('mutation { updateItem(where: { name: "slow" }, data: { name: "slow" }) { name } }');
    await until('it to wait', () => server.sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
      + " and query like '%item%'") === '1');
    return { answer, free: () => psql.stdin.end('rollback;\n') };
  }

  test('to a third set waits for the requests of the first, which all answer', async () => {
    await server.dataOf('mutation { createItem(data: { name: "slow" }) { id } }');
    const first = await served(server);
    const { answer, free } = await slowRequest();
    const second = await pushed(server, 'shop', shop('1.6.0'));
    assert.equal(await served(server), second);
    let over = false;
    const third = pushed(server, 'shop', shop('1.7.0')).finally(() => (over = true));
    await sleep(300);
    assert.equal(over, false);
    assert.equal(await served(server), second);
    free();
    const { json, headers } = await answer;
    assert.deepEqual(json, { data: { updateItem: { name: 'slow' } } });
    assert.equal(headers['lunette-release'], first);
    const name = await third;
    assert.equal(await served(server), name);
  });

  test('to a third set is refused when the first one takes too long', async () => {
    server.child.kill('SIGTERM');
    await server.ended;
    server.args.push('--release-drain-ms', '300ms');
    server.launch();
    await server.ready();
    const { answer, free } = await slowRequest();
    const second = await pushed(server, 'shop', shop('1.8.0'));
    const { status, json } = await push(server, 'shop', shop('1.9.0'));
    assert.equal(status, 422);
    assert.match(json.message, /requests of the release before last are still under way/);
    assert.equal(await served(server), second);
    free();
    assert.equal((await answer).status, 200);
    assert.equal((await push(server, 'shop', shop('1.9.0'))).status, 200);
  });

  test('back to the set before loads nothing', async (t) => {
    const before = await served(server);
    await pushed(server, 'shop', shop('2.0.0', '    note = text {},\n'));
    const clients = new Clients(t, server, { clients: 16, user: null });
    const times = [];
    for (let i = 0; i < 10; i++) {
      const { status, json } = await rollback(server, 'shop');
      assert.equal(status, 200, JSON.stringify(json));
      times.push(json.switch_us / 1000);
    }
    await clients.stop();
    assert.deepEqual(clients.failures, []);
    assert.match(await served(server), /shop@2\.0\.0\+/);
    await rollback(server, 'shop');
    assert.equal(await served(server), before);
    times.sort((a, b) => a - b);
    t.diagnostic(`rollback: median ${times[5]} ms, longest ${times[9]} ms of 10`);
  });
});

describe('two nodes', () => {
  let first, second;
  before(async () => {
    first = await Server.start({ apps: { shop: shop('1.0.0') },
      args: ['--workers', '1', '--release-poll-ms', '100ms'] });
    second = await Server.start({ apps: {}, args: ['--workers', '2', '--release-poll-ms', '100ms',
      '--releases', 'database', '--database', conninfo(first)] });
  });
  after(async () => {
    await second?.down();
    await first?.down();
  });

  const follows = (server, release) => until('the other node', async () => await served(server) === release);

  test('serve the same from the start', async () => {
    assert.equal(await served(second), await served(first));
  });

  test('follow what is saved, pushed and gone back to, whichever took it', async () => {
    assert.equal(await first.reload(() => first.save('shop', shop('1.1.0', '    note = text {},\n'))), null);
    await follows(second, await served(first));
    const two = await pushed(second, 'shop', shop('1.2.0', '    note = text {},\n'));
    await follows(first, two);
    assert.deepEqual((await second.dataOf('{ items { note } }')), { items: [] });
    assert.equal((await rollback(first, 'shop')).status, 200);
    await follows(second, await served(first));
    assert.match(await served(second), /shop@1\.1\.0\+/);
    assert.equal((await releases(second, 'shop')).filter(({ current }) => current)[0].version, '1.1.0');
  });

  test('take pushes at the same time, one after the other', async () => {
    const done = await Promise.all([first, second, first, second].map((server, i) =>
      push(server, i % 2 ? 'staff' : 'shop', i % 2
        ? `app "staff" { version = "1.0.${i}" }\nmodel "Person" { fields = { name = text {} } }
           access "Person" { public = "all" }`
        : shop(`1.3.${i}`, '    note = text {},\n'))));
    assert.deepEqual(done.map(({ status }) => status), [200, 200, 200, 200], JSON.stringify(done));
    const last = await until('one release', async () => {
      const both = [await served(first), await served(second)];
      return both[0] === both[1] && both[0].includes('staff@1.0.3') && both[0].includes('shop@1.3.2') && both[0];
    });
    assert.match(last, /shop@1\.3\.2\+\w+,staff@1\.0\.3\+/);
  });

  test('a node that starts later serves what is current, not its old folder', async () => {
    const third = await Server.start({ apps: { shop: shop('1.0.0') },
      args: ['--workers', '1', '--database', conninfo(first)] });
    try {
      assert.equal(await served(third), await served(first));
    } finally {
      await third.down();
    }
  });

  test('a node whose policy refuses a release keeps its own and says so', async () => {
    fs.writeFileSync(path.join(first.folder, 'policy.lua'), 'app "shop" { modules = { "csv" } }\n');
    const before = await served(second);
    const release = await pushed(first, 'shop', shop('1.3.9', '    note = text {},\n')
      .replace('version =', 'uses = { "csv" }, version ='));
    const error = await until('its complaint', () => second.status().last_error);
    assert.match(error.message, /csv/);
    assert.equal(await served(second), before);
    assert.equal(await served(first), (await served(first)).replace(/shop@[^,]*/, release));
    const good = await pushed(first, 'shop', shop('1.3.10', '    note = text {},\n'));
    await until('the next one', async () => (await served(second)).includes(good));
    assert.equal(second.status().last_error, null);
  });

  test('a node that was away follows when it is back', async () => {
    second.child.kill('SIGTERM');
    await second.ended;
    const release = await pushed(first, 'shop', shop('1.4.0', '    note = text {},\n'));
    assert.match(release, /^shop@1\.4\.0/);
    second.launch();
    await second.ready();
    assert.equal(await served(second), await served(first));
  });
});

for (const args of [['--releases', 'database'], ['--apps', '']]) {
  test(`a server with ${args.join(' ')} waits for its first push`, async () => {
    const server = await Server.start({ apps: {}, args: ['--workers', '1', ...args] });
    try {
      assert.equal((await server.post('{ __typename }')).status, 200);
      const run = command(server, 'releases');
      assert.match(run.stderr, /there are no releases/);
      await pushed(server, 'shop', shop('1.0.0'));
      assert.deepEqual(await server.dataOf('{ items { name } }'), { items: [] });
    } finally {
      await server.down();
    }
  });
}
