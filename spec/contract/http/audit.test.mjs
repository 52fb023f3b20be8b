// GraphQL over HTTP: the audits of npm graphql-http, each of which must pass,
// also those that are only recommended.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { serverAudits } from 'graphql-http';
import { Server } from '../../e2e/support/server.mjs';

const APP = `app "audit" { version = "1.0.0" }
model "Note" { fields = { text = text {} } }
access "Note" { public = "all" }
`;

describe('GraphQL over HTTP', () => {
  let server;
  before(async () => { server = await Server.start({ apps: { audit: APP }, args: ['--workers', '1'] }); });
  after(() => server.down());

  // The address is known only when the server is up.
  const fetchFn = (url, options) => fetch(new URL(new URL(url).pathname + new URL(url).search, server.url),
    { ...options, signal: AbortSignal.timeout(30000) });
  const audits = serverAudits({ url: 'http://server.invalid/graphql', fetchFn });

  test('has 13 audits of what MUST be, 23 of what SHOULD and 25 of what MAY', () => {
    const count = (level) => audits.filter(({ name }) => name.startsWith(`${level} `)).length;
    assert.deepEqual(['MUST', 'SHOULD', 'MAY'].map(count), [13, 23, 25]);
    assert.equal(audits.length, 61);
  });

  for (const audit of audits) {
    test(`${audit.id}: ${audit.name}`, async () => {
      const { status, reason } = await audit.fn();
      assert.equal(status, 'ok', reason);
    });
  }
});
