-- users: sql
SELECT t0."name", ARRAY(SELECT ROW(t1."title")
FROM (SELECT t1."title", t1."id"
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
ORDER BY t1."id" DESC NULLS FIRST LIMIT 25) AS t1
ORDER BY t1."id" ASC NULLS LAST)
FROM (SELECT t0."name", t0."id"
FROM "test"."user" AS t0
ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT 25) AS t0
ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="name" type="text"}, {col=1 key="posts" records={fields=[{col=0 key="title" type="text"}]}}]}}
-- value_vars ["#first"]
