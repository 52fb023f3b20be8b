// What developers work with beside the server: completion, logs, top, new.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bin, lunette, sampleApps, Server, temporaryFolder, until } from './support/server.mjs';

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
    assert.deepEqual(complete('policy', ''), ['check', 'explain']);
    assert.deepEqual(complete('policy', 'explain', 'l'), ['library']);
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

describe('logs', () => {
  const LONE = `app "lone" { version = "1.0.0" }
model "A" { fields = { b = text {} } }
access "A" { public = "read" }
`;
  let server;
  let file;
  before(async () => {
    server = await Server.start({ apps: { lone: LONE, other: LONE.replace('"lone"', '"other"')
      .replaceAll('"A"', '"B"') } });
    file = path.join(server.data, 'log/requests.log');
  });
  after(() => server.down());
  const logs = (...args) => lunette(['logs', ...args, '--data', server.data]);
  const minute = (at) => new Date(Date.UTC(2020, 0, 1, 0, at)).toISOString();
  const append = (...lines) => fs.appendFileSync(file, lines.map((line) =>
    `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  const request = (operationName) => server.request('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token('admin')}` },
    body: JSON.stringify({ query: `query ${operationName} { as { b } }`, operationName }),
  });
  /** `lunette logs --follow`, and what it has printed. */
  const follow = (t, ...args) => {
    const child = spawn(bin, ['logs', ...args, '--follow', '--data', server.data]);
    const run = { output: '' };
    child.stdout.on('data', (data) => (run.output += data));
    t.after(() => child.kill());
    return run;
  };

  test('shows requests for a person, and as they are with --json', async () => {
    await request('Look');
    const { stdout } = await until('the line', () => {
      const run = logs('lone');
      return /Look/.test(run.stdout) && run;
    });
    assert.match(stdout, /^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}POST \/graphql Look 200 [\d.]+ ms user=admin$/m);
    const lines = logs('lone', '--json').stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.ok(lines.some((line) => line.operation === 'Look' && line.status === 200));
    assert.doesNotMatch(logs('other').stdout, /Look/, 'it asked for fields of lone');
  });

  test('keeps to the app, the level, the release, the time and the number', () => {
    const base = { level: 'info', msg: 'hello', app: 'lone', release: 'lone@1.0.0+aabb' };
    append(
      { time: minute(1), ...base, msg: 'one' },
      { time: minute(2), ...base, msg: 'two', level: 'warn' },
      { time: minute(3), ...base, msg: 'three', app: 'other', release: 'other@1.0.0+ccdd' },
      { time: minute(4), ...base, msg: 'four', release: 'lone@2.0.0+eeff', level: 'error' },
      'no JSON at all',
      { time: minute(5), level: 'info', msg: 'served', release: 'lone@1.0.0+aabb,other@1.0.0+ccdd', apps: 'other' },
    );
    const said = (...args) => [...logs(...args).stdout.matchAll(/(?<=^2020\S+ \w+ +)(?:\w+: )?\w+/gm)]
      .map(([word]) => word);
    assert.deepEqual(said('lone'), ['one', 'two', 'four']);
    assert.deepEqual(said('other'), ['three', 'served']);
    assert.deepEqual(said(), ['lone: one', 'lone: two', 'other: three', 'lone: four', 'served']);
    assert.deepEqual(said('lone', '--level', 'warn'), ['two', 'four']);
    assert.deepEqual(said('lone', '--level=error'), ['four']);
    assert.deepEqual(said('lone', '--release', '1.0.0'), ['one', 'two']);
    assert.deepEqual(said('lone', '--release', 'ee'), ['four']);
    assert.deepEqual(said('lone', '--release', 'lone@1.0.0+aabb'), ['one', 'two']);
    assert.deepEqual(said('lone', '--lines', '2'), ['two', 'four']);
    assert.deepEqual(said('lone', '--lines', '0'), []);
    assert.deepEqual(said('lone', '--since', '2020-01-01T00:02'), ['two', 'four']);
    assert.deepEqual(said('lone', '--since', '1h'), []);
    assert.match(logs('--since', '1h').stdout, / Look 200 /);
  });

  test('never lets control characters reach the terminal', () => {
    append({ time: minute(6), level: 'error', msg: 'a\x1b[2Jb\u009b1m', app: 'lone',
      detail: 'lone:app.lua:3: bad\nstack traceback:\n\tmore' });
    const { stdout } = logs('lone', '--lines', '1');
    assert.equal(stdout, `${minute(6)} error a\\x1b[2Jb\\u009b1m\n    lone:app.lua:3: bad\n`
      + '    stack traceback:\n    \tmore\n');
  });

  test('reads on in the file that was set aside, however long it is', () => {
    const old = [];
    for (let at = 0; at < 4000; at++) {
      old.push(JSON.stringify({ time: minute(0), level: 'info', msg: `old ${at}`, app: 'aside',
        filler: 'x'.repeat(at % 300) }));
    }
    fs.writeFileSync(`${file}.1`, `${old.join('\n')}\n`);
    append({ time: minute(7), level: 'info', msg: 'new', app: 'aside' });
    const said = logs('aside', '--lines', '4001', '--json').stdout.trim().split('\n')
      .map((line) => JSON.parse(line).msg);
    assert.deepEqual(said, [...old.map((_, at) => `old ${at}`), 'new']);
    fs.rmSync(`${file}.1`);
  });

  test('--follow goes on, also when the log is set aside meanwhile', async (t) => {
    const run = follow(t, 'lone', '--lines', '1');
    append({ time: minute(8), level: 'info', msg: 'begins', app: 'lone' });
    await until('the line', () => /begins/.test(run.output));
    fs.renameSync(file, `${file}.1`);
    const late = fs.openSync(`${file}.1`, 'a');
    append({ time: minute(9), level: 'info', msg: 'in the new file', app: 'lone' },
      { time: minute(9), level: 'info', msg: 'not mine', app: 'other' });
    fs.writeSync(late, `${JSON.stringify({ time: minute(9), level: 'info', msg: 'late', app: 'lone' })}\n`);
    fs.closeSync(late);
    await until('both files', () => /in the new file/.test(run.output) && /late/.test(run.output));
    fs.appendFileSync(file, `{"time":"${minute(10)}","level":"info","msg":"in ha`);
    append('lves","app":"lone"}');
    await until('the line that came in halves', () => /in halves/.test(run.output));
    await request('After');
    await until('a request', () => / After 200 /.test(run.output));
    assert.doesNotMatch(run.output, /not mine/);
    for (const word of ['begins', 'in the new file', 'late', 'in halves', 'After']) {
      assert.equal(run.output.split(word).length, 2, `${word} once`);
    }
  });

  test('says what is wrong with its options', () => {
    for (const [args, code, words] of [
      [['--level', 'loud'], 2, /'loud' is none of debug/],
      [['--since', 'soon'], 2, /'soon' is neither a time/],
      [['--lines', '-1'], 2, /'-1' is no number/],
      [['nobody'], 2, /there is no app 'nobody'/],
    ]) {
      const run = logs(...args);
      assert.equal(run.code, code);
      assert.match(run.stderr, words);
    }
    const nothing = lunette(['logs', '--data', path.join(temporaryFolder(), 'none')]);
    assert.notEqual(nothing.code, 0);
    assert.match(nothing.stderr, /^lunette logs: /);
  });
});

describe('annotations', () => {
  const folder = temporaryFolder();
  fs.cpSync(sampleApps, path.join(folder, 'apps'), { recursive: true });
  const inFolder = (...args) => lunette(args, { cwd: folder });
  const read = (name) => fs.readFileSync(path.join(folder, 'apps', name), 'utf8');
  const checker = ['emmylua_check'].find((name) => spawnSync(name, ['--version']).status === 0);
  /** What a language server says of the apps: lines "file:line: rule". */
  const complaints = () => {
    const run = spawnSync(checker, ['apps', '-f', 'text'], { cwd: folder, encoding: 'utf8' });
    return [...run.stdout.matchAll(/^(?:warning|error): .*\[([\w-]+)\]\n +--> (\S+):\d+$/gm)]
      .map(([, rule, place]) => `${place}: ${rule}`);
  };

  test('are written beside the apps, and do not disturb them', () => {
    const { code, stdout, stderr } = inFolder('annotations');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^wrote \d+ files to apps\/\.annotations\n$/);
    assert.match(read('.annotations/lunette.lua'), /^function find\(model, filter, options\) end$/m);
    assert.match(read('.annotations/models.lua'), /^---@class sales\.Order: lunette\.Record$/m);
    assert.match(read('.annotations/csv.lua'), /^function csv\.parse\(/m);
    assert.deepEqual(JSON.parse(read('.luarc.json'))['workspace.library'], ['.annotations']);
    assert.equal(inFolder('check').stdout, '0 errors, 0 warnings\n');
  });

  test('leave a configuration alone that somebody has changed', () => {
    fs.writeFileSync(path.join(folder, 'apps/.luarc.json'), '{ "mine": true }\n');
    const { code, stdout } = inFolder('annotations');
    assert.equal(code, 0);
    assert.match(stdout, /^left apps\/\.luarc\.json as it is; it needs "workspace\.library": /m);
    assert.equal(read('.luarc.json'), '{ "mine": true }\n');
    fs.rmSync(path.join(folder, 'apps/.luarc.json'));
  });

  test('go where they are wanted', () => {
    const { code, stderr } = inFolder('annotations', 'elsewhere');
    assert.equal(code, 0, stderr);
    assert.ok(fs.existsSync(path.join(folder, 'elsewhere/.luarc.json')));
  });

  test('have the words even while an app is wrong, and say why the models lack', () => {
    fs.mkdirSync(path.join(folder, 'broken/one'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'broken/one/app.lua'),
      'app "one" {}\nmodel "A" { fields = { b = txt {} } }\n');
    const { code, stderr } = inFolder('annotations', '--apps', 'broken');
    assert.equal(code, 1);
    assert.match(stderr, /^apps\/one\/app\.lua:2: .*'txt'/m);
    assert.ok(fs.existsSync(path.join(folder, 'broken/.annotations/lunette.lua')));
  });

  test('let a language server find mistakes, and none where there are none',
    { skip: !checker && 'no language server is installed' }, () => {
      assert.equal(inFolder('new', 'stock').code, 0);
      inFolder('annotations');
      assert.deepEqual(complaints(), []);
      fs.writeFileSync(path.join(folder, 'apps/sales/wrong.lua'), `
query "wrong" { returns = int, run = function()
  local order = find("Order")[1]
  order.nubmer = 3
  fail(3)
  return order.nothing
end }
unknown "x"
`);
      assert.deepEqual(complaints().sort(), ['sales/wrong.lua:4: inject-field',
        'sales/wrong.lua:5: param-type-mismatch', 'sales/wrong.lua:6: undefined-field',
        'sales/wrong.lua:8: undefined-global']);
      fs.rmSync(path.join(folder, 'apps/sales/wrong.lua'));
    });
});
