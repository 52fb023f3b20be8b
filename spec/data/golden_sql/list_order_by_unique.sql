-- users: sql
SELECT t0."email"
FROM "test"."user" AS t0
ORDER BY t0."email" ASC NULLS LAST LIMIT $1::int4;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="email" type="text"}]}}
