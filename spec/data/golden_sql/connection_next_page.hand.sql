SELECT json_agg(json_build_array(x.id, x.name, (
        SELECT json_agg(p.title ORDER BY p.id) FROM test.post AS p
        WHERE p.author = x.id)) ORDER BY x.name, x.id),
    count(*) > $2::int
FROM (SELECT id, name FROM test."user" WHERE age >= $1::int
    ORDER BY name, id LIMIT $2::int + 1) AS x
