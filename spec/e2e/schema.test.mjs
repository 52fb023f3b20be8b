// `lunette schema` and introspection, against graphql-js and the reference.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import {
  buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, parse, print as printNode,
  printSchema, visit,
} from 'graphql';
import { toLua } from '../contract/opencrud/datamodel.mjs';
import { lunette, root, sampleApps, Server, temporaryFolder } from './support/server.mjs';

/** The text of an SDL document without its descriptions. */
const bare = (sdl) => printNode(visit(parse(sdl, { noLocation: true }), {
  enter: (node) => (node.description ? { ...node, description: undefined } : undefined),
}));
const strip = (schema) => bare(printSchema(lexicographicSortSchema(schema)));
const sorted = (sdl) => strip(buildSchema(sdl));

/** Compares long texts; a failure shows the first lines that differ. */
function same(actual, expected) {
  const [a, b] = [actual.split('\n'), expected.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  const around = (lines) => lines.slice(Math.max(0, at - 3), at + 4).join('\n');
  if (at >= 0) assert.equal(around(a), around(b), `line ${at + 1}`);
  assert.equal(a.length, b.length);
}

const REFERENCE = path.join(root, 'spec/contract/opencrud/reference.graphql');

/** The datamodel in the comment at the head of the reference. */
function datamodelOf(text) {
  const lines = text.split('\n');
  const comment = lines.slice(0, lines.findIndex((line) => !line.startsWith('#')))
    .map((line) => line.replace(/^# ?/, '')).join('\n');
  return comment.slice(comment.search(/^ *type \w+ \{/m));
}

function appsOf(datamodel) {
  const folder = path.join(temporaryFolder(), 'apps');
  fs.mkdirSync(path.join(folder, 'opencrud'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'opencrud/app.lua'), toLua(datamodel));
  return folder;
}

function print(apps, ...args) {
  const { code, stdout, stderr } = lunette(['schema', '--apps', apps, ...args], {
    cwd: temporaryFolder(), maxBuffer: 2 ** 26,
  });
  assert.equal(code, 0, stderr);
  return stdout;
}

describe('lunette schema', () => {
  const reference = fs.readFileSync(REFERENCE, 'utf8');
  const datamodel = datamodelOf(reference);

  test('prints what graphql-js would print, already sorted', () => {
    for (const args of [[], ['--strict']]) {
      const sdl = print(sampleApps, ...args);
      same(bare(sdl), sorted(sdl));
    }
  });

  test('--strict equals the reference for its datamodel', () => {
    assert.match(datamodel, /^ *type User \{/m);
    same(sorted(print(appsOf(datamodel), '--strict')), sorted(reference));
  });

  const models = path.join(root, 'spec/data/opencrud');
  for (const file of fs.readdirSync(models).filter((name) => name.endsWith('.prisma'))) {
    const name = path.basename(file, '.prisma');
    test(`--strict equals what Prisma generates for the datamodel ${name}`, () => {
      const read = (ending) => fs.readFileSync(path.join(models, `${name}.${ending}`), 'utf8');
      same(sorted(print(appsOf(read('prisma')), '--strict')), sorted(read('graphql')));
    });
  }

  test('otherwise has all of the reference and more', () => {
    const ours = lexicographicSortSchema(buildSchema(print(appsOf(datamodel))));
    const members = (type) => (type.getFields ? Object.values(type.getFields())
      : type.getValues ? type.getValues() : []);
    for (const [name, type] of Object.entries(buildSchema(reference).getTypeMap())) {
      if (name.startsWith('__')) continue;
      const own = ours.getType(name);
      assert.ok(own, `type ${name}`);
      const by = Object.fromEntries(members(own).map((one) => [one.name, one]));
      for (const member of members(type)) {
        assert.ok(by[member.name], `${name}.${member.name}`);
        assert.equal(String(by[member.name].type), String(member.type), `${name}.${member.name}`);
        for (const arg of member.args ?? []) {
          const mine = by[member.name].args.find((one) => one.name === arg.name);
          assert.equal(String(mine?.type), String(arg.type), `${name}.${member.name}(${arg.name}:)`);
        }
      }
    }
  });

  test('is what introspection of the running server tells', async (t) => {
    const server = await Server.start();
    t.after(() => server.down());
    const sdl = lunette(['schema', '--data', server.data], { cwd: temporaryFolder(), maxBuffer: 2 ** 26 }).stdout;
    const everything = { inputValueDeprecation: true, specifiedByUrl: true,
      directiveIsRepeatable: true, schemaDescription: true };
    for (const options of [{}, everything]) {
      const data = await server.dataOf(getIntrospectionQuery(options));
      same(strip(buildClientSchema(data)), sorted(sdl));
    }
  });

  test('of apps that are broken fails with file and line', () => {
    const folder = path.join(temporaryFolder(), 'apps');
    fs.mkdirSync(path.join(folder, 'one'), { recursive: true });
    fs.writeFileSync(path.join(folder, 'one/app.lua'), 'app "one" {}\nmodel "A" { fields = { b = txt {} } }\n');
    const { code, stdout, stderr } = lunette(['schema', '--apps', folder], { cwd: temporaryFolder() });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^apps\/one\/app\.lua:2: .*txt/m);
  });

  test('--role takes roles that exist only', () => {
    assert.match(print(sampleApps, '--role', 'sales.seller'), /^type Query \{/m);
    const { code, stderr } = lunette(['schema', '--apps', sampleApps, '--role', 'sales.seler'],
      { cwd: temporaryFolder() });
    assert.equal(code, 1);
    assert.match(stderr, /no role 'sales\.seler'; did you mean 'sales\.seller'/);
  });
});
