// From starting the program to its first answer, with the database up.
// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { apps } from '../dataset.mjs';
import { Host, post, program, sleep } from '../support/host.mjs';
import { median } from '../support/measure.mjs';
import { print } from '../support/report.mjs';

const starts = 10;

async function once(host, folder, port) {
  const headers = host.headers();
  const body = JSON.stringify({ query: '{ customers(first: 1) { id } }' });
  const begin = performance.now();
  const child = spawn(program, ['up', '--apps', apps, '--data', folder, '--port', String(port),
    '--database', host.database_url(), '--nats', 'off'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    for (;;) {
      const answer = await post(`http://127.0.0.1:${port}/graphql`, body, { headers })
        .catch(() => null);
      if (answer?.status === 200 && answer.text.includes('"customers"')) {
        return performance.now() - begin;
      }
      if (child.exitCode !== null) throw new Error('the host ended before its first answer');
      if (performance.now() - begin > 20000) throw new Error('no answer within 20 s');
      await sleep(1);
    }
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

export async function run({ port, work, note }) {
  const host = await Host.start({ folder: path.join(work, 'start'), apps, port });
  try {
    const folder = path.join(work, 'start-second');
    fs.mkdirSync(folder, { recursive: true });
    fs.cpSync(path.join(host.data, 'keys'), path.join(folder, 'keys'), { recursive: true });
    const times = [];
    for (let i = 0; i < starts; i++) times.push(await once(host, folder, port + 2));
    note({ times });
    const facts = { median: median(times), worst: Math.max(...times) };
    print(`\nstart: ${starts} starts with the database up
first answer: median ${facts.median.toFixed(0)} ms, worst ${facts.worst.toFixed(0)} ms`);
    return facts;
  } finally {
    host.stop();
  }
}
