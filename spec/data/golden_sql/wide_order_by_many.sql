-- users: sql
SELECT t0."id", t0."age", t0."name"
FROM "test"."user" AS t0
ORDER BY t0."age" DESC NULLS FIRST, t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT $1::int4;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}, {col=1 key="age" type="int4"}, {col=2 key="name" type="text"}]}}
