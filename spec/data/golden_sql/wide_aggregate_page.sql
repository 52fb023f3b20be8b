-- orderLinesConnection: sql
WITH page AS MATERIALIZED (SELECT t0."unit_price", t0."total", t0."id", row_number() OVER (ORDER BY t0."unit_price" DESC NULLS FIRST, t0."id" ASC NULLS LAST) AS "#"
FROM (SELECT t0."unit_price", t0."total", t0."id"
FROM "shop"."order_line" AS t0
ORDER BY t0."unit_price" DESC NULLS FIRST, t0."id" ASC NULLS LAST LIMIT $1::int4::int8 + 1) AS t0) SELECT ARRAY(SELECT ROW(t0."unit_price")
FROM page AS t0
WHERE t0."#" <= $1::int4
ORDER BY t0."#" ASC), (SELECT ROW(count(*), sum(t1."total"))
FROM page AS t1
WHERE t1."#" <= $1::int4);
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{col=0 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="unitPrice" type="numeric"}]}}]}}, {col=1 key="aggregate" record={fields=[{col=0 key="count" type="int8"}, {key="sum" object={fields=[{col=1 key="total" type="numeric"}]}}]}}]}}
