SELECT p.id FROM test.post AS p,
    (SELECT views, id FROM test.post WHERE id = $1::text) AS a,
    (SELECT views, id FROM test.post WHERE id = $2::text) AS b
WHERE (p.views, p.id) > (a.views, a.id) AND (p.views, p.id) < (b.views, b.id)
ORDER BY p.views, p.id LIMIT $3::int
