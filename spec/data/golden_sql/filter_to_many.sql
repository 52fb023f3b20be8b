-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE EXISTS (SELECT 1
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
AND t1."title" = $1::text
AND t1."views" > $2::int4)
AND NOT EXISTS (SELECT 1
FROM "test"."post" AS t2
WHERE t2."author" = t0."id"
AND (t2."views" = $3::int4) IS NOT TRUE)
AND NOT EXISTS (SELECT 1
FROM "test"."post" AS t3
WHERE t3."author" = t0."id")
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="title" src={lit=0} type="text"}
-- $2 {name="views" src={lit=1} type="int4"}
-- $3 {name="views" src={lit=2} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
