// A steady stream of requests over keep-alive connections, and the time from a
// save to the first answer of the new release.
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';
import http from 'node:http';

import { post, sleep } from './host.mjs';

/** Sends `next()` bodies `rate` times a second until stop(); counts. */
export class Steady {
  sent = 0;
  failures = [];

  constructor({ url, headers, next, rate = 100, clients = 64 }) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: clients, scheduling: 'fifo' });
    const under = new Set();
    const one = async () => {
      this.sent++;
      try {
        const answer = await post(url, next(), { headers, agent });
        if (answer.status !== 200 || answer.text.includes('"errors"')) {
          this.failures.push(`${answer.status} ${answer.text.slice(0, 300)}`);
        }
      } catch (error) {
        this.failures.push(error.message);
      }
    };
    const begin = performance.now();
    this.timer = setInterval(() => {
      const due = Math.floor(((performance.now() - begin) * rate) / 1000);
      while (this.sent < due) {
        const request = one().finally(() => under.delete(request));
        under.add(request);
      }
    }, 2);
    this.stop = async () => {
      clearInterval(this.timer);
      await Promise.all(under);
      agent.destroy();
    };
  }
}

/** Saves as editors do: a new file takes the place of the old one. */
function save(file, text) {
  fs.writeFileSync(`${file}.new~`, text);
  fs.renameSync(`${file}.new~`, file);
}

/**
 * ms from `file` being saved as `text` to the first answer of a new release on
 * each of `agents` (one connection each): the last of them. `body` is asked
 * every millisecond.
 */
export async function saveToServed({ url, headers, body, file, text, agents, seconds = 20 }) {
  const releases = await Promise.all(agents.map(async (agent) =>
    (await post(url, body, { headers, agent })).headers['lunette-release']));
  const begin = performance.now();
  save(file, text);
  await Promise.all(agents.map(async (agent, i) => {
    for (;;) {
      const answer = await post(url, body, { headers, agent });
      if (answer.headers['lunette-release'] !== releases[i]) return;
      if (performance.now() - begin > seconds * 1000) {
        throw new Error(`no new release within ${seconds} s of a save`);
      }
      await sleep(1);
    }
  }));
  return performance.now() - begin;
}

/** Agents of one connection each, for `saveToServed`. */
export const probes = (count) => Array.from({ length: count }, () =>
  new http.Agent({ keepAlive: true, maxSockets: 1 }));
