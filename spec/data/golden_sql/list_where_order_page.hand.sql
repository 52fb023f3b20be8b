SELECT id, name, age FROM test."user"
WHERE position($1::text in name) > 0 AND age >= $2::int
ORDER BY name DESC, id LIMIT $3::int OFFSET $4::int
