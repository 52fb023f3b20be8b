// Ports for servers that must know theirs before they start.
// SPDX-License-Identifier: Apache-2.0
import net from 'node:net';

/** A port that is free together with the next one. */
export async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 20000);
    const taken = await Promise.all([port, port + 1].map((one) => new Promise((resolve) => {
      const server = net.createServer().once('error', () => resolve(true));
      server.listen(one, '127.0.0.1', () => server.close(() => resolve(false)));
    })));
    if (!taken.includes(true)) return port;
  }
}
