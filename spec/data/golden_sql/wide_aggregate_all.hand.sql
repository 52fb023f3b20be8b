SELECT count(*), sum(quantity), sum(total), avg(unit_price), avg(quantity),
    min(unit_price), max(unit_price)
FROM shop.order_line WHERE quantity > $1::int
