-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."name" IS NULL
AND t0."name" IS NOT NULL
AND t0."age" IS NULL
AND t0."age" IS NOT NULL
AND NULL::bool
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
