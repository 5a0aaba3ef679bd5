-- The log is dropped. If an older one was moved aside, it first gets the rows that were added since. If that would run
-- code of others, or if the old log does not accept them, they stay in a table beside it.
DO $$
DECLARE
    v_log     oid := to_regclass('public.metrics_refresh_log');
    v_old     record;
    v_column  record;
    v_columns text;
    v_values  text;
    v_since   text;
    v_code    text;
    v_came    bigint;
    v_went    bigint;
BEGIN
    SELECT u.detail ->> 'copied_at' AS copied_at, c.oid, c.relname, c.relrowsecurity, c.relowner INTO v_old
    FROM refreshtop.undo u
    JOIN pg_class c ON c.relname = u.object_name AND c.relnamespace = 'refreshtop_before'::regnamespace
    WHERE u.kind = 'moved' AND u.detail ->> 'name' = 'metrics_refresh_log' AND u.detail ? 'copied_at';
    -- The owner of the schema may have dropped ours and created another table with its name, and reading that would run
    -- his code.
    IF NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.nspname = 'refreshtop' AND n.nspowner = c.relowner
                   WHERE c.oid = v_log AND c.relkind = 'r') THEN
        IF v_log IS NOT NULL AND v_old.oid IS NOT NULL THEN
            RAISE EXCEPTION 'public.metrics_refresh_log is not the log that was installed: it belongs to role %',
                (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = v_log)
                USING ERRCODE = 'duplicate_table',
                      HINT = 'The log that was here before comes back under that name: rename or drop this one first.';
        END IF;
        v_log := NULL;
    END IF;
    DROP VIEW IF EXISTS refreshtop.log_door;
    DROP TABLE IF EXISTS refreshtop.log_fallback;
    IF v_log IS NULL THEN
        RETURN;
    ELSIF v_old.oid IS NULL THEN
        DROP TABLE public.metrics_refresh_log;
        RETURN;
    END IF;

    EXECUTE format('LOCK TABLE refreshtop_before.%I IN ACCESS EXCLUSIVE MODE', v_old.relname);
    -- Everything attached to the table that calls code of a lesser role; a foreign key reads another table.
    SELECT min(found.what) INTO v_code FROM (
        SELECT 'trigger ' || t.tgname AS what FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgrelid = v_old.oid AND NOT t.tgisinternal
          AND (NOT refreshtop_migration.is_trusted(p.proowner) OR NOT refreshtop_migration.is_trusted(v_old.relowner))
        UNION ALL
        -- PostgreSQL's own functions leave no dependency, and some of them execute their argument: as a query
        -- (query_to_xml, ts_rewrite), or as the name of a file.
        SELECT 'something that calls ' || p.proname
        FROM (
            SELECT adbin::text AS tree FROM pg_attrdef WHERE adrelid = v_old.oid
            UNION ALL SELECT conbin::text FROM pg_constraint WHERE conrelid = v_old.oid AND conbin IS NOT NULL
            UNION ALL SELECT tgqual::text FROM pg_trigger WHERE tgrelid = v_old.oid AND tgqual IS NOT NULL
            UNION ALL
            SELECT concat(indexprs::text, indpred::text) FROM pg_index WHERE indrelid = v_old.oid
            UNION ALL SELECT to_jsonb(s) ->> 'stxexprs' FROM pg_statistic_ext s WHERE s.stxrelid = v_old.oid
        ) expression
        CROSS JOIN LATERAL regexp_matches(expression.tree, ':(?:funcid|opfuncid) (\d+)', 'g') AS called(id)
        JOIN pg_proc p ON p.oid = (called.id[1])::oid
        WHERE p.oid < 16384 AND p.provolatile <> 'i'
          AND p.proname NOT IN ('now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp', 'timeofday',
                                'gen_random_uuid', 'nextval', 'timezone', 'date', 'timestamp', 'timestamptz')
        UNION ALL SELECT 'rule ' || r.rulename FROM pg_rewrite r WHERE r.ev_class = v_old.oid
        UNION ALL
        SELECT 'foreign key ' || o.conname FROM pg_constraint o WHERE o.conrelid = v_old.oid AND o.contype = 'f'
        UNION ALL SELECT 'child table' FROM pg_inherits i WHERE v_old.oid IN (i.inhparent, i.inhrelid)
        UNION ALL
        SELECT 'something that uses ' || coalesce(p.proname, t.typname, 'an operator')
        FROM pg_depend d
        LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
        LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
        WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass,
                               'pg_opclass'::regclass)
          AND (d.classid = 'pg_class'::regclass
               AND d.objid IN (SELECT v_old.oid
                               UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid = v_old.oid)
            OR d.classid = 'pg_attrdef'::regclass
               AND d.objid IN (SELECT oid FROM pg_attrdef WHERE adrelid = v_old.oid)
            OR d.classid = 'pg_constraint'::regclass
               AND d.objid IN (SELECT oid FROM pg_constraint WHERE conrelid = v_old.oid)
            OR d.classid = 'pg_statistic_ext'::regclass
               AND d.objid IN (SELECT oid FROM pg_statistic_ext WHERE stxrelid = v_old.oid))
          AND NOT coalesce(refreshtop_migration.is_trusted(coalesce(p.proowner, t.typowner)), false)
    ) found;
    IF v_code IS NULL THEN
        FOR v_column IN
            SELECT a.attname AS name,
                   a.attnotnull AS required,
                   format_type(a.atttypid, a.atttypmod) AS type,
                   a.atttypid,
                   n.attname IS NOT NULL AS ours
            FROM pg_attribute a
            LEFT JOIN pg_attribute n
                ON n.attrelid = 'public.metrics_refresh_log'::regclass
               AND n.attname = a.attname
               AND n.attnum > 0
               AND NOT n.attisdropped
            WHERE a.attrelid = v_old.oid
              AND a.attnum > 0
              AND NOT a.attisdropped
              AND a.attgenerated = ''
              AND a.attidentity = ''
              AND (a.attname <> 'id' OR a.atttypid = 'uuid'::regtype)
        LOOP
            CONTINUE WHEN NOT v_column.ours;
            v_columns := concat_ws(', ', v_columns, quote_ident(v_column.name));
            v_values := concat_ws(', ', v_values, format(
                '%s::%s',
                CASE WHEN NOT v_column.required THEN format('l.%I', v_column.name)
                     ELSE format('coalesce(l.%I, %s)', v_column.name, CASE v_column.name
                         WHEN 'duration_ms' THEN '0'
                         WHEN 'completed_at' THEN 'l.started_at'
                         WHEN 'error_message' THEN ''''''
                         ELSE 'NULL'
                     END)
                END,
                v_column.type));
            IF v_column.name = 'id' THEN
                -- A row without an id, or with a duplicate one, was copied with a new id.
                v_since := format('NOT EXISTS (SELECT 1 FROM ONLY refreshtop_before.%I o WHERE o.id = l.id) '
                    'AND (l.created_at > %L OR l.backend_pid IS NOT NULL)', v_old.relname, v_old.copied_at);
            END IF;
        END LOOP;
        IF v_old.relrowsecurity THEN
            EXECUTE format('ALTER TABLE refreshtop_before.%I DISABLE ROW LEVEL SECURITY', v_old.relname);
        END IF;
        BEGIN
            v_since := coalesce(v_since, format('l.created_at > %L', v_old.copied_at));
            EXECUTE format('SELECT count(*) FROM public.metrics_refresh_log l WHERE %s', v_since) INTO v_came;
            EXECUTE format('INSERT INTO refreshtop_before.%I (%s) SELECT %s FROM public.metrics_refresh_log l WHERE %s',
                v_old.relname, v_columns, v_values, v_since);
            GET DIAGNOSTICS v_went = ROW_COUNT;
            IF v_went < v_came THEN
                RAISE EXCEPTION 'a trigger on it leaves out % of % rows', v_came - v_went, v_came;
            END IF;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR datatype_mismatch OR cannot_coerce
                       OR raise_exception THEN
            v_code := SQLERRM;
        END;
        IF v_old.relrowsecurity THEN
            EXECUTE format('ALTER TABLE refreshtop_before.%I ENABLE ROW LEVEL SECURITY', v_old.relname);
        END IF;
    END IF;
    IF v_code IS NULL THEN
        DROP TABLE public.metrics_refresh_log;
    ELSE
        -- For the migrator, which reports it.
        PERFORM set_config('refreshtop.rows_kept', v_code, true);
        ALTER TABLE public.metrics_refresh_log RENAME TO metrics_refresh_log_refreshtop;
        FOR v_column IN
            SELECT indexrelid::regclass::text AS identity, relname
            FROM pg_index JOIN pg_class c ON c.oid = indexrelid
            WHERE indrelid = 'public.metrics_refresh_log_refreshtop'::regclass
        LOOP
            EXECUTE format('ALTER INDEX %s RENAME TO %I', v_column.identity, 'refreshtop_' || v_column.relname);
        END LOOP;
        EXECUTE format('ALTER TABLE public.metrics_refresh_log_refreshtop OWNER TO %I', current_user);
    END IF;
END
$$;
