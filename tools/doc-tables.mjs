// Writes the tables of the documents that come from tables of the sources.
// SPDX-License-Identifier: Apache-2.0
//
// usage: node tools/doc-tables.mjs [--check]
//   --check changes nothing, names the documents that differ and exits 1
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const read = (file) => fs.readFileSync(path.join(root, file), 'utf8');

/** Rows of a .def file: NAME(a, "b", 3) becomes ['a', 'b', '3']. */
function rows(text, name) {
  const string = /"((?:[^"\\]|\\.)*)"/.source;
  const word = /([^\s",()]+)/.source;
  const item = new RegExp(`\\s*(?:${string}|${word})\\s*(?:,|$)`, 'g');
  return text.split('\n').filter((line) => line.startsWith(`${name}(`)).map((line) =>
    [...line.slice(name.length + 1, line.lastIndexOf(')')).matchAll(item)]
      .map(([, quoted, bare]) => (quoted ?? bare).replace(/\\(.)/g, '$1')));
}

const table = (head, lines) => [head, head.map(() => '---'), ...lines]
  .map((cells) => `| ${cells.map((one) => one.replaceAll('|', '\\|')).join(' | ')} |`.replace(/ +\|/g, ' |'))
  .join('\n');

/** One table for each comment of config.def that stands before rows. */
function settings() {
  const groups = read('core/config/config.def').split(/\/\*(?!\n)/).slice(1);
  return groups.map((group) => {
    const [, title] = /^\s*([^.:*]+)/.exec(group);
    const lines = rows(group, 'LUN_CONFIG').map(([type, key, value, min, max, help]) => [
      `\`${key}\``, value === '' ? '' : `\`${value}\``,
      type === 'NUMBER' ? `${help} (${min} to ${max})` : help,
    ]);
    return `### ${title.trim()}\n\n${table(['setting', 'default', 'meaning'], lines)}`;
  }).join('\n\n');
}

/** `list` has [kind, name, labels, help] of each row. */
function metricTable(list, beside) {
  const found = new Map();
  for (const [kind, name, labels, help] of list) {
    const one = found.get(name) ?? { kind: kind.toLowerCase(), labels: [], help };
    if (labels) one.labels.push(labels);
    found.set(name, one);
  }
  return table(['metric', 'kind', `labels beside ${beside}`, 'meaning'],
    [...found].map(([name, { kind, labels, help }]) => [`\`${name}\``, kind,
      labels.map((one) => `\`${one}\``).join(' '), help]));
}

const metrics = () => metricTable(rows(read('core/telemetry/metrics.def'), 'LUN_METRIC')
  .map(([, kind, name, labels, help]) => [kind, name, labels, help]), '`worker`');

const appMetrics = () => metricTable(rows(read('core/telemetry/apps.def'), 'LUN_APP')
  .map(([, kind, name, labels, , help]) => [kind, name, labels, help]), '`worker`, `app`, `release`');

function errors() {
  return table(['`extensions.code`', 'message', 'HTTP status', 'tried again inside'],
    rows(read('core/base/errors.def'), 'LUN_ERROR')
      .map(([, message, code, status, retry]) => [`\`${code}\``, message, status,
        retry === '0' ? '' : `${retry} times`.replace(/^1 times/, 'once')]));
}

/** The manifests of the core modules, and the limits of apps. */
const policy = JSON.parse(execFileSync('luajit', ['tools/policy-tables.lua'], { cwd: root, encoding: 'utf8' }));
const list = (value) => (Array.isArray(value) ? value : []); // an empty table of Lua is an object

function limits() {
  return table(['limit', 'default', 'from', 'to', 'of'],
    policy.limits.map(({ key, least, most, doc, default: value }) =>
      [`\`${key}\``, `\`${value}\``, `\`${least}\``, `\`${most}\``, doc]));
}

const kindOf = ({ type, of, values }) => (type === 'list' ? `list of ${of}`
  : type === 'enum' ? list(values).map((one) => `\`"${one}"\``).join(', ') : type);

const signature = (module, { 1: name, args }) => `\`${module}.${name}(${
  list(args).map(({ 1: arg, 2: type }) => `${arg}: ${type}`).join(', ')})\``;

/** The first items of a table of Lua, whether it has names beside them or not. */
const named = (entry) => (Array.isArray(entry) ? { 1: entry[0], 2: entry[1] } : entry);

/** What the page of one module says of its functions and options. */
function moduleTables({ name, version, capabilities, functions, options, types }) {
  const parts = [`Version ${version}. Needs: ${list(capabilities).join(', ') || 'nothing'}.`,
    table(['function', 'gives', ''], list(functions).map(named).map((one) =>
      [signature(name, { ...one, args: list(one.args).map((arg) => named(arg)) }), `\`${one.returns}\``, one.doc]))];
  for (const type of list(types).map(named)) {
    parts.push(`\`${type[1]}\`:`, table(['field', 'type', ''], list(type.fields).map(named)
      .map((field) => [`\`${field[1]}\``, `\`${field[2]}\``, field.doc ?? ''])));
  }
  if (list(options).length) {
    parts.push('Options of the grant:', table(['option', 'kind', 'default', ''],
      list(options).map(named).map((option) => [`\`${option[1]}\``, kindOf(option),
        option.required ? 'required' : option.shown ? `\`${option.shown}\`` : '', option.doc ?? ''])));
  }
  return parts.join('\n\n');
}

const hasPage = (name) => fs.existsSync(path.join(root, `modules/${name}/README.md`));

function moduleList() {
  return table(['module', 'version', '', 'needs'], policy.modules.map(({ name, version, title, capabilities }) =>
    [hasPage(name) ? `[${name}](../modules/${name}/README.md)` : name, version, title, list(capabilities).join(', ')]));
}

const pages = Object.fromEntries(policy.modules
  .filter(({ name }) => hasPage(name) && read(`modules/${name}/README.md`).includes('<!-- module -->'))
  .map((module) => [`modules/${module.name}/README.md`, { module: () => moduleTables(module) }]));

const tables = {
  'docs/policy.md': { limits },
  'docs/modules.md': { modules: moduleList },
  ...pages,
  'docs/operating.md': { settings, metrics, 'app metrics': appMetrics },
  'docs/errors.md': { errors },
};

let different = 0;
for (const [file, makers] of Object.entries(tables)) {
  const before = read(file);
  let text = before;
  for (const [name, make] of Object.entries(makers)) {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`);
    if (!place.test(text)) throw new Error(`${file} has no place for the table '${name}'`);
    text = text.replace(place, (_, begin, end) => `${begin}\n${make()}\n\n${end}`);
  }
  if (text === before) continue;
  different++;
  if (process.argv.includes('--check')) {
    console.log(`${file} differs from its sources; run: node tools/doc-tables.mjs`);
  } else {
    fs.writeFileSync(path.join(root, file), text);
  }
}
if (process.argv.includes('--check') && different) process.exit(1);
