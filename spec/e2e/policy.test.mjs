// What the architects' policy gives to apps, and the core modules inside them.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { blocks } from './support/markdown.mjs';
import { pushed } from './support/releases.mjs';
import { lunette, root, Server, temporaryFolder, until } from './support/server.mjs';

const base = `app "base" { version = "1.0.0" }
role "employee" {}
model "User" { fields = { login = text { required = true, unique = true },
  name = text {}, active = bool { default = true }, roles = list(text) {} } }
access "User" { employee = "read" }`;

const shop = `app "shop" {
  version = "1.0.0", depends = { "base" },
  uses = { "cache", "crypto", "csv", "decimal", "json", "log", "time" },
}
local cache, crypto, csv = require "cache", require "crypto", require "csv"
local decimal, json, log = require "decimal", require "json", require "log"
local time = require "time"

model "Item" { fields = {
  sku = text { required = true, unique = true },
  price = money { default = 0 },
  due = date {},
} }
access "Item" { ["base.employee"] = "all" }

query "import" { args = { text = text {} }, returns = int, by = "public",
  run = function(args)
    local count = 0
    for _ in csv.rows(args.text, { header = true }) do count = count + 1 end
    return count
  end }
query "export" { returns = text, by = "base.employee", run = function()
    local rows = {}
    for _, item in each(find("Item", {}, { order = "sku" })) do
      rows[#rows + 1] = { sku = item.sku, price = item.price }
    end
    return csv.format(rows, { header = { "sku", "price" } })
  end }
query "through" { args = { text = text {} }, returns = text, by = "public",
  run = function(args) return json.encode(json.decode(args.text)) end }
query "total" { returns = decimal, by = "base.employee", run = function()
    local prices = {}
    for _, item in each(find("Item")) do prices[#prices + 1] = item.price end
    return decimal.sum(prices) * "1.19"
  end }
query "digest" { args = { name = text {}, text = text {} }, returns = text, by = "public",
  run = function(args) return crypto.hash(args.name, args.text) end }
query "counted" { returns = int, by = "public", run = function()
    local count = (cache.get("count") or 0) + 1
    cache.set("count", count)
    return count
  end }
query "noted" { args = { text = text {} }, by = "public",
  run = function(args) log.warn(args.text, { from = "shop" }) end }
query "later" { args = { day = text {} }, returns = text, by = "public",
  run = function(args) return time.add(args.day, { months = 1 }) end }
query "kept" { returns = json, by = "public", run = function()
    cache.set("kept", { price = decimal.new("1.50"), none = null })
    return cache.get("kept")
  end }
query "place" { returns = text, by = "public", run = function()
    local _, message = pcall(function() csv.parse('"') end)
    return message
  end }
query "wall" { args = { at = text {} }, returns = text, by = "public",
  run = function(args) return time.format(args.at, "%H:%M %Z", "Europe/Berlin") end }
query "foreign" { args = { name = text {} }, returns = text, by = "public",
  run = function(args)
    local ok, message = pcall(require, args.name)
    return tostring(ok) .. " " .. tostring(message)
  end }
query "large" { args = { n = int {} }, returns = text, by = "public",
  run = function(args) return crypto.hash("sha256", ("x"):rep(args.n)) end }
`;

const policy = `default {
  modules = { "csv", "json", "decimal", "log", "time" },
}
app "shop" {
  modules = { "crypto", cache = { bytes = "64k" } },
}
`;

async function started(apps, text, options = {}) {
  const server = new Server({ apps, ...options });
  if (text) fs.writeFileSync(path.join(server.folder, 'policy.lua'), text);
  server.launch();
  await server.ready();
  return server;
}

const loads = (server) => Number(server.output.match(/loaded/g)?.length ?? 0);

describe('core modules inside an app', () => {
  let server;
  before(async () => {
    server = await started({ base, shop }, policy, { args: ['--workers', '1'] });
    await server.ask('mutation { createItem(data: {sku: "A", price: "10.10"}) { id } }');
    await server.ask('mutation { createItem(data: {sku: "B,1", price: "0.20"}) { id } }');
  });
  after(() => server.down());

  const value = async (query, variables) => {
    const { data, errors } = await server.ask(query, variables);
    assert.equal(errors, undefined, JSON.stringify(errors));
    return Object.values(data)[0];
  };

  test('read and write texts', async () => {
    assert.equal(await value('query($t: String!) { import(text: $t) }', { t: 'a,b\n1,2\n3,4\n' }), 2);
    assert.equal(await value('{ export }'), 'sku,price\r\nA,10.10\r\n"B,1",0.20\r\n');
    const text = '{"big":9007199254740993,"list":[],"none":null,"price":12.5}';
    assert.equal(await value('query($t: String!) { through(text: $t) }', { t: text }), text);
  });

  test('calculate exactly with fields of records', async () => {
    assert.equal(await value('{ total }'), '12.2570');
  });

  test('keep values from request to request, and lose them with the release', async () => {
    const first = await value('{ counted }');
    assert.equal(await value('{ counted }'), first + 1);
    const before = loads(server);
    server.save('shop', `${shop}\n-- another release`);
    await until('the load', () => loads(server) > before);
    assert.equal(await value('{ counted }'), 1);
    server.save('shop', shop);
  });

  test('keep decimals and null, too', async () => {
    assert.deepEqual(await value('{ kept }'), { price: '1.50', none: null });
  });

  test('tell the line of the app that used them wrongly', async () => {
    assert.match(await value('{ place }'), /^shop:app\.lua:\d+: csv: line 1: a quoted field has no end$/);
  });

  test('write lines that name app, release and request', async () => {
    await value('{ noted(text: "look here") }');
    const log = path.join(server.data, 'log/requests.log');
    const line = await until('the line', () => fs.readFileSync(log, 'utf8').split('\n')
      .find((one) => one.includes('look here')));
    const { app, release, level, from, request } = JSON.parse(line);
    assert.deepEqual({ app, level, from }, { app: 'shop', level: 'warn', from: 'shop' });
    assert.match(release, /^shop@1\.0\.0\+[0-9a-f]{8}$/);
    assert.ok(request);
  });

  test('calculate with dates', async () => {
    assert.equal(await value('{ later(day: "2026-01-31") }'), '2026-02-28');
    assert.equal(await value('{ wall(at: "2026-07-01T22:05Z") }'), '00:05 CEST');
  });

  test('are held to the options of their grant', async () => {
    assert.equal(await value('{ digest(name: "sha256", text: "") }'),
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    const { errors: [error] } = await server.ask('{ digest(name: "md5", text: "") }');
    assert.equal(error.extensions.code, 'INTERNAL');
    const log = path.join(server.data, 'log/requests.log');
    await until('the cause', () => fs.readFileSync(log, 'utf8')
      .includes("the hash 'md5' is not granted; granted are sha256"));
    const { errors } = await server.ask('{ large(n: 2000000) }');
    assert.ok(errors);
    assert.match(await value('{ large(n: 1000000) }'), /^[0-9a-f]{64}$/);
  });

  test('that were not granted are out of reach, whatever their name', async () => {
    for (const name of ['http', 'ffi', 'string.buffer', '../csv', 'lunette.guest.init']) {
      const said = await value('query($n: String!) { foreign(name: $n) }', { n: name });
      assert.match(said, /^false .*the app has no module '.*': it must stand in its 'uses'/);
    }
  });
});

describe('a change of the policy', () => {
  test('takes effect while the server serves, and a wrong one changes nothing', async () => {
    const app = `app "small" { version = "1.0.0" }
query "spin" { args = { n = int {} }, returns = int, by = "public",
  run = function(args)
    local sum = 0
    for at = 1, args.n do sum = sum + #tostring(at) end
    return 1
  end }`;
    const server = await started({ base, small: app }, null, { args: ['--workers', '1'] });
    const file = path.join(server.folder, 'policy.lua');
    const release = async () => (await server.post('{ __typename }')).headers['lunette-release'];
    const spin = async () => (await server.ask('{ spin(n: 1000000) }')).errors?.[0].extensions;
    const first = await release();

    fs.writeFileSync(file, 'app "small" { limits = { cpu = "1ms" } }\n');
    const { limit } = await until('the limit', async () => {
      const found = await spin();
      return found?.code === 'BUDGET_EXCEEDED' && found.max === 1 && found;
    });
    assert.equal(limit, 'cpu');
    assert.equal(await release(), first, 'the apps are the same');

    fs.writeFileSync(file, 'app "small" { limits = { cpu = "1x" } }\n');
    await until('the complaint', () => server.output.includes(
      `policy.lua:1: limit 'cpu' must be a time like "200ms" or "5s"`));
    assert.equal((await spin())?.code, 'BUDGET_EXCEEDED');

    fs.writeFileSync(file, 'app "small" { limits = { cpu = "10s", wall = "20s" } }\n');
    await until('the end of the limit', async () => !(await spin()));

    fs.rmSync(file);
    fs.writeFileSync(`${file}.new`, 'app "small" { limits = { cpu = "2ms" } }\n');
    fs.renameSync(`${file}.new`, file);
    await until('the renamed file', async () => (await spin())?.max === 2);
    await server.down();
  });
});

describe('a policy where releases come from the database', () => {
  test('takes effect as well when it is saved', async () => {
    const folder = temporaryFolder();
    const server = await started(path.join(folder, 'apps'), null, { folder,
      args: ['--workers', '1', '--releases', 'database'] });
    await pushed(server, 'base', base);
    await pushed(server, 'count', `app "count" { version = "1.0.0" }
query "rows" { returns = int, by = "public", run = function()
    local sum = 0
    for _ = 1, 3 do sum = sum + #find("base.User") end
    return sum
  end }`.replace('version', 'depends = { "base" }, version'));
    assert.equal((await server.ask('{ rows }')).errors, undefined);
    fs.writeFileSync(path.join(folder, 'policy.lua'), 'app "count" { limits = { statements = 1 } }\n');
    const { limit, max } = await until('the limit', async () =>
      (await server.ask('{ rows }')).errors?.[0].extensions);
    assert.deepEqual({ limit, max }, { limit: 'statements', max: 1 });
    await server.down();
  });
});

describe('a module of ours', () => {
  test('is made as its page says, and loaded again when it is saved', async () => {
    const page = blocks(fs.readFileSync(path.join(root, 'docs/modules.md'), 'utf8'));
    const part = (name) => page.find(({ text }) => text.startsWith(`-- modules/greeting/${name}`)).text;
    const folder = temporaryFolder();
    const greeting = path.join(folder, 'modules/greeting');
    fs.mkdirSync(greeting, { recursive: true });
    fs.writeFileSync(path.join(greeting, 'manifest.lua'), part('manifest.lua'));
    fs.writeFileSync(path.join(greeting, 'greeting.lua'), part('greeting.lua'));
    const hall = `app "hall" { version = "1.0.0", uses = { "greeting 1" } }
local greeting = require "greeting"
query "hello" { args = { name = text {} }, returns = text, by = "public",
  run = function(args) return greeting.hello(args.name) end }`;
    const server = await started({ base, hall },
      'app "hall" { modules = { greeting = { words = { "Good morning" }, length = 20 } } }\n',
      { folder, args: ['--workers', '1', '--modules', path.join(folder, 'modules')] });
    const hello = async (name) => {
      const { data, errors } = await server.ask('query($n: String!) { hello(name: $n) }', { n: name });
      return data?.hello ?? errors[0].extensions.code;
    };
    assert.equal(await hello('Eve'), 'Good morning Eve');
    assert.equal(await hello('Maximilian'), 'INTERNAL', 'longer than its grant allows');
    const file = path.join(greeting, 'greeting.lua');
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('" "', '", "'));
    await until('the module', async () => (await hello('Eve')) === 'Good morning, Eve');
    await server.down();
  });
});

describe('an app without a grant', () => {
  test('is refused with the missing grant, the line, and a caret', async () => {
    const server = await started({ base }, policy);
    server.save('mini', 'app "mini" {\n  version = "1.0.0",\n  uses = { "mail" },\n}\n');
    await until('the refusal', () => server.output.includes('apps/mini/app.lua:3: the app uses the'
      + " module 'mail', but policy does not grant it; grant it in policy.lua: app \"mini\" {"));
    assert.match(server.output, /uses = \{ "mail" \}/);
    assert.equal((await server.ask('{ users { id } }')).errors, undefined);
    await server.down();
  });
});

describe('without a policy', () => {
  test('an app that uses a module is told what to write, and where', () => {
    const folder = temporaryFolder();
    const mini = path.join(folder, 'apps/mini');
    fs.mkdirSync(mini, { recursive: true });
    fs.copyFileSync(path.join(root, 'spec/data/mini.lua'), path.join(mini, 'app.lua'));
    const { code, stdout } = lunette(['check', '--apps', path.join(folder, 'apps')]);
    assert.equal(code, 1);
    assert.match(stdout, new RegExp("^apps/mini/app\\.lua:\\d+: the app uses the module 'mail', but policy"
      + " does not grant it; grant it in policy\\.lua, which is not there yet: app \"mini\" { modules = "
      + '{ mail = { server = \\.\\.\\., .*\n +\\d+ \\| *app "mini" .*uses = { "mail" }', 'm'));
  });
});

describe('lunette policy', () => {
  const folder = temporaryFolder();
  const apps = path.join(folder, 'apps');
  const file = path.join(folder, 'policy.lua');
  const write = (name, text) => {
    fs.mkdirSync(path.join(apps, name), { recursive: true });
    fs.writeFileSync(path.join(apps, name, 'app.lua'), text);
  };
  const run = (...args) => lunette(['policy', ...args, '--apps', apps], { cwd: folder });
  before(() => {
    write('base', base);
    write('crm', 'app "crm" {\n  uses = { "csv", "http 9" },\n}\n');
  });

  test('check says what is wrong with the policy', () => {
    fs.writeFileSync(file, 'default { modules = { "cvs" } }\ngroup "x" { apps = { "crn", "hr" } }\n');
    const { code, stdout } = run('check');
    assert.equal(code, 1);
    assert.match(stdout, /^policy\.lua:1: there is no module 'cvs'; did you mean 'csv'\?$/m);
    const names = 'policy\\.lua:2: warning: group "x" names the app';
    assert.match(stdout, new RegExp(`^${names} 'crn', which is not here; did you mean 'crm'\\?$`, 'm'));
    assert.match(stdout, new RegExp(`^${names} 'hr', which is not here$`, 'm'));
  });

  test('check says which apps lack what they ask for', () => {
    fs.writeFileSync(file, 'app "crm" { modules = { "csv", http = { hosts = "a.example" } } }\n');
    const { code, stdout } = run('check');
    assert.equal(code, 1);
    assert.match(stdout, /^apps\/crm\/app\.lua:2: the app uses 'http' 9, but the module here is 1\.\d+\.\d+$/m);
    assert.match(stdout, /^1 error, 0 warnings$/m);
  });

  test('check is content with a right one, and says when there is none', () => {
    write('crm', 'app "crm" { uses = { "csv" } }');
    fs.writeFileSync(file, 'app "crm" { modules = { "csv" } }\n');
    assert.deepEqual({ code: 0, stdout: '0 errors, 0 warnings\n', stderr: '', signal: null }, run('check'));
    fs.rmSync(file);
    write('crm', 'app "crm" {}');
    assert.match(run('check').stdout, /^there is no policy\.lua: apps get no modules$/m);
  });

  test('explain says what an app gets and which line gives it, and what it lacks', () => {
    write('crm', 'app "crm" {\n  uses = { "csv", "json" },\n}\n');
    fs.writeFileSync(file, `default {
  modules = { csv = { bytes = "2m" }, "log" },
  limits = { cpu = "100ms" },
}
app "crm" {
  limits = { memory = "32m" },
  models = { ["base.User"] = { "read", "write" } },
  isolation = "process",
  push = { roles = "base.employee" },
  rollback = { errors = 0.1 },
}
`);
    const { code, stdout } = run('explain', 'crm');
    assert.equal(code, 0);
    for (const line of [
      /^app 'crm' by policy\.lua$/m,
      /^ {2}csv +1\.0\.0 +policy\.lua:2 default\n +bytes = 2m, fields = 1000$/m,
      /^asked for, but not given\n {2}apps\/crm\/app\.lua:2: the app uses the module 'json', but policy/m,
      /^granted, but not in 'uses'\n {2}log +1\.0\.0 +policy\.lua:2 default$/m,
      /^ {2}cpu +100ms +policy\.lua:3 default$/m,
      /^ {2}memory +32m +policy\.lua:6 app "crm"$/m,
      /^ {2}rows +100000 +default of Lunette$/m,
      /^ {2}base\.User +read, write +policy\.lua:7 app "crm"$/m,
      /^ {2}isolation +process +policy\.lua:8 app "crm"$/m,
      /^ {2}push +role base\.employee +policy\.lua:9 app "crm"$/m,
      /^ {2}rollback +over 10 % errors of at least 20 requests within 1m +policy\.lua:10 app "crm"$/m,
    ]) assert.match(stdout, line);
    const json = JSON.parse(run('explain', 'crm', '--json').stdout);
    assert.equal(json.explained.limits.find(({ name }) => name === 'cpu').value, '100ms');
  });

  test('takes another file by --policy, and refuses one that is not there', () => {
    const other = path.join(folder, 'strict.lua');
    fs.writeFileSync(other, 'app "crm" { limits = { cpu = "3ms" } }\n');
    assert.match(run('explain', 'crm', '--policy', other).stdout, /^ {2}cpu +3ms +\S+strict\.lua:1 app "crm"$/m);
    const { code, stdout } = run('check', '--policy', path.join(folder, 'none.lua'));
    assert.equal(code, 1);
    assert.match(stdout, /policy: there is no file '.*none\.lua'/);
  });

  test('shows what its page shows', () => {
    const page = blocks(fs.readFileSync(path.join(root, 'docs/policy.md'), 'utf8'))
      .filter(({ kind }) => kind === 'output').map(({ text }) => text);
    write('crm', 'app "crm" {\n  version = "1.0.0",\n  uses = { "mail" },\n}\n');
    fs.writeFileSync(file, '');
    const [message] = page.filter((text) => text.includes("'mail'"));
    assert.ok(run('check').stdout.includes(message.trim()), message);

    const { stdout } = lunette(['policy', 'explain', 'sales', '--apps', 'apps'], { cwd: root });
    const [explained] = page.filter((text) => text.startsWith("app 'sales'"));
    let rest = stdout;
    for (const part of explained.trim().split('\n...').map((text) => text.trim()).filter(Boolean)) {
      assert.ok(rest.includes(part), `${part}\nis not in\n${rest}`);
      rest = rest.slice(rest.indexOf(part) + part.length);
    }
  });

  test('says how it is used', () => {
    assert.match(run('explain', 'cmr').stderr, /there is no app 'cmr'; did you mean 'crm'\?/);
    assert.match(run('explain').stderr, /needs the name of an app/);
    assert.match(run('show').stderr, /takes check or explain, not 'show'/);
  });
});
