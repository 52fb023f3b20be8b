-- usersConnection: sql
SELECT (SELECT count(*)
FROM (SELECT true
FROM "test"."user" AS t0 LIMIT $1::int4 OFFSET $2::int4) AS t0);
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- $2 {error=3028 min=0 name="skip" src={lit=1} type="int4"}
-- result {kind="row" of={fields=[{key="aggregate" object={fields=[{col=0 key="count" type="int8"}]}}]}}
