-- Statistics of a window of the log, and the clean-up of the log.
SELECT refreshtop_migration.as_owner();

-- Where a window begins that ends now. The log of a copy is about the original; nothing refreshes this one.
CREATE OR REPLACE FUNCTION refreshtop.window_start(p_window interval) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_home text := refreshtop.not_at_home();
BEGIN
    IF v_home IS NOT NULL THEN
        RAISE EXCEPTION 'this database is not the one that was migrated (%)', v_home
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run: refreshtop migrate';
    ELSIF p_window IS NULL OR p_window <= interval '0' THEN
        RAISE EXCEPTION 'the statistics window must be positive, not %', coalesce(p_window::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- A window that reaches back too far for a timestamp covers everything.
    RETURN statement_timestamp() - least(p_window, interval '1000 years');
END
$$;
SELECT refreshtop_migration.seal('refreshtop.window_start(interval)');

-- A row that was written while the server's clock was ahead does not make the data fresh: rows from the future don't
-- count.
CREATE OR REPLACE FUNCTION refreshtop.run_stats(p_refresh_type text, p_window interval)
RETURNS TABLE (
    total_refreshes bigint,
    successful_refreshes bigint,
    failed_refreshes bigint,
    success_rate numeric,
    avg_duration_ms numeric,
    max_duration_ms numeric,
    min_duration_ms numeric,
    last_refresh_at timestamptz,
    last_error text,
    last_success_at timestamptz
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
-- With millions of rows the planner expects more of them in the window than there are. Starting workers for a few
-- hundred takes twenty times as long as counting them.
SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    v_until timestamptz := clock_timestamp();
    v_since timestamptz := refreshtop.window_start(coalesce(
        p_window,
        (SELECT refreshtop.window_of(v) FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type),
        interval '24 hours'));
BEGIN
    IF NOT EXISTS (SELECT 1 FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type) THEN
        -- A view that is no longer registered still has its log rows.
        IF NOT EXISTS (SELECT 1 FROM refreshtop.log_door l WHERE l.refresh_type = p_refresh_type) THEN
            RAISE EXCEPTION 'no materialized view is registered as "%"', p_refresh_type
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = 'SELECT refresh_type FROM refreshtop.views lists them.';
        END IF;
    END IF;
    RETURN QUERY
        SELECT count(*),
               count(*) FILTER (WHERE l.status = 'success'),
               count(*) FILTER (WHERE l.status = 'error'),
               round(count(*) FILTER (WHERE l.status = 'success') * 100.0 / nullif(count(*), 0), 2),
               -- How long a refresh takes: an attempt that failed, after 2 ms or after the lock wait, does not count.
               -- Nor does a number that is no duration: a few of those are more than a sum can hold.
               round(avg(t.ms), 3), max(t.ms), min(t.ms),
               max(least(l.completed_at, l.created_at)),
               (SELECT e.error_message FROM refreshtop.log_door e
                WHERE e.refresh_type = p_refresh_type AND e.status = 'error'
                  AND e.created_at > v_since AND e.created_at <= v_until
                ORDER BY e.created_at DESC LIMIT 1),
               (SELECT least(s.completed_at, s.created_at) FROM refreshtop.log_door s
                WHERE s.refresh_type = p_refresh_type AND s.status = 'success' AND s.created_at <= v_until
                ORDER BY s.created_at DESC LIMIT 1)
        FROM refreshtop.log_door l
        CROSS JOIN LATERAL (SELECT CASE WHEN l.status = 'success' AND l.duration_ms BETWEEN -1e15 AND 1e15
                                        THEN l.duration_ms END) AS t(ms)
        WHERE l.refresh_type = p_refresh_type AND l.created_at > v_since AND l.created_at <= v_until;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.run_stats(text, interval)');

CREATE OR REPLACE FUNCTION refreshtop.stats(p_refresh_type text, p_window interval)
RETURNS TABLE (
    total_refreshes bigint,
    successful_refreshes bigint,
    failed_refreshes bigint,
    success_rate numeric,
    avg_duration_ms numeric,
    max_duration_ms numeric,
    min_duration_ms numeric,
    last_refresh_at timestamptz,
    last_error text,
    last_success_at timestamptz,
    limits jsonb
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.*, (SELECT refreshtop.limits_of(v) FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type)
    FROM refreshtop.run_stats(p_refresh_type, p_window) s;
END
$$;
COMMENT ON FUNCTION refreshtop.stats(text, interval) IS
    'Statistics of a window, NULL for the view''s own; durations are those of successful refreshes; last_refresh_at is '
    'the last attempt, last_success_at the last success, inside the window or before it; limits are what is set for '
    'the view, lengths of time in seconds';
SELECT refreshtop_migration.seal('refreshtop.stats(text, interval)', 'admin');

-- What each view keeps of the log, the one place where that is decided; NULL stands for views that are no longer
-- registered. p_older_than takes the place of what the views say.
CREATE OR REPLACE FUNCTION refreshtop.kept_of_log(p_older_than interval)
RETURNS TABLE (refresh_type text, keep_log interval, last_success uuid, marked timestamptz[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- What it comes to now: a month less 29 days compares as one day, and ends in the future in February.
    v_older_than interval := CASE WHEN p_older_than >= interval '1 hour'
                                  THEN now() - (now() - least(p_older_than, interval '1000 years')) END;
BEGIN
    IF p_older_than < interval '1 hour' OR v_older_than < interval '1 hour' THEN
        RAISE EXCEPTION 'the log is kept for at least 1 hour, not %', p_older_than
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    SELECT v.refresh_type::text,
           -- What is judged is kept.
           least(greatest(coalesce(v_older_than, v.keep_log), refreshtop.window_of(v)), interval '1000 years'),
           -- The last success tells the age of the data, however long ago it was.
           (SELECT l.id FROM refreshtop.log_door l
            WHERE l.refresh_type = v.refresh_type AND l.status = 'success' AND l.created_at <= now()
            ORDER BY l.created_at DESC LIMIT 1),
           -- The row of an attempt that is still marked proves that it was not lost.
           ARRAY(SELECT refreshtop.attempt_start(v.refresh_type, slot)
                 FROM unnest(refreshtop.attempt_slots(v.refresh_type)) AS slot)
    FROM refreshtop.views v
    -- Rows of views that are no longer registered are kept for the default time.
    UNION ALL SELECT NULL, coalesce(v_older_than, interval '30 days'), NULL, NULL;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.kept_of_log(interval)');

-- Deletes in batches, so that no statement holds millions of rows. The next night deletes what one call leaves.
CREATE OR REPLACE FUNCTION refreshtop.run_cleanup(
    p_batch integer,
    p_max_batches integer,
    p_older_than interval DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_total   bigint := 0;
    v_deleted bigint;
    v_type    record;
BEGIN
    IF (p_batch > 0 AND p_max_batches > 0) IS NOT TRUE THEN
        RAISE EXCEPTION 'a cleanup takes at least one batch of at least one row, not % of %',
            coalesce(p_max_batches::text, 'NULL'), coalesce(p_batch::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR v_type IN SELECT * FROM refreshtop.kept_of_log(p_older_than) LOOP
        FOR i IN 1 .. p_max_batches LOOP
            DELETE FROM refreshtop.log_door
            WHERE id = ANY (ARRAY(
                SELECT l.id FROM refreshtop.log_door l
                WHERE l.created_at < now() - v_type.keep_log
                  AND CASE WHEN v_type.refresh_type IS NULL
                           THEN NOT EXISTS (SELECT 1 FROM refreshtop.views v WHERE v.refresh_type = l.refresh_type)
                           ELSE l.refresh_type = v_type.refresh_type
                                AND l.id IS DISTINCT FROM v_type.last_success
                                AND (date_trunc('milliseconds', l.started_at) = ANY (v_type.marked)) IS NOT TRUE END
                LIMIT p_batch));
            GET DIAGNOSTICS v_deleted = ROW_COUNT;
            v_total := v_total + v_deleted;
            EXIT WHEN v_deleted < p_batch;
        END LOOP;
    END LOOP;
    BEGIN
        DELETE FROM refreshtop.audit WHERE at < now() - interval '400 days';
    EXCEPTION WHEN assert_failure OR OTHERS THEN
        RAISE WARNING 'the audit trail can''t be cleaned up: %', left(SQLERRM, 500);
    END;
    -- A rollback may have dropped it.
    IF to_regprocedure('refreshtop.sum_all_again()') IS NOT NULL THEN
        PERFORM refreshtop.sum_all_again();
    END IF;
    PERFORM refreshtop.try_to_note_act('cleanup', 'success', jsonb_strip_nulls(
        jsonb_build_object('deleted', v_total, 'older_than', p_older_than)));
    RETURN v_total;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.run_cleanup(integer, integer, interval)');

CREATE OR REPLACE FUNCTION refreshtop.cleanup_logs(
    p_batch integer DEFAULT 10000,
    p_max_batches integer DEFAULT 100
) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT refreshtop.run_cleanup(p_batch, p_max_batches) $$;
COMMENT ON FUNCTION refreshtop.cleanup_logs(integer, integer) IS
    'Deletes log rows older than each view keeps them, but never its last success or a row inside its window; returns '
    'how many';
SELECT refreshtop_migration.seal('refreshtop.cleanup_logs(integer, integer)', 'admin', 'job');

-- Not for jobs: whoever may run them must not shorten what is kept.
CREATE OR REPLACE FUNCTION refreshtop.cleanup_logs_older(p_older_than interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_older_than IS NULL THEN
        RAISE EXCEPTION 'how old must rows be?' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN refreshtop.run_cleanup(10000, 100, p_older_than);
END
$$;
COMMENT ON FUNCTION refreshtop.cleanup_logs_older(interval) IS
    'Deletes log rows older than this, whatever each view keeps, but never its last success or a row inside its '
    'window; returns how many';
CREATE OR REPLACE FUNCTION refreshtop.past_keeping(p_older_than interval DEFAULT NULL)
RETURNS TABLE (refresh_type text, log_rows bigint, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.refresh_type::text, count(*), min(l.created_at)
    FROM refreshtop.kept_of_log(p_older_than) k
    JOIN refreshtop.log_door l
      ON l.created_at < now() - k.keep_log
     AND CASE WHEN k.refresh_type IS NULL
              THEN NOT EXISTS (SELECT 1 FROM refreshtop.views v WHERE v.refresh_type = l.refresh_type)
              ELSE l.refresh_type = k.refresh_type
                   AND l.id IS DISTINCT FROM k.last_success
                   AND (date_trunc('milliseconds', l.started_at) = ANY (k.marked)) IS NOT TRUE END
    GROUP BY l.refresh_type ORDER BY count(*) DESC, l.refresh_type
$$;
COMMENT ON FUNCTION refreshtop.past_keeping(interval) IS
    'How many log rows of each view a cleanup would delete: refreshtop.cleanup_logs() without an age, '
    'refreshtop.cleanup_logs_older() with one';
SELECT refreshtop_migration.seal('refreshtop.cleanup_logs_older(interval)', 'admin'),
       refreshtop_migration.seal('refreshtop.past_keeping(interval)', 'admin');
SELECT refreshtop_migration.as_migrator();
