-- users: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE strpos(lower(t0."name" COLLATE "und-x-icu") COLLATE "default", lower($1::text COLLATE "und-x-icu") COLLATE "default") > 0
AND ((lower(t0."email" COLLATE "und-x-icu") COLLATE "default" = ANY(ARRAY(SELECT lower(v COLLATE "und-x-icu") COLLATE "default" FROM unnest($2::text[]) AS v))) OR (t0."name" = $3::text) OR (EXISTS (SELECT 1
FROM "test"."post" AS t1
WHERE t1."author" = t0."id"
AND NOT (right(lower(t1."title" COLLATE "und-x-icu") COLLATE "default", length(lower($4::text COLLATE "und-x-icu") COLLATE "default")) = lower($4::text COLLATE "und-x-icu") COLLATE "default"))))
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="name" src={lit=0} type="text"}
-- $2 {list=true name="email" src={list=[{lit=1}]} type="text"}
-- $3 {name="name" src={lit=2} type="text"}
-- $4 {name="title" src={lit=3} type="text"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
