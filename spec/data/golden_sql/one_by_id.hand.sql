SELECT id, email FROM test."user" WHERE id = $1::text
