// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DatamodelError, readDatamodel, toLua } from './datamodel.mjs';

const line = (text, name) => toLua(text).split('\n')
  .find((one) => one.trim().startsWith(name + ' ='))?.trim();

const refuses = (text, message) => assert.throws(() => toLua(text),
  (error) => error instanceof DatamodelError && message.test(error.message));

test('two sides of a relation name each other', () => {
  const text = 'type A { id: ID! @id  bs: [B] }\n'
    + 'type B { id: ID! @id  a: A! }';
  assert.equal(line(text, 'bs'), 'bs = many "B" { by = "a", relation = "AToB" },');
  assert.equal(line(text, 'a'),
    'a = ref "A" { by = "bs", relation = "AToB", required = true },');
});

test('lists on both sides are a join table', () => {
  const text = 'type A { id: ID! @id  bs: [B!]! }\n'
    + 'type B { id: ID! @id  as: [A] }';
  assert.equal(line(text, 'bs'), 'bs = refs "B" { by = "as", relation = "AToB" },');
});

test('one-sided fields say so', () => {
  const text = 'type A { id: ID! @id  bs: [B]  up: A @relation(name: "Tree") }\n'
    + 'type B { id: ID! @id }';
  assert.equal(line(text, 'bs'),
    'bs = refs "B" { one_sided = true, relation = "AToB" },');
  assert.equal(line(text, 'up'),
    'up = ref "A" { one_sided = true, relation = "Tree" },');
});

test('link: INLINE says who holds the key of one-to-one', () => {
  const text = 'type A { id: ID! @id  b: B }\n'
    + 'type B { id: ID! @id  a: A @relation(link: INLINE) }';
  assert.equal(line(text, 'b'), 'b = single "B" { by = "a", relation = "AToB" },');
  assert.equal(line(text, 'a'),
    'a = ref "A" { by = "b", relation = "AToB", unique = true },');
});

test('without a link the required side holds it, else the first by name', () => {
  const required = 'type A { id: ID! @id  b: B }\n'
    + 'type B { id: ID! @id  a: A! }';
  assert.match(line(required, 'a'), /^a = ref/);
  const optional = 'type B { id: ID! @id  a: A }\n'
    + 'type A { id: ID! @id  b: B }';
  assert.match(line(optional, 'b'), /^b = ref/);
});

test('a nameless field belongs to the first that points back', () => {
  const { models: [a, b] } = readDatamodel(
    'type A { id: ID! @id  x: [B] @relation(name: "R")  y: [B] '
    + '@relation(name: "S") }\ntype B { id: ID! @id  a: A }');
  assert.equal(b.fields[1].opposite, a.fields[1]);
  assert.equal(a.fields[1].opposite, b.fields[1]);
  assert.equal(a.fields[2].opposite, null);
  assert.equal(b.fields[1].relation, 'R');
});

test('an unclear opposite is refused', () => {
  refuses('type A { id: ID! @id  x: B  y: B }\ntype B { id: ID! @id  a: A }',
    /^A\.y: it is not clear/);
});

test('names come back as they were', () => {
  const text = 'type A { id: ID! @id  first_name: String  end: Int '
    + ' version: Int  ArtistId: Int @unique }';
  assert.equal(line(text, 'first_name'),
    'first_name = text { graphql = "first_name" },');
  assert.equal(line(text, '["end"]'), '["end"] = int {},');
  assert.equal(line(text, 'version_field'),
    'version_field = int { graphql = "version" },');
  assert.equal(line(text, 'ArtistId'), 'ArtistId = int { unique = true },');
});

test('defaults have the type of their field', () => {
  const text = 'enum E { A B }\ntype T { id: ID! @unique '
    + ' e: E! @default(value: "A")  b: Boolean @default(value: "true") '
    + ' i: Int @default(value: "5")  d: DateTime @default(value: "2018") '
    + ' j: Json @default(value: "{\\"a\\": [1, \\"x\\"]}")  '
    + ' s: String @default(value: "a\\"b\\n") }';
  assert.equal(line(text, 'e'),
    'e = enum "E" { required = true, default = "A" },');
  assert.equal(line(text, 'b'), 'b = bool { default = true },');
  assert.equal(line(text, 'i'), 'i = int { default = 5 },');
  assert.equal(line(text, 'd'),
    'd = datetime { default = "2018-01-01T00:00:00.000Z" },');
  assert.equal(line(text, 'j'), 'j = json { default = { ["a"] = { 1, "x" } } },');
  assert.equal(line(text, 's'), 's = text { default = "a\\"b\\010" },');
});

test('1.0 sets createdAt and updatedAt by their names', () => {
  const old = 'type T { id: ID! @unique  createdAt: DateTime! }';
  assert.equal(line(old, 'createdAt'), 'createdAt = created {},');
  const new_ = 'type T { id: ID! @id  createdAt: DateTime! '
    + ' made: DateTime @createdAt }';
  assert.equal(line(new_, 'createdAt'), 'createdAt = datetime { required = true },');
  assert.equal(line(new_, 'made'), 'made = created { required = false },');
});

test('an id keeps its name, its type and who gives it', () => {
  const id = (field) => line(`type A { ${field} }`, 'id');
  assert.equal(id('key: ID! @id'), 'id = id "text" { graphql = "key" },');
  assert.equal(id('id: UUID! @id'), 'id = id "uuid" { scalar = "UUID" },');
  assert.equal(id('id: Int! @id(strategy: SEQUENCE)'),
    'id = id "bigint" { scalar = "Int" },');
  assert.equal(id('id: ID! @id(strategy: NONE)'),
    'id = id "text" { required = true },');
});

test('a list of ids is a list of ids', () => {
  const text = 'type A { id: ID! @id  keys: [ID!]! }';
  assert.equal(line(text, 'keys'), 'keys = list(id "text") {},');
});

test('onDelete stands on the side whose deletion cascades', () => {
  const text = 'type A { id: ID! @id  bs: [B] @relation(onDelete: CASCADE) }\n'
    + 'type B { id: ID! @id  a: A }';
  assert.match(line(text, 'bs'), /delete = "cascade"/);
  assert.doesNotMatch(line(text, 'a'), /delete/);
});

test('what has no Lua form is refused by name', () => {
  refuses('type A @embedded { x: Int }', /^A: embedded types/);
  refuses('type A @linkTable { x: Int }', /^A: a link table/);
  refuses('type A { id: ID! @id  x: Foo }', /^A\.x: unknown type Foo/);
  refuses('type A { id: ID! @id  x: Int @magic }', /^A\.x: unknown directive/);
  refuses('type A {', /^datamodel: Syntax Error/);
  refuses('input A { x: Int }', /^A: InputObjectTypeDefinition/);
});
