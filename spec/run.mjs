// Runs every kind of spec and adds up what passed and failed.
// SPDX-License-Identifier: Apache-2.0
//
// usage: spec/run [--asan] [--build DIR] [--only REGEX] [--json FILE] [-v] [PATH...]
//   PATH is a spec file or a folder below spec/; without one everything runs.
// Quiet on success; what fails prints its output. Ends with "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);

const options = { build: null, asan: false, only: null, json: null, paths: [] };
for (let args = process.argv.slice(2); args.length;) {
  const arg = args.shift();
  if (arg === '--asan') options.asan = true;
  else if (arg === '-v' || arg === '--verbose') options.verbose = true;
  else if (arg === '--build') options.build = args.shift();
  else if (arg === '--only') options.only = new RegExp(args.shift());
  else if (arg === '--json') options.json = args.shift();
  else if (arg.startsWith('-')) die(`unknown option '${arg}'`);
  else options.paths.push(path.relative(root, path.resolve(arg)));
}
options.build ??= options.asan ? 'build/asan' : 'build';
const build = path.resolve(options.build);

function die(message) {
  console.error(`spec/run: ${message}`);
  process.exit(2);
}

/** All files below `folder` whose path matches, sorted. */
function files(folder, pattern) {
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder, { recursive: true })
    .map((name) => path.join(folder, name))
    .filter((name) => pattern.test(name) && !name.includes('node_modules'))
    .sort();
}

/** Whether a spec was asked for: no PATH, its own path or a folder above it. */
function wanted(file) {
  if (options.only && !options.only.test(file)) return false;
  if (!options.paths.length) return true;
  return options.paths.some((p) => file === p || file.startsWith(p + '/'));
}

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'lunette-spec-'));
fs.chmodSync(work, 0o755);
const cleanups = [() => fs.rmSync(work, { recursive: true, force: true })];
function cleanUp() {
  while (cleanups.length) cleanups.pop()();
}
process.on('exit', cleanUp);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const environment = {
  ...process.env,
  LUNETTE_BUILD: build,
  LUNETTE_BIN: path.join(build, 'lunette'),
  LUNETTE_ROOT: root,
  LUA_PATH: `${root}/lua/?.lua;${root}/lua/?/init.lua;${root}/spec/lua/?.lua;;`,
  PATH: `${root}/spec/node_modules/.bin:${process.env.PATH}`,
  // LuaJIT keeps its memory until exit, which is no leak of ours.
  ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
};

const LONGEST_MS = 8 * 60 * 1000; // of one program of specs

/** Ends a program and what it has started. */
function endGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch { /* it has ended */ }
}

/** Runs a command to its end; resolves to { code, output }. */
function run(command, args, extra = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...environment, ...extra }, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
    });
    const end = () => endGroup(child);
    let output = '';
    cleanups.push(end);
    const timer = setTimeout(end, LONGEST_MS);
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('error', (error) => (output += error.message));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      cleanups.splice(cleanups.indexOf(end), 1);
      if (signal) output += `\n(ended by ${signal})`;
      resolve({ code: code ?? 1, output });
    });
  });
}

const results = [];

/** Notes the outcome of one program of specs. A program that failed without a
 * failed case (it crashed, or ran nothing) counts as one failure. */
function note(name, outcome, counts) {
  let { passed, failed } = counts;
  if (failed === 0 && (outcome.code !== 0 || passed === 0)) failed = 1;
  results.push({ name, passed, failed });
  if (failed) console.log(`FAILED ${name}\n${outcome.output.trimEnd()}\n`);
  else if (options.verbose) console.log(`ok ${name}: ${passed}`);
}

const number = (text, pattern) => [...text.matchAll(pattern)]
  .reduce((sum, match) => sum + Number(match[1]), 0);

async function units() {
  const tests = files('spec/unit', /_test\.c$/).filter(wanted);
  if (!tests.length) return;
  const targets = tests.map((file) => {
    const [, folder, name] = file.match(/spec\/unit\/(\w+)\/(\w+)_test\.c$/);
    return `unit_${folder}_${name}`;
  });
  const made = await run('ninja', ['-C', build, ...targets]);
  if (made.code) return note('build of the C units', made, { passed: 0, failed: 1 });
  for (const [i, target] of targets.entries()) {
    const outcome = await run(path.join(build, target), []);
    note(tests[i], outcome, {
      passed: number(outcome.output, /\[  PASSED  \] (\d+) test/g),
      failed: number(outcome.output, /\[  FAILED  \] (\d+) test/g),
    });
  }
}

async function lua() {
  const specs = files('spec/lua', /_spec\.lua$/).filter(wanted);
  for (const file of specs) {
    const args = ['/usr/bin/busted', '-o', 'plainTerminal', file];
    let outcome = await run('luajit', args);
    // Debian's LuaJIT has been seen to crash in a run and not in the next equal
    // one; said aloud, so that it is noticed when it becomes more.
    if (/\(ended by SIGSEGV\)$/.test(outcome.output)) {
      console.log(`${file}: LuaJIT crashed, running it again`);
      outcome = await run('luajit', args);
    }
    note(file, outcome, {
      passed: number(outcome.output, /(\d+) success(?:es)?\b/g),
      failed: number(outcome.output, /(\d+) failures?\b/g)
        + number(outcome.output, /(\d+) errors?\b/g),
    });
  }
}

/** The specs of core modules, each in a VM with its module. */
async function modules() {
  const specs = files('modules', /(_spec\.lua|README\.md)$/).filter(wanted);
  if (!specs.length) return;
  const made = await run('ninja', ['-C', build, 'module_spec']);
  if (made.code) return note('build of the runner of module specs', made, { passed: 0, failed: 1 });
  for (const file of specs) {
    const outcome = await run(path.join(build, 'module_spec'), [file]);
    const last = outcome.output.match(/(\d+) passed, (\d+) failed\s*$/);
    note(file, outcome, { passed: Number(last?.[1] ?? 0), failed: Number(last?.[2] ?? 0) });
  }
}

async function node() {
  for (const file of files('spec', /\.test\.mjs$/).filter(wanted)) {
    const outcome = await run(process.execPath, ['--test', '--test-timeout=300000', '--test-reporter', 'tap', file]);
    note(file, outcome, {
      passed: number(outcome.output, /^# pass (\d+)$/gm),
      failed: number(outcome.output, /^# fail (\d+)$/gm),
    });
  }
}

/** Programs that print "N passed, N failed" themselves. */
async function programs() {
  for (const file of ['spec/lint/run', 'spec/contract/opencrud/test', 'spec/attack/test',
    'spec/sandbox/run']) {
    if (!fs.existsSync(file) || !wanted(file)) continue;
    const outcome = await run(path.resolve(file), []);
    const last = outcome.output.match(/(\d+) passed, (\d+) failed(?:, \d+ skipped)?\s*$/);
    note(file, outcome, { passed: Number(last?.[1] ?? 0), failed: Number(last?.[2] ?? 0) });
  }
}

function startPostgres() {
  const data = path.join(work, 'postgres');
  const started = spawnSync('spec/support/postgres', ['start', data], { encoding: 'utf8' });
  if (started.status !== 0) die(`no PostgreSQL for the specs: ${started.stderr}`);
  cleanups.push(() => spawnSync('spec/support/postgres', ['stop', data]));
  environment.LUNETTE_TEST_CONNINFO = started.stdout.trim();
}

startPostgres();
for (const suite of [units, lua, modules, node, programs]) await suite();

const passed = results.reduce((sum, r) => sum + r.passed, 0);
const failed = results.reduce((sum, r) => sum + r.failed, 0);
if (options.json) fs.writeFileSync(options.json, JSON.stringify(results, null, 1));
cleanUp();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
