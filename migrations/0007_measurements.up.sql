-- What a successful refresh leaves behind: the view's figures, and how large its sources were. "Why is it getting
-- slower" needs both from before.

-- Fills the column as the refresh's row is inserted, so that the refresh itself stays as it was released. Only for a
-- refresh of this very transaction: it holds the view locked, so that what is read here is the view that was refreshed,
-- and no other; and it holds what it has read, so that nobody is waited for. Rows from elsewhere (a restored dump, a
-- script) pass as they are. Whatever goes wrong, the row is inserted.
CREATE FUNCTION refreshtop.measure() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Should somebody hold one of the sources after all.
SET lock_timeout = '100ms'
AS $$
DECLARE
    v_view    record;
    v_columns text;
    v_figures jsonb;
    v_sources jsonb;
BEGIN
    -- Compared as text, whatever types the columns of an older log have.
    IF NEW.status::text IS DISTINCT FROM 'success' OR NEW.backend_pid::text IS DISTINCT FROM pg_backend_pid()::text THEN
        RETURN NEW;
    END IF;
    BEGIN
        SELECT c.oid, v.view_schema, v.view_name INTO v_view
        FROM refreshtop.views v
        JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', v.view_schema, v.view_name)) AND c.relkind = 'm'
        WHERE v.refresh_type = NEW.refresh_type::text
          AND EXISTS (SELECT 1 FROM pg_locks l
                      WHERE l.locktype = 'relation' AND l.relation = c.oid AND l.pid = pg_backend_pid() AND l.granted
                        AND l.mode IN ('ExclusiveLock', 'AccessExclusiveLock')
                        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
        IF NOT FOUND THEN
            RETURN NEW;
        END IF;

        -- Numbers only, and of PostgreSQL's own types: to turn another type into JSON can run functions of others.
        SELECT string_agg(format('%L, CASE WHEN %I BETWEEN -1e30 AND 1e30 THEN trim_scale(round(%I::numeric, 6)) END',
                                 a.attname, a.attname, a.attname), ', ' ORDER BY a.attnum)
        INTO v_columns
        FROM (SELECT * FROM pg_attribute
              WHERE attrelid = v_view.oid AND attnum > 0 AND NOT attisdropped
                AND atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'real'::regtype,
                                 'double precision'::regtype, 'numeric'::regtype)
              ORDER BY attnum LIMIT 50) a;
        IF v_columns IS NOT NULL THEN
            -- A view of many rows has no figures.
            EXECUTE format('SELECT CASE WHEN count(*) = 1 THEN jsonb_strip_nulls((jsonb_agg(one.figures)) -> 0) END '
                           'FROM (SELECT jsonb_build_object(%s) AS figures FROM ONLY %I.%I LIMIT 2) one',
                           v_columns, v_view.view_schema, v_view.view_name) INTO v_figures;
        END IF;

        -- Partitions count together. A size is asked for under a lock: only where we hold one already; else the last known
        -- number of pages will do. Rows are estimated as the planner does it, by their density; a table that was never
        -- analyzed has none.
        WITH held AS MATERIALIZED (
            SELECT l.relation FROM pg_locks l
            WHERE l.locktype = 'relation' AND l.pid = pg_backend_pid() AND l.granted
              AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        ), part AS (
            SELECT coalesce(pg_partition_root(c.oid)::oid, c.oid) AS source, c.oid, c.relpages, c.reltuples,
                   c.oid IN (SELECT held.relation FROM held) AS held
            FROM refreshtop.relations(v_view.oid) AS r(oid) JOIN pg_class c ON c.oid = r.oid
            WHERE c.oid <> v_view.oid AND c.relkind IN ('r', 'm')
        ), sized AS (
            SELECT part.source, part.relpages, part.reltuples,
                   CASE WHEN held THEN pg_relation_size(part.oid) / current_setting('block_size')::bigint ELSE part.relpages END AS pages,
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

        NEW.measured := jsonb_strip_nulls(jsonb_build_object('figures', v_figures, 'sources', v_sources));
    EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
        NEW.measured := jsonb_build_object('error', left(SQLERRM, 500));
    END;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION refreshtop.measure() IS
    'Notes with a successful refresh what the view''s figures and the sizes of its sources were; never fails the row';

DO $$
DECLARE
    v_type text;
BEGIN
    PERFORM refreshtop.strip_routine('refreshtop.measure()');
    SELECT format_type(a.atttypid, NULL) INTO v_type FROM pg_attribute a
    WHERE a.attrelid = 'public.metrics_refresh_log'::regclass AND a.attname = 'measured' AND NOT a.attisdropped;
    IF v_type IS NULL THEN
        ALTER TABLE public.metrics_refresh_log ADD COLUMN measured jsonb;
        COMMENT ON COLUMN public.metrics_refresh_log.measured IS
            'Figures of the view after a successful refresh, and estimated rows and bytes of each source';
        PERFORM refreshtop.note_undo(7, 'ALTER TABLE public.metrics_refresh_log DROP COLUMN IF EXISTS measured');
    ELSIF v_type <> 'jsonb' THEN
        PERFORM refreshtop.record_act('migrate up', 'kept', jsonb_build_object('message', format(
            'public.metrics_refresh_log keeps its own column measured of type %s, so refreshes leave no measurements', v_type)));
        RETURN;
    END IF;
    -- Rows that a replica replays do not fire it: they bring what was measured.
    CREATE TRIGGER refreshtop_measure BEFORE INSERT ON public.metrics_refresh_log
        FOR EACH ROW EXECUTE FUNCTION refreshtop.measure();
    PERFORM refreshtop.note_undo(7, 'DROP TRIGGER IF EXISTS refreshtop_measure ON public.metrics_refresh_log');
END
$$;
