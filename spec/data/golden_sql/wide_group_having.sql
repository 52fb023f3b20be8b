-- orderLinesGroupBy: sql
SELECT t0."product", count(*), sum(t0."total")
FROM "shop"."order_line" AS t0
WHERE t0."quantity" < $1::int4 GROUP BY t0."product" HAVING sum(t0."total") > $2::numeric
AND ((count(*) >= $3::int4) OR (avg(t0."unit_price") < $4::numeric))
ORDER BY sum(t0."total") DESC NULLS FIRST, t0."product" ASC NULLS LAST LIMIT $5::int4 OFFSET $6::int4;
-- $1 {name="quantity" src={lit=0} type="int4"}
-- $2 {name="sum_total" src={lit=1} type="numeric"}
-- $3 {name="count" src={lit=2} type="int4"}
-- $4 {name="avg_unitPrice" src={lit=3} type="numeric"}
-- $5 {error=3026 min=0 name="first" src={lit=4} type="int4"}
-- $6 {error=3028 min=0 name="skip" src={lit=5} type="int4"}
-- result {kind="rows" of={fields=[{key="key" object={fields=[{key="product" object={fields=[{col=0 key="id" type="uuid"}]} present=0}]}}, {key="aggregate" object={fields=[{col=1 key="count" type="int8"}, {key="sum" object={fields=[{col=2 key="total" type="numeric"}]}}]}}]}}
