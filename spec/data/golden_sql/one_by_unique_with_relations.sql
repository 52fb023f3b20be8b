-- user: sql, nullable
SELECT t0."name", ARRAY(SELECT ROW(t1."title", ARRAY(SELECT ROW(t2."name")
FROM "test"."_post_tags" AS t3 JOIN "test"."tag" AS t2 ON t2."id" = t3."b"
WHERE t3."a" = t1."id"
ORDER BY t2."id" ASC NULLS LAST))
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
ORDER BY t1."title" ASC NULLS LAST, t1."id" ASC NULLS LAST)
FROM "test"."user" AS t0
WHERE t0."email" = $1::text;
-- $1 {name="email" src={lit=0} type="text"}
-- result {kind="row" of={fields=[{col=0 key="name" type="text"}, {col=1 key="posts" records={fields=[{col=0 key="title" type="text"}, {col=1 key="tags" records={fields=[{col=0 key="name" type="text"}]}}]}}]}}
