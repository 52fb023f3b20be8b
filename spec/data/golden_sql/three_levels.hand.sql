SELECT u.id, u.name, (
    SELECT json_agg(json_build_array(p.id, p.title, a.name, (
        SELECT json_agg(json_build_array(t.id, t.name) ORDER BY t.id)
        FROM test._post_tags AS j JOIN test.tag AS t ON t.id = j.b
        WHERE j.a = p.id
    )) ORDER BY p.id)
    FROM test.post AS p JOIN test."user" AS a ON a.id = p.author
    WHERE p.author = u.id)
FROM test."user" AS u ORDER BY u.id LIMIT $1::int
