-- usersConnection: sql
SELECT (SELECT count(*)
FROM "test"."user" AS t0
WHERE t0."age" = $1::int4);
-- $1 {name="age" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{key="aggregate" object={fields=[{col=0 key="count" type="int8"}]}}]}}
