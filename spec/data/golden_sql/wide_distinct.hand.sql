SELECT role, active, "createdAt" FROM (
    SELECT DISTINCT ON (role, active) role, active, "createdAt", id
    FROM test."user" ORDER BY role, active, "createdAt" DESC, id) AS x
ORDER BY "createdAt" DESC, id
