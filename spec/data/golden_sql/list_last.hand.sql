SELECT name FROM (
    SELECT id, name FROM test."user" ORDER BY name DESC, id DESC LIMIT $1::int
) AS last ORDER BY name, id
