// A host in the background: start, ask, SQL, stop.
// SPDX-License-Identifier: Apache-2.0
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

import { cpuOf, rssOf } from './proc.mjs';

export const root = path.resolve(import.meta.dirname, '../../..');
export const program = process.env.LUNETTE_BIN ?? path.join(root, 'build/lunette');
process.env.LUNETTE_LUA ??= path.join(root, 'lua');

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const running = new Set();

process.on('exit', () => {
  for (const host of running) {
    spawnSync(host.program, ['down', '--data', host.folder]);
  }
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

function run(file, args) {
  const done = spawnSync(file, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (done.error) throw done.error;
  if (done.status !== 0) {
    throw new Error(`${path.basename(file)} ${args[0]}: ${done.stderr || done.stdout}`);
  }
  return done.stdout;
}

/** Resolves to { status, headers, text }. */
export function post(url, body, { headers = {}, agent } = {}) {
  return new Promise((resolve, reject) => {
    const sent = http.request(url, {
      method: 'POST', agent, headers: { 'content-type': 'application/json', ...headers },
    }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (text += part));
      answer.on('error', reject);
      answer.on('end', () => resolve({
        status: answer.statusCode, headers: answer.headers, text }));
    });
    sent.on('error', reject);
    sent.setTimeout(20000, () => sent.destroy(new Error('no answer within 20 s')));
    sent.end(body);
  });
}

export class Host {
  /** Starts `up --detach`; `args` are further arguments. */
  static async start({ folder, apps, port, args = [], bin = program }) {
    fs.mkdirSync(folder, { recursive: true });
    const host = new Host();
    Object.assign(host, { folder, apps, port, program: bin });
    await new Promise((resolve, reject) => execFile(bin, ['up', '--apps', apps,
      '--data', folder, '--port', String(port), '--detach', ...args],
    (error, stdout, stderr) => (error
      ? reject(new Error(`lunette up: ${stderr}${stdout}`)) : resolve())));
    running.add(host);
    host.refresh();
    return host;
  }

  static async stop(folder) {
    if (fs.existsSync(folder)) spawnSync(program, ['down', '--data', folder]);
  }

  refresh() {
    Object.assign(this, JSON.parse(run(this.program,
      ['status', '--json', '--data', this.folder])));
    return this;
  }

  stop() {
    running.delete(this);
    run(this.program, ['down', '--data', this.folder]);
  }

  token(user = 'clerk') {
    return run(this.program, ['token', '--data', this.folder, '--user', user]).trim();
  }

  /** Header lines of a request that is who `user` is. */
  headers(user) {
    return { authorization: `Bearer ${this.token(user)}` };
  }

  sql(text) {
    return run('psql', ['-h', this.socket, '-d', this.database, '-qAtX', '-v',
      'ON_ERROR_STOP=1', '-c', text]).trim();
  }

  /** A URL of its database for somebody else. */
  database_url() {
    return `postgresql:///${this.database}?host=${encodeURIComponent(this.socket)}`;
  }

  cpu() {
    return { host: cpuOf(this.pids.workers), postgres: this.pids.postgres
      ? cpuOf([this.pids.postgres]) : 0 };
  }

  rss() {
    return rssOf(this.pids.workers);
  }
}
