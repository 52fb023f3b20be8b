-- users: sql
SELECT t0."id"
FROM (SELECT DISTINCT ON (t0."role") t0."id", t0."role", t0."age"
FROM "test"."user" AS t0
WHERE lower(t0."name" COLLATE "und-x-icu") COLLATE "default" = ANY(ARRAY(SELECT lower(v COLLATE "und-x-icu") COLLATE "default" FROM unnest($1::text[]) AS v))
AND t0."nicknames" @> ARRAY[$2::text]
ORDER BY t0."role", t0."role" DESC NULLS FIRST, t0."age" ASC NULLS LAST, t0."id" ASC NULLS LAST) AS t0
ORDER BY t0."role" DESC NULLS FIRST, t0."age" ASC NULLS LAST, t0."id" ASC NULLS LAST LIMIT $3::int4;
-- $1 {list=true name="name" src={path=["name_in"] var="w"} type="text"}
-- $2 {name="nicknames" src={path=["nicknames_contains"] var="w"} type="text"}
-- $3 {error=3026 min=0 name="first" src={var="n"} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
-- value_vars ["o", "d", "#n"]
