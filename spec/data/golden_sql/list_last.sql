-- users: sql
SELECT t0."name"
FROM (SELECT t0."name", t0."id"
FROM "test"."user" AS t0
ORDER BY t0."name" DESC NULLS FIRST, t0."id" DESC NULLS FIRST LIMIT $1::int4) AS t0
ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST;
-- $1 {error=3027 min=0 name="last" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="name" type="text"}]}}
