SELECT o.number, l.count, l.sum, l.more, l.edges
FROM (SELECT id, number FROM shop.sale_order ORDER BY id LIMIT $1::int) AS o
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE n <= $2::int) AS count,
        sum(x.total) FILTER (WHERE n <= $2::int) AS sum,
        count(*) > $2::int AS more,
        json_agg(json_build_array(x.id, x.total, p.name) ORDER BY n)
            FILTER (WHERE n <= $2::int) AS edges
    FROM (SELECT id, total, product,
            row_number() OVER (ORDER BY unit_price DESC, id) AS n
        FROM (SELECT * FROM shop.order_line WHERE sale_order = o.id
            ORDER BY unit_price DESC, id LIMIT $2::int + 1) AS y) AS x
    JOIN shop.product AS p ON p.id = x.product) AS l
ORDER BY o.id
