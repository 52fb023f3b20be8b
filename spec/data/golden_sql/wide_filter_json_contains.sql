-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."meta" @> $1::jsonb
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="meta" src={lit=0} type="jsonb"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
