// Releases pushed to a server, and clients that watch which one answers.
// SPDX-License-Identifier: Apache-2.0
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import path from 'node:path';
import { lunette, request, temporaryFolder } from './server.mjs';

/** One request to the ops port: { status, json }. */
export async function ops(server, where, { user = 'admin', token, body, roles } = {}) {
  const bearer = token ?? (user ? server.token(user, roles) : null);
  const { status, text } = await request(`${server.ops}${where}`, {
    method: body ? 'POST' : 'GET',
    headers: bearer ? { authorization: `Bearer ${bearer}` } : {},
    body: body && JSON.stringify(body),
  });
  return { status, json: JSON.parse(text) };
}

/** Pushes an app; `files` is the text of app.lua or { path: text }. */
export function push(server, app, files, { confirm, note, ...options } = {}) {
  const list = Object.entries(typeof files === 'string' ? { 'app.lua': files } : files)
    .map(([name, text]) => ({ path: name, text }));
  return ops(server, '/push', { body: { app, files: list, confirm, note }, ...options });
}

/** Pushes what has to be taken; its name. */
export async function pushed(server, app, files, options) {
  const { status, json } = await push(server, app, files, options);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(json)}`);
  return json.release;
}

export const rollback = (server, app, to, options) =>
  ops(server, '/rollback', { body: { app, to }, ...options });

export async function releases(server, app = '') {
  return (await ops(server, `/releases?app=${app}`)).json.releases;
}

/** A command about releases, on the server's data folder. */
export const command = (server, ...args) => lunette([...args, '--data', server.data]);

/** A folder with the app, for the command line. */
export function appFolder(name, text) {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, name));
  fs.writeFileSync(path.join(folder, name, 'app.lua'), text);
  return folder;
}

/**
 * Clients that keep their connection, half of them over HTTP/1.1, half over
 * HTTP/2, each with one request at a time. Each keeps `releases`, the header of
 * its answers in their order, with when they were asked for; `failures` has what
 * was no plain success.
 */
export class Clients {
  #over = false;
  #loops;
  failures = [];
  seen = [];
  asked = 0;

  constructor(t, server, { clients, query = '{ __typename }', user = 'admin', pause = 0 }) {
    this.server = server;
    this.pause = pause;
    this.body = JSON.stringify({ query });
    this.headers = { 'content-type': 'application/json',
      ...(user ? { authorization: `Bearer ${server.token(user)}` } : {}) };
    this.#loops = Array.from({ length: clients }, (_, i) => this.#client(i % 2));
    t.after(() => this.stop());
  }

  async #client(second) {
    const seen = [];
    this.seen.push(seen);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const session = second ? http2.connect(this.server.url) : null;
    session?.on('error', (error) => this.failures.push(error.message));
    while (!this.#over) {
      const at = performance.now();
      try {
        const answer = await (session ? this.#stream(session) : request(`${this.server.url}/graphql`,
          { method: 'POST', agent, headers: this.headers, body: this.body }));
        this.asked += 1;
        if (answer.status !== 200 || answer.text.includes('"errors"')) {
          this.failures.push(`${answer.status} ${answer.text.slice(0, 200)}`);
        }
        seen.push({ at, release: answer.headers['lunette-release'], text: answer.text });
      } catch (error) {
        this.failures.push(error.message);
      }
      if (this.pause) await new Promise((resolve) => setTimeout(resolve, this.pause));
    }
    agent.destroy();
    session?.close();
  }

  #stream(session) {
    return new Promise((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': '/graphql', ...this.headers });
      let headers, text = '';
      stream.setEncoding('utf8');
      stream.on('response', (found) => (headers = found));
      stream.on('data', (data) => (text += data));
      stream.on('error', reject);
      stream.on('end', () => (headers ? resolve({ status: headers[':status'], headers, text })
        : reject(new Error('the stream was reset'))));
      stream.end(this.body);
    });
  }

  /** Answers of an older release after a newer one on the same connection. */
  returns(order) {
    const rank = new Map(order.map((release, i) => [release, i]));
    return this.seen.flatMap((seen) => seen.filter(({ release }, i) =>
      i > 0 && rank.get(release) < rank.get(seen[i - 1].release)));
  }

  /** Answers of another release than `release` to what was asked after `at`. */
  late(at, until, release) {
    return this.seen.flatMap((seen) => seen.filter((one) =>
      one.at > at && one.at < until && one.release !== release));
  }

  async stop() {
    this.#over = true;
    await Promise.all(this.#loops);
    return this;
  }
}
