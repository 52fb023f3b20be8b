-- users: sql
SELECT t0."id", t0."email"
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}, {col=1 key="email" type="text"}]}}
-- value_vars ["yes", "no"]
