-- usersConnection: sql
SELECT ARRAY(SELECT ROW(t0."id", t0."name")
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST LIMIT $1::int4);
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{col=0 key="edges" records={fields=[{col=0 key="cursor" type="text"}, {key="node" object={fields=[{col=1 key="name" type="text"}]}}]}}]}}
