// Puts each snippet of a file into the `run` of a query of a real app, calls it
// over HTTP, and looks whether it got out, or harmed anybody.
// SPDX-License-Identifier: Apache-2.0
//
// A case is { name, category, lua_snippet, expect, why }. It has passed when, in
// two requests, nothing escaped (the snippet returns 'ESCAPED' when it did), the
// answers are as `expect` says, none shows an address or a path of the host, no
// process was replaced, and the same app and another one answer right afterwards.
//   denied   it does not escape
//   error    it ends with an error
//   limited  it ends with a limit that is named, or harmlessly
import fs from 'node:fs';
import path from 'node:path';
import { Server, request, root } from '../e2e/support/server.mjs';

const USAGE = `usage: run [--cases FILE]... [--only REGEX] [--json FILE] [-v]
  --cases  default: all JSON files beside this program
  --only   cases whose category/name matches
  --json   writes the result of each case there
  -v       shows what each case answered`;

const options = { cases: [], only: /./, json: null, verbose: false };
for (let words = process.argv.slice(2); words.length;) {
  const word = words.shift();
  if (word === '--cases') options.cases.push(words.shift());
  else if (word === '--only') options.only = new RegExp(words.shift());
  else if (word === '--json') options.json = words.shift();
  else if (word === '-v') options.verbose = true;
  else {
    console.log(USAGE);
    process.exit(word === '--help' ? 0 : 2);
  }
}
if (!options.cases.length) {
  options.cases = fs.readdirSync(import.meta.dirname).filter((name) => name.endsWith('.json'))
    .sort().map((name) => path.join(import.meta.dirname, name));
}

const cases = options.cases.flatMap((file) => JSON.parse(fs.readFileSync(file, 'utf8')))
  .filter((one) => options.only.test(`${one.category}/${one.name}`));

// The apps ---------------------------------------------------------------------

const HEAD = (name) => `app "${name}" { version = "1.0.0" }
query "${name}_probe" { returns = text, run = function()
  local t = {}
  for i = 1, 100 do t[i] = tostring(i) end
  table.sort(t)
  return ("%s %d"):format(table.concat(t, ","):gsub("%d+", "n", 3):sub(1, 5), #t)
end }
`;
const ALIVE = 'n,n,n 100';

const fileOf = (index) => `case_${index}.lua`;
const textOf = (one, index) => `query "case_${index}" { returns = json, run = function(args)
${one.lua_snippet}
end }
`;

function folderOf(skipped) {
  const files = { 'app.lua': HEAD('victim') };
  cases.forEach((one, index) => {
    if (!skipped.has(index)) files[fileOf(index)] = textOf(one, index);
  });
  return { victim: files, neighbour: HEAD('neighbour') };
}

/** A snippet that is no Lua is refused when the app is loaded: left out, and
 * the others are tried. */
async function start() {
  const skipped = new Map();
  for (;;) {
    const server = new Server({ apps: folderOf(skipped), args: ['--workers', '2'] });
    server.launch();
    try {
      await server.ready();
      return { server, skipped };
    } catch (error) {
      const bad = [...server.output.matchAll(/case_(\d+)\.lua:?\d*:? ?(.*)/g)];
      if (!bad.length) throw error;
      for (const [, index, text] of bad) {
        if (!skipped.has(Number(index))) skipped.set(Number(index), text);
      }
      await server.down();
    }
  }
}

// Judging ----------------------------------------------------------------------

const { server, skipped } = await start();
const pids = () => JSON.stringify(server.status().pids);
let before = pids();

const LEAKS = [/0x[0-9a-f]{6,}/i, /\b[0-9a-f]{12,16}\b/, new RegExp(root),
  new RegExp(server.folder), /lunette\/guest/];

function escaped(answer) {
  const text = JSON.stringify(answer.data ?? null);
  if (text.includes('ESCAPED')) return 'it escaped';
  const all = JSON.stringify(answer).replace(/"error_?[iI]d":"[^"]*"/g, '');
  const leak = LEAKS.find((pattern) => pattern.test(all));
  return leak ? `the answer shows ${leak}` : null;
}

const limitOf = (answer) => answer.errors?.[0].extensions?.limit;
const codeOf = (answer) => answer.errors?.[0].extensions?.code;

function unexpected(one, answer) {
  if (one.expect === 'error' && !answer.errors) return 'no error';
  if (codeOf(answer) === 'BUDGET_EXCEEDED' && !limitOf(answer)) return 'the limit is not named';
  if (['UNAVAILABLE', 'OUTCOME_UNKNOWN'].includes(codeOf(answer))) return `it ended with ${codeOf(answer)}`;
  return null;
}

async function probe(name) {
  const { data, errors } = await server.ask(`{ ${name}Probe }`);
  return data?.[`${name}Probe`] === ALIVE ? null
    : `the app '${name}' does not answer: ${JSON.stringify(errors ?? data)}`;
}

async function judge(one, index) {
  if (skipped.has(index)) return { ok: true, shown: `no Lua: ${skipped.get(index)}` };
  let answer;
  for (let time = 0; time < 2; time++) {
    try {
      answer = await server.ask(`{ case${index} }`);
    } catch (error) {
      return { ok: false, shown: error.message };
    }
    const wrong = escaped(answer) ?? unexpected(one, answer)
      ?? await probe('victim') ?? await probe('neighbour');
    if (wrong) return { ok: false, shown: `${wrong}: ${JSON.stringify(answer).slice(0, 300)}` };
  }
  const now = pids();
  if (now !== before) {
    before = now;
    return { ok: false, shown: `a process was replaced: ${server.output.slice(-400)}` };
  }
  return { ok: true, shown: limitOf(answer) ? `limit ${limitOf(answer)}`
    : answer.errors ? answer.errors[0].message : `returned ${JSON.stringify(answer.data)}` };
}

const results = [];
for (const [index, one] of cases.entries()) {
  const { ok, shown } = await judge(one, index);
  results.push({ name: one.name, category: one.category, ok, shown });
  if (!ok || options.verbose) {
    console.log(`${ok ? 'ok  ' : 'FAIL'} ${one.category}/${one.name}: ${shown}`);
  }
}

const { text } = await request(`${server.ops}/metrics`);
const compiles = [...text.matchAll(/^lunette_app_code_compiled\{[^}]*\} (\d)$/gm)].map((m) => m[1]);
const jit = compiles.length > 0 && compiles.every((one) => one === '1');
console.log(`the compiler for code of apps is ${jit ? 'on' : 'off'}`);
await server.down();

if (options.json) fs.writeFileSync(options.json, JSON.stringify(results, null, 1));
const failed = results.filter((one) => !one.ok).length + (jit ? 0 : 1);
console.log(`${results.length + 1 - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
