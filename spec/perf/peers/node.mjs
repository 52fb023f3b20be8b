// What a careful person writes by hand in Node: no GraphQL, one prepared
// statement a request where that is possible, as many processes as Lunette has
// workers.
// SPDX-License-Identifier: Apache-2.0
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import pg from 'pg';

const pool = new pg.Pool({ host: process.env.PGHOST, database: process.env.PGDATABASE,
  user: process.env.PGUSER, max: 8 });
// Times go out as PostgreSQL writes them: a Date for each would cost more.
for (const type of [1082, 1114, 1184]) pg.types.setTypeParser(type, (text) => text);

const ask = (name, text, values) => pool.query({ name, text, values });
const customer = 'id, code, name, email, city, credit, active, since';

const actions = {
  async one({ where }) {
    const { rows } = await ask('one', `select ${customer} from erp.customer where id = $1`,
      [where.id]);
    return JSON.stringify(rows[0] ?? null);
  },
  async list({ where, first }) {
    const { rows } = await ask('list', `select id, number, state, placed, amount, note,
        created_at, updated_at
      from erp."order" where placed >= $1 and state = $2 order by placed, id limit $3`,
    [where.placed_gte, where.state, first]);
    return JSON.stringify(rows);
  },
  async three({ where, first }) {
    const { rows } = await ask('three', `select json_agg(t)::text as json from (
      select c.id, c.code, c.name, (
        select json_agg(json_build_object('id', o.id, 'number', o.number,
          'placed', o.placed, 'state', o.state, 'lines', (
            select json_agg(json_build_object('id', l.id, 'position', l.position,
              'qty', l.qty, 'price', l.price) order by l.id)
              from erp.order_line l where l."order" = o.id)) order by o.id)
          from erp."order" o where o.customer = c.id) as orders
      from erp.customer c where code >= $1 order by code, id limit $2) t`,
    [where.code_gte, first]);
    return rows[0].json;
  },
  async page({ where, first }) {
    const [count, rows] = await Promise.all([
      ask('count', 'select count(*) from erp.customer where city = $1', [where.city]),
      ask('page', `select ${customer} from erp.customer where city = $1
        order by name, id limit $2`, [where.city, first + 1]),
    ]);
    return JSON.stringify({ count: Number(count.rows[0].count),
      more: rows.rows.length > first, rows: rows.rows.slice(0, first) });
  },
  async create({ data }) {
    const lines = data.lines.create;
    const { rows } = await ask('create', `with o as (
        insert into erp."order"
          (id, number, state, customer, placed, amount, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, now(), now()) returning id, number
      ), l as (
        insert into erp.order_line (id, "order", position, product, qty, price)
        select v.id, o.id, v.position, v.product, v.qty, v.price
        from o, unnest($7::uuid[], $8::integer[], $9::uuid[], $10::integer[],
          $11::numeric[]) v (id, position, product, qty, price)
      )
      select id, number from o`,
    [randomUUID(), data.number, data.state, data.customer.connect.id, data.placed,
      data.amount, lines.map(() => randomUUID()), lines.map((line) => line.position),
      lines.map((line) => line.product.connect.id), lines.map((line) => line.qty),
      lines.map((line) => line.price)]);
    return JSON.stringify(rows[0]);
  },
  async update({ where, data }) {
    const { rows } = await ask('update', `update erp.customer set credit = $1,
        updated_at = now(), version = version + 1
      where id = $2 returning id, credit`, [data.credit, where.id]);
    return JSON.stringify(rows[0] ?? null);
  },
};

function answer(response, status, text) {
  response.writeHead(status, { 'content-type': 'application/json',
    'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function serve(request, response) {
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (part) => (text += part));
  request.on('end', async () => {
    try {
      const body = JSON.parse(text);
      if (!Object.hasOwn(actions, body.do)) return answer(response, 404, '"?"');
      return answer(response, 200, await actions[body.do](body));
    } catch (error) {
      return answer(response, 500, JSON.stringify({ errors: [error.message] }));
    }
  });
}

if (cluster.isPrimary) {
  for (let i = 0; i < Number(process.env.PROCESSES); i++) cluster.fork();
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.kill('SIGKILL');
    process.exit(0);
  });
} else {
  createServer(serve).listen(Number(process.env.PORT), '127.0.0.1');
}
