// Every type of field through the API and back, with its options.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from './support/server.mjs';

const APP = `
app "kinds" { version = "2.1.0" }

enum "Colour" { "RED", "GREEN", "BLUE" }

model "User" { fields = { login = text {} } }

model "Thing" {
  fields = {
    words    = text { size = 20 },
    whole    = int {},
    long     = bigint {},
    real     = float {},
    exact    = decimal { digits = { 20, 6 } },
    price    = money {},
    flag     = bool {},
    day      = date {},
    hour     = time {},
    moment   = datetime {},
    anything = json {},
    colour   = enum "Colour" {},
    key      = uuid {},

    many_words    = list(text) {},
    many_wholes   = list(int) {},
    many_longs    = list(bigint) {},
    many_reals    = list(float) {},
    many_exacts   = list(decimal) {},
    many_flags    = list(bool) {},
    many_days     = list(date) {},
    many_hours    = list(time) {},
    many_moments  = list(datetime) {},
    many_jsons    = list(json) {},
    many_colours  = list(enum "Colour") {},
    many_keys     = list(uuid) {},
  },
}

model "Preset" {
  fields = {
    name    = text { required = true, unique = true, size = 50 },
    words   = text { default = "it's \\"quoted\\"" },
    whole   = int { default = -7 },
    long    = bigint { default = 9007199254740992 },
    exact   = decimal { default = 12.5 },
    flag    = bool { required = true, default = true },
    day     = date { default = "2024-02-29" },
    today   = date { default = today() },
    hour    = time { default = "08:30" },
    moment  = datetime { default = now() },
    object  = json { default = { list = { 1, 2 } } },
    colour  = enum "Colour" { required = true, default = "GREEN" },
    made    = created {},
    changed = updated {},
    version = bigint {},
  },
}

model "Sum" {
  fields = {
    a     = int { required = true, min = 0, max = 100 },
    b     = int { default = 2 },
    name  = text { size = 5 },
    total = int { stored = sql "a * coalesce(b, 0)" },
    share = decimal { stored = sql "a / b" },
    big   = bool { stored = sql "a * coalesce(b, 0) > 50" },
    label = text { stored = sql "coalesce(name, 'nobody') .. ':' .. a" },
  },
  check = {
    { "b == nil or b <= a", "b must not be more than a" },
    { "name == nil or name ~= 'evil'", "no evil" },
  },
}

model "TextKey"   { fields = { id = id "text" {}, name = text {} } }
model "NumberKey" { fields = { id = id "bigint" {}, name = text {} } }
`;

const THING = {
  words: 'Grüße, 世界 🌙\n"\\',
  whole: -2147483648,
  long: '9223372036854775807',
  real: 0.1,
  exact: '12345678901234.567890',
  price: '-9999999999999999.99',
  flag: false,
  day: '0001-01-01',
  hour: '23:59:59.999',
  moment: '1969-12-31T23:59:59.999Z',
  anything: { a: [1, null, 'x', { b: true }], c: 1.5 },
  colour: 'BLUE',
  key: '123e4567-e89b-12d3-a456-426614174000',
};

const LISTS = {
  manyWords: ['', 'a,b', '{}', 'NULL', '"', 'a\\b', 'a'],
  manyWholes: [3, 1, 2, 3],
  manyLongs: [1, '9007199254740993'],
  manyReals: [1.5, -1e300],
  manyExacts: ['0.100000', '2.000000'],
  manyFlags: [true, false, true],
  manyDays: ['2024-02-29', '1999-12-31'],
  manyHours: ['00:00:00', '12:34:56'],
  manyMoments: ['2016-07-31T23:59:01.000Z', '2024-02-29T12:00:00.123Z'],
  manyJsons: [{ a: 1 }, [1, 2]],
  manyColours: ['RED', 'RED', 'GREEN'],
  manyKeys: ['123e4567-e89b-12d3-a456-426614174000'],
};

const NAMES = [...Object.keys(THING), ...Object.keys(LISTS)].join(' ');

describe('a field', () => {
  let server;
  before(async () => { server = await Server.start({ apps: { kinds: APP } }); });
  after(() => server.down());

  const create = (data) => server.dataOf(
    `mutation New($data: ThingCreateInput!) { thing: createThing(data: $data) { id ${NAMES} } }`,
    { data });
  const sets = (lists) => Object.fromEntries(Object.entries(lists)
    .map(([name, items]) => [name, { set: items }]));

  const same = (thing, expected) => {
    for (const [name, value] of Object.entries(expected)) {
      // A time may be written with or without an empty fraction.
      const got = name === 'hour' ? thing[name].replace(/(\.\d*?)0+$/, '$1') : thing[name];
      assert.deepEqual(got, value, name);
    }
  };

  test('of every type comes back as it was given', async () => {
    const { thing } = await create(THING);
    same(thing, THING);
    const { again } = await server.dataOf(
      `query One($id: ID) { again: thing(where: { id: $id }) { ${NAMES} } }`, { id: thing.id });
    same(again, THING);
  });

  test('of every type may be empty', async () => {
    const { thing } = await create({});
    for (const name of Object.keys(THING)) assert.equal(thing[name], null, name);
    for (const name of Object.keys(LISTS)) assert.deepEqual(thing[name], [], name);
  });

  test('that is a list keeps order and repetition', async () => {
    const { thing } = await create(sets(LISTS));
    same(thing, LISTS);
    const { less } = await server.dataOf(`mutation Less($id: ID) {
      less: updateThing(where: { id: $id }, data: { manyWords: { set: [] } }) { ${NAMES} }
    }`, { id: thing.id });
    same(less, { ...LISTS, manyWords: [] });
  });

  test('of every type can be written as a literal', async () => {
    const { thing } = await server.dataOf(`mutation {
      thing: createThing(data: {
        words: "a\\u00e9b", whole: 2147483647, long: 5, real: 2, exact: "1.5", price: "1.005",
        flag: true, day: "2024-02-29", hour: "08:30", moment: "2016",
        anything: "{\\"a\\": [1, 2]}", colour: RED, key: "123e4567e89b12d3a456426614174000"
        manyColours: { set: [BLUE, RED] }, manyWholes: { set: 4 }
      }) { ${NAMES} }
    }`);
    assert.equal(thing.words, 'aéb');
    assert.equal(thing.whole, 2147483647);
    assert.equal(thing.long, 5);
    assert.equal(thing.real, 2);
    assert.equal(thing.exact, '1.500000');
    assert.match(thing.price, /^1\.0[01]$/);
    assert.equal(thing.day, '2024-02-29');
    assert.match(thing.hour, /^08:30:00/);
    assert.equal(thing.moment, '2016-01-01T00:00:00.000Z');
    assert.deepEqual(thing.anything, { a: [1, 2] });
    assert.equal(thing.colour, 'RED');
    assert.equal(thing.key, '123e4567-e89b-12d3-a456-426614174000');
    assert.deepEqual(thing.manyColours, ['BLUE', 'RED']);
    assert.deepEqual(thing.manyWholes, [4]);
  });

  const refused = {
    whole: [2147483648, 1.5, '1', true],
    long: ['9223372036854775808', 'x', 1.5],
    real: ['0.1', true],
    exact: ['x', '1e99', true],
    flag: ['true', 1],
    day: ['2023-02-29', 'today', 5],
    hour: ['25:00', 'noon'],
    moment: ['2016-13-01', 'x', true],
    anything: ['text', 5],
    colour: ['PURPLE', 1],
    key: ['123', 5],
    words: [5, true, 'x\u0000y'],
  };
  for (const [name, values] of Object.entries(refused)) {
    test(`'${name}' takes no value of another kind`, async () => {
      for (const value of values) {
        const { data, errors } = await server.ask(
          'mutation New($data: ThingCreateInput!) { createThing(data: $data) { id } }',
          { data: { [name]: value } });
        assert.ok(!data?.createThing, `${name}: ${JSON.stringify(value)} was taken`);
        assert.match(errors[0].extensions.code, /^(BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED)$/,
          `${name}: ${JSON.stringify(value)}: ${JSON.stringify(errors[0])}`);
      }
    });
  }

  test('with a default has it unless a value is given', async () => {
    const began = Date.now();
    const { preset } = await server.dataOf(`mutation {
      preset: createPreset(data: { name: "plain" }) {
        words whole long exact flag day today hour moment object colour made changed version
      }
    }`);
    const { today, moment, hour, exact, made, changed, ...rest } = preset;
    assert.deepEqual(rest, {
      words: 'it\'s "quoted"', whole: -7, long: 9007199254740992, flag: true,
      day: '2024-02-29', object: { list: [1, 2] }, colour: 'GREEN', version: 1,
    });
    assert.equal(Number(exact), 12.5);
    assert.match(hour, /^08:30:00/);
    assert.match(today, /^\d{4}-\d\d-\d\d$/);
    for (const text of [moment, made, changed]) {
      assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      assert.ok(Date.parse(text) >= began - 1000 && Date.parse(text) <= Date.now() + 1000, text);
    }
    const { other } = await server.dataOf(`mutation {
      other: createPreset(data: { name: "other", whole: null, words: "mine", flag: false }) {
        whole words flag
      }
    }`);
    assert.deepEqual(other, { whole: null, words: 'mine', flag: false });
  });

  test('that the server sets moves with each change, and the version counts it', async () => {
    const { first } = await server.dataOf(
      'mutation { first: createPreset(data: { name: "a" }) { made changed version } }');
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { second } = await server.dataOf(`mutation {
      second: updatePreset(where: { name: "a" }, data: { whole: 1 }) { made changed version }
    }`);
    assert.equal(second.made, first.made);
    assert.ok(second.changed > first.changed);
    assert.equal(second.version, 2);
    await server.dataOf('mutation { updateManyPresets(data: { whole: 2 }, where: { name: "a" }) { count } }');
    const { third } = await server.dataOf('{ third: preset(where: { name: "a" }) { changed version } }');
    assert.ok(third.changed > second.changed);
    assert.equal(third.version, 3);
    for (const name of ['made', 'changed', 'version']) {
      const { errors } = await server.ask(`mutation New($data: PresetCreateInput!) {
        createPreset(data: $data) { id }
      }`, { data: { name: 'b', [name]: name === 'version' ? 9 : '2020-01-01T00:00:00.000Z' } });
      assert.ok(errors, `${name} can be written`);
    }
  });

  test('with a formula follows the fields that it is made of', async () => {
    const { sum } = await server.dataOf(
      'mutation { sum: createSum(data: { a: 30, name: "x" }) { id total share big label } }');
    const { id, share, ...rest } = sum;
    assert.deepEqual(rest, { total: 60, big: true, label: 'x:30' });
    assert.equal(Number(share), 15);
    const { next } = await server.dataOf(`mutation Next($id: ID) {
      next: updateSum(where: { id: $id }, data: { a: 10, b: 3, name: null }) {
        total share big label
      }
    }`, { id });
    assert.deepEqual({ ...next, share: null },
      { total: 30, share: null, big: false, label: 'nobody:10' });
    assert.equal(next.share, '3.3333333333333333'.slice(0, next.share.length));
    const { sums } = await server.dataOf(
      '{ sums(where: { total_gt: 20, label_contains: "nobody" }, orderBy: total_DESC) { total } }');
    assert.deepEqual(sums, [{ total: 30 }]);
    const { errors } = await server.ask('mutation { createSum(data: { a: 1, total: 5 }) { id } }');
    assert.match(errors[0].message, /total/);
  });

  test('with bounds or a check refuses what breaks them and tells why', async () => {
    const make = async (data) => (await server.ask(
      'mutation New($data: SumCreateInput!) { createSum(data: $data) { id } }', { data }));
    assert.equal((await make({ a: 100, b: 100 })).errors, undefined);
    for (const [data, words] of [
      [{ a: -1, b: -1 }, /\ba\b/], [{ a: 101 }, /\ba\b/],
      [{ a: 5, name: 'longer' }, /name/],
      [{ a: 5, b: 6 }, /b must not be more than a/],
      [{ a: 5, name: 'evil' }, /no evil/],
    ]) {
      const { data: got, errors } = await make(data);
      assert.equal(got?.createSum ?? null, null, JSON.stringify(data));
      assert.equal(errors[0].extensions.code, 'VALIDATION_FAILED', JSON.stringify(errors));
      assert.match(errors[0].message, words);
    }
  });

  test('that is the id is a uuid, a text or a number', async () => {
    const { thing, text, own, number, next } = await server.dataOf(`mutation {
      thing: createThing(data: {}) { id }
      text: createTextKey(data: {}) { id }
      own: createTextKey(data: { id: "my-own" }) { id }
      number: createNumberKey(data: {}) { id }
      next: createNumberKey(data: {}) { id }
    }`);
    assert.match(thing.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(text.id, /^[0-9a-z]{25}$/);
    assert.equal(own.id, 'my-own');
    assert.equal(Number(next.id), Number(number.id) + 1);
    const { found } = await server.dataOf(
      'query Found($id: ID) { found: numberKey(where: { id: $id }) { id } }', { id: next.id });
    assert.deepEqual(found, { id: next.id });
    const { errors } = await server.ask(
      `mutation { createTextKey(data: { id: "${'x'.repeat(26)}" }) { id } }`);
    assert.equal(errors[0].code, 3007);
  });
});
