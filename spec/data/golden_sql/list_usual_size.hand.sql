SELECT u.name, (SELECT array_agg(ROW(p.title) ORDER BY p.id) FROM (
        SELECT id, title FROM test.post WHERE author = u.id
        ORDER BY id DESC LIMIT 25) AS p)
FROM (SELECT id, name FROM test."user" ORDER BY name, id LIMIT 25) AS u
ORDER BY u.name, u.id
