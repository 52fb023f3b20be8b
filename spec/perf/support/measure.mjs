// Loads targets in turn, several rounds, so that a slow minute of the machine
// falls on all of them; keeps the median of each.
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';
import path from 'node:path';

import { randomFrom } from '../workloads.mjs';
import { pgbench, wrk } from './load.mjs';
import { post } from './host.mjs';

const bodyCount = 20000;

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 ? sorted[Math.floor(middle)]
    : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** The parts of a workload with their shares. */
const partsOf = (workload) => workload.shares ?? [[workload, 100]];

/** A file of request bodies, made by `body(part, variables)`. */
export function writeBodies(file, workload, size, body) {
  const random = randomFrom(workload.name.length * 7919);
  const parts = partsOf(workload);
  const lines = [];
  for (let i = 0; i < bodyCount; i++) {
    let at = random(100);
    const [part] = parts.find(([, share]) => (at -= share) <= 0);
    lines.push(JSON.stringify(body(part, part.variables(random, size))));
  }
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
}

/** A target that speaks HTTP. `peer`: { name, url, headers, body, pids() ,
 * cpu(), rss() }. */
export function httpTarget(peer, workload, size, work) {
  const bodies = path.join(work, `${peer.name}-${workload.name}.txt`);
  writeBodies(bodies, workload, size, peer.body);
  const url = peer.url;
  return {
    name: peer.name,
    /** The first answers must be whole and without errors; then a second of
     * load, so that everything is compiled and cached. */
    async warm() {
      const random = randomFrom(99);
      for (const [part] of partsOf(workload)) {
        const body = JSON.stringify(peer.body(part, part.variables(random, size)))
          .replace('@@@@@@@@', `C${process.hrtime.bigint().toString(36).slice(-7)}`);
        const answer = await post(url, body, { headers: peer.headers });
        if (answer.status !== 200 || /"errors":|:null\}?\}?$/.test(answer.text)) {
          throw new Error(`${peer.name}, ${part.name}: ${answer.status} ${answer.text}`);
        }
      }
      const { failed } = await wrk({ url, bodies, headers: peer.headers, seconds: 1, check: true });
      if (failed) throw new Error(`${peer.name}, ${workload.name}: ${failed} answers with errors`);
    },
    run: (seconds) => wrk({ url, bodies, headers: peer.headers, seconds }),
    cpu: peer.cpu,
    rss: peer.rss,
  };
}

/** The database alone, with one variant of the hand-written SQL. */
export function limitTarget(host, variant, workload, size, work) {
  const scripts = partsOf(workload).map(([part, share]) => {
    const file = path.join(work, `${part.name}-${variant}.sql`);
    const text = part.sql[variant] ?? part.sql[part.fastest];
    fs.writeFileSync(file, `${text(size)}\n`);
    return [file, share];
  });
  return {
    name: `pgbench ${variant}`,
    variant,
    async warm() {
      await pgbench({ host, scripts, seconds: 1, work });
    },
    run: (seconds) => pgbench({ host, scripts, seconds, work }),
    cpu: () => 0,
    rss: () => [],
  };
}

/** One slot of one target. */
async function slot(target, host, seconds) {
  const server = target.cpu();
  const postgres = host.cpu().postgres;
  const result = await target.run(seconds);
  return {
    ...result,
    serverCpu: (target.cpu() - server) / result.requests,
    postgresCpu: (host.cpu().postgres - postgres) / result.requests,
    rss: Math.max(0, ...target.rss()),
  };
}

const fields = ['rate', 'p50', 'p99', 'serverCpu', 'postgresCpu', 'rss', 'bytes'];

/** The medians of all rounds by target, in the order of `targets`. */
export async function alternate(targets, host, { seconds, rounds, note }) {
  const results = new Map(targets.map((target) => [target, []]));
  for (const target of targets) await target.warm();
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      const result = await slot(target, host, seconds);
      results.get(target).push(result);
      note({ target: target.name, round, ...result });
    }
  }
  return targets.map((target) => {
    const all = results.get(target);
    const summary = { name: target.name, variant: target.variant };
    for (const field of fields) {
      summary[field] = median(all.map((result) => result[field] ?? 0));
    }
    summary.failed = all.reduce((sum, result) => sum + result.failed, 0);
    summary.requests = all.reduce((sum, result) => sum + result.requests, 0);
    return summary;
  });
}
