// Packed answers, validators, and bodies that must not be packed.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import zlib from 'node:zlib';
import { Server, temporaryFolder } from './support/server.mjs';

const APP = `
app "shop" { version = "1.0.0" }
model "Item" { fields = { name = text() } }
access "Item" { public = { "read", "create" } }
`;
const SCRIPT = 'let x = 1;\n'.repeat(500);

let server;
before(async () => {
  const pages = temporaryFolder();
  fs.mkdirSync(path.join(pages, 'graphiql'));
  fs.writeFileSync(path.join(pages, 'graphiql/index.html'), '<p>Hello');
  fs.writeFileSync(path.join(pages, 'graphiql/plain.js'), SCRIPT);
  fs.writeFileSync(path.join(pages, 'graphiql/packed.js'), SCRIPT);
  fs.writeFileSync(path.join(pages, 'graphiql/packed.js.gz'), zlib.gzipSync(SCRIPT));
  fs.writeFileSync(path.join(pages, 'graphiql/packed.js.br'), zlib.brotliCompressSync(SCRIPT));
  server = await Server.start({ apps: { shop: APP }, args: ['--workers', '1', '--pages', pages] });
  for (let i = 0; i < 60; i++) {
    await server.dataOf(`mutation { createItem(data: { name: "${'name '.repeat(1000)}${i}" }) { id } }`);
  }
});
after(() => server?.down());

/** Like Server.request, with the bytes of the body as they came. */
function fetchRaw(where, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    http.request(server.url + where, { method, headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers,
        body: Buffer.concat(parts) }));
    }).on('error', reject).end(body);
  });
}
const ask = (query, headers) => fetchRaw('/graphql', { method: 'POST',
  headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ query }) });
const get = (query, headers) => fetchRaw(`/graphql?query=${encodeURIComponent(query)}`, { headers });

const SMALL = '{ items(first: 1) { id } }';
const MIDDLE = '{ items(first: 5) { name } }';
const LARGE = '{ items { name } }';

test('packs large answers for those who take them packed', async () => {
  for (const query of [MIDDLE, LARGE]) {
    const plain = await ask(query);
    assert.equal(plain.headers['content-encoding'], undefined);
    const packed = await ask(query, { 'accept-encoding': 'gzip, deflate, br' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.equal(packed.headers.vary, 'accept-encoding');
    assert.ok(packed.body.length < plain.body.length / 5);
    assert.deepEqual(zlib.gunzipSync(packed.body), plain.body);
    assert.match(packed.headers['lunette-release'], /^shop@/);
  }
  assert.ok((await ask(LARGE)).body.length > 200000, 'one of them goes over a thread');
  const small = await ask(SMALL, { 'accept-encoding': 'gzip' });
  assert.equal(small.headers['content-encoding'], undefined);
  const refused = await ask(LARGE, { 'accept-encoding': 'gzip;q=0, *;q=0.5, identity' });
  assert.equal(refused.headers['content-encoding'], undefined);
});

test('packs many answers at once, also for clients that leave', async () => {
  const answers = [];
  for (let i = 0; i < 30; i++) answers.push(ask(LARGE, { 'accept-encoding': 'gzip' }));
  for (let i = 0; i < 20; i++) {
    const request = http.request(`${server.url}/graphql`, { method: 'POST', headers:
      { 'content-type': 'application/json', 'accept-encoding': 'gzip' } });
    request.on('error', () => {});
    request.end(JSON.stringify({ query: LARGE }));
    setTimeout(() => request.destroy(), i);
  }
  for (const { status, body } of await Promise.all(answers)) {
    assert.equal(status, 200);
    assert.equal(JSON.parse(zlib.gunzipSync(body)).data.items.length, 60);
  }
  const session = http2.connect(server.url);
  const stream = session.request({ ':method': 'POST', ':path': '/graphql',
    'content-type': 'application/json', 'accept-encoding': 'gzip' });
  stream.end(JSON.stringify({ query: LARGE }));
  const parts = [];
  for await (const part of stream) parts.push(part);
  assert.equal(JSON.parse(zlib.gunzipSync(Buffer.concat(parts))).data.items.length, 60);
  session.close();
});

test('tells those who have the answer of a query by GET that it is the same', async () => {
  const first = await get(MIDDLE);
  assert.equal(first.status, 200);
  assert.match(first.headers.etag, /^W\/"[0-9a-f]{32}"$/);
  assert.equal(first.headers['cache-control'], 'private, no-cache');
  assert.equal(first.headers.vary, 'accept, accept-encoding, authorization');
  const { etag } = first.headers;
  const again = await get(MIDDLE, { 'if-none-match': `"x", ${etag}` });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
  assert.equal(again.headers.etag, etag);
  assert.equal((await get(MIDDLE, { 'if-none-match': etag, 'accept-encoding': 'gzip' })).status, 304);
  assert.equal((await get(SMALL, { 'if-none-match': etag })).status, 200);
  const packed = await get(MIDDLE, { 'accept-encoding': 'gzip' });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  assert.equal(packed.headers.etag, etag);
  const posted = await ask(MIDDLE, { 'if-none-match': etag });
  assert.equal(posted.status, 200);
  assert.equal(posted.headers.etag, undefined);
  assert.equal(posted.headers['cache-control'], 'no-store');
  const wrong = await get('{ nothing }', { accept: 'application/graphql-response+json' });
  assert.equal(wrong.status, 400);
  assert.equal(wrong.headers.etag, undefined);
});

test('serves pages in the best form there is', async () => {
  const read = async (file, accept, headers) => {
    const answer = await fetchRaw(`/graphiql/${file}`, { headers:
      { ...(accept ? { 'accept-encoding': accept } : {}), ...headers } });
    return [answer.headers['content-encoding'], answer];
  };
  const unpack = { undefined: (b) => b, gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync };
  for (const [file, accept, coding] of [['packed.js', 'gzip, br', 'br'], ['packed.js', 'gzip', 'gzip'],
    ['packed.js', undefined, undefined], ['plain.js', 'gzip, br', 'gzip'], ['plain.js', 'br', undefined]]) {
    const [found, answer] = await read(file, accept);
    assert.equal(found, coding, `${file} ${accept}`);
    assert.equal(unpack[coding](answer.body).toString(), SCRIPT);
    assert.equal(answer.headers['content-type'], 'text/javascript; charset=utf-8');
    assert.equal(answer.headers.vary, 'accept-encoding');
    const [, same] = await read(file, accept, { 'if-none-match': answer.headers.etag });
    assert.equal(same.status, 304);
  }
  assert.equal((await read('packed.js.gz'))[1].status, 404);
  const [, changed] = await read('plain.js', 'gzip', { 'if-none-match': 'W/"1-2-3"' });
  assert.equal(changed.status, 200);
});

test('takes no packed bodies', async () => {
  const body = zlib.gzipSync('{"query":"{__typename}"}');
  for (const coding of ['gzip', 'br', 'gzip, identity']) {
    const answer = await fetchRaw('/graphql', { method: 'POST', body, headers:
      { 'content-type': 'application/json', 'content-encoding': coding } });
    assert.equal(answer.status, 415);
    assert.equal(JSON.parse(answer.body).errors[0].extensions.code, 'BAD_USER_INPUT');
  }
  assert.equal((await ask('{ __typename }', { 'content-encoding': 'identity' })).status, 200);
});
