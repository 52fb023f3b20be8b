-- usersConnection: sql
WITH c0 AS MATERIALIZED (SELECT t1."id" AS k1
FROM "test"."user" AS t1
WHERE t1."id" = $1::text), page AS MATERIALIZED (SELECT t0."id", row_number() OVER (ORDER BY t0."id" ASC NULLS LAST) AS "#"
FROM (SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."id" > (SELECT k1 FROM c0)
ORDER BY t0."id" ASC NULLS LAST LIMIT $2::int4::int8 + 1) AS t0) SELECT (SELECT count(*) > $2::int4
FROM page), EXISTS (SELECT 1 FROM c0), (SELECT t2."id"
FROM page AS t2
WHERE t2."#" <= $2::int4
ORDER BY t2."#" DESC LIMIT 1), ARRAY(SELECT ROW(t0."id")
FROM page AS t0
WHERE t0."#" <= $2::int4
ORDER BY t0."#" ASC);
-- $1 {name="id" src={lit=1} type="id"}
-- $2 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{key="pageInfo" object={fields=[{col=0 key="hasNextPage" type="bool"}, {col=1 key="hasPreviousPage" type="bool"}, {col=2 key="endCursor" type="text"}]}}, {col=3 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="id" type="text"}]}}]}}]}}
