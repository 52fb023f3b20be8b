// The examples of docs/api.md, in their order, on a fresh server.
// SPDX-License-Identifier: Apache-2.0
//
// A block of graphql may be followed by one of json with its variables, and is
// followed by one with the answer. "…" in an answer is any text; "…" among the
// variables is the last endCursor. Blocks of lua are further apps.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { blocks } from './support/markdown.mjs';
import { root, sampleApps, Server, temporaryFolder } from './support/server.mjs';

const ANY = '…';
const all = blocks(fs.readFileSync(path.join(root, 'docs/api.md'), 'utf8'));

/** Examples: { line, query, variables, answer }. */
function examples() {
  const list = [];
  all.forEach((block, i) => {
    if (block.kind !== 'graphql') return;
    const parts = [];
    for (let at = i + 1; all[at]?.kind === 'json'; at++) parts.push(JSON.parse(all[at].text));
    const answer = parts.at(-1);
    assert.ok(answer && ('data' in answer || 'errors' in answer), `line ${block.line}: no answer`);
    assert.ok(parts.length <= 2, `line ${block.line}: too many blocks behind it`);
    list.push({
      line: block.line, query: block.text, answer,
      variables: parts.length > 1 ? parts[0] : undefined,
    });
  });
  return list;
}

/** `found` with "…" wherever `expected` has it. */
function masked(found, expected) {
  if (expected === ANY && typeof found === 'string') return ANY;
  if (Array.isArray(found) && Array.isArray(expected)) {
    return found.map((item, i) => masked(item, expected[i]));
  }
  if (found && expected && typeof found === 'object' && typeof expected === 'object') {
    return Object.fromEntries(Object.entries(found)
      .map(([key, value]) => [key, masked(value, expected[key])]));
  }
  return found;
}

function lastCursor(value) {
  if (!value || typeof value !== 'object') return null;
  let found = null;
  for (const [key, inner] of Object.entries(value)) {
    found = (key === 'endCursor' ? inner : lastCursor(inner)) ?? found;
  }
  return found;
}

function appsOfThePage() {
  const folder = path.join(temporaryFolder(), 'apps');
  fs.cpSync(sampleApps, folder, { recursive: true });
  for (const { text } of all.filter((one) => one.kind === 'lua')) {
    const [, name] = /app "(\w+)"/.exec(text);
    fs.mkdirSync(path.join(folder, name));
    fs.writeFileSync(path.join(folder, name, 'app.lua'), text);
  }
  return folder;
}

describe('the examples of docs/api.md', () => {
  let server;
  let cursor;
  before(async () => { server = await Server.start({ apps: appsOfThePage() }); });
  after(() => server.down());

  for (const { line, query, variables, answer } of examples()) {
    test(`line ${line}`, async () => {
      const values = Object.fromEntries(Object.entries(variables ?? {})
        .map(([key, value]) => [key, value === ANY ? cursor : value]));
      const found = await server.ask(query, values);
      assert.deepEqual(masked(found, answer), answer);
      cursor = lastCursor(found.data) ?? cursor;
    });
  }
});
