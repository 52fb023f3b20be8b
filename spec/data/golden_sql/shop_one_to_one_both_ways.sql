-- partners: sql
SELECT t2."code", t2."holder", t2."id"
FROM "shop"."partner" AS t0
LEFT JOIN LATERAL (SELECT t2."code", t2."holder", t2."id"
FROM "shop"."loyalty_card" AS t2
WHERE t2."holder" = t0."id" LIMIT 1) AS t2 ON true
WHERE EXISTS (SELECT 1
FROM "shop"."loyalty_card" AS t1
WHERE t1."holder" = t0."id"
AND t1."code" = $1::text)
AND t0."parent" IS NULL
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="code" src={lit=0} type="text"}
-- result {kind="rows" of={fields=[{key="card" object={fields=[{col=0 key="code" type="text"}, {key="holder" object={fields=[{col=1 key="id" type="uuid"}]} present=1}]} present=2}]}}
-- loyaltyCards: sql
SELECT t0."code"
FROM "shop"."loyalty_card" AS t0
WHERE EXISTS (SELECT 1
FROM "shop"."partner" AS t1
WHERE t1."id" = t0."holder"
AND NOT EXISTS (SELECT 1
FROM "shop"."loyalty_card" AS t2
WHERE t2."holder" = t1."id"))
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="code" type="text"}]}}
