// A real Lunette for a spec: its own folder, its own PostgreSQL, free ports.
// SPDX-License-Identifier: Apache-2.0
//
//   const server = await Server.start({ apps: { shop: 'app "shop" {} ...' } });
//   const { data, errors } = await server.ask('{ products { sku } }');
//   await server.down();
//
// What a spec leaves behind is ended and removed when its process ends.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

export const root = process.env.LUNETTE_ROOT
  ?? path.resolve(import.meta.dirname, '../../..');
export const bin = process.env.LUNETTE_BIN ?? path.join(root, 'build/lunette');
export const sampleApps = path.join(root, 'apps');

const running = new Set();
const folders = new Set();

process.on('exit', () => {
  for (const server of running) server.abandon();
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `promise`, or undefined when it takes longer. */
export async function within(seconds, promise) {
  let timer;
  const over = new Promise((resolve) => (timer = setTimeout(resolve, seconds * 1000)));
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** A new folder; other users may pass, because PostgreSQL is never root. */
export function temporaryFolder() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lunette-e2e-'));
  fs.chmodSync(folder, 0o755);
  folders.add(folder);
  return folder;
}

/** Resolves to the first true value of `probe`; says what was awaited. */
export async function until(what, probe, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(20);
  }
}

/** What a build with sanitizers complains of is a failure of any spec. */
function refuseComplaints(output) {
  const found = output.match(/^.*(ERROR: \w+Sanitizer|runtime error: ).*$/m);
  if (found) throw new Error(`${found[0]}\n${output.slice(found.index, found.index + 5000)}`);
}

/** Runs a command of lunette to its end: { code, stdout, stderr }. */
export function lunette(args, options = {}) {
  const run = spawnSync(bin, args, { encoding: 'utf8', timeout: 120000, ...options });
  if (run.error) throw run.error;
  refuseComplaints(run.stderr);
  return { code: run.status, signal: run.signal, stdout: run.stdout, stderr: run.stderr };
}

export function isAlive(pid) {
  try {
    const [, state] = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').match(/^.*\) (\w)/s);
    return state !== 'Z';
  } catch {
    return false;
  }
}

/** One HTTP request: { status, headers, text }. */
export function request(url, { method = 'GET', headers = {}, body, agent, onSocket } = {}) {
  return new Promise((resolve, reject) => {
    const sent = http.request(url, { method, headers, agent }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => resolve({
        status: answer.statusCode, headers: answer.headers,
        text: Buffer.concat(parts).toString('utf8'),
      }));
      answer.on('aborted', () => reject(new Error('answer was cut')));
    });
    if (onSocket) sent.on('socket', onSocket);
    sent.on('error', reject);
    sent.setTimeout(60000, () => sent.destroy(new Error('no answer within 60 s')));
    sent.end(body);
  });
}

export class Server {
  #tokens = new Map();
  #agent = new http.Agent({ keepAlive: true });
  output = '';

  /**
   * Starts `lunette up` and waits until it is ready.
   * `apps`: the path of a folder, or { name: text of app.lua } or
   * { name: { file: text } }; without it the sample apps.
   * `args`: further arguments; `folder`: of an earlier server, to go on with
   * its data; `port`: instead of a free one; `program`: not the one under test.
   */
  static async start(options = {}) {
    const server = new Server(options);
    server.launch();
    await server.ready();
    return server;
  }

  constructor({ apps = sampleApps, args = [], folder, port = 0, env = {}, program = bin } = {}) {
    this.folder = folder ?? temporaryFolder();
    this.args = args;
    this.port = port;
    this.env = env;
    this.program = program;
    this.data = path.join(this.folder, 'data');
    this.apps = typeof apps === 'string' ? apps : path.join(this.folder, 'apps');
    if (typeof apps === 'object') this.#writeApps(apps);
  }

  #writeApps(apps) {
    fs.mkdirSync(this.apps, { recursive: true });
    for (const [name, files] of Object.entries(apps)) {
      for (const [file, text] of Object.entries(
        typeof files === 'string' ? { 'app.lua': files } : files)) {
        this.save(name, text, file);
      }
    }
  }

  launch() {
    this.output = '';
    this.child = spawn(this.program, ['up', '--apps', this.apps, '--data', this.data,
      '--port', String(this.port), ...(this.port ? [] : ['--ops-port', '0']),
      ...this.args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.env },
    });
    running.add(this);
    const child = this.child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => (this.output += data));
    }
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => {
      running.delete(this);
      resolve({ code, signal });
    }));
  }

  async ready() {
    const said = () => /^ops http\S+$/m.test(this.output);
    await until('ready', () => said() || !running.has(this), 180);
    if (!said()) throw new Error(`lunette up ended before it was ready:\n${this.output}`);
    [, this.url] = this.output.match(/^ready (https?:\S+)$/m);
    [, this.ops] = this.output.match(/^ops (http:\S+)$/m);
  }

  /** The JSON of `lunette status`, of this server. */
  status() {
    return JSON.parse(lunette(['status', '--json', '--data', this.data]).stdout);
  }

  /** A token of `user`; narrowed to `roles` when some are given. */
  token(user, roles = []) {
    const key = [user, ...roles].join(' ');
    if (!this.#tokens.has(key)) {
      const run = lunette(['token', '--data', this.data, '--user', user,
        ...roles.flatMap((role) => ['--role', role])]);
      if (run.code !== 0) throw new Error(`no token: ${run.stderr}`);
      this.#tokens.set(key, run.stdout.trim());
    }
    return this.#tokens.get(key);
  }

  /** A request to the API's port; the path may be that of another page. */
  request(where, options = {}) {
    return request(this.url + where, { agent: this.#agent, ...options });
  }

  /** Posts a GraphQL request as `user` (null: without a token). */
  async post(query, variables, { user = 'admin', token, headers = {}, ...rest } = {}) {
    const bearer = token ?? (user ? this.token(user) : null);
    const answer = await this.request('/graphql', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(bearer ? { authorization: `Bearer ${bearer}` } : {}), ...headers,
      },
      body: JSON.stringify({ query, variables }),
      ...rest,
    });
    try {
      answer.json = JSON.parse(answer.text);
    } catch {
      throw new Error(`no JSON in the answer ${answer.status}: ${answer.text}`);
    }
    return answer;
  }

  /** The answer to a GraphQL request: { data, errors }. */
  async ask(query, variables, options) {
    return (await this.post(query, variables, options)).json;
  }

  /** The data of a GraphQL request that has no errors. */
  async dataOf(query, variables, options) {
    const { data, errors } = await this.ask(query, variables, options);
    if (errors) throw new Error(`${query}\n${JSON.stringify(errors)}`);
    return data;
  }

  /** A statement in the server's database, as its owner; rows as text. */
  sql(text) {
    const { socket, database } = this.status();
    const run = spawnSync('psql', ['-h', socket, '-d', database, '-qAt', '-v',
      'ON_ERROR_STOP=1', '-c', text], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`psql: ${run.stderr}`);
    return run.stdout.trim();
  }

  // Files -------------------------------------------------------------------

  file(app, name = 'app.lua') {
    return path.join(this.apps, app, name);
  }

  /** Saves a file as editors do: a new one takes the place of the old. */
  save(app, text, name = 'app.lua') {
    const file = this.file(app, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(`${file}.new~`, text);
    fs.renameSync(`${file}.new~`, file);
  }

  /** Good and failed loads so far, and the last error. */
  loads() {
    const { loads, last_error: error } = this.status();
    return { ...loads, error };
  }

  /** Runs `change`, waits for the load that it causes: the error, or null. */
  async reload(change) {
    const before = this.loads();
    await change();
    const after = await until('a load', () => {
      const now = this.loads();
      return now.good + now.failed > before.good + before.failed && now;
    });
    return after.error;
  }

  // Ending ------------------------------------------------------------------

  async down() {
    this.#agent.destroy();
    if (running.has(this)) this.child.kill('SIGTERM');
    const end = await within(60, this.ended);
    if (!end) throw new Error(`lunette up did not end:\n${this.output}`);
    refuseComplaints(this.output);
    fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    folders.delete(this.folder);
    return end;
  }

  /** Ends everything at once, for a spec that is over. */
  abandon() {
    let pids = { workers: [] };
    try {
      ({ pids } = this.status());
    } catch {
      // It had not come so far.
    }
    const all = [this.child.pid, ...pids.workers, pids.nats];
    for (const pid of all) {
      try { if (pid) process.kill(pid, 'SIGKILL'); } catch { /* it is gone */ }
    }
    try { if (pids.postgres) process.kill(pids.postgres, 'SIGQUIT'); } catch { /* gone */ }
  }
}
