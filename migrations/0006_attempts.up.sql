-- What an attempt to refresh leaves behind, however it ends: the mark of its start, its row in the log, the
-- notification, the measurements after a success, and the blocking sessions after a failure. Everything here runs as
-- the owner of the installation, and so never plans or runs what others wrote.
SELECT refreshtop_migration.as_owner();

-- Sequences that remember the start of the newest attempts; 0 means free. A sequence is the only thing in a database
-- that the end of a transaction does not undo: its value survives a terminated session and a server crash at any moment
-- of an attempt, the commit included. There are eight, because the attempt that would log a lost one may be lost
-- itself. They are for the owner only, whatever default privileges grant on new sequences.
CREATE OR REPLACE FUNCTION refreshtop.attempt_slots(p_refresh_type text) RETURNS regclass[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_slots   regclass[] := '{}';
    v_name    text;
    v_grantee oid;
BEGIN
    FOR i IN 1 .. 8 LOOP
        v_name := format('refreshtop.attempt_%s_%s',
                         substr(encode(sha256(convert_to(p_refresh_type, 'UTF8')), 'hex'), 1, 32), i);
        IF to_regclass(v_name) IS NULL THEN
            EXECUTE format('CREATE SEQUENCE %s MINVALUE 0 START 0', v_name);
            EXECUTE format('COMMENT ON SEQUENCE %s IS %L', v_name, 'Start of an attempt to refresh ' || p_refresh_type);
            FOR v_grantee IN
                -- aclexplode refuses an empty array.
                SELECT DISTINCT a.grantee
                FROM pg_class c, aclexplode(CASE WHEN cardinality(c.relacl) > 0 THEN c.relacl END) a
                WHERE c.oid = v_name::regclass AND a.grantee <> c.relowner
            LOOP
                EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM %s', v_name,
                    CASE v_grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(v_grantee)) END);
            END LOOP;
        END IF;
        v_slots := v_slots || v_name::regclass;
    END LOOP;
    RETURN v_slots;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.attempt_slots(text)');

-- A role that may write every sequence (pg_write_all_data) can set these, too. So a mark carries a proof that only the
-- owner can compute, and nobody else can fake an attempt.
CREATE TABLE IF NOT EXISTS refreshtop.attempt_key (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    key      bytea NOT NULL DEFAULT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
);
COMMENT ON TABLE refreshtop.attempt_key IS 'What tells marks of attempts from forged ones; for nobody but the owner';
DO $$
BEGIN
    PERFORM refreshtop_migration.strip_relation('refreshtop.attempt_key');
    PERFORM refreshtop_migration.close_rows('refreshtop.attempt_key');
END
$$;
INSERT INTO refreshtop.attempt_key DEFAULT VALUES ON CONFLICT DO NOTHING;

-- The mark of an attempt by its start: milliseconds since 1970, and 20 bits of proof. NULL without a key: then an
-- attempt is not marked.
CREATE OR REPLACE FUNCTION refreshtop.attempt_mark(p_refresh_type text, p_started timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_millis bigint := round(extract(epoch FROM date_trunc('milliseconds', p_started)) * 1000);
    v_proof  bytea;
BEGIN
    SELECT sha256(k.key || convert_to(v_millis || ' ' || p_refresh_type, 'UTF8')) INTO v_proof
    FROM refreshtop.attempt_key k;
    RETURN (v_millis << 20)
         | (get_byte(v_proof, 0) << 12) | (get_byte(v_proof, 1) << 4) | (get_byte(v_proof, 2) >> 4);
EXCEPTION WHEN assert_failure OR OTHERS THEN
    RAISE WARNING 'an attempt can''t be marked: %', left(SQLERRM, 500);
    RETURN NULL;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.attempt_mark(text, timestamptz)');

-- The start that a sequence remembers, in whole milliseconds; NULL if it is free, or if somebody else has set it. A
-- start in the future does not count, nor one so old that its row may have been cleaned up, because a mark that
-- somebody has seen could be set again.
CREATE OR REPLACE FUNCTION refreshtop.attempt_start(p_refresh_type text, p_slot regclass) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_mark    bigint;
    v_started timestamptz;
BEGIN
    EXECUTE format('SELECT last_value FROM %s', p_slot) INTO v_mark;
    IF v_mark < 1 << 20 THEN
        RETURN NULL;
    END IF;
    v_started := 'epoch'::timestamptz + (v_mark >> 20) * interval '1 millisecond';
    RETURN CASE WHEN v_started <= clock_timestamp()
                 AND v_started > clock_timestamp() - coalesce(
                     (SELECT v.keep_log FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type),
                     interval '30 days')
                 AND v_mark = refreshtop.attempt_mark(p_refresh_type, v_started)
                THEN v_started END;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.attempt_start(text, regclass)');

-- Writes a row into the log: through the view log_door, or into log_fallback if that view is gone. A cancel that
-- arrives at this moment must not lose the row.
CREATE OR REPLACE FUNCTION refreshtop.write_log(p_row refreshtop.log_fallback) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    FOR v_try IN 1 .. 2 LOOP
        BEGIN
            INSERT INTO refreshtop.log_door SELECT p_row.*;
            IF FOUND THEN
                RETURN;
            END IF;
            EXIT;
        EXCEPTION
            WHEN query_canceled THEN NULL;
            WHEN assert_failure OR OTHERS THEN EXIT;
        END;
    END LOOP;
    INSERT INTO refreshtop.log_fallback SELECT p_row.*;
    RAISE WARNING 'the refresh log can''t be written; the row is kept aside. Run: refreshtop migrate';
END
$$;
SELECT refreshtop_migration.seal('refreshtop.write_log(refreshtop.log_fallback)');

-- Notifies the listeners. The payload has ids, status and timings only, because any role may listen. A refresh never
-- fails because of it: with a full queue the commit would fail.
CREATE OR REPLACE FUNCTION refreshtop.notify(p_row refreshtop.log_fallback) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_notification_queue_usage() < 0.9 THEN
        -- Always far below the limit of 8,000 bytes.
        PERFORM pg_notify('metrics_refresh', jsonb_strip_nulls(jsonb_build_object(
            'id', p_row.id,
            'refresh_type', p_row.refresh_type,
            'status', p_row.status,
            'source', p_row.trigger_source,
            'duration_ms', p_row.duration_ms,
            'started_at', p_row.started_at,
            'completed_at', p_row.completed_at))::text);
    END IF;
EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
    RAISE WARNING 'nobody was notified: %', left(SQLERRM, 500);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.notify(refreshtop.log_fallback)');

-- Moves the rows of log_fallback into the log, now that it accepts rows again.
CREATE OR REPLACE FUNCTION refreshtop.merge_fallback() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_row refreshtop.log_fallback;
BEGIN
    FOR v_row IN DELETE FROM refreshtop.log_fallback RETURNING * LOOP
        INSERT INTO refreshtop.log_door
        SELECT v_row.* WHERE NOT EXISTS (SELECT 1 FROM refreshtop.log_door l WHERE l.id = v_row.id);
    END LOOP;
EXCEPTION WHEN assert_failure OR OTHERS THEN
    RAISE WARNING 'rows of the refresh log are still kept aside: %', left(SQLERRM, 500);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.merge_fallback()');
SELECT refreshtop.merge_fallback();

-- Logs the attempts that did not leave their row because their session was terminated, the server went down, or the
-- caller rolled back. Returns a free slot for the attempt that begins now. If the log accepts no row, that must not
-- stop the attempt.
CREATE OR REPLACE FUNCTION refreshtop.log_lost_attempts(p_refresh_type text, p_slots regclass[]) RETURNS regclass
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_slot    regclass;
    v_free    regclass;
    v_started timestamptz;
    v_row     refreshtop.log_fallback;
BEGIN
    PERFORM refreshtop.merge_fallback();
    FOREACH v_slot IN ARRAY p_slots LOOP
        v_started := refreshtop.attempt_start(p_refresh_type, v_slot);
        IF v_started IS NULL THEN
            v_free := coalesce(v_free, v_slot);
        -- An older snapshot may not show an existing row, and without a log nobody can know.
        ELSIF current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
           OR to_regclass('refreshtop.log_door') IS NULL THEN
            CONTINUE;
        ELSIF EXISTS (SELECT 1 FROM refreshtop.log_door l
                      WHERE l.refresh_type = p_refresh_type
                        AND date_trunc('milliseconds', l.started_at) = v_started
                        AND l.created_at > v_started - interval '1 day')
           OR EXISTS (SELECT 1 FROM refreshtop.log_fallback l
                      WHERE l.refresh_type = p_refresh_type
                        AND date_trunc('milliseconds', l.started_at) = v_started) THEN
            PERFORM setval(v_slot, 0);
            v_free := coalesce(v_free, v_slot);
        ELSE
            v_row := NULL;
            v_row.id := gen_random_uuid();
            v_row.refresh_type := p_refresh_type;
            v_row.status := 'error';
            v_row.error_message :=
                'this attempt ended without a trace: its session was terminated, the server went down, or '
                'the transaction around it was rolled back';
            v_row.started_at := v_started;
            v_row.created_at := v_started;
            PERFORM refreshtop.write_log(v_row);
            PERFORM refreshtop.notify(v_row);
        END IF;
    END LOOP;
    RETURN coalesce(v_free, p_slots[1]);
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'a lost attempt could not be logged: %', left(SQLERRM, 500);
    RETURN coalesce(v_free, p_slots[1]);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.log_lost_attempts(text, regclass[])');

-- The event trigger that would run a function of a role that is neither a superuser nor ours when we execute a
-- statement; NULL if there is none.
CREATE OR REPLACE FUNCTION refreshtop.foreign_event_trigger(OUT name name, OUT function text, OUT owner name)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT t.evtname, p.oid::regprocedure::text, r.rolname INTO name, function, owner
    FROM pg_event_trigger t JOIN pg_proc p ON p.oid = t.evtfoid JOIN pg_roles r ON r.oid = p.proowner
    WHERE t.evtenabled <> 'D' AND NOT r.rolsuper AND r.rolname <> current_user ORDER BY t.evtname LIMIT 1;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.foreign_event_trigger()');

-- What a successful refresh records: the view's figures, and the sizes of its sources. Both are needed later to find
-- out why refreshes get slower. It is called with the lock that the refresh holds on the view, so its owner can't
-- change it now. If anything fails, the result says so, and the refresh still counts.
CREATE OR REPLACE FUNCTION refreshtop.measure(p_view refreshtop.views) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
-- In case a session has locked one of the sources.
SET lock_timeout = '100ms'
AS $$
DECLARE
    v_columns text;
    v_figures jsonb;
    v_sources jsonb;
    v_rows    bigint;
    v_bytes   bigint := pg_relation_size(p_view.view_oid);
BEGIN
    -- Numbers only, and of PostgreSQL's own types: converting another type to JSON can run functions of others.
    SELECT string_agg(format('%L, CASE WHEN %I BETWEEN -1e30 AND 1e30 THEN trim_scale(round(%I::numeric, 6)) END',
                             a.attname, a.attname, a.attname), ', ' ORDER BY a.attnum)
    INTO v_columns
    FROM (SELECT * FROM pg_attribute
          WHERE attrelid = p_view.view_oid AND attnum > 0 AND NOT attisdropped
            AND atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'real'::regtype,
                             'double precision'::regtype, 'numeric'::regtype)
          ORDER BY attnum LIMIT 50) a;
    -- Planning a read runs the functions in index expressions, predicates and statistics as the reading role.
    IF has_table_privilege(p_view.view_oid, 'SELECT')
       AND has_schema_privilege((SELECT c.relnamespace FROM pg_class c WHERE c.oid = p_view.view_oid), 'USAGE')
       AND NOT EXISTS (SELECT 1 FROM pg_index i
                       WHERE i.indrelid = p_view.view_oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL))
       AND NOT EXISTS (SELECT 1 FROM pg_statistic_ext s
                       WHERE s.stxrelid = p_view.view_oid AND to_jsonb(s) ->> 'stxexprs' IS NOT NULL)
       -- An event trigger's function runs as the role that creates the view below.
       AND (SELECT t.name IS NULL FROM refreshtop.foreign_event_trigger() t) THEN
        -- The name may belong to another relation by now (if the schema was renamed). Creating a view over it runs
        -- nothing and binds the relation, which is checked afterwards. The view is temporary, because event triggers
        -- commonly watch the other kind.
        EXECUTE format('CREATE TEMPORARY VIEW refreshtop_door AS SELECT * FROM %I.%I',
                       p_view.view_schema, p_view.view_name);
        IF NOT EXISTS (SELECT 1 FROM pg_depend d
                       JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
                       WHERE r.ev_class = 'pg_temp.refreshtop_door'::regclass AND d.refclassid = 'pg_class'::regclass
                         AND d.refobjid NOT IN (p_view.view_oid, r.ev_class)) THEN
            -- A view of many rows has no figures.
            IF v_columns IS NOT NULL THEN
                EXECUTE format('SELECT CASE WHEN count(*) = 1 '
                               'THEN jsonb_strip_nulls((jsonb_agg(one.figures)) -> 0) END '
                               'FROM (SELECT jsonb_build_object(%s) AS figures '
                               'FROM pg_temp.refreshtop_door LIMIT 2) one', v_columns)
                INTO v_figures;
            END IF;
            -- Counting 8 MB takes some milliseconds. A larger view is estimated, as in the planner.
            IF v_bytes <= 8388608 THEN
                SELECT count(*) INTO v_rows FROM pg_temp.refreshtop_door;
            END IF;
        END IF;
        DROP VIEW pg_temp.refreshtop_door;
    END IF;

    -- Partitions count together. Reading a size takes a lock, so it is read only if we hold one already; otherwise the
    -- last known number of pages is used. Rows are estimated by their density, as in the planner; a table that was
    -- never analyzed has no estimate.
    WITH held AS MATERIALIZED (
        SELECT l.relation FROM pg_locks l
        WHERE l.locktype = 'relation' AND l.pid = pg_backend_pid() AND l.granted
          AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
    ), part AS (
        SELECT coalesce(pg_partition_root(c.oid)::oid, c.oid) AS source, c.oid, c.relpages, c.reltuples,
               c.oid IN (SELECT held.relation FROM held) AS held
        FROM refreshtop.relations(p_view.view_oid) AS r(oid) JOIN pg_class c ON c.oid = r.oid
        WHERE c.oid <> p_view.view_oid AND c.relkind IN ('r', 'm')
    ), sized AS (
        SELECT part.source, part.relpages, part.reltuples,
               CASE WHEN held THEN pg_relation_size(part.oid) / current_setting('block_size')::bigint
                    ELSE part.relpages END AS pages,
               CASE WHEN held THEN pg_total_relation_size(part.oid)
                    ELSE part.relpages * current_setting('block_size')::bigint END AS bytes
        FROM part
    ), source AS (
        SELECT sized.source, sum(sized.bytes)::bigint AS bytes,
               sum(CASE WHEN reltuples >= 0 AND relpages > 0 THEN round((reltuples::float8 * pages / relpages)::numeric)
                        WHEN pages = 0 THEN 0 END)::bigint AS rows
        FROM sized GROUP BY sized.source ORDER BY bytes DESC, sized.source LIMIT 50
    )
    SELECT jsonb_object_agg(source.source::regclass::text,
                            jsonb_strip_nulls(jsonb_build_object('rows', source.rows, 'bytes', source.bytes)))
    INTO v_sources FROM source;

    IF v_rows IS NULL THEN
        SELECT round((c.reltuples::float8 * v_bytes / current_setting('block_size')::bigint / c.relpages)::numeric)
        INTO v_rows FROM pg_class c WHERE c.oid = p_view.view_oid AND c.reltuples >= 0 AND c.relpages > 0;
    END IF;

    RETURN jsonb_strip_nulls(jsonb_build_object('figures', v_figures, 'sources', v_sources,
        'view', jsonb_build_object('rows', v_rows, 'bytes', pg_total_relation_size(p_view.view_oid))));
EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
    RETURN jsonb_build_object('error', left(SQLERRM, 500));
END
$$;
COMMENT ON FUNCTION refreshtop.measure(refreshtop.views) IS
    'What the figures, the rows and the size of a view and the sizes of its sources are after a refresh; never fails';
SELECT refreshtop_migration.seal('refreshtop.measure(refreshtop.views)');

-- The blocking sessions, for the row of a failed attempt. If they can't be found, the row is written without them.
CREATE OR REPLACE FUNCTION refreshtop.evidence(p_view oid) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN refreshtop_definers.black_box(p_view, ARRAY(SELECT r.oid FROM refreshtop.relations(p_view) AS r(oid)));
EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
    RETURN jsonb_build_object('captured_at', clock_timestamp(), 'sessions', '[]'::jsonb, 'error', left(SQLERRM, 500));
END
$$;
SELECT refreshtop_migration.seal('refreshtop.evidence(oid)');
SELECT refreshtop_migration.as_migrator();
