// Prints how the callers of one app fare while another app of the same server
// does its worst: latency of 64 clients, and what the other's callers are told.
// SPDX-License-Identifier: Apache-2.0
//
// usage: node spec/sandbox/neighbours.mjs [--seconds N] [--clients N] [--pause MS]
//   --pause: of each client between two requests (default 0: they never rest)
import http from 'node:http';
import { Server } from '../e2e/support/server.mjs';

const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const seconds = option('--seconds', 5);
const clients = option('--clients', 64);
const pause = option('--pause', 0);

const MODEST = `app "modest" { version = "1.0.0" }
role "user" {}
model "Item" { fields = { name = text { required = true }, price = int {} } }
access "Item" { user = "all" }
query "hello" { args = { name = text { required = true } }, returns = text,
  by = "user", run = function(a) return "Hello " .. a.name end }
`;

const BOMBS = {
  'endless loop': 'while true do end',
  'pattern bomb': "while true do (('a'):rep(3000)):find('.-.-b') end",
  'memory bomb': "local t = {} while true do t[#t + 1] = { ('x'):rep(100) } end",
  'string bomb': "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
  'C-stack bomb': `local function f() return (('a'):gsub('a', function()
      return coroutine.wrap(f)() end)) end
    while true do pcall(f) end`,
};

const GREEDY = `app "greedy" { version = "1.0.0" }
role "user" {}
${Object.values(BOMBS).map((text, i) => `query "bomb_${i}" { returns = int, by = "user",
  run = function() ${text} end }`).join('\n')}
`;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const server = await Server.start({ apps: { modest: MODEST, greedy: GREEDY } });
const token = server.token('admin');

/** Resolves to the answer's text and its time in ms. */
function ask(agent, query) {
  const body = JSON.stringify({ query });
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const sent = http.request(`${server.url}/graphql`, { method: 'POST', agent, headers: {
      'content-type': 'application/json', authorization: `Bearer ${token}`,
      'content-length': Buffer.byteLength(body),
    } }, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part));
      answer.on('end', () => resolve({ text, ms: performance.now() - began }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const QUERIES = ['{ items(first: 10, where: { price_gt: 5 }) { id name price } }',
  '{ hello(name: "Ada") }'];

async function measure(bomb) {
  const end = Date.now() + seconds * 1000;
  const times = [];
  const told = new Map();
  let errors = 0;
  const modest = Array.from({ length: clients }, async (_, client) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = client; Date.now() < end; i++) {
      const { text, ms } = await ask(agent, QUERIES[i % 2]);
      times.push(ms);
      if (text.includes('"errors"')) errors++;
      if (pause) await sleep(pause);
    }
    agent.destroy();
  });
  // Two for each worker: always one at work.
  const greedy = Array.from({ length: bomb === null ? 0 : 4 }, async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (Date.now() < end) {
      const { text } = await ask(agent, `{ bomb${bomb} }`);
      const { message, extensions } = JSON.parse(text).errors?.[0] ?? {};
      const what = `${extensions?.code} ${extensions?.limit ?? ''}: ${message}`;
      told.set(what, (told.get(what) ?? 0) + 1);
    }
    agent.destroy();
  });
  await Promise.all([...modest, ...greedy]);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(times.length * share)].toFixed(1);
  return { rate: Math.round(times.length / seconds), p50: at(0.5), p99: at(0.99),
    p999: at(0.999), errors, told };
}

const before = JSON.stringify(server.status().pids);
await server.dataOf(`mutation { ${Array.from({ length: 20 }, (_, i) =>
  `c${i}: createItem(data: { name: "n${i}", price: ${i} }) { id }`).join(' ')} }`);
await measure(null);
for (const [i, name] of [[null, 'alone'], ...Object.keys(BOMBS).entries()]) {
  const { rate, p50, p99, p999, errors, told } = await measure(i);
  console.log(`${name.padEnd(14)} ${String(rate).padStart(6)}/s  p50 ${p50} ms  p99 ${p99} ms  `
    + `p99.9 ${p999} ms  ${errors} errors`);
  for (const [what, count] of told) console.log(`${' '.repeat(15)}${count} × ${what}`);
}
const same = before === JSON.stringify(server.status().pids);
console.log(same ? 'every process lived' : 'a process was replaced');
await server.down();
process.exit(same ? 0 : 1);
