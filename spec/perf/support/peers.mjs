// Peers: other servers, or another build of this one, on the same database.
// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { apps } from '../dataset.mjs';
import { Host, post, root, sleep } from './host.mjs';
import { cpuOf, rssOf } from './proc.mjs';

const folder = path.join(root, 'spec/perf/peers');

/** Another lunette as a second host of the same database. */
async function openBuild(bin, { host, self, port, work }) {
  const data = path.join(work, `build-${port}`);
  // Both must know the same tokens.
  fs.cpSync(path.join(host.data, 'keys'), path.join(data, 'keys'), { recursive: true });
  const other = await Host.start({ folder: data, apps, port, bin,
    args: ['--database', host.database_url()] });
  return {
    ...self, name: 'other build', url: `${other.url}/graphql`, headers: host.headers(),
    cpu: () => other.cpu().host, rss: () => other.rss(), stop: () => other.stop(),
  };
}

function install() {
  const mark = path.join(folder, 'node_modules/.package-lock.json');
  if (fs.existsSync(mark)
    && fs.statSync(mark).mtimeMs > fs.statSync(path.join(folder, 'package-lock.json')).mtimeMs) {
    return;
  }
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`npm ci: ${done.stderr}`);
  const now = new Date();
  fs.utimesSync(mark, now, now);
}

/** The pids of a process and all below it. */
function tree(pid) {
  const children = new Map();
  for (const name of fs.readdirSync('/proc').filter((file) => /^\d+$/.test(file))) {
    try {
      const text = fs.readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...children.get(parent) ?? [], Number(name)]);
    } catch {
      // It has ended meanwhile.
    }
  }
  const all = [pid];
  for (const at of all) all.push(...children.get(at) ?? []);
  return all;
}

/** A Node program of peers/ that listens on PORT and uses DATABASE_URL. */
async function openNode(name, { host, port }) {
  install();
  const setup = path.join(folder, `${name}.sql`);
  if (fs.existsSync(setup)) {
    execFileSync('psql', ['-h', host.socket, '-d', host.database, '-qX', '-v',
      'ON_ERROR_STOP=1', '-f', setup], { stdio: 'inherit' });
  }
  const { body, path: at } = await import(`../peers/${name}.client.mjs`);
  const child = spawn(process.execPath, [path.join(folder, `${name}.mjs`)], {
    cwd: folder, stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', GRAPHILE_ENV: 'production',
      PORT: String(port), PROCESSES: '2', PGHOST: host.socket, PGDATABASE: host.database,
      PGUSER: os.userInfo().username },
  });
  const stop = () => child.kill('SIGTERM');
  process.on('exit', stop);
  const peer = {
    name, url: `http://127.0.0.1:${port}${at}`, headers: {}, body,
    cpu: () => cpuOf(tree(child.pid)), rss: () => rssOf(tree(child.pid)), stop,
  };
  for (let tries = 0; ; tries++) {
    try {
      await post(peer.url, '{}');
      return peer;
    } catch (error) {
      if (tries > 300 || child.exitCode !== null) {
        throw new Error(`peer ${name} does not answer: ${error.message}`);
      }
      await sleep(100);
    }
  }
}

export async function openPeer(name, context) {
  if (name.includes('/')) return openBuild(name, context);
  if (!fs.existsSync(path.join(folder, `${name}.mjs`))) {
    throw new Error(`there is no peer '${name}'; there are node and postgraphile`);
  }
  return openNode(name, context);
}
