-- posts: sql
SELECT t0."author", t0."reviewer"
FROM "test"."post" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{key="author" object={fields=[{col=0 key="id" type="text"}, {json="\"User\"" key="__typename"}]} present=0}, {key="reviewer" object={fields=[{col=1 key="id" type="text"}]} present=1}]}}
