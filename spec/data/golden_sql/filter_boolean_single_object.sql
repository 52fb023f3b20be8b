-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE NOT (t0."age" = $1::int4)
AND ((t0."age" = $2::int4))
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="age" src={lit=0} type="int4"}
-- $2 {name="age" src={lit=1} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
