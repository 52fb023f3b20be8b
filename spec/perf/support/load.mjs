// Load: wrk on something that speaks HTTP, pgbench on the database.
// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const connections = 32;

/** Runs a program to its end without stopping this one; its output. */
function finish(file, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(stdout)
      : reject(new Error(`${path.basename(file)}: ${stderr || stdout}`))));
  });
}

let seed = 0;

/** { rate, p50, p99 (ms), requests, failed, bytes a request }; with `check`
 * GraphQL errors count as failed too. */
export async function wrk({ url, bodies, headers, seconds, check = false }) {
  const { origin, pathname } = new URL(url);
  const lines = Object.entries({ 'content-type': 'application/json', ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const output = await finish('wrk', ['-t2', `-c${connections}`, `-d${seconds}s`,
    '--timeout', '10s', '-s', path.join(import.meta.dirname, '../load.lua'), origin,
    '--', bodies, lines, String(seed++), pathname, ...(check ? ['check'] : [])]);
  const done = JSON.parse(output.trim().split('\n').at(-1));
  return {
    rate: done.requests / done.seconds,
    p50: done.p50 / 1000,
    p99: done.p99 / 1000,
    requests: done.requests,
    failed: done.failed,
    bytes: done.bytes / done.requests,
  };
}

const bin = (name) => {
  const folders = fs.readdirSync('/usr/lib/postgresql').sort((a, b) => b - a)
    .map((version) => `/usr/lib/postgresql/${version}/bin/${name}`);
  const found = folders.find((file) => fs.existsSync(file));
  if (!found) throw new Error(`there is no ${name}; install postgresql`);
  return found;
};

const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** The same of pgbench; `scripts` is a list of [file, weight]. Percentiles come
 * from every twentieth transaction. */
export async function pgbench({ host, scripts, seconds, work }) {
  const prefix = path.join(work, 'pgbench');
  const output = await finish(bin('pgbench'), ['-n', '-M', 'prepared', '-c',
    String(connections), '-j', '2', '-T', String(seconds), '-l', '--sampling-rate', '0.05',
    '--log-prefix', prefix, ...scripts.flatMap(([file, weight]) => ['-f', `${file}@${weight}`]),
    '-h', host.socket, host.database]);
  const number = (pattern) => Number(pattern.exec(output)?.[1]);
  const times = [];
  for (const name of fs.readdirSync(work).filter((file) => file.startsWith('pgbench.'))) {
    const file = path.join(work, name);
    for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
      if (line) times.push(Number(line.split(' ')[2]) / 1000);
    }
    fs.rmSync(file);
  }
  times.sort((a, b) => a - b);
  return {
    rate: number(/^tps = ([\d.]+)/m),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    requests: number(/transactions actually processed: (\d+)/),
    failed: number(/failed transactions: (\d+)/) || 0,
  };
}
