-- users: sql
SELECT t0."id", t0."name", ARRAY(SELECT ROW(t1."id", t1."title", ARRAY(SELECT ROW(t2."id", t2."name")
FROM "test"."_post_tags" AS t3 JOIN "test"."tag" AS t2 ON t2."id" = t3."b"
WHERE t3."a" = t1."id"
ORDER BY t2."id" ASC NULLS LAST), t0."name")
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
ORDER BY t1."id" ASC NULLS LAST)
FROM (SELECT t0."id", t0."name"
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST LIMIT $1::int4) AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}, {col=1 key="name" type="text"}, {col=2 key="posts" records={fields=[{col=0 key="id" type="text"}, {col=1 key="title" type="text"}, {col=2 key="tags" records={fields=[{col=0 key="id" type="text"}, {col=1 key="name" type="text"}]}}, {key="author" object={fields=[{col=3 key="name" type="text"}]}}]}}]}}
