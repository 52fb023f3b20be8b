// Memory of a worker that serves 10 apps: idle, and after load.
// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';

import { Host, sleep } from '../support/host.mjs';
import { appText, mixedBody, modelNames, writeApps } from '../support/generated.mjs';
import { load } from '../support/mixed.mjs';
import { print } from '../support/report.mjs';

const models = 6;

export async function run({ quick, port, work, duration }) {
  const apps = path.join(work, 'memory-apps');
  const names = Array.from({ length: 10 }, (_, i) => `dept${i}`);
  writeApps(apps, Object.fromEntries(names.map((name) => [name, appText(name, models)])),
    names.map((name) => `${name}.chief`));
  const host = await Host.start({ folder: path.join(work, 'memory'), apps, port });
  try {
    await sleep(1000);
    const idle = Math.max(...host.rss());
    const types = names.flatMap((name) => modelNames(models).map((model) =>
      `${name[0].toUpperCase()}${name.slice(1)}${model}`));
    const seconds = duration ?? (quick ? 10 : 60);
    const result = await load({ host, work, seconds, body: (random) => mixedBody(types, random) });
    const facts = { idle, loaded: Math.max(...host.rss()), ...result };
    print(`\nmemory: 10 apps of ${models} models
worker idle ${idle.toFixed(1)} MiB, after ${facts.requests} requests ${
  facts.loaded.toFixed(1)} MiB (${facts.failed} failed)`);
    return facts;
  } finally {
    host.stop();
  }
}
