SELECT state, count(*), max(placed_on) FROM shop.sale_order
GROUP BY state ORDER BY state
