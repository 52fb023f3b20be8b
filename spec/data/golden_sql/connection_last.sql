-- usersConnection: sql
WITH page AS MATERIALIZED (SELECT t0."id", t0."name", row_number() OVER (ORDER BY t0."id" DESC NULLS FIRST) AS "#"
FROM (SELECT t0."id", t0."name"
FROM "test"."user" AS t0
ORDER BY t0."id" DESC NULLS FIRST LIMIT $1::int4::int8 + 1) AS t0) SELECT (SELECT count(*) > $1::int4
FROM page), (SELECT t1."id"
FROM page AS t1
WHERE t1."#" <= $1::int4
ORDER BY t1."#" DESC LIMIT 1), (SELECT t2."id"
FROM page AS t2
WHERE t2."#" <= $1::int4
ORDER BY t2."#" ASC LIMIT 1), ARRAY(SELECT ROW(t0."id", t0."name")
FROM page AS t0
WHERE t0."#" <= $1::int4
ORDER BY t0."#" DESC);
-- $1 {error=3027 min=0 name="last" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{json="\"UserConnection\"" key="__typename"}, {key="pageInfo" object={fields=[{json="false" key="hasNextPage"}, {col=0 key="hasPreviousPage" type="bool"}, {col=1 key="startCursor" type="text"}, {col=2 key="endCursor" type="text"}, {json="\"PageInfo\"" key="__typename"}]}}, {col=3 key="edges" records={fields=[{json="\"UserEdge\"" key="__typename"}, {col=0 key="cursor" type="text"}, {key="node" object={fields=[{col=1 key="name" type="text"}]}}]}}]}}
