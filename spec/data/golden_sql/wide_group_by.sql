-- saleOrdersGroupBy: sql
SELECT t0."state", count(*), max(t0."placed_on")
FROM "shop"."sale_order" AS t0 GROUP BY t0."state"
ORDER BY t0."state" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{key="key" object={fields=[{col=0 key="state" type="text"}]}}, {key="aggregate" object={fields=[{col=1 key="count" type="int8"}, {key="max" object={fields=[{col=2 key="placedOn" type="date"}]}}]}}]}}
