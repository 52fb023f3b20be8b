SELECT id FROM test."user"
WHERE id > (SELECT id FROM test."user" WHERE id = $1::text) ORDER BY id
