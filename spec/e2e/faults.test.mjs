// What is killed comes back, and what was accepted is answered.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Load, refusals } from './support/load.mjs';
import { isAlive, lunette, Server, sleep, until, within } from './support/server.mjs';

const APP = `app "bank" { version = "1.0.0" }
model "Account" { fields = {
  number  = text { required = true, unique = true, size = 20 },
  balance = int { required = true, default = 0 },
} }
access "Account" { public = "all" }
`;
const READ = '{ accounts(first: 5) { number balance } }';
const write = (n) => `mutation { createAccount(data: { number: "w${n}" }) { number } }`;

/** Client ports of the connections that process `pid` has accepted at `port`. */
function connectionsOf(pid, port) {
  const inodes = new Set(fs.readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1];
    } catch {
      return undefined;
    }
  }));
  const ports = [];
  for (const line of fs.readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1)) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
    if (inodes.has(inode) && parseInt(local.split(':')[1], 16) === port) {
      ports.push(parseInt(remote.split(':')[1], 16));
    }
  }
  return new Set(ports);
}

const workersReady = (server, count) => {
  const { workers } = server.status();
  return workers.length === count && workers.every((one) => one.state === 'ready') && workers;
};

describe('a worker that is killed', () => {
  let server;
  before(async () => { server = await Server.start({ apps: { bank: APP }, args: ['--workers', '2'] }); });
  after(() => server.down());

  test('fails its own requests only, and is replaced', async (t) => {
    for (let round = 0; round < 3; round++) {
      const load = new Load(t, server, { clients: 12, query: READ });
      await until('load', () => load.count() > 100);
      const [victim, other] = server.status().workers.map((one) => one.pid);
      const { ports: { http: port } } = server.status();
      const others = connectionsOf(other, port);
      const own = connectionsOf(victim, port);
      assert.ok(own.size > 0 && others.size > 0, `${own.size} and ${others.size} connections`);
      process.kill(victim, 'SIGKILL');
      const workers = await until('two workers', () => {
        const now = workersReady(server, 2);
        return now && now.every((one) => one.pid !== victim) && now;
      }, 10);
      assert.ok(workers.some((one) => one.pid === other), 'the other worker is still there');
      const answered = load.count();
      await until('more answers', () => load.count() > answered + 100);
      const { answers, failures } = await load.stop();
      assert.deepEqual(refusals(answers), []);
      assert.ok(failures.length <= own.size, `${failures.length} failures, ${own.size} connections`);
      for (const { port: at, error } of failures) {
        assert.ok(!others.has(at), `a request of the other worker failed: ${error.message}`);
      }
    }
  });

  test('while it writes leaves nothing half done, and loses nothing it answered', async (t) => {
    const load = new Load(t, server, { clients: 8, query: (n) => `mutation {
      createAccount(data: { number: "k${n}" }) { number } }` });
    for (let round = 0; round < 3; round++) {
      const seen = load.count();
      await until('writes', () => load.count() > seen + 50);
      process.kill(server.status().workers[round % 2].pid, 'SIGKILL');
      await until('two workers', () => workersReady(server, 2));
    }
    const { answers } = await load.stop();
    assert.deepEqual(refusals(answers), []);
    const kept = new Set((await server.dataOf(
      '{ accounts(where: { number_starts_with: "k" }) { number } }')).accounts.map((one) => one.number));
    const lost = answers.map(({ text }) => JSON.parse(text).data.createAccount.number)
      .filter((number) => !kept.has(number));
    assert.deepEqual(lost, []);
  });

  test('over and over is not given up', async () => {
    for (let i = 0; i < 5; i++) {
      // The status may still name the one that has just been killed.
      const [{ pid }] = await until('two live workers', () => {
        const workers = workersReady(server, 2);
        return workers && workers.every((one) => isAlive(one.pid)) && workers;
      });
      process.kill(pid, 'SIGKILL');
      await until('its end', () => !isAlive(pid));
    }
    await until('two workers', () => workersReady(server, 2), 30);
    await server.dataOf(READ);
    const metrics = await (await fetch(`${server.ops}/metrics`)).text();
    assert.match(metrics, /lunette_worker_restarts_total\{worker="0"\} [1-9]/);
  });
});

describe('the database', () => {
  let server;
  before(async () => { server = await Server.start({ apps: { bank: APP }, args: ['--workers', '2'] }); });
  after(async () => {
    const { postgres } = server.status().pids;
    await server.down();
    assert.ok(!isAlive(postgres), 'PostgreSQL was left behind');
  });

  const restartUnder = async (t, query, restart) => {
    const before = server.status();
    const load = new Load(t, server, { clients: 8, query });
    await until('load', () => load.count() > 100);
    await restart(before.pids.postgres);
    const now = await until('another postmaster', () => {
      const { pids } = server.status();
      return pids.postgres && pids.postgres !== before.pids.postgres && pids;
    });
    const answered = load.count();
    await until('service', () => load.count() > answered + 100);
    const { answers, failures } = await load.stop();
    assert.deepEqual(failures, [], 'no connection was cut');
    assert.deepEqual(now.workers, before.pids.workers);
    assert.ok(server.status().workers.every((one) => one.restarts === 0));
    for (const { status, headers, text } of answers) {
      assert.ok(status === 200 ? !text.includes('"errors"') : status === 503, `${status} ${text}`);
      if (status === 503) assert.match(headers['retry-after'], /^\d+$/);
    }
    return answers;
  };

  test('restarted under reads is waited for or said to be away', async (t) => {
    await restartUnder(t, READ, (pid) => process.kill(pid, 'SIGINT'));
  });

  test('killed under reads comes back', async (t) => {
    await restartUnder(t, READ, (pid) => process.kill(pid, 'SIGKILL'));
  });

  test('restarted by an operator with pg_ctl is found again', async (t) => {
    const data = path.join(server.data, 'postgres');
    const { uid, gid } = fs.statSync(fs.realpathSync(data));
    for (let turn = 0; turn < 2; turn++) {
      await restartUnder(t, READ, (pid) => new Promise((resolve) => {
        const pgCtl = path.join(path.dirname(fs.readlinkSync(`/proc/${pid}/exe`)), 'pg_ctl');
        spawn(pgCtl, ['restart', '-D', data, '-m', 'fast', '-w', '-s'],
          { uid, gid, cwd: '/', stdio: 'ignore' }).on('exit', resolve);
      }));
      const { postgres } = server.status().pids;
      assert.ok(isAlive(postgres));
    }
  });

  test('restarted under writes loses none that was answered', async (t) => {
    const before = server.status().pids;
    const load = new Load(t, server, { clients: 8, query: write });
    for (const signal of ['SIGINT', 'SIGQUIT']) {
      const seen = load.count();
      await until('writes', () => load.count() > seen + 50);
      const { postgres } = server.status().pids;
      process.kill(postgres, signal);
      await until('another postmaster', () => {
        const { pids } = server.status();
        return pids.postgres && pids.postgres !== postgres;
      });
      const answered = load.count();
      await until('service', () => load.count() > answered + 50);
    }
    const { answers, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.deepEqual(server.status().pids.workers, before.workers);
    const done = [];
    for (const { status, headers, text } of answers) {
      const { data, errors } = JSON.parse(text);
      if (status === 200) {
        assert.equal(errors, undefined, text);
        done.push(data.createAccount.number);
      } else {
        assert.equal(status, 503, text);
        assert.match(headers['retry-after'], /^\d+$/);
        assert.match(errors[0].extensions.code, /^(UNAVAILABLE|OUTCOME_UNKNOWN)$/);
      }
    }
    const kept = new Set((await server.dataOf(
      '{ accounts(where: { number_starts_with: "w" }) { number } }')).accounts.map((one) => one.number));
    assert.deepEqual(done.filter((number) => !kept.has(number)), []);
  });

  test('that stays away is answered with 503 and Retry-After, and readyz says no', async () => {
    const { pids } = server.status();
    // The supervisor cannot start it again while it is stopped.
    process.kill(pids.supervisor, 'SIGSTOP');
    try {
      process.kill(pids.postgres, 'SIGQUIT');
      await until('the end of PostgreSQL', () => !isAlive(pids.postgres));
      for (const query of [READ, write('away')]) {
        const answer = await server.post(query);
        assert.equal(answer.status, 503, answer.text);
        assert.match(answer.headers['retry-after'], /^\d+$/);
        assert.equal(answer.json.errors[0].extensions.code, 'UNAVAILABLE');
        assert.ok(answer.headers['lunette-release']);
      }
      // What needs no database is answered as ever.
      assert.equal((await server.post('{ __typename }')).status, 200);
    } finally {
      process.kill(pids.supervisor, 'SIGCONT');
    }
    await until('service', async () => (await server.post(READ)).status === 200);
    await until('readiness', async () => (await fetch(`${server.ops}/readyz`)).status === 200);
    assert.deepEqual(server.status().pids.workers, pids.workers);
    assert.equal((await server.dataOf(
      '{ accounts(where: { number: "waway" }) { number } }')).accounts.length, 0);
  });
});

describe('a second start', () => {
  test('on the data of a running server is refused and says who has it', async (t) => {
    const server = await Server.start({ apps: { bank: APP } });
    t.after(() => server.down());
    const second = lunette(['up', '--apps', server.apps, '--data', server.data, '--port', '0']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /running|in use/);
    assert.match(second.stderr, new RegExp(`\\b${server.status().pids.supervisor}\\b`));
    await server.dataOf(READ);
  });

  test('on a port that is taken is refused and names it', async (t) => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    t.after(() => holder.close());
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address();
    const server = new Server({ apps: { bank: APP }, port });
    server.launch();
    const { code } = await within(60, server.ended);
    assert.equal(code, 1);
    assert.match(server.output,
      new RegExp(`cannot listen on '127\\.0\\.0\\.1:${port}': address already in use; --port N`));
    assert.equal(lunette(['status', '--data', server.data]).code, 3);
    fs.rmSync(server.folder, { recursive: true, maxRetries: 20, retryDelay: 100 });
  });

  test('after kill -9 of the supervisor goes on with the data', async (t) => {
    const server = await Server.start({ apps: { bank: APP } });
    t.after(() => server.down());
    await server.dataOf('mutation { createAccount(data: { number: "kept", balance: 7 }) { id } }');
    const { pids, ports } = server.status();
    process.kill(pids.supervisor, 'SIGKILL');
    await server.ended;
    server.port = ports.http;
    server.launch();
    await server.ready();
    assert.deepEqual(await server.dataOf('{ accounts { number balance } }'),
      { accounts: [{ number: 'kept', balance: 7 }] });
    const now = server.status().pids;
    for (const pid of [...pids.workers, pids.postgres]) {
      await until(`the end of the old process ${pid}`, () => !isAlive(pid));
    }
    assert.notEqual(now.postgres, pids.postgres);
    await server.dataOf('mutation { createAccount(data: { number: "more" }) { id } }');
  });

  test('after the supervisor was killed finds nothing running when asked to stop', async (t) => {
    const server = await Server.start({ apps: { bank: APP } });
    t.after(() => fs.rmSync(server.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
    const { pids } = server.status();
    process.kill(pids.supervisor, 'SIGKILL');
    await server.ended;
    const down = lunette(['down', '--data', server.data]);
    assert.equal(down.code, 0, down.stderr);
    for (const pid of [...pids.workers, pids.postgres, pids.nats]) {
      if (pid) await until(`the end of ${pid}`, () => !isAlive(pid));
    }
    assert.equal(lunette(['status', '--data', server.data]).code, 3);
  });
});

describe('SIGTERM under load', () => {
  test('answers every request that was sent before it', async (t) => {
    const server = await Server.start({ apps: { bank: APP }, args: ['--workers', '2'] });
    const { pids } = server.status();
    const load = new Load(t, server, { clients: 24, query: write });
    await until('load', () => load.count() > 200);
    const mark = Date.now();
    process.kill(pids.supervisor, 'SIGTERM');
    const { code } = await within(60, server.ended);
    assert.equal(code, 0, server.output);
    const { answers, failures } = await load.stop();
    assert.deepEqual(refusals(answers), []);
    assert.deepEqual(failures.filter(({ at }) => at < mark).map(({ error }) => error.message), []);
    // Later ones find nobody there; none was cut in the middle of its answer.
    for (const { error } of failures) assert.notEqual(error.message, 'answer was cut');
    for (const pid of [...pids.workers, pids.postgres, pids.nats]) {
      assert.ok(!pid || !isAlive(pid), `${pid} is still there`);
    }
    const again = new Server({ apps: { bank: APP }, folder: server.folder });
    again.launch();
    await again.ready();
    t.after(() => again.down());
    const kept = new Set((await again.dataOf('{ accounts { number } }')).accounts.map((one) => one.number));
    assert.deepEqual(answers.map(({ text }) => JSON.parse(text).data.createAccount.number)
      .filter((number) => !kept.has(number)), []);
  });

  test('of one worker loses no request, and another takes its place', async (t) => {
    const server = await Server.start({ apps: { bank: APP }, args: ['--workers', '2'] });
    t.after(() => server.down());
    const load = new Load(t, server, { rate: 200, query: READ });
    await until('load', () => load.count() > 50);
    const [{ pid }] = server.status().workers;
    const mark = Date.now();
    process.kill(pid, 'SIGTERM');
    await until('two workers', () => {
      const now = workersReady(server, 2);
      return now && now.every((one) => one.pid !== pid);
    });
    const answered = load.count();
    await until('more answers', () => load.count() > answered + 100);
    const { answers, failures } = await load.stop();
    assert.deepEqual(refusals(answers), []);
    assert.deepEqual(failures.map(({ error, at }) => `${error.message} ${at - mark} ms after`), []);
  });

  test('while it starts ends it, and the next start finishes what it began', async () => {
    for (const delay of [0, 100, 400, 1000, 2000]) {
      const server = new Server({ apps: { bank: APP } });
      server.launch();
      await sleep(delay);
      server.child.kill('SIGTERM');
      assert.ok(await within(60, server.ended), 'it ends');
      server.launch();
      await server.ready();
      await server.dataOf(READ);
      await server.down();
    }
  });
});
