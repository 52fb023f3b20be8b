-- postsConnection: sql
SELECT (SELECT count(*)
FROM "test"."post" AS t0 LEFT JOIN "test"."user" AS t1 ON t1."id" = t0."author");
-- result {kind="row" of={fields=[{key="aggregate" object={fields=[{col=0 key="count" type="int8"}]}}]}}
