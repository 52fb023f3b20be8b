// The API over TLS: versions, protocols, new certificates, what goes wrong.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { lunette, Server, sleep, temporaryFolder } from './support/server.mjs';

const APP = `
app "shop" { version = "1.0.0" }
model "Item" { fields = { name = text() } }
access "Item" { public = { "read" } }
`;

const folder = temporaryFolder();
const cert = path.join(folder, 'cert.pem');
const key = path.join(folder, 'key.pem');

/** A self-made pair for localhost, put where the server looks. */
function certify(name) {
  const run = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
    'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${key}.new`, '-out', `${cert}.new`,
    '-days', '2', '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  fs.renameSync(`${key}.new`, key);
  fs.renameSync(`${cert}.new`, cert);
}

const ca = () => fs.readFileSync(cert);

/** One GET: { status, text, name of the certificate, version }. */
function get(url, options = {}) {
  return new Promise((resolve, reject) => {
    https.get(url, { ca: ca(), agent: false, ...options }, (answer) => {
      const { subject } = answer.socket.getPeerCertificate();
      let text = '';
      answer.on('data', (data) => (text += data));
      answer.on('end', () => resolve({ status: answer.statusCode, text, name: subject?.CN,
        version: answer.socket.getProtocol() }));
    }).on('error', reject);
  });
}

let server, typename;
before(async () => {
  certify('one');
  server = await Server.start({ apps: { shop: APP }, args: ['--workers', '1',
    '--tls-certificate', cert, '--tls-key', key, '--http-header-ms', '1s'] });
  typename = `${server.url}/graphql?query=${encodeURIComponent('{__typename}')}`;
});
after(() => server?.down());

test('says https and serves it', async () => {
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.match(server.ops, /^http:/);
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const answer = await get(typename, { minVersion: version, maxVersion: version });
    assert.equal(answer.status, 200);
    assert.equal(answer.version, version);
    assert.match(answer.text, /"__typename":"Query"/);
  }
});

test('refuses what is outdated', async () => {
  const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
  await assert.rejects(get(typename, old), /alert protocol version|unsupported protocol|EPROTO/);
  const weak = { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA:AES256-SHA' };
  await assert.rejects(get(typename, weak), /handshake failure|EPROTO/);
});

test('speaks HTTP/2 with clients that ask for it', async () => {
  const session = http2.connect(server.url, { ca: ca() });
  const stream = session.request({ ':path': '/graphql?query=%7B__typename%7D' });
  let text = '';
  for await (const part of stream) text += part;
  assert.equal(session.alpnProtocol, 'h2');
  assert.match(text, /"__typename":"Query"/);
  session.close();
  const curl = spawnSync('curl', ['-s', '--cacert', cert, '-w', ' %{http_version}', typename],
    { encoding: 'utf8' });
  assert.match(curl.stdout, /"Query".* 2$/);
});

test('tells plain clients, and drops garbage and those who wait', async () => {
  const { port } = new URL(server.url);
  const talk = (bytes) => new Promise((resolve) => {
    const begin = Date.now();
    let heard = '';
    const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (data) => (heard += data.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve({ heard, ms: Date.now() - begin }));
  });
  const plain = await talk('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(plain.heard, /^HTTP\/1\.1 400 [^]*https only/);
  await talk(Buffer.alloc(2000, 'x'));
  const slow = await talk(Buffer.from('160301', 'hex'));
  assert.ok(slow.ms < 5000, `${slow.ms} ms`);
  assert.equal((await get(typename)).status, 200);
});

test('takes up a new certificate without dropping connections', async () => {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: ca() });
  let socket;
  const kept = () => new Promise((resolve, reject) => {
    https.get(typename, { agent }, (answer) => {
      assert.ok(!socket || socket === answer.socket, 'the connection was replaced');
      socket = answer.socket;
      answer.resume().on('end', resolve);
    }).on('error', reject);
  });
  await kept();
  assert.equal((await get(typename)).name, 'one');
  certify('two');
  await sleep(1100);
  assert.equal((await get(typename)).name, 'two');
  await kept();
  certify('three');
  server.child.kill('SIGHUP');
  await sleep(300);
  assert.equal((await get(typename)).name, 'three');
  fs.writeFileSync(cert, 'broken');
  server.child.kill('SIGHUP');
  await sleep(1100);
  const name = await new Promise((resolve, reject) => {
    const probe = tls.connect({ port: new URL(server.url).port, rejectUnauthorized: false }, () => {
      resolve(probe.getPeerCertificate().subject.CN);
      probe.destroy();
    }).on('error', reject);
  });
  assert.equal(name, 'three');
  await kept();
  agent.destroy();
});

test('does not start with files that it cannot use', () => {
  const up = (...args) => lunette(['up', '--apps', server.apps, '--data',
    path.join(folder, 'data'), '--port', '0', ...args]);
  const missing = up('--tls-certificate', '/nowhere/cert.pem');
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /cannot use the certificate '\/nowhere\/cert\.pem': no such file/);
  assert.notEqual(up('--tls-key', key).code, 0);
});
