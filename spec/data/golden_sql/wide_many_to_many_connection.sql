-- posts: sql
SELECT t0."title", (WITH page AS MATERIALIZED (SELECT t1."name", t1."id", row_number() OVER (ORDER BY t1."id" ASC NULLS LAST) AS "#"
FROM (SELECT t1."name", t1."id"
FROM "test"."_post_tags" AS t2 JOIN "test"."tag" AS t1 ON t1."id" = t2."b"
WHERE t2."a" = t0."id"
ORDER BY t1."id" ASC NULLS LAST LIMIT $2::int4::int8 + 1) AS t1) SELECT ROW((SELECT count(*)
FROM page AS t3
WHERE t3."#" <= $2::int4), ARRAY(SELECT ROW(t1."name")
FROM page AS t1
WHERE t1."#" <= $2::int4
ORDER BY t1."#" ASC)))
FROM (SELECT t0."title", t0."id"
FROM "test"."post" AS t0
ORDER BY t0."id" ASC NULLS LAST LIMIT $1::int4) AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- $2 {error=3026 min=0 name="first" src={lit=1} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="title" type="text"}, {col=1 key="tagsConnection" record={fields=[{key="aggregate" object={fields=[{col=0 key="count" type="int8"}]}}, {col=1 key="edges" records={fields=[{key="node" object={fields=[{col=0 key="name" type="text"}]}}]}}]}}]}}
