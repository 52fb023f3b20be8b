// Requests that go on while a spec does something to the server.
// SPDX-License-Identifier: Apache-2.0
//
//   const load = new Load(t, server, { query, clients: 8 });
//   ... kill something ...
//   const { answers, failures } = await load.stop();
//
// An answer is { at, status, headers, text, port }, `at` being the time the
// request was sent and `port` the client's end of its connection. A failure
// has `error` in place of status, headers and text.
import http from 'node:http';
import { request, sleep } from './server.mjs';

export class Load {
  #over = false;
  #loops;
  #sent = 0;
  answers = [];
  failures = [];

  /**
   * `clients` connections, each with one request at a time; or `rate` requests
   * a second, each when its time has come, whatever became of those before.
   * `query` may be a function of the number of the request. Ends with the
   * test `t` at the latest.
   */
  constructor(t, server, { query, clients, rate, user = 'admin', headers = {}, pause = 0 }) {
    this.server = server;
    this.query = typeof query === 'function' ? query : () => query;
    this.pause = pause;
    this.headers = {
      'content-type': 'application/json',
      ...(user ? { authorization: `Bearer ${server.token(user)}` } : {}), ...headers,
    };
    this.#loops = rate ? [this.#steady(rate)]
      : Array.from({ length: clients }, () => this.#client());
    t.after(() => this.stop());
  }

  async #client() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#over) {
      await this.#one(agent);
      if (this.pause) await sleep(this.pause);
    }
    agent.destroy();
  }

  async #steady(rate) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
    const sent = [];
    const began = performance.now();
    for (let i = 0; !this.#over; i++) {
      await sleep(Math.max(0, began + (i * 1000) / rate - performance.now()));
      sent.push(this.#one(agent));
    }
    await Promise.all(sent);
    agent.destroy();
  }

  async #one(agent) {
    const record = { at: Date.now(), number: this.#sent++ };
    try {
      const answer = await request(`${this.server.url}/graphql`, {
        method: 'POST', agent, headers: this.headers,
        body: JSON.stringify({ query: this.query(record.number) }),
        onSocket: (socket) => {
          const note = () => (record.port = socket.localPort);
          if (socket.connecting) socket.once('connect', note);
          else note();
        },
      });
      this.answers.push({ ...record, ...answer });
    } catch (error) {
      this.failures.push({ ...record, error });
      await sleep(5); // a server that is down is not asked in a tight loop
    }
  }

  /** How many answers there are that `accepts` likes. */
  count(accepts = (answer) => answer.status === 200) {
    return this.answers.filter(accepts).length;
  }

  async stop() {
    this.#over = true;
    await Promise.all(this.#loops);
    return this;
  }
}

/** All answers that are not plain success, short, for a message. */
export function refusals(answers) {
  return answers.filter(({ status, text }) => status !== 200 || text.includes('"errors"'))
    .map(({ status, text }) => `${status} ${text.slice(0, 200)}`);
}
