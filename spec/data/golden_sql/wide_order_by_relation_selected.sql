-- posts: sql
SELECT t0."id", t2."name", t2."id", ARRAY(SELECT ROW(t3."name")
FROM "test"."_post_tags" AS t4 JOIN "test"."tag" AS t3 ON t3."id" = t4."b"
WHERE t4."a" = t0."id"
ORDER BY t3."id" ASC NULLS LAST)
FROM (SELECT t0."id", t0."author", t1."name" AS "#1"
FROM "test"."post" AS t0 LEFT JOIN "test"."user" AS t1 ON t1."id" = t0."author"
ORDER BY t1."name" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT $1::int4) AS t0
LEFT JOIN LATERAL (SELECT t2."name", t2."id"
FROM "test"."user" AS t2
WHERE t2."id" = t0."author" LIMIT 1) AS t2 ON true
ORDER BY t0."#1" ASC NULLS LAST, t0."id" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}, {key="author" object={fields=[{col=1 key="name" type="text"}]} present=2}, {col=3 key="tags" records={fields=[{col=0 key="name" type="text"}]}}]}}
