// A running Lunette whose only app is made from Prisma datamodels.
// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { toLua } from './datamodel.mjs';

const root = path.resolve(import.meta.dirname, '../../..');
const bin = process.env.LUNETTE_BIN ?? path.join(root, 'build/lunette');
const EMPTY = 'app "opencrud" { version = "1.0.0" }\n';
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Deployment {
  #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lunette-opencrud-'));
  #count = 0;
  #process;

  /** Starts the server; `strict` serves exactly the reference schema. */
  static async start({ strict = false } = {}) {
    const deployment = new Deployment();
    await deployment.#start(strict);
    return deployment;
  }

  async #start(strict) {
    fs.chmodSync(this.#folder, 0o755);
    fs.mkdirSync(path.join(this.#folder, 'apps/opencrud'), { recursive: true });
    fs.writeFileSync(this.#app, EMPTY);
    this.#process = spawn(bin, ['up', '--apps', path.join(this.#folder, 'apps'),
      '--data', this.#data, '--port', '0', '--ops-port', '0', '--workers', '1',
      '--anonymous-role', 'admin', '--nats', 'off', '--graphql-bytes', '1m',
      ...(strict ? ['--strict'] : [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.url = await this.#ready();
    this.status = this.#readStatus();
  }

  get #app() { return path.join(this.#folder, 'apps/opencrud/app.lua'); }
  get #data() { return path.join(this.#folder, 'data'); }

  #ready() {
    return new Promise((resolve, reject) => {
      let output = '';
      const read = (data) => {
        output += data;
        const ready = output.match(/^ready (http:\S+)$/m);
        if (ready) resolve(ready[1]);
      };
      this.#process.stdout.on('data', read);
      this.#process.stderr.on('data', read);
      this.#process.on('exit', () => reject(new Error(`lunette up ended:\n${output}`)));
    });
  }

  #readStatus() {
    const run = spawnSync(bin, ['status', '--json', '--data', this.#data], { encoding: 'utf8' });
    return JSON.parse(run.stdout);
  }

  #sql(text) {
    const { socket, database: name } = this.status;
    const run = spawnSync('psql', ['-h', socket, '-d', name, '-q', '-v', 'ON_ERROR_STOP=1',
      '-c', text], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`psql: ${run.stderr}`);
  }

  async #release() {
    const answer = await fetch(`${this.url}/graphql?query=%7B__typename%7D`);
    await answer.text();
    return answer.headers.get('lunette-release');
  }

  /** Empties the database and serves the datamodel. */
  async deploy(datamodel) {
    const app = `${toLua(datamodel, { textSize: 1000000 })}\n-- deployment ${++this.#count}\n`;
    const before = await this.#release();
    this.#sql('set client_min_messages = warning;'
      + ' drop schema if exists opencrud cascade;'
      + " delete from lunette.state where key = 'schema'; delete from lunette.type_owner");
    fs.writeFileSync(this.#app, app);
    for (let turn = 0; turn < 1000; turn++) {
      if (await this.#release() !== before) return;
      if (turn % 50 === 49) {
        const { last_error: error } = this.#readStatus();
        if (error) throw new Error(`not loaded: ${JSON.stringify(error)}\n${app}`);
      }
      await wait(10);
    }
    throw new Error(`the datamodel was not loaded in time:\n${app}`);
  }

  async stop() {
    this.#process.removeAllListeners('exit');
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    await Promise.race([ended, wait(15000)]);
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGKILL');
    }
    fs.rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
