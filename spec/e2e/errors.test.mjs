// What is wrong with a request, told by code, place and HTTP status.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from './support/server.mjs';

const APP = `
app "shop" { version = "1.0.0" }

model "Owner" { fields = {
  id    = id "text" {},
  name  = text { required = true, unique = true, size = 50 },
  shops = many "Shop" { by = "owner" },
} }

model "Shop" { fields = {
  id    = id "text" {},
  name  = text { required = true, unique = true, size = 50 },
  level = int { required = true, default = 1, min = 0 },
  data  = json {},
  owner = ref "Owner" { required = true },
  card  = single "Card" { by = "shop" },
} }

model "Card" { fields = {
  id   = id "text" {},
  code = text { required = true, unique = true, size = 50 },
  shop = ref "Shop" { unique = true, required = true },
} }
`;

const JSON_TYPE = 'application/json';
const GRAPHQL_TYPE = 'application/graphql-response+json';

describe('an error', () => {
  let server;
  before(async () => {
    server = await Server.start({ apps: { shop: APP } });
    await server.dataOf(`mutation { createOwner(data: {
      id: "o1", name: "Ann",
      shops: { create: [{ id: "s1", name: "North" }, { id: "s2", name: "South" }] }
    }) { id } }`);
    await server.dataOf(`mutation {
      createCard(data: { id: "c1", code: "C1", shop: { connect: { id: "s1" } } }) { id }
    }`);
  });
  after(() => server.down());

  // [what, document, variables, number, extensions.code, words of the message]
  const OF_A_FIELD = [
    ['a selector without a field', '{ shop(where: {}) { id } }', {},
      3040, 'BAD_USER_INPUT', /where selector on Shop.*exactly one unique field/],
    ['a selector by null', '{ shop(where: { name: null }) { id } }', {},
      3040, 'BAD_USER_INPUT', /where selector on Shop/],
    ['a selector with two fields', '{ shop(where: { id: "s1", name: "North" }) { id } }', {},
      3045, 'BAD_USER_INPUT', /more than one field for the unique selector on Shop/],
    ['first beside last', '{ shops(first: 1, last: 1) { id } }', {},
      3014, 'BAD_USER_INPUT', /both first and last/],
    ['null where a list is meant', '{ owners(where: { shops_some: null }) { id } }', {},
      3033, 'BAD_USER_INPUT', /'shops' is a toMany relation/],
    ['a record that is not there', 'mutation { deleteShop(where: { name: "West" }) { id } }', {},
      3039, 'NOT_FOUND', /No Node for the model Shop with value West for name found/],
    ['an update of what is not there',
      'mutation { updateShop(where: { id: "x" }, data: { level: 2 }) { id } }', {},
      3039, 'NOT_FOUND', /No Node for the model Shop with value x for id found/],
    ['a connection to what is not there',
      'mutation New($name: String) { createShop(data: { name: "New", owner: { connect: { name: $name } } }) { id } }',
      { name: 'Bob' }, 3039, 'NOT_FOUND', /No Node for the model Owner with value Bob for name found/],
    ['a value that is taken',
      'mutation { createOwner(data: { name: "Ann" }) { id } }', {},
      3010, 'CONFLICT', /unique constraint.*Owner.*Field name = name/],
    ['an update to a value that is taken',
      'mutation { updateShop(where: { id: "s1" }, data: { name: "South" }) { id } }', {},
      3010, 'CONFLICT', /unique constraint.*Shop.*Field name = name/],
    ['null for what is required',
      'mutation { updateShop(where: { id: "s1" }, data: { name: null }) { id } }', {},
      3020, 'VALIDATION_FAILED', /set a required field to null.*name/],
    ['null for what is required and has a default',
      'mutation { createShop(data: { name: "N", level: null, owner: { connect: { id: "o1" } } }) { id } }',
      {}, 3036, 'VALIDATION_FAILED', /null was not valid for field level of type Shop/],
    ['a required relation left empty',
      'mutation { createShop(data: { name: "N", owner: {} }) { id } }', {},
      3032, 'VALIDATION_FAILED', /'owner' on type 'Shop' is required/],
    ['a record that others need',
      'mutation { deleteOwner(where: { id: "o1" }) { id } }', {},
      3042, 'CONFLICT', /violate the required relation 'OwnerToShop' between/],
    ['a partner taken from one who needs it',
      'mutation { createCard(data: { code: "C2", shop: { connect: { id: "s1" } } }) { id } }', {},
      3042, 'CONFLICT', /violate the required relation 'CardToShop' between/],
    ['a number below its bound',
      'mutation { updateShop(where: { id: "s1" }, data: { level: -1 }) { id } }', {},
      undefined, 'VALIDATION_FAILED', /level/],
  ];
  for (const [what, query, variables, number, code, words] of OF_A_FIELD) {
    test(`about ${what} has its code in both places, a path and status 200`, async () => {
      for (const accept of [JSON_TYPE, GRAPHQL_TYPE]) {
        const answer = await server.post(query, variables, { headers: { accept } });
        assert.equal(answer.status, 200, answer.text);
        assert.ok(answer.headers['content-type'].startsWith(accept));
        const { data, errors } = answer.json;
        assert.equal(errors.length, 1);
        const [error] = errors;
        assert.match(error.message, words);
        assert.equal(error.code, number);
        assert.equal(error.extensions.opencrud, number);
        assert.equal(error.extensions.code, code);
        assert.equal(error.path.length, 1);
        assert.ok(error.locations[0].line >= 1 && error.locations[0].column >= 1);
        assert.ok('data' in answer.json);
        assert.equal(data?.[error.path[0]] ?? null, null);
      }
    });
  }

  // Found before anything runs: no data. [what, body, extensions.code, number]
  const BEFORE_EXECUTION = [
    ['a syntax error', { query: '{ shops { id ' }, 'GRAPHQL_PARSE_FAILED'],
    ['an empty document', { query: '' }, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', { query: '{ shops { nam } }' }, 'GRAPHQL_VALIDATION_FAILED'],
    ['an unknown operation', { query: 'query A { shops { id } }', operationName: 'B' },
      /^(BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED)$/],
    ['a variable of another type', {
      query: 'query One($id: ID!) { shop(where: { id: $id }) { id } }', variables: { id: {} },
    }, 'BAD_USER_INPUT'],
    ['a variable that is missing', {
      query: 'query One($id: ID!) { shop(where: { id: $id }) { id } }',
    }, 'BAD_USER_INPUT'],
    ['a required argument that is missing', { query: '{ shop { id } }' },
      'GRAPHQL_VALIDATION_FAILED'],
    ['a required field that is missing',
      { query: 'mutation { createOwner(data: {}) { id } }' }, 'GRAPHQL_VALIDATION_FAILED'],
    ['an id that is too long',
      { query: `mutation { createOwner(data: { id: "${'i'.repeat(26)}", name: "I" }) { id } }` },
      'BAD_USER_INPUT', 3007],
    ['a negative first', { query: '{ shops(first: -1) { id } }' }, 'BAD_USER_INPUT', 3026],
    ['a negative last', { query: '{ shops(last: -1) { id } }' }, 'BAD_USER_INPUT', 3027],
    ['a negative skip', { query: '{ shops(skip: -1) { id } }' }, 'BAD_USER_INPUT', 3028],
    ['a document too deep', { query: `{ shops ${'{ owner { shops '.repeat(15)}{ id }${' } }'.repeat(15)} }` },
      'LIMIT_EXCEEDED'],
  ];
  for (const [what, body, code, number] of BEFORE_EXECUTION) {
    test(`about ${what} has no data, and 400 for those who ask for the new media type`, async () => {
      for (const [accept, status] of [[JSON_TYPE, 200], [GRAPHQL_TYPE, 400], ['*/*', 200]]) {
        const answer = await server.request('/graphql', {
          method: 'POST', body: JSON.stringify(body),
          headers: { 'content-type': JSON_TYPE, accept, authorization: `Bearer ${server.token('admin')}` },
        });
        const { errors, ...rest } = JSON.parse(answer.text);
        assert.deepEqual(rest, {}, 'no data');
        assert.match(errors[0].extensions.code, code instanceof RegExp ? code : new RegExp(`^${code}$`));
        assert.equal(errors[0].code, number);
        assert.equal(errors[0].extensions.opencrud, number);
        // Limits are the server's own: they answer 400 to everybody.
        assert.equal(answer.status, errors[0].extensions.code === 'LIMIT_EXCEEDED' ? 400 : status,
          `${accept}: ${answer.text}`);
        assert.ok(answer.headers['content-type'].startsWith(accept === '*/*' ? JSON_TYPE : accept));
      }
    });
  }

  test('about a misspelt field says what would be right', async () => {
    const { errors } = await server.ask('{ shops { nam } }');
    assert.match(errors[0].message, /Cannot query field "nam" on type "Shop".*Did you mean "name"/);
    assert.deepEqual(errors[0].locations, [{ line: 1, column: 11 }]);
  });

  test('about the HTTP request has the status of its cause', async () => {
    const authorization = `Bearer ${server.token('admin')}`;
    const query = JSON.stringify({ query: '{ shops { id } }' });
    const send = (options) => server.request('/graphql', {
      ...options, headers: { authorization, ...options.headers },
    });
    const url = (parameters) => `/graphql?${new URLSearchParams(parameters)}`;
    const get = (parameters) => server.request(url(parameters), { headers: { authorization } });
    const json = { 'content-type': JSON_TYPE };
    const cases = [
      ['no JSON', send({ method: 'POST', headers: json, body: '{"query":' }), 400],
      ['no query', send({ method: 'POST', headers: json, body: '{}' }), 400],
      ['a query that is a number', send({ method: 'POST', headers: json, body: '{"query":5}' }), 400],
      ['variables that are a list',
        send({ method: 'POST', headers: json, body: '{"query":"{ __typename }","variables":[]}' }), 400],
      ['a list of requests', send({ method: 'POST', headers: json, body: `[${query}]` }), 400],
      ['no content type', send({ method: 'POST', body: query }), 415],
      ['a form', send({ method: 'POST', headers: { 'content-type': 'text/plain' }, body: query }), 415],
      ['a type nobody has', send({ method: 'POST', headers: { ...json, accept: 'image/png' }, body: query }), 406],
      ['another method', send({ method: 'PUT', headers: json, body: query }), 405],
      ['a mutation by GET', get({ query: 'mutation { deleteManyShops { count } }' }), 405],
      ['a query by GET', get({ query: '{ shops { id } }' }), 200],
      ['variables by GET', get({
        query: 'query One($id: ID) { shop(where: { id: $id }) { name } }', variables: '{"id":"s2"}',
      }), 200],
      ['variables by GET that are no JSON', get({ query: '{ shops { id } }', variables: 'x' }), 400],
      ['a body too large',
        send({ method: 'POST', headers: json, body: JSON.stringify({ query: 'x'.repeat(2 ** 21) }) }), 413],
    ];
    for (const [what, sent, status] of cases) {
      const answer = await sent;
      assert.equal(answer.status, status, `${what}: ${answer.text}`);
      const body = JSON.parse(answer.text);
      if (status === 200) assert.equal(body.errors, undefined, what);
      else assert.ok(body.errors[0].message && body.errors[0].extensions.code, what);
    }
    assert.equal((await server.dataOf('{ shops { id } }')).shops.length, 2);
  });

  test('of one mutation leaves the others of the request alone', async () => {
    const { data, errors } = await server.ask(`mutation {
      one: createOwner(data: { name: "One" }) { name }
      two: updateOwner(where: { name: "nobody" }, data: { name: "x" }) { name }
      three: createOwner(data: { name: "Three", shops: { create: [{ name: "Inner" }] } }) { name }
    }`);
    assert.deepEqual(data, { one: { name: 'One' }, two: null, three: { name: 'Three' } });
    assert.deepEqual(errors.map((error) => error.path), [['two']]);
  });

  test('below a mutation undoes all of it', async () => {
    const { errors } = await server.ask(`mutation {
      createOwner(data: { name: "Half", shops: { create: [{ name: "First" }, { name: "North" }] } }) { id }
    }`);
    assert.equal(errors[0].code, 3010);
    const { owner, shop } = await server.dataOf(
      '{ owner(where: { name: "Half" }) { id } shop(where: { name: "First" }) { id } }');
    assert.deepEqual([owner, shop], [null, null]);
  });

  test('never shows SQL, files or other people\'s values', async () => {
    const hostile = [
      ['mutation { createOwner(data: { name: "x\\u0000y" }) { id } }'],
      ['mutation { updateManyShops(data: { level: 2147483648 }) { count } }'],
      ['mutation One($d: Json) { updateManyShops(data: { data: $d }) { count } }', { d: 'x' }],
      ['{ shops(where: { level_in: [99999999999] }) { id } }'],
      ['{ shops(after: "\' or 1=1 --") { id } }'],
      ['{ node(id: "\\u0000") { id } }'],
      ['mutation { updateShop(where: { id: "s2" }, data: { name: "North" }) { id } }'],
    ];
    for (const [query, variables] of hostile) {
      const { status, text } = await server.post(query, variables);
      assert.equal(status, 200, text);
      assert.doesNotMatch(text, /select |insert |update "|constraint "|pg_|\.lua|\.c:|SQLSTATE|"North"|s1\b/i, query);
    }
  });

  test('about a token is 401 and says how to come in', async () => {
    for (const token of ['x', 'a.b.c', `${server.token('admin')}x`]) {
      const answer = await server.post('{ __typename }', {}, { token });
      assert.equal(answer.status, 401, answer.text);
      assert.match(answer.headers['www-authenticate'], /^Bearer/);
      assert.equal(answer.json.errors[0].extensions.code, 'UNAUTHENTICATED');
      assert.equal('data' in answer.json, false);
    }
  });
});

const STRICT = `
app "shop" { version = "1.0.0" }
model "Shop" { fields = { id = id "text" {}, name = text {} } }
access "Shop" { public = "all" }
`;

test('in strict mode, subscriptions answer NOT_IMPLEMENTED with the path', async (t) => {
  const server = await Server.start({ apps: { shop: STRICT }, args: ['--strict'] });
  t.after(() => server.down());
  const answer = await server.post('subscription { shop { mutation } }', {}, { user: null });
  assert.equal(answer.json.errors[0].extensions.code, 'NOT_IMPLEMENTED', answer.text);
  assert.deepEqual(answer.json.errors[0].path, ['shop']);
});
