-- usersConnection: sql
WITH unused AS (SELECT $1::text, $2::int4) SELECT true;
-- $1 {name="id" src={lit=1} type="id"}
-- $2 {error=3026 min=0 name="first" src={lit=0} type="int4"}
-- result {kind="row" of={fields=[{json="\"UserConnection\"" key="__typename"}]}}
