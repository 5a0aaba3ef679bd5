-- What pg_cron knows about our jobs, if it is in this database. pg_cron shows each role only its own jobs, so these
-- functions belong to the role that the jobs run as. They read only pg_cron's own tables: without pg_cron, anybody may
-- have created a schema with that name.
SELECT refreshtop_migration.as_owner();
CREATE OR REPLACE FUNCTION refreshtop.has_cron() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- By name in the catalogue, because to_regclass() fails in a schema without USAGE.
    RETURN (SELECT count(*) = 2
    FROM pg_depend d
    JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    JOIN pg_class c ON c.oid = d.objid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE e.extname = 'pg_cron' AND d.deptype = 'e' AND d.classid = 'pg_class'::regclass
      AND n.nspname = 'cron' AND c.relkind = 'r' AND c.relname IN ('job', 'job_run_details'));
END
$$;
SELECT refreshtop_migration.seal('refreshtop.has_cron()');

-- The values that a field of a schedule allows, as pg_cron reads it; NULL if it can't be read.
CREATE OR REPLACE FUNCTION refreshtop.cron_field(
    p_field text,
    p_first integer,
    p_last integer,
    p_names text[] DEFAULT '{}'
)
RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_values integer[] := '{}';
    v_item   text;
    v_parts  text[];
    v_from   integer;
    v_to     integer;
BEGIN
    FOREACH v_item IN ARRAY string_to_array(lower(p_field), ',') LOOP
        v_parts := regexp_match(v_item, '^([*]|([a-z]{3}|[0-9]{1,2})(-([a-z]{3}|[0-9]{1,2}))?)(/([0-9]{1,2}))?$');
        -- pg_cron takes a step behind a range or a star only.
        IF v_parts IS NULL OR v_parts[5] IS NOT NULL AND v_parts[1] <> '*' AND v_parts[3] IS NULL
           OR v_parts[6]::integer = 0 THEN
            RETURN NULL;
        END IF;
        v_from := CASE WHEN v_parts[1] = '*' THEN p_first
                       WHEN v_parts[2] ~ '^[0-9]' THEN v_parts[2]::integer
                       ELSE array_position(p_names, v_parts[2]) - 1 + p_first END;
        v_to := CASE WHEN v_parts[1] = '*' THEN p_last
                     WHEN v_parts[4] IS NULL THEN v_from
                     WHEN v_parts[4] ~ '^[0-9]' THEN v_parts[4]::integer
                     ELSE array_position(p_names, v_parts[4]) - 1 + p_first END;
        IF (v_from BETWEEN p_first AND p_last AND v_to BETWEEN v_from AND p_last) IS NOT TRUE THEN
            RETURN NULL;
        END IF;
        v_values := v_values || ARRAY(SELECT generate_series(v_from, v_to, coalesce(v_parts[6]::integer, 1)));
    END LOOP;
    RETURN v_values;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.cron_field(text, integer, integer, text[])');

-- The longest time between two runs of a schedule; an error if pg_cron can't read it, or if it never comes round.
CREATE OR REPLACE FUNCTION refreshtop.longest_pause(p_schedule text) RETURNS interval
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_fields   text[] := regexp_split_to_array(btrim(p_schedule), '[[:space:]]+');
    v_minutes  integer[];
    v_hours    integer[];
    v_days     integer[];
    v_months   integer[];
    v_weekdays integer[];
    v_last_day boolean;
    v_stars    boolean;
    v_within   integer;
    v_between  integer;
BEGIN
    IF p_schedule IS NULL THEN
        RETURN NULL;
    ELSIF cardinality(v_fields) = 2 AND v_fields[1] ~ '^[1-5]?[0-9]$' AND v_fields[2] IN ('second', 'seconds')
          AND v_fields[1]::integer > 0 THEN
        RETURN make_interval(secs => v_fields[1]::integer);
    ELSIF cardinality(v_fields) = 5 AND length(p_schedule) <= 200 THEN
        v_last_day := v_fields[3] = '$';
        v_minutes := refreshtop.cron_field(v_fields[1], 0, 59);
        v_hours := refreshtop.cron_field(v_fields[2], 0, 23);
        v_days := CASE WHEN v_last_day THEN '{}' ELSE refreshtop.cron_field(v_fields[3], 1, 31) END;
        v_months := refreshtop.cron_field(v_fields[4], 1, 12, ARRAY[
            'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']);
        v_weekdays := refreshtop.cron_field(v_fields[5], 0, 7, ARRAY['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']);
    END IF;
    IF v_minutes IS NULL OR v_hours IS NULL OR v_days IS NULL OR v_months IS NULL OR v_weekdays IS NULL THEN
        RAISE EXCEPTION '"%" is not a schedule', left(p_schedule, 100)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Write the five fields of cron (minute, hour, day, month, weekday), such as */5 * * * *, '
                         'or from 1 second to 59 seconds.';
    END IF;
    -- With a star in one of both the other one decides; otherwise one of both is enough.
    v_stars := v_fields[3] LIKE '*%' OR v_fields[5] LIKE '*%';
    SELECT max(t.at - t.before) INTO v_within
    FROM (SELECT h * 60 + m AS at, lag(h * 60 + m) OVER (ORDER BY h * 60 + m) AS before
          FROM (SELECT DISTINCT unnest(v_hours) AS h) AS hours
          CROSS JOIN (SELECT DISTINCT unnest(v_minutes) AS m) AS minutes) AS t;
    -- Dates and weekdays repeat after 28 years.
    SELECT max(d.day - d.before) INTO v_between
    FROM (SELECT r.day, lag(r.day) OVER (ORDER BY r.day) AS before
          FROM (SELECT date '2001-01-01' + n AS day FROM generate_series(0, 20453) n) AS r
          CROSS JOIN LATERAL (
              SELECT CASE WHEN v_last_day THEN extract(month FROM r.day + 1) <> extract(month FROM r.day)
                          ELSE extract(day FROM r.day)::integer = ANY (v_days) END AS day,
                     extract(dow FROM r.day)::integer = ANY (v_weekdays)
                     OR extract(dow FROM r.day) = 0 AND 7 = ANY (v_weekdays) AS weekday) AS fits
          WHERE extract(month FROM r.day)::integer = ANY (v_months)
            AND CASE WHEN v_stars THEN fits.day AND fits.weekday ELSE fits.day OR fits.weekday END) AS d;
    IF v_between IS NULL THEN
        RAISE EXCEPTION 'schedule "%" never comes round', left(p_schedule, 100)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT v_between * 1440 - max(h) * 60 + min(h) * 60 - max(m) + min(m) INTO v_between
    FROM unnest(v_hours) AS h CROSS JOIN unnest(v_minutes) AS m;
    RETURN make_interval(mins => greatest(v_within, v_between));
END
$$;
SELECT refreshtop_migration.seal('refreshtop.longest_pause(text)');

-- The name of the job that refreshes a view: a job's name may have 63 bytes, up to pg_cron 1.3.
CREATE OR REPLACE FUNCTION refreshtop.job_name(p_refresh_type text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN p_refresh_type = 'platform_metrics' THEN 'refresh-platform-metrics'
        WHEN octet_length(p_refresh_type) <= 50 THEN 'refresh-view-' || p_refresh_type
        ELSE 'refresh-view-' || left(p_refresh_type, 8) || '-'
             || left(encode(sha256(convert_to(p_refresh_type, 'UTF8')), 'hex'), 16)
    END
$$;
SELECT refreshtop_migration.seal('refreshtop.job_name(text)');

-- The same name of a job as refreshtop.job_name() makes it, for who knows the view's name only.
CREATE OR REPLACE FUNCTION refreshtop.short_name(p_job_name text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN p_job_name LIKE 'refresh-view-%' AND octet_length(p_job_name) > 63
                THEN refreshtop.job_name(substr(p_job_name, 14)) ELSE p_job_name END
$$;
SELECT refreshtop_migration.seal('refreshtop.short_name(text)');

-- How many seconds after its scheduled time a view's refresh begins, always the same for a view: so that many views at
-- the same time don't begin in one second. At most 30 seconds, and at most a fifth of the schedule's interval.
CREATE OR REPLACE FUNCTION refreshtop.job_offset(p_refresh_type text, p_run_every interval) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT round(least(30, extract(epoch FROM p_run_every)::numeric / 5)
                 * ('x' || left(encode(sha256(convert_to(d.datname || '/' || p_refresh_type, 'UTF8')), 'hex'), 8))
                   ::bit(32)::bigint / 4294967296, 1)
    FROM pg_database d WHERE d.datname = current_database()
$$;
SELECT refreshtop_migration.seal('refreshtop.job_offset(text, interval)');

-- What the job of a view runs; NULL if the view has no schedule.
CREATE OR REPLACE FUNCTION refreshtop.scheduled_command(p_refresh_type text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN o.seconds > 0 THEN format('SELECT pg_catalog.pg_sleep(%s); ', o.seconds) ELSE '' END
           || refreshtop.job_command(p_refresh_type) || ';'
    FROM refreshtop.views v, refreshtop.job_offset(p_refresh_type, v.run_every) AS o(seconds)
    WHERE v.refresh_type = p_refresh_type AND v.schedule IS NOT NULL
$$;
SELECT refreshtop_migration.seal('refreshtop.scheduled_command(text)');
SELECT refreshtop_migration.as_migrator();

CREATE OR REPLACE FUNCTION refreshtop_definers.cron_job(p_job_name text)
RETURNS TABLE (schedule text, command text, active boolean, last_status text, last_message text, last_start timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- As text, because the tables need not exist when this is created. The history is indexed only by its own number;
    -- it is read backwards until an execution of the job is found.
    RETURN QUERY EXECUTE $query$
        SELECT j.schedule::text, j.command::text, j.active, d.status::text, left(d.return_message, 200), d.start_time
        FROM cron.job j
        LEFT JOIN LATERAL (
            SELECT r.status, r.return_message, r.start_time FROM cron.job_run_details r
            WHERE r.jobid = j.jobid AND r.runid > (SELECT coalesce(max(m.runid), 0) - 20000 FROM cron.job_run_details m)
            ORDER BY r.runid DESC LIMIT 1) d ON true
        WHERE j.jobname IN ($1, $1 || '@' || current_database()) AND j.database = current_database()
        ORDER BY j.username = current_user DESC, j.active DESC, j.jobid DESC LIMIT 1 $query$ USING p_job_name;
END
$$;

-- Jobs and their newest executions, with the same columns as the program's own query if pg_cron is in another database.
CREATE OR REPLACE FUNCTION refreshtop_definers.cron_facts() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_facts jsonb;
BEGIN
    EXECUTE $query$
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', j.jobid,
            'name', j.jobname,
            'schedule', left(j.schedule, 200),
            'command', left(j.command, 2000),
            'database', j.database,
            'role', j.username,
            'active', j.active,
            'runs', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                         'id', r.runid,
                         'status', r.status,
                         'message', left(r.return_message, 500),
                         'start', r.start_time,
                         'end', r.end_time,
                         'pid', r.job_pid) ORDER BY r.runid DESC), '[]')
                     FROM (SELECT * FROM cron.job_run_details d
                           WHERE d.jobid = j.jobid
                             AND d.runid > (SELECT coalesce(max(m.runid), 0) - 20000 FROM cron.job_run_details m)
                           ORDER BY d.runid DESC LIMIT 10) r)) ORDER BY j.active DESC, j.jobid), '[]')
        FROM (SELECT * FROM cron.job c
              WHERE c.jobname ~ '^(refresh-platform-metrics|cleanup-metrics-logs)(@|$)'
                 OR c.jobname LIKE 'refresh-view-%' AND c.database = current_database()
                 OR c.command ~* '(refresh_platform_metrics_with_logging|cleanup_old_metrics_logs)'
              ORDER BY c.database = current_database() DESC, c.jobid LIMIT 200) j $query$
        INTO v_facts;
    RETURN v_facts;
END
$$;

-- Changes the job with that name in this database, if it runs as the owner of this function. A view's job has p_call in
-- its command.
CREATE OR REPLACE FUNCTION refreshtop_definers.change_job(
    p_job_name text,
    p_schedule text,
    p_active boolean,
    p_remove boolean,
    p_call text
)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_job bigint;
BEGIN
    EXECUTE $query$
        SELECT j.jobid FROM cron.job j
        WHERE j.jobname IN ($1, $1 || '@' || current_database())
          AND j.database = current_database()
          AND j.username = current_user
          AND CASE WHEN $2 IS NOT NULL THEN strpos(j.command, $2) > 0
              -- Without a backslash, which is an escape in some sessions.
              ELSE j.command ~ '^[[:space:]]*SELECT '
                               '(public[.](refresh_platform_metrics_with_logging|cleanup_old_metrics_logs)|'
                               'refreshtop[.]cleanup_logs)[(][)];?[[:space:]]*$' END
        ORDER BY j.active DESC, j.jobid DESC LIMIT 1 $query$ INTO v_job USING p_job_name, p_call;
    IF v_job IS NULL THEN
        RETURN false;
    ELSIF p_remove THEN
        EXECUTE 'SELECT cron.unschedule($1)' USING v_job;
    ELSE
        EXECUTE 'SELECT cron.alter_job($1, schedule := $2, active := $3)' USING v_job, p_schedule, p_active;
    END IF;
    RETURN true;
END
$$;

-- Puts the job of a view in place, or changes what it runs and when; without a schedule it is removed.
CREATE OR REPLACE FUNCTION refreshtop_definers.put_job(p_job_name text, p_schedule text, p_command text, p_call text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_job   bigint;
    v_taken boolean;
BEGIN
    EXECUTE $query$
        SELECT (SELECT j.jobid FROM cron.job j
                WHERE j.jobname IN ($1, $1 || '@' || current_database()) AND j.database = current_database()
                  AND j.username = current_user AND strpos(j.command, $2) > 0
                ORDER BY j.active DESC, j.jobid DESC LIMIT 1),
               EXISTS (SELECT FROM cron.job j WHERE j.jobname = $1 AND j.username = current_user)
        $query$ INTO v_job, v_taken USING p_job_name, p_call;
    IF v_job IS NULL AND p_schedule IS NOT NULL THEN
        -- pg_cron has a name only once for each role, and would change the job that has it.
        EXECUTE 'SELECT cron.schedule($1, $2, $3)'
            USING p_job_name || CASE WHEN v_taken THEN '@' || current_database() ELSE '' END, p_schedule, p_command;
    ELSIF p_schedule IS NULL AND v_job IS NOT NULL THEN
        EXECUTE 'SELECT cron.unschedule($1)' USING v_job;
    ELSIF v_job IS NOT NULL THEN
        EXECUTE 'SELECT cron.alter_job($1, schedule := $2, command := $3)' USING v_job, p_schedule, p_command;
    END IF;
END
$$;

-- The jobs of this database that run as the owner of this function and refresh views, with their newest executions.
CREATE OR REPLACE FUNCTION refreshtop_definers.cron_jobs(p_runs boolean)
RETURNS TABLE (
    job_name text, schedule text, command text, active boolean,
    last_status text, last_message text, last_start timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE $query$
        SELECT j.jobname::text, left(j.schedule, 200), j.command::text, j.active, d.status::text,
               left(d.return_message, 200), d.start_time
        FROM cron.job j
        LEFT JOIN (
            SELECT DISTINCT ON (r.jobid) r.jobid, r.status, r.return_message, r.start_time FROM cron.job_run_details r
            WHERE $1 AND r.runid > (SELECT coalesce(max(m.runid), 0) - 2000 FROM cron.job_run_details m)
            ORDER BY r.jobid, r.runid DESC) d ON d.jobid = j.jobid
        WHERE j.database = current_database() AND j.username = current_user AND j.jobname LIKE 'refresh-%'
        ORDER BY j.active, j.jobid $query$ USING p_runs;
END
$$;

-- The database of pg_cron, and the time zone of its schedules: settings that not every role may read. Up to pg_cron 1.4
-- the time zone is no setting, and a line for it in the configuration has no effect; then PostgreSQL does not list it.
-- Every poll calls this: in PL/pgSQL a session plans it once. It does not use current_setting(), which would return a
-- value that anybody has set under that name if pg_cron is not loaded.
CREATE OR REPLACE FUNCTION refreshtop_definers.cron_settings()
RETURNS TABLE (database text, zone text, readable boolean, launcher boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    readable := pg_has_role(current_user, 'pg_read_all_settings', 'USAGE');
    -- Without pg_cron anybody may set such a name for himself, but pg_settings does not list it, and is slow.
    IF readable AND current_setting('cron.database_name', true) IS NOT NULL THEN
        SELECT nullif(max(s.setting) FILTER (WHERE s.name = 'cron.database_name'), ''),
               nullif(max(s.setting) FILTER (WHERE s.name = 'cron.timezone'), '')
        INTO database, zone
        FROM pg_settings s WHERE s.name IN ('cron.database_name', 'cron.timezone');
    ELSIF NOT readable AND EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
        database := current_database();
    END IF;
    zone := coalesce(zone, 'GMT');
    -- A standby has none.
    IF database IS NOT NULL AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AND NOT pg_is_in_recovery() THEN
        launcher := EXISTS (SELECT FROM pg_stat_get_activity(NULL) a WHERE a.backend_type = 'pg_cron launcher');
    END IF;
    RETURN NEXT;
END
$$;

SELECT refreshtop_migration.give('refreshtop_definers.cron_job(text)', refreshtop_migration.role('job')),
       refreshtop_migration.give('refreshtop_definers.cron_facts()', refreshtop_migration.role('job')),
       refreshtop_migration.give('refreshtop_definers.change_job(text, text, boolean, boolean, text)',
                                 refreshtop_migration.role('job')),
       refreshtop_migration.give('refreshtop_definers.put_job(text, text, text, text)',
                                 refreshtop_migration.role('job')),
       refreshtop_migration.give('refreshtop_definers.cron_jobs(boolean)', refreshtop_migration.role('job')),
       refreshtop_migration.give('refreshtop_definers.cron_settings()', refreshtop_migration.role('monitor'));
SELECT refreshtop_migration.let_monitor('pg_read_all_settings');

SELECT refreshtop_migration.as_owner();
CREATE OR REPLACE FUNCTION refreshtop.cron_settings()
RETURNS TABLE (database text, utc_offset integer, readable boolean, launcher boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT s.database,
           extract(epoch FROM (now() AT TIME ZONE s.zone) - (now() AT TIME ZONE 'UTC'))::integer,
           s.readable, s.launcher
    FROM refreshtop_definers.cron_settings() s;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.cron_settings()', 'admin');

CREATE OR REPLACE FUNCTION refreshtop.cron_job(p_job_name text DEFAULT 'refresh-platform-metrics')
RETURNS TABLE (schedule text, command text, active boolean, last_status text, last_message text, last_start timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF refreshtop.has_cron() THEN
        RETURN QUERY SELECT * FROM refreshtop_definers.cron_job(refreshtop.short_name(p_job_name));
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.cron_job(text)', 'admin');

CREATE OR REPLACE FUNCTION refreshtop.cron_facts() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF refreshtop.has_cron() THEN
        RETURN refreshtop_definers.cron_facts();
    END IF;
    RETURN NULL;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.cron_facts()', 'admin');

-- The jobs that refresh the views, of all views at once: none if pg_cron is in another database. Their last executions
-- only if p_runs, because these cost more than everything else. Names are joined by equality, and made here, because
-- refreshtop.job_name() is called once for each pair otherwise.
CREATE OR REPLACE FUNCTION refreshtop.jobs_of_views(p_runs boolean DEFAULT true)
RETURNS TABLE (
    refresh_type text, schedule text, active boolean, refreshes boolean,
    last_status text, last_message text, last_start timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF refreshtop.has_cron() THEN
        RETURN QUERY
        WITH named AS MATERIALIZED (
            SELECT v.refresh_type::text AS id,
                   CASE WHEN octet_length(v.refresh_type) > 50 OR v.refresh_type = 'platform_metrics'
                        THEN refreshtop.job_name(v.refresh_type) ELSE 'refresh-view-' || v.refresh_type END AS job_name,
                   CASE v.refresh_type WHEN 'platform_metrics' THEN 'refresh_platform_metrics_with_logging('
                        ELSE 'refreshtop.refresh(' || quote_literal(v.refresh_type) END AS call
            FROM refreshtop.views v
        ), sought AS (
            SELECT n.id, n.job_name, n.call FROM named n
            UNION ALL
            SELECT n.id, n.job_name || '@' || current_database(), n.call FROM named n
        )
        SELECT DISTINCT ON (s.id)
               s.id, j.schedule, j.active, strpos(j.command, s.call) > 0,
               j.last_status, j.last_message, j.last_start
        FROM sought s
        JOIN refreshtop_definers.cron_jobs(p_runs) j ON j.job_name = s.job_name
        ORDER BY s.id, strpos(j.command, s.call) > 0 DESC, j.active DESC;
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.jobs_of_views(boolean)', 'admin');

-- The views that have a schedule: when each is due, how long it waits then, and the name of its job. For whoever runs
-- the refreshes without pg_cron.
CREATE OR REPLACE FUNCTION refreshtop.scheduled_views()
RETURNS TABLE (refresh_type text, schedule text, offset_seconds double precision, job_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.refresh_type::text, v.schedule,
           -- The job that came with the migrations does not wait.
           CASE v.refresh_type WHEN 'platform_metrics' THEN 0
               ELSE refreshtop.job_offset(v.refresh_type, v.run_every) END::double precision,
           refreshtop.job_name(v.refresh_type)
    FROM refreshtop.views v WHERE v.schedule IS NOT NULL ORDER BY v.refresh_type
$$;
SELECT refreshtop_migration.seal('refreshtop.scheduled_views()', 'admin');

-- Remembers the schedule that the job of a view was given in pg_cron.
CREATE OR REPLACE FUNCTION refreshtop.keep_schedule(p_job_name text, p_schedule text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_every interval;
BEGIN
    BEGIN
        v_every := refreshtop.longest_pause(p_schedule);
    EXCEPTION WHEN invalid_parameter_value THEN
        -- pg_cron may have taken it, but no limit follows from it.
        RETURN;
    END;
    UPDATE refreshtop.views v SET schedule = p_schedule, run_every = v_every
    WHERE refreshtop.job_name(v.refresh_type) = refreshtop.short_name(p_job_name) AND p_schedule IS NOT NULL
      AND v.schedule IS DISTINCT FROM p_schedule
      -- A view without a schedule has no job.
      AND (v.schedule IS NOT NULL OR v.refresh_type = 'platform_metrics');
    IF FOUND THEN
        PERFORM refreshtop.note_act('keep schedule', 'success',
                                    jsonb_build_object('job', p_job_name, 'schedule', p_schedule));
    END IF;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.keep_schedule(text, text)', 'admin');

-- Lets the job of a view follow its schedule, if pg_cron is in this database. Elsewhere the program does it.
CREATE OR REPLACE FUNCTION refreshtop.follow_schedule(p_refresh_type text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_schedule text := (SELECT v.schedule FROM refreshtop.views v WHERE v.refresh_type = p_refresh_type);
    v_name     text := refreshtop.job_name(p_refresh_type);
BEGIN
    IF NOT refreshtop.has_cron() OR refreshtop.not_at_home() IS NOT NULL THEN
        RETURN;
    ELSIF p_refresh_type = 'platform_metrics' THEN
        PERFORM refreshtop_definers.change_job(v_name, v_schedule, NULL, false, NULL);
    ELSE
        PERFORM refreshtop_definers.put_job(v_name, v_schedule, refreshtop.scheduled_command(p_refresh_type),
                                            format('refreshtop.refresh(%L', p_refresh_type));
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'job % was not changed: %', v_name, SQLERRM USING HINT = 'Run: refreshtop job restore';
END
$$;
SELECT refreshtop_migration.seal('refreshtop.follow_schedule(text)');

-- Changes one of our jobs of this database; NULL keeps a value. False if there is no such job, or if pg_cron is in
-- another database.
CREATE OR REPLACE FUNCTION refreshtop.change_job(
    p_job_name text,
    p_schedule text,
    p_active boolean,
    p_remove boolean DEFAULT false
)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_type text := (SELECT v.refresh_type FROM refreshtop.views v
                    WHERE refreshtop.job_name(v.refresh_type) = refreshtop.short_name(p_job_name)
                      AND v.refresh_type <> 'platform_metrics');
BEGIN
    p_job_name := refreshtop.short_name(p_job_name);
    IF p_job_name NOT IN ('refresh-platform-metrics', 'cleanup-metrics-logs') AND v_type IS NULL
       OR NOT refreshtop.has_cron() OR refreshtop.not_at_home() IS NOT NULL
       OR NOT refreshtop_definers.change_job(p_job_name, p_schedule, p_active, p_remove,
                                             'refreshtop.refresh(' || quote_literal(v_type)) THEN
        RETURN false;
    END IF;
    IF p_schedule IS NOT NULL AND NOT p_remove THEN
        PERFORM refreshtop.keep_schedule(p_job_name, p_schedule);
        IF v_type IS NOT NULL THEN
            -- How long it waits depends on the schedule.
            PERFORM refreshtop.follow_schedule(v_type);
        END IF;
    END IF;
    PERFORM refreshtop.note_act(
        CASE WHEN p_remove THEN 'job remove'
             WHEN p_schedule IS NOT NULL THEN 'job every'
             WHEN p_active THEN 'job resume'
             ELSE 'job pause' END,
        'success',
        jsonb_build_object('job', p_job_name, 'schedule', p_schedule));
    RETURN true;
END
$$;
SELECT refreshtop_migration.seal('refreshtop.change_job(text, text, boolean, boolean)', 'admin');
SELECT refreshtop_migration.as_migrator();
