// A generated app of 100 models: memory idle and under load, and how long a
// save takes to be served.
// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';

import { appText, mixedBody, modelNames, writeApps } from '../support/generated.mjs';
import { Host, sleep } from '../support/host.mjs';
import { median } from '../support/measure.mjs';
import { load } from '../support/mixed.mjs';
import { print } from '../support/report.mjs';
import { Steady, probes, saveToServed } from '../support/steady.mjs';

const models = 100;
const saves = 10;

/** How far memory has moved, in percent, from the second tenth of the samples
 * (the first is warming up) to the last. */
function drift(samples) {
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  const early = median(samples.slice(tenth, 2 * tenth));
  const late = median(samples.slice(-tenth));
  return { early, late, drift: (100 * (late - early)) / early };
}

async function timeSaves(host, file, types) {
  const url = `${host.url}/graphql`;
  const name = types[0][0].toLowerCase() + types[0].slice(1);
  const body = JSON.stringify({
    query: `{ ${name}sConnection(first: 5) { edges { node { id code } } } }` });
  const stream = new Steady({ url, headers: host.headers(), next: () => body });
  const agents = probes(4);
  const times = [];
  for (let i = 0; i < saves; i++) {
    times.push(await saveToServed({ url, headers: host.headers(), body, file, agents,
      text: appText('gen', models, `1.0.${i + 1}`) }));
  }
  for (const agent of agents) agent.destroy();
  await stream.stop();
  return { times, failures: stream.failures };
}

export async function run({ quick, port, work, note, duration }) {
  const apps = path.join(work, 'models-apps');
  writeApps(apps, { gen: appText('gen', models) }, ['gen.chief']);
  const begin = performance.now();
  const host = await Host.start({ folder: path.join(work, 'models'), apps, port });
  const first = performance.now() - begin;
  try {
    await sleep(1000);
    const idle = Math.max(...host.rss());
    const types = modelNames(models);
    const saved = await timeSaves(host, path.join(apps, 'gen/app.lua'), types);
    host.refresh();
    const after = Math.max(...host.rss());
    const samples = [];
    const seconds = duration ?? (quick ? 60 : 600);
    const result = await load({ host, work, seconds,
      body: (random) => mixedBody(types, random),
      sample: (second) => {
        const rss = Math.max(...host.rss());
        samples.push(rss);
        note({ second, rss });
      } });
    const moved = drift(samples);
    note({ saves: saved.times, failures: saved.failures });
    const facts = { first, idle, after, median: median(saved.times),
      worst: Math.max(...saved.times), ...moved, drift: Math.abs(moved.drift), ...result,
      failed: result.failed + saved.failures.length };
    print(`\nmodels: an app of ${models} models, 8 fields and 3 relations each
first start with a new database ${(first / 1000).toFixed(1)} s
worker idle ${idle.toFixed(1)} MiB, after ${saves} saves ${after.toFixed(1)} MiB
save to served: median ${facts.median.toFixed(0)} ms, worst ${facts.worst.toFixed(0)} ms
under mixed load for ${seconds} s (${result.rate.toFixed(0)} requests a second): ${
  moved.early.toFixed(1)} MiB early, ${moved.late.toFixed(1)} MiB late (${moved.drift.toFixed(1)} %)
failed requests: ${facts.failed}${saved.failures.length ? ` (${saved.failures[0]})` : ''}`);
    return facts;
  } finally {
    host.stop();
  }
}
