SELECT o.number, o.state, p.name, c.code, (
    SELECT json_agg(json_build_array(l.quantity, l.unit_price, l.total,
        r.name, r.tags) ORDER BY l.id)
    FROM shop.order_line AS l JOIN shop.product AS r ON r.id = l.product
    WHERE l.sale_order = o.id)
FROM shop.sale_order AS o
JOIN shop.partner AS p ON p.id = o.partner
LEFT JOIN shop.loyalty_card AS c ON c.holder = p.id
WHERE o.number = $1::bigint
