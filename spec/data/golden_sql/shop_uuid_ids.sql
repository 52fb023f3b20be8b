-- partners: sql
WITH c0 AS MATERIALIZED (SELECT t1."id" AS k1
FROM "shop"."partner" AS t1
WHERE t1."id" = $5::uuid) SELECT t0."id", t0."vat_number"
FROM "shop"."partner" AS t0
WHERE (t0."id" = ANY($1::uuid[])) IS NOT TRUE
AND t0."id" IS DISTINCT FROM $2::uuid
AND starts_with(t0."id"::text, $3::text)
AND t0."id" > $4::uuid
AND t0."id" > (SELECT k1 FROM c0)
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {invalid="null" list=true name="id" src={list=[{lit=0}]} type="uuid"}
-- $2 {invalid="null" name="id" src={lit=1} type="uuid"}
-- $3 {name="id" src={lit=2} type="id"}
-- $4 {invalid="null" name="id" src={lit=3} type="uuid"}
-- $5 {invalid="null" name="id" src={lit=4} type="uuid"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="uuid"}, {col=1 key="vatNumber" type="text"}]}}
