-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."name" = ANY($1::text[])
AND t0."age" <> ALL($2::int4[])
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {list=true name="name" src={list={}} type="text"}
-- $2 {list=true name="age" src={list={}} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
