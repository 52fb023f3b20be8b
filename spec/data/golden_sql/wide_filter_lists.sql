-- products: sql
SELECT t0."name"
FROM "shop"."product" AS t0
WHERE t0."tags" @> ARRAY[$1::text]
AND t0."tags" @> $2::text[]
AND t0."tags" && $3::text[]
AND (cardinality(t0."tags") = 0) = $4::bool
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="tags" src={lit=0} type="text"}
-- $2 {list=true name="tags" src={list=[{lit=1}, {lit=2}]} type="text"}
-- $3 {list=true name="tags" src={list=[{lit=3}]} type="text"}
-- $4 {name="tags" src={const="false"} type="bool"}
-- result {kind="rows" of={fields=[{col=0 key="name" type="text"}]}}
