//! Values to test with: what a database answers.

pub mod board;
pub mod columns;
pub mod diagnose;
pub mod history;
pub mod incidents;
pub mod runs;

pub use self::{columns::movement_read, history::history_read, incidents::incident_record};

use crate::{
    address::{DatabaseId, ViewId},
    database::Database,
    figures::PlatformMetrics,
    job::{Job, JobRun},
    question::{Answer, Question},
    refresh::TriggerOutcome,
    run::{BlackBox, BlockingSession, HeldLock, Origin, Run, RunDetail, RunStatus, Work},
    snapshot::{Deployment, Server, Snapshot},
    stats::RefreshStats,
    views::OwnLimits,
};
use chrono::{DateTime, Offset, TimeDelta, Utc};
use std::time::Duration;
use uuid::Uuid;

/// The server time of every fixture: 2026-11-23 03:00:30 UTC.
pub fn server_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_402_830, 0).unwrap_or_default()
}

/// The database of every fixture.
pub fn database() -> Database {
    Database::new(DatabaseId::new("production"), Some("production".into()), "db.example.net".into(), [view()])
}

/// Its view.
pub fn view() -> ViewId {
    ViewId::new("platform_metrics")
}

/// A run of five-minute slot `slot` before [`server_time`] (0 is the newest).
pub fn run(slot: u32, status: RunStatus) -> Run {
    let started_at = server_time() - TimeDelta::seconds(30) - TimeDelta::minutes(5 * i64::from(slot));
    let failed = status == RunStatus::Error;
    let duration_ms = if failed { 5_003.0 } else { 118.0 + f64::from(slot % 7) * 4.0 };
    let micros = TimeDelta::microseconds(if failed { 5_003_000 } else { 118_000 });
    Run {
        id: Uuid::from_u128(u128::from(slot) + 1),
        status,
        origin: if slot % 9 == 4 { Origin::Manual } else { Origin::Scheduled },
        duration_ms: Some(duration_ms),
        started_at,
        completed_at: Some(started_at + micros),
        sqlstate: failed.then(|| "55P03".into()),
        error: failed.then(|| "canceling statement due to lock timeout".into()),
        blockers: u32::from(failed),
        work: Work::default(),
    }
}

/// A notification of a refresh that has just ended.
pub fn notification(id: u128, status: &str) -> crate::notification::Notification {
    let (id, at) = (Uuid::from_u128(id), server_time().to_rfc3339());
    crate::notification::Notification::parse(&format!(
        r#"{{"id":"{id}","refresh_type":"platform_metrics","status":"{status}","source":"manual","duration_ms":7,"started_at":"{at}","completed_at":"{at}"}}"#,
    ))
    .expect("it is well formed")
}

/// The answer to a question of a view.
pub fn answer(question: Question) -> Answer {
    match question {
        Question::Runs(page) => {
            let rows: Vec<_> = (0..500).map(runs::listed).collect();
            let read = runs::page(&rows, &page, rows.len());
            Answer::Runs(page, Ok(read))
        }
        Question::Incidents { window, .. } => Answer::Incidents(window, Ok(incident_record())),
        Question::IncidentsOfAll { window, views } => {
            let of = |(view, _): &(ViewId, _)| (view.clone(), incident_record());
            Answer::IncidentsOfAll(window, Ok(views.iter().map(of).collect()))
        }
        Question::History { window, .. } => Answer::History(window, Ok(history_read())),
        Question::Movement { window } => Answer::Movement(window, Ok(movement_read())),
        Question::Diagnosis { .. } => Answer::Diagnosis(Ok(diagnose::found())),
    }
}

/// A snapshot of a healthy day: 288 runs, those whose slot is in `failed` failed.
pub fn snapshot(failed: &[u32]) -> Snapshot {
    let status = |slot: &u32| if failed.contains(slot) { RunStatus::Error } else { RunStatus::Success };
    let runs: Vec<Run> = (0..288).map(|slot| run(slot, status(&slot))).collect();
    let errors: Vec<Run> = runs.iter().filter(|run| run.status == RunStatus::Error).cloned().collect();
    let failures = errors.len() as u64;
    let successful = 288 - failures;
    #[expect(clippy::cast_precision_loss, reason = "at most 288")]
    let success_rate = Some(successful as f64 * 100.0 / 288.0);
    Snapshot {
        view: view(),
        read_for: Duration::ZERO,
        window: Duration::from_hours(24),
        own_limits: OwnLimits::default(),
        server_time: server_time(),
        server: Server {
            database: "app".into(),
            role: "oncall".into(),
            version: "15.18".into(),
            standby: false,
            behind: None,
        },
        deployment: Deployment::Migrated,
        stats: Ok(RefreshStats {
            total: 288,
            successful,
            failed: failures,
            success_rate,
            avg_duration_ms: Some(129.6),
            max_duration_ms: Some(142.0),
            min_duration_ms: Some(118.0),
            last_refresh_at: runs.first().and_then(|run| run.completed_at),
            last_error: errors.first().and_then(|run| run.error.clone()),
            last_success_at: runs.iter().find(|run| run.status == RunStatus::Success).and_then(|r| r.completed_at),
        }),
        runs: Ok(runs),
        errors: Ok(errors),
        job: Ok(Job {
            cron_database: "postgres".into(),
            schedule: "*/5 * * * *".into(),
            active: true,
            offset: Utc.fix(),
            launcher: Some(true),
            last: Some(JobRun {
                status: "succeeded".into(),
                message: Some("1 row".into()),
                started_at: Some(server_time() - TimeDelta::seconds(30)),
            }),
        }),
        figures: Ok(PlatformMetrics {
            total_accounts: 10_482,
            total_users: 48_113,
            total_assets: 204_377,
            total_licenses: 51_020,
            new_accounts_30d: 412,
            new_users_30d: 2_071,
            new_assets_30d: 9_350,
            last_updated: Some(server_time() - TimeDelta::seconds(30)),
        }),
        measured: None,
        running: None,
    }
}

/// A failed run in full, with three sessions in its black box.
pub fn detail() -> RunDetail {
    let lock = |relation: &str, mode: &str, granted| HeldLock { relation: relation.into(), mode: mode.into(), granted };
    let session = |pid, user: &str, application: &str| BlockingSession {
        pid,
        user: Some(user.into()),
        application: Some(application.into()),
        client: Some("10.2.0.14".into()),
        state: Some("idle in transaction".into()),
        xact_age_s: Some(5_130.0),
        query_start: Some(server_time() - TimeDelta::seconds(5_100)),
        query: Some("ALTER TABLE public.accounts ADD COLUMN plan text DEFAULT 'free' NOT NULL".into()),
        locks: vec![lock("public.accounts", "AccessExclusiveLock", true)],
        blocked_by: Vec::new(),
    };
    let mut waiting = session(4_802, "app", "api worker 3");
    waiting.state = Some("active".into());
    waiting.query =
        Some("SELECT count(*)\n  FROM public.accounts\n WHERE created_at > now() - interval '30 days'".into());
    waiting.locks = vec![lock("public.accounts", "AccessShareLock", false)];
    waiting.blocked_by = vec![4_711];
    let mut refreshing = session(4_790, "postgres", "pg_cron");
    refreshing.client = None;
    refreshing.state = Some("active".into());
    refreshing.xact_age_s = Some(5.0);
    refreshing.query = Some("SELECT public.refresh_platform_metrics_with_logging();".into());
    refreshing.locks =
        vec![lock("public.platform_metrics", "ExclusiveLock", true), lock("public.accounts", "AccessShareLock", false)];
    refreshing.blocked_by = vec![4_711];
    RunDetail {
        view: Some(view()),
        run: Run { work: Work { server_wal_bytes: Some(51_200), ..Work::default() }, ..run(0, RunStatus::Error) },
        message: Some("canceling statement due to lock timeout".into()),
        detail: Some("Process 4790 waits for AccessShareLock on relation 16412 of database 16384.".into()),
        hint: Some("See server log for query details.".into()),
        context: Some(
            "SQL statement \"REFRESH MATERIALIZED VIEW CONCURRENTLY public.platform_metrics\"\nPL/pgSQL function refresh_platform_metrics_with_logging() line 42 at SQL statement".into(),
        ),
        triggered_by: Some("postgres".into()),
        application: Some("pg_cron".into()),
        pid: Some(4_790),
        black_box: Some(BlackBox {
            captured_at: server_time() - TimeDelta::seconds(25),
            sessions: vec![session(4_711, "deploy", "psql"), refreshing, waiting],
        }),
    }
}

/// Text as an attacker would write it: escape sequences, direction marks, joiners, wide characters.
pub fn hostile_text() -> String {
    let head = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}txet\u{2066}\u{200f}\u{61c} 日本語テキスト\r\n\tשלום e\u{301}\u{301}\u{301}\u{301}\u{200b}\u{200d}\u{feff}👩\u{200d}👩 ";
    head.repeat(3)
}

/// A megabyte of it.
pub fn hostile_megabyte() -> String {
    let mut text = hostile_text();
    text.push_str(&"x\u{1b}[31m".repeat((1 << 20) / 6));
    text
}

/// The view was refreshed.
pub fn outcome_success() -> TriggerOutcome {
    TriggerOutcome::Success { duration_ms: 131.0, completed_at: server_time() }
}

/// The attempt failed.
pub fn outcome_error() -> TriggerOutcome {
    let message = "canceling statement due to lock timeout".into();
    TriggerOutcome::Error { duration_ms: 5_003.0, sqlstate: Some("55P03".into()), message, hint: None }
}

/// Somebody was faster.
pub fn outcome_already_running() -> TriggerOutcome {
    TriggerOutcome::AlreadyRunning { message: "pid 4711 (pg_cron) has refreshed since 03:00:00".into() }
}

/// The server would not.
pub fn outcome_refused() -> TriggerOutcome {
    let message = "role oncall is not a super administrator: GRANT refreshtop_admin TO oncall".into();
    TriggerOutcome::Refused { message }
}

/// Nobody knows.
pub fn outcome_lost() -> TriggerOutcome {
    TriggerOutcome::Lost { message: "the connection broke while the refresh ran".into() }
}
