-- usersConnection: sql
WITH c0 AS MATERIALIZED (SELECT t1."name" AS k1, t1."id" AS k2
FROM "test"."user" AS t1
WHERE t1."id" = $1::text), page AS MATERIALIZED (SELECT t0."id", t0."name", row_number() OVER (ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST) AS "#"
FROM (SELECT t0."id", t0."name"
FROM "test"."user" AS t0
WHERE EXISTS (SELECT 1 FROM c0)
AND ((t0."name" > (SELECT k1 FROM c0) OR (t0."name" IS NULL
AND (SELECT k1 FROM c0) IS NOT NULL)) OR (t0."name" IS NOT DISTINCT
FROM (SELECT k1 FROM c0)
AND t0."id" > (SELECT k2 FROM c0)))
ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT $2::int4::int8 + 1) AS t0) SELECT (SELECT count(*) > $2::int4
FROM page), (SELECT t2."id"
FROM page AS t2
WHERE t2."#" <= $2::int4
ORDER BY t2."#" ASC LIMIT 1), (SELECT t3."id"
FROM page AS t3
WHERE t3."#" <= $2::int4
ORDER BY t3."#" DESC LIMIT 1), ARRAY(SELECT ROW(t0."name", ARRAY(SELECT ROW(t4."title")
FROM "test"."post" AS t4
WHERE t4."author" = t0."id"
ORDER BY t4."id" ASC NULLS LAST))
FROM page AS t0
WHERE t0."#" <= $2::int4
ORDER BY t0."#" ASC), (SELECT count(*)
FROM page AS t5
WHERE t5."#" <= $2::int4);
-- $1 {name="id" src={lit=1} type="id"}
-- $2 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{key="pageInfo" object={fields=[{col=0 key="hasNextPage" type="bool"}, {json="false" key="hasPreviousPage"}, {col=1 key="startCursor" type="text"}, {col=2 key="endCursor" type="text"}]}}, {col=3 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="name" type="text"}, {col=1 key="posts" records={fields=[{col=0 key="title" type="text"}]}}]}}]}}, {key="aggregate" object={fields=[{col=4 key="count" type="int8"}]}}]}}
