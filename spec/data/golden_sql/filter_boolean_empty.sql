-- a: sql
SELECT t0."id"
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
-- b: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE false
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
-- c: sql
SELECT t0."id"
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
-- d: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE (true OR (t0."age" = $1::int4))
ORDER BY t0."id" ASC NULLS LAST;
-- $1 {name="age" src={lit=0} type="int4"}
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
-- e: sql
SELECT t0."id"
FROM "test"."user" AS t0
WHERE false
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
-- f: sql
SELECT t0."id"
FROM "test"."user" AS t0
ORDER BY t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="id" type="text"}]}}
