//! The contents of the log: statistics, lists, one run in full, and what the clean-up leaves.

use crate::support::{self, asking::Asking, cluster, execute, fresh_role, look, migrated_app, session::Session};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream;
use refreshtop_core::{
    address::ViewId,
    health::{self, Rule, Thresholds, Verdict},
    question::{Answer, PageStart, Question, RunsFilter, RunsPage},
    refresh::TriggerOutcome,
    run::{Origin, RunStatus},
    stats::RefreshStats,
};
use refreshtop_db::{
    contract::PLATFORM_METRICS,
    recent_runs::{self, LogFilter},
    refresher, run_detail, running,
    snapshot::{self, Kept, Scope},
    statistics,
};
use serde_json::{Value, json};
use std::{fs, path::Path, time::Duration};
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);

fn own_view() -> ViewId {
    ViewId::new(PLATFORM_METRICS)
}

/// Statement that logs one attempt: `status`, how long `ago` it ended (an interval), `ms` or `NULL`.
fn row(status: &str, ago: &str, ms: &str) -> String {
    row_of(PLATFORM_METRICS, status, ago, ms)
}

fn row_of(refresh_type: &str, status: &str, ago: &str, ms: &str) -> String {
    let message = if status == "error" { format!("'failed {ago} ago'") } else { "NULL".into() };
    format!(
        "INSERT INTO public.metrics_refresh_log
             (refresh_type, status, duration_ms, error_message, started_at, completed_at, created_at)
         SELECT '{refresh_type}', '{status}', {ms}, {message}, at, at, at
         FROM (SELECT now() - interval '{ago}' AS at) t;"
    )
}

/// A migrated database whose log holds what `rows` insert, a session in it, and one of the service's.
async fn logged(rows: &[String]) -> (Session, refreshtop_db::session::Session) {
    let url = migrated_app("stats").await;
    execute(&url, &rows.concat()).await;
    (Session::open(&url).await, crate::support::open(&url).await)
}

/// A refresh as the monitor triggers it.
async fn triggered(url: &str) -> TriggerOutcome {
    refresher::refresh(&support::target(url), &own_view(), stream::pending()).await
}

/// The one row of `get_metrics_refresh_stats({argument})`.
async fn stats(session: &Session, argument: &str) -> Value {
    let rows = session.rows(&format!("SELECT * FROM public.get_metrics_refresh_stats({argument})")).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

// get_metrics_refresh_stats

#[tokio::test]
async fn columns_and_types_are_those_of_the_contract() {
    let (session, _) = logged(&[]).await;
    for (function, arguments, result) in [
        (
            "get_metrics_refresh_stats(integer)",
            "p_hours integer DEFAULT 24",
            "TABLE(total_refreshes bigint, successful_refreshes bigint, failed_refreshes bigint, success_rate numeric, \
             avg_duration_ms numeric, max_duration_ms numeric, min_duration_ms numeric, \
             last_refresh_at timestamp with time zone, last_error text)",
        ),
        ("trigger_platform_metrics_refresh()", "", "jsonb"),
        ("refresh_platform_metrics_with_logging()", "", "jsonb"),
        ("cleanup_old_metrics_logs()", "", "bigint"),
    ] {
        let described: Value = session
            .value(&format!(
                "jsonb_build_array(pg_get_function_arguments(f), pg_get_function_result(f))
                 FROM to_regprocedure('public.{function}') f"
            ))
            .await;
        assert_eq!(described, json!([arguments, result]), "{function}");
    }
}

#[tokio::test]
async fn an_empty_log_gives_one_row_of_nothing() {
    let (session, mut service) = logged(&[]).await;
    let nothing = json!({
        "total_refreshes": 0, "successful_refreshes": 0, "failed_refreshes": 0, "success_rate": null,
        "avg_duration_ms": null, "max_duration_ms": null, "min_duration_ms": null,
        "last_refresh_at": null, "last_error": null,
    });
    assert_eq!(stats(&session, "24").await, nothing);
    let typed = statistics::statistics(&look(&mut service).await, &own_view(), Some(DAY)).await.unwrap().0;
    assert_eq!(typed, RefreshStats::default());
    assert_eq!(health::evaluate(&typed, Utc::now(), &Thresholds::default()).verdict, Verdict::Critical);
}

#[tokio::test]
async fn the_nine_figures() {
    let rows = [
        row("success", "50 min", "100"),
        row("success", "40 min", "250.5"),
        row("error", "30 min", "5000"),
        row("success", "20 min", "300"),
        row("success", "15 min", "NULL"),
        row("error", "10 min", "1"),
        row("error", "2 days", "7"),
        row("success", "2 days", "9000"),
        row_of("other", "error", "1 min", "99999"),
    ];
    let (session, mut service) = logged(&rows).await;
    let found = stats(&session, "24").await;
    for (figure, expected) in [
        ("total_refreshes", json!(6)),
        ("successful_refreshes", json!(4)),
        ("failed_refreshes", json!(2)),
        ("success_rate", json!(66.67)),
        ("avg_duration_ms", json!(216.833)),
        ("max_duration_ms", json!(300)),
        ("min_duration_ms", json!(100)),
        ("last_error", json!("failed 10 min ago")),
    ] {
        assert_eq!(found[figure], expected, "{figure}");
    }
    let last: bool = session
        .value(
            "(SELECT last_refresh_at FROM public.get_metrics_refresh_stats(24))
                = (SELECT max(completed_at) FROM public.metrics_refresh_log WHERE refresh_type = 'platform_metrics')",
        )
        .await;
    assert!(last, "the last attempt, though it failed: {found}");

    let typed = statistics::statistics(&look(&mut service).await, &own_view(), Some(DAY)).await.unwrap().0;
    assert_eq!((typed.total, typed.successful, typed.failed), (6, 4, 2));
    assert_eq!(
        [typed.success_rate, typed.avg_duration_ms, typed.max_duration_ms, typed.min_duration_ms],
        [Some(66.67), Some(216.833), Some(300.0), Some(100.0)]
    );
    assert_eq!(typed.last_error.as_deref(), Some("failed 10 min ago"));
    let at = |status: &str| {
        format!(
            "max(completed_at) FROM public.metrics_refresh_log
             WHERE refresh_type = 'platform_metrics' AND status IN ({status})"
        )
    };
    assert_eq!(typed.last_refresh_at, session.value::<Option<DateTime<Utc>>>(&at("'success', 'error'")).await);
    assert_eq!(typed.last_success_at, session.value::<Option<DateTime<Utc>>>(&at("'success'")).await);

    let other = statistics::statistics(&look(&mut service).await, &ViewId::new("other"), Some(DAY)).await.unwrap().0;
    assert_eq!((other.total, other.failed, other.last_success_at), (1, 1, None));
}

#[tokio::test]
async fn the_rate_has_two_decimals() {
    for (good, all, expected) in
        [(1, 3, json!(33.33)), (2, 3, json!(66.67)), (3, 3, json!(100)), (0, 3, json!(0)), (999, 1000, json!(99.9))]
    {
        let (session, _) = logged(&[]).await;
        let insert = format!(
            "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at)
             SELECT 'platform_metrics', CASE WHEN n <= {good} THEN 'success' ELSE 'error' END, now()
             FROM generate_series(1, {all}) n"
        );
        session.run(&insert).await;
        let found = stats(&session, "").await;
        assert_eq!(found["success_rate"].as_f64(), expected.as_f64(), "{good} of {all}: {found}");
    }
}

#[tokio::test]
async fn the_window_is_what_was_asked_for_and_24_hours_by_default() {
    let rows = [
        row("success", "30 min", "1"),
        row("error", "90 min", "1"),
        row("error", "23 hours 59 min", "1"),
        row("error", "24 hours 1 min", "1"),
        row("success", "47 hours", "1"),
    ];
    let (session, _) = logged(&rows).await;
    for (argument, total, last_error) in [
        ("1", 1, json!(null)),
        ("2", 2, json!("failed 90 min ago")),
        ("", 3, json!("failed 90 min ago")),
        ("NULL", 3, json!("failed 90 min ago")),
        ("p_hours => 25", 4, json!("failed 90 min ago")),
        ("48", 5, json!("failed 90 min ago")),
        ("24 * 365 * 100", 5, json!("failed 90 min ago")),
        ("2147483647", 5, json!("failed 90 min ago")),
    ] {
        let found = stats(&session, argument).await;
        assert_eq!(
            (&found["total_refreshes"], &found["last_error"]),
            (&json!(total), &last_error),
            "{argument}: {found}"
        );
    }
    for argument in ["0", "-1", "-2147483648"] {
        let call = format!("SELECT * FROM public.get_metrics_refresh_stats({argument})");
        assert_eq!(session.sqlstate(&call).await, "22023", "{argument}");
    }
}

/// Inside one statement the clock that the window ends at stands still.
#[tokio::test]
async fn the_border_itself_is_outside_the_window() {
    let (session, _) = logged(&[]).await;
    session
        .run(
            "DO $$
              DECLARE v_total bigint;
              BEGIN
                  INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, created_at)
                  VALUES ('platform_metrics', 'success', now(), statement_timestamp() - interval '24 hours');
                  SELECT total_refreshes INTO v_total FROM public.get_metrics_refresh_stats(24);
                  ASSERT v_total = 0, format('%s on the border', v_total);
                  UPDATE public.metrics_refresh_log SET created_at = created_at + interval '1 microsecond';
                  SELECT total_refreshes INTO v_total FROM public.get_metrics_refresh_stats(24);
                  ASSERT v_total = 1, format('%s just inside', v_total);
              END $$",
        )
        .await;
}

// The service layer.

#[tokio::test]
async fn the_last_success_may_be_older_than_the_window() {
    let (session, mut service) = logged(&[row("success", "3 days", "1"), row("error", "1 hour", "1")]).await;
    let found = statistics::statistics(&look(&mut service).await, &own_view(), Some(DAY)).await.unwrap().0;
    let success: DateTime<Utc> =
        session.value("completed_at FROM public.metrics_refresh_log WHERE status = 'success'").await;
    assert_eq!((found.total, found.successful, found.last_success_at), (1, 0, Some(success)));
    let health = health::evaluate(&found, session.value("clock_timestamp()").await, &Thresholds::default());
    let rules: Vec<_> = health.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!((health.verdict, rules), (Verdict::Critical, vec![Rule::SuccessRate, Rule::Freshness]));
}

#[tokio::test]
async fn health_borders_over_real_statistics() {
    let thresholds = Thresholds::default();
    for (good, bad, ms, expected) in [
        (19, 1, "100", Verdict::Healthy),
        (189, 10, "100", Verdict::Warning),
        (4, 1, "100", Verdict::Warning),
        (79, 20, "100", Verdict::Critical),
        (2, 0, "5000", Verdict::Healthy),
        (2, 0, "5000.001", Verdict::Warning),
    ] {
        let mut rows = vec![row("success", "1 min", ms); good];
        rows.extend(vec![row("error", "1 min", "1"); bad]);
        let (session, mut service) = logged(&rows).await;
        let found = statistics::statistics(&look(&mut service).await, &own_view(), Some(DAY)).await.unwrap().0;
        let health = health::evaluate(&found, session.value("clock_timestamp()").await, &thresholds);
        assert_eq!(health.verdict, expected, "{good} good, {bad} bad, {ms} ms: {:?}", health.findings);
    }
    let (_, mut service) = logged(&[row("success", "1 hour", "1")]).await;
    let found = statistics::statistics(&look(&mut service).await, &own_view(), Some(DAY)).await.unwrap().0;
    let success = found.last_success_at.unwrap();
    for (age, expected) in
        [(TimeDelta::minutes(10), Verdict::Healthy), (TimeDelta::milliseconds(600_001), Verdict::Warning)]
    {
        assert_eq!(health::evaluate(&found, success + age, &thresholds).verdict, expected, "{age}");
    }
}

#[tokio::test]
async fn recent_runs_are_the_newest_of_their_kind_newest_first() {
    let rows = [
        row("success", "5 min", "5"),
        row("error", "4 min", "4"),
        row("success", "3 min", "3"),
        row("error", "2 min", "2"),
        row_of("other", "error", "1 min", "1"),
    ];
    let (_, mut service) = logged(&rows).await;
    for (filter, limit, expected) in [
        (LogFilter::All, 10, vec![2.0, 3.0, 4.0, 5.0]),
        (LogFilter::All, 3, vec![2.0, 3.0, 4.0]),
        (LogFilter::Errors, 10, vec![2.0, 4.0]),
        (LogFilter::Errors, 1, vec![2.0]),
        (LogFilter::All, 0, vec![]),
    ] {
        let runs = recent_runs::recent_runs(&look(&mut service).await, &own_view(), filter, limit).await.unwrap();
        let found: Vec<f64> = runs.iter().filter_map(|run| run.duration_ms).collect();
        assert_eq!(found, expected, "{filter:?} {limit}");
        assert!(
            filter == LogFilter::All || runs.iter().all(|run| run.status == RunStatus::Error && run.error.is_some())
        );
    }
}

#[tokio::test]
async fn lists_cut_long_texts_and_the_detail_keeps_them() {
    let (session, mut service) = logged(&[]).await;
    session
        .run(
            "INSERT INTO public.metrics_refresh_log
                  (refresh_type, status, started_at, error_message, error_detail, error_hint, error_context)
              VALUES ('platform_metrics', 'error', now(),
                      repeat('é', 15000), repeat('d', 300000), 'h', repeat('c', 15000))",
        )
        .await;
    let listed = recent_runs::recent_runs(&look(&mut service).await, &own_view(), LogFilter::Errors, 50)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(listed.error, Some("é".repeat(500)));
    let stats = statistics::statistics(&look(&mut service).await, &own_view(), Some(DAY)).await.unwrap().0;
    assert_eq!(stats.last_error, Some("é".repeat(500)));
    let detail = run_detail::run_detail(&look(&mut service).await, listed.id).await.unwrap().unwrap();
    assert_eq!(detail.run, listed);
    assert_eq!(detail.message, Some("é".repeat(15_000)));
    assert_eq!(detail.detail, Some("d".repeat(20_000)));
    assert_eq!((detail.hint.as_deref(), detail.context), (Some("h"), Some("c".repeat(15_000))));
    assert_eq!(run_detail::run_detail(&look(&mut service).await, Uuid::nil()).await.unwrap(), None);
}

#[tokio::test]
async fn a_row_of_an_older_deployment_reads_well() {
    let (session, mut service) = logged(&[]).await;
    session
        .run("ALTER TABLE public.metrics_refresh_log ALTER started_at DROP NOT NULL;
              INSERT INTO public.metrics_refresh_log (refresh_type, status, created_at)
              VALUES ('platform_metrics', 'error', now() - interval '1 hour');
              INSERT INTO public.metrics_refresh_log
                  (refresh_type, status, duration_ms, error_message, started_at, completed_at, created_at)
              VALUES ('platform_metrics', 'success', 12, NULL, now() - interval '2 hours', NULL, now() - interval '2 hours')")
        .await;
    let created: DateTime<Utc> = session.value("max(created_at) FROM public.metrics_refresh_log").await;
    let runs = recent_runs::recent_runs(&look(&mut service).await, &own_view(), LogFilter::All, 288).await.unwrap();
    assert_eq!(runs.len(), 2);
    let old = &runs[0];
    assert_eq!((old.status, old.origin, old.started_at), (RunStatus::Error, Origin::Unknown, created));
    assert_eq!(
        (old.duration_ms, old.completed_at, &old.sqlstate, &old.error, old.blockers),
        (None, None, &None, &None, 0)
    );
    assert_eq!((runs[1].status, runs[1].duration_ms, runs[1].completed_at), (RunStatus::Success, Some(12.0), None));
    let detail = run_detail::run_detail(&look(&mut service).await, old.id).await.unwrap().unwrap();
    assert_eq!((detail.run, detail.message, detail.black_box, detail.pid), (old.clone(), None, None, None));
    let stats = statistics::statistics(&look(&mut service).await, &own_view(), Some(DAY)).await.unwrap().0;
    assert_eq!((stats.total, stats.last_refresh_at, stats.last_error), (2, Some(created), None));
    assert_eq!((stats.last_success_at, stats.avg_duration_ms), (Some(runs[1].started_at), Some(12.0)));
}

#[tokio::test]
async fn a_failed_run_is_shown_in_full() {
    let url = migrated_app("failed").await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '100 ms'").await;
    let (session, mut service) = (Session::open(&url).await, crate::support::open(&url).await);
    session.run("SET application_name = 'in the way'; BEGIN; LOCK TABLE public.assets").await;
    let outcome = triggered(&url).await;
    let TriggerOutcome::Error { duration_ms, sqlstate, message, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(sqlstate.as_deref(), Some("55P03"));
    let listed = recent_runs::recent_runs(&look(&mut service).await, &own_view(), LogFilter::Errors, 50)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((listed.origin, listed.blockers, listed.sqlstate), (Origin::Manual, 1, sqlstate));
    assert_eq!((listed.duration_ms, listed.error.as_ref()), (Some(duration_ms), Some(&message)));
    let detail = run_detail::run_detail(&look(&mut service).await, listed.id).await.unwrap().unwrap();
    assert_eq!((detail.message, detail.triggered_by.as_deref()), (Some(message), Some("postgres")));
    let found = &detail.black_box.unwrap().sessions[0];
    assert_eq!((found.pid, found.application.as_deref()), (session.pid, Some("in the way")));
    assert_eq!(found.locks[0].relation, "public.assets");
    assert!(found.locks[0].granted && found.blocked_by.is_empty() && found.xact_age_s.unwrap() > 0.0, "{found:?}");
}

#[tokio::test]
async fn a_trigger_reports_its_outcome() {
    let url = migrated_app("trigger").await;
    let mut service = crate::support::open(&url).await;
    let session = Session::open(&url).await;
    let outcome = triggered(&url).await;
    let at: DateTime<Utc> = session.value("completed_at FROM public.metrics_refresh_log").await;
    let ms: f64 = session.value("duration_ms::float8 FROM public.metrics_refresh_log").await;
    assert_eq!(outcome, TriggerOutcome::Success { duration_ms: ms, completed_at: at });

    session.run("SET application_name = 'the first'; BEGIN").await;
    session.value::<Value>("public.trigger_platform_metrics_refresh()").await;
    let outcome = triggered(&url).await;
    assert!(
        matches!(&outcome, TriggerOutcome::AlreadyRunning { message } if message.contains("the first")),
        "{outcome:?}"
    );
    let running = running::running(&look(&mut service).await, &own_view()).await.unwrap().unwrap();
    assert_eq!(running.pid, session.pid);
    session.run("COMMIT").await;
    assert_eq!(running::running(&look(&mut service).await, &own_view()).await.unwrap(), None);

    let (_, plain) = fresh_role(&url, "plain", "").await;
    let outcome = triggered(&plain).await;
    assert!(
        matches!(&outcome, TriggerOutcome::Refused { message } if message.contains("super administrators")),
        "{outcome:?}"
    );
}

/// An owner who is no superuser may not see what other roles' sessions do.
#[tokio::test]
async fn a_running_refresh_of_another_role_is_shown_if_a_plain_owner_migrated() {
    let url = support::fresh_app("owned").await;
    let (owner, owner_url) = support::owned_app(&url).await;
    let (_, member) = fresh_role(&url, "member", "IN ROLE refreshtop_admin").await;
    let refreshing = Session::with(&member, "SET application_name = 'the first'; BEGIN").await;
    refreshing.value::<Value>("public.trigger_platform_metrics_refresh()").await;
    let mut service = crate::support::open(&owner_url).await;
    let running = running::running(&look(&mut service).await, &own_view()).await.unwrap().unwrap();
    assert_eq!((running.pid, running.application.as_deref()), (refreshing.pid, Some("the first")), "{owner}");
}

// Cleanup.

#[tokio::test]
async fn cleanup_takes_what_is_older_than_thirty_days() {
    let rows = [
        row("success", "31 days", "1"),
        row("error", "30 days 1 hour", "1"),
        row("success", "29 days 23 hours", "1"),
        row("success", "1 min", "1"),
        row_of("no longer registered", "success", "31 days", "1"),
        row_of("no longer registered", "success", "29 days", "1"),
    ];
    let (session, _) = logged(&rows).await;
    assert_eq!(session.value::<i64>("public.cleanup_old_metrics_logs()").await, 3);
    assert_eq!(session.log().await.len(), 3);
    assert!(
        session.value::<bool>("min(created_at) > now() - interval '30 days' FROM public.metrics_refresh_log").await
    );
    assert_eq!(session.value::<i64>("public.cleanup_old_metrics_logs()").await, 0);
    let act = session.rows("SELECT detail FROM refreshtop.audit WHERE action = 'cleanup' ORDER BY at").await;
    assert_eq!(act[0]["detail"], json!({"deleted": 3}));
}

#[tokio::test]
async fn cleanup_works_in_bounded_batches() {
    let (session, _) = logged(&[]).await;
    session
        .run(
            "INSERT INTO refreshtop.views (refresh_type, view_name) VALUES ('other', 'other_metrics');
              INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, created_at)
              SELECT t, 'success', now(), now() - interval '40 days'
              FROM generate_series(1, 50), unnest(ARRAY['platform_metrics', 'other']) t",
        )
        .await;
    let left = "jsonb_object_agg(refresh_type, rows)
                FROM (SELECT refresh_type, count(*) AS rows FROM public.metrics_refresh_log GROUP BY 1) t";
    assert_eq!(session.value::<i64>("refreshtop.cleanup_logs(10, 2)").await, 40);
    assert_eq!(session.value::<Value>(left).await, json!({"platform_metrics": 30, "other": 30}));
    assert_eq!(session.value::<i64>("refreshtop.cleanup_logs(10, 100)").await, 58);
    assert_eq!(session.value::<Value>(left).await, json!({"platform_metrics": 1, "other": 1}), "the last success");
    for bad in ["0, 1", "-1, 1", "NULL, 1", "1, 0", "1, NULL"] {
        assert_eq!(session.sqlstate(&format!("SELECT refreshtop.cleanup_logs({bad})")).await, "22023", "{bad}");
    }
}

/// What is counted is what is deleted, by the views' own ages and by a shorter one.
#[tokio::test]
async fn what_is_past_its_keeping_is_counted_as_it_is_deleted() {
    let rows: Vec<String> = ["2 hours", "2 days", "20 days", "50 days", "70 days"]
        .iter()
        .flat_map(|ago| {
            [row("success", ago, "1"), row_of("other", "error", ago, "1"), row_of("gone", "success", ago, "1")]
        })
        .collect();
    let (session, _) = logged(&rows).await;
    session
        .run("INSERT INTO refreshtop.views (refresh_type, view_name, keep_log) VALUES ('other', 'other_metrics', '1 hour');
              UPDATE refreshtop.views SET keep_log = '60 days' WHERE refresh_type = 'platform_metrics'")
        .await;
    let past =
        |age: &str| format!("(SELECT jsonb_object_agg(refresh_type, log_rows) FROM refreshtop.past_keeping({age}))");
    // The window of a view, a day, is kept whatever its age says.
    assert_eq!(session.value::<Value>(&past("")).await, json!({"platform_metrics": 1, "other": 4, "gone": 2}));
    let young = json!({"platform_metrics": 4, "other": 4, "gone": 5});
    assert_eq!(session.value::<Value>(&past("'1 hour'")).await, young);
    // As intervals compare, a year less 359 days is one day, and less than that window; it comes to six or seven.
    session.run("UPDATE refreshtop.views SET stats_window = '30 hours' WHERE refresh_type = 'other'").await;
    let six_days = json!({"platform_metrics": 3, "other": 3, "gone": 3});
    assert_eq!(session.value::<Value>(&past("'12 months -359 days'")).await, six_days);
    session.run("UPDATE refreshtop.views SET stats_window = NULL WHERE refresh_type = 'other'").await;
    assert_eq!(session.value::<i64>("refreshtop.cleanup_logs()").await, 7);
    assert_eq!(session.value::<i64>("(SELECT count(*) FROM refreshtop.past_keeping())").await, 0);
    assert_eq!(session.value::<Value>(&past("'1 hour'")).await, json!({"platform_metrics": 3, "gone": 3}));
    assert_eq!(session.value::<i64>("refreshtop.cleanup_logs_older('1 hour')").await, 6);
    for bad in ["cleanup_logs_older('59 min')", "cleanup_logs_older(NULL)", "past_keeping('-1 day')"] {
        assert_eq!(session.sqlstate(&format!("SELECT refreshtop.{bad}")).await, "22023", "{bad}");
    }
}

#[tokio::test]
async fn cleanup_keeps_what_the_view_says() {
    let ages = ["2 hours", "50 days", "70 days"];
    let rows: Vec<String> =
        ages.iter().flat_map(|ago| [row("success", ago, "1"), row_of("other", "success", ago, "1")]).collect();
    let (session, _) = logged(&rows).await;
    session
        .run("INSERT INTO refreshtop.views (refresh_type, view_name, keep_log) VALUES ('other', 'other_metrics', '1 hour');
              UPDATE refreshtop.views SET keep_log = '60 days' WHERE refresh_type = 'platform_metrics'")
        .await;
    assert_eq!(session.value::<i64>("public.cleanup_old_metrics_logs()").await, 3);
    let left = session.log().await;
    let of = |view: &str| left.iter().filter(|row| row["refresh_type"] == view).count();
    assert_eq!((of("platform_metrics"), of("other")), (2, 1), "{left:?}");
    session.run("UPDATE public.metrics_refresh_log SET created_at = created_at - interval '1 year'").await;
    assert_eq!(session.value::<i64>("public.cleanup_old_metrics_logs()").await, 1);
    let left: Value =
        session.value("jsonb_agg(refresh_type ORDER BY refresh_type) FROM public.metrics_refresh_log").await;
    assert_eq!(left, json!(["other", "platform_metrics"]), "the last success of each view stays");
}

// The cost of a poll.

/// Two years of a refresh every five minutes, one in fifty failed.
const TWO_YEARS: &str = "
INSERT INTO public.metrics_refresh_log
    (refresh_type, status, duration_ms, error_message, started_at, completed_at, created_at)
SELECT 'platform_metrics', CASE WHEN n % 50 = 0 THEN 'error' ELSE 'success' END, n % 1000,
       CASE WHEN n % 50 = 0 THEN 'failed' END, at, at, at
FROM generate_series(1, 200000) n, LATERAL (SELECT now() - n * interval '315 seconds' AS at) t;
ANALYZE public.metrics_refresh_log;
";

/// Every node of `plan` that reads the log: its type, and its index.
fn reads_of_the_log(plan: &Value, found: &mut Vec<(String, String)>) {
    let text = |key: &str| plan[key].as_str().unwrap_or_default().to_owned();
    if plan["Relation Name"] == "metrics_refresh_log" {
        found.push((text("Node Type"), text("Index Name")));
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        reads_of_the_log(child, found);
    }
}

/// The plans of sessions in `database` that `auto_explain` wrote to the server's log at `path`.
fn logged_plans(path: &Path, database: &str) -> Vec<Value> {
    let log = fs::read_to_string(path).unwrap();
    let own = format!("@{database} ");
    let mut lines = log.lines().peekable();
    let mut plans = Vec::new();
    while let Some(line) = lines.next() {
        if !(line.contains(&own) && line.ends_with("plan:")) {
            continue;
        }
        let mut text = String::new();
        while let Some(rest) = lines.next_if(|next| next.starts_with('\t')) {
            text.push_str(rest);
        }
        plans.push(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}")));
    }
    plans
}

/// The server itself tells the plans of what the service runs, inside its functions too, so that no query stands
/// here twice. As a superuser, and as a member to whom row security applies; often enough for generic plans.
#[tokio::test]
async fn no_poll_reads_the_whole_log() {
    const POLLS: usize = 8;
    const READS: usize = 5;
    let url = migrated_app("plans").await;
    execute(&url, TWO_YEARS).await;
    for options in ["SUPERUSER", "IN ROLE refreshtop_admin"] {
        let (role, role_url) = fresh_role(&url, "poller", options).await;
        let setting = |setting: &str| format!("ALTER ROLE {role} SET {setting};");
        let settings = [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_nested_statements = on",
            "auto_explain.log_format = 'json'",
        ];
        execute(&url, &settings.map(setting).concat()).await;
        let mut service = crate::support::open(&role_url).await;
        for _ in 0..POLLS {
            let stats = statistics::statistics(&look(&mut service).await, &own_view(), Some(DAY)).await.unwrap().0;
            assert!(stats.total > 200 && stats.last_error.is_some() && stats.last_success_at.is_some(), "{stats:?}");
            for (filter, limit) in [(LogFilter::All, 288), (LogFilter::Errors, 50)] {
                let runs =
                    recent_runs::recent_runs(&look(&mut service).await, &own_view(), filter, limit).await.unwrap();
                assert_eq!(runs.len(), usize::from(limit));
            }
        }
        // A plan is written when its transaction ends, which nobody waited for.
        service.run("SELECT 1").await.unwrap();
    }
    let database = url.rsplit_once('/').unwrap().1;
    let mut reads = Vec::new();
    for plan in logged_plans(&cluster().await.log_path(), database) {
        reads_of_the_log(&plan["Plan"], &mut reads);
    }
    // The window, its newest error, the last success; the two lists.
    assert_eq!(reads.len(), 2 * POLLS * READS, "{reads:?}");
    assert!(reads.iter().all(|(node, index)| node.starts_with("Index") && !index.is_empty()), "{reads:?}");
}

#[tokio::test]
async fn what_is_read_of_one_view_has_nothing_of_another() {
    let url = migrated_app("views").await;
    execute(&url, &[row("error", "1 hour", "NULL"), row_of("daily_sales", "success", "2 minutes", "40")].concat())
        .await;
    let mut app = Kept::open(&support::target(&url), "test").await.unwrap();
    let (scope, sales) = (Scope { window: Some(DAY), runs: 9, errors: 9, board: false }, ViewId::new("daily_sales"));
    let read = snapshot::read(&mut app, &sales, &scope).await.unwrap().without_schedule();
    assert_eq!(read.view, sales);
    let stats = read.stats.unwrap();
    assert_eq!((stats.total, stats.successful, stats.avg_duration_ms), (1, 1, Some(40.0)));
    assert_eq!(read.runs.unwrap().len(), 1);
    assert_eq!(read.errors.unwrap(), []);
    assert_eq!(read.figures.unwrap_err().reason, "daily_sales has no figures that are shown here");
    let own = snapshot::read(&mut app, &own_view(), &scope).await.unwrap().without_schedule();
    assert_eq!((own.stats.unwrap().total, own.errors.unwrap().len()), (1, 1));

    let mut asking = Asking::about(&url, sales);
    let page = RunsPage { filter: RunsFilter::default(), start: PageStart::Newest, limit: 9, background: false };
    let Answer::Runs(_, Ok(runs)) = asking.ask(Question::Runs(page)).await else { panic!("no runs") };
    assert_eq!(runs.runs.len(), 1);
    let limit = Duration::from_mins(10);
    let Answer::History(_, Ok(history)) = asking.ask(Question::History { window: DAY, limit }).await else {
        panic!("no history")
    };
    assert_eq!((history.whole.successes, history.whole.failures), (1, 0));
    let Answer::Incidents(_, Ok(record)) = asking.ask(Question::Incidents { window: DAY, limit }).await else {
        panic!("no incidents")
    };
    assert!(record.gaps.iter().all(|gap| gap.failures == 0), "{record:?}");
}
