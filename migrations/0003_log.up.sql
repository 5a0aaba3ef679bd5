-- The refresh log is always a table that we have created. So an attempt that must be logged never meets a default,
-- rule, check, generated column, index function, domain, trigger, child table or NOT NULL of others.
SELECT refreshtop_migration.as_owner();
DO $$
DECLARE
    v_slot text;
BEGIN
    -- If the log was dropped, it is unknown which of the marked attempts had left their row.
    IF to_regclass('public.metrics_refresh_log') IS NULL THEN
        FOR v_slot IN SELECT refreshtop_migration.attempt_marks() LOOP
            PERFORM setval(v_slot, 0);
        END LOOP;
    END IF;
END
$$;
CREATE TABLE IF NOT EXISTS public.metrics_refresh_log (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    refresh_type  varchar(100) NOT NULL,
    status        varchar(20)  NOT NULL CHECK (status IN ('success', 'error')),
    duration_ms   numeric,
    error_message text,
    started_at    timestamptz NOT NULL,
    completed_at  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE public.metrics_refresh_log IS 'One row for every attempt to refresh a materialized view';
-- A role with our rights may have dropped columns.
ALTER TABLE public.metrics_refresh_log
    ADD COLUMN IF NOT EXISTS duration_ms numeric,
    ADD COLUMN IF NOT EXISTS error_message text,
    ADD COLUMN IF NOT EXISTS completed_at timestamptz,
    ADD COLUMN IF NOT EXISTS sqlstate text,
    ADD COLUMN IF NOT EXISTS error_detail text,
    ADD COLUMN IF NOT EXISTS error_hint text,
    ADD COLUMN IF NOT EXISTS error_context text,
    ADD COLUMN IF NOT EXISTS trigger_source text,
    ADD COLUMN IF NOT EXISTS triggered_by text,
    ADD COLUMN IF NOT EXISTS login_role text,
    ADD COLUMN IF NOT EXISTS application_name text,
    ADD COLUMN IF NOT EXISTS client_addr inet,
    ADD COLUMN IF NOT EXISTS backend_pid integer,
    ADD COLUMN IF NOT EXISTS black_box jsonb,
    ADD COLUMN IF NOT EXISTS measured jsonb;
COMMENT ON COLUMN public.metrics_refresh_log.sqlstate IS 'SQLSTATE of the failure';
COMMENT ON COLUMN public.metrics_refresh_log.error_detail IS 'DETAIL of the failure';
COMMENT ON COLUMN public.metrics_refresh_log.error_hint IS 'HINT of the failure';
COMMENT ON COLUMN public.metrics_refresh_log.error_context IS 'CONTEXT of the failure';
COMMENT ON COLUMN public.metrics_refresh_log.trigger_source IS
    'What set it off: schedule, manual or direct; NULL in rows older than refreshtop';
COMMENT ON COLUMN public.metrics_refresh_log.triggered_by IS 'Effective role of the caller';
COMMENT ON COLUMN public.metrics_refresh_log.login_role IS 'Role that had logged in';
COMMENT ON COLUMN public.metrics_refresh_log.application_name IS 'application_name of the session that ran it';
COMMENT ON COLUMN public.metrics_refresh_log.client_addr IS
    'Address of that session; NULL for a local socket or a background worker';
COMMENT ON COLUMN public.metrics_refresh_log.backend_pid IS 'Backend process that ran it';
COMMENT ON COLUMN public.metrics_refresh_log.black_box IS
    'Sessions that held or waited for conflicting locks when it failed';
COMMENT ON COLUMN public.metrics_refresh_log.measured IS
    'Figures of the view after a successful refresh, and estimated rows and bytes of each source';

-- A poll must cost the same with a month of rows and with ten million.
CREATE INDEX IF NOT EXISTS metrics_refresh_log_created_at
    ON public.metrics_refresh_log (created_at);
CREATE INDEX IF NOT EXISTS metrics_refresh_log_type_created_at
    ON public.metrics_refresh_log (refresh_type, created_at);
CREATE INDEX IF NOT EXISTS metrics_refresh_log_errors
    ON public.metrics_refresh_log (refresh_type, created_at) WHERE status = 'error';
-- If a name is taken, IF NOT EXISTS creates nothing and only reports it in a notice.
DO $$
DECLARE
    v_taken record;
BEGIN
    SELECT c.oid::regclass AS identity, pg_get_userbyid(c.relowner) AS owner INTO v_taken
    FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace
      AND c.relname IN ('metrics_refresh_log_created_at',
                        'metrics_refresh_log_type_created_at',
                        'metrics_refresh_log_errors')
      AND i.indrelid IS DISTINCT FROM 'public.metrics_refresh_log'::regclass
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% of role % is no index of the refresh log, but has the name of one',
            v_taken.identity, v_taken.owner
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Rename or drop it, then migrate again.';
    END IF;
END
$$;

-- The log by its oid: if the owner of schema public renames the schema or creates a decoy, the row still goes into our
-- own table. If the log is dropped, this view goes with it, and the row goes into log_fallback. A view reads and writes
-- with its owner's rights, and some roles may use every view (pg_read_all_data, pg_write_all_data): for anybody but the
-- owner this one is empty and accepts no row.
CREATE OR REPLACE VIEW refreshtop.log_door AS
    SELECT
        id,
        refresh_type,
        status,
        duration_ms,
        error_message,
        started_at,
        completed_at,
        created_at,
        sqlstate,
        error_detail,
        error_hint,
        error_context,
        trigger_source,
        triggered_by,
        login_role,
        application_name,
        client_addr,
        backend_pid,
        black_box,
        measured
    FROM public.metrics_refresh_log
    WHERE current_user = (SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'refreshtop')
    WITH CASCADED CHECK OPTION;
ALTER VIEW refreshtop.log_door
    ALTER id SET DEFAULT gen_random_uuid(),
    ALTER created_at SET DEFAULT now();
-- A rule inserts the rows, because PostgreSQL then refuses ON CONFLICT, which would show an existing row to a role that
-- knows its id. If anybody but the owner inserts, the log gets a row without an id, which it refuses.
CREATE OR REPLACE RULE taken AS ON INSERT TO refreshtop.log_door DO INSTEAD
    INSERT INTO public.metrics_refresh_log (
        id,
        refresh_type,
        status,
        duration_ms,
        error_message,
        started_at,
        completed_at,
        created_at,
        sqlstate,
        error_detail,
        error_hint,
        error_context,
        trigger_source,
        triggered_by,
        login_role,
        application_name,
        client_addr,
        backend_pid,
        black_box,
        measured)
    VALUES (
        CASE WHEN current_user = (SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'refreshtop')
             THEN new.id END,
        new.refresh_type,
        new.status,
        new.duration_ms,
        new.error_message,
        new.started_at,
        new.completed_at,
        new.created_at,
        new.sqlstate,
        new.error_detail,
        new.error_hint,
        new.error_context,
        new.trigger_source,
        new.triggered_by,
        new.login_role,
        new.application_name,
        new.client_addr,
        new.backend_pid,
        new.black_box,
        new.measured);
DO $$
DECLARE
    v_rule name;
BEGIN
    FOR v_rule IN
        SELECT rulename FROM pg_rewrite
        WHERE ev_class = 'refreshtop.log_door'::regclass AND rulename NOT IN ('_RETURN', 'taken')
    LOOP
        EXECUTE format('DROP RULE %I ON refreshtop.log_door', v_rule);
    END LOOP;
END
$$;
-- For its estimates the planner calls a query's operators with the most common values of a column, even if a view then
-- shows no row. So there are no statistics on these columns.
ALTER TABLE public.metrics_refresh_log
    ALTER error_message SET STATISTICS 0,
    ALTER error_detail SET STATISTICS 0,
    ALTER error_hint SET STATISTICS 0,
    ALTER error_context SET STATISTICS 0,
    ALTER triggered_by SET STATISTICS 0,
    ALTER login_role SET STATISTICS 0,
    ALTER application_name SET STATISTICS 0,
    ALTER client_addr SET STATISTICS 0,
    ALTER black_box SET STATISTICS 0,
    ALTER measured SET STATISTICS 0;
CREATE TABLE IF NOT EXISTS refreshtop.log_fallback (
    id               uuid PRIMARY KEY,
    refresh_type     text NOT NULL,
    status           text NOT NULL,
    duration_ms      numeric,
    error_message    text,
    started_at       timestamptz NOT NULL,
    completed_at     timestamptz,
    created_at       timestamptz NOT NULL,
    sqlstate         text,
    error_detail     text,
    error_hint       text,
    error_context    text,
    trigger_source   text,
    triggered_by     text,
    login_role       text,
    application_name text,
    client_addr      inet,
    backend_pid      integer,
    black_box        jsonb,
    measured         jsonb
);
COMMENT ON TABLE refreshtop.log_fallback IS
    'Attempts made while the log was gone; the next migration puts them into it';

DO $$
DECLARE
    v_table regclass;
BEGIN
    FOREACH v_table IN ARRAY ARRAY[
        'public.metrics_refresh_log',
        'refreshtop.log_door',
        'refreshtop.log_fallback'
    ]::regclass[] LOOP
        -- A right to write or truncate the log would allow forging or deleting the evidence.
        PERFORM refreshtop_migration.strip('TABLE', v_table::text, c.relowner, ARRAY(
            SELECT i FROM unnest(c.relacl) i, aclexplode(ARRAY[i]) a
            WHERE a.grantee = 0 OR a.privilege_type <> 'SELECT' OR NOT EXISTS (SELECT 1 FROM refreshtop.inventory)))
        FROM pg_class c WHERE c.oid = v_table;
        IF (SELECT relkind FROM pg_class WHERE oid = v_table) = 'r' THEN
            PERFORM refreshtop_migration.close_rows(v_table);
        END IF;
    END LOOP;
END
$$;
SELECT refreshtop_migration.let_admins_read('public.metrics_refresh_log');
SELECT refreshtop_migration.as_migrator();

-- The rows of a log that was moved aside. Reading it runs code that its owner attached to it, even in the planner. So
-- it is read in the query of a materialized view of a role without rights, where that can do no harm. The result has
-- PostgreSQL's own types, and no code. Only the first migration copies: a table that appears later is a decoy.
DO $$
DECLARE
    v_old     record;
    v_column  record;
    v_reader  name := refreshtop_migration.role('view');
    v_columns text;
    v_value   text;
    v_rows    oid;
BEGIN
    SELECT u.id, c.oid, c.relname, c.relrowsecurity INTO v_old
    FROM refreshtop.undo u
    JOIN pg_class c ON c.relname = u.object_name AND c.relnamespace = 'refreshtop_before'::regnamespace
    WHERE u.kind = 'moved' AND u.detail ->> 'name' = 'metrics_refresh_log' AND c.relkind = 'r'
      AND NOT EXISTS (SELECT 1 FROM refreshtop.inventory);
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR v_column IN
        SELECT w.name,
               w.type,
               CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END AS base,
               t.typcategory AS category
        FROM unnest(
            ARRAY['id', 'refresh_type', 'status', 'duration_ms', 'error_message',
                  'started_at', 'completed_at', 'created_at',
                  'sqlstate', 'error_detail', 'error_hint', 'error_context',
                  'trigger_source', 'triggered_by', 'login_role', 'application_name',
                  'client_addr', 'backend_pid', 'black_box', 'measured'],
            ARRAY['uuid', 'text', 'text', 'numeric', 'text',
                  'timestamptz', 'timestamptz', 'timestamptz',
                  'text', 'text', 'text', 'text',
                  'text', 'text', 'text', 'text',
                  'inet', 'integer', 'jsonb', 'jsonb']
        ) AS w(name, type)
        LEFT JOIN pg_attribute a
            ON a.attrelid = v_old.oid AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_type t ON t.oid = a.atttypid
    LOOP
        -- Only values that convert to our type without an error, and without a user-defined cast.
        v_value := CASE
            WHEN v_column.base IS NULL THEN 'NULL'
            WHEN v_column.type = 'text'
                 AND v_column.base IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype,
                                       'uuid'::regtype, 'integer'::regtype, 'bigint'::regtype)
                 OR v_column.type = 'text' AND v_column.category = 'E'
            THEN format('o.%I', v_column.name)
            WHEN v_column.type = 'numeric'
                 AND v_column.base IN ('numeric'::regtype, 'integer'::regtype, 'bigint'::regtype,
                                       'smallint'::regtype, 'real'::regtype, 'double precision'::regtype)
            THEN format('o.%I', v_column.name)
            WHEN v_column.type = 'timestamptz'
                 AND v_column.base IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
            THEN format('o.%I', v_column.name)
            WHEN v_column.base = to_regtype(v_column.type) THEN format('o.%I', v_column.name)
            ELSE 'NULL'
        END;
        v_columns := concat_ws(', ', v_columns, format('%s::%s AS %I', v_value, v_column.type, v_column.name));
    END LOOP;

    EXECUTE format('CREATE MATERIALIZED VIEW refreshtop_before.refreshtop_old_rows AS '
                   'SELECT %s FROM ONLY refreshtop_before.%I o WITH NO DATA',
                   v_columns, v_old.relname);
    v_rows := 'refreshtop_before.refreshtop_old_rows'::regclass;
    IF v_reader <> current_user THEN
        PERFORM refreshtop_migration.let_own('refreshtop_before', v_reader);
        EXECUTE format('GRANT SELECT ON refreshtop_before.%I TO %I', v_old.relname, v_reader);
        EXECUTE format('ALTER MATERIALIZED VIEW refreshtop_before.refreshtop_old_rows OWNER TO %I', v_reader);
    END IF;
    -- The table's row security is then about its readers, not about its current rows.
    IF v_old.relrowsecurity THEN
        EXECUTE format('ALTER TABLE refreshtop_before.%I DISABLE ROW LEVEL SECURITY', v_old.relname);
    END IF;
    REFRESH MATERIALIZED VIEW refreshtop_before.refreshtop_old_rows;
    PERFORM refreshtop_migration.must_be_plain('refreshtop_before.refreshtop_old_rows', v_rows);
    IF v_old.relrowsecurity THEN
        EXECUTE format('ALTER TABLE refreshtop_before.%I ENABLE ROW LEVEL SECURITY', v_old.relname);
    END IF;
    IF v_reader <> current_user THEN
        EXECUTE format('REVOKE SELECT ON refreshtop_before.%I FROM %I', v_old.relname, v_reader);
    END IF;
    EXECUTE format('GRANT SELECT ON refreshtop_before.refreshtop_old_rows TO %I', refreshtop_migration.role('owner'));
    PERFORM refreshtop_migration.as_owner();
    INSERT INTO refreshtop.log_door
    SELECT
        CASE WHEN o.id IS NULL OR row_number() OVER (PARTITION BY o.id) > 1 THEN gen_random_uuid() ELSE o.id END,
        left(coalesce(o.refresh_type, 'unknown'), 100),
        CASE WHEN lower(o.status) IN ('success', 'succeeded', 'completed', 'ok') THEN 'success' ELSE 'error' END,
        o.duration_ms,
        o.error_message,
        coalesce(o.started_at, o.created_at, o.completed_at, 'epoch'),
        o.completed_at,
        coalesce(o.created_at, o.completed_at, o.started_at, 'epoch'),
        o.sqlstate,
        o.error_detail,
        o.error_hint,
        o.error_context,
        o.trigger_source,
        o.triggered_by,
        o.login_role,
        o.application_name,
        o.client_addr,
        o.backend_pid,
        o.black_box,
        o.measured
    FROM refreshtop_before.refreshtop_old_rows o;
    UPDATE refreshtop.undo SET detail = detail || jsonb_build_object('copied_at', now()) WHERE id = v_old.id;
    PERFORM refreshtop_migration.as_migrator();
    DROP MATERIALIZED VIEW refreshtop_before.refreshtop_old_rows;
END
$$;
