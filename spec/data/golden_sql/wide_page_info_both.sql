-- usersConnection: sql
WITH c0 AS MATERIALIZED (SELECT t1."createdAt" AS k1, t1."id" AS k2
FROM "test"."user" AS t1
WHERE t1."id" = $1::text), c1 AS MATERIALIZED (SELECT t2."createdAt" AS k1, t2."id" AS k2
FROM "test"."user" AS t2
WHERE t2."id" = $2::text), page AS MATERIALIZED (SELECT t0."id", t0."createdAt", row_number() OVER (ORDER BY t0."createdAt" ASC NULLS LAST, t0."id" DESC NULLS FIRST) AS "#"
FROM (SELECT t0."id", t0."createdAt"
FROM "test"."user" AS t0
WHERE (t0."createdAt" <= (SELECT k1 FROM c0)
AND (t0."createdAt" < (SELECT k1 FROM c0) OR t0."id" > (SELECT k2 FROM c0)))
AND (t0."createdAt" >= (SELECT k1 FROM c1)
AND (t0."createdAt" > (SELECT k1 FROM c1) OR t0."id" < (SELECT k2 FROM c1)))
ORDER BY t0."createdAt" ASC NULLS LAST, t0."id" DESC NULLS FIRST LIMIT $3::int4::int8 + 1) AS t0) SELECT EXISTS (SELECT 1 FROM c1), ((SELECT count(*) > $3::int4
FROM page) OR EXISTS (SELECT 1 FROM c0)), (SELECT t3."id"
FROM page AS t3
WHERE t3."#" <= $3::int4
ORDER BY t3."#" DESC LIMIT 1), (SELECT t4."id"
FROM page AS t4
WHERE t4."#" <= $3::int4
ORDER BY t4."#" ASC LIMIT 1), ARRAY(SELECT ROW(t0."id")
FROM page AS t0
WHERE t0."#" <= $3::int4
ORDER BY t0."#" DESC);
-- $1 {name="id" src={lit=1} type="id"}
-- $2 {name="id" src={lit=2} type="id"}
-- $3 {error=3027 min=0 name="last" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{key="pageInfo" object={fields=[{col=0 key="hasNextPage" type="bool"}, {col=1 key="hasPreviousPage" type="bool"}, {col=2 key="startCursor" type="text"}, {col=3 key="endCursor" type="text"}]}}, {col=4 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="id" type="text"}]}}]}}]}}
