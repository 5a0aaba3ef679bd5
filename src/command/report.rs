//! One read of everything, and its verdict, for the commands that answer once.

use crate::{
    command::{Failure, default_view::meant, session},
    settings::Settings,
};
use chrono::{DateTime, Utc};
use refreshtop_connect::{ConnectError, Target};
use refreshtop_core::{
    exit,
    health::{AgeStyle, Finding, Health, Known, Now, Rule, Verdict},
    limits::ViewLimits,
    snapshot::Snapshot,
    stats::RefreshStats,
    views::{Last, View, Views},
};
use refreshtop_db::{
    contract::is_own,
    default_view::{self, choice_among},
    error::Error,
    snapshot::{self, Kept, Read, Scope},
    snapshots::{self, Whole},
};

/// What was read, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Everything that was read; its statistics are those of `stats`.
    pub snapshot: Snapshot,
    /// The statistics, without which there is no report.
    pub stats: RefreshStats,
    /// The limits that it is judged by.
    pub limits: ViewLimits,
    /// The verdict.
    pub health: Health,
    /// What it rests on beside the statistics.
    pub known: Known,
}

/// What a command is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// One view: the one that was named, or the only one.
    One(Box<Report>),
    /// All managed views, since there are several and none was named.
    All(Box<All>),
}

/// What was read of all managed views.
#[derive(Debug, Clone, PartialEq)]
pub struct All {
    /// Every materialized view.
    pub views: Views,
    /// Each managed view, the worst first.
    pub managed: Vec<OfView>,
}

/// One of several managed views.
#[derive(Debug, Clone, PartialEq)]
pub struct OfView {
    /// The view.
    pub view: View,
    /// What was read of it.
    pub report: Report,
}

impl All {
    /// How many views are not healthy.
    pub fn unhealthy(&self) -> usize {
        self.managed.iter().filter(|one| one.report.health.verdict != Verdict::Healthy).count()
    }
}

impl OfView {
    /// Its name in the log and in the registry.
    pub fn name(&self) -> &str {
        self.report.snapshot.view.as_str()
    }

    /// What keeps it from being refreshed, or from being healthy: everything that is known, the worst first.
    pub fn causes(&self) -> Vec<String> {
        let Report { health, known, stats, snapshot, .. } = &self.report;
        let failed = || match health.now {
            Now::Failing { .. } => Some(health.sentence(&known.of(stats), snapshot.server_time)),
            _ => known.last().and_then(Last::cause),
        };
        let reason = |finding: &Finding| match finding.rule {
            Rule::FailuresInARow => failed().unwrap_or_else(|| finding.reason.clone()),
            _ => finding.reason.clone(),
        };
        health.findings.iter().map(reason).collect()
    }
}

impl Found {
    /// When it was read, by the server's clock.
    pub fn server_time(&self) -> DateTime<Utc> {
        match self {
            Self::One(report) => report.snapshot.server_time,
            Self::All(all) => all.views.at,
        }
    }
}

/// Reads once, with at most `runs` of the newest runs of each view.
pub async fn read(target: &Target, settings: &Settings, runs: u16) -> Result<Found, Failure> {
    // On the heap: the future is large, with its sessions.
    let once = async {
        let mut reader = Reader::new(target, settings);
        let found = reader.read(runs).await;
        reader.close().await;
        found
    };
    Box::pin(once).await
}

/// Reads on the same sessions again and again.
#[derive(Debug)]
pub struct Reader<'a> {
    target: &'a Target,
    settings: &'a Settings,
    app: Option<Kept>,
    /// That in the database of `pg_cron`, if it is another one.
    there: Option<(String, Kept)>,
}

impl<'a> Reader<'a> {
    /// One without a session.
    pub fn new(target: &'a Target, settings: &'a Settings) -> Self {
        Self { target, settings, app: None, there: None }
    }

    /// Reads, with at most `runs` of the newest runs of each view. After one that failed, or that was given up, the next one
    /// begins on new sessions.
    pub async fn read(&mut self, runs: u16) -> Result<Found, Failure> {
        let mut app = match self.app.take() {
            Some(app) => app,
            // On the heap, as the next one: the futures are large.
            None => Box::pin(Kept::open(self.target, "report")).await?,
        };
        let found = Box::pin(read_on(&mut app, &mut self.there, self.target, self.settings, runs)).await;
        if found.is_ok() {
            self.app = Some(app);
        } else {
            session::close(app.session).await;
            self.there = None;
        }
        found
    }

    /// Closes the sessions.
    pub async fn close(self) {
        for kept in [self.app, self.there.map(|(_, there)| there)].into_iter().flatten() {
            session::close(kept.session).await;
        }
    }
}

async fn read_on(
    app: &mut Kept,
    there: &mut Option<(String, Kept)>,
    target: &Target,
    settings: &Settings,
    runs: u16,
) -> Result<Found, Failure> {
    let failed = |failure: &Error| session::failure("read the statistics", target, failure);
    let scope = Scope { window: settings.overrides.window, runs, errors: 0, board: true };
    if settings.view_named {
        let read = Box::pin(snapshot::read(app, &settings.view, &scope)).await.map_err(|failure| failed(&failure))?;
        return one(read, there, target, settings).await.map(|report| Found::One(Box::new(report)));
    }
    let whole = Box::pin(snapshots::read(app, &settings.view, &scope)).await;
    let Whole { mut read, managed, all } = whole.map_err(|failure| failed(&failure))?;
    let unregistered = |failure: &Error| default_view::is_unregistered(&settings.view, failure);
    match managed {
        Ok(managed) if managed.len() > 1 => {
            let mut all = all.map_err(|failure| failed(&failure))?;
            if let Some(database) = all.elsewhere().map(str::to_owned) {
                let session = elsewhere(there, target, &database).await;
                all.read_elsewhere(session).await;
            }
            let own = one(read, there, target, settings).await.ok();
            return Ok(Found::All(Box::new(together(all, own, settings)?)));
        }
        managed if read.stats_failure().is_some_and(unregistered) => {
            if let Some(view) = meant(managed.map(|managed| choice_among(&managed)))? {
                read = Box::pin(snapshot::read(app, &view, &scope)).await.map_err(|failure| failed(&failure))?;
            }
        }
        _ => {}
    }
    one(read, there, target, settings).await.map(|report| Found::One(Box::new(report)))
}

/// The session in the database of `pg_cron`, which stays open.
async fn elsewhere<'k>(
    kept: &'k mut Option<(String, Kept)>,
    target: &Target,
    database: &str,
) -> Result<&'k mut Kept, ConnectError> {
    let there = if let Some(there) = kept.take().filter(|(name, _)| name == database) {
        there
    } else {
        let there = Target { database: database.to_owned(), ..target.clone() };
        (there.database.clone(), Kept::open(&there, "schedule").await?)
    };
    Ok(&mut kept.insert(there).1)
}

/// The report on one view that was read.
async fn one(
    mut read: Read,
    kept: &mut Option<(String, Kept)>,
    target: &Target,
    settings: &Settings,
) -> Result<Report, Failure> {
    if let Some(failure) = read.stats_failure() {
        return Err(session::failure("read the statistics", target, failure));
    }
    if let Some(database) = read.elsewhere().map(str::to_owned) {
        let session = elsewhere(kept, target, &database).await;
        read.read_elsewhere(session).await;
    }
    let view = read.board().and_then(|board| board.as_ref().ok()?.managed(read.view())).cloned();
    let snapshot = read.complete();
    // A session that failed is opened anew; that a job is missing is an answer.
    if snapshot.job.as_ref().is_err_and(|missing| !missing.missing) {
        *kept = None;
    }
    report(snapshot, view.as_ref(), settings)
}

/// Judges what was read of one view; `view` is what was read of it together with all others.
fn report(snapshot: Snapshot, view: Option<&View>, settings: &Settings) -> Result<Report, Failure> {
    let stats = match &snapshot.stats {
        Ok(stats) => stats.clone(),
        Err(missing) => return Err(Failure::new(exit::FAILURE, missing.reason.clone())),
    };
    let limits = ViewLimits::resolve(&snapshot.own_limits, &settings.overrides);
    let facts = snapshot.known(view, snapshot.server_time);
    let health = limits.limits().judge(&facts.of(&stats), snapshot.server_time, AgeStyle::Coarse);
    Ok(Report { snapshot, stats, limits, health, known: facts })
}

/// Judges all of them. `own` is what was read of the application's own view alone: only it has figures and a job.
fn together(all: snapshots::All, own: Option<Report>, settings: &Settings) -> Result<All, Failure> {
    let snapshots::All { views, mut snapshots, .. } = all;
    let mut own = own.filter(|own| is_own(&own.snapshot.view));
    let mut managed = Vec::new();
    for view in views.worst_first(&settings.overrides) {
        let Some(id) = view.registered().map(|registered| &registered.id) else { continue };
        let Some(mut snapshot) = snapshots.remove(id) else { continue };
        if let Some(own) = own.take_if(|_| is_own(id)) {
            (snapshot.job, snapshot.figures) = (own.snapshot.job, own.snapshot.figures);
        }
        let report = report(snapshot, Some(view), settings)?;
        managed.push(OfView { view: view.clone(), report });
    }
    managed.sort_by_key(|one| std::cmp::Reverse(one.report.health.verdict));
    Ok(All { views, managed })
}
