SELECT id FROM test."user" WHERE lower(name) = lower($1::text) ORDER BY id
