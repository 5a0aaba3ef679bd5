//! The sums that triggers keep of the log are the log's, whatever is done to it, or are not used.

use crate::support::{client, execute, migrate, migrated_app, value};

/// Some views, and a year of what may be in a log: rows without a duration, rows that ended long before their time.
const VIEWS: &str = "
    INSERT INTO refreshtop.views (refresh_type, view_name) SELECT 'v' || n, 'v' || n FROM generate_series(1, 4) n;
    CREATE FUNCTION public.attempt(p_type text, p_status text, p_at timestamptz) RETURNS void LANGUAGE sql AS $$
        INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, sqlstate, black_box,
            started_at, completed_at, created_at)
        VALUES (p_type, p_status,
            CASE WHEN random() < 0.9 THEN round((1000 * random())::numeric, 3) END,
            CASE p_status WHEN 'error' THEN 'no ' || random() END,
            CASE p_status WHEN 'error' THEN '55P03' END,
            CASE WHEN p_status = 'error' AND random() < 0.5
                 THEN '{\"sessions\": [{\"pid\": 4711, \"application\": \"etl\"}]}'::jsonb END,
            p_at,
            CASE WHEN random() < 0.1 THEN p_at - interval '30 hours' WHEN random() < 0.9 THEN p_at END,
            p_at)
    $$;
    CREATE FUNCTION public.attempts(p_count integer, p_newest interval, p_oldest interval) RETURNS void
    LANGUAGE plpgsql AS $$
    BEGIN
        FOR n IN 1 .. p_count LOOP
            PERFORM public.attempt('v' || 1 + n % 4, CASE WHEN random() < 0.8 THEN 'success' ELSE 'error' END,
                                   clock_timestamp() - p_newest - random() * (p_oldest - p_newest));
        END LOOP;
    END
    $$;";

const WINDOWS: [&str; 9] =
    ["1 minute", "40 minutes", "1 hour", "5 hours", "23 hours", "1 day", "3 days", "30 days", "1000000 years"];

/// What is different from the log in the statistics and the newest attempts of all views.
async fn differing(url: &str) -> Vec<String> {
    let mut all = Vec::new();
    for window in WINDOWS {
        let sql = format!(
            "SELECT coalesce(array_agg(format('%s of %s: %s, not %s', '{window}', s.refresh_type, s.one, a)), '{{}}')
             FROM (SELECT v.refresh_type, to_jsonb(s) AS one
                   FROM refreshtop.views v CROSS JOIN LATERAL refreshtop.stats(v.refresh_type, '{window}') s) s
             LEFT JOIN refreshtop.stats_of_all('{window}') a ON a.refresh_type = s.refresh_type
             WHERE to_jsonb(a) - 'refresh_type' IS DISTINCT FROM s.one - 'limits'"
        );
        all.extend(value::<Vec<String>>(url, &sql).await);
    }
    for count in [1, 7, 20, 50] {
        let sql = format!(
            "SELECT coalesce(array_agg(format('newest {count} of %s: %s, not %s', v.refresh_type, l, a)), '{{}}')
             FROM refreshtop.views v
             CROSS JOIN LATERAL (
                 SELECT (array_agg(l.created_at ORDER BY l.created_at DESC))[1] AS last_at,
                        (array_agg(l.status::text ORDER BY l.created_at DESC))[1] AS last_status,
                        (array_agg(l.error_message ORDER BY l.created_at DESC))[1] AS last_error,
                        (array_agg(l.black_box #>> '{{sessions,0,application}}' ORDER BY l.created_at DESC))[1] AS blocker,
                        array_agg(CASE WHEN l.duration_ms BETWEEN 0 AND 1e12 THEN l.duration_ms::real END ORDER BY l.created_at) AS durations,
                        array_agg(l.status = 'error' ORDER BY l.created_at) AS failed
                 FROM (SELECT * FROM public.metrics_refresh_log l
                       WHERE l.refresh_type = v.refresh_type AND l.created_at <= clock_timestamp()
                       ORDER BY l.created_at DESC LIMIT {count}) l
             ) l
             LEFT JOIN refreshtop.recent_of_all({count}) a ON a.refresh_type = v.refresh_type
             WHERE (a.last_at, a.last_status, a.last_error, a.blocker, a.durations, a.failed)
                   IS DISTINCT FROM (l.last_at, l.last_status, l.last_error, l.blocker, l.durations, l.failed)"
        );
        all.extend(value::<Vec<String>>(url, &sql).await);
    }
    all.extend(value::<Vec<String>>(url, STREAKS_AND_USUAL).await);
    all
}

/// The streaks and usual durations that differ from those that the log has.
const STREAKS_AND_USUAL: &str = "
    WITH attempt AS (
        SELECT l.refresh_type, l.created_at, l.status,
               CASE WHEN l.duration_ms BETWEEN 0 AND 1e12 THEN l.duration_ms::float8 END AS ms,
               row_number() OVER (PARTITION BY l.refresh_type ORDER BY l.created_at DESC, l.id) AS place,
               row_number() OVER (PARTITION BY l.refresh_type, l.status ORDER BY l.created_at DESC, l.id) AS of_status
        FROM public.metrics_refresh_log l WHERE l.created_at <= clock_timestamp()
    ), streak AS (
        SELECT a.refresh_type, count(*)::integer AS streak, min(a.created_at) AS since
        FROM attempt a WHERE a.place = a.of_status GROUP BY 1
    ), done AS (
        SELECT a.refresh_type, a.ms FROM attempt a
        WHERE a.status = 'success' AND a.of_status BETWEEN 4 AND 303 AND a.ms IS NOT NULL
    ), usual AS (
        SELECT d.refresh_type, percentile_disc(0.5) WITHIN GROUP (ORDER BY d.ms) AS ms
        FROM done d GROUP BY 1 HAVING count(*) >= 10
    ), spread AS (
        SELECT u.refresh_type, u.ms, percentile_disc(0.5) WITHIN GROUP (ORDER BY abs(d.ms - u.ms)) AS spread
        FROM usual u JOIN done d USING (refresh_type) GROUP BY 1, 2
    )
    SELECT coalesce(array_agg(format('streak and usual of %s: %s, not %s', v.refresh_type, (s.streak, s.since, u.ms, u.spread), a)), '{}')
    FROM refreshtop.views v
    LEFT JOIN streak s USING (refresh_type) LEFT JOIN spread u USING (refresh_type)
    LEFT JOIN refreshtop.recent_of_all(20) a USING (refresh_type)
    WHERE (a.streak, a.streak_since, a.usual_ms, a.spread_ms) IS DISTINCT FROM (s.streak, s.since, u.ms, u.spread)";

/// Whether the sums are used for all views: the triggers have kept them, and nothing is marked.
async fn are_used(url: &str) -> bool {
    let marks = "SELECT refreshtop.has_sums() AND NOT EXISTS (SELECT 1 FROM refreshtop.log_outdated)";
    value(url, marks).await
}

#[tokio::test]
async fn the_sums_are_those_of_the_log_after_every_change() {
    let url = migrated_app("sums").await;
    execute(&url, VIEWS).await;
    // What was done, and whether the sums are used after it.
    let changes = [
        ("SELECT public.attempts(1, '1 minute', '2 minutes')", true),
        ("SELECT public.attempts(120, '0', '4 days')", true),
        ("SELECT public.attempts(40, '0', '20 minutes')", true),
        ("SELECT public.attempts(4, '1 second', '2 seconds')", true),
        ("INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, started_at, created_at)
          SELECT 'v1', 'error', 5, 'many', at, at
          FROM (SELECT now() - n * interval '7 minutes' AS at FROM generate_series(1, 300) n) t", false),
        ("SELECT public.attempt('v1', 'success', clock_timestamp())", true),
        ("UPDATE public.metrics_refresh_log SET status = 'success', refresh_type = 'v2' WHERE error_message = 'many'", false),
        ("SELECT refreshtop.cleanup_logs()", true),
        ("DELETE FROM public.metrics_refresh_log WHERE created_at > now() - interval '10 minutes'", false),
        ("SELECT public.attempts(8, '0', '1 minute')", true),
        ("DELETE FROM public.metrics_refresh_log WHERE refresh_type = 'v3'", false),
        ("SELECT refreshtop.cleanup_logs()", true),
        ("UPDATE refreshtop.views SET keep_log = '1 day'; SELECT refreshtop.cleanup_logs()", true),
        ("SELECT public.attempt('v4', 'success', clock_timestamp() + interval '2 hours')", true),
        ("SELECT public.attempt('v4', 'error', clock_timestamp())", true),
        ("SELECT public.attempt('v4', 'error', 'infinity'), public.attempt('v4', 'error', '-infinity')", true),
        ("DELETE FROM public.metrics_refresh_log WHERE created_at > now()", false),
        ("SELECT public.attempt('v4', 'success', clock_timestamp())", true),
        ("SET session_replication_role = replica; SELECT public.attempts(4, '0', '1 hour')", true),
        ("SET session_replication_role = replica; DELETE FROM public.metrics_refresh_log WHERE random() < 0.2", false),
        ("SELECT public.attempts(4, '0', '1 second')", true),
        ("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT public.attempts(4, '0', '1 second'); COMMIT", false),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT public.attempts(4, '0', '1 second'); COMMIT", false),
        ("SELECT public.attempts(4, '0', '1 second')", true),
        ("BEGIN; SELECT public.attempts(9, '0', '1 day'); DELETE FROM public.metrics_refresh_log; ROLLBACK", true),
        ("UPDATE public.metrics_refresh_log SET duration_ms = 'NaN' WHERE refresh_type = 'v1'", false),
        ("SELECT public.attempt('v1', 'success', clock_timestamp())", true),
        ("TRUNCATE public.metrics_refresh_log", true),
        ("SELECT public.attempts(8, '0', '1 hour')", true),
    ];
    for (change, used) in changes {
        execute(&url, change).await;
        assert_eq!(differing(&url).await, Vec::<String>::new(), "{change}");
        assert_eq!(are_used(&url).await, used, "{change}");
    }
}

#[tokio::test]
async fn sums_that_the_triggers_did_not_keep_are_not_used_and_made_again() {
    let url = migrated_app("sums").await;
    execute(&url, VIEWS).await;
    execute(&url, "SELECT public.attempts(40, '0', '2 days')").await;
    let unseen = [
        // As pg_restore does it.
        "ALTER TABLE public.metrics_refresh_log DISABLE TRIGGER ALL; SELECT public.attempts(8, '0', '1 day');
         ALTER TABLE public.metrics_refresh_log ENABLE TRIGGER ALL",
        "ALTER TABLE public.metrics_refresh_log DISABLE TRIGGER refreshtop_gone;
         DELETE FROM public.metrics_refresh_log WHERE refresh_type = 'v1';
         ALTER TABLE public.metrics_refresh_log ENABLE ALWAYS TRIGGER refreshtop_gone",
        "DROP TRIGGER refreshtop_came ON public.metrics_refresh_log; SELECT public.attempts(8, '0', '1 day')",
        "CREATE TABLE public.later () INHERITS (public.metrics_refresh_log);
         INSERT INTO public.later (id, refresh_type, status, started_at, created_at)
         VALUES (gen_random_uuid(), 'v2', 'success', now(), now() - interval '2 hours')",
    ];
    for change in unseen {
        execute(&url, change).await;
        assert!(!are_used(&url).await, "{change}");
        assert_eq!(differing(&url).await, Vec::<String>::new(), "{change}");
        execute(&url, "DROP TABLE IF EXISTS public.later").await;
        migrate(&url).await;
        // A migration that finds nothing missing changes nothing; this found that the sums are not valid.
        assert!(are_used(&url).await, "{change}");
        assert_eq!(differing(&url).await, Vec::<String>::new(), "{change}");
    }
    let before: String = value(&url, "SELECT keepers FROM refreshtop.log_summed").await;
    execute(&url, "DROP FUNCTION refreshtop.stats_of_all(interval)").await;
    migrate(&url).await;
    let after: String = value(&url, "SELECT keepers FROM refreshtop.log_summed").await;
    assert_eq!(before, after, "a repair does not make valid sums again");
}

#[tokio::test]
async fn an_open_transaction_that_has_written_the_log_keeps_nobody_waiting() {
    let url = migrated_app("sums").await;
    execute(&url, VIEWS).await;
    let (one, other) = (client(&url).await, client(&url).await);
    for first in ["SELECT 1", "SELECT public.attempt('v1', 'success', clock_timestamp())"] {
        execute(&url, first).await;
        one.batch_execute("BEGIN; SELECT public.attempt('v1', 'error', clock_timestamp())").await.unwrap();
        other.batch_execute("SET statement_timeout = '5s'").await.unwrap();
        for _ in 0..3 {
            other.batch_execute("SELECT public.attempt('v1', 'success', clock_timestamp())").await.unwrap();
            assert_eq!(differing(&url).await, Vec::<String>::new(), "{first}");
        }
        other.batch_execute("SELECT refreshtop.cleanup_logs()").await.unwrap();
        one.batch_execute("DELETE FROM public.metrics_refresh_log WHERE random() < 0.5").await.unwrap();
        other.batch_execute("SELECT public.attempt('v1', 'success', clock_timestamp())").await.unwrap();
        one.batch_execute("COMMIT").await.unwrap();
        assert_eq!(differing(&url).await, Vec::<String>::new(), "{first}");
        execute(&url, "SELECT public.attempts(4, '0', '1 second')").await;
        assert_eq!(differing(&url).await, Vec::<String>::new(), "{first}");
        assert!(are_used(&url).await, "{first}");
    }
}

#[tokio::test]
async fn a_refresh_leaves_its_row_although_the_sums_can_not_be_kept() {
    let url = migrated_app("sums").await;
    let refresh = "SELECT refreshtop.refresh('platform_metrics') ->> 'status'";
    let blocker = client(&url).await;
    blocker.batch_execute("BEGIN; LOCK TABLE refreshtop.log_days, refreshtop.log_outdated").await.unwrap();
    assert_eq!(value::<String>(&url, refresh).await, "success");
    blocker.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(value::<String>(&url, refresh).await, "success");
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM public.metrics_refresh_log").await, 2);
    assert_eq!(differing(&url).await, Vec::<String>::new());
    execute(&url, "DROP TABLE refreshtop.log_days CASCADE").await;
    assert_eq!(value::<String>(&url, refresh).await, "success");
    migrate(&url).await;
    assert_eq!(value::<String>(&url, refresh).await, "success");
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM public.metrics_refresh_log").await, 4);
    assert_eq!(differing(&url).await, Vec::<String>::new());
    assert!(are_used(&url).await);
}

/// The code of a view's owner writes texts of any length, and every poll reads those of all views.
#[tokio::test]
async fn megabytes_of_error_text_are_not_read_for_all_views() {
    let url = migrated_app("texts").await;
    execute(&url, VIEWS).await;
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, error_message, started_at)
         VALUES ('v1', 'error', repeat('é', 1000000), now())",
    )
    .await;
    let longest = "SELECT length(last_error) FROM refreshtop.stats_of_all('1 day') WHERE refresh_type = 'v1'";
    for summed in [true, false] {
        assert_eq!(value::<i32>(&url, longest).await, 500, "{summed}");
        let kept = "SELECT coalesce(max(octet_length(n::text)), 0) FROM refreshtop.log_newest n";
        assert!(value::<i32>(&url, kept).await < 3000, "{summed}");
        assert_eq!(are_used(&url).await, summed);
        execute(&url, "INSERT INTO refreshtop.log_outdated VALUES ('v1', date_trunc('day', now(), 'UTC'))").await;
    }
    // The next attempt sums the marked day again.
    execute(&url, "SELECT public.attempt('v1', 'success', now())").await;
    assert_eq!(value::<i32>(&url, longest).await, 500);
    assert!(are_used(&url).await);
}

/// Twice the largest number is more than a number can be.
const NO_DURATIONS: &str = "
    INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at, created_at)
    SELECT 'v1', 'success', ms, at, at, at
    FROM unnest(ARRAY[repeat('9', 131072)::numeric, repeat('9', 131072)::numeric, 'NaN', -1e300]) ms,
         (SELECT now() - interval '1 hour' AS at) t;
    INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at, created_at)
    VALUES ('v1', 'success', 7, now(), now(), now());";

#[tokio::test]
async fn numbers_that_are_no_durations_break_no_statistics() {
    let url = migrated_app("absurd").await;
    execute(&url, VIEWS).await;
    execute(&url, "SELECT public.attempts(60, '1 minute', '2 days')").await;
    execute(&url, "DELETE FROM public.metrics_refresh_log WHERE refresh_type = 'v1'").await;
    execute(&url, NO_DURATIONS).await;
    for one_by_one in [false, true] {
        if one_by_one {
            execute(&url, "DO $$ BEGIN FOR i IN 1 .. 2 LOOP INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at)
                           VALUES ('v2', 'success', repeat('9', 131072)::numeric, now()); END LOOP; END $$").await;
        }
        assert_eq!(differing(&url).await, Vec::<String>::new(), "{one_by_one}");
    }
    let of = "SELECT concat_ws(' ', total_refreshes, avg_duration_ms, max_duration_ms, min_duration_ms)
              FROM refreshtop.stats_of_all('1 day') WHERE refresh_type = 'v1'";
    assert_eq!(value::<String>(&url, of).await, "5 7.000 7 7");
    // A later migration sums all of it again.
    execute(&url, "DROP TRIGGER refreshtop_came ON public.metrics_refresh_log").await;
    migrate(&url).await;
    assert!(value::<bool>(&url, "SELECT refreshtop.has_sums()").await);
    assert_eq!(differing(&url).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_last_day_that_there_is_can_be_summed() {
    let url = migrated_app("lastday").await;
    execute(&url, VIEWS).await;
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, created_at)
         SELECT 'v1', 'success', now(), at
         FROM unnest(ARRAY['294276-12-31 23:59:59.999999+00', 'infinity', '-infinity']::timestamptz[]) at;
         SELECT public.attempt('v1', 'success', now())",
    )
    .await;
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.log_outdated").await, 0, "nothing stays marked");
    assert_eq!(differing(&url).await, Vec::<String>::new());
}
