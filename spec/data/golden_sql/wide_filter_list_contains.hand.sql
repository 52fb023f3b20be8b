SELECT name FROM shop.product WHERE tags @> ARRAY[$1::text]
ORDER BY id LIMIT $2::int
