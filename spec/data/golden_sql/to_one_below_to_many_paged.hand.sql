SELECT (SELECT json_agg(json_build_array(x.title, r.name)
            ORDER BY x.views DESC, x.id)
    FROM (SELECT id, title, views, reviewer FROM test.post
        WHERE author = u.id ORDER BY views DESC, id LIMIT $2::int) AS x
    LEFT JOIN test."user" AS r ON r.id = x.reviewer)
FROM (SELECT id FROM test."user" ORDER BY id LIMIT $1::int) AS u ORDER BY u.id
