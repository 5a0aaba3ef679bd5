-- One materialized view ($1, its oid) in detail, as one JSON text. Catalog rows alone, as in list.sql.
-- A source is read as the view's owner; through a plain view, as that one's owner, unless it is a security_invoker.
WITH RECURSIVE read(relation, reader, through) AS (
    SELECT v.oid, v.relowner, NULL::oid FROM pg_class v WHERE v.oid = $1::oid AND v.relkind = 'm'
    UNION
    SELECT d.refobjid,
           CASE WHEN c.relkind = 'm' OR EXISTS (SELECT 1 FROM pg_options_to_table(c.reloptions) o
                                                WHERE o.option_name = 'security_invoker' AND o.option_value::bool)
                THEN (SELECT v.relowner FROM pg_class v WHERE v.oid = $1::oid) ELSE c.relowner END,
           CASE c.relkind WHEN 'v' THEN c.oid END
    FROM read JOIN pg_class c ON c.oid = read.relation
    JOIN pg_rewrite w ON w.ev_class = c.oid AND w.ev_type = '1'
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
    WHERE c.relkind = 'v' OR c.oid = $1::oid
), source AS (
    SELECT DISTINCT ON (r.relation, r.reader) r.relation, r.reader, r.through, NULL::oid AS part_of
    FROM read r WHERE r.relation <> $1::oid
    ORDER BY r.relation, r.reader, r.through NULLS FIRST
), part(relation, part_of) AS (
    -- A table that is read reads its children, and only its own rights and row security count.
    SELECT i.inhrelid, i.inhparent FROM source s JOIN pg_inherits i ON i.inhparent = s.relation
    UNION
    SELECT i.inhrelid, i.inhparent FROM part p JOIN pg_inherits i ON i.inhparent = p.relation
), rule AS MATERIALIZED (
    SELECT w.oid, w.ev_class, w.ev_action::text AS tree
    FROM (SELECT DISTINCT r.relation FROM read r) r JOIN pg_class c ON c.oid = r.relation
    JOIN pg_rewrite w ON w.ev_class = c.oid AND w.ev_type = '1'
    WHERE c.relkind = 'v' OR c.oid = $1::oid
), called(oid) AS (
    SELECT d.refobjid FROM rule
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = rule.oid
                    AND d.refclassid = 'pg_proc'::regclass
    UNION
    -- Functions that came with the server are not in pg_depend.
    SELECT m.found[1]::int8::oid
    FROM rule CROSS JOIN LATERAL
         regexp_matches(rule.tree, ':(?:funcid|opfuncid|aggfnoid|winfnoid) ([0-9]{1,9})(?![0-9])', 'g') AS m(found)
), function AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, l.lanname::text AS language, p.oid < 16384 AS builtin,
           p.provolatile = 'v' AS volatile,
           p.oid < 16384 AND (p.proname IN ('now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp',
                                            'timeofday')
                              OR p.proname = 'age' AND p.pronargs = 1 AND p.proargtypes[0] <> 'xid'::regtype) AS clock,
           -- From release 14 on a body can be kept as a query.
           CASE WHEN l.lanname IN ('internal', 'c')
                -- These run a query that they are given as a text.
                THEN p.proname ~ '^(ts_stat|(query|table|schema|database|cursor)_to_xml.*|dblink|crosstab.*|connectby)$'
                ELSE p.oid >= 16384 AND to_jsonb(p) ->> 'prosqlbody' IS NULL END AS hidden,
           EXISTS (SELECT 1 FROM unnest(p.proconfig) c(setting)
                   WHERE lower(c.setting) IN ('row_security=on', 'row_security=true', 'row_security=yes',
                                              'row_security=1')) AS row_security,
           -- NULL if it was dropped a moment ago; so are the others below.
           coalesce(has_function_privilege(v.relowner, p.oid, 'EXECUTE'), true) AS callable
    FROM called JOIN pg_proc p ON p.oid = called.oid JOIN pg_language l ON l.oid = p.prolang
    CROSS JOIN (SELECT c.relowner FROM pg_class c WHERE c.oid = $1::oid) v
), entry AS (
    -- Where the query's columns come from. What is inside it has entries of the same numbers, so all must agree.
    -- Arguments of aggregates have entries without a name. A constant, a count of rows and the time are never NULL.
    SELECT m.found[1] IS NOT NULL AS sure,
           m.found[2]::int4 AS number, m.found[3]::int8::oid AS relation, m.found[4]::int2 AS attnum
    FROM rule CROSS JOIN LATERAL
         regexp_matches(rule.tree, '(\{TARGETENTRY :expr \{(?:FUNCEXPR :funcid (?:1299|2647|2648|2649) [^{}]*|'
                                   'SQLVALUEFUNCTION :op [0-8] [^{}]*|AGGREF :aggfnoid 2803 [^{}]*|'
                                   'CONST [^{}]*:constisnull false [^{}]*)\} )?'
                                   ':resno ([0-9]{1,4}) :resname (?!<> )(?:\\.|[^ \\])+ :ressortgroupref [0-9]+ '
                                   ':resorigtbl ([0-9]{1,10}) :resorigcol ([0-9]{1,4}) ', 'g') AS m(found)
    WHERE rule.ev_class = $1::oid
), not_null(number) AS (
    SELECT e.number FROM entry e
    LEFT JOIN pg_class c ON c.oid = e.relation
    LEFT JOIN pg_attribute a ON a.attrelid = e.relation AND a.attnum = e.attnum
    WHERE NOT EXISTS (SELECT 1 FROM rule WHERE rule.ev_class = $1::oid
                                           AND rule.tree ~ ':jointype [1-9]|:groupingSets \(')
    GROUP BY e.number
    HAVING bool_and(e.sure OR coalesce(
        c.relkind IN ('r', 'p') AND a.attnotnull
        -- From release 18 on such a constraint need not have been checked.
        AND NOT EXISTS (SELECT 1 FROM pg_constraint k
                        WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated
                          AND k.conkey = ARRAY[a.attnum]), false))
), key_column AS (
    SELECT i.indexrelid, jsonb_agg(jsonb_build_object(
               'name', format('%I', a.attname),
               'not_null', a.attnum::int4 IN (SELECT n.number FROM not_null n),
               'null_fraction', s.null_frac) ORDER BY k.place) AS columns
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    JOIN pg_class v ON v.oid = i.indrelid JOIN pg_namespace n ON n.oid = v.relnamespace
    LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = v.relname AND s.attname = a.attname
                        AND NOT s.inherited
    WHERE i.indrelid = $1::oid AND k.place <= i.indnkeyatts
    GROUP BY i.indexrelid
)
SELECT jsonb_build_object(
    'sources', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'name', format('%I.%I', n.nspname, c.relname), 'kind', c.relkind,
            'owner', pg_get_userbyid(c.relowner),
            'through', (SELECT format('%I.%I', vn.nspname, v.relname)
                        FROM pg_class v JOIN pg_namespace vn ON vn.oid = v.relnamespace WHERE v.oid = s.through),
            'part_of', (SELECT format('%I.%I', pn.nspname, p.relname)
                        FROM pg_class p JOIN pg_namespace pn ON pn.oid = p.relnamespace WHERE p.oid = s.part_of),
            'reader', pg_get_userbyid(s.reader),
            'readable', s.reader IS NULL OR coalesce(has_table_privilege(s.reader, c.oid, 'SELECT'), true) OR coalesce((
                -- Rights on the columns that the query reads are enough.
                SELECT bool_and(has_column_privilege(s.reader, c.oid, d.refobjsubid::int2, 'SELECT'))
                FROM rule JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = rule.oid
                WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid > 0
                  AND rule.ev_class = coalesce(s.through, $1::oid)), false),
            'hiding', coalesce(
                s.reader IS NOT NULL AND c.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
                AND (c.relforcerowsecurity OR NOT pg_has_role(s.reader, c.relowner, 'USAGE')), false),
            'server', (SELECT f.srvname FROM pg_foreign_table t JOIN pg_foreign_server f ON f.oid = t.ftserver
                       WHERE t.ftrelid = c.oid))
            ORDER BY s.part_of IS NOT NULL, n.nspname, c.relname), '[]')
        FROM (SELECT * FROM source
              UNION ALL SELECT p.relation, NULL, NULL, p.part_of FROM part p) s
        JOIN pg_class c ON c.oid = s.relation AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
        JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_roles r ON r.oid = s.reader),
    'functions', (
        SELECT coalesce(jsonb_agg(to_jsonb(f) - 'oid' ORDER BY f.builtin, f.name), '[]') FROM function f
        WHERE NOT f.builtin OR f.volatile OR f.clock OR f.hidden OR NOT f.callable),
    'clock_words', (
        SELECT coalesce(jsonb_agg(DISTINCT m.found[1]::int4), '[]')
        FROM rule CROSS JOIN LATERAL regexp_matches(rule.tree, '\{SQLVALUEFUNCTION :op ([0-8]) ', 'g') AS m(found)),
    'indexes', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'name', format('%I', c.relname),
            -- That takes a lock on the view, and would wait for these.
            'definition', CASE WHEN NOT EXISTS (
                SELECT 1 FROM pg_locks l
                WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.relation = i.indrelid
                  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
                THEN pg_get_indexdef(c.oid) END,
            'unique', i.indisunique, 'valid', i.indisvalid, 'ready', i.indisready AND i.indislive,
            'immediate', i.indimmediate, 'partial', i.indpred IS NOT NULL, 'expressions', i.indexprs IS NOT NULL,
            'nulls_not_distinct', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false),
            'columns', coalesce(k.columns, '[]')) ORDER BY c.oid), '[]')
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        LEFT JOIN key_column k ON k.indexrelid = i.indexrelid
        WHERE i.indrelid = $1::oid)
)::text AS catalog
