-- usersConnection: sql
WITH c0 AS MATERIALIZED (SELECT t1."id" AS k1
FROM "test"."user" AS t1
WHERE t1."id" = $1::text), unused AS (SELECT $2::int4) SELECT true;
-- $1 {name="id" src={lit=1} type="id"}
-- $2 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{json="\"UserConnection\"" key="__typename"}]}}
