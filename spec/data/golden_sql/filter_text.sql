-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE strpos(t0."name", $1::text) > 0
AND NOT (strpos(t0."name", $2::text) > 0)
AND starts_with(t0."name", $3::text)
AND NOT (starts_with(t0."name", $4::text))
AND right(t0."name", length($5::text)) = $5::text
AND NOT (right(t0."name", length($6::text)) = $6::text)
AND strpos(t0."id", $7::text) > 0
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="name" src={lit=0} type="text"}
-- $2 {name="name" src={lit=1} type="text"}
-- $3 {name="name" src={lit=2} type="text"}
-- $4 {name="name" src={lit=3} type="text"}
-- $5 {name="name" src={lit=4} type="text"}
-- $6 {name="name" src={lit=5} type="text"}
-- $7 {name="id" src={lit=6} type="id"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
