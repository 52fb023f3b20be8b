// usage: serve --port N [--strict | --additions]
// Cases compare types with those of the reference to the letter, so the schema is
// strict unless --additions asks for what Lunette adds to it.
// Takes `POST /deploy` with a Prisma datamodel as its body, and everything else
// goes to the Lunette behind it. No token is needed, so that any replay runs
// against it; loopback only.
// SPDX-License-Identifier: Apache-2.0
import http from 'node:http';
import { Deployment } from './deployment.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--port');
const port = at < 0 ? 4466 : Number(args[at + 1]);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error('usage: spec/contract/opencrud/serve --port N [--strict | --additions]');
  process.exit(2);
}

const deployment = await Deployment.start({ strict: !args.includes('--additions') });
const agent = new http.Agent({ keepAlive: true });

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

async function deploy(request, response) {
  try {
    await deployment.deploy(await body(request));
    response.writeHead(200).end('deployed\n');
  } catch (error) {
    response.writeHead(400).end(`${error.message}\n`);
  }
}

function forward(request, response) {
  const target = new URL(request.url, deployment.url);
  const headers = { ...request.headers, host: target.host };
  const onward = http.request(target, { agent, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', (error) => response.writeHead(502).end(error.message));
  request.pipe(onward);
}

const server = http.createServer((request, response) => {
  if (request.method === 'POST' && request.url === '/deploy') deploy(request, response);
  else forward(request, response);
});
server.listen(port, '127.0.0.1', () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  console.log(`ready ${base}/graphql, deploy by POST to ${base}/deploy`);
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    server.close();
    await deployment.stop();
    process.exit(0);
  });
}
