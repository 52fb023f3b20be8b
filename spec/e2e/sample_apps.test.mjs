// The apps that Lunette ships, with their data, through the public API.
// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exchange, readAnswer } from './support/raw.mjs';
import { sampleApps, Server } from './support/server.mjs';

/** Rows of a data file without quotes, as objects. */
function csv(file) {
  const [head, ...rows] = fs.readFileSync(path.join(sampleApps, file), 'utf8')
    .trim().split('\n').map((line) => line.split(','));
  return rows.map((row) => Object.fromEntries(head.map((name, i) => [name, row[i]])));
}

const lines = csv('sales/data/order_line.csv');
const orders = csv('sales/data/order.csv');

describe('the sample apps', () => {
  let server;
  before(async () => { server = await Server.start(); });
  after(() => server.down());

  test('have all countries and all order lines', async () => {
    const data = await server.dataOf(`{
      countriesConnection { aggregate { count } }
      currenciesConnection { aggregate { count } }
      ordersConnection { aggregate { count } }
      orderLinesConnection { aggregate { count } }
      countries { code }
    }`);
    assert.equal(data.countriesConnection.aggregate.count, 249);
    assert.equal(data.currenciesConnection.aggregate.count,
      csv('base/data/currency.csv').length);
    assert.equal(data.ordersConnection.aggregate.count, orders.length);
    assert.equal(data.orderLinesConnection.aggregate.count, 10441);
    assert.equal(new Set(data.countries.map((one) => one.code)).size, 249);
  });

  test('answer one query over six models', async () => {
    const { order } = await server.dataOf(`query One($number: String) {
      order(where: { number: $number }) {
        number state ordered delivered
        owner { login }
        partner { code country { code name partners(first: 1) { code } } currency { code } }
        lines(orderBy: position_ASC) { position qty price discount subtotal product { sku } }
        tags { name }
      }
    }`, { number: 'SO00001' });
    const [row] = orders;
    const own = lines.filter((line) => line['order.number'] === 'SO00001');
    assert.equal(order.state, row.state);
    assert.equal(order.ordered, row.ordered);
    assert.equal(order.delivered, row.delivered);
    assert.deepEqual(order.owner, { login: row['owner.login'] });
    assert.equal(order.partner.code, row['partner.code']);
    const partner = csv('base/data/partner.csv')
      .find((one) => one.code === order.partner.code);
    assert.equal(order.partner.country.code, partner['country.code']);
    assert.equal(order.partner.currency.code, partner['currency.code']);
    assert.equal(order.partner.country.partners.length, 1);
    assert.deepEqual(order.lines.map((line) => line.product.sku),
      own.map((line) => line['product.sku']));
    assert.deepEqual(order.lines.map((line) => line.qty), own.map((line) => Number(line.qty)));
    assert.deepEqual(order.tags, []);
  });

  test('compute the subtotal of each line to the cent', async () => {
    const { orderLines } = await server.dataOf(
      '{ orderLines { qty price discount subtotal } }');
    assert.equal(orderLines.length, lines.length);
    const wrong = orderLines.filter(({ qty, price, discount, subtotal }) => {
      const cents = BigInt(qty) * BigInt(price.replace('.', '')) * BigInt(100 - discount);
      const rounded = (cents + 50n) / 100n;
      const text = rounded.toString().padStart(3, '0');
      return `${text.slice(0, -2)}.${text.slice(-2)}` !== subtotal;
    });
    assert.deepEqual(wrong, []);
  });

  test('page through a list and back', async () => {
    const all = (await server.dataOf('{ countries(orderBy: code_ASC) { id code } }')).countries;
    const seen = [];
    for (let after = null; ;) {
      const { page } = await server.dataOf(`query Page($after: String) {
        page: countriesConnection(orderBy: code_ASC, first: 40, after: $after) {
          edges { cursor node { code } }
          pageInfo { hasNextPage endCursor }
        }
      }`, { after });
      seen.push(...page.edges.map((edge) => edge.node.code));
      if (!page.pageInfo.hasNextPage) break;
      after = page.pageInfo.endCursor;
    }
    assert.deepEqual(seen, all.map((one) => one.code));
    const { countries } = await server.dataOf(`query Back($before: String) {
      countries(orderBy: code_ASC, last: 3, before: $before) { code }
    }`, { before: all[10].id });
    assert.deepEqual(countries.map((one) => one.code),
      all.slice(7, 10).map((one) => one.code));
    const { skipped } = await server.dataOf(
      '{ skipped: countries(orderBy: code_DESC, skip: 2, first: 2) { code } }');
    assert.deepEqual(skipped.map((one) => one.code),
      all.map((one) => one.code).reverse().slice(2, 4));
  });

  test('filter by fields, by relations and by both', async () => {
    const { sent, german, big } = await server.dataOf(`query Filtered($where: OrderWhereInput) {
      sent: ordersConnection(where: $where) { aggregate { count } }
      german: partners(where: { country: { code: "DE" }, kind: CUSTOMER }) { code }
      big: orders(where: { lines_some: { qty_gte: 20 }, state_in: [DRAFT, CANCELLED] }) { number }
    }`, { where: { OR: [{ state: 'SENT' }, { number_starts_with: 'SO0000' }] } });
    assert.equal(sent.aggregate.count, orders.filter((one) =>
      one.state === 'SENT' || one.number.startsWith('SO0000')).length);
    assert.deepEqual(german.map((one) => one.code).sort(),
      csv('base/data/partner.csv').filter((one) =>
        one['country.code'] === 'DE' && one.kind === 'CUSTOMER').map((one) => one.code).sort());
    const many = new Set(lines.filter((line) => Number(line.qty) >= 20)
      .map((line) => line['order.number']));
    assert.deepEqual(big.map((one) => one.number).sort(), orders.filter((one) =>
      ['DRAFT', 'CANCELLED'].includes(one.state) && many.has(one.number))
      .map((one) => one.number).sort());
  });

  test('find any record by its global id', async () => {
    const { country } = await server.dataOf('{ country(where: { code: "IS" }) { id } }');
    const { node } = await server.dataOf(`query Any($id: ID!) {
      node(id: $id) { id __typename ... on Country { name } }
    }`, { id: country.id });
    assert.deepEqual(node, { id: country.id, __typename: 'Country', name: 'Iceland' });
  });

  test('keep an order with its lines in one mutation', async () => {
    const { order } = await server.dataOf(`mutation Sell($data: OrderCreateInput!) {
      order: createOrder(data: $data) {
        state owner { login } partner { code } lines { position subtotal product { sku } }
        tags { name }
      }
    }`, {
      data: {
        number: 'SO99999', ordered: '2026-01-31',
        partner: { connect: { code: 'P00001' } },
        lines: {
          create: [
            { position: 1, qty: 3, price: '10.05', discount: 10,
              product: { connect: { sku: 'A0001' } } },
            { position: 2, qty: 1, price: '0.01', product: { connect: { sku: 'A0002' } } },
          ],
        },
        tags: { connect: [{ name: 'urgent' }], create: [{ name: 'from a spec' }] },
      },
    }, { user: 'bob' });
    assert.equal(order.state, 'DRAFT');
    assert.deepEqual(order.owner, { login: 'bob' });
    assert.deepEqual(order.lines, [
      { position: 1, subtotal: '27.14', product: { sku: 'A0001' } },
      { position: 2, subtotal: '0.01', product: { sku: 'A0002' } },
    ]);
    assert.deepEqual(order.tags.map((tag) => tag.name).sort(), ['from a spec', 'urgent']);
  });

  test('delete the lines with their order', async () => {
    const number = { number: 'SO00002' };
    const count = `query Lines($number: String) {
      orderLinesConnection(where: { order: { number: $number } }) { aggregate { count } }
    }`;
    const before = await server.dataOf(count, number);
    assert.ok(before.orderLinesConnection.aggregate.count > 0);
    const { deleteOrder } = await server.dataOf(
      'mutation { deleteOrder(where: { number: "SO00002" }) { number lines { position } } }');
    assert.equal(deleteOrder.number, 'SO00002');
    assert.equal(deleteOrder.lines.length, before.orderLinesConnection.aggregate.count);
    const after = await server.dataOf(count, number);
    assert.equal(after.orderLinesConnection.aggregate.count, 0);
  });

  test('name the releases on every answer', async () => {
    const { releases } = server.status();
    const expected = releases.map((one) => one.release).join(',');
    assert.match(expected, /^base@1\.0\.0\+[0-9a-f]{8},library@.*,sales@1\.0\.0\+[0-9a-f]{8}$/);
    const answers = {
      'a query': await server.post('{ countries { code } }'),
      'a syntax error': await server.post('{'),
      'a wrong token': await server.post('{ __typename }', {}, { token: 'no.such.token' }),
      'an unknown path': await server.request('/nothing/here'),
      'an unknown media type': await server.request('/graphql', { method: 'POST', body: 'x' }),
      'a page': await server.request('/graphiql'),
      'the keys': await server.request('/.well-known/jwks.json'),
      'what is no HTTP': readAnswer(await exchange(server.url, 'nonsense\r\n\r\n')),
      'a header too long': readAnswer(await exchange(server.url,
        `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'y'.repeat(20000)}\r\n\r\n`)),
    };
    assert.deepEqual(Object.values(answers).map((one) => one.status),
      [200, 200, 401, 404, 415, 200, 200, 400, 431]);
    for (const [name, { headers }] of Object.entries(answers)) {
      assert.equal(headers['lunette-release'], expected, name);
    }
  });
});
