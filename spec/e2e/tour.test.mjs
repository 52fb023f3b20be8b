// The tour of README.md, block by block, as a reader copies it.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blocks } from './support/markdown.mjs';
import { freePort } from './support/ports.mjs';
import { bin, request, root, sampleApps, sleep, temporaryFolder, until } from './support/server.mjs';

const HOST = 'http://127.0.0.1:8080';

/** A folder like a clone, with a built program. */
function clone() {
  const folder = temporaryFolder();
  fs.cpSync(sampleApps, path.join(folder, 'apps'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'lunette'), `#!/bin/sh\nexec '${bin}' "$@"\n`,
    { mode: 0o755 });
  return folder;
}

describe('the tour of README.md', () => {
  let folder;
  let port;
  let token;
  const env = () => ({ ...process.env, LUNETTE_PORT: String(port) });
  const here = (text) => text.replaceAll(HOST, `http://127.0.0.1:${port}`)
    .replaceAll(':8081', `:${port + 1}`);

  before(async () => {
    folder = clone();
    port = await freePort();
  });
  after(() => spawnSync('./lunette', ['down'], { cwd: folder, env: env() }));

  function run(text) {
    const shell = spawnSync('sh', ['-e', '-c', here(text)],
      { cwd: folder, env: env(), encoding: 'utf8', timeout: 120000 });
    assert.equal(shell.status, 0, `${text}\n${shell.stdout}${shell.stderr}`);
    if (/^eyJ\S+$/.test(shell.stdout.trim())) token = shell.stdout.trim();
    return shell.stdout;
  }

  async function ask(query) {
    const answer = await request(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query }),
    });
    return JSON.parse(answer.text);
  }

  /** Loads so far; 0 before the server runs. */
  function loads() {
    const { stdout } = spawnSync('./lunette', ['status', '--json'],
      { cwd: folder, env: env(), encoding: 'utf8' });
    const { good = 0, failed = 0 } = JSON.parse(stdout).loads ?? {};
    return good + failed;
  }

  /** A load after `before`, and none for a moment: a reader is no faster. */
  async function loaded(before) {
    let last = before;
    await until('a load', async () => {
      const now = loads();
      if (now === before) return false;
      const quiet = now === last;
      last = now;
      if (!quiet) await sleep(700);
      return quiet;
    });
  }

  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  const first = readme.slice(0, readme.indexOf('## A tour')).split('\n').length;
  const tour = blocks(readme).filter((one) => one.line > first);

  test('has commands, queries and answers', () => {
    for (const kind of ['sh', 'graphql', 'json', 'output']) {
      assert.ok(tour.filter((one) => one.kind === kind).length > 2, kind);
    }
  });

  tour.forEach(({ kind, text, line }, i) => {
    const next = tour[i + 1];
    if (kind === 'sh') {
      test(`${line}: ${text.split('\n')[0]}`, async () => {
        const before = loads();
        let output = run(text);
        if (next?.kind === 'output') {
          const parts = here(next.text).trimEnd().split(/ \.\.\.$|\n/);
          const shown = () => parts.every((part) => output.includes(part));
          // On a machine with much to do, the second of the page is too short.
          if (/status$/.test(text.trim()) && !shown()) {
            await until(`'${parts}' in ./lunette status`, () => {
              output = run('./lunette status');
              return shown();
            });
          }
          assert.ok(shown(), `'${parts}' is not in\n${output}`);
        }
        if (/apps\/|lunette new/.test(text)) await loaded(before);
      });
    } else if (kind === 'graphql') {
      test(`${line}: ${text.split('\n').slice(0, 2).join(' ')}`, async () => {
        if (next?.kind !== 'json') {
          assert.equal((await ask(text)).errors, undefined);
          return;
        }
        const wanted = JSON.parse(next.text);
        let found = await ask(text);
        // Roles are looked up again after five seconds.
        if (text.startsWith('{') && wanted.errors === undefined && found.errors) {
          await until('the role to count', async () => !(found = await ask(text)).errors, 7);
        }
        // The page leaves out what differs each time.
        for (const { extensions } of found.errors ?? []) {
          if (extensions.error_id) assert.match(extensions.release, /^stock@0\.1\.0\+/);
          delete extensions.error_id;
          delete extensions.release;
        }
        assert.deepEqual(found, wanted);
      });
    }
  });
});
