-- node: sql, nullable
SELECT t0."id", ARRAY(SELECT ROW(t1."id")
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
ORDER BY t1."id" ASC NULLS LAST), t2."id", t2."title", t3."name", t3."id", t4."id"
FROM (SELECT 1) AS t5
LEFT JOIN LATERAL (SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."id" = $1::text LIMIT 1) AS t0 ON true
LEFT JOIN LATERAL (SELECT t2."id", t2."title", t2."author"
FROM "test"."post" AS t2
WHERE t2."id" = $1::text LIMIT 1) AS t2 ON true
LEFT JOIN LATERAL (SELECT t3."name", t3."id"
FROM "test"."user" AS t3
WHERE t3."id" = t2."author" LIMIT 1) AS t3 ON true
LEFT JOIN LATERAL (SELECT t4."id"
FROM "test"."tag" AS t4
WHERE t4."id" = $1::text LIMIT 1) AS t4 ON true;
-- $1 {name="id" src={lit=0} type="id"}
-- result {kind="variants" of=[{fields=[{json="\"User\"" key="__typename"}, {col=0 key="id" type="text"}, {col=1 key="posts" records={fields=[{col=0 key="id" type="text"}]}}] present=0}, {fields=[{json="\"Post\"" key="__typename"}, {col=2 key="id" type="text"}, {col=3 key="title" type="text"}, {key="author" object={fields=[{col=4 key="name" type="text"}]} present=5}] present=2}, {fields=[{json="\"Tag\"" key="__typename"}, {col=6 key="id" type="text"}] present=6}]}
