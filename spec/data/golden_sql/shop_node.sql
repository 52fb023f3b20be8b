-- node: sql, nullable
SELECT t0."id", t0."name", t1."code", t1."id", t2."id", t3."id", t4."id", t5."id"
FROM (SELECT 1) AS t6
LEFT JOIN LATERAL (SELECT t0."id", t0."name"
FROM "shop"."partner" AS t0
WHERE t0."id" = $1::uuid LIMIT 1) AS t0 ON true
LEFT JOIN LATERAL (SELECT t1."code", t1."id"
FROM "shop"."loyalty_card" AS t1
WHERE t1."holder" = t0."id" LIMIT 1) AS t1 ON true
LEFT JOIN LATERAL (SELECT t2."id"
FROM "shop"."loyalty_card" AS t2
WHERE t2."id" = $1::uuid LIMIT 1) AS t2 ON true
LEFT JOIN LATERAL (SELECT t3."id"
FROM "shop"."product" AS t3
WHERE t3."id" = $1::uuid LIMIT 1) AS t3 ON true
LEFT JOIN LATERAL (SELECT t4."id"
FROM "shop"."sale_order" AS t4
WHERE t4."id" = $1::uuid LIMIT 1) AS t4 ON true
LEFT JOIN LATERAL (SELECT t5."id"
FROM "shop"."order_line" AS t5
WHERE t5."id" = $1::uuid LIMIT 1) AS t5 ON true;
-- $1 {invalid="null" name="id" src={lit=0} type="uuid"}
-- result {kind="variants" of=[{fields=[{col=0 key="id" type="uuid"}, {col=1 key="name" type="text"}, {key="card" object={fields=[{col=2 key="code" type="text"}]} present=3}] present=0}, {fields=[{col=4 key="id" type="uuid"}] present=4}, {fields=[{col=5 key="id" type="uuid"}] present=5}, {fields=[{col=6 key="id" type="uuid"}] present=6}, {fields=[{col=7 key="id" type="uuid"}] present=7}]}
