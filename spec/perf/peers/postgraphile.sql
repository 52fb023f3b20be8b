-- What somebody adds to the tables so that PostGraphile can do the workloads:
-- functions for ranges, and one that creates an order with its lines.
create schema if not exists perf_api;

create or replace function perf_api.orders_from(placed_from timestamptz, wanted text)
returns setof erp."order" language sql stable as $$
  select * from erp."order" where placed >= placed_from and state = wanted
    order by placed, id
$$;

create or replace function perf_api.customers_from(code_from text)
returns setof erp.customer language sql stable as $$
  select * from erp.customer where code >= code_from order by code, id
$$;

create or replace function perf_api.place_order(data json)
returns erp."order" language sql volatile as $$
  with o as (
    insert into erp."order"
      (id, number, state, customer, placed, amount, created_at, updated_at)
    values (gen_random_uuid(), data->>'number', data->>'state',
      (data->>'customer')::uuid, (data->>'placed')::timestamptz,
      (data->>'amount')::numeric, now(), now())
    returning *
  ), l as (
    insert into erp.order_line (id, "order", position, product, qty, price)
    select gen_random_uuid(), o.id, v.position, v.product, v.qty, v.price
    from o, json_to_recordset(data->'lines')
      as v (position integer, product uuid, qty integer, price numeric)
  )
  select * from o
$$;
