// HTTP/2 by prior knowledge, as clients other than ours speak it.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import http2 from 'node:http2';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { root, Server, sleep } from './support/server.mjs';

const APP = `
app "shop" { version = "1.0.0" }
model "Item" { fields = { name = text { required = true }, qty = int() } }
access "Item" { public = { "read", "create" } }
`;

let server;
before(async () => { server = await Server.start({ apps: { shop: APP }, args: ['--workers', '1'] }); });
after(() => server?.down());

/** One request on a session: { status, headers, text }. */
function ask(session, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': '/graphql',
      'content-type': 'application/json', ...headers });
    let answered, text = '';
    stream.setEncoding('utf8');
    stream.on('response', (found) => (answered = found));
    stream.on('data', (data) => (text += data));
    stream.on('error', reject);
    stream.on('end', () => resolve({ status: answered?.[':status'], headers: answered, text }));
    stream.end(JSON.stringify(body));
  });
}

test('answers many requests at once on one connection', async () => {
  const session = http2.connect(server.url);
  const names = Array.from({ length: 300 }, (_, i) => `item ${i}`);
  const made = await Promise.all(names.map((name) => ask(session, {
    query: 'mutation ($data: ItemCreateInput!) { createItem(data: $data) { name } }',
    variables: { data: { name } },
  })));
  assert.deepEqual(made.map(({ text }) => JSON.parse(text).data.createItem.name), names);
  const list = await ask(session, { query: '{ items { name } }' });
  assert.equal(list.status, 200);
  assert.match(list.headers['lunette-release'], /^shop@1\.0\.0\+/);
  assert.equal(JSON.parse(list.text).data.items.length, 300);
  assert.equal(session.remoteSettings.maxConcurrentStreams, 128);
  session.close();
});

test('serves curl with prior knowledge, pages too', () => {
  const curl = (...args) => spawnSync('curl', ['-s', '--http2-prior-knowledge', '-w',
    ' %{http_version} %{http_code}', ...args], { encoding: 'utf8' }).stdout;
  assert.match(curl(`${server.url}/graphql`, '-H', 'content-type: application/json', '-d',
    '{"query":"{__typename}"}'), /^\{"data":\{"__typename":"Query"\}\} 2 200$/);
  assert.match(curl(`${server.url}/nothing`), / 2 404$/);
});

test('answers errors of the protocol in the form of the others', async () => {
  const session = http2.connect(server.url);
  const { status, text, headers } = await ask(session, { query: 'x'.repeat(2_000_000) });
  assert.equal(status, 413);
  assert.equal(JSON.parse(text).errors[0].extensions.code, 'LIMIT_EXCEEDED');
  assert.ok(headers['lunette-release']);
  session.close();
});

test('goes on serving others while one floods', async () => {
  const session = http2.connect(server.url);
  const flood = http2.connect(server.url);
  const end = new Promise((resolve) => flood.once('goaway', resolve));
  flood.on('error', () => {});
  for (let i = 0; i < 3000; i++) {
    if (flood.destroyed) break;
    const stream = flood.request({ ':path': '/graphql?query=%7Bitems%7Bname%7D%7D' });
    stream.on('error', () => {});
    stream.close(http2.constants.NGHTTP2_CANCEL);
    if (i % 100 === 0) await sleep(1);
  }
  assert.equal(await end, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  const { status } = await ask(session, { query: '{ items { name } }' });
  assert.equal(status, 200);
  flood.destroy();
  session.close();
});

test('loses no request while the app is saved', async () => {
  const session = http2.connect(server.url);
  let over = false, count = 0;
  const load = (async () => {
    while (!over) {
      const { status } = await ask(session, { query: '{ items(first: 1) { name } }' });
      assert.equal(status, 200);
      count++;
    }
  })();
  const error = await server.reload(() => server.save('shop', APP.replace('1.0.0', '1.1.0')));
  assert.equal(error, null);
  over = true;
  await load;
  assert.ok(count > 1);
  const { headers } = await ask(session, { query: '{ __typename }' });
  assert.match(headers['lunette-release'], /^shop@1\.1\.0\+/);
  session.close();
});

test('withstands the attacks on frames', () => {
  const run = spawnSync(path.join(root, 'spec/attack/run'),
    ['--url', server.url, '--class', 'http2'], { encoding: 'utf8' });
  assert.match(run.stdout, /^8 passed, 0 failed$/m, run.stdout);
});

test('says goodbye before it ends, and finishes what has begun', async () => {
  const session = http2.connect(server.url);
  await ask(session, { query: '{ __typename }' });
  const goodbye = new Promise((resolve) => session.once('goaway', resolve));
  server.child.kill('SIGTERM');
  assert.equal(await goodbye, http2.constants.NGHTTP2_NO_ERROR);
});
