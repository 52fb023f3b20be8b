// An app whose VM lives in a process of its own.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isAlive, lunette, Server, sleep, until } from './support/server.mjs';

const apart = (version) => `app "apart" { version = "${version}" }
model "Thing" { fields = { name = text { required = true } },
  before_create = function(rs) for _, r in each(rs) do r.name = r.name .. "!" end end }
access "Thing" { public = "all" }
query "hello" { args = { name = text { required = true } }, returns = text, by = "public",
  run = function(a) return "Hello " .. a.name end }
query "version" { returns = text, by = "public", run = function() return "${version}" end }
query "count" { returns = int, by = "public", run = function() return #find("Thing", {}) end }
query "spin" { returns = int, by = "public", run = function() while true do end end }
query "fill" { returns = int, by = "public",
  run = function() local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end }
query "oops" { returns = int, by = "public", run = function() local t = nil return t.x end }
query "deny" { returns = int, by = "public", run = function() fail("not today") end }
mutation "make" { args = { n = int { required = true } }, returns = int, by = "public",
  run = function(a)
    for i = 1, a.n do create("Thing", { name = "t" .. i }) end
    return #find("Thing", {})
  end }
`;
const beside = `app "beside" { version = "1.0.0" }
query "ok" { returns = int, by = "public", run = function() return 2 end }
`;
const POLICY = 'app "apart" { isolation = "process", limits = { cpu = "20s", wall = "20s" } }\n';

/** Processes of apps below the workers of a server: [{ pid, worker }]. */
function processesOf(server) {
  const parent = (pid) => Number(fs.readFileSync(`/proc/${pid}/stat`, 'utf8').match(/^.*\) \w (\d+)/s)[1]);
  const workers = server.status().pids.workers;
  const found = [];
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)) {
    try {
      if (!fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('lunette\0__app\0')) continue;
      const worker = parent(parent(pid));
      if (workers.includes(worker)) found.push({ pid, worker });
    } catch {
      // It has ended.
    }
  }
  return found;
}

const statusOf = (pid) => Object.fromEntries(fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  .trim().split('\n').map((line) => line.split(/:\s+/)));

describe('an app with isolation = "process"', () => {
  let server;
  before(async () => {
    server = new Server({ apps: { apart: apart('1.0.0'), beside },
      args: ['--workers', '1', '--quarantine-crashes', '5'] });
    fs.writeFileSync(path.join(server.folder, 'policy.lua'), POLICY);
    server.launch();
    await server.ready();
  });
  after(() => server.down());

  const ask = async (query) => (await fetch(`${server.url}/graphql`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }),
  })).json();
  const fault = async (query) => (await ask(query)).errors[0];

  test('answers from a process of its own, with fewer rights than the worker', async () => {
    assert.deepEqual(await ask('{ hello(name: "you") ok }'), { data: { hello: 'Hello you', ok: 2 } });
    const found = processesOf(server);
    assert.equal(found.length, 1);
    const [{ pid, worker }] = found;
    assert.notEqual(pid, worker);
    const status = statusOf(pid);
    assert.equal(status.NoNewPrivs, '1');
    if (process.env.ASAN_OPTIONS === undefined) {
      assert.equal(status.Seccomp, '2');
      assert.match(fs.readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max address space +\d+/);
    }
    if (process.getuid() === 0) {
      assert.notEqual(status.Uid.split('\t')[0], '0');
      const sockets = fs.readdirSync(`/proc/${pid}/fd`).filter((fd) => fd > 2)
        .map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`)).filter((to) => to.startsWith('socket:'));
      assert.equal(sockets.length, 1, 'the socket to its worker only');
    }
  });

  test('reads, writes and runs its hooks as others do', async () => {
    assert.deepEqual(await ask('mutation { make(n: 3) }'), { data: { make: 3 } });
    assert.deepEqual(await ask('{ count }'), { data: { count: 3 } });
    assert.deepEqual(await ask('mutation { createThing(data: { name: "mine" }) { name } }'),
      { data: { createThing: { name: 'mine!' } } });
  });

  test('makes the same errors as others do', async () => {
    assert.equal((await fault('{ oops }')).extensions.code, 'INTERNAL');
    assert.match((await fault('{ deny }')).message, /not today/);
    const { code, limit, app } = (await fault('{ fill }')).extensions;
    assert.deepEqual([code, limit, app], ['BUDGET_EXCEEDED', 'memory', 'apart']);
    assert.deepEqual(await ask('{ hello(name: "again") }'), { data: { hello: 'Hello again' } });
  });

  test('whose process is killed fails its call only, and is there again', async () => {
    const [{ pid, worker }] = processesOf(server);
    const spinning = ask('{ spin }');
    await sleep(300);
    const others = Promise.all(Array.from({ length: 20 }, () => ask('{ ok }')));
    process.kill(pid, 'SIGKILL');
    const { errors: [error] } = await spinning;
    assert.equal(error.extensions.code, 'UNAVAILABLE');
    assert.equal(error.extensions.app, 'apart');
    for (const answer of await others) assert.deepEqual(answer, { data: { ok: 2 } });
    await until('its answers', async () => (await ask('{ hello(name: "you") }')).data?.hello === 'Hello you');
    assert.deepEqual(server.status().pids.workers, [worker], 'the worker is the same');
    const [now] = processesOf(server);
    assert.notEqual(now.pid, pid);
    const { crashes: [crash] } = server.status();
    assert.deepEqual([crash.isolated, crash.pid, crash.app], [true, pid, 'apart']);
    assert.match(crash.release, /^apart@1\.0\.0\+/);
    assert.match(crash.request, /^[0-9a-f]{16,}/);
  });

  test('whose process stands still is given up, and its calls end', async () => {
    const server2 = new Server({ apps: { apart: apart('1.0.0') }, args: ['--workers', '1'] });
    fs.writeFileSync(path.join(server2.folder, 'policy.lua'),
      'app "apart" { isolation = "process", limits = { wall = "500ms" } }\n');
    server2.launch();
    await server2.ready();
    const [{ pid }] = processesOf(server2);
    process.kill(pid, 'SIGSTOP');
    const answer = await fetch(`${server2.url}/graphql`, { method: 'POST',
      headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: '{ hello(name: "you") }' }) });
    assert.equal((await answer.json()).errors[0].extensions.code, 'UNAVAILABLE');
    process.kill(pid, 'SIGCONT');
    await until('its end', () => !isAlive(pid));
    await server2.down();
  });

  test('takes up a new release, and the old process ends', async () => {
    const [{ pid }] = processesOf(server);
    server.save('apart', apart('1.0.1'));
    await until('the new release', async () => (await ask('{ version }')).data?.version === '1.0.1');
    assert.ok(processesOf(server).some((one) => one.pid !== pid));
  });

  test('is refused with file and line when it does not load', async () => {
    server.save('apart', apart('1.0.2').replace('query "hello"', 'nonsense("hello")\nquery "hello"'));
    const { last_error: error } = await until('the error', () => {
      const status = server.status();
      return status.last_error && status;
    });
    assert.match(JSON.stringify(error), /apart.*nonsense/);
    assert.deepEqual(await ask('{ version }'), { data: { version: '1.0.1' } });
  });

  test('that crashes again and again is put in quarantine', async () => {
    for (let n = 0; n < 8 && server.status().quarantine.length === 0; n++) {
      const [one] = await until('its process', async () => {
        await ask('{ version }');
        const found = processesOf(server);
        return found.length > 0 && found;
      });
      process.kill(one.pid, 'SIGKILL');
      await until('its end', () => !isAlive(one.pid));
    }
    assert.equal((await fault('{ version }')).extensions.reason, server.status().quarantine[0].reason);
    assert.deepEqual(await ask('{ ok }'), { data: { ok: 2 } });
    assert.equal(lunette(['quarantine', 'free', 'apart', '--data', server.data]).code, 0);
    await until('its answers', async () => (await ask('{ version }')).data?.version === '1.0.1');
  });

  test('leaves no process behind', async () => {
    const found = processesOf(server);
    assert.ok(found.length > 0);
    const { pids } = server.status();
    process.kill(pids.workers[0], 'SIGKILL');
    await until('their end', () => found.every(({ pid }) => !isAlive(pid)));
  });
});
