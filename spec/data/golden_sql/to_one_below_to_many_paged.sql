-- users: sql
SELECT ARRAY(SELECT ROW(t1."title", t2."name", t2."id")
FROM (SELECT t1."title", t1."reviewer", t1."views", t1."id"
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
ORDER BY t1."views" DESC NULLS FIRST, t1."id" ASC NULLS LAST LIMIT $2::int4) AS t1
LEFT JOIN LATERAL (SELECT t2."name", t2."id"
FROM "test"."user" AS t2
WHERE t2."id" = t1."reviewer" LIMIT 1) AS t2 ON true
ORDER BY t1."views" DESC NULLS FIRST, t1."id" ASC NULLS LAST)
FROM (SELECT t0."id"
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST LIMIT $1::int4) AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- $2 {error=3026 min=0 name="first" src={lit=1} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="posts" records={fields=[{col=0 key="title" type="text"}, {key="reviewer" object={fields=[{col=1 key="name" type="text"}]} present=2}]}}]}}
