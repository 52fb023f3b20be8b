// The page /graphiql in a real browser.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Server, sleep, until } from './support/server.mjs';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  .find((file) => fs.existsSync(file));

const LONE = `app "lone" { version = "1.0.0" }
model "A" { fields = { b = text {} } }
access "A" { public = "read" }
`;

describe('the page /graphiql', () => {
  let server, browser, page;
  const complaints = [];

  before(async () => {
    server = await Server.start();
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
    });
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on('response', (response) => {
      if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
    });
  });
  after(async () => {
    await browser?.close();
    await server?.down();
  });

  /** A picture for people, when LUNETTE_PICTURES names a folder. */
  const picture = async (name) => {
    if (process.env.LUNETTE_PICTURES) {
      await page.screenshot({ path: path.join(process.env.LUNETTE_PICTURES, `${name}.png`) });
    }
  };
  const result = () => page.evaluate(
    () => document.querySelector('.result-window .CodeMirror').CodeMirror.getValue());
  // GraphiQL takes a moment to notice a text that no person typed, so the
  // button is pressed until the answer is to the new one.
  const runs = (text) => until(text, async () => {
    await page.getByRole('button', { name: /execute query/i }).click();
    await sleep(200);
    return (await result()).includes(text);
  });
  const write = (text) => page.evaluate((value) => {
    document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue(value);
  }, text);

  test('comes up with an example and loads everything from the server', async () => {
    const hosts = new Set();
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url())) hosts.add(new URL(request.url()).origin);
    });
    await page.goto(`${server.url}/graphiql`);
    await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
    assert.match(await page.title(), /GraphiQL/);
    await page.waitForLoadState('networkidle');
    assert.deepEqual([...hosts], [server.url]);
    await picture('graphiql-start');
  });

  test('runs the example and shows its result', async () => {
    await page.locator('#token').fill(server.token('admin'));
    await runs('"data"');
    assert.equal(JSON.parse(await result()).errors, undefined);
    assert.match(await result(), /"ordersConnection"/);
    await picture('graphiql-example');
  });

  test('runs a query of one\'s own with the token that was given', async () => {
    await write('{ orders(first: 2, orderBy: number_ASC) { number partner { name } lines { qty product { sku } } } }');
    await runs('SO00001');
    assert.match(await page.locator('#release').textContent(), /sales@1\.0\.0\+[0-9a-f]{8}/);
    await picture('graphiql-result');
  });

  test('explains the schema', async () => {
    await page.getByRole('button', { name: /show documentation explorer/i }).click();
    await page.getByRole('link', { name: 'Query' }).or(page.getByText('Query', { exact: true })).first().click();
    await page.getByText('ordersConnection', { exact: true }).first().waitFor();
    await picture('graphiql-docs');
  });

  test('keeps the token for the tab only', async () => {
    await page.reload();
    await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
    assert.equal(await page.locator('#token').inputValue(), server.token('admin'));
    const stored = await page.evaluate(() => JSON.stringify(localStorage));
    assert.ok(!stored.includes(server.token('admin').slice(0, 40)), 'the token is in localStorage');
  });

  test('shows the answer to a token that is wrong', async () => {
    complaints.length = 0;
    await page.locator('#token').fill('no.such.token');
    await write('{ orders(first: 1) { number } }');
    await runs('a valid token is needed');
    await picture('graphiql-refused');
    // The browser itself notes each answer of 401.
    assert.deepEqual(complaints.filter((text) => !/\b401\b/.test(text)), []);
    complaints.length = 0;
  });

  test('complains of nothing, and breaks no rule of its content policy', async () => {
    await page.locator('#token').fill(server.token('admin'));
    await page.reload();
    await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
    await write('{ countries(first: 1) { code } }');
    await runs('"code"');
    await page.waitForLoadState('networkidle');
    assert.deepEqual(complaints, []);
  });
});

describe('the files of a page', () => {
  let server;
  before(async () => { server = await Server.start({ apps: { lone: LONE } }); });
  after(() => server.down());

  test('come with a content policy, a type, and no way into other folders', async () => {
    const { status, headers, text } = await server.request('/graphiql');
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/html/);
    const policy = headers['content-security-policy'];
    assert.match(policy, /default-src 'self'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /script-src[^;]*unsafe/);
    for (const [, file] of text.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
      const answer = await server.request(file);
      assert.equal(answer.status, 200, file);
      assert.match(answer.headers['content-type'], /^text\/(css|javascript)/);
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    }
    for (const hostile of ['/graphiql/../../etc/passwd', '/graphiql/%2e%2e/%2e%2e/etc/passwd',
      '/graphiql/..%2f..%2fetc/passwd', '/graphiql/.done', '/graphiql//etc/passwd', '/graphiql/none.js']) {
      const answer = await server.request(hostile);
      assert.ok([400, 404].includes(answer.status), `${hostile}: ${answer.status}`);
    }
  });
});
