-- posts: sql
SELECT t0."id", t1."id", t1."name"
FROM (SELECT t0."id", t0."author", t0."views"
FROM (SELECT DISTINCT ON (t0."author") t0."id", t0."author", t0."views"
FROM "test"."post" AS t0
ORDER BY t0."author", t0."author" ASC NULLS LAST, t0."views" DESC NULLS FIRST, t0."id" ASC NULLS LAST) AS t0
ORDER BY t0."author" ASC NULLS LAST, t0."views" DESC NULLS FIRST, t0."id" ASC NULLS LAST LIMIT $1::int4) AS t0
LEFT JOIN LATERAL (SELECT t1."id", t1."name"
FROM "test"."user" AS t1
WHERE t1."id" = t0."author" LIMIT 1) AS t1 ON true
ORDER BY t0."author" ASC NULLS LAST, t0."views" DESC NULLS FIRST, t0."id" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}, {key="author" object={fields=[{col=1 key="id" type="text"}, {col=2 key="name" type="text"}]} present=1}]}}
