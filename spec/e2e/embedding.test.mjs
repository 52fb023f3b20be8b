// docs/embedding.md and examples/embed.c: Lunette inside other programs.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blocks } from './support/markdown.mjs';
import { bin, lunette, request, root, temporaryFolder, until, within }
  from './support/server.mjs';

const build = process.env.LUNETTE_BUILD ?? path.dirname(bin);
const page = fs.readFileSync(path.join(root, 'docs/embedding.md'), 'utf8');
const APP = `app "shop" { version = "1.0.0" }
model "Item" { fields = { name = text {} } }
access "Item" { public = "all" }
`;

describe('a program with liblunette', () => {
  const folder = temporaryFolder();
  const pg = path.join(folder, 'pg');
  let database;
  let child;

  function must(command, args, options = {}) {
    const run = spawnSync(command, args, { encoding: 'utf8', timeout: 300000, ...options });
    assert.equal(run.status, 0, `${command} ${args.join(' ')}\n${run.stdout}${run.stderr}${run.error ?? ''}`);
    return run.stdout;
  }

  before(() => {
    fs.mkdirSync(path.join(folder, 'apps/shop'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'apps/shop/app.lua'), APP);
    database = must(path.join(root, 'spec/support/postgres'), ['start', pg]).trim();
  });
  after(() => {
    child?.kill('SIGKILL');
    spawnSync(path.join(root, 'spec/support/postgres'), ['stop', pg]);
  });

  /** Starts a program; resolves to its first line and its end. */
  async function start(program, args) {
    child = spawn(program, args, {
      cwd: folder, stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LD_LIBRARY_PATH: build },
    });
    const started = { child, output: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => (started.output += data));
    }
    started.ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
    await until(`a line of ${program}`, () => started.output.includes('\n'));
    return started;
  }

  const ask = async (port, query) => {
    const answer = await request(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return JSON.parse(answer.text);
  };

  test('serves, loads again on SIGHUP and ends on SIGINT (examples/embed.c)', async () => {
    must('ninja', ['-C', build, 'embed']);
    const program = await start(path.join(build, 'embed'), ['apps', 'data', database, '0']);
    const [, port] = /^shop@1\.0\.0\+\w{8} on http:\/\/127\.0\.0\.1:(\d+)\/graphql$/m
      .exec(program.output) ?? assert.fail(program.output);
    assert.deepEqual(await ask(port, 'mutation { createItem(data: { name: "nail" }) { name } }'),
      { data: { createItem: { name: 'nail' } } });
    const file = path.join(folder, 'apps/shop/app.lua');
    fs.writeFileSync(file, APP.replace('name = text {}', 'name = text {}, note = text {}'));
    program.child.kill('SIGHUP');
    await until('the new field', async () =>
      (await ask(port, '{ items { name note } }')).data?.items[0].note === null);
    fs.writeFileSync(file, APP.replace('text {}', 'txt {}'));
    program.child.kill('SIGHUP');
    await until('the message', () => /app\.lua:2: .*txt/.test(program.output));
    assert.equal((await ask(port, '{ items { note } }')).errors, undefined);
    program.child.kill('SIGINT');
    assert.equal(await within(20, program.ended), 0, program.output);
    fs.writeFileSync(file, APP.replace('name = text {}', 'name = text {}, note = text {}'));
  });

  test('says what is wrong with its settings', () => {
    const run = spawnSync(path.join(build, 'embed'), ['apps', 'data', ''],
      { cwd: folder, encoding: 'utf8' });
    assert.equal(run.status, 1);
    assert.equal(run.stderr, "embed: the setting 'database' is needed\n");
  });

  // The shared library of a sanitized build wants the sanitizers' own preload.
  const asan = fs.readFileSync(path.join(build, 'CMakeCache.txt'), 'utf8').includes('LUNETTE_ASAN:BOOL=ON');
  test('is built and run as docs/embedding.md says', { skip: asan }, async () => {
    const [source] = blocks(page).filter((one) => one.kind === 'c');
    const [commands] = blocks(page).filter((one) => one.kind === 'sh');
    fs.writeFileSync(path.join(folder, 'hello.c'), source.text.replace('8090', '0'));
    const made = commands.text.replaceAll('-C build', `-C '${build}'`)
      .replaceAll('-Lbuild', `-L'${build}'`).replace('-I.', `-Wall -Wextra -Werror -I'${root}'`);
    must('sh', ['-e', '-c', made], { cwd: folder });
    const program = await start('./hello', [`database=${database}`]);
    const [, port] = /^shop@\S+ on port (\d+)$/m.exec(program.output) ?? assert.fail(program.output);
    assert.deepEqual(await ask(port, '{ items { name } }'), { data: { items: [{ name: 'nail' }] } });
    const { stdout } = lunette(['token', '--data', path.join(folder, '.embedded'), '--user', 'admin']);
    const keys = await request(`http://127.0.0.1:${port}/.well-known/jwks.json`);
    const [, kid] = /"kid":"([^"]+)"/.exec(keys.text);
    assert.equal(JSON.parse(Buffer.from(stdout.split('.')[0], 'base64url')).kid, kid);
    program.child.kill('SIGTERM');
    await program.ended;
  });
});
