// The workloads: a GraphQL operation with variables, and the SQL that somebody
// who knows PostgreSQL would write for the same job by hand.
// SPDX-License-Identifier: Apache-2.0
//
// { name, title, query, variables(random, size), sql: { variant: script }, bar }
// `variables` gives those of one request; `sql` are pgbench scripts, of which
// the fastest is the limit; `bar` the least share of the limit and the most CPU
// microseconds of the host a request (limits.md of the design).

/** Rows of each table, for the whole data set or a tenth of it. */
export const sizes = (quick) => {
  const tenth = quick ? 0.1 : 1;
  return {
    customers: 100000 * tenth, products: 10000, orders: 200000 * tenth,
    lines: 1000000 * tenth, cities: 1000 * tenth,
  };
};

// Ids of the data set: the table's digit, then a number of twelve digits that
// begins with 1, so that pgbench can make one by concatenation.
const base = { customer: 1, product: 2, order: 3, line: 4 };
const first = 100000000000;
export const id = (table, n) => `01900000-0000-7000-800${base[table]}-${first + n}`;
const sqlId = (table, variable) =>
  `('01900000-0000-7000-800${base[table]}-' || :${variable})::uuid`;

/** A generator of the same numbers in each run (mulberry32). */
export function randomFrom(seed) {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) % n) + 1;
  };
}

const start = Date.parse('2024-01-01T00:00:00Z');
const minutes = (size) => Math.floor((700 * 24 * 60) / size.orders);
const placed = (n, size) => new Date(start + n * minutes(size) * 60000).toISOString();
const code = (n) => `C${1000000 + n}`;
const city = (n) => `City ${1000 + n}`;
const money = (n) => `${n}.25`;

const customer = 'id code name email city credit active since';
const one = {
  name: 'one',
  title: 'one record by its id, 8 fields',
  query: `query One($where: CustomerWhereUniqueInput!) {
    customer(where: $where) { ${customer} }
  }`,
  variables: (random, size) => ({ where: { id: id('customer', random(size.customers)) } }),
  sql: {
    rows: (size) => `\\set n random(${first + 1}, ${first + size.customers})
select id, code, name, email, city, credit, active, since
  from erp.customer where id = ${sqlId('customer', 'n')};`,
    json: (size) => `\\set n random(${first + 1}, ${first + size.customers})
select row_to_json(t) from (
  select id, code, name, email, city, credit, active, since
  from erp.customer where id = ${sqlId('customer', 'n')}) t;`,
  },
  bar: { ratio: 1.0, cpu: 12 },
};

const orderColumns = 'id, number, state, placed, amount, note, created_at, updated_at';
const listFrom = (size) => `\\set n random(1, ${size.orders - 200})
\\set m :n * ${minutes(size)}`;
const listWhere = `from erp."order"
  where placed >= timestamptz '2024-01-01T00:00:00Z' + :m * interval '1 minute'
    and state = 'CONFIRMED'
  order by placed, id limit 50`;
const list = {
  name: 'list',
  title: '50 orders of 8 fields, filtered and ordered',
  query: `query List($where: OrderWhereInput, $orderBy: OrderOrderByInput, $first: Int) {
    orders(where: $where, orderBy: $orderBy, first: $first) {
      id number state placed amount note createdAt updatedAt
    }
  }`,
  variables: (random, size) => ({
    where: { placed_gte: placed(random(size.orders - 200), size), state: 'CONFIRMED' },
    orderBy: 'placed_ASC',
    first: 50,
  }),
  sql: {
    rows: (size) => `${listFrom(size)}
select ${orderColumns} ${listWhere};`,
    json: (size) => `${listFrom(size)}
select json_agg(row_to_json(t)) from (select ${orderColumns} ${listWhere}) t;`,
  },
  bar: { ratio: 0.8, cpu: 30 },
};

const threeFrom = (size) => `\\set n random(1000001, ${1000000 + size.customers - 20})`;
const three = {
  name: 'three',
  title: '20 customers, their orders, their lines',
  query: `query Three($where: CustomerWhereInput, $orderBy: CustomerOrderByInput, $first: Int) {
    customers(where: $where, orderBy: $orderBy, first: $first) {
      id code name
      orders { id number placed state lines { id position qty price } }
    }
  }`,
  variables: (random, size) => ({
    where: { code_gte: code(random(size.customers - 20)) },
    orderBy: 'code_ASC',
    first: 20,
  }),
  sql: {
    rows: (size) => `${threeFrom(size)}
select c.id, c.code, c.name, o.id, o.number, o.placed, o.state,
    l.id, l.position, l.qty, l.price
  from (select id, code, name from erp.customer
    where code >= 'C' || :n order by code, id limit 20) c
  left join erp."order" o on o.customer = c.id
  left join erp.order_line l on l."order" = o.id
  order by c.code, c.id, o.id, l.id;`,
    arrays: (size) => `${threeFrom(size)}
select c.id, c.code, c.name, (
  select array_agg(row(o.id, o.number, o.placed, o.state, (
    select array_agg(row(l.id, l.position, l.qty, l.price) order by l.id)
      from erp.order_line l where l."order" = o.id)) order by o.id)
    from erp."order" o where o.customer = c.id)
  from erp.customer c where code >= 'C' || :n order by code, id limit 20;`,
    json: (size) => `${threeFrom(size)}
select json_agg(t) from (select c.id, c.code, c.name, (
  select json_agg(json_build_object('id', o.id, 'number', o.number, 'placed', o.placed,
    'state', o.state, 'lines', (
      select json_agg(json_build_object('id', l.id, 'position', l.position, 'qty', l.qty,
        'price', l.price) order by l.id)
        from erp.order_line l where l."order" = o.id)) order by o.id)
    from erp."order" o where o.customer = c.id) as orders
  from erp.customer c where code >= 'C' || :n order by code, id limit 20) t;`,
  },
  bar: { ratio: 0.9, cpu: 60 },
};

const pageFrom = (size) => `\\set n random(1001, ${1000 + size.cities})`;
const page = {
  name: 'page',
  title: 'the count of a filter and its first 20 rows',
  query: `query Page($where: CustomerWhereInput, $orderBy: CustomerOrderByInput, $first: Int) {
    total: customersConnection(where: $where) { aggregate { count } }
    page: customersConnection(where: $where, orderBy: $orderBy, first: $first) {
      pageInfo { hasNextPage }
      edges { node { ${customer} } }
    }
  }`,
  variables: (random, size) => ({
    where: { city: city(random(size.cities)) }, orderBy: 'name_ASC', first: 20,
  }),
  sql: {
    rows: (size) => `${pageFrom(size)}
\\startpipeline
select count(*) from erp.customer where city = 'City ' || :n;
select id, code, name, email, city, credit, active, since from erp.customer
  where city = 'City ' || :n order by name, id limit 21;
\\endpipeline`,
    joined: (size) => `${pageFrom(size)}
select (select count(*) from erp.customer where city = 'City ' || :n),
    id, code, name, email, city, credit, active, since from erp.customer
  where city = 'City ' || :n order by name, id limit 21;`,
    json: (size) => `${pageFrom(size)}
select json_build_object(
  'count', (select count(*) from erp.customer where city = 'City ' || :n),
  'rows', (select json_agg(row_to_json(t)) from (
    select id, code, name, email, city, credit, active, since from erp.customer
      where city = 'City ' || :n order by name, id limit 21) t));`,
  },
  bar: { ratio: 0.95, cpu: 20 },
};

const five = [1, 2, 3, 4, 5];
const create = {
  name: 'create',
  title: 'an order with 5 lines (no event rows on either side yet)',
  writes: 'order',
  query: `mutation Create($data: OrderCreateInput!) {
    createOrder(data: $data) { id number }
  }`,
  variables: (random, size) => ({
    data: {
      number: 'W@@@@@@@@',
      state: 'DRAFT',
      placed: placed(random(size.orders), size),
      amount: money(random(10000)),
      customer: { connect: { id: id('customer', random(size.customers)) } },
      lines: {
        create: five.map((position) => ({
          position,
          qty: random(9),
          price: money(random(500)),
          product: { connect: { id: id('product', random(size.products)) } },
        })),
      },
    },
  }),
  sql: {
    rows: (size) => `\\set c random(${first + 1}, ${first + size.customers})
${five.map((n) => `\\set p${n} random(${first + 1}, ${first + size.products})
\\set q${n} random(1, 9)`).join('\n')}
with o as (
  insert into erp."order" (id, number, state, customer, placed, amount, created_at, updated_at)
  select ('019ffff0-0000-7000-8000-' || n)::uuid, 'L' || n, 'DRAFT',
    ${sqlId('customer', 'c')}, now(), 100.25, now(), now()
  from nextval('perf.ids') n
  returning id, number
), l as (
  insert into erp.order_line (id, "order", position, product, qty, price)
  select ('019ffff0-0000-7000-8001-' || nextval('perf.ids'))::uuid, o.id, v.position,
    ('01900000-0000-7000-8002-' || v.product)::uuid, v.qty, v.price
  from o, (values ${five.map((n) =>
    `(${n}, :p${n}::bigint, :q${n}::integer, 12.25::numeric)`).join(', ')})
    v (position, product, qty, price)
)
select id, number from o;`,
  },
  bar: { ratio: 1.0, cpu: 40 },
};

const update = {
  name: 'update',
  title: 'one row by its id (no event row on either side yet)',
  writes: 'customer',
  query: `mutation Update($where: CustomerWhereUniqueInput!, $data: CustomerUpdateInput!) {
    updateCustomer(where: $where, data: $data) { id credit }
  }`,
  variables: (random, size) => ({
    where: { id: id('customer', random(size.customers)) },
    data: { credit: money(random(100000)) },
  }),
  sql: {
    rows: (size) => `\\set n random(${first + 1}, ${first + size.customers})
\\set v random(1, 100000)
update erp.customer set credit = :v + 0.25, updated_at = now(), version = version + 1
  where id = ${sqlId('customer', 'n')} returning id, credit;`,
  },
  bar: { ratio: 1.0, cpu: 15 },
};

/** Reads and writes as an ERP has them; parts of a hundred. */
export const shares = [
  [one, 40], [list, 20], [three, 8], [page, 12], [update, 14], [create, 6],
];
const mix = { name: 'mix', title: '80 % reads, 20 % writes of the above', shares };

export const workloads = [one, list, three, page, create, update, mix];
