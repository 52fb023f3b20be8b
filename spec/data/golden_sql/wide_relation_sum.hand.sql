SELECT o.number, (SELECT sum(total) FROM shop.order_line AS l
    WHERE l.sale_order = o.id AND l.quantity > $2::int)
FROM shop.sale_order AS o ORDER BY o.id LIMIT $1::int
