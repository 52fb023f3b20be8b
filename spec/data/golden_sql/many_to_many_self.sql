-- tags: sql
SELECT t0."name", t1."name", t2."name", t2."id", t1."id", ARRAY(SELECT ROW(t3."name")
FROM "test"."tag" AS t3
WHERE t3."parent" = t0."id"
ORDER BY t3."id" ASC NULLS LAST), ARRAY(SELECT ROW(t4."title")
FROM "test"."_post_tags" AS t5 JOIN "test"."post" AS t4 ON t4."id" = t5."a"
WHERE t5."b" = t0."id"
ORDER BY t4."id" ASC NULLS LAST), ARRAY(SELECT ROW(t6."name")
FROM "test"."_tag_watchers" AS t7 JOIN "test"."user" AS t6 ON t6."id" = t7."b"
WHERE t7."a" = t0."id"
ORDER BY t6."id" ASC NULLS LAST)
FROM "test"."tag" AS t0
LEFT JOIN LATERAL (SELECT t1."name", t1."parent", t1."id"
FROM "test"."tag" AS t1
WHERE t1."id" = t0."parent" LIMIT 1) AS t1 ON true
LEFT JOIN LATERAL (SELECT t2."name", t2."id"
FROM "test"."tag" AS t2
WHERE t2."id" = t1."parent" LIMIT 1) AS t2 ON true
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="name" type="text"}, {key="parent" object={fields=[{col=1 key="name" type="text"}, {key="parent" object={fields=[{col=2 key="name" type="text"}]} present=3}]} present=4}, {col=5 key="children" records={fields=[{col=0 key="name" type="text"}]}}, {col=6 key="posts" records={fields=[{col=0 key="title" type="text"}]}}, {col=7 key="watchers" records={fields=[{col=0 key="name" type="text"}]}}]}}
