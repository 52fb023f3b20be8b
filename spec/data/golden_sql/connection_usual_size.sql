-- usersConnection: sql
SELECT t0."id", t0."name"
FROM "test"."user" AS t0
WHERE t0."age" >= $1::int4
ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT 25::int8 + 1;
-- $1 {name="age" src={path=["age_gte"] var="where"} type="int4"}
-- result {kind="page" of={fields=[{key="pageInfo" object={fields=[{key="hasNextPage" limit=25}, {json="false" key="hasPreviousPage"}, {json="\"PageInfo\"" key="__typename"}]}}, {key="edges" limit=25 rows={fields=[{col=0 key="cursor" type="text"}, {key="node" object={fields=[{col=0 key="id" type="text"}, {col=1 key="name" type="text"}]}}]}}]}}
-- value_vars ["order"]
