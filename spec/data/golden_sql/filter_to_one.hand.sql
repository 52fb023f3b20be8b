SELECT p.id FROM test.post AS p JOIN test."user" AS a ON a.id = p.author
WHERE a.name = $1::text AND p.reviewer IS NULL ORDER BY p.id
