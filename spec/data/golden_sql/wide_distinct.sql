-- users: sql
SELECT t0."role", t0."active", t0."createdAt"
FROM (SELECT DISTINCT ON (t0."role", t0."active") t0."role", t0."active", t0."createdAt", t0."id"
FROM "test"."user" AS t0
ORDER BY t0."role", t0."active", t0."createdAt" DESC NULLS FIRST, t0."id" ASC NULLS LAST) AS t0
ORDER BY t0."createdAt" DESC NULLS FIRST, t0."id" ASC NULLS LAST;
-- result {kind="rows" of={fields=[{col=0 key="role" type="text"}, {col=1 key="active" type="bool"}, {col=2 key="createdAt" type="timestamptz"}]}}
