-- posts: sql
SELECT t0."id"
FROM "test"."post" AS t0
WHERE (t0."views" >= (SELECT t1."views"
FROM "test"."post" AS t1
WHERE t1."id" = $1::text)
AND (t0."views" > (SELECT t1."views"
FROM "test"."post" AS t1
WHERE t1."id" = $1::text) OR t0."id" > (SELECT t1."id"
FROM "test"."post" AS t1
WHERE t1."id" = $1::text)))
AND (t0."views" <= (SELECT t2."views"
FROM "test"."post" AS t2
WHERE t2."id" = $2::text)
AND (t0."views" < (SELECT t2."views"
FROM "test"."post" AS t2
WHERE t2."id" = $2::text) OR t0."id" < (SELECT t2."id"
FROM "test"."post" AS t2
WHERE t2."id" = $2::text)))
ORDER BY t0."views" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT $3::int4;
-- $1 {name="id" src={lit=0} type="id"}
-- $2 {name="id" src={lit=1} type="id"}
-- $3 {error=3026 min=0 name="first" src={lit=2} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
