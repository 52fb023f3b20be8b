-- orderLinesConnection: sql
SELECT (SELECT ROW(count(*), sum(t0."quantity"), sum(t0."total"), avg(t0."unit_price"), avg(t0."quantity")::float8, min(t0."unit_price"), max(t0."unit_price"))
FROM "shop"."order_line" AS t0
WHERE t0."quantity" > $1::int4);
-- $1 {name="quantity" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{col=0 key="aggregate" record={fields=[{col=0 key="count" type="int8"}, {key="sum" object={fields=[{col=1 key="quantity" type="int8"}, {col=2 key="total" type="numeric"}]}}, {key="avg" object={fields=[{col=3 key="unitPrice" type="numeric"}, {col=4 key="quantity" type="float8"}]}}, {key="min" object={fields=[{col=5 key="unitPrice" type="numeric"}]}}, {key="max" object={fields=[{col=6 key="unitPrice" type="numeric"}]}}]}}]}}
