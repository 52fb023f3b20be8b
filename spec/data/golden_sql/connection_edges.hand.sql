SELECT json_agg(json_build_array(x.id, x.name) ORDER BY x.id)
FROM (SELECT id, name FROM test."user" ORDER BY id LIMIT $1::int) AS x
