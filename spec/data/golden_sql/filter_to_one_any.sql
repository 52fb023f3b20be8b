-- posts: sql
SELECT t0."id"
FROM "test"."post" AS t0
WHERE t0."reviewer" IS NOT NULL
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
