-- saleOrder: sql, nullable
SELECT t0."number", t0."state", t1."name", t2."code", t2."id", t1."id", ARRAY(SELECT ROW(t3."quantity", t3."unit_price", t3."total", t4."name", t4."tags", t4."id")
FROM "shop"."order_line" AS t3
LEFT JOIN LATERAL (SELECT t4."name", t4."tags", t4."id"
FROM "shop"."product" AS t4
WHERE t4."id" = t3."product" LIMIT 1) AS t4 ON true
WHERE t3."sale_order" = t0."id"
ORDER BY t3."id" ASC NULLS LAST)
FROM "shop"."sale_order" AS t0
LEFT JOIN LATERAL (SELECT t1."name", t1."id"
FROM "shop"."partner" AS t1
WHERE t1."id" = t0."partner" LIMIT 1) AS t1 ON true
LEFT JOIN LATERAL (SELECT t2."code", t2."id"
FROM "shop"."loyalty_card" AS t2
WHERE t2."holder" = t1."id" LIMIT 1) AS t2 ON true
WHERE t0."number" = $1::int8;
-- $1 {name="number" src={lit=0} type="int8"}
-- result {kind="row" of={fields=[{col=0 key="number" type="int8"}, {col=1 key="state" type="text"}, {key="partner" object={fields=[{col=2 key="name" type="text"}, {key="card" object={fields=[{col=3 key="code" type="text"}]} present=4}]} present=5}, {col=6 key="orderLines" records={fields=[{col=0 key="quantity" type="int4"}, {col=1 key="unitPrice" type="numeric"}, {col=2 key="total" type="numeric"}, {key="product" object={fields=[{col=3 key="name" type="text"}, {col=4 key="tags" list=true type="text"}]} present=5}]}}]}}
