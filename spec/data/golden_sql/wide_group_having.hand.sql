SELECT product, count(*), sum(total) FROM shop.order_line
WHERE quantity < $1::int GROUP BY product
HAVING sum(total) > $2::numeric
    AND (count(*) >= $3::int OR avg(unit_price) < $4::numeric)
ORDER BY sum(total) DESC, product LIMIT $5::int OFFSET $6::int
