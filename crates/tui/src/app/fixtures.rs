//! States to test with, used by the tests of the model and of the screen.

pub mod board;
mod columns;
pub mod diagnose;
mod history;
mod incidents;
pub mod runs;

pub use refreshtop_core::fixtures::{
    answer, database, detail, history_read, hostile_megabyte, hostile_text, incident_record, movement_read,
    notification, outcome_already_running, outcome_error, outcome_lost, outcome_refused, outcome_success, run,
    server_time, snapshot, view,
};

pub use crate::app::fixtures::{
    columns::{columns, columns_first, columns_hostile, columns_unmeasured, movement_of_rows, of_columns, of_rows},
    history::{history, history_empty, history_hostile, history_sparse, history_spike},
    incidents::{
        incidents, incidents_empty, incidents_hostile, incidents_none, incidents_of_all, incidents_of_all_hostile,
        incidents_of_all_none, incidents_shared, incidents_silent, incidents_unavailable,
    },
};

use crate::{
    app::{
        action::Action,
        effect::Effect,
        message::Message,
        overlay::Overlay,
        state::{Options, Paused, State},
    },
    screens::{overview::state::Focus, screen::Screen},
};
use chrono::TimeDelta;
use refreshtop_core::{
    clock::ServerClock,
    event::Event,
    figures::PlatformMetrics,
    job::JobRun,
    limits::Overrides,
    link::Link,
    reading::Unavailable,
    refresh::{RunningRefresh, Trigger, TriggerOutcome},
    request::Request,
    run::{HeldLock, RunStatus},
    snapshot::{Server, Snapshot},
    stats::RefreshStats,
};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Default options for a local database.
pub fn options() -> Options {
    Options { poll_interval: Duration::from_secs(30), screen: None, view_named: false, overrides: Overrides::default() }
}

/// An event of it.
pub fn event(event: Event) -> Message {
    Message::Database(database().id, event)
}

/// Something that is asked of it.
pub fn request(request: Request) -> Effect {
    Effect::Database(database().id, request)
}

/// A monitor of which nothing is known but `options`.
pub fn state(options: Options, now: Instant) -> State {
    State::new(options, database(), view(), now)
}

/// A live state of a healthy day.
pub fn live() -> State {
    with(snapshot(&[]))
}

/// A live state showing `snapshot`.
pub fn with(snapshot: Snapshot) -> State {
    let now = Instant::now();
    let mut state = state(options(), now);
    state.database_mut().link = Link::Live;
    state.database_mut().clock = Some(ServerClock::new(snapshot.server_time, now));
    state.database_mut().updated_at = Some(now);
    state.database_mut().polling.due = now.checked_add(state.options.poll_interval);
    state.database_mut().views.entry(view()).or_default().snapshot = Some(snapshot);
    state
}

/// The last three attempts failed, so the data is too old.
pub fn failing() -> State {
    with(snapshot(&[0, 1, 2]))
}

/// No attempt was made for a while, so the data is too old.
pub fn stale() -> State {
    let mut snapshot = snapshot(&[]);
    let newest = snapshot.runs.as_mut().ok().and_then(|runs| {
        runs.drain(..3);
        runs.first()?.completed_at
    });
    if let Ok(stats) = &mut snapshot.stats {
        (stats.total, stats.successful) = (285, 285);
        (stats.last_refresh_at, stats.last_success_at) = (newest, newest);
    }
    with(snapshot)
}

/// Every fourth attempt of the day failed, the last three among them.
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
pub fn connecting() -> State {
    state(options(), Instant::now())
}

/// `state` with its connection lost two minutes after the last event, and 252 seconds gone since.
pub fn lost(mut state: State) -> State {
    let since = state.now + Duration::from_mins(2);
    state.now = since + Duration::from_secs(252);
    state.database_mut().link = Link::Down {
        reason: "the server closed the connection: terminating connection due to administrator command".into(),
        since,
        attempts: 7,
        retry_at: Some(state.now + Duration::from_secs(8)),
    };
    state.database_mut().polling.due = None;
    state
}

/// A server that could never be reached.
pub fn never_reached() -> State {
    let mut state = connecting();
    state.database_mut().link = Link::Down {
        reason: "could not connect: connection refused".into(),
        since: state.now,
        attempts: 0,
        retry_at: state.now.checked_add(Duration::from_secs(2)),
    };
    state
}

/// A server behind a pooler on which `LISTEN` can't work.
pub fn polling() -> State {
    let mut state = live();
    state.database_mut().link =
        Link::Polling { reason: "a pooler in transaction mode is in front of this server, LISTEN can't work".into() };
    state
}

/// Connected, and the newest poll failed.
pub fn poll_failed() -> State {
    let mut state = live();
    state.now += Duration::from_secs(95);
    state.database_mut().poll_error =
        Some(Unavailable::new("the server did not answer within 10 s", "look for blocked sessions on the server"));
    state
}

/// A refresh asked for 12 seconds ago.
pub fn refreshing(cancelling: bool) -> State {
    let mut state = live();
    let since = state.now;
    state.now += Duration::from_secs(12);
    state.database_mut().trigger = Trigger::Running { view: view(), since, cancelling };
    state
}

/// A refresh that was started elsewhere.
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
pub fn ended(outcome: TriggerOutcome) -> State {
    let mut state = live();
    state.database_mut().trigger = Trigger::Ended { view: view(), outcome, at: state.now };
    state
}

/// No part can be read.
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
pub fn just_notified() -> State {
    let mut snapshot = snapshot(&[9, 40]);
    let mut failure = run(0, RunStatus::Error);
    failure.id = Uuid::from_u128(999);
    failure.started_at = server_time();
    (failure.sqlstate, failure.error, failure.blockers) = (None, None, 0);
    for list in [&mut snapshot.runs, &mut snapshot.errors].into_iter().flatten() {
        list.insert(0, failure.clone());
    }
    with(snapshot)
}

/// The newest failure opened, `scroll` lines down.
pub fn opened(scroll: u16) -> State {
    let mut state = critical();
    let detail = detail();
    state.overlay = Some(Overlay::Run { id: detail.run.id, detail: Some(Box::new(Ok(detail))), scroll });
    state
}

/// The keys shown.
pub fn help() -> State {
    let mut state = live();
    state.overlay = Some(Overlay::Help { scroll: 0 });
    state
}

/// A state in which every text from the server is hostile.
pub fn hostile() -> State {
    let text = hostile_text();
    let mut state = critical();
    let some = || Some(text.clone());
    state.database_mut().profile = some();
    state.database_mut().host.clone_from(&text);
    state.database_mut().link = Link::Polling { reason: text.clone() };
    state.database_mut().trigger = Trigger::Ended {
        view: view(),
        outcome: TriggerOutcome::Error {
            duration_ms: 1.0,
            sqlstate: some(),
            message: hostile_megabyte(),
            hint: some(),
        },
        at: state.now,
    };
    if let Some(snapshot) = state.snapshot_mut() {
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
pub fn hostile_unavailable() -> State {
    let text = hostile_text();
    let missing = || Unavailable::new(hostile_megabyte(), text.clone());
    let mut state = lost(hostile());
    if let Link::Down { reason, .. } = &mut state.database_mut().link {
        reason.clone_from(&text);
    }
    if let Some(snapshot) = state.snapshot_mut() {
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
pub fn runs_focused() -> State {
    let mut state = critical();
    state.screens.overview.focus = Focus::Runs;
    state.screens.overview.selected_run = state.runs().get(40).map(|run| run.id);
    state
}

/// `state` on the wall.
pub fn on_wall(mut state: State) -> State {
    state.screen = Screen::Wall;
    state
}

/// Somebody has removed the job; the view is fresh for now.
pub fn job_gone() -> State {
    let mut snapshot = snapshot(&[]);
    let gone = "no job refresh-platform-metrics in pg_cron (database app)";
    snapshot.job = Err(Unavailable::new(gone, "run: refreshtop migrate").missing());
    with(snapshot)
}

/// A view that is refreshed once a month, 29 days after its last refresh, judged by a limit of this program's own.
pub fn own_limits() -> State {
    let mut snapshot = snapshot(&[]);
    let at = snapshot.server_time - TimeDelta::days(29);
    snapshot.own_limits.run_every = Some(Duration::from_hours(31 * 24));
    snapshot.window = Duration::from_hours(62 * 24);
    snapshot.stats = Ok(RefreshStats {
        total: 2,
        successful: 2,
        failed: 0,
        success_rate: Some(100.0),
        avg_duration_ms: Some(7_000.0),
        max_duration_ms: Some(8_000.0),
        min_duration_ms: Some(6_000.0),
        last_refresh_at: Some(at),
        last_error: None,
        last_success_at: Some(at),
    });
    snapshot.runs = Ok(Vec::new());
    let mut state = with(snapshot);
    state.options.overrides.max_duration = Some(Duration::from_mins(1));
    state
}

/// `state` frozen two minutes ago.
pub fn paused(mut state: State) -> State {
    state.paused = Some(Paused { at: state.now, missed: 1 });
    state.database_mut().polling.due = None;
    state.now += Duration::from_mins(2);
    state
}

fn not_measured() -> Unavailable {
    Unavailable::new(
        "this log keeps no measurements of the tables that a refresh reads",
        "run: refreshtop migrate; measurements come with the next refresh",
    )
}

/// A state to be built, under its name.
pub type Named = (&'static str, fn() -> State);

/// The state of [`ZOO`] that has this name.
pub fn named(name: &str) -> Option<State> {
    ZOO.iter().find(|(known, _)| *known == name).map(|(_, state)| state())
}

/// Every state that is drawn in tests.
pub const ZOO: &[Named] = &[
    ("healthy", live),
    ("stale", stale),
    ("failing", failing),
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
    ("own_limits", own_limits),
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
    ("incidents_shared", incidents_shared),
    ("incidents_of_all", incidents_of_all),
    ("incidents_of_all_none", incidents_of_all_none),
    ("incidents_of_all_hostile", incidents_of_all_hostile),
    ("incidents_hostile", incidents_hostile),
    ("board", board::faults),
    ("board_healthy", board::healthy),
    ("board_jobs", board::jobs),
    ("board_unmanaged", board::unmanaged),
    ("board_empty", board::empty),
    ("board_thousand", board::thousand),
    ("board_filtered", board::filtered),
    ("board_nothing", board::nothing),
    ("board_refused", board::refused),
    ("board_unread", board::unread),
    ("board_down", || lost(board::faults())),
    ("board_refreshing", board::refreshing),
    ("board_hostile", board::hostile),
    ("board_overview", board::overview),
    ("manage_possible", || board::managing(board::possible())),
    ("manage_impossible", || board::managing(board::impossible())),
    ("manage_running", board::manage_running),
    ("manage_refused", board::manage_refused),
    ("manage_hostile", board::manage_hostile),
    ("wall_many", || on_wall(board::faults())),
    ("wall_many_healthy", || on_wall(board::healthy())),
    ("wall_many_down", || on_wall(lost(board::faults()))),
    ("wall_thousand", || on_wall(board::thousand())),
    ("wall_many_hostile", || on_wall(board::hostile())),
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
    ("columns", || columns(Ok(movement_read()))),
    ("columns_of_rows", || of_rows(columns(Ok(movement_of_rows())))),
    ("of_rows", || of_rows(live())),
    ("of_columns", of_columns),
    ("columns_unmeasured", columns_unmeasured),
    ("columns_first", columns_first),
    ("columns_hostile", columns_hostile),
    ("diagnose", diagnose::view),
    ("diagnose_plan", diagnose::measured),
    ("diagnose_job", diagnose::of_the_job),
    ("diagnose_fix", diagnose::fixing),
    ("diagnose_really", diagnose::really),
    ("diagnose_undo", diagnose::undoable),
    ("diagnose_fixed", || diagnose::fixed(true)),
    ("diagnose_not_fixed", || diagnose::fixed(false)),
    ("diagnose_unavailable", diagnose::unavailable),
    ("diagnose_down", diagnose::down),
    ("diagnose_hostile", diagnose::hostile),
];
