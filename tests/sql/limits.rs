//! Limits of each view: how they are set, judged and kept, and that a time limit ends a refresh however it began.

use crate::support::{execute, fresh_database, migrate, open, session::Session, target, value};
use futures_util::stream;
use refreshtop_core::{
    address::ViewId,
    health::Verdict,
    limits::{Overrides, Source, ViewLimits},
    refresh::TriggerOutcome,
    views::Views,
};
use refreshtop_db::{
    read_transaction::ReadTransaction,
    refresher,
    snapshot::{self, Kept, Scope},
    statistics, views,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Two views that take as long as `naps` says.
const NAPS: &str = "CREATE TABLE public.naps (seconds numeric);
    INSERT INTO public.naps VALUES (0);
    CREATE FUNCTION public.nap() RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(seconds) FROM public.naps; RETURN 1; END $$;
    CREATE MATERIALIZED VIEW public.slow AS SELECT public.nap() AS id FROM public.naps;
    CREATE UNIQUE INDEX ON public.slow (id);
    CREATE MATERIALIZED VIEW public.monthly AS SELECT seconds AS id FROM public.naps;
    CREATE UNIQUE INDEX ON public.monthly (id)";

async fn managed() -> String {
    let url = fresh_database("limits").await;
    execute(&url, NAPS).await;
    migrate(&url).await;
    execute(&url, "SELECT refreshtop.manage('public.slow'), refreshtop.manage('public.monthly')").await;
    url
}

async fn set(url: &str, view: &str, changes: &Value) {
    execute(url, &format!("SELECT refreshtop.change_view('{view}', '{changes}')")).await;
}

/// As the program refreshes.
async fn triggered(url: &str, view: &str) -> TriggerOutcome {
    refresher::refresh(&target(url), &ViewId::new(view), stream::pending()).await
}

#[tokio::test]
async fn a_time_limit_ends_a_refresh_however_it_began_and_the_row_says_so() {
    let url = managed().await;
    set(&url, "slow", &json!({"time_limit": "300 ms"})).await;
    execute(&url, "UPDATE public.naps SET seconds = 60").await;
    let command: String = value(&url, "SELECT refreshtop.job_command('slow')").await;
    execute(&url, &command).await;
    let outcome = triggered(&url, "slow").await;
    let TriggerOutcome::Error { sqlstate, message, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((sqlstate.as_deref(), &**message), (Some("57014"), "ended by the view's time limit of 00:00:00.3"));
    // By hand, in one transaction.
    let session = Session::open(&url).await;
    session.run("BEGIN; SELECT refreshtop.limit_time('slow'); SELECT refreshtop.refresh('slow'); COMMIT").await;
    assert_eq!(session.value::<String>("current_setting('statement_timeout')").await, "0", "for that transaction only");
    let log = session.log().await;
    assert_eq!(log.len(), 3);
    for row in &log {
        assert_eq!((&row["status"], &row["sqlstate"]), (&json!("error"), &json!("57014")), "{row}");
        assert_eq!(row["error_message"], "ended by the view's time limit of 00:00:00.3", "{row}");
        assert!(row["error_detail"].as_str().unwrap().contains("statement timeout"), "{row}");
        assert!(row["error_hint"].as_str().unwrap().contains("time_limit"), "{row}");
        assert!(row["duration_ms"].as_f64().unwrap() < 30_000.0, "{row}");
    }
    // A session's own limit is not the view's.
    set(&url, "slow", &json!({"time_limit": "1 h"})).await;
    session.run("SET statement_timeout = '200ms'").await;
    session.run(&command).await;
    let own = session.log().await.pop().unwrap();
    assert!(own["error_message"].as_str().unwrap().contains("statement timeout"), "{own}");
    // Within its limit it succeeds, and without one nothing limits it.
    execute(&url, "UPDATE public.naps SET seconds = 0").await;
    execute(&url, &command).await;
    set(&url, "slow", &json!({"time_limit": null})).await;
    assert!(matches!(triggered(&url, "slow").await, TriggerOutcome::Success { .. }));
    let statuses: Value = value(&url, "SELECT jsonb_object_agg(status, n) FROM (SELECT status, count(*) n FROM public.metrics_refresh_log GROUP BY 1) s").await;
    assert_eq!(statuses, json!({"error": 4, "success": 2}));
}

#[tokio::test]
async fn limits_are_set_put_back_refused_and_noted() {
    let url = managed().await;
    let session = Session::open(&url).await;
    let all = json!({"max_age": "34 days", "max_duration": "5 min", "success_warning": "90%", "success_critical": "50",
                     "stats_window": "70 days", "time_limit": "1 h"});
    set(&url, "monthly", &all).await;
    let limits = "refreshtop.limits_of(v) FROM refreshtop.views v WHERE refresh_type = 'monthly'";
    let wanted = json!({"max_age": 2_937_600, "max_duration": 300, "success_warning": 90, "success_critical": 50,
                        "window": 6_048_000, "time_limit": 3600});
    let found: Value = session.value(limits).await;
    for (name, seconds) in wanted.as_object().unwrap() {
        assert!((found[name].as_f64().unwrap() - seconds.as_f64().unwrap()).abs() < 1e-6, "{name}: {found}");
    }
    let act = session.rows("SELECT detail FROM refreshtop.audit WHERE action = 'views set'").await;
    assert_eq!(act[0]["detail"], json!({"view": "monthly", "changes": all}));
    for (key, bad) in [
        ("max_age", "0 s"),
        ("max_age", "soon"),
        ("max_age", "1000 years"),
        ("max_duration", "-1 s"),
        ("success_warning", "101"),
        ("success_warning", "NaN"),
        ("success_warning", "many"),
        ("success_warning", "49"),
        ("success_critical", "91"),
        ("stats_window", "59 s"),
        ("time_limit", "0"),
        ("time_limit", "25 days"),
        ("keep_log", "1001 years"),
        // Compares as one day.
        ("keep_log", "-5900000 years 2124000001 days"),
        ("max_age", "-5900000 years 2124000001 days"),
    ] {
        let change = format!("SELECT refreshtop.change_view('monthly', '{{\"{key}\": \"{bad}\"}}')");
        assert_eq!(session.sqlstate(&change).await, "22023", "{key} = {bad}");
    }
    assert_eq!(session.value::<Value>(limits).await, found, "what is refused changes nothing");
    let keys: serde_json::Map<String, Value> =
        all.as_object().unwrap().keys().map(|key| (key.clone(), Value::Null)).collect();
    set(&url, "monthly", &keys.into()).await;
    assert_eq!(session.value::<Value>(limits).await, json!({}));
}

/// One value that can't be read would keep every view from being listed; one that is no time, the log from being cleaned.
#[tokio::test]
async fn the_largest_and_the_smallest_values_break_nothing() {
    let url = managed().await;
    let all = json!({"success_critical": "1e-400", "success_warning": "1e-400", "keep_log": "1000 years",
                     "max_age": "100 years", "stats_window": "100 years", "max_duration": "100 years",
                     "lock_timeout": "1 ms"});
    set(&url, "monthly", &all).await;
    assert!(read(&url).await.views.iter().any(|view| view.name.name == "monthly" && view.registered().is_some()));
    // An attempt that was lost is looked for as far back as rows are kept.
    assert!(matches!(triggered(&url, "monthly").await, TriggerOutcome::Success { .. }));
    assert_eq!(value::<i64>(&url, "SELECT refreshtop.cleanup_logs()").await, 0);
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.stats_of_all(NULL)").await, 2);
}

#[tokio::test]
async fn the_database_and_the_program_agree_on_the_window() {
    let url = managed().await;
    let mut session = open(&url).await;
    for set in [
        "run_every = NULL",
        "run_every = '10 s'",
        "run_every = '12 hours'",
        "run_every = '12 hours 1 s'",
        "run_every = '31 days'",
        "run_every = '1 month'",
        "run_every = NULL, max_age = '2 days'",
        "run_every = '1 hour', max_age = '20 days'",
        "stats_window = '90 min'",
        "stats_window = '100 years'",
    ] {
        execute(&url, &format!("UPDATE refreshtop.views SET {set} WHERE refresh_type = 'monthly'")).await;
        let seconds: f64 = value(&url, "SELECT extract(epoch FROM refreshtop.window_of(v))::float8 FROM refreshtop.views v WHERE refresh_type = 'monthly'").await;
        let tx = ReadTransaction::begin(&mut session).await.unwrap();
        let (_, own) = statistics::statistics(&tx, &ViewId::new("monthly"), None).await.unwrap();
        tx.end();
        let window = ViewLimits::resolve(&own, &Overrides::default()).window.value;
        assert!((window.as_secs_f64() - seconds).abs() < 1e-3, "{set}: {window:?}, {seconds}");
        let listed = read(&url).await;
        let listed = listed.views.iter().find(|view| view.name.name == "monthly").unwrap();
        assert_eq!(listed.registered().unwrap().limits, own, "{set}");
    }
}

async fn read(url: &str) -> Views {
    views::read(&mut Kept::of(open(url).await), None).await.unwrap()
}

#[tokio::test]
async fn a_monthly_view_is_healthy_on_the_29th_day_and_its_last_success_stays() {
    let url = managed().await;
    execute(
        &url,
        "UPDATE refreshtop.views SET run_every = '31 days', keep_log = '7 days' WHERE refresh_type = 'monthly';
         INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at, created_at)
         SELECT 'monthly', s.status, 10, s.at, s.at, s.at FROM (VALUES
             ('success', now() - interval '29 days'), ('success', now() - interval '60 days'),
             ('error', now() - interval '63 days'), ('success', now() - interval '91 days')) s (status, at)",
    )
    .await;
    let verdict = async |overrides: &Overrides| {
        let all = views::read(&mut Kept::of(open(&url).await), overrides.window).await.unwrap();
        let view = all.views.iter().find(|view| view.name.name == "monthly").unwrap().clone();
        view.health(all.at, overrides).unwrap().verdict
    };
    assert_eq!(verdict(&Overrides::default()).await, Verdict::Healthy);
    let day = Overrides { window: Some(Duration::from_hours(24)), ..Overrides::default() };
    assert_eq!(verdict(&day).await, Verdict::Critical, "no refresh in a day");
    // One read brings the limits along.
    let scope = Scope { window: None, runs: 1, errors: 0, board: false };
    let read = snapshot::read(&mut Kept::of(open(&url).await), &ViewId::new("monthly"), &scope).await.unwrap();
    let found = read.complete();
    assert_eq!((found.window, found.stats.unwrap().total), (Duration::from_hours(62 * 24), 2));
    let limits = ViewLimits::resolve(&found.own_limits, &Overrides::default());
    assert_eq!(limits.max_age.source, Source::Schedule);
    // Rows inside the window stay, although they are older than keep_log.
    let kept = "SELECT count(*) FROM public.metrics_refresh_log WHERE refresh_type = 'monthly'";
    assert_eq!(value::<i64>(&url, "SELECT refreshtop.cleanup_logs()").await, 2);
    assert_eq!(value::<i64>(&url, kept).await, 2);
    // And so does the last success, however old it is.
    execute(&url, "UPDATE refreshtop.views SET run_every = NULL").await;
    assert_eq!(value::<i64>(&url, "SELECT refreshtop.cleanup_logs()").await, 1);
    assert_eq!(value::<i64>(&url, kept).await, 1);
}

#[tokio::test]
async fn an_attempt_notes_the_wal_that_the_server_wrote_meanwhile() {
    let url = managed().await;
    execute(
        &url,
        "INSERT INTO public.naps SELECT n FROM generate_series(1, 2000) n; SELECT refreshtop.refresh('monthly')",
    )
    .await;
    let measured: Value = value(&url, "SELECT measured FROM public.metrics_refresh_log").await;
    assert!(measured["server_wal_bytes"].as_u64().unwrap() > 2000 * 30, "{measured}");
    execute(&url, "DROP INDEX public.monthly_id_idx; SELECT refreshtop.refresh('monthly')").await;
    let failed: Value = value(&url, "SELECT measured FROM public.metrics_refresh_log WHERE status = 'error'").await;
    assert!(failed["server_wal_bytes"].is_number(), "{failed}");
    // Without the right to know there is no number.
    execute(&url, "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_current_wal_insert_lsn() FROM PUBLIC; CREATE UNIQUE INDEX ON public.monthly (id)").await;
    let reply: Value = value(&url, "SELECT refreshtop.refresh('monthly')").await;
    assert_eq!((&reply["success"], reply.get("server_wal_bytes")), (&json!(true), None), "{reply}");
}
