SELECT count(*), sum(total) FROM (SELECT total FROM shop.order_line
    ORDER BY unit_price DESC, id LIMIT $1::int) AS x
