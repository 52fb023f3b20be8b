-- usersConnection: sql
WITH page AS MATERIALIZED (SELECT t0."id", t0."createdAt", row_number() OVER (ORDER BY t0."createdAt" ASC NULLS LAST, t0."id" DESC NULLS FIRST) AS "#"
FROM (SELECT t0."id", t0."createdAt"
FROM "test"."user" AS t0
WHERE (t0."createdAt" <= (SELECT t1."createdAt"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text)
AND (t0."createdAt" < (SELECT t1."createdAt"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) OR t0."id" > (SELECT t1."id"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text)))
AND (t0."createdAt" >= (SELECT t2."createdAt"
FROM "test"."user" AS t2
WHERE t2."id" = $2::text)
AND (t0."createdAt" > (SELECT t2."createdAt"
FROM "test"."user" AS t2
WHERE t2."id" = $2::text) OR t0."id" < (SELECT t2."id"
FROM "test"."user" AS t2
WHERE t2."id" = $2::text)))
ORDER BY t0."createdAt" ASC NULLS LAST, t0."id" DESC NULLS FIRST LIMIT $3::int4::int8 + 1) AS t0) SELECT (EXISTS (SELECT 1
FROM "test"."user" AS t0
WHERE t0."id" = $2::text) OR EXISTS (SELECT 1
FROM "test"."user" AS t0
WHERE (t0."createdAt" <= (SELECT t3."createdAt"
FROM "test"."user" AS t3
WHERE t3."id" = $2::text)
AND (t0."createdAt" < (SELECT t3."createdAt"
FROM "test"."user" AS t3
WHERE t3."id" = $2::text) OR t0."id" > (SELECT t3."id"
FROM "test"."user" AS t3
WHERE t3."id" = $2::text))))), ((SELECT count(*) > $3::int4
FROM page) OR EXISTS (SELECT 1
FROM "test"."user" AS t0
WHERE t0."id" = $1::text) OR EXISTS (SELECT 1
FROM "test"."user" AS t0
WHERE (t0."createdAt" >= (SELECT t4."createdAt"
FROM "test"."user" AS t4
WHERE t4."id" = $1::text)
AND (t0."createdAt" > (SELECT t4."createdAt"
FROM "test"."user" AS t4
WHERE t4."id" = $1::text) OR t0."id" < (SELECT t4."id"
FROM "test"."user" AS t4
WHERE t4."id" = $1::text))))), (SELECT t5."id"
FROM page AS t5
WHERE t5."#" <= $3::int4
ORDER BY t5."#" DESC LIMIT 1), (SELECT t6."id"
FROM page AS t6
WHERE t6."#" <= $3::int4
ORDER BY t6."#" ASC LIMIT 1), ARRAY(SELECT ROW(t0."id")
FROM page AS t0
WHERE t0."#" <= $3::int4
ORDER BY t0."#" DESC);
-- $1 {name="id" src={lit=1} type="id"}
-- $2 {name="id" src={lit=2} type="id"}
-- $3 {error=3027 min=0 name="last" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{key="pageInfo" object={fields=[{col=0 key="hasNextPage" type="bool"}, {col=1 key="hasPreviousPage" type="bool"}, {col=2 key="startCursor" type="text"}, {col=3 key="endCursor" type="text"}]}}, {col=4 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="id" type="text"}]}}]}}]}}
