-- saleOrders: sql
SELECT t0."number", (WITH page AS MATERIALIZED (SELECT t1."total", t1."id", t1."product", t1."unit_price", row_number() OVER (ORDER BY t1."unit_price" DESC NULLS FIRST, t1."id" ASC NULLS LAST) AS "#"
FROM (SELECT t1."total", t1."id", t1."product", t1."unit_price"
FROM "shop"."order_line" AS t1
WHERE t1."sale_order" = t0."id"
ORDER BY t1."unit_price" DESC NULLS FIRST, t1."id" ASC NULLS LAST LIMIT $2::int4::int8 + 1) AS t1) SELECT ROW((SELECT ROW(count(*), sum(t2."total"))
FROM page AS t2
WHERE t2."#" <= $2::int4), (SELECT count(*) > $2::int4
FROM page), (SELECT t3."id"
FROM page AS t3
WHERE t3."#" <= $2::int4
ORDER BY t3."#" DESC LIMIT 1), ARRAY(SELECT ROW(t1."id", t1."total", t4."name", t4."id")
FROM page AS t1
LEFT JOIN LATERAL (SELECT t4."name", t4."id"
FROM "shop"."product" AS t4
WHERE t4."id" = t1."product" LIMIT 1) AS t4 ON true
WHERE t1."#" <= $2::int4
ORDER BY t1."#" ASC)))
FROM (SELECT t0."number", t0."id"
FROM "shop"."sale_order" AS t0
ORDER BY t0."id" ASC NULLS LAST LIMIT $1::int4) AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- $2 {error=3026 min=0 name="first" src={lit=1} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="number" type="int8"}, {col=1 key="orderLinesConnection" record={fields=[{col=0 key="aggregate" record={fields=[{col=0 key="count" type="int8"}, {key="sum" object={fields=[{col=1 key="total" type="numeric"}]}}]}}, {key="pageInfo" object={fields=[{col=1 key="hasNextPage" type="bool"}, {col=2 key="endCursor" type="uuid"}]}}, {col=3 key="edges" records={fields=[{col=0 key="cursor" type="uuid"}, {key="node" object={fields=[{col=1 key="total" type="numeric"}, {key="product" object={fields=[{col=2 key="name" type="text"}]} present=3}]}}]}}]}}]}}
