-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE EXISTS (SELECT 1
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
AND t1."title" = $1::text)
AND t0."id" = ANY($2::text[])
AND t0."name" IS NULL
ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT $3::int4;
-- $1 {name="title" src={path=["posts_some", "title"] var="where"} type="text"}
-- $2 {list=true name="id" src={path=["AND", 0, "id_in"] var="where"} type="id"}
-- $3 {error=3026 min=0 name="first" src={var="first"} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
-- value_vars ["#first", "order"]
