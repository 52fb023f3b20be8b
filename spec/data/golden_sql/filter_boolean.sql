-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."age" = $1::int4
AND ((t0."name" = $2::text) OR (t0."name" = $3::text))
AND NOT (t0."role" = $4::text)
AND NOT (t0."active" = $5::bool)
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="age" src={lit=0} type="int4"}
-- $2 {name="name" src={lit=1} type="text"}
-- $3 {name="name" src={lit=2} type="text"}
-- $4 {enum="Role" name="role" src={const="ADMIN"} type="enum" values=["ADMIN", "EDITOR", "READER"]}
-- $5 {name="active" src={const="false"} type="bool"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
