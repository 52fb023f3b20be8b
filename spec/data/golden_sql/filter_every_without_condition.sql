-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE true
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
