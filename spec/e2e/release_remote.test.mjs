// Releases from other machines come over TLS, and with a token.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { appFolder } from './support/releases.mjs';
import { lunette, Server, temporaryFolder } from './support/server.mjs';

const shop = (version) => `app "shop" { version = "${version}" }
model "Item" { fields = { name = text {} } }
access "Item" { public = "all" }`;

const address = Object.values(os.networkInterfaces()).flat()
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

function certificate() {
  const folder = temporaryFolder();
  const [key, cert] = ['server.key', 'server.crt'].map((name) => path.join(folder, name));
  const run = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
    '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', `subjectAltName=DNS:localhost,IP:${address}`,
    '-keyout', key, '-out', cert], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return { key, cert };
}

const started = (args) => Server.start({ apps: { shop: shop('1.0.0') },
  args: ['--workers', '1', '--host', '0.0.0.0', ...args] });

test('a push from another machine is refused without TLS', { skip: !address }, async () => {
  const server = await started([]);
  try {
    const folder = appFolder('shop', shop('1.1.0'));
    const token = path.join(folder, 'token');
    fs.writeFileSync(token, server.token('admin'));
    const far = new URL(server.ops);
    far.hostname = address;
    const run = lunette(['push', 'shop', '--apps', folder, '--to', far.origin, '--token', token]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /from other machines over TLS only/);
    far.hostname = '127.0.0.1';
    const near = lunette(['push', 'shop', '--apps', folder, '--to', far.origin, '--token', token]);
    assert.equal(near.code, 0, near.stderr);
  } finally {
    await server.down();
  }
});

test('a push over TLS needs a token and a certificate that is trusted', { skip: !address }, async () => {
  const { key, cert } = certificate();
  const folder = appFolder('shop', shop('1.1.0'));
  const server = new Server({ apps: { shop: shop('1.0.0') },
    args: ['--workers', '1', '--host', '0.0.0.0', '--tls-certificate', cert, '--tls-key', key, '--ops-tls'] });
  server.launch();
  await server.ready().catch(() => {});
  try {
    const ops = /^ops (https:\S+)$/m.exec(server.output);
    assert.ok(ops, server.output);
    const far = ops[1].replace('0.0.0.0', address);
    const token = path.join(folder, 'token');
    fs.writeFileSync(token, `${server.token('admin')}\n`);
    const push = (args, env = {}) => lunette(['push', 'shop', '--apps', folder, '--to', far, ...args],
      { env: { ...process.env, ...env } });
    assert.match(push(['--ca', cert]).stderr, /needs a token/);
    assert.match(push(['--token', token]).stderr, /certificate/);
    assert.match(push(['--ca', cert], { LUNETTE_TOKEN: 'nonsense' }).stderr, /the token is missing, wrong or/);
    const run = push(['--ca', cert, '--token', token]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^released shop@1\.1\.0\+/m);
    const list = lunette(['releases', 'shop', '--data', server.data]); // knows the certificate by its file
    assert.match(list.stdout, /^\* shop@1\.1\.0\+/);
    const back = lunette(['rollback', 'shop', '--server', far, '--ca', cert, '--token', token]);
    assert.match(back.stdout, /^rolled back to shop@1\.0\.0\+/m);
  } finally {
    await server.down();
  }
});

test('commands without a server say so', () => {
  const data = temporaryFolder();
  const folder = appFolder('shop', shop('1.0.0'));
  for (const args of [['releases'], ['rollback', 'shop'], ['push', 'shop', '--apps', folder]]) {
    const run = lunette([...args, '--data', data]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /no server runs on the data folder/);
  }
  assert.equal(lunette(['push']).code, 2);
  assert.equal(lunette(['rollback']).code, 2);
  assert.match(lunette(['push', 'nope', '--apps', temporaryFolder()]).stderr, /there is no app 'nope'/);
});
