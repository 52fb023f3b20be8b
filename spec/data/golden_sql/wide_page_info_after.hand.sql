WITH c AS MATERIALIZED (SELECT id FROM test."user" WHERE id = $1::text)
SELECT json_agg(x.id ORDER BY x.id) FILTER (WHERE n <= $2::int),
    count(*) > $2::int, max(x.id) FILTER (WHERE n <= $2::int),
    EXISTS (SELECT FROM c) OR EXISTS (SELECT FROM test."user"
        WHERE id < (SELECT id FROM c))
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM (
    SELECT id FROM test."user" WHERE id > (SELECT id FROM c)
    ORDER BY id LIMIT $2::int + 1) AS y) AS x
