-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."id" = ANY($1::text[])
AND t0."id" IS DISTINCT FROM $2::text
AND t0."name" <> $3::text
AND t0."name" <> ALL($4::text[])
AND t0."name" < $5::text
AND t0."age" <= $6::int4
AND t0."score" > $7::float8
AND t0."active" = $8::bool
AND t0."role" = ANY($9::text[])
AND t0."createdAt" < $10::timestamptz
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {list=true name="id" src={list=[{lit=0}, {lit=1}]} type="id"}
-- $2 {name="id" src={lit=2} type="id"}
-- $3 {name="name" src={lit=3} type="text"}
-- $4 {list=true name="name" src={list=[{lit=4}]} type="text"}
-- $5 {name="name" src={lit=5} type="text"}
-- $6 {name="age" src={lit=6} type="int4"}
-- $7 {name="score" src={lit=7} type="float8"}
-- $8 {name="active" src={const="true"} type="bool"}
-- $9 {enum="Role" list=true name="role" src={list=[{const="ADMIN"}, {const="EDITOR"}]} type="enum" values=["ADMIN", "EDITOR", "READER"]}
-- $10 {name="createdAt" src={lit=8} type="timestamptz"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
