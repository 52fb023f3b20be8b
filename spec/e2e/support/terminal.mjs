// A program in a terminal of its own, as a person at a keyboard meets it.
// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { until } from './server.mjs';

export const KEY = { enter: '\r', up: '\x1b[A', ctrlC: '\x03', ctrlD: '\x04' };

/** What a terminal shows of `text`, without what only moves the cursor. */
const plain = (text) => text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replace(/\r/g, '');

export class Terminal {
  output = '';

  /** Starts `command` in a terminal of 30 rows and 100 columns, in place of the shell
   * that sets these: not all shells leave Ctrl-C to the program alone. */
  constructor(command, { env = {}, cwd } = {}) {
    this.child = spawn('script', ['-qfec', `stty rows 30 cols 100; exec ${command}`, '/dev/null'], {
      cwd, env: { ...process.env, TERM: 'xterm', NO_COLOR: '', LC_ALL: 'C.UTF-8', ...env },
    });
    this.child.stdout.on('data', (data) => (this.output += data));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  /** What was shown since the last type(). */
  get shown() {
    return plain(this.output);
  }

  /** Types keys, then waits until what is shown since matches. */
  async type(keys, pattern) {
    this.output = '';
    this.child.stdin.write(keys);
    return this.waitFor(pattern);
  }

  async waitFor(pattern) {
    try {
      return await until(`${pattern}`, () => this.shown.match(pattern));
    } catch (error) {
      throw new Error(`${error.message}; shown is\n${this.output}`);
    }
  }

  close() {
    this.child.kill('SIGKILL');
  }
}
