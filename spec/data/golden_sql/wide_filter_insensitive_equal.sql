-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE lower(t0."name" COLLATE "und-x-icu") COLLATE "default" = lower($1::text COLLATE "und-x-icu") COLLATE "default"
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="name" src={lit=0} type="text"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
