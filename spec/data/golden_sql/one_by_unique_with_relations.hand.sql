SELECT u.name, (
    SELECT json_agg(json_build_array(p.title, (
        SELECT json_agg(t.name ORDER BY t.id)
        FROM test._post_tags AS j JOIN test.tag AS t ON t.id = j.b
        WHERE j.a = p.id
    )) ORDER BY p.title, p.id)
    FROM test.post AS p WHERE p.author = u.id)
FROM test."user" AS u WHERE u.email = $1::text
