-- usersConnection: sql
WITH page AS MATERIALIZED (SELECT t0."id", t0."name", row_number() OVER (ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST) AS "#"
FROM (SELECT t0."id", t0."name"
FROM "test"."user" AS t0
WHERE (SELECT t1."id"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) IS NOT NULL
AND ((t0."name" > (SELECT t1."name"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) OR (t0."name" IS NULL
AND (SELECT t1."name"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text) IS NOT NULL)) OR (t0."name" IS NOT DISTINCT
FROM (SELECT t1."name"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text)
AND t0."id" > (SELECT t1."id"
FROM "test"."user" AS t1
WHERE t1."id" = $1::text)))
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
