-- user: sql, nullable
SELECT t0."id", t0."email"
FROM "test"."user" AS t0
WHERE t0."id" = $1::text;
-- $1 {name="id" src={lit=0} type="id"}
-- result {kind="row" of={fields=[{col=0 key="id" type="text"}, {col=1 key="email" type="text"}]}}
