SELECT id, age, name FROM test."user" ORDER BY age DESC, name, id LIMIT $1::int
