-- Every materialized view, and what is registered as one and gone. Between enter.sql and leave.sql.
SELECT c.oid::int8 AS oid, refreshtop.type_of(c.oid) AS id, n.nspname::text AS schema, c.relname::text AS name,
       pg_get_userbyid(c.relowner)::text AS owner,
       v.refresh_type IS NOT NULL AND v.view_oid IS NOT DISTINCT FROM c.oid
           AND v.view_owner = pg_get_userbyid(c.relowner)
           -- Without that function it can't be refreshed, and is to be managed anew.
           AND (v.definer IS NULL OR EXISTS (
                    SELECT FROM pg_proc p JOIN pg_namespace d ON d.oid = p.pronamespace
                    WHERE d.nspname = 'refreshtop_definers' AND p.proname = v.definer AND p.proowner = c.relowner))
           -- Without an index its refreshes fail, and what helps is found again.
           AND (v.blocking OR refreshtop.has_key(c.oid))
           AS registered,
       v.refresh_type IS NOT NULL AND v.managed_at IS NULL AS by_migration,
       ARRAY(SELECT s.oid::int8 FROM refreshtop.relations(c.oid) AS r(oid) JOIN pg_class s ON s.oid = r.oid
             WHERE s.relkind = 'm' AND s.oid <> c.oid) AS reads
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN refreshtop.views v ON (v.view_schema, v.view_name) = (n.nspname, c.relname)
WHERE c.relkind = 'm' AND n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT LIKE 'refreshtop%'
UNION ALL
SELECT NULL, v.refresh_type, v.view_schema::text, v.view_name::text, coalesce(v.view_owner::text, ''), true,
       v.managed_at IS NULL, '{}'
FROM refreshtop.views v
WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE (n.nspname, c.relname) = (v.view_schema, v.view_name) AND c.relkind = 'm')
ORDER BY id
