SELECT o.number
FROM shop.sale_order AS o JOIN shop.partner AS p ON p.id = o.partner
LEFT JOIN shop.partner AS pp ON pp.id = p.parent,
    (SELECT pp.name AS parent, p.name, o.id
        FROM shop.sale_order AS o JOIN shop.partner AS p ON p.id = o.partner
        LEFT JOIN shop.partner AS pp ON pp.id = p.parent
        WHERE o.id = $1::uuid) AS c
WHERE pp.name > c.parent OR (pp.name IS NULL AND c.parent IS NOT NULL)
    OR (pp.name IS NOT DISTINCT FROM c.parent
        AND (p.name < c.name OR (p.name = c.name AND o.id > c.id)))
ORDER BY pp.name, p.name DESC, o.id LIMIT $2::int
