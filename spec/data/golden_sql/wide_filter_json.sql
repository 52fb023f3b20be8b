-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE t0."meta" = $1::jsonb
AND t0."meta" IS NOT NULL
AND t0."meta" @> $2::jsonb
AND t0."meta" ? $3::text
AND ((t0."meta" #> $4::text[]) IS NOT NULL) = $5::bool
AND (t0."meta" #> $4::text[]) = $6::jsonb
AND (t0."meta" #> $4::text[]) @> $7::jsonb
AND starts_with((CASE jsonb_typeof((t0."meta" #> $4::text[])) WHEN 'string' THEN (t0."meta" #> $4::text[]) #>> '{}' END), $8::text)
AND (CASE jsonb_typeof((t0."meta" #> $4::text[])) WHEN 'number' THEN ((t0."meta" #> $4::text[]))::numeric END) > $9::numeric
AND (CASE jsonb_typeof((t0."meta" #> $4::text[])) WHEN 'boolean' THEN ((t0."meta" #> $4::text[]))::bool END) = $10::bool
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="meta" src={lit=0} type="jsonb"}
-- $2 {name="meta" src={lit=1} type="jsonb"}
-- $3 {name="meta" src={lit=2} type="text"}
-- $4 {list=true name="path" src={list=[{lit=3}, {lit=4}]} type="text"}
-- $5 {name="meta" src={const="true"} type="bool"}
-- $6 {name="meta" src={lit=5} type="jsonb"}
-- $7 {name="meta" src={lit=6} type="jsonb"}
-- $8 {name="text" src={lit=7} type="text"}
-- $9 {name="number" src={lit=8} type="numeric"}
-- $10 {name="bool" src={const="true"} type="bool"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
