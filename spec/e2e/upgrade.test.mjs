// A new program takes the place of the old one, while it serves.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Load, refusals } from './support/load.mjs';
import { bin, isAlive, lunette, request, root, Server, sleep, temporaryFolder, until } from './support/server.mjs';

const APP = `app "shop" { version = "1.0.0" }
model "Product" { fields = { sku = text { required = true } } }
access "Product" { public = "all" }
`;
const QUERY = '{ products(first: 5) { sku } }';

/** Requests over HTTP/2, on as many connections as `clients`, one at a time each. */
class Load2 {
  #over = false;
  answers = [];
  failures = [];
  goodbyes = 0;

  constructor(t, server, clients) {
    this.loops = Array.from({ length: clients }, () => this.#client(server.url));
    t.after(() => this.stop());
  }

  async #client(url) {
    let session;
    while (!this.#over) {
      if (!session || session.closed || session.destroyed) {
        session = http2.connect(url);
        session.on('error', (error) => this.failures.push(error.message));
        session.on('goaway', (code) => {
          this.goodbyes++;
          if (code !== 0) this.failures.push(`goodbye ${code}`);
        });
      }
      await this.#one(session).catch((error) => this.failures.push(error.message));
    }
    if (session.destroyed) return;
    const closed = once(session, 'close');
    session.close();
    await closed;
  }

  #one(session) {
    return new Promise((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': '/graphql', 'content-type': 'application/json' });
      let status;
      let text = '';
      stream.on('response', (headers) => (status = headers[':status']));
      stream.setEncoding('utf8').on('data', (part) => (text += part));
      stream.on('error', reject);
      stream.on('end', () => {
        this.answers.push({ status, text });
        resolve();
      });
      stream.end(JSON.stringify({ query: QUERY }));
    });
  }

  async stop() {
    this.#over = true;
    await Promise.all(this.loops);
  }
}

describe('an upgrade', () => {
  let server;
  let folder;
  let program;
  before(async () => {
    // A program of its own that can be replaced as a package would do it.
    folder = temporaryFolder();
    program = path.join(folder, 'lunette');
    fs.copyFileSync(bin, program);
    server = new Server({ apps: { shop: APP }, args: ['--workers', '2'], program,
      env: { LUNETTE_LUA: path.join(root, 'lua'), LUNETTE_MODULES: path.join(root, 'modules') } });
    server.launch();
    await server.ready();
    await server.ask('mutation { createProduct(data: { sku: "one" }) { sku } }');
  });
  after(() => server.down());

  const replace = (from) => {
    fs.copyFileSync(from, `${program}.new`);
    fs.chmodSync(`${program}.new`, 0o755);
    fs.renameSync(`${program}.new`, program);
  };
  const upgrade = () => lunette(['upgrade', '--data', server.data]);

  test('under load fails no request and cuts no connection, and keeps the database', async (t) => {
    const before = server.status();
    const one = new Load(t, server, { clients: 8, query: QUERY, user: null });
    const two = new Load2(t, server, 8);
    await until('load', () => one.count() > 100 && two.answers.length > 100);
    for (let round = 1; round <= 2; round++) {
      replace(bin);
      const run = upgrade();
      assert.deepEqual([run.code, run.stdout], [0, 'upgraded\n'], run.stderr);
      const now = server.status();
      assert.equal(now.upgrade.done, round);
      assert.equal(now.pids.supervisor, before.pids.supervisor);
      assert.equal(now.pids.postgres, before.pids.postgres);
      assert.equal(now.started, before.started);
      assert.equal(fs.readlinkSync(`/proc/${now.pids.supervisor}/exe`), program);
      for (const { pid } of now.workers) {
        assert.equal(fs.readlinkSync(`/proc/${pid}/exe`), program);
      }
      const count = one.count();
      await until('more answers', () => one.count() > count + 100);
    }
    await until('the end of the old workers', () => before.workers.every(({ pid }) => !isAlive(pid)));
    await one.stop();
    await two.stop();
    assert.deepEqual(one.failures.map(({ error }) => error.message), []);
    assert.deepEqual(refusals(one.answers), []);
    assert.deepEqual(two.failures, []);
    assert.deepEqual(refusals(two.answers), []);
    assert.ok(two.goodbyes >= 16, `${two.goodbyes} goodbyes`);
  });

  test('leaves a server that goes on as before', async () => {
    const pid = server.status().pids.workers[0];
    process.kill(pid, 'SIGKILL');
    await until('a new worker', () => server.status().workers.every((one) => one.state === 'ready' && one.pid !== pid));
    server.save('shop', APP.replace('sku =', 'name = text {}, sku ='));
    await until('the new field', async () => !(await server.ask('{ products { name } }')).errors);
    const { postgres } = server.status().pids;
    process.kill(postgres, 'SIGKILL');
    await until('another database', () => ![postgres, null].includes(server.status().pids.postgres));
    await until('its answers', async () => !(await server.ask(QUERY)).errors);
    assert.ok(!isAlive(postgres));
  });

  test('to a program that cannot start is refused, and nothing changes', async () => {
    const before = server.status();
    replace('/bin/false');
    const run = upgrade();
    assert.equal(run.code, 1);
    assert.match(run.stderr, /lunette: the new program cannot start \(status 1\)/);
    fs.writeFileSync(program, 'not a program');
    assert.match(upgrade().stderr, /lunette: the new program cannot /);
    const now = server.status();
    assert.deepEqual(now.pids, before.pids);
    assert.equal(now.upgrade.refused, 2);
    assert.match(now.upgrade.last_error, /the new program cannot /);
    assert.ok(!(await server.ask(QUERY)).errors);
    replace(bin);
    assert.equal(upgrade().code, 0);
    assert.equal(server.status().upgrade.last_error, null);
  });

  test('is not what SIGUSR1 asks for, and that ends nothing', async () => {
    const before = server.status();
    process.kill(before.pids.supervisor, 'SIGUSR1');
    await sleep(300);
    assert.deepEqual(server.status().pids, before.pids);
    assert.equal(server.status().upgrade.done, before.upgrade.done);
  });
});

test('a client that asks once a second is not cut by a replacement', async () => {
  const server = await Server.start({ apps: { shop: APP }, args: ['--workers', '1', '--drain-ms', '4s'] });
  const session = http2.connect(server.url);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path_) => request(`${server.url}${path_}`, { agent, headers: { accept: 'application/json' } });
  assert.equal((await ask('/.well-known/jwks.json')).status, 200);
  const [{ pid }] = server.status().workers;
  assert.equal(lunette(['upgrade', '--data', server.data]).code, 0);
  await sleep(1000);
  const last = await ask('/.well-known/jwks.json');
  assert.deepEqual([last.status, last.headers.connection], [200, 'close']);
  if (!session.destroyed) await once(session, 'close'); // an error would reject
  await until('its end', () => !isAlive(pid));
  agent.destroy();
  await server.down();
});

test('upgrade without a server says so', () => {
  const run = lunette(['upgrade', '--data', path.join(temporaryFolder(), 'data')]);
  assert.deepEqual([run.code, run.stderr], [1, 'lunette: not running\n']);
});
