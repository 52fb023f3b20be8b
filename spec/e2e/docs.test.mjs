// What the documents say of a running server is what it does.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blocks } from './support/markdown.mjs';
import { freePort } from './support/ports.mjs';
import { bin, lunette, root, sampleApps, request, Server, temporaryFolder, until }
  from './support/server.mjs';

const page = (name) => fs.readFileSync(path.join(root, 'docs', name), 'utf8');
const operating = page('operating.md');

/** Names in backquotes in the first cell of the rows of a section's tables. */
function named(text, title) {
  const section = text.slice(text.indexOf(`\n## ${title}\n`) + 1);
  const end = section.indexOf('\n## ', 1);
  return [...section.slice(0, end < 0 ? undefined : end).matchAll(/^\| (`[^|]*`) \|/gm)]
    .flatMap(([, cell]) => [...cell.matchAll(/`([^`]+)`/g)].map((one) => one[1]));
}

test('the tables of the documents come from those of the sources', () => {
  const run = spawnSync(process.execPath, ['tools/doc-tables.mjs', '--check'],
    { cwd: root, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

test('operating.md has the settings of lunette help config', () => {
  const printed = [...lunette(['help', 'config']).stdout.matchAll(/^#(\w+) = ?(.*)$/gm)]
    .map(([, key, value]) => [key, value]);
  assert.ok(printed.length > 40);
  assert.deepEqual(named(operating, 'Settings'), printed.map(([key]) => key));
  for (const [key, value] of printed) {
    assert.ok(operating.includes(`| \`${key}\` |${value ? ` \`${value}\` ` : ' '}|`), key);
  }
});

describe('operating.md', () => {
  let server;
  before(async () => {
    server = await Server.start({ args: ['--workers', '2'] });
    await server.request('/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json', authorization: `Bearer ${server.token('alice')}`,
      },
      body: '{ "query": "query Named { orders(first: 1) { number } }", "operationName": "Named" }',
    });
  });
  after(() => server.down());

  test('has every metric', async () => {
    const { text } = await request(`${server.ops}/metrics`);
    const shown = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(named(operating, 'Metrics').filter((name) => name.startsWith('lunette_')).sort(),
      shown.sort());
  });

  test('has every field of status --json', () => {
    const status = server.status();
    const names = named(operating, 'status --json');
    assert.deepEqual(names.sort(), Object.keys(status).sort());
    const section = operating.slice(operating.indexOf('## status --json'));
    for (const part of ['pids', 'ports', 'workers', 'releases', 'loads']) {
      const one = [status[part]].flat()[0];
      for (const key of Object.keys(one)) assert.ok(section.includes(`\`${key}\``), `${part}.${key}`);
    }
  });

  test('has every member of the request log', async () => {
    const log = path.join(server.data, 'log/requests.log');
    const lines = await until('the log', () => {
      const found = fs.readFileSync(log, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
      return found.some((one) => one.operation === 'Named') && found;
    });
    const names = new Set(named(operating, 'Logs'));
    for (const line of lines.filter((one) => one.msg === 'request')) {
      for (const key of Object.keys(line)) assert.ok(names.has(key), key);
    }
    const own = lines.find((one) => one.operation === 'Named');
    assert.equal(own.user, 'alice');
    assert.equal(own.path, '/graphql');
  });

  test('has every file of the data folder', () => {
    const names = new Set(named(operating, 'The data folder').map((name) => name.replace(/\/$/, '')));
    for (const name of fs.readdirSync(server.data)) assert.ok(names.has(name), name);
  });

  test('has every exit code', () => {
    const codes = [...lunette(['help']).stdout.matchAll(/(\d+) [a-z]/g)].map(([, code]) => code);
    for (const code of ['0', '1', '2', '3', '69']) {
      assert.ok(codes.includes(code), code);
      assert.match(operating, new RegExp(`^\\| ${code} \\| `, 'm'));
    }
  });
});

test('a token for a folder that no server has made is refused', () => {
  const run = lunette(['token', '--user', 'admin'], { cwd: temporaryFolder() });
  assert.equal(run.code, 1);
  assert.match(run.stderr, /no data folder '\.lunette'; 'lunette up' makes it, or give --data/);
  assert.equal(run.stdout, '');
});

// The commands run in their order, in a folder like a clone.
describe('the commands of operating.md', () => {
  const folder = temporaryFolder();
  const run = (text, env = {}) => {
    const shell = spawnSync('sh', ['-e', '-c', text], {
      cwd: folder, encoding: 'utf8', timeout: 120000,
      env: { ...process.env, LUNETTE_WORKERS: '1', ...env },
    });
    assert.equal(shell.status, 0, `${text}\n${shell.stdout}${shell.stderr}`);
    return shell.stdout;
  };
  before(() => {
    fs.cpSync(sampleApps, path.join(folder, 'apps'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'lunette'), `#!/bin/sh\nexec '${bin}' "$@"\n`,
      { mode: 0o755 });
    run('./lunette up --port 0 --detach');
  });
  after(() => {
    for (const data of ['.lunette', '.restored', '.tls', '.external']) {
      spawnSync(bin, ['down', '--data', data], { cwd: folder });
    }
  });

  for (const { text, line } of blocks(operating).filter((one) => one.kind === 'sh')) {
    test(`${line}: ${text.split('\n')[0]}`, async () => {
      const output = run(text.replaceAll('--port 8090', '--port 0')
        .replaceAll('8443', String(await freePort())));
      if (!/token --user admin/.test(text)) return;
      const { url } = JSON.parse(run('./lunette status --json'));
      const answer = await until('the new key to count', async () => {
        const found = await request(`${url}/graphql`, {
          method: 'POST', body: '{"query":"{ __typename }"}',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${output.trim().split('\n').at(-1)}`,
          },
        });
        return found.status === 200 && found;
      });
      assert.equal(answer.text, '{"data":{"__typename":"Query"}}');
    });
  }

  test('give an external database with two roles', async () => {
    const cluster = path.join(folder, 'pg');
    const support = path.join(root, 'spec/support/postgres');
    run(`'${support}' start '${cluster}'`);
    try {
      const [sql] = blocks(operating).filter((one) => one.kind === 'sql');
      fs.writeFileSync(path.join(folder, 'roles.sql'), sql.text);
      run(`psql -q -v ON_ERROR_STOP=1 -h '${cluster}/run' -U postgres -f roles.sql postgres`);
      run('./lunette up --data .external --port 0 --detach', {
        LUNETTE_DATABASE: `postgresql://lunette_app:two@/lunette?host=${cluster}/run`,
        LUNETTE_MIGRATOR_DATABASE: `postgresql://lunette_migrator:one@/lunette?host=${cluster}/run`,
      });
      const { url, socket } = JSON.parse(run('./lunette status --json --data .external'));
      assert.equal(socket, null);
      const answer = await request(`${url}/graphql`, {
        method: 'POST', body: '{"query":"mutation { createTag(data: { name: \\"out\\" }) { name } }"}',
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${run('./lunette token --user admin --data .external').trim()}`,
        },
      });
      assert.equal(answer.text, '{"data":{"createTag":{"name":"out"}}}');
      run('./lunette down --data .external');
    } finally {
      run(`'${support}' stop '${cluster}'`);
    }
  });
});
