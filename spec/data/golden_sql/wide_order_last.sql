-- posts: sql
WITH c0 AS MATERIALIZED (SELECT t3."name" AS k1, t2."publishedAt" AS k2, t2."id" AS k3
FROM "test"."post" AS t2 LEFT JOIN "test"."user" AS t3 ON t3."id" = t2."author"
WHERE t2."id" = $1::text) SELECT t0."id"
FROM (SELECT t0."id", t0."publishedAt", t1."name" AS "#1"
FROM "test"."post" AS t0 LEFT JOIN "test"."user" AS t1 ON t1."id" = t0."author"
WHERE EXISTS (SELECT 1 FROM c0)
AND ((t1."name" < (SELECT k1 FROM c0) OR ((SELECT k1 FROM c0) IS NULL
AND t1."name" IS NOT NULL)) OR (t1."name" IS NOT DISTINCT
FROM (SELECT k1 FROM c0)
AND ((t0."publishedAt" > (SELECT k2 FROM c0) OR (t0."publishedAt" IS NULL
AND (SELECT k2 FROM c0) IS NOT NULL)) OR (t0."publishedAt" IS NOT DISTINCT
FROM (SELECT k2 FROM c0)
AND t0."id" < (SELECT k3 FROM c0)))))
ORDER BY t1."name" DESC NULLS FIRST, t0."publishedAt" ASC NULLS LAST, t0."id" DESC NULLS FIRST LIMIT $2::int4) AS t0
ORDER BY t0."#1" ASC NULLS LAST, t0."publishedAt" DESC NULLS FIRST, t0."id" ASC NULLS LAST;
-- $1 {name="id" src={lit=1} type="id"}
-- $2 {error=3027 min=0 name="last" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
