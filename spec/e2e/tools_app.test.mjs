// Working in an app: its tests, the shell, top.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bin, lunette, sampleApps, Server, temporaryFolder, until } from './support/server.mjs';
import { KEY, Terminal } from './support/terminal.mjs';

const SHOP = `app "shop" { version = "1.0.0", depends = { "base" } }
role "user" {}
role "boss" { implies = { "user" } }
model "Item" { fields = {
  name = text { required = true, unique = true, size = 100 }, price = money { min = 0 },
  owner = ref "base.User" { default = me }, qty = int { default = 1 },
  due = date { default = today() }, made = created {},
}, check = { "qty >= 0", "qty must not be negative" } }
access "Item" { user = { read = true, create = true }, boss = "all" }
query "total" { args = { min = int { default = 0, min = 0 } }, returns = decimal, by = "user",
  run = function(args)
    local sum = 0
    for _, item in each(find("Item", { qty = gte(args.min) })) do
      sum = sum + (item.price or 0) * item.qty
    end
    return sum
  end }
mutation "sell" { args = { id = id { required = true }, n = int { default = 1 } },
  returns = "Item", by = "boss",
  run = function(args)
    local item = one("Item", args.id) or fail("no such item")
    item:set { qty = item.qty - args.n }
    return item
  end }
query "boom" { returns = int, by = "user", run = function()
  local item = nil
  return item.qty
end }
query "spin" { returns = int, by = "public", run = function() while true do end end }
`;

const RIGHT = `
test "an item is sold" (function(t)
  local item = t:create("Item", { name = "Bolt", price = "2.50", qty = 4 })
  t:equal(item.price, 2.5)
  t:equal(t:call("total"), 10)
  local sold = t:call("sell", { id = item.id, n = 3 })
  t:equal(sold, item)
  t:equal(sold.qty, 1)
  t:fails("negative", function() t:call("sell", { id = item.id, n = 3 }) end)
  t:fails("no such item", function() t:call("sell", { id = "00000000-0000-7000-8000-000000000000" }) end)
  t:fails("must be at least 0", function() t:call("total", { min = -1 }) end)
  t:fails("no argument 'mni'; did you mean 'min'", function() t:call("total", { mni = 1 }) end)
  t:equal(t:find(item).qty, 1)
end)

test "only who may changes an item" (function(t)
  local bob, eve = t:user "user", t:user("boss")
  local item = t:as(bob):create("Item", { name = "Mine", price = 1 })
  t:equal(item.owner, bob)
  t:denied(function() t:as(bob):find(item).name = "Yours" end)
  t:as(eve):find(item).name = "Hers"
  t:equal(t:find(item).name, "Hers")
  t:denied(function() t:as(nil):create("Item", { name = "x" }) end)
  t:denied(function() t:as("base.employee"):call "total" end)
  t:denied(function() t:as(bob):call("sell", { id = item.id }) end)
  t:equal(t:as("boss"):call "total", 1)
end)

test "the clock can be moved" (function(t)
  local today_is = today()
  t:travel "31d"
  t:equal(t:create("Item", { name = "later" }).due > today_is, true)
  t:equal(t:one("Item", { name = "later" }).due, today())
end)

test "each test begins with nothing of the others" (function(t)
  t:equal(#t:find("Item"), 0)
  t:queries(3, function()
    for i = 1, 3 do t:create("Item", { name = "n" .. i }) end
  end)
end)
`;

const WRONG = `
test "a wrong value" (function(t)
  local item = t:create("Item", { name = "Bolt", price = 2 })
  t:equal(item.price, 3)
end)
test "a mistake of Lua" (function(t)
  local item = nil
  return item.name
end)
test "an endless loop" (function(t) while true do end end)
test "what does not fail" (function(t) t:fails("x", function() end) end)
test "what is not denied" (function(t) t:denied(function() end) end)
test "a failure for another reason" (function(t)
  t:fails("negative", function() t:create("Item", {}) end)
end)
test "too many statements" (function(t)
  t:queries(0, function() t:find "Item" end)
end)
test "an unknown role" (function(t) t:user "bos" end)
test "a failed assertion is no failure that was expected" (function(t)
  t:fails("equal", function() t:equal(1, 2) end)
end)
test "escapes \\27[2J" (function(t) t.equal(1, 1) end)
test "a function that refuses" (function(t) fail("not today") end)
test "and one that is right" (function(t) t:equal({ 1, { a = "x" } }, { 1, { a = "x" } }) end)
`;

describe('lunette test', () => {
  let server;
  before(async () => {
    const folder = temporaryFolder();
    fs.cpSync(path.join(sampleApps, 'base'), path.join(folder, 'apps/base'), { recursive: true });
    server = await Server.start({ folder, apps: { shop: { 'app.lua': SHOP, 'tests.lua': RIGHT } } });
  });
  after(() => server.down());
  const run = (...args) => lunette(['test', ...args, '--data', server.data]);
  const items = () => server.sql('select count(*) from shop.item');

  test('runs the tests of an app, and leaves nothing behind', () => {
    const { code, stdout, stderr } = run('shop');
    assert.equal(stdout, `shop
  ok   an item is sold
  ok   only who may changes an item
  ok   the clock can be moved
  ok   each test begins with nothing of the others

4 passed, 0 failed
`, stderr);
    assert.equal(code, 0);
    assert.equal(items(), '0');
    assert.equal(run('shop').stdout, stdout, 'and again');
  });

  test('takes the folder of an app, and all apps without one', () => {
    for (const args of [[path.join(server.apps, 'shop')], [`${server.apps}/shop/`], []]) {
      assert.match(run(...args).stdout, /^4 passed, 0 failed\n$/m, args);
    }
    const other = run('base');
    assert.equal(other.stdout, '0 passed, 0 failed\n');
    assert.equal(other.code, 0);
  });

  test('shows failures with the line of code, a caret, what came and what was expected', async () => {
    assert.equal(await server.reload(() => server.save('shop', WRONG, 'wrong.lua')), null,
      'tests do not stop a load');
    const { code, stdout } = run('shop');
    assert.equal(code, 1);
    assert.match(stdout, /^5 passed, 11 failed\n$/m);
    for (const block of [
      `  FAIL a wrong value
        apps/shop/wrong.lua:4: not equal
            4 |   t:equal(item.price, 3)
              |   ^
        got      2.00
        expected 3
`, `  FAIL a mistake of Lua
        apps/shop/wrong.lua:8: attempt to index local 'item' (a nil value)
            8 |   return item.name
              |          ^^^^
`, `  FAIL an endless loop
        stopped by the limit 'cpu'`,
      'it did not fail\n', 'it was not denied\n', 'it failed otherwise\n',
      'too many statements\n', "there is no role 'bos'", 'not today',
      '  FAIL escapes \\x1b[2J\n', 't is called with a colon',
      '  ok   and one that is right\n',
    ]) assert.ok(stdout.includes(block), `${block} in\n${stdout}`);
    const json = JSON.parse(run('shop', '--json').stdout);
    assert.deepEqual([json.passed, json.failed, json.tests.length, json.results.length], [5, 11, 16, 16]);
    assert.deepEqual(json.results[4], { message: 'shop:wrong.lua:4: not equal', got: '2.00', expected: '3' });
    fs.rmSync(server.file('shop', 'wrong.lua'));
  });

  test('tells mistakes in the app as check does, and runs nothing', () => {
    const folder = path.join(temporaryFolder(), 'apps');
    fs.mkdirSync(path.join(folder, 'one'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'one/app.lua'), `app "one" {}
model "A" { fields = { b = txt {} } }
test "a" "b"
test (3) (function() end)
`);
    const { code, stdout, stderr } = run('one', '--apps', folder);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^apps\/one\/app\.lua:2: .*'txt'.*\n {4}2 \| .*\n {6}\| +\^\^\^\n/m);
    assert.match(stderr, /^apps\/one\/app\.lua:3: test is used wrongly; write test "sentence"/m);
    assert.match(stderr, /^apps\/one\/app\.lua:4: test is used wrongly/m);
    const missing = run('nothing');
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /there is no app 'nothing'/);
  });

  test('gives modules to tests, but nothing that reaches outside', () => {
    const folder = temporaryFolder();
    fs.mkdirSync(path.join(folder, 'apps/post'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'policy.lua'), `app "post" { modules = {
  mail = { from = { "a@example.com" }, domains = { "example.com" }, server = "smtp://127.0.0.1:1" },
  http = { hosts = { "example.com" } }, csv = {} } }
`);
    fs.writeFileSync(path.join(folder, 'apps/post/app.lua'), `
app "post" { uses = { "mail", "http", "csv" } }
role "user" {}
local mail, http, csv = require "mail", require "http", require "csv"
mutation "send" { by = "user", run = function()
  mail.send { from = "a@example.com", to = "b@example.com", subject = "x", text = "y" }
end }
test "a mail is queued and rolled back" (function(t) t:call "send" end)
test "http" (function(t) t:fails("do not work in tests", function() http.get("https://example.com/") end) end)
test "csv" (function(t) t:equal(csv.parse("a,b"), { { "a", "b" } }) end)
`);
    const { stdout, stderr } = run('post', '--apps', path.join(folder, 'apps'));
    assert.match(stdout, /^3 passed, 0 failed\n$/m, stdout + stderr);
  });

  test('makes the tables anew where they cannot follow', () => {
    const folder = path.join(temporaryFolder(), 'apps');
    const save = (field) => {
      fs.mkdirSync(path.join(folder, 'one'), { recursive: true });
      fs.writeFileSync(path.join(folder, 'one/app.lua'), `app "one" {}
model "A" { fields = { ${field} } }
access "A" { public = "all" }
test "a" (function(t) t:equal(t:create("A", { b = 5 }).b, 5) end)
`);
      return run('one', '--apps', folder);
    };
    for (const field of ['b = int {}', 'b = int {}, c = text {}', 'b = int {}', 'b = float {}']) {
      assert.match(save(field).stdout, /^1 passed, 0 failed\n$/m, field);
    }
  });
});

test('lunette test starts a database of its own where no host runs', () => {
  const folder = temporaryFolder();
  const { code, stdout, stderr } = (() => {
    assert.equal(lunette(['new', 'stock'], { cwd: folder }).code, 0);
    return lunette(['test', 'stock'], { cwd: folder });
  })();
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /^[1-9] passed, 0 failed\n$/m);
  assert.ok(!fs.existsSync(path.join(folder, '.lunette/postgres/postmaster.pid')), 'it is stopped');
});

test('./lunette test tells the tests of apps from the specs', () => {
  const script = path.resolve(sampleApps, '../lunette');
  const text = fs.readFileSync(script, 'utf8');
  const [names] = text.match(/^names_apps\(\) \{\n[^]*?^\}\n/m);
  const isApp = (...args) => spawnSync('sh', ['-c', `root=/r\n${names}\nnames_apps "$@"`, 'sh', ...args]).status === 0;
  for (const args of [['sales'], ['apps/sales'], ['--json', 'sales', 'sales'], ['--apps', 'x'],
    ['/x/shop', '--json']]) {
    assert.ok(isApp(...args), args.join(' '));
  }
  for (const args of [[], ['--asan'], ['spec/lua'], ['./spec'], ['--only', 'sales'],
    ['--json', 'out', 'spec/unit'], ['/r/spec/e2e'], ['-v']]) {
    assert.ok(!isApp(...args), args.join(' '));
  }
});

describe('lunette shell', () => {
  let server;
  before(async () => {
    const folder = temporaryFolder();
    fs.cpSync(path.join(sampleApps, 'base'), path.join(folder, 'apps/base'), { recursive: true });
    server = await Server.start({ folder, apps: { shop: SHOP } });
  });
  after(() => server.down());
  const items = () => server.sql('select count(*) from shop.item');
  /** Lines from a pipe. */
  const pipe = (lines, ...args) => {
    const run = spawnSync(bin, ['shell', 'shop', '--data', server.data, ...args],
      { encoding: 'utf8', input: lines.join('\n'), timeout: 60000 });
    return { code: run.status, stdout: run.stdout, stderr: run.stderr };
  };
  const terminal = (t, ...args) => {
    const made = new Terminal(`${bin} shell shop --data ${server.data} ${args.join(' ')}`);
    t.after(() => made.close());
    return made;
  };

  test('prints the values of expressions, records as tables', () => {
    const { code, stdout, stderr } = pipe(['1 + 2', '"a\\n" .. 1', '{ 1, b = { null } }', 'nil',
      'x = 7', 'x * 2', 'for i = 1, 2 do', '  print(i, "é")', 'end',
      'create("Item", { name = "Nail", price = "0.10" })', 'find("base.Country", { code = "FR" })',
      'find("Item")', '{}', 'me']);
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.ok(stdout.startsWith('3\n"a\\n1"\n{ 1, b = { null } }\nnil\n14\n1\té\n2\té\nItem('), stdout);
    assert.match(stdout, /^Item\([0-9a-f-]+\)\n {2}id +"[0-9a-f-]+"\n {2}name +"Nail"\n {2}price +0\.10\n/m);
    assert.match(stdout,
      /^id +code +code3 +number +name\n"[^\n]+"FR"[^\n]+"France"\n1 record\n0 records\n\{\}\nnobody\n$/m);
    assert.equal(items(), '0', 'each line was rolled back');
  });

  test('keeps what lines change only where that was asked for, and says so in the log', async () => {
    pipe(['create("Item", { name = "A" })', ':write on', 'create("Item", { name = "B" })', 'nope()',
      ':write off', 'create("Item", { name = "C" })']);
    assert.equal(server.sql('select name from shop.item'), 'B');
    pipe(['one("Item"):delete()'], '--write');
    assert.equal(items(), '0');
    const said = await until('the lines', () => {
      const { stdout } = lunette(['logs', 'shop', '--json', '--data', server.data]);
      const lines = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
      return lines.filter((line) => line.msg === 'shell').length === 2 && lines;
    });
    assert.deepEqual(said.filter((line) => line.msg === 'shell').map((line) => line.code),
      ['create("Item", { name = "B" })', 'one("Item"):delete()']);
  });

  test('acts with the rights of a user', () => {
    server.sql("insert into base.user (id, login, name, active, roles, created_at) values"
      + " (gen_random_uuid(), 'sam', 'Sam', true, '{shop.user}', now())");
    const { stdout, stderr } = pipe(['create("Item", { name = "A" }).owner == me',
      'one("Item", {}) ', 'create("Item", { name = "B" }):set { qty = 2 }'], '--user', 'sam');
    assert.match(stdout, /^true\nnil\n/);
    assert.match(stderr, /FORBIDDEN/);
    assert.match(pipe(['1'], '--user', 'nobody').stderr, /there is no user 'nobody'/);
  });

  test('has the sandbox and the limits of the app', () => {
    const { code, stdout, stderr } = pipe(['while true do end', '("x"):rep(1e9)', 'io.open("/etc/passwd")',
      'require "ffi"', 'print("\\27[2J")', 'string.dump(print)', 'fail("no")', '"still here"']);
    assert.equal(code, 0, 'the last line was right');
    assert.match(stderr, /stopped by the limit 'cpu'/);
    assert.match(stderr, /unknown word 'io'/);
    assert.match(stderr, /'ffi'/);
    assert.match(stdout, /^\\x1b\[2J$/m);
    assert.match(stdout, /^"still here"\n$/m);
    assert.equal(pipe(['nope']).code, 1);
  });

  test('in a terminal edits lines, remembers them, and stops what runs with Ctrl-C', async (t) => {
    const shell = terminal(t);
    await shell.waitFor(/rolled back\.[^]*shop> $/);
    await shell.type(`6 * 7${KEY.enter}`, /^42\nshop> $/m);
    await shell.type(KEY.up, /6 \* 7/);
    await shell.type(`0${KEY.enter}`, /^420\nshop> $/m);
    await shell.type(`if true then${KEY.enter}`, /shop\.\.\. $/);
    await shell.type(`print("in")${KEY.enter}`, /shop\.\.\. $/);
    await shell.type(`end${KEY.enter}`, /^in\nshop> $/m);
    await shell.type(`half a line${KEY.ctrlC}`, /shop> $/);
    await shell.type(`"after"${KEY.enter}`, /^"after"\nshop> $/m);
    await shell.type(`:as bob${KEY.enter}`, /shop as bob> $/);
    await shell.type(`:as${KEY.enter}`, /shop> $/);
    await shell.type(`local n = 0 while true do n = n + 1 end${KEY.enter}`, /shop> $/);
    await shell.type(KEY.ctrlD, /\n/);
    assert.equal(await shell.ended, 0);
    const again = terminal(t);
    await again.waitFor(/shop> $/);
    await again.type(KEY.up, /while true/);
    const file = path.join(server.data, 'shell.history');
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  });

  test('stops a line that waits for the database', async (t) => {
    const shell = terminal(t);
    await shell.waitFor(/shop> $/);
    await shell.type(`for i = 1, 1e9 do find("base.Country") end${KEY.enter}`, /end\n/);
    await shell.type(KEY.ctrlC, /interrupted[^]*shop> $/);
    await shell.type(`1 + 1${KEY.enter}`, /^2\nshop> $/m);
  });

  test('follows a new release', async (t) => {
    const shell = terminal(t);
    await shell.waitFor(/shop> $/);
    await server.reload(() => server.save('shop', SHOP.replace('"1.0.0"', '"1.1.0"')));
    await shell.type(`1${KEY.enter}`, /a new release is served[^]*^1\nshop> $/m);
  });

  test('says what is missing', () => {
    const at = (...args) => lunette(['shell', ...args]);
    assert.equal(at('--data', server.data).code, 2);
    assert.match(at('nothing', '--data', server.data).stderr, /'nothing' is not served/);
    assert.equal(at('shop', '--data', path.join(temporaryFolder(), 'x')).code, 3);
  });

  test('logs shows errors of functions with the line of code', async () => {
    const { errors: [error] } = await server.ask('{ boom }');
    const { stdout } = await until('the line', () => {
      const run = lunette(['logs', 'shop', '--level', 'error', '--data', server.data]);
      return run.stdout.includes(error.extensions.error_id) && run;
    });
    assert.match(stdout, /^ {4}shop:app\.lua:\d+: attempt to index local 'item' \(a nil value\)$/m);
    assert.match(stdout, /^ {7}\d\d \|   return item\.qty\n {9} \| {10}\^{4}$/m);
  });

  test('up shows them in its terminal, too', async (t) => {
    const folder = temporaryFolder();
    fs.mkdirSync(path.join(folder, 'apps/one'), { recursive: true });
    const save = (text) => fs.writeFileSync(path.join(folder, 'apps/one/app.lua'), `app "one" {}
query "boom" { returns = int, by = "public", run = function()
  ${text}
end }
`);
    save('local x = nil return x.y');
    const up = new Terminal(`${bin} up --port 0 --ops-port 0 --apps ${folder}/apps --data ${folder}/data`);
    t.after(() => up.close());
    const [, url] = await up.waitFor(/^ready (http:\S+)$/m);
    const boom = () => fetch(`${url}/graphql?query=${encodeURIComponent('{ boom }')}`);
    await boom();
    await up.waitFor(/ error one: internal error [^]*one:app\.lua:3: .*\n[^]* 3 \| {3}local x = nil/);
    up.output = '';
    save('error("another")');
    await up.waitFor(/^loaded one/m);
    await boom();
    await up.waitFor(/another\n[^]* 3 \| {3}error\("another"\)\n/);
    await up.type(KEY.ctrlC, /stopping/);
    await up.ended;
  });

  test('top shows what apps use, in a table, as JSON and live', async (t) => {
    const calls = async () => {
      for (let at = 0; at < 20; at++) await server.ask('{ total }');
      await server.ask('{ spin }');
    };
    const [json] = await Promise.all([new Promise((resolve) => {
      const shown = new Terminal(`${bin} top --once --json --data ${server.data}`);
      shown.ended.then(() => resolve(JSON.parse(shown.output)));
    }), calls().then(calls)]);
    const shop = json.apps.find((row) => row.app === 'shop' && row.calls > 0);
    assert.match(shop.release, /^shop@1\./);
    assert.ok(shop.memory > 100000 && json.responses > 0);
    assert.ok(json.apps.some((row) => row.app === 'base'));
    const live = new Terminal(`${bin} top --data ${server.data}`);
    t.after(() => live.close());
    await live.waitFor(/^APP +CALLS\/S +CPU % +MIB +ERRORS\/S STOPPED\/S {2}RELEASE$/m);
    live.output = '';
    await calls();
    await live.waitFor(/^shop +\d+\.\d +\d+\.\d +\d+\.\d +\d+\.\d +\d+\.\d {2}1\.[01]\.0\+\w{8}$/m);
    await live.type(KEY.ctrlC, /./);
    assert.equal(await live.ended, 0);
    assert.ok(live.output.includes('\x1b[?1049l'), 'the screen is given back');
    assert.equal(lunette(['top', '--once', '--data', path.join(temporaryFolder(), 'x')]).code, 3);
  });
});
