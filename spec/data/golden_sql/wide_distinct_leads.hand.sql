SELECT x.id, a.id, a.name FROM (
    SELECT DISTINCT ON (author) id, author, views FROM test.post
    ORDER BY author, views DESC, id LIMIT $1::int) AS x
JOIN test."user" AS a ON a.id = x.author ORDER BY x.author, x.views DESC, x.id
