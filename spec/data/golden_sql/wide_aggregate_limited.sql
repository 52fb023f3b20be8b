-- orderLinesConnection: sql
SELECT (SELECT ROW(count(*), sum(t0."total"))
FROM (SELECT t0."total"
FROM "shop"."order_line" AS t0
ORDER BY t0."unit_price" DESC NULLS FIRST, t0."id" ASC NULLS LAST LIMIT $1::int4) AS t0);
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{col=0 key="aggregate" record={fields=[{col=0 key="count" type="int8"}, {key="sum" object={fields=[{col=1 key="total" type="numeric"}]}}]}}]}}
