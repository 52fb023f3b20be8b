SELECT p.name, c.code, x.count
FROM (SELECT partner, count(*) AS count FROM shop.sale_order
    GROUP BY partner ORDER BY count(*) DESC, partner LIMIT $1::int) AS x
JOIN shop.partner AS p ON p.id = x.partner
LEFT JOIN shop.loyalty_card AS c ON c.holder = p.id
ORDER BY x.count DESC, x.partner
