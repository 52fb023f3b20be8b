SELECT p.id, p.name, (SELECT json_agg(t.name ORDER BY t.id)
    FROM test._post_tags AS j JOIN test.tag AS t ON t.id = j.b
    WHERE j.a = p.id)
FROM (SELECT p.id, a.name
    FROM test.post AS p JOIN test."user" AS a ON a.id = p.author
    ORDER BY a.name, p.id LIMIT $1::int) AS p
ORDER BY p.name, p.id
