-- posts: sql
WITH c0 AS MATERIALIZED (SELECT t1."views" AS k1, t1."id" AS k2
FROM "test"."post" AS t1
WHERE t1."id" = $1::text), c1 AS MATERIALIZED (SELECT t2."views" AS k1, t2."id" AS k2
FROM "test"."post" AS t2
WHERE t2."id" = $2::text) SELECT t0."id"
FROM "test"."post" AS t0
WHERE (t0."views" >= (SELECT k1 FROM c0)
AND (t0."views" > (SELECT k1 FROM c0) OR t0."id" > (SELECT k2 FROM c0)))
AND (t0."views" <= (SELECT k1 FROM c1)
AND (t0."views" < (SELECT k1 FROM c1) OR t0."id" < (SELECT k2 FROM c1)))
ORDER BY t0."views" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT $3::int4;
-- $1 {name="id" src={lit=0} type="id"}
-- $2 {name="id" src={lit=1} type="id"}
-- $3 {error=3026 min=0 name="first" src={lit=2} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
