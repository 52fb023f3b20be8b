// Persisted queries, allow lists, batches, introspection by role, and limits
// that are named.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { lunette, Server, sleep, temporaryFolder, until } from './support/server.mjs';

const APP = `
app "shop" { version = "1.0.0" }
model "Item" { fields = { name = text { required = true }, qty = int() } }
access "Item" { public = { "read", "create" } }
`;
const JSON_TYPE = { 'content-type': 'application/json' };
const INTROSPECTION = '{ __schema { queryType { name } } }';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const persisted = (hash, version = 1) => ({ persistedQuery: { version, sha256Hash: hash } });

/** Posts any JSON body: { status, headers, json }. */
async function post(server, body, headers = {}) {
  const answer = await server.request('/graphql', { method: 'POST',
    headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) });
  return { ...answer, json: JSON.parse(answer.text) };
}

async function get(server, parameters, headers = {}) {
  const query = new URLSearchParams(Object.entries(parameters).map(([name, value]) =>
    [name, typeof value === 'string' ? value : JSON.stringify(value)]));
  const answer = await server.request(`/graphql?${query}`, { headers });
  return { ...answer, json: answer.text && JSON.parse(answer.text) };
}

const first = ({ json }) => json.errors[0];

describe('persisted queries', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { shop: APP }, args: ['--workers', '1',
      '--graphql-batch', '5'] });
    await server.dataOf('mutation { createItem(data: { name: "one", qty: 1 }) { id } }');
  });
  after(() => server?.down());

  test('are learnt once and asked for by their hash', async () => {
    const query = 'query Names($least: Int) { items(where: { qty_gte: $least }) { name } }';
    const extensions = persisted(sha256(query));
    const unknown = await post(server, { extensions });
    assert.equal(unknown.status, 200);
    assert.deepEqual(unknown.json, { errors: [{ message: 'PersistedQueryNotFound',
      extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] });
    const learnt = await post(server, { query, extensions, variables: { least: 1 } });
    assert.deepEqual(learnt.json, { data: { items: [{ name: 'one' }] } });
    const known = await post(server, { extensions, variables: { least: 2 } });
    assert.deepEqual(known.json, { data: { items: [] } });
    const read = await get(server, { extensions, variables: { least: 1 }, operationName: 'Names' });
    assert.deepEqual(read.json, learnt.json);
    const again = await get(server, { extensions, variables: { least: 1 }, operationName: 'Names' },
      { 'if-none-match': read.headers.etag });
    assert.equal(again.status, 304);
  });

  test('stay known after the app was saved', async () => {
    const query = '{ items { name } }';
    await post(server, { query, extensions: persisted(sha256(query)) });
    assert.equal(await server.reload(() => server.save('shop', APP.replace('qty = int()',
      'qty = int(), size = int()'))), null);
    const { json } = await post(server, { extensions: persisted(sha256(query)) });
    assert.deepEqual(json, { data: { items: [{ name: 'one' }] } });
  });

  test('must be what they say', async () => {
    const wrong = await post(server, { query: '{ items { id } }', extensions: persisted(sha256('{}')) });
    assert.equal(wrong.status, 400);
    assert.equal(first(wrong).message, 'provided sha does not match query');
    assert.equal(first(wrong).extensions.code, 'BAD_USER_INPUT');
    const version = await post(server, { query: '{ items { id } }',
      extensions: persisted(sha256('{ items { id } }'), 2) });
    assert.equal(version.status, 400);
    assert.equal(first(version).message, 'Unsupported persisted query version');
    const upper = await post(server, { extensions: persisted(sha256('{}').toUpperCase()) });
    assert.equal(first(upper).extensions.code, 'PERSISTED_QUERY_NOT_FOUND');
  });

  test('are not kept when they are not valid', async () => {
    for (const query of ['{ nothing }', '{ items { ', '{ items { id } } fragment F on Item { id }']) {
      const extensions = persisted(sha256(query));
      assert.ok(first(await post(server, { query, extensions })));
      assert.equal(first(await post(server, { extensions })).message, 'PersistedQueryNotFound');
    }
  });

  test('run with the rights of who asks for them, mutations by POST only', async () => {
    const query = 'mutation { createItem(data: { name: "two" }) { name } }';
    const extensions = persisted(sha256(query));
    assert.equal((await post(server, { query, extensions })).json.data.createItem.name, 'two');
    assert.equal((await get(server, { extensions })).status, 405);
  });

  test('come in batches, too, where these are allowed', async () => {
    const query = '{ items(where: { name: "one" }) { name } }';
    const data = { items: [{ name: 'one' }] };
    const { status, json } = await post(server, [
      { query, extensions: persisted(sha256(query)) },
      { query: 'query A { __typename } query B { items(first: 0) { id } }', operationName: 'B' },
      { query: '{ nothing }' },
      { extensions: persisted(sha256('unknown')) },
      7,
    ]);
    assert.equal(status, 200);
    assert.deepEqual(json.slice(0, 2), [{ data }, { data: { items: [] } }]);
    assert.deepEqual(json.slice(2).map(({ errors }) => errors[0].extensions.code),
      ['GRAPHQL_VALIDATION_FAILED', 'PERSISTED_QUERY_NOT_FOUND', 'BAD_USER_INPUT']);
    assert.deepEqual((await post(server, [{ extensions: persisted(sha256(query)) }])).json, [{ data }]);
    const many = await post(server, Array(6).fill({ query }));
    assert.equal(many.status, 400);
    assert.deepEqual(first(many).extensions, { code: 'LIMIT_EXCEEDED', limit: 'batch', max: 5 });
    assert.equal((await post(server, [])).status, 400);
    const keyed = await post(server, [{ query: 'mutation { createItem(data: { name: "x" }) { id } }' }],
      { 'idempotency-key': 'k' });
    assert.equal(first({ json: keyed.json[0] }).extensions.code, 'BAD_USER_INPUT');
  });

  test('limits name themselves and their value', async () => {
    const aliases = `{ ${Array.from({ length: 201 }, (_, i) => `a${i}: __typename`).join(' ')} }`;
    const cases = [
      [{ query: aliases }, 'root_fields', 100],
      [{ query: '{ items { __typename @skip(if: false) '.repeat(1) + '@include(if: true) '.repeat(9) + '} }' },
        'directives_on_one', 8],
      [{ query: `{ items { name ${'a '.repeat(60000)} } }` }, 'bytes', 102400],
      [{ query: '{ items(first: 500001) { id } }' }, 'nodes', 500000],
    ];
    for (const [body, limit, max] of cases) {
      const answer = await post(server, body);
      assert.equal(answer.status, 400, limit);
      assert.deepEqual(first(answer).extensions, { code: 'LIMIT_EXCEEDED', limit, max });
    }
    const large = await post(server, { query: 'x'.repeat(1 << 20) });
    assert.equal(large.status, 413);
    assert.deepEqual(first(large).extensions,
      { code: 'LIMIT_EXCEEDED', limit: 'http_body_bytes', max: 1048576 });
    const header = await post(server, { query: '{ __typename }' }, { 'x-large': 'x'.repeat(17000) });
    assert.equal(header.status, 431);
    assert.deepEqual(first(header).extensions,
      { code: 'LIMIT_EXCEEDED', limit: 'http_header_bytes', max: 16384 });
    const wrong = await post(server, { query: `{ ${Array.from({ length: 50 }, (_, i) => `no${i}`).join(' ')} }` });
    assert.equal(wrong.json.errors.length, 10);
  });

  test('has as many descriptors as it may', () => {
    const { pids } = server.status();
    for (const pid of [pids.supervisor, ...pids.workers]) {
      const [, soft, hard] = fs.readFileSync(`/proc/${pid}/limits`, 'utf8')
        .match(/^Max open files +(\d+) +(\d+)/m);
      assert.equal(soft, hard);
    }
  });
});

describe('an allow list', () => {
  let server, list;
  const listed = 'query Names { items(first: 10) { name } }';
  before(async () => {
    list = temporaryFolder();
    fs.writeFileSync(path.join(list, 'names.graphql'), `# The names.\n${listed}\n`);
    fs.writeFileSync(path.join(list, 'manifest.json'), JSON.stringify({
      format: 'apollo-persisted-query-manifest', version: 1,
      operations: [{ id: 'make', name: 'Make', type: 'mutation',
        body: 'mutation Make($name: String!) { createItem(data: { name: $name }) { name } }' }],
    }));
    server = await Server.start({ apps: { shop: APP }, args: ['--workers', '1',
      '--graphql-allow-list', path.relative('.', list)] });
  });
  after(() => server?.down());

  test('answers its documents, by hash, id or in full', async () => {
    const made = await post(server, { extensions: persisted('make'), variables: { name: 'one' } });
    assert.deepEqual(made.json, { data: { createItem: { name: 'one' } } });
    const data = { items: [{ name: 'one' }] };
    assert.deepEqual((await post(server, { query: 'query Names { items(first:10){name} }' })).json, { data });
    const hash = sha256(`# The names.\n${listed}\n`);
    assert.deepEqual((await get(server, { extensions: persisted(hash) })).json, { data });
  });

  test('answers nothing else, whoever asks', async () => {
    const token = { authorization: `Bearer ${server.token('admin')}` };
    const refused = [{ query: '{ items { name } }' }, { query: INTROSPECTION },
      { query: listed.replace('10', '11') }, { extensions: persisted(sha256('x')) },
      { query: '{ items { id } }', extensions: persisted(sha256('{ items { id } }')) }];
    for (const headers of [{}, token]) {
      for (const body of refused) {
        const answer = await post(server, body, headers);
        assert.equal(answer.status, 403);
        assert.deepEqual(first(answer).extensions,
          { code: 'FORBIDDEN', reason: 'PERSISTED_QUERY_ONLY' });
      }
    }
  });

  test('is read again when the server is told to', async () => {
    const query = '{ items { qty } }';
    assert.equal((await post(server, { query })).status, 403);
    fs.writeFileSync(path.join(list, 'qty.graphql'), query);
    server.child.kill('SIGHUP');
    await until('the new list', async () => (await post(server, { query })).status === 200);
    fs.writeFileSync(path.join(list, 'qty.graphql'), '{ "');
    server.child.kill('SIGHUP');
    await sleep(300);
    assert.equal((await post(server, { query })).status, 200);
  });

  test('must be readable', () => {
    fs.writeFileSync(path.join(list, 'broken.graphql'), '{ a(b: "');
    const up = lunette(['up', '--apps', server.apps, '--data', path.join(list, 'data'), '--port', '0',
      '--graphql-allow-list', list]);
    assert.equal(up.code, 1);
    assert.match(up.stderr, /graphql_allow_list: .*broken\.graphql:1: /);
  });
});

describe('limits of roles and answers', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { shop: APP }, args: ['--workers', '1',
      '--role-limits', 'public depth=1 aliases=2, admin nodes=7', '--graphql-rows', '20',
      '--graphql-answer-bytes', '70k', '--pg-result-bytes', '64k'] });
    for (let i = 0; i < 25; i++) {
      await server.dataOf(`mutation { createItem(data: { name: "${'x'.repeat(3400)}", qty: ${i} }) { qty } }`);
    }
  });
  after(() => server?.down());

  test('hold for whom they name', async () => {
    const deep = '{ itemsConnection(first: 1) { edges { cursor } } }';
    const shut = await server.post(deep, undefined, { user: null });
    assert.equal(shut.status, 400);
    assert.deepEqual(first(shut).extensions, { code: 'LIMIT_EXCEEDED', limit: 'depth', max: 1 });
    assert.equal((await server.dataOf(deep)).itemsConnection.edges.length, 1);
    assert.equal((await server.post(deep, undefined, { user: null })).status, 400);
    const nodes = await server.post('query ($n: Int) { items(first: $n) { id } }', { n: 500001 });
    assert.deepEqual(first(nodes).extensions, { code: 'LIMIT_EXCEEDED', limit: 'nodes', max: 500000 });
  });

  test('stop answers that grow too large', async () => {
    const rows = await server.post('{ items { qty } }');
    assert.equal(rows.status, 200);
    assert.equal(rows.json.data, null);
    assert.deepEqual(first(rows).extensions, { code: 'LIMIT_EXCEEDED', limit: 'rows', max: 20 });
    assert.equal((await server.dataOf('{ items(first: 20) { qty } }')).items.length, 20);
    const both = await server.post('{ a: items(first: 15) { qty } b: items(first: 15) { qty } }');
    assert.equal(first(both).extensions.limit, 'rows');
    const bytes = await server.post('{ a: items(first: 15) { name } '
      + 'b: itemsConnection(first: 10) { edges { node { name } } } }');
    assert.deepEqual(first(bytes).extensions, { code: 'LIMIT_EXCEEDED', limit: 'answer_bytes', max: 71680 });
    assert.equal((await server.dataOf('{ items(first: 9) { name } }')).items.length, 9);
    const result = await server.post('{ items(first: 19) { name } }');
    assert.equal(first(result).extensions.limit, 'pg_result_bytes');
    assert.equal(first(result).extensions.max, 65536);
  });

  test('must be written as limits are', () => {
    const up = lunette(['up', '--apps', server.apps, '--data', temporaryFolder(), '--port', '0',
      '--role-limits', 'public deep=1']);
    assert.equal(up.code, 1);
    assert.match(up.stderr, /role_limits: 'deep' is no limit that a role can have/);
  });
});

describe('introspection', () => {
  const MODES = { all: [true, true, true], authenticated: [false, true, true],
    admin: [false, false, true], off: [false, false, false] };
  for (const [mode, expected] of Object.entries(MODES)) {
    test(`is open to whom the setting '${mode}' names`, async () => {
      const apps = { shop: APP, base: `app "base" { version = "1.0.0" }
        model "User" { fields = { login = text { required = true, unique = true }, name = text(),
          email = text(), active = bool { required = true, default = true }, roles = list(text()) } }
        access "User" { public = { "read", "create" } }` };
      const server = await Server.start({ apps, args: ['--workers', '1', '--introspection', mode] });
      try {
        await server.dataOf('mutation { createUser(data: { login: "ann" }) { id } }');
        for (const [i, user] of [null, 'ann', 'admin'].entries()) {
          for (const query of [INTROSPECTION, '{ __type(name: "Item") { name } }',
            'query A { ...F } fragment F on Query { s: __schema { queryType { name } } }']) {
            for (let again = 0; again < 2; again++) {
              const { json, status } = await server.post(query, undefined, { user });
              assert.equal(Boolean(json.data), expected[i], `${user} ${JSON.stringify(json)}`);
              if (expected[i]) continue;
              assert.equal(status, 403);
              assert.equal(json.errors[0].extensions.code, 'FORBIDDEN');
            }
          }
          assert.equal((await server.dataOf('{ items { __typename } }', undefined, { user })).items.length, 0);
        }
      } finally {
        await server.down();
      }
    });
  }

  test('must have a setting that is one', () => {
    const up = lunette(['up', '--introspection', 'some']);
    assert.notEqual(up.code, 0);
    assert.match(up.stderr, /introspection: 'some' is not all, authenticated, admin or off/);
  });
});
