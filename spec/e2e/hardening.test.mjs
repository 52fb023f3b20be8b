// What a worker may not do, seen from outside.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { lunette, sampleApps, Server, temporaryFolder, until } from './support/server.mjs';

const APP = `app "shop" { version = "1.0.0" }
model "Product" { fields = { sku = text { required = true } } }
access "Product" { public = "all" }
`;
const root = process.getuid() === 0;

/** The lines of /proc/PID/status as an object. */
const statusOf = (pid) => Object.fromEntries(fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  .trim().split('\n').map((line) => line.split(/:\s+/)));

/** As the account of a worker: whether it can read `file`. */
function canRead(uid, gid, file) {
  return spawnSync('/bin/cat', [file], { uid, gid, stdio: 'ignore' }).status === 0;
}

const sanitized = process.env.ASAN_OPTIONS !== undefined || /asan/.test(process.env.LUNETTE_BIN ?? '');

describe('a worker', () => {
  let server;
  let pids;
  before(async () => {
    server = await Server.start({ apps: { shop: APP }, args: ['--workers', '2'] });
    pids = server.status().workers.map((one) => one.pid);
  });
  after(() => server.down());

  test('takes no new rights and leaves no core file', () => {
    for (const pid of pids) {
      assert.equal(statusOf(pid).NoNewPrivs, '1');
      assert.match(fs.readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max core file size +0 +0/);
    }
  });

  test('makes its system calls through a filter', { skip: sanitized }, () => {
    for (const pid of pids) assert.equal(statusOf(pid).Seccomp, '2');
  });

  test('has tried to start a program, and was denied it', { skip: sanitized }, async () => {
    const metrics = await (await fetch(`${server.status().ops_url}/metrics`)).text();
    for (const slot of [0, 1]) {
      assert.match(metrics, new RegExp(`^lunette_worker_filtered\\{worker="${slot}"\\} 1$`, 'm'));
      assert.match(metrics, new RegExp(`^lunette_denied_calls_total\\{worker="${slot}"\\} 0$`, 'm'));
    }
  });

  test('is not root, and has no capability, when the supervisor is', { skip: !root }, () => {
    assert.equal(statusOf(server.status().pids.supervisor).Uid.split('\t')[0], '0');
    for (const pid of pids) {
      const status = statusOf(pid);
      for (const uid of status.Uid.split('\t')) assert.notEqual(uid, '0');
      for (const gid of status.Gid.split('\t')) assert.notEqual(gid, '0');
      assert.match(status.CapEff, /^0+$/);
      assert.match(status.CapPrm, /^0+$/);
    }
  });

  test('cannot read keys, settings or the state of the supervisor', { skip: !root }, () => {
    const uid = Number(statusOf(pids[0]).Uid.split('\t')[0]);
    const gid = Number(statusOf(pids[0]).Gid.split('\t')[0]);
    const key = path.join('keys', fs.readdirSync(path.join(server.data, 'keys'))[0]);
    for (const file of [key, 'worker.conf', 'status.json', 'lunette.pid']) {
      assert.ok(!canRead(uid, gid, path.join(server.data, file)), `${file} can be read`);
    }
    const set = fs.readlinkSync(path.join(server.data, 'sets/current.json'));
    assert.ok(canRead(uid, gid, path.join(server.data, 'sets', set)), 'it needs the set');
  });

  test('serves, takes up releases and writes the log all the same', async () => {
    await server.ask('mutation { createProduct(data: { sku: "one" }) { sku } }');
    server.save('shop', APP.replace('sku =', 'name = text {}, sku ='));
    await until('the new field', async () => {
      const { errors } = await server.ask('{ products { name } }');
      return !errors;
    });
    fs.renameSync(path.join(server.data, 'log/requests.log'), path.join(server.data, 'log/old.log'));
    await until('lines in the new log', async () => {
      await server.ask('{ products { sku } }');
      const log = path.join(server.data, 'log/requests.log');
      return fs.existsSync(log) && fs.readFileSync(log, 'utf8').includes('"request"');
    });
    assert.deepEqual(server.status().workers.map((one) => one.pid), pids);
  });

  test('knows a new signing key after SIGHUP, without a failed request', async () => {
    spawnSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout',
      '-out', path.join(server.data, 'keys/zz.pem')]);
    process.kill(server.status().pids.supervisor, 'SIGHUP');
    await until('new workers', () => {
      const { workers } = server.status();
      return workers.every((one) => one.state === 'ready' && !pids.includes(one.pid));
    });
    const { keys } = await (await fetch(`${server.url}/.well-known/jwks.json`)).json();
    assert.equal(keys.length, 2);
    const token = lunette(['token', '--data', server.data, '--user', 'admin']).stdout.trim();
    const answer = await fetch(`${server.url}/graphql`, {
      method: 'POST', body: JSON.stringify({ query: '{ products { sku } }' }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    });
    assert.equal(answer.status, 200);
  });
});

test('the account of workers can be chosen, and must be one that works', { skip: !root }, async () => {
  const server = new Server({ apps: { shop: APP }, args: ['--workers', '1', '--user', 'root'] });
  server.launch();
  await server.ready();
  assert.equal(statusOf(server.status().workers[0].pid).Uid.split('\t')[0], '0');
  await server.down();
  const data = path.join(temporaryFolder(), 'data');
  const up = (user) => lunette(['up', '--apps', sampleApps, '--data', data, '--port', '0',
    '--ops-port', '0', '--user', user]);
  assert.match(up('no-such-user').stderr, /user: there is no user 'no-such-user'/);
  assert.match(up('daemon').stderr, /user: user 'daemon' cannot reach the database/);
});
