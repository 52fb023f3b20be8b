-- usersConnection: sql
SELECT ($2::int4 > 0
AND EXISTS (SELECT 1
FROM "test"."user" AS t0)), ARRAY(SELECT ROW(t0."id")
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST LIMIT $1::int4 OFFSET $2::int4);
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- $2 {error=3028 min=0 name="skip" src={lit=1} type="int4"}
-- result {kind="row" of={fields=[{key="pageInfo" object={fields=[{col=0 key="hasPreviousPage" type="bool"}]}}, {col=1 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="id" type="text"}]}}]}}]}}
