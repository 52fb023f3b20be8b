// What developers work with beside the server: completion, logs, top, new.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { bin, lunette, sampleApps, temporaryFolder } from './support/server.mjs';

describe('completion', () => {
  const folder = temporaryFolder();
  fs.cpSync(sampleApps, path.join(folder, 'apps'), { recursive: true });
  fs.mkdirSync(path.join(folder, 'apps/no_app'));

  /** What bash would offer for the last of the words. */
  const complete = (...words) => {
    const program = `source <(lunette completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_lunette; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const run = spawnSync('bash', ['-c', program, 'bash', 'lunette', ...words], {
      cwd: folder, encoding: 'utf8',
      env: { ...process.env, PATH: `${path.dirname(bin)}:${process.env.PATH}` },
    });
    assert.equal(run.stderr, '');
    return run.stdout.split('\n').filter(Boolean);
  };

  test('in bash knows all commands of help', () => {
    const commands = lunette(['help']).stdout.match(/^ {2}\w+/gm).map((line) => line.trim());
    assert.deepEqual(complete(''), commands);
    assert.deepEqual(complete('che'), ['check']);
  });

  test('in bash knows the options that help names, and nothing else', () => {
    for (const command of ['check', 'status', 'token', 'schema']) {
      const named = lunette([command, '--help']).stdout.match(/^ {2}--[\w[-]+[\w-]*/gm)
        .map((line) => line.trim().replace('[no-]', ''));
      assert.deepEqual(complete(command, '--').sort(), named.sort());
    }
    assert.ok(complete('up', '--http-').includes('--http-body-bytes'));
    assert.deepEqual(complete('up', '--no-w'), ['--no-watch']);
  });

  test('in bash knows the apps, also of a folder that was named', () => {
    assert.deepEqual(complete('check', ''), ['base', 'library', 'sales']);
    assert.deepEqual(complete('check', 'sa'), ['sales']);
    const other = path.join(folder, 'other');
    fs.mkdirSync(path.join(other, 'stock'), { recursive: true });
    fs.writeFileSync(path.join(other, 'stock/app.lua'), 'app "stock" {}\n');
    assert.deepEqual(complete('check', '--apps', 'other', ''), ['stock']);
    assert.deepEqual(complete('check', '--apps', '=', 'other', 's'), ['stock']);
  });

  test('in bash knows folders, files, levels and shells', () => {
    assert.deepEqual(complete('up', '--apps', 'ap'), ['apps']);
    assert.deepEqual(complete('up', '--apps', '=', 'ap'), ['apps']);
    assert.deepEqual(complete('up', '--config', 'apps/sales/app.l'), ['apps/sales/app.lua']);
    assert.deepEqual(complete('up', '--log-level', 'w'), ['warn']);
    assert.deepEqual(complete('completion', ''), ['bash', 'zsh']);
    assert.deepEqual(complete('nonsense', ''), []);
  });

  test('of an unknown shell is a mistake', () => {
    for (const args of [['completion'], ['completion', 'fish']]) {
      const { code, stdout, stderr } = lunette(args);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /bash or zsh/);
    }
    assert.match(lunette(['completion', 'zsh']).stdout, /^#compdef lunette\n/);
  });
});
