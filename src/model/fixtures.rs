//! States to test with, used by the tests of the model and of the screen.

pub mod diagnose;
pub mod runs;

use crate::model::{
    clock::ServerClock,
    feed::Feed,
    figures::PlatformMetrics,
    health::Thresholds,
    history::{Growth, History, Part, Size, Sources},
    incident::{Blocker, Failure, Record, Recovery, Stretch},
    job::{Job, JobRun},
    message::Action,
    movement::{Figures, Measured, Movement, Sample},
    question::{Answer, Question},
    reading::{Reading, Unavailable},
    refresh::{RunningRefresh, Trigger, TriggerOutcome},
    run::{BlackBox, BlockingSession, HeldLock, Origin, Run, RunDetail, RunStatus},
    slices::Slices,
    snapshot::{Deployment, Server, Snapshot},
    state::{Focus, Options, Overlay, Paused, State},
    stats::RefreshStats,
    views::View,
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
        view: View::default(),
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

/// A notification of a refresh that has just ended.
#[cfg(test)]
pub(crate) fn notification(id: u128, status: &str) -> crate::model::notification::Notification {
    let (id, at) = (Uuid::from_u128(id), server_time().to_rfc3339());
    crate::model::notification::Notification::parse(&format!(
        r#"{{"id":"{id}","refresh_type":"platform_metrics","status":"{status}","source":"manual","duration_ms":7,"started_at":"{at}","completed_at":"{at}"}}"#,
    ))
    .unwrap()
}

/// The answer to a question of a view.
#[must_use]
pub fn answer(question: Question) -> Answer {
    match question {
        Question::Runs(page) => {
            let rows: Vec<_> = (0..500).map(runs::listed).collect();
            let read = runs::page(&rows, &page, rows.len());
            Answer::Runs(page, Ok(read))
        }
        Question::Incidents { window, .. } => Answer::Incidents(window, Ok(incident_record())),
        Question::History { window, .. } => Answer::History(window, Ok(history_read())),
        Question::Movement { window } => Answer::Movement(window, Ok(movement_read())),
        Question::Diagnosis { .. } => Answer::Diagnosis(Ok(diagnose::found())),
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
        read_for: Duration::ZERO,
        window: Duration::from_hours(24),
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

/// The last three attempts failed, so the data is too old.
#[must_use]
pub fn stale() -> State {
    with(snapshot(&[0, 1, 2]))
}

/// Every fourth attempt of the day failed, the last three among them.
#[must_use]
pub fn critical() -> State {
    let failed: Vec<u32> = (0..288).filter(|slot| *slot < 3 || slot % 4 == 1).collect();
    let mut snapshot = snapshot(&failed);
    if let Ok(errors) = &mut snapshot.errors {
        for (index, error) in errors.iter_mut().enumerate().filter(|(index, _)| index % 3 == 1) {
            error.sqlstate = Some("57014".into());
            error.error = Some("canceling statement due to user request".into());
            error.blockers = u32::try_from(index % 4).unwrap_or_default();
        }
    }
    with(snapshot)
}

/// Refreshes that take longer than they should.
#[must_use]
pub fn slow() -> State {
    let mut snapshot = snapshot(&[7, 31]);
    if let Ok(runs) = &mut snapshot.runs {
        for (index, run) in (0_u32..).zip(runs).filter(|(_, run)| run.status == RunStatus::Success) {
            let drift = 6_400.0 - 18.0 * f64::from(index);
            run.duration_ms = Some((drift + f64::from(index * 37 % 11) * 95.0).max(900.0));
        }
    }
    if let Ok(stats) = &mut snapshot.stats {
        stats.avg_duration_ms = Some(5_204.0);
        stats.max_duration_ms = Some(7_338.0);
        stats.min_duration_ms = Some(1_209.0);
    }
    with(snapshot)
}

/// Nothing has happened yet.
#[must_use]
pub fn connecting() -> State {
    State::new(options(), Instant::now())
}

/// `state` with its connection lost two minutes after the last news, and 252 seconds gone since.
#[must_use]
pub fn lost(mut state: State) -> State {
    let since = state.now + Duration::from_mins(2);
    state.now = since + Duration::from_secs(252);
    state.feed = Feed::Down {
        reason: "the server closed the connection: terminating connection due to administrator command".into(),
        since,
        attempts: 7,
        retry_at: Some(state.now + Duration::from_secs(8)),
    };
    state.next_poll = None;
    state
}

/// A server that could never be reached.
#[must_use]
pub fn never_reached() -> State {
    let mut state = connecting();
    state.feed = Feed::Down {
        reason: "could not connect: connection refused".into(),
        since: state.now,
        attempts: 0,
        retry_at: state.now.checked_add(Duration::from_secs(2)),
    };
    state
}

/// A server behind a pooler, where `LISTEN` can't work.
#[must_use]
pub fn polling() -> State {
    let mut state = live();
    state.feed =
        Feed::Polling { reason: "a pooler in transaction mode stands before this server, LISTEN can't work".into() };
    state
}

/// Connected, and the newest poll failed.
#[must_use]
pub fn poll_failed() -> State {
    let mut state = live();
    state.now += Duration::from_secs(95);
    state.poll_error =
        Some(Unavailable::new("the server did not answer within 10 s", "look for blocked sessions on the server"));
    state
}

/// A refresh asked for 12 seconds ago.
#[must_use]
pub fn refreshing(cancelling: bool) -> State {
    let mut state = live();
    let since = state.now;
    state.now += Duration::from_secs(12);
    state.trigger = Trigger::Running { since, cancelling };
    state
}

/// A refresh that somebody else runs.
#[must_use]
pub fn running_elsewhere() -> State {
    let mut snapshot = snapshot(&[]);
    snapshot.running = Some(RunningRefresh {
        pid: 4711,
        since: Some(server_time() - TimeDelta::seconds(75)),
        application: Some("pg_cron".into()),
    });
    with(snapshot)
}

/// A triggered refresh that ended with `outcome`.
#[must_use]
pub fn ended(outcome: TriggerOutcome) -> State {
    let mut state = live();
    state.trigger = Trigger::Ended { outcome, at: state.now };
    state
}

/// The view was refreshed.
#[must_use]
pub fn outcome_success() -> TriggerOutcome {
    TriggerOutcome::Success { duration_ms: 131.0, completed_at: server_time() }
}

/// The attempt failed.
#[must_use]
pub fn outcome_error() -> TriggerOutcome {
    let message = "canceling statement due to lock timeout".into();
    TriggerOutcome::Error { duration_ms: 5_003.0, sqlstate: Some("55P03".into()), message }
}

/// Somebody was faster.
#[must_use]
pub fn outcome_already_running() -> TriggerOutcome {
    TriggerOutcome::AlreadyRunning { message: "pid 4711 (pg_cron) has refreshed since 03:00:00".into() }
}

/// The server would not.
#[must_use]
pub fn outcome_refused() -> TriggerOutcome {
    let message = "role oncall is not a super administrator: GRANT refreshtop_admin TO oncall".into();
    TriggerOutcome::Refused { message }
}

/// Nobody knows.
#[must_use]
pub fn outcome_lost() -> TriggerOutcome {
    TriggerOutcome::Lost { message: "the connection broke while the refresh ran".into() }
}

/// No part can be read.
#[must_use]
pub fn unavailable() -> State {
    let mut snapshot = snapshot(&[]);
    let log = || Unavailable::new("role oncall may not read metrics_refresh_log", "GRANT refreshtop_admin TO oncall");
    snapshot.stats = Err(log());
    snapshot.runs = Err(log());
    snapshot.errors = Err(log());
    snapshot.job =
        Err(Unavailable::new("pg_cron is not installed", "CREATE EXTENSION pg_cron, or refreshtop schedule"));
    snapshot.figures = Err(Unavailable::new("the view platform_metrics does not exist", "refreshtop migrate"));
    with(snapshot)
}

/// An empty log and a paused job.
#[must_use]
pub fn empty() -> State {
    let mut snapshot = snapshot(&[]);
    snapshot.stats = Ok(RefreshStats::default());
    snapshot.runs = Ok(Vec::new());
    if let Ok(job) = &mut snapshot.job {
        job.active = false;
        job.last = None;
    }
    snapshot.figures = Ok(PlatformMetrics::default());
    with(snapshot)
}

/// A failure known from its notification only, at the head of both lists.
#[must_use]
pub fn just_notified() -> State {
    let mut snapshot = snapshot(&[9, 40]);
    let mut news = run(0, RunStatus::Error);
    news.id = Uuid::from_u128(999);
    news.started_at = server_time();
    (news.sqlstate, news.error, news.blockers) = (None, None, 0);
    for list in [&mut snapshot.runs, &mut snapshot.errors].into_iter().flatten() {
        list.insert(0, news.clone());
    }
    with(snapshot)
}

/// A failed run in full, with three sessions in its black box.
#[must_use]
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
        run: run(0, RunStatus::Error),
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

/// The newest failure opened, `scroll` lines down.
#[must_use]
pub fn opened(scroll: u16) -> State {
    let mut state = critical();
    let detail = detail();
    state.overlay = Some(Overlay::Run { id: detail.run.id, detail: Some(Box::new(Ok(detail))), scroll });
    state
}

/// The keys shown.
#[must_use]
pub fn help() -> State {
    let mut state = live();
    state.overlay = Some(Overlay::Help { scroll: 0 });
    state
}

/// Text as an attacker would write it: escape sequences, direction marks, joiners, wide characters.
#[must_use]
pub fn hostile_text() -> String {
    let head = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}txet\u{2066}\u{200f}\u{61c} 日本語テキスト\r\n\tשלום e\u{301}\u{301}\u{301}\u{301}\u{200b}\u{200d}\u{feff}👩\u{200d}👩 ";
    head.repeat(3)
}

/// A megabyte of it.
#[must_use]
pub fn hostile_megabyte() -> String {
    let mut text = hostile_text();
    text.push_str(&"x\u{1b}[31m".repeat((1 << 20) / 6));
    text
}

/// A state in which every text from the server is hostile.
#[must_use]
pub fn hostile() -> State {
    let text = hostile_text();
    let mut state = critical();
    let some = || Some(text.clone());
    state.options.profile = some();
    state.options.host.clone_from(&text);
    state.feed = Feed::Polling { reason: text.clone() };
    state.trigger = Trigger::Ended {
        outcome: TriggerOutcome::Error { duration_ms: 1.0, sqlstate: some(), message: hostile_megabyte() },
        at: state.now,
    };
    if let Some(snapshot) = &mut state.snapshot {
        snapshot.server =
            Server { database: text.clone(), role: text.clone(), version: text.clone(), standby: true, behind: None };
        for run in
            [&mut snapshot.runs, &mut snapshot.errors].into_iter().flatten().flat_map(|list| list.iter_mut().take(40))
        {
            if run.status == RunStatus::Error {
                (run.sqlstate, run.error) = (some(), some());
            }
        }
        if let Ok(stats) = &mut snapshot.stats {
            stats.last_error = Some(hostile_megabyte());
        }
        if let Ok(job) = &mut snapshot.job {
            job.cron_database.clone_from(&text);
            job.schedule.clone_from(&text);
            job.last = Some(JobRun { status: text.clone(), message: some(), started_at: None });
        }
        snapshot.running = Some(RunningRefresh { pid: 1, since: None, application: some() });
    }
    state
}

/// The same with a hostile run opened.
#[must_use]
pub fn hostile_detail() -> State {
    let text = hostile_text();
    let some = || Some(text.clone());
    let mut state = hostile();
    let mut detail = detail();
    (detail.message, detail.detail, detail.hint, detail.context) = (Some(hostile_megabyte()), some(), some(), some());
    (detail.triggered_by, detail.application) = (some(), some());
    if let Some(black_box) = &mut detail.black_box {
        black_box.sessions.truncate(1);
        for session in &mut black_box.sessions {
            (session.user, session.application, session.client) = (some(), some(), some());
            (session.state, session.query) = (some(), Some(hostile_megabyte()));
            session.xact_age_s = Some(f64::INFINITY);
            session.locks = vec![HeldLock { relation: text.clone(), mode: text.clone(), granted: true }];
        }
    }
    state.overlay = Some(Overlay::Run { id: detail.run.id, detail: Some(Box::new(Ok(detail))), scroll: 0 });
    state
}

/// The same with every part missing for a hostile reason, and the connection lost for another.
#[must_use]
pub fn hostile_unavailable() -> State {
    let text = hostile_text();
    let missing = || Unavailable::new(hostile_megabyte(), text.clone());
    let mut state = lost(hostile());
    if let Feed::Down { reason, .. } = &mut state.feed {
        reason.clone_from(&text);
    }
    if let Some(snapshot) = &mut state.snapshot {
        snapshot.stats = Err(missing());
        snapshot.runs = Err(missing());
        snapshot.errors = Err(missing());
        snapshot.job = Err(missing());
        snapshot.figures = Err(missing());
    }
    state.overlay =
        Some(Overlay::Run { id: Uuid::from_u128(1), detail: Some(Box::new(Err(missing()))), scroll: u16::MAX });
    state
}

/// The list of runs has the keys, and row 40 is selected.
#[must_use]
pub fn runs_focused() -> State {
    let mut state = critical();
    state.focus = Focus::Runs;
    state.selected_run = state.runs().get(40).map(|run| run.id);
    state
}

/// `minutes` before [`server_time`].
fn ago(minutes: i64) -> DateTime<Utc> {
    server_time() - TimeDelta::minutes(minutes)
}

/// A stretch of the log that lasted from so many minutes ago to so many, with so many failures from the first one on.
fn stretch(after: i64, failed: Option<(i64, u64)>, until: Option<(i64, Origin)>) -> Stretch {
    Stretch {
        after: Some(ago(after)),
        until: until.map(|(minutes, origin)| Recovery { at: ago(minutes), origin }),
        failures: failed.map_or(0, |(_, count)| count),
        first: failed.map(|(minutes, _)| Failure {
            id: Some(Uuid::from_u128(u128::from(minutes.unsigned_abs()))),
            at: ago(minutes),
            sqlstate: Some("55P03".into()),
            message: Some("canceling statement due to lock timeout".into()),
        }),
        blockers: Vec::new(),
    }
}

/// Incidents of a day: an open one, four that ended, among them one without any failure and one that began before it.
#[must_use]
pub fn incident_record() -> Record {
    let blocker = |pid, user: &str, application: &str, mode: &str, root| Blocker {
        pid: Some(pid),
        user: Some(user.into()),
        application: Some(application.into()),
        mode: Some(mode.into()),
        relation: Some("accounts".into()),
        root,
        named: 3,
    };
    let mut open = stretch(15, Some((10, 3)), None);
    open.blockers = vec![
        blocker(4_711, "batch", "month end report", "AccessExclusiveLock", true),
        Blocker { mode: None, relation: None, ..blocker(4_802, "app", "api worker 3", "", false) },
    ];
    let mut cancelled = stretch(400, Some((395, 5)), Some((362, Origin::Manual)));
    if let Some(first) = &mut cancelled.first {
        first.sqlstate = Some("57014".into());
        first.message = Some("canceling statement due to user request".into());
    }
    let silent = stretch(780, None, Some((620, Origin::Scheduled)));
    let short = stretch(1_065, Some((1_060, 1)), Some((1_055, Origin::Scheduled)));
    let mut before = stretch(1_500, Some((1_495, 23)), Some((1_380, Origin::Direct)));
    before.blockers = vec![blocker(3_019, "deploy", "psql", "AccessExclusiveLock", true)];
    Record {
        from: Some(ago(1_440)),
        looked_at: server_time(),
        stretches: vec![open, cancelled, silent, short, before],
        cut: false,
    }
}

fn incidents_of(mut state: State, read: Reading<Record>) -> State {
    state.view = View::Incidents;
    let (window, now) = (state.options.window, state.server_now());
    state.incidents.asked.take(read, window, now);
    state
}

/// The view of incidents, one of them open.
#[must_use]
pub fn incidents() -> State {
    incidents_of(stale(), Ok(incident_record()))
}

/// The same, the job having silently stopped 42 minutes ago.
#[must_use]
pub fn incidents_silent() -> State {
    let mut snapshot = snapshot(&[]);
    if let Ok(stats) = &mut snapshot.stats {
        stats.last_success_at = Some(ago(42));
    }
    let mut record = incident_record();
    record.stretches[0] = stretch(42, None, None);
    record.cut = true;
    incidents_of(with(snapshot), Ok(record))
}

/// The same on a day without any.
#[must_use]
pub fn incidents_none() -> State {
    let mut record = incident_record();
    record.stretches = vec![stretch(0, None, None)];
    incidents_of(live(), Ok(record))
}

/// The same over an empty log.
#[must_use]
pub fn incidents_empty() -> State {
    let record = Record { from: None, stretches: Vec::new(), ..incident_record() };
    incidents_of(empty(), Ok(record))
}

/// The same where the log can't be read.
#[must_use]
pub fn incidents_unavailable() -> State {
    let why = Unavailable::new("role oncall may not read metrics_refresh_log", "GRANT refreshtop_admin TO oncall");
    incidents_of(unavailable(), Err(why))
}

/// The same with hostile texts in every place, the selected incident in the middle.
#[must_use]
pub fn incidents_hostile() -> State {
    let some = || Some(hostile_text());
    let mut record = incident_record();
    for stretch in &mut record.stretches {
        stretch.first.iter_mut().for_each(|first| (first.sqlstate, first.message) = (some(), some()));
        for blocker in &mut stretch.blockers {
            (blocker.user, blocker.application, blocker.mode, blocker.relation) = (some(), some(), some(), some());
        }
    }
    let mut state = incidents_of(hostile(), Ok(record));
    state.incidents.selected = Some(ago(395));
    state
}

/// `state` on the wall.
#[must_use]
pub fn on_wall(mut state: State) -> State {
    state.view = View::Wall;
    state
}

/// Somebody has removed the job; the view is fresh for now.
#[must_use]
pub fn job_gone() -> State {
    let mut snapshot = snapshot(&[]);
    let gone = "no job refresh-platform-metrics in pg_cron (database app)";
    snapshot.job = Err(Unavailable::new(gone, "run: refreshtop migrate").absent());
    with(snapshot)
}

/// `state` held still two minutes ago.
#[must_use]
pub fn paused(mut state: State) -> State {
    state.paused = Some(Paused { at: state.now, missed: 1 });
    state.next_poll = None;
    state.now += Duration::from_mins(2);
    state
}

/// A day, slice by slice: refreshes get slower while one table grows; the last hours have failures and old data.
#[must_use]
pub fn history_read() -> History {
    let slices = Slices { since: server_time() - TimeDelta::hours(24), until: server_time(), step: 3_600 };
    let part = |index: usize| {
        #[expect(clippy::cast_precision_loss, reason = "at most 25")]
        let p50 = 118.0 + 9.0 * index as f64;
        let failures = if index == 22 { 12 } else { u64::from(index % 9 == 4) };
        let known = slices.after(index, slices.since);
        let measured = |share: f64| (failures < 12).then_some(p50 * share);
        Part {
            successes: 12 - failures,
            failures,
            p50: measured(1.0),
            p95: measured(1.3),
            p99: measured(1.5),
            max: measured(if index == 13 { 3.4 } else { 1.6 }),
            fresh: if failures == 12 { known / 6 } else { known },
            known,
        }
    };
    let parts: Vec<Part> = (0..slices.len()).map(part).collect();
    let sum = |of: fn(&Part) -> Duration| parts.iter().map(of).sum();
    let whole = Part {
        successes: 273,
        failures: 15,
        p50: Some(226.0),
        p95: Some(411.0),
        p99: Some(583.0),
        max: Some(798.0),
        fresh: sum(|part| part.fresh),
        known: sum(|part| part.known),
    };
    let sources = |hours: u64| -> Sources {
        [
            ("public.assets", Some(204_377 + 11_900 * hours), 31_400_000 + 1_810_000 * hours),
            ("public.accounts_memberships", Some(52_990 + 13 * hours), 9_100_000),
            ("public.accounts", Some(10_447 + hours), 1_400_000),
            ("public.software_licenses", None, 5_300_000),
        ]
        .map(|(name, rows, bytes)| (name.to_owned(), Size { rows, bytes }))
        .into()
    };
    let at_ends = (0..25).map(|hour| (hour != 22).then(|| sources(hour))).collect();
    History {
        slices,
        whole,
        parts,
        growth: Ok(Growth { since: slices.since + TimeDelta::minutes(5), first: sources(0), at_ends }),
    }
}

/// The view of the history, showing `read`.
#[must_use]
pub fn history(read: Reading<History>) -> State {
    let mut state = live();
    state.view = View::History;
    state.history.asked.take(read, state.options.window, state.server_now());
    state
}

/// The history with nothing but one slice in it.
#[must_use]
pub fn history_sparse() -> State {
    let mut read = history_read();
    let kept = read.parts[12];
    read.parts = vec![Part::default(); 25];
    read.parts[12] = kept;
    read.whole = kept;
    read.growth = Err(not_measured());
    history(Ok(read))
}

/// The history with one refresh that waited for a minute, and a table that takes more bytes for as many rows.
#[must_use]
pub fn history_spike() -> State {
    let mut read = history_read();
    (read.parts[5].p95, read.parts[5].max) = (Some(27_400.0), Some(60_012.0));
    read.whole.max = Some(60_012.0);
    let swollen = |sources: &mut Sources, bytes: u64| {
        sources.retain(|name, _| name != "public.assets");
        sources.insert("public.accounts_memberships".into(), Size { rows: Some(52_990), bytes });
    };
    if let Ok(growth) = &mut read.growth {
        swollen(&mut growth.first, 9_100_000);
        for (end, bytes) in growth.at_ends.iter_mut().flatten().zip((9_100_000..).step_by(700_000)) {
            swollen(end, bytes);
        }
    }
    history(Ok(read))
}

/// The history of a log in which nothing happened.
#[must_use]
pub fn history_empty() -> State {
    let slices = Slices { since: server_time() - TimeDelta::seconds(30), until: server_time(), step: 60 };
    let parts = vec![Part::default(); slices.len()];
    history(Ok(History { slices, whole: Part::default(), parts, growth: Err(not_measured()) }))
}

/// The history with hostile names, absurd sizes and a scroll position beyond all ends.
#[must_use]
pub fn history_hostile() -> State {
    let mut read = history_read();
    let odd = |name: String| (name, Size { rows: Some(u64::MAX), bytes: u64::MAX });
    let sources: Sources = (0..60).map(|n| odd(format!("{n} {}", hostile_text()))).collect();
    read.growth = Ok(Growth { since: server_time(), first: Sources::new(), at_ends: vec![Some(sources); 25] });
    read.whole.max = Some(f64::MAX);
    for part in &mut read.parts {
        part.max = Some(f64::MAX);
        (part.successes, part.failures) = (u64::MAX / 2, u64::MAX / 4);
    }
    let mut state = history(Ok(read));
    state.history.scroll = u16::MAX;
    state
}

fn not_measured() -> Unavailable {
    Unavailable::new(
        "this log keeps no measurements of the tables that a refresh reads",
        "run: refreshtop migrate; measurements come with the next refresh",
    )
}

/// How the figures of a day moved.
#[must_use]
pub fn movement_read() -> Movement {
    let slices = Slices { since: server_time() - TimeDelta::hours(24), until: server_time(), step: 3_600 };
    let figures = |minutes: u32| -> Figures {
        let back = f64::from(minutes);
        [
            ("total_accounts", (10_482.0 - back / 40.0).round()),
            ("total_users", (48_113.0 - back / 12.0).round()),
            ("total_assets", (204_377.0 - back / 3.0).round()),
            ("total_licenses", 51_020.0),
            ("new_accounts_30d", (412.0 - back / 90.0).round()),
            ("new_users_30d", 2_071.0),
            ("new_assets_30d", 9_350.0),
            ("assets_per_account", 19.5),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    };
    let sample = |minutes: u32| Sample {
        at: server_time() - TimeDelta::seconds(30) - TimeDelta::minutes(i64::from(minutes)),
        duration_ms: Some(118.0 + f64::from(minutes % 35)),
        figures: figures(minutes),
    };
    let columns =
        ["total_accounts", "total_users", "total_assets", "total_licenses", "new_accounts_30d", "new_users_30d"];
    let columns = columns.into_iter().chain(["new_assets_30d", "assets_per_account"]);
    let newest = figures(0);
    Movement {
        slices,
        now: Ok(columns.map(|name| (name.to_owned(), newest.get(name).copied())).collect()),
        measured: Ok(Measured {
            first: sample(1_435),
            at_ends: (0..25).map(|hour| (hour != 9).then(|| figures((24 - hour) * 60))).collect(),
            recent: (0..100).map(|run| sample(run * 5)).collect(),
        }),
    }
}

/// The view of the view's own figures, showing `read`.
#[must_use]
pub fn metrics(read: Reading<Movement>) -> State {
    let mut state = live();
    state.view = View::Metrics;
    state.metrics.asked.take(read, state.options.window, state.server_now());
    state
}

/// The same before anything was measured.
#[must_use]
pub fn metrics_unmeasured() -> State {
    let mut read = movement_read();
    read.measured = Err(not_measured());
    metrics(Ok(read))
}

/// The same after the first measurement.
#[must_use]
pub fn metrics_first() -> State {
    let mut read = movement_read();
    if let Ok(measured) = &mut read.measured {
        measured.recent.truncate(1);
        measured.first = measured.recent[0].clone();
        measured.at_ends[..24].fill(None);
    }
    metrics(Ok(read))
}

/// The same with hostile columns and absurd values.
#[must_use]
pub fn metrics_hostile() -> State {
    let mut read = movement_read();
    let names: Vec<String> = (0..50).map(|n| format!("total_{n}{}", hostile_text())).collect();
    let value = |n: usize| [1e30, -1e30, 0.5, -0.001, 9e15][n % 5];
    read.now = Ok(names.iter().cloned().enumerate().map(|(n, name)| (name, Some(value(n)))).collect());
    if let Ok(measured) = &mut read.measured {
        let figures: Figures = names.iter().cloned().enumerate().map(|(n, name)| (name, value(n + 1))).collect();
        measured.first.figures = figures.clone();
        measured.at_ends[3] = Some(figures.clone());
        measured.recent[0].figures = figures;
    }
    let mut state = metrics(Ok(read));
    state.metrics.scroll = 7;
    state
}

/// A state to be built, under its name.
pub type Named = (&'static str, fn() -> State);

/// Every state that the screen is looked at in.
pub const ZOO: &[Named] = &[
    ("healthy", live),
    ("stale", stale),
    ("critical", critical),
    ("slow", slow),
    ("connecting", connecting),
    ("down", || lost(live())),
    ("down_critical", || lost(critical())),
    ("never_reached", never_reached),
    ("polling", polling),
    ("poll_failed", poll_failed),
    ("refreshing", || refreshing(false)),
    ("cancelling", || refreshing(true)),
    ("running_elsewhere", running_elsewhere),
    ("ended_success", || ended(outcome_success())),
    ("ended_error", || ended(outcome_error())),
    ("ended_already_running", || ended(outcome_already_running())),
    ("ended_refused", || ended(outcome_refused())),
    ("ended_lost", || ended(outcome_lost())),
    ("unavailable", unavailable),
    ("empty", empty),
    ("job_gone", job_gone),
    ("just_notified", just_notified),
    ("runs_focused", runs_focused),
    ("detail", || opened(0)),
    ("detail_end", || opened(u16::MAX)),
    ("help", help),
    ("log", || runs::view(288, &[])),
    ("log_selected", || runs::view(288, &[Action::Down; 45])),
    ("log_filtered", runs::filtered),
    ("log_nothing_yet", runs::nothing_yet),
    ("log_nothing", runs::nothing),
    ("log_deep", runs::deep),
    ("log_oldest", || runs::view(9_000, &[Action::Last])),
    ("log_failed", runs::failed),
    ("log_unread", runs::unread),
    ("log_copied", runs::copied),
    ("log_empty", || runs::view(0, &[])),
    ("hostile", hostile),
    ("hostile_detail", hostile_detail),
    ("hostile_unavailable", hostile_unavailable),
    ("incidents", incidents),
    ("incidents_silent", incidents_silent),
    ("incidents_none", incidents_none),
    ("incidents_empty", incidents_empty),
    ("incidents_unavailable", incidents_unavailable),
    ("incidents_down", || lost(incidents())),
    ("incidents_hostile", incidents_hostile),
    ("wall_healthy", || on_wall(live())),
    ("wall_stale", || on_wall(stale())),
    ("wall_critical", || on_wall(critical())),
    ("wall_down", || on_wall(lost(live()))),
    ("wall_never_reached", || on_wall(never_reached())),
    ("wall_connecting", || on_wall(connecting())),
    ("wall_poll_failed", || on_wall(poll_failed())),
    ("wall_paused", || on_wall(paused(live()))),
    ("wall_refreshing", || on_wall(refreshing(false))),
    ("wall_refused", || on_wall(ended(outcome_refused()))),
    ("wall_empty", || on_wall(empty())),
    ("wall_unavailable", || on_wall(unavailable())),
    ("wall_job_gone", || on_wall(job_gone())),
    ("wall_hostile", || on_wall(hostile())),
    ("hostile_log", runs::hostile),
    ("history", || history(Ok(history_read()))),
    ("history_sparse", history_sparse),
    ("history_spike", history_spike),
    ("history_empty", history_empty),
    ("history_missing", || {
        history(Err(Unavailable::new("history: permission denied", "GRANT refreshtop_admin TO oncall")))
    }),
    ("history_hostile", history_hostile),
    ("metrics", || metrics(Ok(movement_read()))),
    ("metrics_unmeasured", metrics_unmeasured),
    ("metrics_first", metrics_first),
    ("metrics_hostile", metrics_hostile),
    ("diagnose", diagnose::view),
    ("diagnose_plan", diagnose::measured),
    ("diagnose_job", diagnose::of_the_job),
    ("diagnose_mend", diagnose::mending),
    ("diagnose_really", diagnose::really),
    ("diagnose_mended", || diagnose::mended(true)),
    ("diagnose_not_mended", || diagnose::mended(false)),
    ("diagnose_unavailable", diagnose::unavailable),
    ("diagnose_down", diagnose::down),
    ("diagnose_hostile", diagnose::hostile),
];
