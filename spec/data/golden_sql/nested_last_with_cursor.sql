-- users: sql
WITH c0 AS MATERIALIZED (SELECT t2."id" AS k1
FROM "test"."post" AS t2
WHERE t2."id" = $2::text) SELECT ARRAY(SELECT ROW(t1."id")
FROM (SELECT t1."id"
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
AND t1."views" > $1::int4
AND t1."id" < (SELECT k1 FROM c0)
ORDER BY t1."id" DESC NULLS FIRST LIMIT $3::int4 OFFSET $4::int4) AS t1
ORDER BY t1."id" ASC NULLS LAST)
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="views" src={lit=3} type="int4"}
-- $2 {name="id" src={lit=1} type="id"}
-- $3 {error=3027 min=0 name="last" src={lit=0} type="int4"}
-- $4 {error=3028 min=0 name="skip" src={lit=2} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="posts" records={fields=[{col=0 key="id" type="text"}]}}]}}
