-- usersConnection: sql
SELECT cardinality(page.rows) > $2::int4, page.rows[1:$2::int4]
FROM (SELECT ARRAY(SELECT ROW(t0."id", t0."name", ARRAY(SELECT ROW(t1."title")
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
ORDER BY t1."id" ASC NULLS LAST))
FROM (SELECT t0."id", t0."name"
FROM "test"."user" AS t0
WHERE t0."age" >= $1::int4
ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT $2::int4::int8 + 1) AS t0
ORDER BY t0."name" ASC NULLS LAST, t0."id" ASC NULLS LAST) AS rows OFFSET 0) AS page;
-- $1 {name="age" src={path=["age_gte"] var="where"} type="int4"}
-- $2 {error=3026 min=0 name="first" src={var="first"} type="int4"}
-- result {kind="row" of={fields=[{key="pageInfo" object={fields=[{col=0 key="hasNextPage" type="bool"}, {json="false" key="hasPreviousPage"}]}}, {col=1 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="id" type="text"}, {col=1 key="name" type="text"}, {col=2 key="posts" records={fields=[{col=0 key="title" type="text"}]}}]}}]}}]}}
-- value_vars ["#first"]
