-- Every materialized view, from catalog rows alone: nothing of a view or of its sources is read, planned or called.
WITH RECURSIVE matview AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relowner, c.relispopulated, c.relpages, c.reltuples, c.reltoastrelid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    -- A migration keeps the view of an older deployment there until its rollback.
    WHERE c.relkind = 'm' AND n.nspname <> 'refreshtop_before'
), direct AS MATERIALIZED (
    SELECT DISTINCT w.ev_class AS reader, c.oid AS relation, c.relkind
    FROM pg_rewrite w
    JOIN pg_class r ON r.oid = w.ev_class AND r.relkind IN ('m', 'v')
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
    JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p', 'f', 'm', 'v')
    WHERE w.ev_type = '1'
), reached(view, relation, relkind, through) AS (
    SELECT m.oid, d.relation, d.relkind, NULL::oid FROM matview m JOIN direct d ON d.reader = m.oid
    UNION
    SELECT r.view, d.relation, d.relkind, r.relation
    FROM reached r JOIN direct d ON d.reader = r.relation
    WHERE r.relkind = 'v'
), read AS MATERIALIZED (
    SELECT r.view, count(DISTINCT r.relation) AS relations,
           jsonb_agg(jsonb_build_object('oid', r.relation::int8, 'through', CASE
               WHEN n.nspname = 'public' THEN format('%I', p.relname)
               WHEN p.oid IS NOT NULL THEN format('%I.%I', n.nspname, p.relname) END)
               ORDER BY r.relation, n.nspname, p.relname)
               FILTER (WHERE r.relkind = 'm') AS views
    FROM reached r
    LEFT JOIN pg_class p ON p.oid = r.through LEFT JOIN pg_namespace n ON n.oid = p.relnamespace
    WHERE r.relkind <> 'v'
    GROUP BY r.view
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
), busy AS MATERIALIZED (
    -- To measure a relation takes a lock, and would wait for these.
    SELECT DISTINCT l.relation FROM pg_locks l
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
), locked AS MATERIALIZED (
    SELECT m.oid FROM matview m JOIN busy b ON b.relation IN (m.oid, m.reltoastrelid)
    UNION
    SELECT i.indrelid FROM busy b JOIN pg_index i ON i.indexrelid = b.relation
    UNION
    SELECT m.oid FROM busy b JOIN pg_index i ON i.indexrelid = b.relation JOIN matview m ON m.reltoastrelid = i.indrelid
)
SELECT m.oid::int8 AS oid, m.nspname::text AS schema, m.relname::text AS name,
       CASE m.nspname WHEN 'public' THEN format('%I', m.relname)
                      ELSE format('%I.%I', m.nspname, m.relname) END AS sql,
       pg_get_userbyid(m.relowner)::text AS owner, m.relispopulated AS populated,
       -- Up to release 13 a table that was never analyzed has 0 rows.
       CASE WHEN m.relispopulated AND m.reltuples >= 0
                 AND (m.relpages > 0 OR m.reltuples > 0
                      OR current_setting('server_version_num')::int4 >= 140000)
            THEN m.reltuples::int8 END AS rows,
       CASE WHEN m.oid NOT IN (SELECT l.oid FROM locked l) THEN pg_total_relation_size(m.oid) END AS size,
       coalesce(u.indexes, '[]')::text AS unique_indexes,
       coalesce(r.relations, 0) AS reads, coalesce(r.views, '[]')::text AS reads_views
FROM matview m
LEFT JOIN unique_index u ON u.indrelid = m.oid
LEFT JOIN read r ON r.view = m.oid
ORDER BY m.oid
