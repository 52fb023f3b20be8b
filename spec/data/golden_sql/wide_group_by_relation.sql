-- saleOrdersGroupBy: sql
SELECT t1."name", t2."code", t2."id", t1."id", t0."#0"
FROM (SELECT t0."partner", count(*) AS "#0"
FROM "shop"."sale_order" AS t0 GROUP BY t0."partner"
ORDER BY count(*) DESC NULLS FIRST, t0."partner" ASC NULLS LAST LIMIT $1::int4) AS t0
LEFT JOIN LATERAL (SELECT t1."name", t1."id"
FROM "shop"."partner" AS t1
WHERE t1."id" = t0."partner" LIMIT 1) AS t1 ON true
LEFT JOIN LATERAL (SELECT t2."code", t2."id"
FROM "shop"."loyalty_card" AS t2
WHERE t2."holder" = t1."id" LIMIT 1) AS t2 ON true
ORDER BY t0."#0" DESC NULLS FIRST, t0."partner" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{key="key" object={fields=[{key="partner" object={fields=[{col=0 key="name" type="text"}, {key="card" object={fields=[{col=1 key="code" type="text"}]} present=2}]} present=3}]}}, {key="aggregate" object={fields=[{col=4 key="count" type="int8"}]}}]}}
