-- users: sql
WITH c0 AS MATERIALIZED (SELECT t1."name" AS k1, t1."id" AS k2
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) SELECT t0."id"
FROM "test"."user" AS t0
WHERE EXISTS (SELECT 1 FROM c0)
AND ((t0."name" > (SELECT k1 FROM c0) OR (t0."name" IS NULL
AND (SELECT k1 FROM c0) IS NOT NULL)) OR (t0."name" IS NOT DISTINCT
FROM (SELECT k1 FROM c0)
AND t0."id" < (SELECT k2 FROM c0)))
ORDER BY t0."name" DESC NULLS FIRST, t0."id" ASC NULLS LAST;
-- $1 {name="id" src={lit=0} type="id"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
