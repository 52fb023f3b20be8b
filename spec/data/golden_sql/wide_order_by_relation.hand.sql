SELECT p.id, p.title FROM test.post AS p JOIN test."user" AS a ON a.id = p.author
ORDER BY a.name, p.views DESC, p.id LIMIT $1::int
