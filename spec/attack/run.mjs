// Sends the hostile requests of attacks.json to a running server.
// SPDX-License-Identifier: Apache-2.0
//
// Raw bytes over plain sockets: no HTTP library stands in between that would
// put right what is wrong on purpose. Cases that need a schema are run when
// --schema names what stands for it; those that need another fixture (`needs`)
// are skipped and said so. Needs no package.
import fs from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';

const USAGE = `usage: run --url http://HOST:PORT [--cases FILE] [--only REGEX]
           [--class C1,C2] [--h2-url http://HOST:PORT] [--query-type NAME]
           [--schema NAME=VALUE,...] [--token TOKEN] [--json FILE]
  --url         the running server; nothing is started here
  --cases       default: attacks.json beside this program
  --only        cases whose class/name matches
  --h2-url      where HTTP/2 by prior knowledge is spoken, default --url
  --query-type  name of the root type, default Query
  --schema      names of the served schema: many, one (query fields), Model
                (type with a text field "name"), strField, rel, back (relation
                fields there and back)
  --token       sent as a bearer token with the cases that need a schema
  --json        writes the result of each case there`;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function fail(text) {
  console.error(text);
  process.exit(2);
}

function parseArguments(words) {
  const known = ['url', 'cases', 'only', 'class', 'h2-url', 'query-type',
    'schema', 'token', 'json'];
  const options = {};
  for (let i = 0; i < words.length; i += 2) {
    const name = words[i].replace(/^--/, '');
    if (words[i] === '--help') { console.log(USAGE); process.exit(0); }
    if (!words[i].startsWith('--') || !known.includes(name)) {
      fail(`unknown option '${words[i]}'\n${USAGE}`);
    }
    if (words[i + 1] === undefined) fail(`--${name} needs a value\n${USAGE}`);
    options[name] = words[i + 1];
  }
  if (!options.url) fail(`--url is needed\n${USAGE}`);
  return options;
}

function address(url) {
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    fail(`'${url}' is not a URL`);
  }
  if (parsed.protocol !== 'http:') fail(`'${url}' is not http://HOST:PORT`);
  return { host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: Number(parsed.port || 80) };
}

// Requests

function expand(generator, queryType) {
  const g = generator;
  if (g.as === 'json_query') {
    const parts = [];
    for (let i = 0; i < g.n; i++) {
      parts.push(g.rep.replaceAll('{{i+1}}', i + 1).replaceAll('{{i}}', i));
    }
    const query = g.tpl.split('{{C}}').join((g.close ?? '').repeat(g.n))
      .split('{{R}}').join(parts.join(g.sep ?? ''))
      .split('{{Query}}').join(queryType);
    return Buffer.from(JSON.stringify({ query }));
  }
  if (g.as === 'json_array') {
    return Buffer.from(JSON.stringify(Array(g.n).fill(g.item)));
  }
  if (g.as === 'repeat') {
    return Buffer.from(g.prefix + g.rep.repeat(g.n) + g.suffix);
  }
  if (g.as === 'gzip_zeros') {
    const zeros = ' '.repeat(g.mb * 1024 * 1024);
    return zlib.gzipSync(`{"query":"${zeros}"}`, { level: 1 });
  }
  if (g.as === 'fixed') return Buffer.from(g.body);
  throw new Error(`does not know the generator '${g.as}'`);
}

function buildHttp(request, queryType) {
  let body = Buffer.alloc(0);
  const headers = { ...(request.headers ?? {}) };
  if (request.body !== undefined) body = Buffer.from(request.body);
  if (request.body_b64) body = Buffer.from(request.body_b64, 'base64');
  if (request.body_gen) {
    body = expand(request.body_gen, queryType);
    const big = request.body_gen.big_header;
    if (big) headers[big[0]] = big[1] + big[2].repeat(big[3]);
  }
  let head = `${request.method} ${request.path} HTTP/1.1\r\n` +
    'Host: localhost\r\nConnection: close\r\n';
  for (const [name, value] of Object.entries(headers)) {
    head += `${name}: ${value}\r\n`;
  }
  const bare = ['GET', 'OPTIONS', 'TRACE'].includes(request.method);
  if (!bare || body.length) head += `Content-Length: ${body.length}\r\n`;
  return Buffer.concat([Buffer.from(head + '\r\n'), body]);
}

function buildRaw(request) {
  if (request.raw_gen) {
    const g = request.raw_gen;
    const parts = [g.prefix];
    for (let i = 0; i < g.n; i++) parts.push(g.rep.replaceAll('{{i}}', i));
    parts.push(g.suffix);
    return Buffer.from(parts.join(''));
  }
  if (request.raw_b64) return Buffer.from(request.raw_b64, 'base64');
  return Buffer.from(request.raw, request.latin1 ? 'latin1' : 'utf8');
}

const FRAMES = { DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4,
  PUSH_PROMISE: 5, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8, CONTINUATION: 9 };
const FLAGS = { '': 0, ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8,
  PRIORITY: 32 };
const H2_ERRORS = ['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED',
  'FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR',
  'CONNECT_ERROR', 'ENHANCE_YOUR_CALM', 'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED'];

function uint32(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number >>> 0);
  return bytes;
}

function framePayload(frame) {
  if (frame.t === 'RST_STREAM') return uint32(frame.code ?? 8);
  if (frame.t === 'PING') return Buffer.alloc(8);
  if (frame.t === 'WINDOW_UPDATE') return uint32(frame.inc);
  return Buffer.from(frame.block ?? frame.payload ?? '', 'hex');
}

function buildH2(frames) {
  let current = -1;
  const encode = (frame) => {
    if (frame.t === 'RAW') return Buffer.from(frame.hex, 'hex');
    let stream = frame.stream ?? 0;
    if (stream === 'next') stream = current += 2;
    if (stream === 'cur') stream = current;
    let flags = 0;
    for (const flag of (frame.flags ?? '').split('|')) flags |= FLAGS[flag];
    const payload = framePayload(frame);
    return Buffer.concat([uint32(payload.length).subarray(1),
      Buffer.from([FRAMES[frame.t], flags]), uint32(stream), payload]);
  };
  const out = [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])];
  for (const frame of frames) {
    for (let i = 0; i < (frame.repeat ?? 1); i++) {
      for (const one of frame.repeat ? frame.do : [frame]) {
        out.push(encode(one));
      }
    }
  }
  return Buffer.concat(out);
}

// Talking

// Sends `data` and reads until the server closes, is silent for `idle` ms
// after an answer, or `wait` ms are over.
function talk(where, data, { wait = 6000, idle = 600 } = {}) {
  return new Promise((done) => {
    const begin = performance.now();
    const chunks = [];
    let size = 0, last = null, closed = false, sent = false, quiet = null;
    const socket = net.connect({ ...where, noDelay: true });
    const finish = () => {
      if (!socket) return;
      clearTimeout(limit);
      clearTimeout(quiet);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
      done({ out: Buffer.concat(chunks), closed,
        ms: (last ?? performance.now()) - begin });
    };
    const limit = setTimeout(finish, wait);
    const arm = () => {
      clearTimeout(quiet);
      if (sent && size) quiet = setTimeout(finish, idle);
    };
    socket.on('connect', () => socket.write(data, () => {
      sent = true;
      arm();
    }));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      last = performance.now();
      if (size > 20e6) finish(); else arm();
    });
    for (const event of ['end', 'error', 'close']) {
      socket.on(event, () => { closed = true; finish(); });
    }
  });
}

function dechunk(body) {
  const parts = [];
  while (body.length) {
    const end = body.indexOf('\r\n');
    const size = parseInt(body.toString('latin1', 0, Math.max(end, 0)), 16);
    if (end < 0 || !(size > 0)) break;
    parts.push(body.subarray(end + 2, end + 2 + size));
    body = body.subarray(end + 4 + size);
  }
  return Buffer.concat(parts);
}

function parseAnswer(out) {
  const text = out.toString('latin1');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text);
  const end = text.indexOf('\r\n\r\n');
  const head = end < 0 ? text : text.slice(0, end);
  let body = end < 0 ? Buffer.alloc(0) : out.subarray(end + 4);
  if (/transfer-encoding: *chunked/i.test(head)) body = dechunk(body);
  let json = null;
  try {
    json = JSON.parse(body.toString());
  } catch { /* not every answer is JSON */ }
  const isObject = json !== null && typeof json === 'object' &&
    !Array.isArray(json);
  return { status: status ? Number(status[1]) : null, head, body,
    json: isObject ? json : null,
    count: (text.match(/HTTP\/1\.[01] [2-5]\d\d /g) ?? []).length };
}

async function isAlive(where) {
  const body = '{"query":"{__typename}"}';
  const request = Buffer.from('POST /graphql HTTP/1.1\r\nHost: localhost\r\n' +
    'Connection: close\r\nContent-Type: application/json\r\n' +
    `Content-Length: ${body.length}\r\n\r\n${body}`);
  for (let i = 0; i < 3; i++) {
    const { out } = await talk(where, request, { wait: 5000 });
    if (out.toString('latin1', 0, 9) === 'HTTP/1.1 ') return true;
    await sleep(500);
  }
  return false;
}

// Judging: each key of `expect` is one check that says what is wrong.

const hasErrors = (answer) => Boolean(answer.json?.errors?.length);
const isRefused = (answer) => hasErrors(answer) || answer.status >= 400;

function checkStatus(expect, answer) {
  const { status, closed, count } = answer;
  if (expect.status.includes(status)) return null;
  if (expect.or_closed && closed && status === null) return null;
  if (expect.or_answered_then_closed && closed && count <= 1) return null;
  return `status ${status ?? (closed ? 'none, closed' : 'none')}`;
}

function checkHeaders(expect, answer) {
  for (const [name, values] of Object.entries(expect.header_absent_value)) {
    const line = new RegExp(`^${name}:[ \\t]*(.*?)\\r?$`, 'im')
      .exec(answer.head);
    if (line && values.includes(line[1])) return `${name}: ${line[1]}`;
  }
  return null;
}

const CHECKS = {
  status: checkStatus,
  header_absent_value: checkHeaders,
  responses: (e, a) => a.count !== e.responses && `${a.count} responses`,
  responses_max: (e, a) => a.count > e.responses_max && `${a.count} responses`,
  max_ms: (e, a) => a.ms > e.max_ms && `${Math.round(a.ms)} ms`,
  max_body: (e, a) => a.body.length > e.max_body && `body ${a.body.length}`,
  errors: (e, a) => e.errors && !isRefused(a) && 'no errors',
  rejected: (e, a) => e.rejected && a.status !== null && !isRefused(a) &&
    `executed (${a.body.length} bytes)`,
  rejected_or_small: (e, a) => !hasErrors(a) &&
    a.body.length > e.rejected_or_small && `body ${a.body.length}`,
  no_data: (e, a) => e.no_data && a.json?.data && 'data returned',
  max_errors: (e, a) => (a.json?.errors?.length ?? 0) > e.max_errors &&
    `${a.json.errors.length} errors`,
  no_5xx: (e, a) => e.no_5xx && a.status >= 500 && `status ${a.status}`,
  same_rows_as_literal: (e, a) => e.same_rows_as_literal && checkLiteral(e, a),
  body_not_contains: (e, a) => {
    const found = e.body_not_contains.find((text) => a.body.includes(text));
    return found !== undefined && `contains ${JSON.stringify(found)}`;
  },
};
// Keys that only change another check, or that are words for people.
const OTHER_KEYS = ['or_closed', 'or_answered_then_closed', 'alive_after',
  'policy', 'h2', 'closed_within_s', 'others_served'];

function h2Events(out, closed) {
  const events = new Set(closed ? ['closed'] : []);
  const statuses = { 0x88: 200, 0x8c: 400, 0x8d: 404, 0x8e: 500 };
  for (let at = 0; at + 9 <= out.length;) {
    const length = out.readUIntBE(at, 3);
    const type = out[at + 3];
    const payload = out.subarray(at + 9, at + 9 + length);
    at += 9 + length;
    const code = (offset) => H2_ERRORS[payload.readUInt32BE(offset)] ??
      'UNKNOWN';
    if (type === FRAMES.GOAWAY && payload.length >= 8) {
      events.add('GOAWAY').add(`GOAWAY:${code(4)}`);
    }
    if (type === FRAMES.RST_STREAM && payload.length >= 4) {
      events.add('RST_STREAM').add(`RST_STREAM:${code(0)}`);
    }
    if (type === FRAMES.HEADERS && payload.length) {
      const status = statuses[payload[0]];
      events.add(status ? `status:${status}` : 'headers');
    }
  }
  return events;
}

// Kinds of request: each resolves to a list of what is wrong.

async function runBytes(item, data, wait, options) {
  const { out, closed, ms } = await talk(options.where, data, { wait });
  const answer = { ...parseAnswer(out), closed,
    ms: out.length || closed ? ms : wait };
  const wrong = [];
  for (const key of Object.keys(item.expect)) {
    const text = CHECKS[key]?.(item.expect, answer);
    if (text) wrong.push(text);
  }
  return wrong;
}

async function runH2(item, options) {
  const { out, closed, ms } = await talk(options.h2,
    buildH2(item.request.frames), { wait: 8000, idle: 1000 });
  const events = h2Events(out, closed);
  const { expect } = item;
  const wrong = [];
  if (!expect.h2.some((event) => events.has(event))) {
    wrong.push(`got ${[...events].sort().join(', ') || 'nothing'}`);
  }
  if (expect.max_ms && ms > expect.max_ms) wrong.push(`${Math.round(ms)} ms`);
  return wrong;
}

// One connection that drips; resolves to the seconds until it was closed, or
// null when it still stood after `seconds`.
function drip(where, request, seconds) {
  return new Promise((done) => {
    const begin = performance.now();
    const socket = net.connect(where, () => socket.write(request.raw));
    const finish = (value) => {
      clearInterval(dripping);
      clearTimeout(limit);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
      done(value);
    };
    const dripping = setInterval(() => {
      if (socket.writable) socket.write(request.drip);
    }, request.interval_ms);
    const limit = setTimeout(() => finish(null), seconds * 1000);
    for (const event of ['end', 'error', 'close']) {
      socket.on(event, () => finish((performance.now() - begin) / 1000));
    }
    socket.on('data', () => {});
  });
}

async function runSlow(item, options) {
  const { request, expect } = item;
  const wrong = [];
  let over = false;
  const all = Promise.all(Array.from({ length: request.conns }, () =>
    drip(options.where, request, request.max_s)));
  const honest = (async () => {
    while (!over && expect.others_served) {
      if (!await isAlive(options.where)) wrong.push('others not served');
      await sleep(1000);
    }
  })();
  const times = await all;
  over = true;
  await honest;
  const late = times.filter((s) => s === null || s > expect.closed_within_s);
  if (late.length) {
    wrong.push(`${late.length} of ${times.length} still open after ` +
      `${expect.closed_within_s} s`);
  }
  return [...new Set(wrong)];
}

const KINDS = {
  http: (item, options) => runBytes(item,
    buildHttp(item.request, options.queryType), 10000, options),
  raw: (item, options) => runBytes(item, buildRaw(item.request),
    item.request.raw_gen ? 10000 : 3000, options),
  h2: runH2,
  slow: runSlow,
};

const PLACES = ['many', 'one', 'Model', 'strField', 'rel', 'back'];

function parseSchema(text) {
  if (!text) return null;
  const schema = Object.fromEntries(text.split(',').map((p) => p.split('=')));
  const missing = PLACES.find((name) => !schema[name]);
  if (missing) fail(`--schema lacks '${missing}'\n${USAGE}`);
  return schema;
}

// A copy of the case with the names of the served schema in it.
function fill(item, options) {
  if (!item.needs?.includes('schema') || !options.schema) return item;
  let text = JSON.stringify(item);
  for (const name of PLACES) {
    text = text.replaceAll(`{{${name}}}`, options.schema[name]);
  }
  const filled = JSON.parse(text);
  filled.needs = item.needs.filter((need) => need !== 'schema');
  if (options.token) {
    filled.request.headers = { ...filled.request.headers,
      Authorization: `Bearer ${options.token}` };
  }
  return filled;
}

// What a string in the query means literally: no row is called that way, and a
// row made with it has it as its name.
function checkLiteral(expect, answer) {
  for (const value of Object.values(answer.json?.data ?? {})) {
    if (Array.isArray(value) && value.length) return `${value.length} rows`;
  }
  return false;
}

function reasonToSkip(item) {
  if (item.needs?.length) return `needs ${item.needs.join(', ')}`;
  if (!KINDS[item.request.kind]) {
    return `does not know the kind '${item.request.kind}'`;
  }
  const unknown = Object.keys(item.expect)
    .find((key) => !CHECKS[key] && !OTHER_KEYS.includes(key));
  return unknown ? `does not know the expectation '${unknown}'` : null;
}

async function runItem(given, options) {
  const item = fill(given, options);
  const base = { class: item.class, name: item.name };
  const skip = reasonToSkip(item);
  if (skip) return { ...base, result: 'skip', why: skip };
  const begin = performance.now();
  let wrong;
  try {
    wrong = await KINDS[item.request.kind](item, options);
  } catch (error) {
    wrong = [String(error.message)];
  }
  if (item.expect.alive_after && !await isAlive(options.where)) {
    wrong.push('the server does not answer any more');
  }
  return { ...base, result: wrong.length ? 'fail' : 'pass',
    why: wrong.join('; '), ms: Math.round(performance.now() - begin) };
}

function report(result) {
  if (result.result === 'pass') return;
  const label = result.result === 'fail' ? 'FAIL' : 'skip';
  console.log(`${label} ${result.class}/${result.name}: ${result.why}`);
}

async function main() {
  const given = parseArguments(process.argv.slice(2));
  const file = given.cases ?? fileURLToPath(new URL('attacks.json', import.meta.url));
  const only = given.only ? new RegExp(given.only) : null;
  const classes = given.class ? given.class.split(',') : null;
  const options = { where: address(given.url),
    h2: address(given['h2-url'] ?? given.url),
    queryType: given['query-type'] ?? 'Query',
    schema: parseSchema(given.schema), token: given.token };
  const items = JSON.parse(fs.readFileSync(file, 'utf8')).filter((item) =>
    (!only || only.test(`${item.class}/${item.name}`)) &&
    (!classes || classes.includes(item.class)));
  if (!await isAlive(options.where)) fail(`no server answers at ${given.url}`);
  // Slow ones mostly wait, so they run beside the rest.
  const isSlow = (item) => item.request.kind === 'slow';
  const slow = items.filter(isSlow).map((item) => runItem(item, options));
  const results = [];
  for (const item of items.filter((one) => !isSlow(one))) {
    results.push(await runItem(item, options));
    report(results.at(-1));
  }
  for (const result of await Promise.all(slow)) {
    results.push(result);
    report(result);
  }
  if (given.json) fs.writeFileSync(given.json, JSON.stringify(results, null, 1));
  const count = (what) => results.filter((r) => r.result === what).length;
  if (count('skip')) console.log(`${count('skip')} skipped`);
  console.log(`${count('pass')} passed, ${count('fail')} failed`);
  process.exitCode = count('fail') || !count('pass') ? 1 : 0;
}

await main();
