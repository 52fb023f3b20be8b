// Who may do what: roles of the sample apps, tokens, and requests without one.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { lunette, Server, temporaryFolder, until } from './support/server.mjs';

const READ_ORDERS = '{ orders(first: 1) { number } }';
const READ_COUNTRIES = '{ countries(first: 1) { code } }';
const NEW_TAG = 'mutation New($name: String!) { createTag(data: { name: $name }) { name } }';
const DELETE_TAG = 'mutation Old($name: String) { deleteTag(where: { name: $name }) { name } }';
const RENAME_COUNTRY = 'mutation { updateCountry(where: { code: "IS" }, data: { name: "Iceland" }) { code } }';
const RENAME_PARTNER = 'mutation { updateManyPartners(where: { code: "P00001" }, data: { zip: "1" }) { count } }';
const DELETE_ORDERS = 'mutation { deleteManyOrders(where: { number: "none" }) { count } }';
const CHANGE_USERS = 'mutation { updateManyUsers(where: { login: "none" }, data: { name: "x" }) { count } }';

describe('a caller', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(() => server.down());

  const may = async (query, options, variables) => {
    const { data, errors } = await server.ask(query, variables, options);
    assert.equal(errors, undefined, `${JSON.stringify(options)} ${query}`);
    return data;
  };
  const mayNot = async (query, options, variables) => {
    const answer = await server.post(query, variables, options);
    assert.equal(answer.json.errors?.[0].extensions.code, 'FORBIDDEN',
      `${JSON.stringify(options)} ${query}: ${answer.text}`);
    assert.equal(answer.status, 403);
    assert.equal(answer.json.errors[0].path.length, 1);
  };

  test('without a token may do nothing', async () => {
    for (const query of [READ_ORDERS, READ_COUNTRIES, RENAME_COUNTRY, CHANGE_USERS]) {
      await mayNot(query, { user: null });
    }
    await mayNot(NEW_TAG, { user: null }, { name: 'mine' });
    await may('{ __typename __schema { queryType { name } } }', { user: null });
  });

  test('who is an employee reads what all share and writes partners', async () => {
    const carol = { user: 'carol' };
    await may(READ_COUNTRIES, carol);
    await may(RENAME_PARTNER, carol);
    for (const query of [READ_ORDERS, RENAME_COUNTRY, DELETE_ORDERS, CHANGE_USERS]) {
      await mayNot(query, carol);
    }
    await mayNot(NEW_TAG, carol, { name: 'carol' });
  });

  test('who is a seller writes orders and deletes none', async () => {
    const bob = { user: 'bob' };
    await may(READ_ORDERS, bob);
    await may(READ_COUNTRIES, bob);
    await may(NEW_TAG, bob, { name: 'bob' });
    await mayNot(DELETE_TAG, bob, { name: 'bob' });
    await mayNot(DELETE_ORDERS, bob);
    await mayNot(RENAME_COUNTRY, bob);
    await mayNot(CHANGE_USERS, bob);
  });

  test('who is a manager has what the role implies', async () => {
    const alice = { user: 'alice' };
    await may(READ_ORDERS, alice);
    await may(NEW_TAG, alice, { name: 'alice' });
    await may(DELETE_TAG, alice, { name: 'alice' });
    await may(DELETE_ORDERS, alice);
    await may(RENAME_COUNTRY, alice);
    await mayNot(CHANGE_USERS, alice);
  });

  test('who is admin may do everything', async () => {
    await may(CHANGE_USERS, { user: 'admin' });
    await may(DELETE_ORDERS, { user: 'admin' });
  });

  test('does not get by a relation what is forbidden directly', async () => {
    const { data, errors } = await server.ask(
      '{ loans(first: 1) { book { title } } books(first: 1) { title } }', {}, { user: 'carol' });
    assert.equal(data, null);
    assert.deepEqual(errors.map((error) => error.extensions.code), ['FORBIDDEN', 'FORBIDDEN']);
    // Tags are the seller's; a partner is the employee's: no order through it.
    for (const query of [
      '{ partners(first: 1) { name country { partners(first: 1) { user { login } } } } }',
    ]) await may(query, { user: 'carol' });
    await mayNot('mutation { updateTag(where: { name: "urgent" }, data: { name: "x" }) { name } }',
      { user: 'bob' });
    // Nested writes count as writes of what they touch.
    await mayNot(`mutation { updatePartner(where: { code: "P00001" },
      data: { country: { create: { code: "ZZ", name: "Nowhere" } } }) { code } }`, { user: 'carol' });
  });

  test('gets the other fields of a request when one is forbidden', async () => {
    const answer = await server.post(
      '{ order(where: { number: "SO00001" }) { number } country(where: { code: "IS" }) { name } }',
      {}, { user: 'carol' });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json.data, { order: null, country: { name: 'Iceland' } });
    assert.deepEqual(answer.json.errors.map((error) => error.path), [['order']]);
  });

  test('can narrow a token to fewer roles, not widen it', async () => {
    const employee = { token: server.token('alice', ['base.employee']) };
    await may(READ_COUNTRIES, employee);
    await mayNot(READ_ORDERS, employee);
    await mayNot(DELETE_ORDERS, employee);
    const wider = { token: server.token('carol', ['sales.manager']) };
    await mayNot(READ_ORDERS, wider);
    const admin = { token: server.token('admin', ['sales.seller']) };
    await may(READ_ORDERS, admin);
    await mayNot(DELETE_ORDERS, admin);
  });

  test('loses a role soon after the directory takes it', async () => {
    await server.dataOf(`mutation { createUser(data: {
      login: "dave", name: "Dave", roles: { set: ["sales.seller"] }
    }) { id } }`);
    const dave = { user: 'dave' };
    await may(READ_ORDERS, dave);
    await server.dataOf(`mutation {
      updateUser(where: { login: "dave" }, data: { roles: { set: ["base.employee"] } }) { id }
    }`);
    await until('the role to be gone', async () =>
      (await server.ask(READ_ORDERS, {}, dave)).errors?.[0].extensions.code === 'FORBIDDEN');
    await may(READ_COUNTRIES, dave);
    await server.dataOf(
      'mutation { updateUser(where: { login: "dave" }, data: { active: false }) { id } }');
    await until('the user to be gone', async () =>
      (await server.post(READ_COUNTRIES, {}, dave)).status === 401);
  });

  test('is known to the record as its owner', async () => {
    const { loan } = await may(`mutation {
      loan: createLoan(data: {
        book: { connect: { isbn: "978-0061054884" } }, taken: "2026-01-02"
      }) { borrower { login } book { title authors { name } } }
    }`, { user: 'bob' });
    assert.deepEqual(loan, {
      borrower: { login: 'bob' },
      book: { title: 'The Dispossessed', authors: [] },
    });
  });
});

describe('--anonymous-role', () => {
  test('gives its role to requests without a token, and says so loudly', async (t) => {
    const server = await Server.start({ args: ['--anonymous-role', 'base.employee'] });
    t.after(() => server.down());
    assert.match(server.output, /WARNING: requests without a token have the role 'base\.employee'/);
    const { data, errors } = await server.ask(READ_COUNTRIES, {}, { user: null });
    assert.equal(errors, undefined);
    assert.equal(data.countries.length, 1);
    const denied = await server.post(READ_ORDERS, {}, { user: null });
    assert.equal(denied.json.errors[0].extensions.code, 'FORBIDDEN');
    // A token counts for what it says, no more.
    const { errors: more } = await server.ask(READ_ORDERS, {}, { user: 'bob' });
    assert.equal(more, undefined);
  });

  test('is refused on an address that others can reach', () => {
    const run = lunette(['up', '--data', `${temporaryFolder()}/data`, '--host', '0.0.0.0',
      '--port', '0', '--anonymous-role', 'admin']);
    assert.notEqual(run.code, 0);
    assert.match(run.stderr, /anonymous.role/);
    assert.match(run.stderr, /loopback/);
  });

  test('must be a role that exists', () => {
    const run = lunette(['up', '--data', `${temporaryFolder()}/data`, '--port', '0',
      '--anonymous-role', 'sales.seler'], { cwd: process.env.LUNETTE_ROOT });
    assert.notEqual(run.code, 0);
    assert.match(run.stdout + run.stderr, /there is no role 'sales\.seler'.*did you mean 'sales\.seller'/s);
  });
});
