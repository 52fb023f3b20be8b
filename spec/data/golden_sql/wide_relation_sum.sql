-- saleOrders: sql
SELECT t0."number", (SELECT ROW((SELECT sum(t1."total")
FROM "shop"."order_line" AS t1
WHERE t1."sale_order" = t0."id"
AND t1."quantity" > $2::int4)))
FROM (SELECT t0."number", t0."id"
FROM "shop"."sale_order" AS t0
ORDER BY t0."id" ASC NULLS LAST LIMIT $1::int4) AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- $2 {name="quantity" src={lit=1} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="number" type="int8"}, {col=1 key="orderLinesConnection" record={fields=[{key="aggregate" object={fields=[{key="sum" object={fields=[{col=0 key="total" type="numeric"}]}}]}}]}}]}}
