// Mixed load on generated apps.
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';
import path from 'node:path';

import { randomFrom } from '../workloads.mjs';
import { wrk } from './load.mjs';

/** Loads `host` with bodies made by `body(random)`; calls `sample(second)` about
 * every second. Codes are made unique by wrk. */
export async function load({ host, work, seconds, body, sample }) {
  const random = randomFrom(4711);
  const file = path.join(work, 'mixed.txt');
  const lines = Array.from({ length: 5000 }, () => body(random));
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
  const begin = performance.now();
  const timer = sample && setInterval(() => sample((performance.now() - begin) / 1000), 1000);
  try {
    const { requests, failed, rate } = await wrk({ url: `${host.url}/graphql`, bodies: file,
      headers: host.headers(), seconds, check: true });
    return { requests, failed, rate };
  } finally {
    clearInterval(timer);
  }
}
