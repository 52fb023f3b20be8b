// Measures Lunette beside pgbench on the same database, and beside peers.
// SPDX-License-Identifier: Apache-2.0
//
// usage: spec/perf/run [--quick] [--peer NAME]... [--only REGEX] [--json FILE]
//          [--duration S] [--rounds N] [--save-to-served] [--cases FILE] [--port N]
//   --quick      a tenth of the rows, shorter runs
//   --peer       postgraphile, node, or the path of another build of lunette
//   --only       workloads (one list three page create update mix) and sections
//                (save start memory models) whose names match
//   --json       appends one line of JSON for every run and summary
//   --duration   seconds of one run; each target has `--rounds` of them
//   --cases      a module that exports other `workloads`
// docs/performance.md explains the figures. Ends with "N passed, N failed" of
// the bars of the design; the exit code says whether all were met.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { open } from './dataset.mjs';
import { root } from './support/host.mjs';
import { alternate, httpTarget, limitTarget } from './support/measure.mjs';
import { openPeer } from './support/peers.mjs';
import { bars, print, table } from './support/report.mjs';
import { sections } from './sections/index.mjs';
import * as standard from './workloads.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    peer: { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    json: { type: 'string' },
    duration: { type: 'string' },
    rounds: { type: 'string' },
    'save-to-served': { type: 'boolean', default: false },
    cases: { type: 'string' },
    port: { type: 'string', default: '21800' },
  },
});
const only = new RegExp(options['save-to-served'] ? '^save$' : options.only ?? '');
const seconds = Number(options.duration ?? (options.quick ? 2 : 5));
const rounds = Number(options.rounds ?? (options.quick ? 3 : 5));
const port = Number(options.port);

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'lunette-perf-'));
fs.chmodSync(work, 0o755);
process.on('exit', () => fs.rmSync(work, { recursive: true, force: true }));

/** Keeps one fact as a line of JSON. */
function note(kind, fact) {
  if (options.json) fs.appendFileSync(options.json, `${JSON.stringify({ kind, ...fact })}\n`);
}

const say = (text) => console.error(text);

/** The fastest way of the hand-written SQL takes part in the comparison. */
async function fastest(host, workload, size) {
  const variants = Object.keys(workload.sql ?? { rows: null });
  if (variants.length === 1) return variants[0];
  const tried = await alternate(
    variants.map((variant) => limitTarget(host, variant, workload, size, work)), host,
    { seconds: Math.min(seconds, 2), rounds: 1, note: (fact) =>
      note('variant', { workload: workload.name, ...fact }) });
  tried.sort((a, b) => b.rate - a.rate);
  return tried[0].variant;
}

/** What the writes of Lunette and of the limit have done, by the tables. */
const written = {
  order: (host) => host.sql(`select count(*) / 5 from erp.order_line l
    join erp."order" o on o.id = l."order" where o.number >= 'W' or o.number like 'L%'`),
  customer: (host) => host.sql('select sum(version) from erp.customer'),
};

async function measure(workload, host, peers, size) {
  workload.fastest = await fastest(host, workload, size);
  const targets = [
    httpTarget(peers[0], workload, size, work),
    limitTarget(host, workload.fastest, workload, size, work),
    ...peers.slice(1).map((peer) => httpTarget(peer, workload, size, work)),
  ];
  const count = peers.length === 1 && written[workload.writes];
  const before = count && Number(count(host));
  const results = await alternate(targets, host, { seconds, rounds, note: (fact) =>
    note('run', { workload: workload.name, ...fact }) });
  const limit = results[1];
  for (const result of results) {
    result.ratio = result.rate / limit.rate;
    result.cpuRatio = limit.postgresCpu / (result.serverCpu + result.postgresCpu);
  }
  if (count) {
    const missing = results[0].requests + limit.requests - (Number(count(host)) - before);
    results[0].failed += Math.max(0, missing);
  }
  for (const result of results) note('summary', { workload: workload.name, ...result });
  print(table(workload, results));
  note('load', { workload: workload.name, average: os.loadavg()[0] });
  return results;
}

const outcomes = [];
const judge = (name, facts) => {
  for (const bar of bars(name, facts)) {
    note('bar', bar);
    outcomes.push(bar);
  }
};

async function measureWorkloads(workloads) {
  const size = standard.sizes(options.quick);
  const host = await open({ quick: options.quick, port, size, say });
  const self = {
    name: 'lunette', url: `${host.url}/graphql`, headers: host.headers(),
    body: (part, variables) => ({ query: part.query.replace(/\s+/g, ' '), variables }),
    cpu: () => host.cpu().host, rss: () => host.rss(),
  };
  const peers = [self];
  try {
    for (const [i, name] of options.peer.entries()) {
      say(`starting ${name}`);
      peers.push(await openPeer(name, { host, self, port: port + 10 + 2 * i, work, size }));
    }
    for (const workload of workloads) {
      const results = await measure(workload, host, peers, size);
      if (workload.bar) judge(workload.name, { ...results[0], bar: workload.bar });
    }
  } finally {
    for (const peer of peers.slice(1)) await peer.stop();
    host.stop();
  }
}

const { workloads } = options.cases
  ? await import(path.resolve(options.cases)) : standard;
const chosen = workloads.filter((workload) => only.test(workload.name));
say(`${os.cpus().length} cores (${os.cpus()[0].model}), load ${os.loadavg()[0].toFixed(1)}`);
if (chosen.length) await measureWorkloads(chosen);
for (const section of sections) {
  if (options.cases || !only.test(section.name)) continue;
  const facts = await section.run({ quick: options.quick, port, work, say, root,
    duration: options.duration && Number(options.duration),
    note: (fact) => note('section', { section: section.name, ...fact }) });
  note('summary', { section: section.name, ...facts });
  judge(section.name, facts);
}

for (const bar of outcomes) {
  print(`${bar.met ? 'met   ' : 'MISSED'} ${bar.text}`);
}
const failed = outcomes.filter((bar) => !bar.met).length;
print(`${outcomes.length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
