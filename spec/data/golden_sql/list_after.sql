-- users: sql
WITH c0 AS MATERIALIZED (SELECT t1."id" AS k1
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."id" > (SELECT k1 FROM c0)
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="id" src={lit=0} type="id"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
