-- users: sql
SELECT t0."name", ARRAY(SELECT ROW(t1."id", t1."title")
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
ORDER BY t1."id" ASC NULLS LAST), ARRAY(SELECT ROW(t2."id")
FROM "test"."post" AS t2
WHERE t2."author" = t0."id"
ORDER BY t2."id" ASC NULLS LAST LIMIT $1::int4)
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="a" type="text"}, {col=0 key="b" type="text"}, {col=0 key="name" type="text"}, {col=1 key="posts" records={fields=[{col=0 key="id" type="text"}, {col=1 key="title" type="text"}]}}, {col=2 key="posts2" records={fields=[{col=0 key="id" type="text"}]}}]}}
