#!/usr/bin/env node
// Compares lunette.graphql.validate with graphql-js on generated documents.
// usage: node differential.mjs [--count N] [--seed N] [--verbose]
//        [--write FILE]
// --write keeps the documents and what graphql-js says, for the Lua specs.
// needs `npm i graphql@16` where node finds it; ends with "N passed, N failed".
// Documents are made from the reference schema with a fault here and there.
// Both must agree on validity, and every message of ours must be one of
// graphql-js, save those of merged fields, of which ours names the first.
// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {
  GraphQLNonNull, GraphQLList, buildSchema, getNamedType,
  getNullableType, isCompositeType, isEnumType, isInputObjectType, isListType,
  isNonNullType, isAbstractType, parse, validate,
} from 'graphql';

const here = path.dirname(fs.realpathSync(new URL(import.meta.url).pathname));
const root = path.resolve(here, '../../..');
const option = (name, fallback) => {
  const at = process.argv.indexOf('--' + name);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const count = option('count', 1000);
let state = option('seed', 1) >>> 0;
const verbose = process.argv.includes('--verbose');

const schema = buildSchema(
  fs.readFileSync(path.join(here, '../opencrud/reference.graphql'), 'utf8'));

// Literals that our scalars take; buildSchema would take anything.
const LITERALS = {
  DateTime: ['StringValue'], Json: ['StringValue'],
  Long: ['IntValue', 'StringValue'],
};
for (const [name, kinds] of Object.entries(LITERALS)) {
  schema.getType(name).parseLiteral = (node) => {
    if (!kinds.includes(node.kind)) throw new Error('wrong kind');
    return node.value;
  };
}

// mulberry32
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const chance = (p) => random() < p;
const pick = (list) => list[Math.floor(random() * list.length)];

let faults; // chance of a fault at each decision, per document
let doc; // { variables, fragments, pending }
const fault = () => chance(faults);

const typo = (name) => name.slice(0, -1) + pick(['x', 'z', '', 'es']);
const scalars = {
  ID: ['"a"', '7'], String: ['"t"', '"""b"""'], Int: ['1', '-3'],
  Float: ['1', '1.5', '1e3'], Boolean: ['true', 'false'],
  DateTime: ['"2016"'], Json: ['"{}"'], Long: ['1', '"9"'],
};
const anyLiteral = () => pick(['1', '1.5', '"s"', 'true', 'null', 'WORD',
  '[1]', '[]', '{}', '{a: 1}', '{a: 1, a: 2}']);

function variable(type) {
  const text = String(fault() ? pick([
    new GraphQLList(type), new GraphQLNonNull(getNullableType(type)),
    getNullableType(type), getNamedType(type),
    schema.getType(pick(['Int', 'String', 'User', 'UserWhereInput'])),
  ]) : type);
  if (fault()) return '$undefined';
  const known = doc.variables.find((v) => v.type === text);
  if (known && chance(0.7)) return '$' + known.name;
  const name = 'v' + doc.variables.length;
  const last = getNullableType(type);
  doc.variables.push({ name, type: text,
    init: chance(0.15) ? ' = ' + value(last, 2, true) : '' });
  return '$' + name;
}

function value(type, depth, constant) {
  if (fault()) return anyLiteral();
  if (!constant && chance(0.2)) return variable(type);
  if (isNonNullType(type)) return value(type.ofType, depth, true);
  if (chance(0.05)) return 'null';
  if (isListType(type)) {
    if (chance(0.2)) return value(type.ofType, depth, constant);
    const n = Math.floor(random() * 3);
    return '[' + Array.from({ length: n },
      () => value(type.ofType, depth, constant)).join(', ') + ']';
  }
  if (isEnumType(type)) {
    const name = pick(type.getValues()).name;
    return fault() ? typo(name) : name;
  }
  if (isInputObjectType(type)) return object(type, depth, constant);
  return pick(scalars[type.name]);
}

function object(type, depth, constant) {
  const out = [];
  for (const field of Object.values(type.getFields())) {
    const wanted = isNonNullType(field.type)
      ? !fault() : depth > 0 && chance(0.08);
    if (!wanted) continue;
    const name = fault() ? typo(field.name) : field.name;
    out.push(`${name}: ${value(field.type, depth - 1, constant)}`);
    if (fault()) out.push(out[out.length - 1]);
  }
  return '{' + out.join(', ') + '}';
}

function args(def) {
  const out = [];
  for (const arg of def.args) {
    if (isNonNullType(arg.type) ? fault() : !chance(0.2)) continue;
    const name = fault() ? typo(arg.name) : arg.name;
    out.push(`${name}: ${value(arg.type, 2)}`);
    if (fault()) out.push(out[out.length - 1]);
  }
  if (fault()) out.push('bogus: ' + anyLiteral());
  return out.length ? `(${out.join(', ')})` : '';
}

function directives() {
  if (fault()) return pick([' @bogus', ' @skip', ' @deprecated',
    ' @include(if: 3)', ' @skip(if: true) @skip(if: false)',
    ' @skip(unless: true, if: false)']);
  if (!chance(0.06)) return '';
  return ` @${pick(['skip', 'include'])}(if: ${chance(0.5) ? 'true'
    : variable(new GraphQLNonNull(schema.getType('Boolean')))})`;
}

const composites = ['User', 'Post', 'Tag', 'Node', 'PostConnection', 'Query'];

function fragmentType(type) {
  if (fault()) return pick([...composites, 'Nope', 'UserWhereInput', 'Int']);
  if (isAbstractType(type)) return pick(['User', 'Post', 'Tag', 'Node']);
  return pick(['User', 'Post', 'Tag'].includes(type.name)
    ? [type.name, 'Node'] : [type.name]);
}

function spread(type, depth) {
  if (fault()) return '...Missing';
  const on = fragmentType(type);
  const known = doc.fragments.filter((f) => f.on === on);
  if (known.length && chance(0.6)) return '...' + pick(known).name;
  const made = { name: 'F' + doc.fragments.length, on, body: null };
  doc.fragments.push(made);
  const target = schema.getType(on);
  made.body = target && isCompositeType(target)
    ? selection(target, depth - 1) : '{ id }';
  return '...' + made.name + directives();
}

function field(type, def, depth) {
  const named = getNamedType(def.type);
  const name = fault() ? typo(def.name) : def.name;
  const alias = chance(0.15) || fault()
    ? pick(['a', 'b', 'id', 'name', 'posts']) + ': ' : '';
  const head = alias + name + args(def) + directives();
  if (!isCompositeType(named)) return head + (fault() ? ' { id }' : '');
  return fault() ? head : head + ' ' + selection(named, depth - 1);
}

function selection(type, depth) {
  const fields = Object.values(type.getFields?.() ?? {});
  const leaves = fields.filter((f) => !isCompositeType(getNamedType(f.type)));
  const out = [];
  const n = 1 + Math.floor(random() * 3);
  for (let i = 0; i < n; i++) {
    const dice = random();
    if (depth > 0 && dice < 0.1) {
      const on = fragmentType(type);
      const target = schema.getType(on);
      out.push(`... on ${on}${directives()} ` + (target
        && isCompositeType(target) ? selection(target, depth - 1) : '{ id }'));
    } else if (depth > 0 && dice < 0.2) {
      out.push(spread(type, depth));
    } else if (dice < 0.25) {
      out.push('__typename');
    } else {
      const from = depth > 0 || !leaves.length ? fields : leaves;
      out.push(depth > -3 ? field(type, pick(from), depth) : '__typename');
    }
  }
  return '{ ' + out.join(' ') + ' }';
}

function document() {
  faults = chance(0.35) ? 0 : pick([0.005, 0.02, 0.05]);
  doc = { variables: [], fragments: [] };
  const ops = [];
  const n = chance(0.1) ? 2 : 1;
  for (let i = 0; i < n; i++) {
    doc.variables = [];
    const kind = chance(0.75) ? 'query'
      : chance(0.85) ? 'mutation' : 'subscription';
    const body = selection(schema.getType(
      kind[0].toUpperCase() + kind.slice(1)), 3);
    const name = n > 1 || chance(0.5) ? (fault() ? 'Q' : 'Q' + i) : '';
    if (fault()) doc.variables.push({ name: 'unused', type: 'Int', init: '' });
    if (fault() && doc.variables[0]) doc.variables.push(doc.variables[0]);
    const vars = doc.variables.length ? '(' + doc.variables
      .map((v) => `$${v.name}: ${v.type}${v.init}`).join(', ') + ')' : '';
    ops.push(`${kind} ${name}${vars}${directives()} ${body}`);
  }
  const fragments = doc.fragments.map((f) =>
    `fragment ${fault() ? f.name + 'x' : f.name} on ${f.on} ${f.body}`);
  return [...ops, ...fragments].join('\n');
}

const documents = [];
while (documents.length < count) {
  const text = document();
  try { parse(text); } catch { continue; }
  documents.push(text);
}
const child = spawnSync('luajit', [path.join(here, 'validate.lua'), root], {
  input: documents.map((d) => JSON.stringify(d)).join('\n') + '\n',
  maxBuffer: 1 << 30,
});
if (child.status !== 0) {
  console.error(String(child.stderr));
  process.exit(1);
}
const ours = String(child.stdout).trim().split('\n').map((l) => JSON.parse(l));

// graphql-js throws where a subscription is skipped by a variable.
function judge(text) {
  try {
    return validate(schema, parse(text), undefined, { maxErrors: 1000 })
      .map((e) => e.message);
  } catch {
    return null;
  }
}

let passed = 0, failed = 0, valid = 0;
documents.forEach((text, i) => {
  const theirs = judge(text);
  if (!theirs) return;
  // A custom scalar: graphql-js adds the cause to its message. A list where no
  // list is wanted: it leaves out that the type is non-null.
  const bare = (m) => m.replace(/; wrong kind/, '.')
    .replace(/^(Expected value of type "[^"]*?)!"/, '$1"');
  const known = new Set(theirs.map(bare));
  const odd = ours[i].filter((m) => !known.has(bare(m))
    && !m.startsWith('Fields "') && !m.endsWith('...')); // cut values
  if (theirs.length === 0) valid++;
  if ((theirs.length === 0) === (ours[i].length === 0) && !odd.length) {
    passed++;
    return;
  }
  failed++;
  if (failed <= 5 || verbose) {
    console.log('---\n' + text);
    console.log('graphql-js:', theirs, '\nours:', ours[i], '\nodd:', odd);
  }
});
const writeAt = process.argv.indexOf('--write');
if (writeAt >= 0) {
  const rows = documents
    .map((document) => ({ document, errors: judge(document) }))
    .filter((row) => row.errors)
    .map((row) => JSON.stringify(row));
  fs.writeFileSync(process.argv[writeAt + 1], `[\n${rows.join(',\n')}\n]\n`);
}

console.log(`${valid} of ${documents.length} documents are valid`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
