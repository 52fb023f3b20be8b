// Workers that die at the code of an app: who it was is told, and an app that
// does it again and again is kept out until somebody lets it in.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { lunette, Server, sleep, until } from './support/server.mjs';

const bad = (version) => `app "bad" { version = "${version}" }
model "Thing" { fields = { name = text {} } }
access "Thing" { public = "all" }
query "spin" { returns = int, by = "public", run = function() while true do end end }
query "fine" { returns = int, by = "public", run = function() return 1 end }
`;
const good = `app "good" { version = "1.0.0" }
query "ok" { returns = int, by = "public", run = function() return 2 end }
`;
const POLICY = 'app "bad" { limits = { cpu = "20s", wall = "20s", stuck = "60s" } }\n';

describe('an app at whose code workers die', () => {
  let server;
  before(async () => {
    server = new Server({ apps: { bad: bad('1.0.0'), good }, args: ['--workers', '2'] });
    fs.writeFileSync(path.join(server.folder, 'policy.lua'), POLICY);
    server.launch();
    await server.ready();
  });
  after(() => server.down());

  const running = () => fetch(`${server.opsUrl ?? server.status().ops_url}/metrics`).then((answer) => answer.text());
  const cpuOf = async (worker) => Number((await running())
    .match(new RegExp(`^lunette_app_requests_total\\{worker="${worker}",app="bad".* (\\d+)$`, 'm'))?.[1] ?? 0);

  /** Has a worker die by `signal` while it runs `spin`; returns its slot. */
  async function crash(signal) {
    const before = [await cpuOf(0), await cpuOf(1)];
    const asked = fetch(`${server.url}/graphql`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ spin }' }),
    }).catch(() => undefined);
    const slot = await until('the call at work', async () => {
      const now = [await cpuOf(0), await cpuOf(1)];
      const found = now.findIndex((count, at) => count > before[at]);
      return found < 0 ? undefined : `${found}`;
    });
    await sleep(50);
    const { pid } = server.status().workers[slot];
    process.kill(pid, signal);
    await asked;
    await until('a new worker', () => {
      const one = server.status().workers[slot];
      return one.state === 'ready' && one.pid !== pid;
    });
    return { slot: Number(slot), pid };
  }
  const ask = async (query) => (await fetch(`${server.url}/graphql`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }),
  })).json();
  const refused = async () => {
    const { errors } = await ask('{ fine }');
    return errors && errors[0].extensions;
  };

  test('is named, with its release and request, after the first time', async () => {
    const { slot, pid } = await crash('SIGILL');
    const { crashes, quarantine } = server.status();
    assert.equal(crashes[0].worker, slot);
    assert.equal(crashes[0].pid, pid);
    assert.equal(crashes[0].signal, 'SIGILL');
    assert.equal(crashes[0].app, 'bad');
    assert.match(crashes[0].release, /^bad@1\.0\.0\+[0-9a-f]+$/);
    assert.match(crashes[0].request, /^[0-9a-f]{16,}/);
    assert.deepEqual(quarantine, []);
    assert.match(await running(), /^lunette_app_crashes_total\{app="bad",release="bad@1\.0\.0\+\w+"\} 1$/m);
    assert.match(server.output, /worker \d ended by signal 4 \(SIGILL\) at code of bad@1\.0\.0/);
    assert.deepEqual(await ask('{ fine }'), { data: { fine: 1 } });
  });

  test('is put in quarantine after the third time, and others go on', async () => {
    await crash('SIGKILL');
    await crash('SIGABRT');
    const [entry] = server.status().quarantine;
    assert.equal(entry.app, 'bad');
    assert.match(entry.reason, /^a worker ended 3 times within 60 s at its code, last by signal 6/);
    for (let n = 0; n < 20; n++) {
      const { code, app, reason } = await refused();
      assert.deepEqual({ code, app, reason }, { code: 'UNAVAILABLE', app: 'bad', reason: entry.reason });
      assert.deepEqual(await ask('{ ok }'), { data: { ok: 2 } });
    }
    assert.match(await running(), /^lunette_app_quarantined\{app="bad",release="bad@[^"]+"\} 1$/m);
  });

  test('stays there when workers and the server begin anew', async () => {
    const { pids } = server.status();
    process.kill(pids.workers[0], 'SIGKILL');
    await until('a new worker', () => server.status().workers.every((one) => one.state === 'ready'
      && one.pid !== pids.workers[0]));
    assert.equal((await refused()).app, 'bad');
    server.child.kill('SIGTERM');
    await server.ended;
    server.launch();
    await server.ready();
    assert.equal((await refused()).app, 'bad');
    assert.match(lunette(['quarantine', '--data', server.data]).stdout,
      /^bad@1\.0\.0\+\w+ {2}since .*: a worker ended/);
  });

  test('is let out by a person', async () => {
    assert.equal(lunette(['quarantine', 'free', 'good', '--data', server.data]).code, 1);
    const run = lunette(['quarantine', 'free', 'bad', '--data', server.data]);
    assert.deepEqual([run.code, run.stdout], [0, 'bad is free\n']);
    await until('its answers', async () => !(await refused()));
    assert.deepEqual(server.status().quarantine, []);
  });

  test('is let out by a new release', async () => {
    for (let n = 0; n < 3; n++) await crash('SIGILL');
    assert.equal((await refused()).app, 'bad');
    server.save('bad', bad('1.0.1'));
    await until('its answers', async () => !(await refused()));
    assert.deepEqual(server.status().quarantine, []);
    assert.match(lunette(['quarantine', '--data', server.data]).stdout, /no app is in quarantine/);
  });
});

test('a worker whose loop stands still is replaced, and who stopped it is told', async () => {
  const server = await Server.start({ apps: { good }, args: ['--workers', '1', '--worker-stuck-ms', '2s'] });
  const [{ pid }] = server.status().workers;
  process.kill(pid, 'SIGSTOP');
  await until('a new worker', () => {
    const [one] = server.status().workers;
    return one.state === 'ready' && one.pid !== pid;
  });
  const [crash] = server.status().crashes;
  assert.equal(crash.stuck, true);
  assert.equal(crash.app, null);
  await server.down();
});
