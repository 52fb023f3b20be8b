SELECT o.number, (SELECT count(*) FROM shop.order_line AS l
    WHERE l.sale_order = o.id)
FROM shop.sale_order AS o ORDER BY o.id LIMIT $1::int
