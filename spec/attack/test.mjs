// Starts a server, attacks it, and looks whether all its processes are well.
// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import path from 'node:path';
import { Server } from '../e2e/support/server.mjs';

// Those of http2, auth, authz, ssrf, injection and oidc belong to parts that
// are not built yet.
const CLASSES = ['http-smuggling', 'http-limits', 'gql-http', 'gql-dos', 'info-leak', 'sqli'];

// What stands for the names in the cases; the model has a text field "name".
const SCHEMA = {
  many: 'orders', one: 'order', Model: 'Tag', strField: 'number', rel: 'lines', back: 'order',
};

const server = await Server.start({ args: ['--workers', '2'] });
const before = server.status();

function attack() {
  const schema = Object.entries(SCHEMA).map(([name, value]) => `${name}=${value}`).join(',');
  const args = [path.join(import.meta.dirname, 'run.mjs'), '--url', server.url,
    '--class', CLASSES.join(','), '--schema', schema, '--token', server.token('admin'),
    ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  return new Promise((resolve) => child.on('close', () => resolve(output)));
}

/** What is wrong with the server after it all. */
function harm() {
  const { pids, workers } = server.status();
  const found = [];
  if (JSON.stringify(pids) !== JSON.stringify(before.pids)) found.push('a process was replaced');
  if (workers.some((one) => one.restarts > 0)) found.push('a worker was restarted');
  return found;
}

const output = await attack();
const wrong = harm();
await server.down();
const counts = output.match(/^(\d+) passed, (\d+) failed$/m);
const [passed, failed] = counts ? counts.slice(1).map(Number) : [0, 1];
process.stdout.write(output.replace(/^\d+ passed, \d+ failed\n/m, ''));
for (const text of wrong) console.log(`FAIL the server: ${text}`);
console.log(`${passed + (wrong.length ? 0 : 1)} passed, ${failed + wrong.length} failed`);
process.exit(failed || wrong.length || !counts ? 1 : 0);
