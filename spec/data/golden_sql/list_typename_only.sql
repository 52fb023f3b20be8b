-- users: sql
SELECT true
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{json="\"User\"" key="__typename"}]}}
