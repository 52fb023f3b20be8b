SELECT count(*) FROM test."user" WHERE age = $1::int
