// From saving a file to the first answer of the new release, under load.
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';
import path from 'node:path';

import { apps as sources } from '../dataset.mjs';
import { Host, sleep } from '../support/host.mjs';
import { median } from '../support/measure.mjs';
import { print } from '../support/report.mjs';
import { Steady, probes, saveToServed } from '../support/steady.mjs';

const saves = 20;

/** Saves the app `saves` times, changed by `change(text, i)`; the times. */
async function times(host, file, body, change) {
  const agents = probes(4);
  const original = fs.readFileSync(file, 'utf8');
  const result = [];
  for (let i = 0; i < saves; i++) {
    await sleep(150);
    result.push(await saveToServed({ url: `${host.url}/graphql`, headers: host.headers(),
      body, file, text: change(original, i), agents }));
  }
  for (const agent of agents) agent.destroy();
  return result;
}

export async function run({ port, work, note }) {
  const apps = path.join(work, 'save-apps');
  fs.cpSync(sources, apps, { recursive: true });
  const host = await Host.start({ folder: path.join(work, 'save'), apps, port });
  try {
    host.sql(`insert into erp.customer (id, code, name, credit, active, created_at, updated_at)
      select gen_random_uuid(), 'C' || n, 'Customer ' || n, 0, true, now(), now()
      from generate_series(1, 1000) n`);
    let n = 0;
    const next = () => JSON.stringify({
      query: 'query($w: CustomerWhereUniqueInput!) { customer(where: $w) { id code name } }',
      variables: { w: { code: `C${(n = (n % 1000) + 1)}` } },
    });
    const load = new Steady({ url: `${host.url}/graphql`, headers: host.headers(), next });
    const file = path.join(apps, 'erp/app.lua');
    const titles = await times(host, file, next(), (text, i) =>
      text.replace('title = "Performance"', `title = "Performance ${i}"`));
    const fields = await times(host, file, next(), (text, i) => text.replace(
      '    since  = date {},', `    since  = date {},\n${Array.from({ length: i + 1 },
        (_, k) => `    extra_${k} = text {},`).join('\n')}`));
    await load.stop();
    const facts = {
      median: median(titles), worst: Math.max(...titles),
      medianField: median(fields), worstField: Math.max(...fields),
      sent: load.sent, failed: load.failures.length, failures: load.failures.slice(0, 5),
    };
    note({ titles, fields, failures: load.failures });
    print(`\nsave: ${saves} saves under ${load.sent} requests at 100 a second
a changed title: median ${facts.median.toFixed(0)} ms, worst ${facts.worst.toFixed(0)} ms
one more field:  median ${facts.medianField.toFixed(0)} ms, worst ${facts.worstField.toFixed(0)} ms
failed requests: ${facts.failed}${facts.failed ? ` (${facts.failures[0]})` : ''}`);
    return facts;
  } finally {
    host.stop();
  }
}
