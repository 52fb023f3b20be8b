-- saleOrders: sql
WITH c0 AS MATERIALIZED (SELECT t5."name" AS k1, t4."name" AS k2, t3."id" AS k3
FROM "shop"."sale_order" AS t3 LEFT JOIN "shop"."partner" AS t4 ON t4."id" = t3."partner" LEFT JOIN "shop"."partner" AS t5 ON t5."id" = t4."parent"
WHERE t3."id" = $1::uuid) SELECT t0."number"
FROM "shop"."sale_order" AS t0 LEFT JOIN "shop"."partner" AS t1 ON t1."id" = t0."partner" LEFT JOIN "shop"."partner" AS t2 ON t2."id" = t1."parent"
WHERE EXISTS (SELECT 1 FROM c0)
AND ((t2."name" > (SELECT k1 FROM c0) OR (t2."name" IS NULL
AND (SELECT k1 FROM c0) IS NOT NULL)) OR (t2."name" IS NOT DISTINCT
FROM (SELECT k1 FROM c0)
AND (t1."name" <= (SELECT k2 FROM c0)
AND (t1."name" < (SELECT k2 FROM c0) OR t0."id" > (SELECT k3 FROM c0)))))
ORDER BY t2."name" ASC NULLS LAST, t1."name" DESC NULLS FIRST, t0."id" ASC NULLS LAST LIMIT $2::int4;
-- $1 {invalid="null" name="id" src={lit=0} type="uuid"}
-- $2 {error=3026 min=0 name="first" src={lit=1} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="number" type="int8"}]}}
