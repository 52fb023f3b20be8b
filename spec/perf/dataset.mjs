// The rows that are measured on: made once by generate_series in the private
// PostgreSQL of a host, then kept in build/perf-data.
// SPDX-License-Identifier: Apache-2.0
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

import { Host, root } from './support/host.mjs';

export const apps = path.join(root, 'spec/perf/app');

const key = (table, n) => `('01900000-0000-7000-800${table}-' || (100000000000 + ${n}))::uuid`;

/** A number that depends on n and looks like chance, from 0 to m - 1. */
const mixed = (n, m) => `(abs(hashint4((${n})::integer)::bigint) % ${m})`;

/** The statements that fill the tables. Ids and times grow together, as they
 * do in a table that people fill over the years. */
const fill = (size) => `
begin;
truncate erp.order_line, erp."order", erp.product, erp.customer;
insert into erp.customer
    (id, code, name, email, city, credit, active, since, created_at, updated_at)
  select ${key(1, 'n')}, 'C' || (1000000 + n),
    'Customer ' || ${mixed('n', 1000000)} || ' of the ' || n || 'th street',
    'customer' || n || '@example.com', 'City ' || (1001 + n % ${size.cities}),
    ${mixed('n + 7', 100000)} + 0.5, n % 20 <> 0, date '2010-01-01' + n % 5000,
    now(), now()
  from generate_series(1, ${size.customers}) n;
insert into erp.product (id, sku, name, price, active)
  select ${key(2, 'n')}, 'P' || (1000000 + n), 'Product ' || n, n % 500 + 0.99, true
  from generate_series(1, ${size.products}) n;
insert into erp."order"
    (id, number, state, customer, placed, amount, note, created_at, updated_at)
  select ${key(3, 'n')}, 'N' || (1000000 + n),
    (array['CONFIRMED', 'DRAFT', 'CONFIRMED', 'SENT', 'CONFIRMED'])[n % 5 + 1],
    ${key(1, `1 + ${mixed('n + 3', size.customers)}`)},
    timestamptz '2024-01-01T00:00:00Z'
      + n * interval '${Math.floor((700 * 24 * 60) / size.orders)} minutes',
    ${mixed('n + 5', 10000)} + 0.25, case when n % 4 = 0 then 'Deliver to gate ' || n end,
    now(), now()
  from generate_series(1, ${size.orders}) n;
insert into erp.order_line (id, "order", position, product, qty, price)
  select ${key(4, 'n')}, ${key(3, `(n - 1) / ${size.lines / size.orders} + 1`)},
    (n - 1) % ${size.lines / size.orders} + 1,
    ${key(2, `1 + ${mixed('n + 11', size.products)}`)}, n % 9 + 1,
    ${mixed('n + 13', 500)} + 0.25
  from generate_series(1, ${size.lines}) n;
commit;`;

const cleaning = `
delete from erp.order_line where "order" in
  (select id from erp."order" where number >= 'W' or number like 'L%');
delete from erp."order" where number >= 'W' or number like 'L%';`;

/** Removes what the writes of an earlier run have left. */
export function clean(host) {
  host.sql(`${cleaning}
create schema if not exists perf;
drop sequence if exists perf.ids;
create sequence perf.ids start 100000000000 cache 100;`);
  host.sql('vacuum analyze');
  host.sql('checkpoint');
}

/** A running host with the data set; asks for `say` to tell what takes long. */
export async function open({ quick, port, size, say }) {
  const folder = path.join(root, 'build/perf-data', quick ? 'quick' : 'full');
  const mark = path.join(folder, 'made');
  const text = fs.readFileSync(path.join(apps, 'erp/app.lua'), 'utf8') + fill(size);
  const hash = crypto.createHash('sha256').update(text).digest('hex');
  const made = fs.existsSync(mark) ? fs.readFileSync(mark, 'utf8') : null;
  if (made !== hash) {
    await Host.stop(folder);
    fs.rmSync(folder, { recursive: true, force: true });
  }
  const host = await Host.start({ folder, apps, port });
  if (made !== hash) {
    say(`making ${size.lines} order lines and what they belong to`);
    host.sql(fill(size));
    host.sql('vacuum (full, analyze)');
    fs.writeFileSync(mark, hash);
  }
  clean(host);
  return host;
}
