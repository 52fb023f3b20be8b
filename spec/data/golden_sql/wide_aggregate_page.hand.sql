SELECT json_agg(x.unit_price ORDER BY x.unit_price DESC, x.id), count(*),
    sum(x.total)
FROM (SELECT id, unit_price, total FROM shop.order_line
    ORDER BY unit_price DESC, id LIMIT $1::int) AS x
