-- users: sql
SELECT t0."id", t0."name"
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}, {col=1 key="name" type="text"}]}}
