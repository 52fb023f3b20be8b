// The commands, as a person at a terminal meets them.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { lunette, root, sampleApps, Server, temporaryFolder, until } from './support/server.mjs';

const COMMANDS = ['up', 'down', 'status', 'check', 'test', 'token', 'schema', 'new', 'logs', 'annotations',
  'shell', 'top', 'completion', 'version', 'help'];

const LONE = `app "lone" { version = "1.0.0" }
model "A" { fields = { b = text {} } }
access "A" { public = "read" }
`;

/** Runs in an empty folder of its own. */
const inFolder = (folder) => (...args) => lunette(args, { cwd: folder });
const here = inFolder(temporaryFolder());

describe('lunette', () => {
  test('lists its commands, by help and without a word', () => {
    for (const args of [['help'], ['--help'], ['-h'], []]) {
      const { code, stdout } = here(...args);
      assert.equal(code, args.length ? 0 : 2);
      for (const command of COMMANDS) assert.match(stdout, new RegExp(`^  ${command}\\b`, 'm'));
    }
  });

  for (const command of COMMANDS) {
    test(`${command} --help explains it with an example`, () => {
      for (const args of [[command, '--help'], [command, '-h'], ['help', command]]) {
        const { code, stdout, stderr } = here(...args);
        assert.equal(code, 0, stderr);
        assert.equal(stderr, '');
        assert.match(stdout, new RegExp(`^lunette ${command}\\b.* - \\w+`));
        assert.match(stdout, new RegExp(`^Example: (\\./)?lunette ${command}\\b`, 'm'));
        assert.match(stdout, /^ {2}--data /m);
      }
    });
  }

  test('help config lists every setting with its default', () => {
    const { code, stdout } = here('help', 'config');
    assert.equal(code, 0);
    for (const name of ['port', 'database', 'http_body_bytes', 'graphql_depth', 'pg_size']) {
      assert.match(stdout, new RegExp(`^#${name} = ?`, 'm'));
    }
    assert.match(stdout, /^#port = 8080$/m);
  });

  test('version prints one line', () => {
    assert.match(here('version').stdout, /^lunette \d+\.\d+\.\d+\n$/);
    assert.equal(here('--version').stdout, here('version').stdout);
  });

  const MISTAKES = [
    [['chekc'], "unknown command 'chekc'; did you mean 'check'?"],
    [['xyzzy'], "unknown command 'xyzzy'"],
    [['up', '--prot', '1'], "unknown option '--prot'; did you mean '--port'?"],
    [['up', '--worker', '1'], "unknown option '--worker'; did you mean '--workers'?"],
    [['up', '-x'], "unknown option '-x'"],
    [['up', '--port', 'abc'], "port: 'abc' is not a whole number"],
    [['up', '--port', '70000'], /port: .*70000/],
    [['up', '--port'], "option '--port' needs a value"],
    [['up', 'now'], "unexpected argument 'now'"],
    [['up', '--config', 'none.conf'], "cannot open 'none.conf'"],
    [['status', '--jsn'], "unknown option '--jsn'; did you mean '--json'?"],
    [['status', '--json=yes'], "option '--json' has no value"],
    [['help', 'chek'], "no command 'chek'; did you mean 'check'?"],
    [['token'], 'give --user NAME'],
    [['token', '--user', 'a', '--ttl', 'soon'], "'soon' is not a time"],
    [['token', '--usr', 'a'], "unknown option '--usr'; did you mean '--user'?"],
    [['new'], 'give the app a name'],
    [['new', 'Stock'], "'Stock' is no name of an app"],
    [['new', '../stock'], "'../stock' is no name of an app"],
    [['check', 'nothing', '--apps', sampleApps], "there is no app 'nothing'"],
  ];
  for (const [args, words] of MISTAKES) {
    const line = args.slice(0, 4).join(' ').replace(root, '.');
    test(`'${line}' is a mistake: exit code 2, and what would be right`, () => {
      const { code, stdout, stderr } = here(...args);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^lunette[ :]/);
      if (typeof words === 'string') assert.ok(stderr.includes(words), stderr);
      else assert.match(stderr, words);
    });
  }

  test('names the line of a setting that is wrong', () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'lunette.conf'), '# mine\nhost = 127.0.0.1\nprot = 5\n');
    const { code, stderr } = inFolder(folder)('up');
    assert.equal(code, 2);
    assert.match(stderr, /lunette\.conf:3: unknown setting 'prot'; did you mean 'port'\?/);
    const fromEnvironment = lunette(['up'], { cwd: temporaryFolder(),
      env: { ...process.env, LUNETTE_PORT: 'x' } });
    assert.equal(fromEnvironment.code, 2);
    assert.match(fromEnvironment.stderr, /LUNETTE_PORT.*'x' is not a whole number/);
  });

  test('status and down say that nothing runs', () => {
    assert.deepEqual({ ...here('status'), signal: null },
      { code: 3, signal: null, stdout: 'not running\n', stderr: '' });
    const json = here('status', '--json');
    assert.equal(json.code, 3);
    assert.deepEqual(JSON.parse(json.stdout), { running: false });
    const down = here('down');
    assert.equal(down.code, 0);
    assert.equal(down.stdout, 'not running\n');
  });

  test('up without apps says how to make one', () => {
    const folder = temporaryFolder();
    const missing = inFolder(folder)('up', '--port', '0');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no apps folder 'apps'.*lunette new APP/);
  });
});

describe('lunette new', () => {
  const folder = temporaryFolder();
  const run = inFolder(folder);

  test('makes an app that check finds nothing wrong in', () => {
    for (const name of ['stock', 'my_second_app']) {
      const made = run('new', name);
      assert.equal(made.code, 0, made.stderr);
      assert.match(made.stdout, new RegExp(`apps/${name}/app\\.lua`));
      const checked = run('check', name);
      assert.equal(checked.code, 0, checked.stdout);
      assert.match(checked.stdout, /^0 errors, 0 warnings$/m);
    }
    assert.equal(run('check').stdout, '0 errors, 0 warnings\n');
    assert.deepEqual(JSON.parse(run('check', '--json').stdout).ok, true);
  });

  test('leaves an app alone that is there', () => {
    const file = path.join(folder, 'apps/stock/app.lua');
    const before = fs.readFileSync(file, 'utf8');
    const again = run('new', 'stock');
    assert.equal(again.code, 1);
    assert.match(again.stderr, /'apps\/stock' is there already/);
    assert.equal(fs.readFileSync(file, 'utf8'), before);
  });

  test('makes apps that up serves together', async (t) => {
    const server = await Server.start({ apps: path.join(folder, 'apps') });
    t.after(() => server.down());
    assert.deepEqual(server.status().releases.map((one) => one.app).sort(),
      ['my_second_app', 'stock']);
    const types = (await server.dataOf('{ __schema { types { name } } }')).__schema.types
      .map((one) => one.name);
    const model = types.find((name) => /^Stock\w*Task$/.test(name)) ?? 'StockNote';
    const { made } = await server.dataOf(`mutation {
      made: create${model}(data: { title: "try it"${model.endsWith('Task')
        ? ', project: { create: { name: "first" } }' : ''} }) { title }
    }`);
    assert.deepEqual(made, { title: 'try it' });
  });
});

describe('lunette check', () => {
  test('prints every error of every app with file and line, and fails', () => {
    const folder = temporaryFolder();
    const write = (file, text) => {
      fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      fs.writeFileSync(path.join(folder, file), text);
    };
    write('apps/one/app.lua', `app "one" {}
model "Thing" { fields = {
  name = txt {},
  size = int { defualt = 1 },
  other = ref "Thnig" {},
} }
access "Thing" { user = "raed" }
`);
    write('apps/two/app.lua', 'app "two" { depends = { "on" } }\n');
    write('apps/two/more.lua', 'model "X" {\n  fields = {\n');
    const { code, stdout } = inFolder(folder)('check');
    assert.equal(code, 1);
    for (const words of [
      /^apps\/one\/app\.lua:3: .*txt.*did you mean 'text'/m,
      /^apps\/one\/app\.lua:4: .*defualt.*did you mean 'default'/m,
      /^apps\/one\/app\.lua:5: .*Thnig.*did you mean 'Thing'/m,
      /^apps\/one\/app\.lua:7: .*user/m,
      /^apps\/two\/app\.lua:1: .*'on'.*did you mean 'one'/m,
      /^apps\/two\/more\.lua:\d+: /m,
    ]) assert.match(stdout, words);
    const messages = stdout.match(/^apps\/.*$/gm);
    assert.ok(stdout.endsWith(`\n${messages.length} errors, 0 warnings\n`), stdout);
    assert.ok(stdout.includes('    3 |   name = txt {},\n      |          ^^^\n'), stdout);
    assert.ok(stdout.includes('    5 |   other = ref "Thnig" {},\n      |                ^^^^^\n'), stdout);
    assert.doesNotMatch(stdout, /\x1b/, 'no colours on a pipe');
    const only = inFolder(folder)('check', 'two');
    assert.equal(only.code, 1);
    assert.doesNotMatch(only.stdout, /apps\/one\//);
    const json = JSON.parse(inFolder(folder)('check', '--json').stdout);
    assert.equal(json.ok, false);
    assert.equal(json.errors.length, messages.length);
    assert.ok(json.errors.every((error) => error.file && error.line && error.message));
  });

  test('finds nothing wrong in the sample apps, and changes nothing', () => {
    const folder = temporaryFolder();
    const { code, stdout } = inFolder(folder)('check', '--apps', sampleApps);
    assert.equal(code, 0, stdout);
    assert.equal(stdout, '0 errors, 0 warnings\n');
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  test('warns of a model that nobody may use', () => {
    const folder = temporaryFolder();
    fs.mkdirSync(path.join(folder, 'apps/lone'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'apps/lone/app.lua'),
      'app "lone" {}\nmodel "Thing" { fields = { name = text {} } }\n');
    const { code, stdout } = inFolder(folder)('check');
    assert.equal(code, 0);
    assert.match(stdout, /^apps\/lone\/app\.lua:2: warning: Thing has no access rules/m);
    assert.match(stdout, /^0 errors, 1 warning$/m);
  });
});

describe('with a running server,', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(() => server.down());
  const on = (...args) => lunette([args[0], '--data', server.data, ...args.slice(1)], {
    cwd: temporaryFolder(),
  });

  test('status shows what runs, in words and as JSON', () => {
    const { code, stdout } = on('status');
    assert.equal(code, 0);
    const status = server.status();
    for (const text of [server.url, server.ops, status.socket, 'base@1.0.0+',
      String(status.pids.supervisor), String(status.pids.postgres)]) {
      assert.ok(stdout.includes(text), `${text} in\n${stdout}`);
    }
    assert.equal(status.running, true);
    assert.equal(status.url, server.url);
    assert.equal(status.ports.http, Number(new URL(server.url).port));
    assert.equal(status.ports.ops, Number(new URL(server.ops).port));
    assert.ok(fs.existsSync(status.socket));
    assert.equal(status.last_error, null);
    for (const pid of [status.pids.supervisor, status.pids.postgres, ...status.pids.workers]) {
      assert.ok(fs.existsSync(`/proc/${pid}`));
    }
  });

  test('token makes a signed token that the keys of the server prove', async () => {
    const { code, stdout } = on('token', '--user', 'bob', '--role', 'sales.seller', '--ttl', '1h');
    assert.equal(code, 0);
    const [head, body] = stdout.trim().split('.').slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url')));
    const { keys } = JSON.parse((await server.request('/.well-known/jwks.json')).text);
    const key = keys.find((one) => one.kid === head.kid);
    assert.ok(key);
    assert.equal(key.d, undefined, 'no private key');
    assert.equal(body.sub, 'bob');
    assert.equal(body.exp - body.iat, 3600);
    const [signed, signature] = [stdout.trim().split('.').slice(0, 2).join('.'), stdout.trim().split('.')[2]];
    const name = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const proof = await crypto.subtle.importKey('jwk', key, name, false, ['verify']);
    assert.ok(await crypto.subtle.verify(name, proof, Buffer.from(signature, 'base64url'),
      Buffer.from(signed)));
  });

  test('token refuses users and roles that are not there', () => {
    const user = on('token', '--user', 'bbo');
    assert.equal(user.code, 1);
    assert.equal(user.stdout, '');
    assert.match(user.stderr, /there is no user 'bbo'; did you mean 'bob'\?/);
    const role = on('token', '--user', 'bob', '--role', 'sales.seler');
    assert.equal(role.code, 1);
    assert.equal(role.stdout, '');
    assert.match(role.stderr, /there is no role 'sales\.seler'; did you mean 'sales\.seller'\?/);
  });

  test('check and schema take its apps', () => {
    const check = on('check', 'sales');
    assert.equal(check.code, 0, check.stderr);
    assert.equal(check.stdout, '0 errors, 0 warnings\n');
    assert.match(on('schema').stdout, /^type OrderLine implements Node \{/m);
  });

  test('a second up names it, and down stops it with all its processes', async (t) => {
    const other = await Server.start({ apps: { lone: LONE } });
    const { pids } = other.status();
    const { code, stdout } = lunette(['down', '--data', other.data]);
    assert.equal(code, 0);
    assert.equal(stdout, 'stopped\n');
    assert.deepEqual(await other.ended, { code: 0, signal: null });
    for (const pid of [pids.supervisor, pids.postgres, pids.nats, ...pids.workers]) {
      if (pid) assert.ok(!fs.existsSync(`/proc/${pid}`), `${pid}`);
    }
    fs.rmSync(other.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    t.diagnostic('stopped');
  });

  test('up --detach comes back when it is ready, and goes on', async () => {
    const folder = temporaryFolder();
    fs.mkdirSync(path.join(folder, 'apps/lone'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'apps/lone/app.lua'), LONE);
    const run = inFolder(folder);
    for (let turn = 0; turn < 2; turn++) {
      const { code, stdout, stderr } = run('up', '--detach', '--port', '0', '--ops-port', '0');
      assert.equal(code, 0, stderr);
      const [, url] = stdout.match(/^ready (http:\S+)$/m);
      try {
        const answer = await fetch(`${url}/graphql?query=${encodeURIComponent('{ as { b } }')}`);
        assert.deepEqual(await answer.json(), { data: { as: [] } });
      } finally {
        assert.equal(run('down').stdout, 'stopped\n');
      }
      await until('its end', () => run('status').code === 3);
    }
  });
});
