SELECT id FROM test."user" WHERE meta @> $1::jsonb ORDER BY id
