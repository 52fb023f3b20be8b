// The module http: real servers, with and without TLS.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';

import { Server, request, temporaryFolder } from './support/server.mjs';

const pki = temporaryFolder();

function openssl(...args) {
  execFileSync('openssl', args, { cwd: pki, stdio: 'ignore' });
}

/** A key and a certificate of `ca`, or self-signed without one. */
function certificate(name, { ca, subject = 'localhost', names = 'DNS:localhost,IP:127.0.0.1', dates = [] } = {}) {
  fs.writeFileSync(path.join(pki, `${name}.ext`), `subjectAltName=${names}\n`);
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${subject}`);
  if (dates.length) {
    // Only `openssl ca` takes both dates.
    fs.writeFileSync(path.join(pki, 'index.txt'), '');
    fs.writeFileSync(path.join(pki, 'serial'), '1000\n');
    fs.writeFileSync(path.join(pki, 'ca.cnf'), `[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\nserial=serial
new_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n`);
    openssl('ca', '-batch', '-config', 'ca.cnf', '-cert', `${ca}.crt`, '-keyfile', `${ca}.key`,
      '-in', `${name}.csr`, '-out', `${name}.crt`, '-extfile', `${name}.ext`,
      '-startdate', dates[0], '-enddate', dates[1]);
  } else if (ca) {
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.crt`, '-CAkey', `${ca}.key`,
      '-CAcreateserial', '-days', '30', '-extfile', `${name}.ext`, '-out', `${name}.crt`);
  } else {
    openssl('x509', '-req', '-in', `${name}.csr`, '-signkey', `${name}.key`, '-days', '30',
      '-extfile', `${name}.ext`, '-out', `${name}.crt`);
  }
  const read = (kind) => fs.readFileSync(path.join(pki, `${name}.${kind}`));
  return { key: read('key'), cert: read('crt') };
}

function authority(name) {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', '30', '-subj', `/CN=${name}`,
    '-addext', 'basicConstraints=critical,CA:TRUE');
}

const listening = [];

/** Listens on a free port: the URL. */
function listen(server, scheme) {
  listening.push(server);
  return new Promise((resolve) => server.listen(0, '127.0.0.1',
    () => resolve(`${scheme}://127.0.0.1:${server.address().port}`)));
}

const app = `app "crm" { version = "1.0.0", uses = { "http" } }
local function send(a)
  local http = require "http"
  local options = a.options or {}
  local r = http.request(a.method, a.url, options)
  local value
  if a.parse then value = r:json() end
  return { status = r.status, ok = r.ok, body = r.body, json = value, url = r.url,
    type = r.headers["Content-Type"] }
end
query "fetch" { args = { url = text { required = true }, method = text { default = "GET" },
    options = json {}, parse = bool {} }, returns = json, by = "public",
  run = function(a)
    local ok, result = pcall(send, a)
    if ok then return result end
    return { error = tostring(result) }
  end }
query "loud" { args = { url = text { required = true } }, returns = int, by = "public",
  run = function(a) return require("http").get(a.url).status end }
query "api" { args = { url = text { required = true } }, returns = json, by = "public",
  run = function(a)
    local http = require "http"
    local posted = http.post(a.url .. "/echo", { json = { name = "Ann", list = { 1, 2 }, n = 2.5 },
      headers = { ["X-Tags"] = { "a", "b" } }, query = { q = "a b&c", n = 3 } })
    local form = http.post(a.url .. "/echo", { form = { a = "x y", b = true } })
    local mistakes = {}
    for _, options in ipairs { { json = {}, body = "x" }, { timout = 1 }, { timeout = "soon" },
        { query = { a = function() end } }, { retries = "2" } } do
      local _, err = pcall(http.get, a.url, options)
      mistakes[#mistakes + 1] = tostring(err)
    end
    return { json = posted:json(), form = form:json(), mistakes = mistakes }
  end }
`;

const hr = `app "hr" { version = "1.0.0", uses = { "http" } }
query "hr_fetch" { args = { url = text { required = true } }, returns = text, by = "public",
  run = function(a)
    local ok, result = pcall(require("http").get, a.url)
    return ok and result.body or tostring(result)
  end }
`;

const big = `app "big" { version = "1.0.0", uses = { "http" } }
query "big_fetch" { args = { url = text { required = true }, redirects = int { default = 0 } },
  returns = text, by = "public",
  run = function(a)
    local ok, result = pcall(require("http").get, a.url, { redirects = a.redirects })
    return ok and tostring(#result.body) .. " " .. result.status or tostring(result)
  end }
`;

const base = `app "base" { version = "1.0.0" }
role "employee" {}
model "User" { fields = { login = text { required = true, unique = true },
  name = text {}, active = bool { default = true }, roles = list(text) {} } }
access "User" { employee = "read" }`;

let server; let plain; let site; let other;
const tls = {};
const hits = new Map();

function answer(request, response) {
  const url = new URL(request.url, 'http://x');
  hits.set(url.pathname, (hits.get(url.pathname) ?? 0) + 1);
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const routes = {
      '/echo': () => response.setHeader('Content-Type', 'application/json').end(JSON.stringify({
        method: request.method, query: url.search, headers: request.headers,
        body: Buffer.concat(parts).toString('utf8') })),
      '/gzip': () => response.writeHead(200, { 'content-encoding': 'gzip' })
        .end(zlib.gzipSync('packed')),
      '/bomb': () => response.writeHead(200, { 'content-encoding': 'gzip' })
        .end(zlib.gzipSync(Buffer.alloc(50_000_000))),
      '/private': () => response.writeHead(302, { location: 'http://10.255.255.1/' }).end(),
      '/other': () => response.writeHead(307, { location: `${other}/echo` }).end(),
      '/busy': () => (hits.get('/busy') < 3 ? response.writeHead(503, { 'retry-after': '0' }).end()
        : response.end('free')),
      '/slow': () => {},
      '/version': () => response.end(request.httpVersion),
      '/megabytes': () => response.end(Buffer.alloc(Number(url.searchParams.get('n')) * 2 ** 20)),
    };
    (routes[url.pathname] ?? (() => response.end('ok')))();
  });
}

before(async () => {
  authority('ca');
  authority('stranger');
  tls.good = certificate('good', { ca: 'ca' });
  tls.name = certificate('name', { ca: 'ca', names: 'DNS:another.example.com' });
  tls.expired = certificate('expired', { ca: 'ca', dates: ['20200101000000Z', '20200201000000Z'] });
  tls.self = certificate('self');
  tls.unknown = certificate('unknown', { ca: 'stranger' });
  site = {};
  for (const name of Object.keys(tls)) {
    site[name] = await listen(https.createServer(tls[name], answer), 'https');
  }
  site.two = await listen(http2.createSecureServer(tls.good, answer), 'https');
  plain = await listen(http.createServer(answer), 'http');
  other = await listen(http.createServer(answer), 'http');
  server = await Server.start({
    apps: {
      base, crm: app, hr, big,
      '..': { 'policy.lua': `app "crm" { modules = { http = { hosts = { "127.0.0.1", "localhost" },
          plain = true, private = { "127.0.0.0/8" }, ca = "${pki}/ca.crt", max_response = "1m",
          methods = { "GET", "POST" } } } }
        app "hr" { modules = { http = { hosts = "127.0.0.1", plain = true } } }
        app "big" { limits = { memory = "24m" }, modules = { http = { hosts = "127.0.0.1", plain = true, private = true,
          max_response = "64m", redirects = 0 } } }
      ` },
    },
    args: ['--workers', '1'],
  });
});

after(async () => {
  for (const one of listening) {
    one.closeAllConnections?.();
    one.close();
  }
  await server?.down();
});

async function fetchIt(url, { method, options, parse } = {}) {
  const { fetch: result } = await server.dataOf(
    'query($u: String!, $m: String, $o: Json, $p: Boolean) { fetch(url: $u, method: $m, options: $o, parse: $p) }',
    { u: url, m: method, o: options, p: parse }, { user: null });
  return result;
}

describe('the module http', () => {
  test('reaches a server whose authority policy names', async () => {
    const r = await fetchIt(`${site.good}/echo`, { parse: true });
    assert.equal(r.error, undefined);
    assert.equal(r.status, 200);
    assert.equal(r.ok, true);
    assert.equal(r.type, 'application/json');
    assert.equal(r.json.method, 'GET');
    assert.match(r.json.headers.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  });

  test('sends and reads JSON, forms and queries, and names mistakes', async () => {
    const { api } = await server.dataOf('query($u: String!) { api(url: $u) }', { u: plain }, { user: null });
    assert.deepEqual(JSON.parse(api.json.body), { name: 'Ann', list: [1, 2], n: 2.5 });
    assert.equal(api.json.headers['content-type'], 'application/json');
    assert.equal(api.json.headers['x-tags'], 'a, b');
    assert.equal(api.json.query, '?n=3&q=a%20b%26c');
    assert.equal(api.form.body, 'a=x%20y&b=true');
    assert.match(api.mistakes[0], /only one of 'json', 'form' and 'body'/);
    assert.match(api.mistakes[1], /unknown option 'timout'/);
    assert.match(api.mistakes[2], /option 'timeout'/);
    assert.match(api.mistakes[3], /cannot be a function/);
    assert.match(api.mistakes[4], /option 'retries' must be a number/);
  });

  test('refuses certificates and says why', async () => {
    assert.match((await fetchIt(site.expired)).error,
      /^\S*\s?http: https:\/\/127.0.0.1:\d+: .*certificate has expired/);
    assert.match((await fetchIt(site.name)).error, /no alternative certificate subject name matches/);
    assert.match((await fetchIt(site.self)).error, /self-signed certificate/);
    assert.match((await fetchIt(site.unknown)).error, /unable to get local issuer certificate/);
  });

  test('names the grant that is missing', async () => {
    assert.match((await fetchIt('https://api.example.com/')).error,
      /policy must grant app 'crm': modules\.http\.hosts must include 'api\.example\.com'/);
    assert.match((await fetchIt(plain, { method: 'DELETE' })).error,
      /policy must grant app 'crm': modules\.http\.methods must include 'DELETE'/);
    const { hrFetch } = await server.dataOf('query($u: String!) { hrFetch(url: $u) }', { u: plain }, { user: null });
    assert.match(hrFetch, /policy must grant app 'hr': modules\.http\.private must include '127\.0\.0\.1'/);
  });

  test('tells callers nothing of it, and the log all', async () => {
    const { errors } = await server.ask('{ loud(url: "https://api.example.com/") }', {}, { user: null });
    assert.equal(errors[0].extensions.code, 'INTERNAL');
    assert.doesNotMatch(errors[0].message, /policy|example/);
    assert.ok(errors[0].extensions.error_id);
  });

  test('does not follow a redirect to an address that is not granted', async () => {
    const r = await fetchIt(`${plain}/private`, { options: { redirects: 3 } });
    assert.match(r.error, /must include 'http:\/\/10\.255\.255\.1'|must include '10\.255\.255\.1'/);
    assert.equal((await fetchIt(`${plain}/private`)).status, 302);
  });

  test('keeps secrets from another origin', async () => {
    const r = await fetchIt(`${plain}/other`, { parse: true,
      options: { redirects: 1, headers: { Authorization: 'Bearer s3cret', Accept: 'text/x' } } });
    assert.equal(r.json.headers.authorization, undefined);
    assert.equal(r.json.headers.accept, 'text/x');
    assert.equal(r.url, `${other}/echo`);
  });

  test('ends slow servers, large bodies and bombs', async () => {
    assert.match((await fetchIt(`${plain}/slow`, { options: { timeout: '100ms', retries: 0 } })).error,
      /no whole answer within 0\.1 s/);
    assert.match((await fetchIt(`${plain}/bomb`)).error, /a body larger than max_response \(1048576 bytes\)/);
    assert.equal((await fetchIt(`${plain}/gzip`)).body, 'packed');
  });

  test('tries again', async () => {
    assert.equal((await fetchIt(`${plain}/busy`)).body, 'free');
    assert.equal(hits.get('/busy'), 3);
  });

  test('refuses headers that end their line', async () => {
    assert.match((await fetchIt(plain, { options: { headers: { 'X-A': 'a\r\nX-B: b' } } })).error,
      /the header 'X-A' holds a line end/);
    assert.match((await fetchIt(`${plain}/\r\nX: y`)).error, /control character/);
  });

  test('uses few connections for many requests', async () => {
    let connections = 0;
    const many = http.createServer((_, response) => setTimeout(() => response.end('ok'), 5));
    many.on('connection', () => connections++);
    const url = await listen(many, 'http');
    const statuses = await Promise.all(Array.from({ length: 1000 }, async () => (await fetchIt(url)).status));
    assert.ok(statuses.every((status) => status === 200));
    assert.ok(connections <= 16, `${connections} connections`);
  });

  test('speaks HTTP/2 where the server does', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetchIt(`${site.two}/version`)));
    assert.deepEqual(new Set(answers.map(({ body, error }) => body ?? error)), new Set(['2.0']));
    assert.equal((await fetchIt(`${site.good}/version`)).body, '1.1');
  });

  test('gives an app no more than its limits let in', async () => {
    const bigFetch = async (u, r = 0) => (await server.ask(
      'query($u: String!, $r: Int) { bigFetch(url: $u, redirects: $r) }', { u, r }, { user: null }));
    assert.equal((await bigFetch(`${plain}/megabytes?n=2`)).data.bigFetch, '2097152 200');
    const answer = await bigFetch(`${plain}/megabytes?n=60`);
    assert.match(JSON.stringify(answer), /memory/);
    assert.equal((await bigFetch(`${plain}/megabytes?n=1`)).data.bigFetch, '1048576 200');
    assert.equal((await bigFetch(`${plain}/other`, 3)).data.bigFetch, '0 307');
  });

  test('is counted', async () => {
    const { text } = await request(`${server.ops}/metrics`);
    for (const result of ['answered', 'failed', 'refused']) {
      const [, count] = text.match(new RegExp(`lunette_app_http_requests_total{[^}]*result="${result}"} (\\d+)`));
      assert.ok(Number(count) > 0, result);
    }
  });

  test('survives servers that speak no HTTP', async () => {
    const noise = net.createServer((socket) => socket.on('error', () => {}).end('\0\xff not http\r\n\r\n'));
    const url = await listen(noise, 'http');
    assert.match((await fetchIt(url, { options: { retries: 0 } })).error, /http: http:\/\/127\.0\.0\.1/);
  });
});
