-- posts: sql
SELECT t0."id"
FROM "test"."post" AS t0
WHERE EXISTS (SELECT 1
FROM "test"."user" AS t1
WHERE t1."id" = t0."author"
AND t1."name" = $1::text)
AND t0."reviewer" IS NULL
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="name" src={lit=0} type="text"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
