-- orderLinesConnection: sql
WITH c0 AS MATERIALIZED (SELECT t1."quantity" AS k1, t1."id" AS k2
FROM "shop"."order_line" AS t1
WHERE t1."id" = $1::uuid), page AS MATERIALIZED (SELECT t0."quantity", t0."product", t0."id", row_number() OVER (ORDER BY t0."quantity" DESC NULLS FIRST, t0."id" ASC NULLS LAST) AS "#"
FROM (SELECT t0."quantity", t0."product", t0."id"
FROM (SELECT DISTINCT ON (t0."product") t0."quantity", t0."product", t0."id"
FROM "shop"."order_line" AS t0
ORDER BY t0."product", t0."quantity" DESC NULLS FIRST, t0."id" ASC NULLS LAST) AS t0
WHERE (t0."quantity" <= (SELECT k1 FROM c0)
AND (t0."quantity" < (SELECT k1 FROM c0) OR t0."id" > (SELECT k2 FROM c0)))
ORDER BY t0."quantity" DESC NULLS FIRST, t0."id" ASC NULLS LAST LIMIT $2::int4::int8 + 1) AS t0) SELECT ARRAY(SELECT ROW(t0."quantity", t2."name", t2."id")
FROM page AS t0
LEFT JOIN LATERAL (SELECT t2."name", t2."id"
FROM "shop"."product" AS t2
WHERE t2."id" = t0."product" LIMIT 1) AS t2 ON true
WHERE t0."#" <= $2::int4
ORDER BY t0."#" ASC), (SELECT count(*)
FROM page AS t3
WHERE t3."#" <= $2::int4), (SELECT count(*) > $2::int4
FROM page);
-- $1 {invalid="null" name="id" src={lit=1} type="uuid"}
-- $2 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{col=0 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="quantity" type="int4"}, {key="product" object={fields=[{col=1 key="name" type="text"}]} present=2}]}}]}}, {key="aggregate" object={fields=[{col=1 key="count" type="int8"}]}}, {key="pageInfo" object={fields=[{col=2 key="hasNextPage" type="bool"}]}}]}}
