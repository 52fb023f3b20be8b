// Replays cases (the format of cases.json) against Lunette.
// SPDX-License-Identifier: Apache-2.0
//
// usage: run [--cases FILE]... [--only REGEX] [--skip REGEX] [--json FILE] [--additions]
//            [--url URL --deploy-url URL] [-v]
// Without --url it starts a server of its own. A case is { name, datamodel,
// steps }; a step is a query with what is expected of its answer, a type with
// the fields it must have, or a pause. Ends with "N passed, N failed".
import fs from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Deployment } from './deployment.mjs';

const args = process.argv.slice(2);
const flag = (name) => args.includes(`--${name}`);
const option = (name) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? undefined : args[at + 1];
};
const files = args.flatMap((arg, i) => (arg === '--cases' ? args[i + 1] ?? [] : []));
if (!files.length) files.push(path.join(import.meta.dirname, 'cases.json'));
const only = new RegExp(option('only') ?? '');
const skip = option('skip') && new RegExp(option('skip'));

function read(file) {
  try {
    const list = JSON.parse(fs.readFileSync(file, 'utf8'));
    if (Array.isArray(list)) return list;
    throw new Error('not a list of cases');
  } catch (error) {
    console.error(`${file}: ${error.message}`);
    process.exit(2);
  }
}

const cases = files.flatMap(read)
  .filter((c) => only.test(c.name) && !(skip && skip.test(c.name)));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const at = (object, dotted) => dotted.split('.').reduce((o, key) => o?.[key], object);

/** Replaces ${name} in all strings of a value by what an earlier step saved. */
function fill(value, saved) {
  if (typeof value === 'string') {
    return value.replace(/\$\{(\w+)\}/g, (_, name) => saved[name] ?? `<unset ${name}>`);
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, saved));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, saved)]));
}

/** "@repeat:x:3" stands for "xxx" in variables. */
function expand(value) {
  if (typeof value === 'string' && value.startsWith('@repeat:')) {
    const [, text, count] = value.split(':');
    return text.repeat(Number(count));
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item)]));
}

function isSubset(want, got) {
  if (want === null || typeof want !== 'object') return isDeepStrictEqual(want, got);
  if (Array.isArray(want)) {
    return Array.isArray(got) && want.length === got.length
      && want.every((item, i) => isSubset(item, got[i]));
  }
  return got !== null && typeof got === 'object'
    && Object.entries(want).every(([key, item]) => isSubset(item, got[key]));
}

/** What is wrong with an answer that should be an error; null when nothing. */
function checkError(expected, answer, saved) {
  const errors = answer.errors ?? [];
  if (!errors.length) return `no error; got ${JSON.stringify(answer)}`;
  if (expected.validation) {
    return answer.data == null ? null : `executed: ${JSON.stringify(answer.data)}`;
  }
  const codes = errors.map((e) => String(e.code ?? e.extensions?.code));
  if (expected.code && !codes.includes(String(expected.code))) {
    return `code ${codes} instead of ${expected.code}: ${errors[0].message}`;
  }
  for (const part of [].concat(expected.contains ?? [])) {
    if (!errors.some((e) => e.message.includes(fill(part, saved)))) {
      return `message ${JSON.stringify(errors[0].message)} lacks ${JSON.stringify(fill(part, saved))}`;
    }
  }
  return null;
}

function checkAnswer(expected, answer, saved) {
  if (expected.error) return checkError(expected.error, answer, saved);
  if (answer.errors?.length) return `error ${JSON.stringify(answer.errors)}`;
  const got = JSON.stringify(answer.data);
  if (expected.data && !isDeepStrictEqual(fill(expected.data, saved), answer.data)) {
    return `want ${JSON.stringify(fill(expected.data, saved))}\n    got  ${got}`;
  }
  if (expected.match && !isSubset(fill(expected.match, saved), answer.data)) {
    return `want at least ${JSON.stringify(fill(expected.match, saved))}\n    got  ${got}`;
  }
  if (expected.differ) {
    const [a, b] = expected.differ.map((dotted) => at(answer, dotted));
    if (isDeepStrictEqual(a, b)) return `${expected.differ} are equal: ${JSON.stringify(a)}`;
  }
  return null;
}

const TYPE = 'kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name}}}}';

function typeText(type) {
  if (type.kind === 'NON_NULL') return `${typeText(type.ofType)}!`;
  return type.kind === 'LIST' ? `[${typeText(type.ofType)}]` : type.name;
}

function fieldText(field) {
  const inside = (field.args ?? []).map((a) => `${a.name}: ${typeText(a.type)}`).join(', ');
  return (inside ? `(${inside}): ` : '') + typeText(field.type);
}

/** The order of arguments means nothing. */
function inOrder(text) {
  const [, inside, rest] = /^\((.*)\): (.*)$/.exec(text) ?? [];
  return inside ? `(${inside.split(', ').sort().join(', ')}): ${rest}` : text;
}

class Replay {
  constructor(url) { this.url = url; }

  async ask(query, variables) {
    const answer = await fetch(this.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(15000),
    });
    const text = await answer.text();
    try {
      return JSON.parse(text);
    } catch {
      throw new Error(`HTTP ${answer.status}, not JSON: ${text.slice(0, 200)}`);
    }
  }

  async type({ type: name, fields }) {
    const answer = await this.ask(`{__type(name:"${name}"){fields{name args{name type{${TYPE}}}`
      + ` type{${TYPE}}} inputFields{name type{${TYPE}}}}}`);
    const type = answer.data?.__type;
    if (!type) return `no type ${name}`;
    const found = new Map((type.fields ?? type.inputFields).map((f) => [f.name, fieldText(f)]));
    for (const [field, want] of Object.entries(fields)) {
      if (!found.has(field)) return `${name} has no ${field}`;
      if (want && inOrder(found.get(field)) !== inOrder(want)) {
        return `${name}.${field} is ${found.get(field)}, want ${want}`;
      }
    }
    return null;
  }

  async query(step, saved) {
    const answer = await this.ask(fill(step.query, saved), expand(fill(step.variables, saved)));
    let wrong = checkAnswer(step.expect ?? {}, answer, saved);
    for (const [name, dotted] of Object.entries(step.save ?? {})) {
      saved[name] = at(answer, dotted);
      if (saved[name] === undefined) wrong ??= `nothing at ${dotted}`;
    }
    return wrong;
  }

  async step(step, saved) {
    if (step.sleepMs) return void await pause(step.sleepMs);
    if (step.type) return this.type(step);
    if (step.query) return this.query(step, saved);
    return `steps of this kind are not built yet: ${Object.keys(step)}`;
  }

  async run({ steps = [] }) {
    const saved = {};
    for (const [i, step] of steps.entries()) {
      const wrong = await this.step(step, saved);
      if (wrong) return `step ${i + 1}/${steps.length}: ${step.query ?? ''}\n    ${wrong}`;
    }
    return null;
  }
}

const own = option('url') ? null : await Deployment.start({ strict: !flag('additions') });
const replay = new Replay(option('url') ?? `${own.url}/graphql`);
const deploy = own ? (datamodel) => own.deploy(datamodel) : async (datamodel) => {
  const answer = await fetch(option('deploy-url'), { method: 'POST', body: datamodel });
  if (!answer.ok) throw new Error(await answer.text());
};

const results = [];
for (const each of cases) {
  let why;
  try {
    await deploy(each.datamodel);
    why = await replay.run(each);
  } catch (error) {
    why = `threw ${error.message}`;
  }
  results.push({ name: each.name, ok: !why, why: why ?? undefined });
  if (why) console.log(`FAILED ${each.name}\n  ${why}`);
  else if (args.includes('-v')) console.log(`ok ${each.name}`);
}
await own?.stop();
if (option('json')) fs.writeFileSync(option('json'), JSON.stringify(results, null, 1));
const passed = results.filter((r) => r.ok).length;
console.log(`${passed} passed, ${results.length - passed} failed`);
process.exit(passed === results.length && passed > 0 ? 0 : 1);
