-- Statistics of all views at once, at a price that does not grow with the log. Triggers on the log keep its sums by
-- day, and the newest attempts of each view. What they could not keep is marked, and read from the log itself.
SELECT refreshtop_migration.as_owner();

-- Sums of a day (in UTC) of a view. Entry n of an array covers the hours from hour n - 1 to the end of the day: a
-- window ends now, so it is the end of one day, and whole days after it. There may be several rows for one day, which
-- add up: a transaction that can't lock the row makes another one.
CREATE TABLE IF NOT EXISTS refreshtop.log_days (
    refresh_type varchar(100) NOT NULL,
    day          timestamptz NOT NULL,
    total        integer[] NOT NULL,
    successful   integer[] NOT NULL,
    timed        integer[] NOT NULL,
    sum_ms       numeric[] NOT NULL,
    max_ms       numeric[] NOT NULL,
    min_ms       numeric[] NOT NULL,
    last_at      timestamptz NOT NULL,
    newest_at    timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE refreshtop.log_days IS
    'Sums of the refresh log by view and day, which triggers on the log keep; durations are those of successes';
COMMENT ON COLUMN refreshtop.log_days.total IS 'Attempts from each hour of the day to its end';
COMMENT ON COLUMN refreshtop.log_days.timed IS 'Successes that have a duration';
COMMENT ON COLUMN refreshtop.log_days.last_at IS 'Newest end of an attempt, or its row''s time if that is earlier';
COMMENT ON COLUMN refreshtop.log_days.newest_at IS 'Newest time of a row';
CREATE INDEX IF NOT EXISTS log_days_day ON refreshtop.log_days (day);
CREATE INDEX IF NOT EXISTS log_days_type_day ON refreshtop.log_days (refresh_type, day);

CREATE TABLE IF NOT EXISTS refreshtop.log_newest (
    refresh_type    varchar(100) PRIMARY KEY,
    newest_at       timestamptz NOT NULL,
    durations       real[] NOT NULL,
    failed          boolean[] NOT NULL,
    status          text NOT NULL,
    sqlstate        text,
    error_message   text,
    blocker_pid     integer,
    blocker         text,
    success_end     timestamptz,
    failure_at      timestamptz,
    failure_message text,
    streak          integer NOT NULL,
    streak_since    timestamptz,
    usual_ms        float8,
    spread_ms       float8
) WITH (fillfactor = 50);
COMMENT ON TABLE refreshtop.log_newest IS 'The newest attempts of each view, which triggers on the log keep';
COMMENT ON COLUMN refreshtop.log_newest.failure_message IS
    'Its first 500 characters: the code of a view''s owner can write megabytes, and every poll reads all views';
COMMENT ON COLUMN refreshtop.log_newest.durations IS 'Of the newest 20 attempts, oldest first';
COMMENT ON COLUMN refreshtop.log_newest.streak IS
    'How many of the newest attempts ended as the last one did, at most 10000';
COMMENT ON COLUMN refreshtop.log_newest.streak_since IS 'Time of the oldest of these';
COMMENT ON COLUMN refreshtop.log_newest.usual_ms IS
    'Median duration of the 300 successes before the newest three; NULL if there are fewer than ten';
COMMENT ON COLUMN refreshtop.log_newest.spread_ms IS 'Median of the distances to usual_ms';

CREATE TABLE IF NOT EXISTS refreshtop.log_outdated (
    refresh_type varchar(100) NOT NULL,
    day          timestamptz NOT NULL
);
COMMENT ON TABLE refreshtop.log_outdated IS
    'Days of views of which log_days and log_newest are not valid, until they are summed again';
CREATE INDEX IF NOT EXISTS log_outdated_type ON refreshtop.log_outdated (refresh_type);

CREATE TABLE IF NOT EXISTS refreshtop.log_summed (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    log      oid NOT NULL,
    keepers  text NOT NULL
);
COMMENT ON TABLE refreshtop.log_summed IS
    'The log, and the triggers and tables that have kept its sums since they were made; with others they are not valid';

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['log_days', 'log_newest', 'log_outdated', 'log_summed'] LOOP
        PERFORM refreshtop_migration.strip_relation('refreshtop.' || v_table);
        PERFORM refreshtop_migration.close_rows(('refreshtop.' || v_table)::regclass);
    END LOOP;
END
$$;

-- The triggers on the log and the tables of its sums, as they are now. The transaction that has last changed a trigger
-- is part of it, so that one that was disabled for a while is noticed after it was enabled again.
CREATE OR REPLACE FUNCTION refreshtop.keepers_of(p_log oid) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT string_agg(k.keeper, ', ' ORDER BY k.keeper) FROM (
        SELECT concat_ws(' ', t.tgname, t.tgenabled, t.tgfoid, t.xmin) AS keeper
        FROM pg_trigger t WHERE t.tgrelid = p_log AND NOT t.tgisinternal
        UNION ALL
        SELECT concat_ws(' ', c.relname, c.oid) FROM pg_class c
        WHERE c.oid IN (to_regclass('refreshtop.log_days'), to_regclass('refreshtop.log_newest'),
                        to_regclass('refreshtop.log_outdated'))) k);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.keepers_of(oid)');

-- Whether these have kept the sums since they were made. A restored log has other triggers. The rows of a child table
-- would be in the log, but not in the sums.
CREATE OR REPLACE FUNCTION refreshtop.has_sums() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM refreshtop.log_summed s
                   WHERE s.keepers = refreshtop.keepers_of(s.log)
                     AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = s.log));
END
$$;
SELECT refreshtop_migration.seal('refreshtop.has_sums()');

-- The session in the black box that stood in the way: the one that waited for the fewest others.
CREATE OR REPLACE FUNCTION refreshtop.blocker(p_black_box jsonb, OUT pid integer, OUT name text)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT (b.session ->> 'pid')::integer,
           left(coalesce(nullif(b.session ->> 'application', ''), b.session ->> 'user'), 100)
    INTO pid, name
    FROM jsonb_array_elements(CASE WHEN jsonb_typeof(p_black_box -> 'sessions') = 'array'
                                   THEN p_black_box -> 'sessions' END) WITH ORDINALITY AS b(session, place)
    WHERE b.session ->> 'pid' ~ '^[0-9]{1,9}$'
    ORDER BY jsonb_array_length(CASE WHEN jsonb_typeof(b.session -> 'blocked_by') = 'array'
                                     THEN b.session -> 'blocked_by' ELSE '[]' END), b.place
    LIMIT 1;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.blocker(jsonb)');

-- How long the refreshes of a view usually take: the median duration of its successes up to a moment without the newest
-- three, and the median of the distances to it. Both hold until half of the successes are others.
CREATE OR REPLACE FUNCTION refreshtop.usual_duration(
    p_refresh_type text, p_until timestamptz, OUT usual_ms float8, OUT spread_ms float8)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ms float8[];
BEGIN
    SELECT array_agg(d.duration_ms::float8 ORDER BY d.duration_ms) INTO v_ms
    FROM (SELECT l.duration_ms FROM refreshtop.log_door l
          WHERE l.refresh_type = p_refresh_type AND l.created_at <= p_until AND l.status = 'success'
          ORDER BY l.created_at DESC OFFSET 3 LIMIT 300) d
    WHERE d.duration_ms BETWEEN 0 AND 1e12;
    IF cardinality(v_ms) < 10 THEN
        RETURN;
    END IF;
    usual_ms := v_ms[(cardinality(v_ms) + 1) / 2];
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY abs(d.ms - usual_ms)) INTO spread_ms FROM unnest(v_ms) AS d(ms);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.usual_duration(text, timestamptz)');

-- How many attempts of a view up to a moment ended as the last one did, at most 10000, and the time of the oldest.
CREATE OR REPLACE FUNCTION refreshtop.streak(
    p_refresh_type text, p_until timestamptz, p_success boolean, OUT streak integer, OUT since timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_other timestamptz;
BEGIN
    IF p_success THEN
        SELECT l.created_at INTO v_other FROM refreshtop.log_door l
        WHERE l.refresh_type = p_refresh_type AND l.created_at <= p_until AND l.status = 'error'
        ORDER BY l.created_at DESC LIMIT 1;
    ELSE
        SELECT l.created_at INTO v_other FROM refreshtop.log_door l
        WHERE l.refresh_type = p_refresh_type AND l.created_at <= p_until AND l.status = 'success'
        ORDER BY l.created_at DESC LIMIT 1;
    END IF;
    IF v_other IS NULL THEN
        SELECT count(*) INTO streak
        FROM (SELECT FROM refreshtop.log_door l
              WHERE l.refresh_type = p_refresh_type AND l.created_at <= p_until LIMIT 10000) l;
        SELECT l.created_at INTO since FROM refreshtop.log_door l
        WHERE l.refresh_type = p_refresh_type AND l.created_at <= p_until ORDER BY l.created_at LIMIT 1;
    ELSE
        SELECT count(*) INTO streak
        FROM (SELECT FROM refreshtop.log_door l
              WHERE l.refresh_type = p_refresh_type AND l.created_at > v_other AND l.created_at <= p_until
              LIMIT 10000) l;
        SELECT l.created_at INTO since FROM refreshtop.log_door l
        WHERE l.refresh_type = p_refresh_type AND l.created_at > v_other AND l.created_at <= p_until
        ORDER BY l.created_at LIMIT 1;
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.streak(text, timestamptz, boolean)');

-- The newest `p_count` attempts of a view in the log, up to a moment; no row if there are none.
CREATE OR REPLACE FUNCTION refreshtop.newest(p_refresh_type text, p_count integer, p_until timestamptz)
RETURNS refreshtop.log_newest
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_newest refreshtop.log_newest;
BEGIN
    WITH newest AS MATERIALIZED (
        SELECT l.* FROM refreshtop.log_door l
        WHERE l.refresh_type = p_refresh_type AND l.created_at <= p_until ORDER BY l.created_at DESC LIMIT p_count
    ), last AS (
        SELECT * FROM newest n ORDER BY n.created_at DESC LIMIT 1
    )
    SELECT p_refresh_type, l.created_at, a.durations, a.failed, l.status, left(l.sqlstate, 5),
           left(l.error_message, 500), b.pid, b.name
    INTO v_newest
    FROM last l
    CROSS JOIN (SELECT array_agg(CASE WHEN n.duration_ms BETWEEN 0 AND 1e12 THEN round(n.duration_ms, 6) END::real
                                 ORDER BY n.created_at) AS durations,
                       array_agg(n.status <> 'success' ORDER BY n.created_at) AS failed
                FROM newest n) a
    CROSS JOIN LATERAL refreshtop.blocker(l.black_box) b;
    IF v_newest.refresh_type IS NOT NULL THEN
        SELECT s.streak, s.since INTO v_newest.streak, v_newest.streak_since
        FROM refreshtop.streak(p_refresh_type, p_until, v_newest.status = 'success') s;
        SELECT u.usual_ms, u.spread_ms INTO v_newest.usual_ms, v_newest.spread_ms
        FROM refreshtop.usual_duration(p_refresh_type, p_until) u;
    END IF;
    RETURN v_newest;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.newest(text, integer, timestamptz)');

-- The sums of every day of a view from one day to another, or of all views, from the log.
CREATE OR REPLACE FUNCTION refreshtop.sum_days(p_refresh_type text, p_from timestamptz, p_to timestamptz)
RETURNS SETOF refreshtop.log_days
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN QUERY
        WITH hours AS MATERIALIZED (
            SELECT l.refresh_type,
                   date_trunc('day', l.created_at, 'UTC') AS day,
                   coalesce(extract(hour FROM l.created_at AT TIME ZONE 'UTC'), 0)::integer AS hour,
                   count(*) AS total,
                   count(*) FILTER (WHERE l.status = 'success') AS successful,
                   count(t.ms) AS timed, sum(t.ms) AS sum_ms, max(t.ms) AS max_ms, min(t.ms) AS min_ms,
                   max(least(l.completed_at, l.created_at)) AS last_at,
                   max(l.created_at) AS newest_at
            FROM refreshtop.log_door l
            CROSS JOIN LATERAL (SELECT CASE WHEN l.status = 'success' AND l.duration_ms BETWEEN -1e15 AND 1e15
                                            THEN l.duration_ms END) AS t(ms)
            WHERE (p_refresh_type IS NULL OR l.refresh_type = p_refresh_type)
              AND (p_from IS NULL OR l.created_at >= p_from)
              AND (p_to IS NULL OR l.created_at <= p_to + interval '23:59:59.999999')
            GROUP BY 1, 2, 3
        ), summed AS (
            SELECT d.refresh_type, d.day, e.hour,
                   coalesce(sum(h.total) OVER later, 0)::integer AS total,
                   coalesce(sum(h.successful) OVER later, 0)::integer AS successful,
                   coalesce(sum(h.timed) OVER later, 0)::integer AS timed,
                   coalesce(sum(h.sum_ms) OVER later, 0) AS sum_ms,
                   max(h.max_ms) OVER later AS max_ms,
                   min(h.min_ms) OVER later AS min_ms,
                   h.last_at, h.newest_at
            FROM (SELECT DISTINCT k.refresh_type, k.day FROM hours k) d
            CROSS JOIN generate_series(0, 23) AS e(hour)
            LEFT JOIN hours h ON h.refresh_type = d.refresh_type AND h.day = d.day AND h.hour = e.hour
            WINDOW later AS (PARTITION BY d.refresh_type, d.day ORDER BY e.hour DESC)
        )
        SELECT s.refresh_type, s.day, array_agg(s.total ORDER BY s.hour), array_agg(s.successful ORDER BY s.hour),
               array_agg(s.timed ORDER BY s.hour), array_agg(s.sum_ms ORDER BY s.hour),
               array_agg(s.max_ms ORDER BY s.hour), array_agg(s.min_ms ORDER BY s.hour),
               max(s.last_at), max(s.newest_at)
        FROM summed s GROUP BY s.refresh_type, s.day;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.sum_days(text, timestamptz, timestamptz)');

-- What log_newest has to hold of a view, from the log.
CREATE OR REPLACE FUNCTION refreshtop.newest_to_keep(p_refresh_type text) RETURNS SETOF refreshtop.log_newest
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_newest refreshtop.log_newest := refreshtop.newest(p_refresh_type, 20, 'infinity');
BEGIN
    IF v_newest.refresh_type IS NULL THEN
        RETURN;
    END IF;
    SELECT least(s.completed_at, s.created_at) INTO v_newest.success_end FROM refreshtop.log_door s
    WHERE s.refresh_type = p_refresh_type AND s.status = 'success' ORDER BY s.created_at DESC LIMIT 1;
    SELECT e.created_at, left(e.error_message, 500) INTO v_newest.failure_at, v_newest.failure_message
    FROM refreshtop.log_door e
    WHERE e.refresh_type = p_refresh_type AND e.status = 'error' ORDER BY e.created_at DESC LIMIT 1;
    RETURN NEXT v_newest;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.newest_to_keep(text)');

-- Sums the marked days of a view again. Nothing may be counted twice or be missed while others write the log: the rows
-- that are replaced are locked first, so no other transaction can add to them. The statement that replaces them has a
-- snapshot of its own, in which everything is that the locked rows had counted. If that snapshot has a row that is not
-- locked, somebody has written it in between, and the next call does it.
CREATE OR REPLACE FUNCTION refreshtop.sum_again(p_refresh_type text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
-- Another transaction may be about to insert the first row of log_newest.
SET lock_timeout = '50ms'
AS $$
DECLARE
    v_marks  tid[];
    v_marked timestamptz[];
    v_days   tid[];
    v_newest tid[];
BEGIN
    SELECT array_agg(o.ctid), array_agg(DISTINCT o.day) INTO v_marks, v_marked
    FROM (SELECT ctid, day FROM refreshtop.log_outdated WHERE refresh_type = p_refresh_type FOR UPDATE SKIP LOCKED) o;
    IF v_marks IS NULL THEN
        RETURN;
    END IF;
    SELECT coalesce(array_agg(d.ctid), '{}') INTO v_days
    FROM (SELECT ctid FROM refreshtop.log_days
          WHERE refresh_type = p_refresh_type AND day = ANY (v_marked) FOR UPDATE NOWAIT) d;
    SELECT coalesce(array_agg(n.ctid), '{}') INTO v_newest
    FROM (SELECT ctid FROM refreshtop.log_newest WHERE refresh_type = p_refresh_type FOR UPDATE NOWAIT) n;
    WITH free AS MATERIALIZED (
        SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM refreshtop.log_days d WHERE d.refresh_type = p_refresh_type
                                   AND d.day = ANY (v_marked) AND d.ctid <> ALL (v_days))
                   AND NOT EXISTS (SELECT 1 FROM refreshtop.log_newest n WHERE n.refresh_type = p_refresh_type
                                   AND n.ctid <> ALL (v_newest))
    ), marks_gone AS (
        DELETE FROM refreshtop.log_outdated WHERE ctid = ANY (v_marks) AND EXISTS (SELECT 1 FROM free)
    ), days_gone AS (
        DELETE FROM refreshtop.log_days WHERE ctid = ANY (v_days) AND EXISTS (SELECT 1 FROM free)
    ), newest AS (
        SELECT n.* FROM free CROSS JOIN refreshtop.newest_to_keep(p_refresh_type) n
    ), newest_gone AS (
        DELETE FROM refreshtop.log_newest
        WHERE ctid = ANY (v_newest) AND EXISTS (SELECT 1 FROM free) AND NOT EXISTS (SELECT 1 FROM newest)
    ), newest_kept AS (
        INSERT INTO refreshtop.log_newest SELECT n.* FROM newest n
        ON CONFLICT (refresh_type) DO UPDATE SET
            newest_at = excluded.newest_at, durations = excluded.durations, failed = excluded.failed,
            status = excluded.status, sqlstate = excluded.sqlstate, error_message = excluded.error_message,
            blocker_pid = excluded.blocker_pid, blocker = excluded.blocker, success_end = excluded.success_end,
            failure_at = excluded.failure_at, failure_message = excluded.failure_message,
            streak = excluded.streak, streak_since = excluded.streak_since,
            usual_ms = excluded.usual_ms, spread_ms = excluded.spread_ms
    )
    INSERT INTO refreshtop.log_days
    SELECT d.* FROM free CROSS JOIN unnest(v_marked) AS m(day)
    CROSS JOIN refreshtop.sum_days(p_refresh_type, m.day, m.day) d;
EXCEPTION WHEN assert_failure OR OTHERS THEN
    -- They stay marked.
    IF SQLSTATE <> '55P03' THEN
        RAISE WARNING 'the sums of the refresh log can''t be made again: %', left(SQLERRM, 500);
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.sum_again(text)');

-- Adds an attempt to the sums. A row that another transaction has locked is not waited for. If anything fails, the day
-- is marked.
CREATE OR REPLACE FUNCTION refreshtop.count_attempt(p_row refreshtop.log_fallback) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_day     timestamptz := date_trunc('day', p_row.created_at, 'UTC');
    v_hours   integer := 1 + coalesce(extract(hour FROM p_row.created_at AT TIME ZONE 'UTC'), 0)::integer;
    v_success boolean := p_row.status = 'success';
    v_ms      numeric := CASE WHEN p_row.status = 'success' AND p_row.duration_ms BETWEEN -1e15 AND 1e15
                               THEN p_row.duration_ms END;
    -- An older snapshot does not show the newest version of a row, which then can't be changed.
    v_is_new  boolean := current_setting('transaction_isolation') NOT IN ('repeatable read', 'serializable');
    v_old     refreshtop.log_days;
    v_place   tid;
    v_newest  timestamptz;
    v_blocker record;
    v_usual   float8;
    v_spread  float8;
BEGIN
    IF v_is_new THEN
        SELECT d.ctid INTO v_place FROM refreshtop.log_days d
        WHERE d.refresh_type = p_row.refresh_type AND d.day = v_day LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF v_place IS NULL THEN
        v_old := (p_row.refresh_type, v_day, array_fill(0, ARRAY[24]), array_fill(0, ARRAY[24]),
                  array_fill(0, ARRAY[24]), array_fill(0::numeric, ARRAY[24]), array_fill(NULL::numeric, ARRAY[24]),
                  array_fill(NULL::numeric, ARRAY[24]), '-infinity', '-infinity');
    ELSE
        SELECT * INTO STRICT v_old FROM refreshtop.log_days d WHERE d.ctid = v_place;
    END IF;
    SELECT array_agg(e.total + e.adds ORDER BY e.hour),
           array_agg(e.successful + CASE WHEN v_success THEN e.adds ELSE 0 END ORDER BY e.hour),
           array_agg(e.timed + CASE WHEN v_ms IS NULL THEN 0 ELSE e.adds END ORDER BY e.hour),
           array_agg(CASE WHEN e.adds = 1 AND v_ms IS NOT NULL THEN e.sum_ms + v_ms ELSE e.sum_ms END ORDER BY e.hour),
           array_agg(CASE e.adds WHEN 1 THEN greatest(e.max_ms, v_ms) ELSE e.max_ms END ORDER BY e.hour),
           array_agg(CASE e.adds WHEN 1 THEN least(e.min_ms, v_ms) ELSE e.min_ms END ORDER BY e.hour)
    INTO v_old.total, v_old.successful, v_old.timed, v_old.sum_ms, v_old.max_ms, v_old.min_ms
    FROM (SELECT u.*, CASE WHEN u.hour <= v_hours THEN 1 ELSE 0 END AS adds
          FROM unnest(v_old.total, v_old.successful, v_old.timed, v_old.sum_ms, v_old.max_ms, v_old.min_ms)
               WITH ORDINALITY AS u(total, successful, timed, sum_ms, max_ms, min_ms, hour)) e;
    v_old.last_at := greatest(v_old.last_at, least(p_row.completed_at, p_row.created_at));
    v_old.newest_at := greatest(v_old.newest_at, p_row.created_at);
    IF v_place IS NULL THEN
        INSERT INTO refreshtop.log_days SELECT v_old.*;
    ELSE
        UPDATE refreshtop.log_days SET
            total = v_old.total, successful = v_old.successful, timed = v_old.timed, sum_ms = v_old.sum_ms,
            max_ms = v_old.max_ms, min_ms = v_old.min_ms, last_at = v_old.last_at, newest_at = v_old.newest_at
        WHERE ctid = v_place;
    END IF;

    v_place := NULL;
    IF v_is_new THEN
        SELECT n.ctid, n.newest_at INTO v_place, v_newest FROM refreshtop.log_newest n
        WHERE n.refresh_type = p_row.refresh_type FOR UPDATE SKIP LOCKED;
    END IF;
    IF p_row.created_at > v_newest THEN
        SELECT * INTO v_blocker FROM refreshtop.blocker(p_row.black_box);
        IF v_success THEN
            SELECT u.usual_ms, u.spread_ms INTO v_usual, v_spread
            FROM refreshtop.usual_duration(p_row.refresh_type, p_row.created_at) u;
        END IF;
        UPDATE refreshtop.log_newest SET
            newest_at = p_row.created_at,
            durations = (durations || CASE WHEN p_row.duration_ms BETWEEN 0 AND 1e12
                                           THEN round(p_row.duration_ms, 6) END::real)
                        [greatest(1, cardinality(durations) - 18) :],
            failed = (failed || NOT v_success)[greatest(1, cardinality(failed) - 18) :],
            status = p_row.status,
            sqlstate = left(p_row.sqlstate, 5),
            error_message = left(p_row.error_message, 500),
            blocker_pid = v_blocker.pid,
            blocker = v_blocker.name,
            success_end = CASE WHEN v_success THEN least(p_row.completed_at, p_row.created_at) ELSE success_end END,
            failure_at = CASE WHEN v_success THEN failure_at ELSE p_row.created_at END,
            failure_message = CASE WHEN v_success THEN failure_message ELSE left(p_row.error_message, 500) END,
            streak = CASE WHEN (status = 'success') = v_success THEN least(streak + 1, 10000) ELSE 1 END,
            streak_since = CASE WHEN (status = 'success') = v_success THEN streak_since ELSE p_row.created_at END,
            usual_ms = CASE WHEN v_success THEN v_usual ELSE usual_ms END,
            spread_ms = CASE WHEN v_success THEN v_spread ELSE spread_ms END
        WHERE ctid = v_place;
    ELSE
        INSERT INTO refreshtop.log_outdated VALUES (p_row.refresh_type, v_day);
    END IF;
    IF v_is_new AND EXISTS (SELECT 1 FROM refreshtop.log_outdated o WHERE o.refresh_type = p_row.refresh_type) THEN
        PERFORM refreshtop.sum_again(p_row.refresh_type);
    END IF;
EXCEPTION WHEN assert_failure OR OTHERS THEN
    INSERT INTO refreshtop.log_outdated VALUES (p_row.refresh_type, v_day);
END
$$;
SELECT refreshtop_migration.seal('refreshtop.count_attempt(refreshtop.log_fallback)');

-- If this fails, so does the change of the log: a refresh then keeps its row in log_fallback.
CREATE OR REPLACE FUNCTION refreshtop.log_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
AS $$
DECLARE
    v_row refreshtop.log_fallback;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE refreshtop.log_days, refreshtop.log_newest, refreshtop.log_outdated;
    ELSIF TG_LEVEL = 'ROW' THEN
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO refreshtop.log_outdated VALUES (new.refresh_type, date_trunc('day', new.created_at, 'UTC'));
        END IF;
        IF TG_OP <> 'INSERT' THEN
            INSERT INTO refreshtop.log_outdated VALUES (old.refresh_type, date_trunc('day', old.created_at, 'UTC'));
        END IF;
    ELSIF TG_OP = 'INSERT' THEN
        IF (SELECT count(*) FROM (SELECT 1 FROM came LIMIT 2) c) = 1 THEN
            SELECT c.refresh_type, c.status, c.duration_ms, c.error_message, c.completed_at, c.created_at, c.sqlstate,
                   c.black_box
            INTO v_row.refresh_type, v_row.status, v_row.duration_ms, v_row.error_message, v_row.completed_at,
                 v_row.created_at, v_row.sqlstate, v_row.black_box
            FROM came c;
            PERFORM refreshtop.count_attempt(v_row);
        ELSE
            INSERT INTO refreshtop.log_outdated
            SELECT DISTINCT c.refresh_type, date_trunc('day', c.created_at, 'UTC') FROM came c;
        END IF;
    ELSE
        INSERT INTO refreshtop.log_outdated
        SELECT DISTINCT g.refresh_type, date_trunc('day', g.created_at, 'UTC') FROM gone g;
        IF TG_OP = 'UPDATE' THEN
            INSERT INTO refreshtop.log_outdated
            SELECT DISTINCT c.refresh_type, date_trunc('day', c.created_at, 'UTC') FROM came c;
        END IF;
    END IF;
    RETURN NULL;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.log_changed()');

-- Sums the marked days of every view again, for a clean-up.
CREATE OR REPLACE FUNCTION refreshtop.sum_all_again() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_type text;
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RETURN;
    END IF;
    FOR v_type IN SELECT DISTINCT o.refresh_type FROM refreshtop.log_outdated o LOOP
        PERFORM refreshtop.sum_again(v_type);
    END LOOP;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.sum_all_again()');

-- The triggers, unless they are there and have kept the sums. With ALWAYS they also run in a session that replays or
-- restores rows. What a subscription writes runs no trigger for whole statements, so those mark row by row.
DO $$
DECLARE
    v_log  oid := 'public.metrics_refresh_log'::regclass;
    v_name name;
BEGIN
    IF refreshtop.has_sums() AND (SELECT s.log = v_log FROM refreshtop.log_summed s)
       AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = v_log AND NOT t.tgisinternal
                       AND t.tgfoid <> 'refreshtop.log_changed()'::regprocedure) THEN
        RETURN;
    END IF;
    FOR v_name IN SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = v_log AND NOT t.tgisinternal LOOP
        EXECUTE format('DROP TRIGGER %I ON public.metrics_refresh_log', v_name);
    END LOOP;
    CREATE TRIGGER refreshtop_came AFTER INSERT ON public.metrics_refresh_log REFERENCING NEW TABLE AS came
        FOR EACH STATEMENT EXECUTE FUNCTION refreshtop.log_changed();
    CREATE TRIGGER refreshtop_changed AFTER UPDATE ON public.metrics_refresh_log
        REFERENCING OLD TABLE AS gone NEW TABLE AS came
        FOR EACH STATEMENT EXECUTE FUNCTION refreshtop.log_changed();
    CREATE TRIGGER refreshtop_gone AFTER DELETE ON public.metrics_refresh_log REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION refreshtop.log_changed();
    CREATE TRIGGER refreshtop_emptied AFTER TRUNCATE ON public.metrics_refresh_log
        FOR EACH STATEMENT EXECUTE FUNCTION refreshtop.log_changed();
    CREATE TRIGGER refreshtop_replayed AFTER INSERT OR UPDATE OR DELETE ON public.metrics_refresh_log
        FOR EACH ROW EXECUTE FUNCTION refreshtop.log_changed();
    ALTER TABLE public.metrics_refresh_log ENABLE ALWAYS TRIGGER refreshtop_came;
    ALTER TABLE public.metrics_refresh_log ENABLE ALWAYS TRIGGER refreshtop_changed;
    ALTER TABLE public.metrics_refresh_log ENABLE ALWAYS TRIGGER refreshtop_gone;
    ALTER TABLE public.metrics_refresh_log ENABLE ALWAYS TRIGGER refreshtop_emptied;
    ALTER TABLE public.metrics_refresh_log ENABLE REPLICA TRIGGER refreshtop_replayed;
    TRUNCATE refreshtop.log_days, refreshtop.log_newest, refreshtop.log_outdated;
    -- The rows of a day are read together.
    INSERT INTO refreshtop.log_days
    SELECT d.* FROM refreshtop.sum_days(NULL, NULL, NULL) d ORDER BY d.day, d.refresh_type;
    INSERT INTO refreshtop.log_newest
    SELECT n.* FROM (SELECT DISTINCT d.refresh_type FROM refreshtop.log_days d) t
    CROSS JOIN LATERAL refreshtop.newest_to_keep(t.refresh_type) n;
    INSERT INTO refreshtop.log_summed (log, keepers)
    -- Each statement must see what was committed before the triggers locked the log.
    SELECT v_log, refreshtop.keepers_of(v_log)
    WHERE current_setting('transaction_isolation') = 'read committed'
      AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = v_log)
    ON CONFLICT (only_row) DO UPDATE SET log = excluded.log, keepers = excluded.keepers;
END
$$;
ANALYZE refreshtop.log_days, refreshtop.log_newest, refreshtop.log_outdated;

-- The statistics of every registered view, or of some of them. From the log come the part of the window that is not a
-- whole hour, and everything about a view that has a marked day in the window, a row of the future, or a row that ended
-- long before its time. The sums of views that have the same window are read together, those of others for each view.
CREATE OR REPLACE FUNCTION refreshtop.run_stats_of_all(p_window interval, p_views text[])
RETURNS TABLE (
    refresh_type text,
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
-- To plan this and to compile it takes longer than to run it.
SET plan_cache_mode = force_generic_plan SET jit = off SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    v_until timestamptz := clock_timestamp();
    -- The window that most views have.
    v_since timestamptz := refreshtop.window_start(coalesce(p_window, interval '24 hours'));
    v_edge  timestamptz := date_trunc('hour', v_since, 'UTC') + interval '1 hour';
    v_day   timestamptz := date_trunc('day', v_edge, 'UTC');
    v_hour  integer := 1 + extract(hour FROM v_edge AT TIME ZONE 'UTC')::integer;
    v_sums  boolean := refreshtop.has_sums();
    -- Whether that window is read for all of them at once.
    v_all   boolean := v_sums AND p_views IS NULL;
BEGIN
    RETURN QUERY
        WITH watched AS MATERIALIZED (
            SELECT w.refresh_type, w.since, v_all AND w.since = v_since AS is_common, e.edge,
                   date_trunc('day', e.edge, 'UTC') AS day
            FROM (SELECT v.refresh_type,
                         CASE WHEN p_window IS NULL
                                   AND (v.stats_window IS NOT NULL
                                        OR coalesce(v.run_every, v.max_age) > interval '12 hours')
                              THEN statement_timestamp() - refreshtop.window_of(v) ELSE v_since END AS since
                  FROM refreshtop.views v WHERE p_views IS NULL OR v.refresh_type = ANY (p_views)) w
            CROSS JOIN LATERAL (SELECT date_trunc('hour', w.since, 'UTC') + interval '1 hour' AS edge) e
        ), part AS (
            -- The rest of the hour in which the window begins.
            SELECT l.refresh_type,
                   count(*)::integer AS total,
                   (count(*) FILTER (WHERE l.status = 'success'))::integer AS successful,
                   count(t.ms)::integer AS timed, sum(t.ms) AS sum_ms, max(t.ms) AS max_ms, min(t.ms) AS min_ms,
                   max(least(l.completed_at, l.created_at)) AS last_at,
                   0 AS summed, NULL::timestamptz AS summed_at, NULL::timestamptz AS newest_at
            FROM refreshtop.log_door l
            CROSS JOIN LATERAL (SELECT CASE WHEN l.status = 'success' AND l.duration_ms BETWEEN -1e15 AND 1e15
                                            THEN l.duration_ms END) AS t(ms)
            WHERE v_all AND l.created_at > v_since AND l.created_at < v_edge AND l.created_at <= v_until
            GROUP BY l.refresh_type
            UNION ALL
            -- The rest of its day.
            SELECT d.refresh_type, d.total[v_hour], d.successful[v_hour], d.timed[v_hour], d.sum_ms[v_hour],
                   d.max_ms[v_hour], d.min_ms[v_hour], NULL, d.total[v_hour], d.last_at, d.newest_at
            FROM refreshtop.log_days d WHERE v_all AND d.day = v_day
            UNION ALL
            -- The days after it.
            SELECT d.refresh_type, d.total[1], d.successful[1], d.timed[1], d.sum_ms[1],
                   d.max_ms[1], d.min_ms[1], NULL, d.total[1], d.last_at, d.newest_at
            FROM refreshtop.log_days d WHERE v_all AND d.day > v_day AND d.day <= v_until
        ), summed AS (
            SELECT p.refresh_type, sum(p.total) AS total, sum(p.successful) AS successful, sum(p.timed) AS timed,
                   sum(p.sum_ms) AS sum_ms, max(p.max_ms) AS max_ms, min(p.min_ms) AS min_ms, max(p.last_at) AS last_at,
                   sum(p.summed) AS summed, max(p.summed_at) AS summed_at, max(p.newest_at) AS newest_at,
                   true AS is_common
            FROM part p GROUP BY p.refresh_type
            UNION ALL
            SELECT w.refresh_type, o.*, false
            FROM watched w CROSS JOIN LATERAL (
                SELECT sum(p.total), sum(p.successful), sum(p.timed), sum(p.sum_ms), max(p.max_ms), min(p.min_ms),
                       max(p.last_at), sum(p.summed), max(p.summed_at), max(p.newest_at)
                FROM (
                    SELECT count(*)::integer, (count(*) FILTER (WHERE l.status = 'success'))::integer,
                           count(t.ms)::integer, sum(t.ms), max(t.ms), min(t.ms),
                           max(least(l.completed_at, l.created_at)), 0, NULL::timestamptz, NULL::timestamptz
                    FROM refreshtop.log_door l
                    CROSS JOIN LATERAL (
                        SELECT CASE WHEN l.status = 'success' AND l.duration_ms BETWEEN -1e15 AND 1e15
                                    THEN l.duration_ms END) AS t(ms)
                    WHERE l.refresh_type = w.refresh_type AND l.created_at > w.since AND l.created_at < w.edge
                      AND l.created_at <= v_until
                    UNION ALL
                    SELECT d.total[h.hour], d.successful[h.hour], d.timed[h.hour], d.sum_ms[h.hour],
                           d.max_ms[h.hour], d.min_ms[h.hour], NULL, d.total[h.hour], d.last_at, d.newest_at
                    FROM refreshtop.log_days d
                    CROSS JOIN LATERAL (
                        SELECT CASE d.day WHEN w.day THEN 1 + extract(hour FROM w.edge AT TIME ZONE 'UTC')::integer
                                          ELSE 1 END) AS h(hour)
                    WHERE d.refresh_type = w.refresh_type AND d.day >= w.day AND d.day <= v_until
                ) AS p(total, successful, timed, sum_ms, max_ms, min_ms, last_at, summed, summed_at, newest_at)
            ) AS o
            WHERE v_sums AND NOT w.is_common
        ), marked AS MATERIALIZED (
            SELECT o.refresh_type, max(o.day) AS day FROM refreshtop.log_outdated o GROUP BY o.refresh_type
        ), view AS MATERIALIZED (
            SELECT w.refresh_type, w.since, m.day IS NULL AS is_unmarked, s.total, s.successful, s.timed, s.sum_ms,
                   s.max_ms, s.min_ms,
                   -- A row that ended in the window is in the window.
                   CASE WHEN s.summed > 0 THEN greatest(s.last_at, s.summed_at) ELSE s.last_at END AS last_at,
                   v_sums AND (m.day IS NULL OR m.day < w.day) AND coalesce(s.newest_at <= v_until, true)
                   AND (s.summed > 0 AND s.summed_at <= w.since) IS NOT TRUE AS is_summed
            FROM watched w
            LEFT JOIN summed s ON s.refresh_type = w.refresh_type AND s.is_common = w.is_common
            LEFT JOIN marked m ON m.refresh_type = w.refresh_type
        ), counted AS (
            SELECT v.refresh_type, v.since, v.is_unmarked, v.total, v.successful, v.timed, v.sum_ms, v.max_ms, v.min_ms,
                   v.last_at
            FROM view v WHERE v.is_summed
            UNION ALL
            SELECT v.refresh_type, v.since, v.is_unmarked, l.*
            FROM view v CROSS JOIN LATERAL (
                SELECT count(*),
                       count(*) FILTER (WHERE l.status = 'success'),
                       count(t.ms), sum(t.ms), max(t.ms), min(t.ms),
                       max(least(l.completed_at, l.created_at))
                FROM refreshtop.log_door l
                CROSS JOIN LATERAL (SELECT CASE WHEN l.status = 'success' AND l.duration_ms BETWEEN -1e15 AND 1e15
                                                THEN l.duration_ms END) AS t(ms)
                WHERE l.refresh_type = v.refresh_type AND l.created_at > v.since AND l.created_at <= v_until
            ) l
            WHERE NOT v.is_summed
        ), newest AS MATERIALIZED (
            SELECT n.refresh_type, n.success_end, n.failure_at, n.failure_message
            FROM refreshtop.log_newest n WHERE v_sums AND n.newest_at <= v_until
        )
        SELECT c.refresh_type::text,
               coalesce(c.total, 0),
               coalesce(c.successful, 0),
               coalesce(c.total - c.successful, 0),
               round(c.successful * 100.0 / nullif(c.total, 0), 2),
               round(c.sum_ms / nullif(c.timed, 0), 3),
               c.max_ms, c.min_ms, c.last_at,
               CASE WHEN coalesce(c.total = c.successful, true) THEN NULL
                    WHEN n.refresh_type IS NOT NULL THEN
                        CASE WHEN n.failure_at > c.since THEN n.failure_message END
                    ELSE (SELECT left(e.error_message, 500) FROM refreshtop.log_door e
                          WHERE e.refresh_type = c.refresh_type AND e.status = 'error'
                            AND e.created_at > c.since AND e.created_at <= v_until
                          ORDER BY e.created_at DESC LIMIT 1) END,
               CASE WHEN n.refresh_type IS NOT NULL THEN n.success_end
                    ELSE (SELECT least(s.completed_at, s.created_at) FROM refreshtop.log_door s
                          WHERE s.refresh_type = c.refresh_type AND s.status = 'success' AND s.created_at <= v_until
                          ORDER BY s.created_at DESC LIMIT 1) END
        FROM counted c
        LEFT JOIN newest n ON n.refresh_type = c.refresh_type AND c.is_unmarked;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.run_stats_of_all(interval, text[])');

CREATE OR REPLACE FUNCTION refreshtop.stats_of_all(p_window interval)
RETURNS TABLE (
    refresh_type text,
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
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM refreshtop.run_stats_of_all(p_window, NULL) $$;
COMMENT ON FUNCTION refreshtop.stats_of_all(interval) IS
    'The same statistics of every view that is registered, one row each; NULL for each view''s own window';
SELECT refreshtop_migration.seal('refreshtop.stats_of_all(interval)', 'admin');

-- The newest attempts of every registered view, or of some of them, one row each: how the last one ended, who stood in
-- its way, and the durations of the newest ones, oldest first.
CREATE OR REPLACE FUNCTION refreshtop.run_recent_of_all(p_count integer, p_views text[])
RETURNS TABLE (
    refresh_type text,
    last_at timestamptz,
    last_status text,
    last_sqlstate text,
    last_error text,
    blocker_pid integer,
    blocker text,
    durations real[],
    failed boolean[],
    streak integer,
    streak_since timestamptz,
    usual_ms float8,
    spread_ms float8
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    v_until timestamptz := clock_timestamp();
    v_sums  boolean := refreshtop.has_sums();
    v_count integer := least(p_count, 100);
BEGIN
    RETURN QUERY
        WITH view AS MATERIALIZED (
            SELECT v.refresh_type, n.refresh_type IS NOT NULL AS is_kept, n.newest_at, n.status, n.sqlstate,
                   n.error_message, n.blocker_pid, n.blocker, n.durations, n.failed, n.streak, n.streak_since,
                   n.usual_ms, n.spread_ms
            FROM refreshtop.views v
            LEFT JOIN refreshtop.log_newest n
                ON n.refresh_type = v.refresh_type AND v_sums AND n.newest_at <= v_until
               AND v_count > 0 AND (v_count <= 20 OR cardinality(n.failed) < 20)
               AND NOT EXISTS (SELECT 1 FROM refreshtop.log_outdated o WHERE o.refresh_type = n.refresh_type)
            WHERE p_views IS NULL OR v.refresh_type = ANY (p_views)
        )
        SELECT v.refresh_type::text, v.newest_at, v.status, v.sqlstate, v.error_message, v.blocker_pid, v.blocker,
               v.durations[greatest(1, cardinality(v.durations) - v_count + 1) :],
               v.failed[greatest(1, cardinality(v.failed) - v_count + 1) :],
               v.streak, v.streak_since, v.usual_ms, v.spread_ms
        FROM view v WHERE v.is_kept
        UNION ALL
        SELECT v.refresh_type::text, n.newest_at, n.status, n.sqlstate, n.error_message, n.blocker_pid, n.blocker,
               n.durations, n.failed, n.streak, n.streak_since, n.usual_ms, n.spread_ms
        FROM view v CROSS JOIN LATERAL refreshtop.newest(v.refresh_type, v_count, v_until) n
        WHERE NOT v.is_kept;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.run_recent_of_all(integer, text[])');

CREATE OR REPLACE FUNCTION refreshtop.recent_of_all(p_count integer)
RETURNS TABLE (
    refresh_type text,
    last_at timestamptz,
    last_status text,
    last_sqlstate text,
    last_error text,
    blocker_pid integer,
    blocker text,
    durations real[],
    failed boolean[],
    streak integer,
    streak_since timestamptz,
    usual_ms float8,
    spread_ms float8
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM refreshtop.run_recent_of_all(p_count, NULL) $$;
COMMENT ON FUNCTION refreshtop.recent_of_all(integer) IS
    'The newest attempts of every view that is registered, one row each, durations oldest first';
SELECT refreshtop_migration.seal('refreshtop.recent_of_all(integer)', 'admin');

-- The registered views whose statistics and newest attempts may have changed since an earlier call, of which `p_known`
-- is the `known`; all (NULL) if that can't be told, or if it is not worth while. Every change of the log writes the
-- view's row of log_newest, or marks the view, in the same transaction. Besides, a view changes if its registration
-- does, and if a row leaves its window.
--
-- What was written since is told by row versions: those that a transaction wrote which was not over at the earlier
-- call, without those that were seen then. Its snapshot alone would not do, since that knows no subtransactions.
CREATE OR REPLACE FUNCTION refreshtop.changed_since(
    p_window interval, p_known jsonb, OUT known jsonb, OUT views text[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    v_since  timestamptz := refreshtop.window_start(coalesce(p_window, interval '24 hours'));
    v_now    timestamptz := statement_timestamp();
    v_until  timestamptz := clock_timestamp();
    v_oldest xid := pg_snapshot_xmin(pg_current_snapshot())::xid;
    v_place  jsonb;
    v_absent text;
    v_known_since timestamptz := p_known ->> 'since';
    v_known_now   timestamptz := p_known ->> 'now';
    v_known_until timestamptz := p_known ->> 'until';
    v_age  integer := age((p_known ->> 'oldest')::xid);
    v_seen xid[];
    v_most interval := interval '5 minutes';
BEGIN
    -- On another server, or once the sums were made again, the numbers of transactions mean nothing. A transaction that
    -- may have written the log itself sees rows that it may change once more.
    IF refreshtop.has_sums() AND pg_current_xact_id_if_assigned() IS NULL THEN
        v_place := jsonb_build_array(pg_postmaster_start_time(), p_window::text, (
            SELECT refreshtop.keepers_of(s.log) FROM refreshtop.log_summed s));
    END IF;
    SELECT coalesce(array_agg(DISTINCT w.xmin::text), '{}')::xid[] INTO v_seen
    FROM (SELECT v.xmin FROM refreshtop.views v UNION ALL SELECT n.xmin FROM refreshtop.log_newest n) w
    WHERE age(w.xmin) <= age(v_oldest);
    -- A row that was deleted has no version.
    SELECT encode(sha256(convert_to(array_agg(v.refresh_type ORDER BY v.refresh_type)::text, getdatabaseencoding())),
                  'hex')
    INTO v_absent
    FROM refreshtop.views v
    WHERE NOT EXISTS (SELECT 1 FROM refreshtop.log_newest n WHERE n.refresh_type = v.refresh_type);
    known := jsonb_build_object('place', v_place, 'absent', v_absent, 'since', v_since, 'now', v_now, 'until', v_until,
                                'oldest', v_oldest::text, 'seen', v_seen::text[]);
    IF (v_place = p_known -> 'place' AND v_absent IS NOT DISTINCT FROM p_known ->> 'absent'
        AND v_since BETWEEN v_known_since AND v_known_since + v_most
        AND v_now BETWEEN v_known_now AND v_known_now + v_most AND v_until >= v_known_until) IS NOT TRUE THEN
        RETURN;
    END IF;
    SELECT coalesce(array_agg(k.id::xid), '{}') INTO v_seen FROM jsonb_array_elements_text(p_known -> 'seen') AS k(id);
    SELECT coalesce(array_agg(v.refresh_type::text), '{}') INTO views
    FROM refreshtop.views v
    LEFT JOIN refreshtop.log_newest n ON n.refresh_type = v.refresh_type
    -- OFFSET keeps it from being computed twice.
    LEFT JOIN LATERAL (
        SELECT refreshtop.window_of(v) AS own
        WHERE p_window IS NULL
          AND (v.stats_window IS NOT NULL OR coalesce(v.run_every, v.max_age) > interval '12 hours')
        OFFSET 0) w ON true
    WHERE age(v.xmin) <= v_age AND v.xmin NOT IN (SELECT s.id FROM unnest(v_seen) AS s(id))
       OR age(n.xmin) <= v_age AND n.xmin NOT IN (SELECT s.id FROM unnest(v_seen) AS s(id))
       OR n.newest_at > v_known_until
       OR v.refresh_type IN (SELECT o.refresh_type FROM refreshtop.log_outdated o)
       OR v.refresh_type IN (SELECT l.refresh_type FROM refreshtop.log_door l
                             WHERE l.created_at > v_known_since AND l.created_at <= v_since)
       OR CASE WHEN w.own IS NOT NULL
               THEN EXISTS (SELECT 1 FROM refreshtop.log_door l
                            WHERE l.refresh_type = v.refresh_type AND l.created_at > v_known_now - w.own
                              AND l.created_at <= v_now - w.own) END;
    -- Many are read faster together.
    IF cardinality(views) > 200 THEN
        views := NULL;
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.changed_since(interval, jsonb)');

CREATE OR REPLACE FUNCTION refreshtop.run_changed_stats(p_window interval, p_count integer, p_known jsonb)
RETURNS TABLE (
    known jsonb,
    is_all boolean,
    refresh_type text,
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
    last_at timestamptz,
    last_status text,
    last_sqlstate text,
    last_message text,
    blocker_pid integer,
    blocker text,
    durations real[],
    failed boolean[],
    streak integer,
    streak_since timestamptz,
    usual_ms float8,
    spread_ms float8
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET jit = off SET max_parallel_workers_per_gather = 0
AS $$
#variable_conflict use_column
DECLARE
    v_changed record;
BEGIN
    SELECT c.known, c.views INTO v_changed FROM refreshtop.changed_since(p_window, p_known) c;
    known := v_changed.known;
    is_all := v_changed.views IS NULL;
    RETURN NEXT;
    IF is_all OR cardinality(v_changed.views) > 0 THEN
        RETURN QUERY
            SELECT NULL::jsonb, NULL::boolean, s.*, r.last_at, r.last_status, r.last_sqlstate, r.last_error,
                   r.blocker_pid, r.blocker, r.durations, r.failed, r.streak, r.streak_since, r.usual_ms, r.spread_ms
            FROM refreshtop.run_stats_of_all(p_window, v_changed.views) s
            LEFT JOIN refreshtop.run_recent_of_all(p_count, v_changed.views) r ON r.refresh_type = s.refresh_type;
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.run_changed_stats(interval, integer, jsonb)');

CREATE OR REPLACE FUNCTION refreshtop.changed_stats(p_window interval, p_count integer, p_known jsonb)
RETURNS TABLE (
    known jsonb,
    is_all boolean,
    refresh_type text,
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
    last_at timestamptz,
    last_status text,
    last_sqlstate text,
    last_message text,
    blocker_pid integer,
    blocker text,
    durations real[],
    failed boolean[],
    streak integer,
    streak_since timestamptz,
    usual_ms float8,
    spread_ms float8
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM refreshtop.run_changed_stats(p_window, p_count, p_known);
END
$$;
COMMENT ON FUNCTION refreshtop.changed_stats(interval, integer, jsonb) IS
    'Statistics and newest attempts of the views that may have changed since the call whose known is given, or of all';
SELECT refreshtop_migration.seal('refreshtop.changed_stats(interval, integer, jsonb)', 'admin');

SELECT refreshtop_migration.as_migrator();
