-- What is worth knowing about view $1 before it is managed, one JSON text. Between enter.sql and leave.sql.
WITH read AS MATERIALIZED (
    SELECT r.oid FROM refreshtop.relations($1::oid) AS r(oid)
), rule AS MATERIALIZED (
    SELECT w.oid, w.ev_class, w.ev_action::text AS tree
    FROM read JOIN pg_class c ON c.oid = read.oid AND (c.relkind = 'v' OR c.oid = $1::oid)
    JOIN pg_rewrite w ON w.ev_class = c.oid AND w.rulename = '_RETURN'
), called AS MATERIALIZED (
    -- Built-in functions are not among the dependencies.
    SELECT DISTINCT m.found[1]::oid AS oid
    FROM rule CROSS JOIN LATERAL regexp_matches(rule.tree, ':(?:funcid|opfuncid) (\d+)', 'g') AS m(found)
), function AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, p.provolatile, l.lanname, p.prosrc, p.proconfig,
           has_function_privilege((SELECT c.relowner FROM pg_class c WHERE c.oid = $1::oid), p.oid, 'EXECUTE')
               AS callable,
           EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                                             AND d.deptype = 'e') AS extension
    FROM called JOIN pg_proc p ON p.oid = called.oid JOIN pg_language l ON l.oid = p.prolang
), view AS (
    SELECT c.oid, c.relname, n.nspname, c.relispopulated FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = $1::oid
), refresher AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, p.proname
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace CROSS JOIN view
    WHERE n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT LIKE 'refreshtop%' AND n.nspname <> 'information_schema'
      AND p.prosrc ~* 'refresh\s+materialized\s+view' AND strpos(lower(p.prosrc), lower(view.relname)) > 0
)
SELECT jsonb_build_object(
    'tree', (SELECT rule.tree FROM rule WHERE rule.ev_class = $1::oid),
    'populated', (SELECT view.relispopulated FROM view),
    'hidden', (SELECT coalesce(jsonb_agg(f.name ORDER BY f.name), '[]') FROM function f
               WHERE f.oid >= 16384 AND NOT f.extension AND f.lanname NOT IN ('internal', 'c') AND f.prosrc <> ''),
    'pathless', (SELECT coalesce(jsonb_agg(f.name ORDER BY f.name), '[]') FROM function f
                 WHERE f.oid >= 16384 AND NOT f.extension AND f.lanname NOT IN ('internal', 'c') AND f.prosrc <> ''
                   AND NOT coalesce(f.proconfig::text ~ 'search_path=', false)),
    'row_security', (SELECT coalesce(jsonb_agg(f.name ORDER BY f.name), '[]') FROM function f
                     WHERE f.proconfig::text ~ 'row_security=(on|true|1|yes)'),
    'uncallable', (SELECT coalesce(jsonb_agg(f.name ORDER BY f.name), '[]') FROM function f WHERE NOT f.callable),
    'volatile', (SELECT coalesce(jsonb_agg(f.name ORDER BY f.name), '[]') FROM function f WHERE f.provolatile = 'v'),
    'clock', EXISTS (SELECT FROM rule WHERE strpos(rule.tree, '{SQLVALUEFUNCTION') > 0)
             OR EXISTS (SELECT FROM function f
                        WHERE f.oid < 16384
                          AND f.name ~ '^(now|(statement|transaction|clock)_timestamp|timeofday)\('),
    'keys', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                 'name', i.indexrelid::regclass::text,
                 'flaw', CASE WHEN NOT i.indisvalid THEN 'it is not valid: its build failed, or is under way'
                              WHEN NOT i.indimmediate THEN 'it is deferrable'
                              WHEN i.indpred IS NOT NULL THEN 'it has a WHERE'
                              WHEN i.indexprs IS NOT NULL THEN 'it is on an expression' END,
                 'nulls', (SELECT jsonb_agg(jsonb_build_object('column', quote_ident(a.attname),
                                                               'fraction', s.null_frac) ORDER BY k.place)
                           FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, place)
                           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                           LEFT JOIN pg_stats s ON s.schemaname = view.nspname AND s.tablename = view.relname
                                               AND s.attname = a.attname
                           WHERE k.place <= i.indnkeyatts)) ORDER BY i.indexrelid), '[]')
             FROM pg_index i CROSS JOIN view WHERE i.indrelid = $1::oid AND i.indisunique),
    'event_triggers', (SELECT coalesce(jsonb_agg(format('event trigger %I runs function %s',
                                                        t.evtname, t.evtfoid::regprocedure) ORDER BY t.evtname), '[]')
                       FROM pg_event_trigger t WHERE t.evtenabled IN ('O', 'A')
                         AND (t.evttags IS NULL OR 'REFRESH MATERIALIZED VIEW' = ANY (t.evttags))
                         AND t.evtevent IN ('ddl_command_start', 'ddl_command_end')),
    'refreshers', (SELECT coalesce(jsonb_agg(r.name ORDER BY r.name), '[]') FROM refresher r),
    'refresher_names', (SELECT coalesce(jsonb_agg(r.proname ORDER BY r.name), '[]') FROM refresher r),
    'triggers', (SELECT coalesce(jsonb_agg(format('trigger %I on %s', t.tgname, t.tgrelid::regclass)
                                           ORDER BY t.tgname, t.tgrelid), '[]')
                 FROM pg_trigger t JOIN refresher r ON r.oid = t.tgfoid WHERE NOT t.tgisinternal),
    'foreign_tables', (SELECT coalesce(jsonb_agg(c.oid::regclass::text ORDER BY c.oid::regclass::text), '[]')
                       FROM read JOIN pg_class c ON c.oid = read.oid AND c.relkind = 'f'))::text
