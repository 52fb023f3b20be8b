// Bytes over a plain socket, for requests that no HTTP client would send.
// SPDX-License-Identifier: Apache-2.0
import net from 'node:net';

/** Sends `text` and resolves to all that comes back until the end. */
export function exchange(url, text) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (data) => (answer += data));
    socket.on('end', () => { socket.destroy(); resolve(answer); });
    socket.on('error', reject);
    socket.setTimeout(30000, () => socket.destroy(new Error(`no end of the answer: ${answer}`)));
  });
}

/** Status, headers (lower case) and body of an answer. */
export function readAnswer(text) {
  const [head, ...body] = text.split('\r\n\r\n');
  const [first, ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }));
  return { status: Number(first.split(' ')[1]), headers, body: body.join('\r\n\r\n') };
}
