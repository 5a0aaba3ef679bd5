-- Every materialized view as the board lists it: what a poll can afford for a thousand of them. Catalog rows alone.
WITH matview AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relowner, c.relispopulated
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    -- A migration keeps the view of an older deployment there until its rollback.
    WHERE c.relkind = 'm' AND n.nspname <> 'refreshtop_before'
), unique_index AS MATERIALIZED (
    SELECT i.indrelid,
           jsonb_agg(jsonb_build_object(
               'name', format('%I', c.relname),
               'valid', i.indisvalid,
               'ready', i.indisready AND i.indislive,
               'immediate', i.indimmediate,
               'partial', i.indpred IS NOT NULL,
               'expressions', i.indexprs IS NOT NULL) ORDER BY i.indexrelid) AS indexes
    FROM matview m JOIN pg_index i ON i.indrelid = m.oid JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indisunique
    GROUP BY i.indrelid
)
SELECT m.oid::int8 AS oid, m.nspname::text AS schema, m.relname::text AS name,
       CASE m.nspname WHEN 'public' THEN format('%I', m.relname)
                      ELSE format('%I.%I', m.nspname, m.relname) END AS sql,
       pg_get_userbyid(m.relowner)::text AS owner, m.relispopulated AS populated,
       NULL::int8 AS rows, NULL::int8 AS size,
       coalesce(u.indexes, '[]')::text AS unique_indexes, 0::int8 AS reads, '[]' AS reads_views
FROM matview m
LEFT JOIN unique_index u ON u.indrelid = m.oid
ORDER BY m.oid
