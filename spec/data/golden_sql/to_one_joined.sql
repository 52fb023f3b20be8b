-- posts: sql
SELECT t0."title", t1."name", t1."email", t1."id"
FROM "test"."post" AS t0
LEFT JOIN LATERAL (SELECT t1."name", t1."email", t1."id"
FROM "test"."user" AS t1
WHERE t1."id" = t0."author" LIMIT 1) AS t1 ON true
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="title" type="text"}, {key="author" object={fields=[{col=1 key="name" type="text"}, {col=2 key="email" type="text"}]} present=3}]}}
