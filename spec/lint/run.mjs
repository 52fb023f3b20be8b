// Each rule below lists what breaks it; ends with "N passed, N failed".
// SPDX-License-Identifier: Apache-2.0
// usage: run [--only REGEX] [--json FILE]
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
process.chdir(root);
const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'],
  { encoding: 'utf8' }).split('\n').filter((f) => f && fs.existsSync(f));
const read = (file) => fs.readFileSync(file, 'utf8');
const matching = (pattern) => tracked.filter((file) => pattern.test(file));

/** Breaks of a LAYERS file: an edge it does not name, or names below. */
function layerBreaks(base, sources, edges) {
  const breaks = [];
  const allowed = new Map();
  for (const line of read(`${base}/LAYERS`).split('\n')) {
    const [, folder, names] = /^([a-z]+):(.*)$/.exec(line) ?? [];
    if (!folder) continue;
    const list = names.split(/\s+/).filter(Boolean);
    for (const name of list) {
      if (!allowed.has(name)) breaks.push(`${base}/LAYERS: ${folder} names ${name}, which is not above it`);
    }
    allowed.set(folder, new Set([folder, ...list]));
  }
  for (const file of sources) {
    const folder = path.relative(base, file).split('/')[0];
    if (folder.includes('.')) continue;
    if (!allowed.has(folder)) {
      breaks.push(`${file}: folder ${folder} is not in ${base}/LAYERS`);
      continue;
    }
    for (const target of edges(read(file))) {
      if (!allowed.get(folder).has(target)) breaks.push(`${file}: ${folder} may not use ${target}`);
    }
  }
  return breaks;
}

const all = (text, pattern) => [...text.matchAll(pattern)].map((m) => m[1]);

/** Output lines of a program that found something. */
function complaints(command, list, files) {
  if (!files.length) return [];
  const run = spawnSync(command, [...list, ...files], { encoding: 'utf8' });
  if (run.error) return [`${command}: ${run.error.message}`];
  return run.status === 0 ? [] : `${run.stdout}${run.stderr}`.trim().split('\n');
}

const rules = {
  'C folders use only what stands above them': () => layerBreaks('core',
    matching(/^core\/[a-z]+\/.*\.[ch]$/), (text) => all(text,
      /#include "core\/([a-z]+)\//g)),

  'Lua folders use only what stands above them': () => layerBreaks('lua/lunette',
    matching(/^lua\/lunette\/.*\.lua$/), (text) => all(text, /require\(?\s*"lunette\.([a-z]+)\./g)),

  'core modules use their own folder and what stands below core/bind': () => matching(/^modules\/.*\.[ch]$/)
    .flatMap((file) => all(read(file), /#include "((?:core|modules)\/[a-z]+)\//g)
      .filter((folder) => folder !== file.split('/').slice(0, 2).join('/')
        && !/^core\/(base|telemetry|loop|net|pg|vm)$/.test(folder))
      .map((folder) => `${file}: ${folder}`)),

  'every core module has its Lua, a manifest, a page and specs': () => matching(/^modules\/[a-z]+\/manifest\.lua$/)
    .map((file) => file.split('/')[1])
    .flatMap((name) => [`modules/${name}/${name}.lua`, `modules/${name}/README.md`]
      .filter((file) => !fs.existsSync(file))
      .concat(matching(new RegExp(`^(modules/${name}/spec/|spec/e2e/module_${name}).`)).length ? []
        : [`modules/${name}: no spec`])),

  'only bind, vm and serve see lua.h': () => matching(/^core\/.*\.[ch]$/)
    .filter((file) => /#include <(lua|lauxlib|lualib)\.h>/.test(read(file))
      && !/^core\/(bind|vm|serve)\//.test(file)),

  'exported symbols carry their prefix': () => matching(/^core\/.*\.h$/)
    .flatMap((file) => all(read(file), /^(?:[a-z][\w ]*[ *])([a-z]\w*)\(/gm)
      .filter((name) => !name.startsWith('lun_') && name !== '__attribute__')
      .map((name) => `${file}: ${name}`)),

  'every source names its license': () => matching(/^(core|lua|spec|tools|examples|modules)\/.*\.(c|h|lua|mjs)$/)
    .filter((file) => !/SPDX-License-Identifier: Apache-2\.0/.test(read(file).slice(0, 2500))),

  'lines fit in 120 columns': () => matching(/^(core|lua|spec|modules)\/.*\.(c|h|lua|mjs)$/)
    .flatMap((file) => read(file).split('\n')
      .map((line, i) => ([...line].length > 120 ? `${file}:${i + 1}` : null)).filter(Boolean)),

  'no marks of unfinished work': () => matching(/^(core|lua|apps|spec|pages)\/.*\.(c|h|lua|mjs|js|html)$/)
    .filter((file) => !file.startsWith('spec/lint/'))
    .flatMap((file) => read(file).split('\n')
      .map((line, i) => (/\b(TODO|FIXME|XXX|HACK)\b/.test(line) ? `${file}:${i + 1}` : null)).filter(Boolean)),

  'no addresses of package registries': () => matching(/./)
    .filter((file) => !file.startsWith('spec/lint/') && fs.statSync(file).size < 4e6)
    .filter((file) => /"resolved"\s*:|https?:\/\/[^\s"']*(registry|pypi|proxy)[^\s"']*/.test(read(file))),

  'paths that ARCHITECTURE.md names exist': () => all(read('ARCHITECTURE.md'),
    /`((?:core|lua|spec|apps|docs|pages|examples|tools)\/[\w./-]*)`/g)
    .filter((name) => !fs.existsSync(name)),

  'links between documents lead somewhere': () => matching(/\.md$/)
    .flatMap((file) => all(read(file), /\]\((?!https?:|#)([^)#\s]+)/g)
      .filter((link) => !fs.existsSync(path.join(path.dirname(file), link)))
      .map((link) => `${file}: ${link}`)),

  'ARCHITECTURE.md stays under 200 lines': () => (
    read('ARCHITECTURE.md').split('\n').length > 200 ? ['ARCHITECTURE.md'] : []),

  'luacheck finds nothing': () => complaints('luacheck', ['-q', '--no-color'],
    matching(/^(lua|spec\/lua|modules)\/.*\.lua$/)),

  'shellcheck finds nothing': () => complaints('shellcheck', ['-x'], tracked.filter((file) => {
    if (/\.(c|h|lua|mjs|csv|json|png)$/.test(file) || fs.statSync(file).size > 1e5) return false;
    return /^#!\/bin\/sh/.test(read(file).slice(0, 20));
  })),
};

const only = new RegExp(option('--only') ?? '');
const results = [];
for (const [name, rule] of Object.entries(rules)) {
  if (!only.test(name)) continue;
  let breaks;
  try {
    breaks = rule();
  } catch (error) {
    breaks = [error.message];
  }
  results.push({ name, ok: !breaks.length, breaks });
  if (breaks.length) console.log(`FAILED ${name}\n  ${breaks.slice(0, 40).join('\n  ')}`);
}
if (option('--json')) fs.writeFileSync(option('--json'), JSON.stringify(results, null, 1));
const passed = results.filter((r) => r.ok).length;
console.log(`${passed} passed, ${results.length - passed} failed`);
process.exit(passed === results.length ? 0 : 1);
