-- posts: sql
SELECT t0."id"
FROM "test"."post" AS t0
WHERE EXISTS (SELECT 1
FROM "test"."_post_tags" AS t2 JOIN "test"."tag" AS t1 ON t1."id" = t2."b"
WHERE t2."a" = t0."id"
AND EXISTS (SELECT 1
FROM "test"."tag" AS t3
WHERE t3."id" = t1."parent"
AND NOT EXISTS (SELECT 1
FROM "test"."tag" AS t4
WHERE t4."parent" = t3."id"
AND t4."name" = $1::text)))
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="name" src={lit=0} type="text"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
