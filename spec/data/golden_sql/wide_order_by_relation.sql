-- posts: sql
SELECT t0."id", t0."title"
FROM "test"."post" AS t0 LEFT JOIN "test"."user" AS t1 ON t1."id" = t0."author"
ORDER BY t1."name" ASC NULLS LAST, t0."views" DESC NULLS FIRST, t0."id" ASC NULLS LAST LIMIT $1::int4;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}, {col=1 key="title" type="text"}]}}
