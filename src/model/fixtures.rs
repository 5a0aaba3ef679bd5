//! States to test with, used by the tests of the model and of the screen.

use crate::model::{
    clock::ServerClock,
    feed::Feed,
    figures::PlatformMetrics,
    health::Thresholds,
    job::{Job, JobRun},
    run::{Origin, Run, RunStatus},
    snapshot::{Server, Snapshot},
    state::{Options, State},
    stats::RefreshStats,
};
use chrono::{DateTime, Offset, TimeDelta, Utc};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The server time at which every fixture stands: 2026-11-23 03:00:30 UTC.
#[must_use]
pub fn server_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_402_830, 0).unwrap_or_default()
}

/// Default options for a local database.
#[must_use]
pub fn options() -> Options {
    Options {
        profile: Some("production".into()),
        host: "db.example.net".into(),
        poll_interval: Duration::from_secs(30),
        window: Duration::from_hours(24),
        thresholds: Thresholds::default(),
    }
}

/// A run of five-minute slot `slot` before [`server_time`] (0 is the newest).
#[must_use]
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
    }
}

/// A snapshot of a healthy day: 288 runs, those whose slot is in `failed` failed.
#[must_use]
pub fn snapshot(failed: &[u32]) -> Snapshot {
    let status = |slot: &u32| if failed.contains(slot) { RunStatus::Error } else { RunStatus::Success };
    let runs: Vec<Run> = (0..288).map(|slot| run(slot, status(&slot))).collect();
    let errors: Vec<Run> = runs.iter().filter(|run| run.status == RunStatus::Error).cloned().collect();
    let failures = errors.len() as u64;
    let successful = 288 - failures;
    #[expect(clippy::cast_precision_loss, reason = "at most 288")]
    let success_rate = Some(successful as f64 * 100.0 / 288.0);
    Snapshot {
        server_time: server_time(),
        server: Server { database: "app".into(), role: "oncall".into(), version: "15.18".into(), standby: false },
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
        running: None,
    }
}

/// A live state of a healthy day.
#[must_use]
pub fn live() -> State {
    with(snapshot(&[]))
}

/// A live state showing `snapshot`.
#[must_use]
pub fn with(snapshot: Snapshot) -> State {
    let now = Instant::now();
    let mut state = State::new(options(), now);
    state.feed = Feed::Live;
    state.clock = Some(ServerClock::new(snapshot.server_time, now));
    state.heard_at = Some(now);
    state.next_poll = now.checked_add(state.options.poll_interval);
    state.snapshot = Some(snapshot);
    state
}
