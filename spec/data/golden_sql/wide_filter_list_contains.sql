-- products: sql
SELECT t0."name"
FROM "shop"."product" AS t0
WHERE t0."tags" @> ARRAY[$1::text]
ORDER BY t0."id" ASC NULLS LAST LIMIT $2::int4;
-- $1 {name="tags" src={lit=0} type="text"}
-- $2 {error=3026 min=0 name="first" src={lit=1} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="name" type="text"}]}}
