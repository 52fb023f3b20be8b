-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE (SELECT t1."id"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) IS NOT NULL
AND ((t0."name" > (SELECT t1."name"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) OR (t0."name" IS NULL
AND (SELECT t1."name"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) IS NOT NULL)) OR (t0."name" IS NOT DISTINCT
FROM (SELECT t1."name"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text)
AND t0."id" < (SELECT t1."id"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text)))
ORDER BY t0."name" DESC NULLS FIRST, t0."id" ASC NULLS LAST;
-- $1 {name="id" src={lit=0} type="id"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
