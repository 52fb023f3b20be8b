SELECT id, name FROM test."user" WHERE age >= $1::int ORDER BY name, id LIMIT 26
