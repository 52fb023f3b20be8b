-- users: sql
SELECT t0."id", t0."name", t0."age"
FROM "test"."user" AS t0
WHERE strpos(t0."name", $1::text) > 0
AND t0."age" >= $2::int4
ORDER BY t0."name" DESC NULLS FIRST, t0."id" ASC NULLS LAST LIMIT $3::int4 OFFSET $4::int4;
-- $1 {name="name" src={lit=0} type="text"}
-- $2 {name="age" src={lit=1} type="int4"}
-- $3 {error=3026 min=0 name="first" src={lit=2} type="int4"}
-- $4 {error=3028 min=0 name="skip" src={lit=3} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}, {col=1 key="name" type="text"}, {col=2 key="age" type="int4"}]}}
