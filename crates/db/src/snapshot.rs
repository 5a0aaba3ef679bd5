//! The one consistent read of everything that is shown at once: by the monitor, `status`, `stats`, `check` and metrics.

use crate::{
    contract::{is_own, refresh_job},
    cron_settings::{self, CronSettings},
    error::{self, Error, Result},
    figures, job, jobs, last_measured,
    quote::identifier,
    read_transaction::{self, Assumed, ReadTransaction, is_refuted},
    recent_runs::{self, LogFilter},
    row::Row,
    running,
    schedule::refresh_job_of,
    session::Session,
    statistics, trust,
    unmanaged::{self, Catalog},
    views,
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, OptionFuture},
};
use refreshtop_connect::{ConnectError, Kind, Limits, Target};
use refreshtop_core::{
    address::ViewId,
    figures::PlatformMetrics,
    job::{Job, Jobs, unscheduled as unscheduled_job},
    limits::window_of,
    reading::{Reading, Unavailable},
    run::Run,
    snapshot::{Deployment, Server, Snapshot},
    stats::RefreshStats,
    views::{OwnLimits, Views},
};
use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// A session that is read by more than once.
#[derive(Debug)]
pub struct Kept {
    /// The session.
    pub session: Session,
    known: Known,
    /// Whether a statement may be prepared on it: behind a pooler it would stay on a connection that others use.
    direct: bool,
    /// What was read for the board.
    board: Arc<views::Known>,
}

/// What is known of a session's rights since the last read.
#[derive(Debug)]
enum Known {
    /// Nothing.
    Nothing,
    /// That it must check before it reads.
    Gated,
    /// Enough to read in one round trip.
    Enough(Assumed),
}

impl Kept {
    /// Opens one; `purpose` joins its name.
    pub async fn open(target: &Target, purpose: &str) -> Result<Self, ConnectError> {
        Ok(Self::of(Session::open(target, purpose, &Limits::READING).await?))
    }

    /// Keeps `session`.
    pub fn of(session: Session) -> Self {
        // Most sessions need no check. If this one does, the server refuses the read.
        let known = if session.is_superuser() { Known::Nothing } else { Known::Enough(Assumed::Free) };
        Self { session, known, direct: false, board: Arc::default() }
    }

    /// From now on a statement may be prepared on the session, since no pooler gives it to others.
    pub fn set_direct(&mut self) {
        self.direct = true;
    }

    /// Reads in one transaction. `work` runs before it is known whether the session may still read what it could at the
    /// last read; if it may not, the server has answered nothing, and `work` runs again.
    pub(super) async fn read<T>(
        &mut self,
        work: impl for<'t> Fn(&'t ReadTransaction<'_>) -> BoxFuture<'t, Result<T>>,
    ) -> Result<T> {
        if let Known::Enough(assumed) = &self.known {
            let tx = ReadTransaction::assume(&mut self.session, assumed);
            match tokio::try_join!(biased; tx.begun(), work(&tx).map(Ok)) {
                Ok(((), done)) => {
                    tx.end();
                    return done;
                }
                Err(failure) if is_refuted(&failure) => {}
                Err(failure) => return Err(failure),
            }
        }
        // A name that nobody else uses, should there be a pooler after all.
        let name = (self.direct && matches!(self.known, Known::Gated))
            .then(|| format!("refreshtop_{:016x}", RandomState::new().build_hasher().finish()));
        // If this read fails, the next one assumes nothing.
        self.known = Known::Nothing;
        let keep = name.as_deref().map(read_transaction::keep).unwrap_or_default();
        let tx = ReadTransaction::begin_and_keep(&mut self.session, &keep).await?;
        let trust = tx.trust().clone();
        let done = work(&tx).await;
        tx.end();
        self.known = match name {
            _ if !trust.is_gated() => Known::Enough(Assumed::Free),
            Some(name) => Known::Enough(Assumed::Kept(trust, name)),
            None => Known::Gated,
        };
        done
    }
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The window of the statistics; `None` for the view's own.
    pub window: Option<Duration>,
    /// The most runs.
    pub runs: u16,
    /// The most failures; 0 for a reader that has no use for them.
    pub errors: u16,
    /// Whether all views are read as well.
    pub board: bool,
}

/// What was read in the application's database. Without the schedule, if that is in another one.
#[derive(Debug)]
pub struct Read {
    snapshot: Snapshot,
    board: Option<Reading<Views>>,
    /// What the next read of the board needs not read again.
    known_board: Option<views::Known>,
    elsewhere: Option<CronPlace>,
    /// Why there are no statistics, if there are none: the server's error.
    stats_failure: Option<Error>,
}

/// The database of `pg_cron`.
#[derive(Debug)]
struct CronPlace {
    settings: CronSettings,
    database: String,
}

/// Reads every part of what is shown of `view`; each can be missing by itself.
pub async fn read(app: &mut Kept, view: &ViewId, scope: &Scope) -> Result<Read> {
    let (view, scope, board) = (view.clone(), *scope, Arc::clone(&app.board));
    let mut read = app.read(move |tx| Box::pin(parts(tx, view.clone(), scope, Arc::clone(&board)))).await?;
    if let Some(known) = read.known_board.take() {
        app.board = Arc::new(known);
    }
    Ok(read)
}

/// Reads them in a transaction. `known` is what the last read of the board left.
pub(super) async fn parts(
    tx: &ReadTransaction<'_>,
    view: ViewId,
    scope: Scope,
    known_board: Arc<views::Known>,
) -> Result<Read> {
    let job_name = refresh_job(&view);
    // Polled together they share a round trip, which is most of what a poll costs over a slow link.
    let (stats, all, errors, figures, measured, running, cron, own_job, board, jobs) = tokio::join!(
        biased;
        statistics::statistics(tx, &view, scope.window),
        recent_runs::recent_runs(tx, &view, LogFilter::All, scope.runs),
        failures(tx, &view, scope.errors),
        own_figures(tx, &view),
        last_measured::last_measured(tx, &view),
        running::running(tx, &view),
        cron_settings::cron_settings_in(tx),
        job::own_job(tx, &job_name),
        board(tx, &scope, &known_board),
        jobs(tx, &scope),
    );
    let facts = tx.facts().await.clone();
    let (known, role) = (Instant::now(), facts.server.role.clone());
    let (stats, own_limits) = match stats {
        Ok((stats, own_limits)) => (Ok(stats), own_limits),
        Err(failure) => (Err(failure), OwnLimits::default()),
    };
    let window = window_of(&own_limits, scope.window);
    let stats_failure = stats.as_ref().err().cloned();
    let board = board.map(|board| part("views", &role, board)).transpose()?;
    let (mut board, known_board) = match board {
        Some(Ok((views, known))) => (Some(Ok(views)), Some(known)),
        Some(Err(missing)) => (Some(Err(missing)), None),
        None => (None, None),
    };
    if let (Some(Ok(views)), Some(rows)) = (&mut board, jobs) {
        let jobs = jobs::here(tx, &cron, rows, views).await?;
        views.set_jobs(&jobs);
    }
    // Only survey the catalog if a function was missing.
    let catalog = match &stats {
        Err(failure) if error::is_not_installed(failure) => Some(unmanaged::catalog(tx).await?),
        _ => None,
    };
    let (stats, runs, errors) = match &catalog {
        Some(catalog) => unmanaged_log(tx, &view, catalog, &role, &scope).await?,
        None => (part("statistics", &role, stats)?, part("runs", &role, all)?, part("errors", &role, errors)?),
    };
    let figures = shown_figures(figures, &view, &role, catalog.is_some())?;
    // If that can't be read, the statistics can't either, and say why.
    let measured = part("measurements", &role, measured)?.ok().flatten();
    // If that can't be read, no refresh is shown as running.
    let running = part("running", &role, running)?.ok().flatten();
    let (job, elsewhere) = if catalog.is_some() {
        unmanaged_job(tx, &view, &facts.server).await?
    } else {
        job(tx, &view, &facts.server, cron, own_job).await?
    };
    let job = if is_unscheduled(&view, &own_limits, &stats) { job.map_err(|_| unscheduled_job(&view)) } else { job };
    // If the log can't be read for a reason of its own, show that one.
    let stranger = catalog.as_ref().and_then(|_| tx.allow_unless_missing(trust::LOG).err());
    let stats_failure = if stats.is_ok() { None } else { stranger.or(stats_failure) };
    let snapshot = Snapshot {
        view,
        server_time: facts.time,
        read_for: known.elapsed(),
        window,
        own_limits,
        deployment: catalog.as_ref().map_or(Deployment::Migrated, Catalog::deployment),
        server: facts.server,
        stats,
        runs,
        errors,
        job,
        figures,
        measured,
        running,
    };
    Ok(Read { snapshot, board, known_board, elsewhere, stats_failure })
}

impl Read {
    /// The database that has the schedule; `None` if that was read already.
    pub fn elsewhere(&self) -> Option<&str> {
        self.elsewhere.as_ref().map(|there| &*there.database)
    }

    /// Why there are no statistics, if there are none.
    pub fn stats_failure(&self) -> Option<&Error> {
        self.stats_failure.as_ref()
    }

    /// The view that was read.
    pub fn view(&self) -> &ViewId {
        &self.snapshot.view
    }

    /// All views, if they were to be read.
    pub fn board(&self) -> Option<&Reading<Views>> {
        self.board.as_ref()
    }

    /// The same, taken out.
    pub(super) fn take_board(&mut self) -> Option<Reading<Views>> {
        self.board.take()
    }

    /// Says why there are no statistics, in other words.
    pub(super) fn has_no_stats(&mut self, why: String) {
        self.snapshot.stats = Err(Unavailable::new(why, ""));
    }

    /// Everything but the schedule, which is being read elsewhere.
    pub fn without_schedule(&self) -> Snapshot {
        self.snapshot.clone()
    }

    /// Everything, if the schedule was read already.
    pub fn complete(self) -> Snapshot {
        self.snapshot
    }

    /// Reads the schedule through the session `there` in [`Self::elsewhere`]. That database may refuse us, which says
    /// nothing about the application's.
    pub async fn read_elsewhere(&mut self, there: Result<&mut Kept, ConnectError>) {
        let Some(elsewhere) = &self.elsewhere else { return };
        let began = Instant::now();
        let views = self.board.as_ref().and_then(|board| board.as_ref().ok());
        let (job, jobs) = schedule_elsewhere(there, elsewhere, &self.snapshot, views).await;
        let Snapshot { view, own_limits, stats, .. } = &self.snapshot;
        let unscheduled = is_unscheduled(view, own_limits, stats);
        self.snapshot.job = if unscheduled { job.map_err(|_| unscheduled_job(view)) } else { job };
        if let Some(Ok(views)) = &mut self.board {
            views.set_jobs(&jobs);
        }
        self.snapshot.read_for += began.elapsed();
    }
}

/// All views.
async fn board(tx: &ReadTransaction<'_>, scope: &Scope, known: &views::Known) -> Option<Result<(Views, views::Known)>> {
    if scope.board { Some(views::board(tx, scope.window, known).await) } else { None }
}

/// The jobs of all views.
async fn jobs(tx: &ReadTransaction<'_>, scope: &Scope) -> Option<Result<Vec<Row>>> {
    if scope.board { Some(jobs::rows_here(tx, false).await) } else { None }
}

/// The newest failures.
async fn failures(tx: &ReadTransaction<'_>, view: &ViewId, limit: u16) -> Result<Vec<Run>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    recent_runs::recent_runs(tx, view, LogFilter::Errors, limit).await
}

/// Statistics, runs and errors.
type LogParts = (Reading<RefreshStats>, Reading<Vec<Run>>, Reading<Vec<Run>>);

/// The log, if refreshtop's functions can't be called.
async fn unmanaged_log(
    tx: &ReadTransaction<'_>,
    view: &ViewId,
    catalog: &Catalog,
    role: &str,
    scope: &Scope,
) -> Result<LogParts> {
    Ok((
        unmanaged::statistics(tx, catalog, role, view, window_of(&OwnLimits::default(), scope.window)).await?,
        unmanaged::runs(tx, catalog, role, view, LogFilter::All, scope.runs).await?,
        match scope.errors {
            0 => Ok(Vec::new()),
            limit => unmanaged::runs(tx, catalog, role, view, LogFilter::Errors, limit).await?,
        },
    ))
}

/// The row of the view. Only that of the application's own has figures that are known.
async fn own_figures(tx: &ReadTransaction<'_>, view: &ViewId) -> Result<Option<PlatformMetrics>> {
    if is_own(view) { figures::figures(tx).await } else { Ok(None) }
}

fn shown_figures(
    figures: Result<Option<PlatformMetrics>>,
    view: &ViewId,
    role: &str,
    unmanaged: bool,
) -> Result<Reading<PlatformMetrics>> {
    let name = identifier(role);
    let grant = if unmanaged {
        format!("GRANT SELECT ON public.platform_metrics TO {name}")
    } else {
        format!("GRANT refreshtop_admin TO {name}")
    };
    Ok(match figures {
        Ok(_) if !is_own(view) => Err(Unavailable::new(format!("{view} has no figures that are shown here"), "")),
        Ok(row) => row.ok_or_else(|| Unavailable::new("platform_metrics is empty", error::REFRESH_IT)),
        Err(failure) if error::fails_all(&failure) => return Err(failure),
        Err(failure) => Err(error::unavailable_but_for("platform_metrics", &failure, &grant)),
    })
}

/// Whether the view is known to have no schedule.
fn is_unscheduled(view: &ViewId, own_limits: &OwnLimits, stats: &Reading<RefreshStats>) -> bool {
    stats.is_ok() && !is_own(view) && own_limits.run_every.is_none()
}

/// The job that refreshes, or the place where it must be read.
type JobOrPlace = (Reading<Job>, Option<CronPlace>);

/// The job; `own` was read together with everything else.
async fn job(
    tx: &ReadTransaction<'_>,
    view: &ViewId,
    server: &Server,
    settings: Result<CronSettings>,
    own: Result<Option<Row>>,
) -> Result<JobOrPlace> {
    match place_of_cron(settings, server, false)? {
        Ok(place) if place.database == server.database => {
            let sought = refresh_job_of(&server.database, view);
            let found = job::job_here(tx, &place.settings, &sought, own).await;
            Ok((shown_job(found, view, server, &place.database, true)?, None))
        }
        Ok(place) => Ok(not_yet(place)),
        Err(missing) => Ok((Err(missing), None)),
    }
}

/// The same, if refreshtop's functions can't be called.
async fn unmanaged_job(tx: &ReadTransaction<'_>, view: &ViewId, server: &Server) -> Result<JobOrPlace> {
    match place_of_cron(unmanaged::cron_settings(tx).await, server, true)? {
        Ok(place) if place.database == server.database => {
            let found = job::job_there(tx, &place.settings, &refresh_job_of(&server.database, view)).await;
            Ok((shown_job(found, view, server, &place.database, false)?, None))
        }
        Ok(place) => Ok(not_yet(place)),
        Err(missing) => Ok((Err(missing), None)),
    }
}

/// A placeholder for the schedule, until it was read elsewhere.
fn not_yet(place: CronPlace) -> JobOrPlace {
    (Err(not_yet_read(&place.database)), Some(place))
}

pub(super) fn not_yet_read(database: &str) -> Unavailable {
    Unavailable::new(format!("schedule (database {database}): not read"), "")
}

/// The settings of `pg_cron` and its database, or why there is none.
fn place_of_cron(settings: Result<CronSettings>, server: &Server, unmanaged: bool) -> Result<Reading<CronPlace>> {
    Ok(part("schedule", &server.role, settings)?.and_then(|settings| match settings.database.clone() {
        Some(database) => Ok(CronPlace { settings, database }),
        None => Err(no_cron(&settings, &server.role, unmanaged)),
    }))
}

fn shown_job(
    found: Result<Option<Job>>,
    view: &ViewId,
    server: &Server,
    database: &str,
    migrated: bool,
) -> Result<Reading<Job>> {
    let grant = cron_grant(&server.role, database);
    match found {
        Ok(job) => Ok(job.ok_or_else(|| no_job(view, database, migrated, server, migrated))),
        Err(failure) if error::fails_all(&failure) => Err(failure),
        Err(failure) => Ok(Err(error::unavailable_but_for("schedule", &failure, &grant))),
    }
}

/// Reads the job in the database of `pg_cron`, and the jobs of `all` views. That database may refuse us, which tells
/// nothing about the application's.
async fn schedule_elsewhere(
    there: Result<&mut Kept, ConnectError>,
    place: &CronPlace,
    snapshot: &Snapshot,
    all: Option<&Views>,
) -> (Reading<Job>, Jobs) {
    let (server, database) = (&snapshot.server, &place.database);
    let what = format!("schedule (database {database})");
    let grant = cron_grant(&server.role, database);
    let kept = match there {
        Ok(kept) => kept,
        Err(failure) => {
            let missing = not_reached(&failure, &what, &grant);
            return (Err(missing.clone()), Jobs::Unknown(missing));
        }
    };
    let sought = refresh_job_of(&server.database, &snapshot.view);
    let found = kept.read(|tx| {
        let (settings, sought, all) = (place.settings.clone(), sought.clone(), all.cloned());
        Box::pin(async move {
            // Polled together they share a round trip.
            Ok(tokio::join!(
                biased;
                job::job_there(tx, &settings, &sought),
                OptionFuture::from(all.as_ref().map(|all| jobs::there(tx, &settings, all))),
            ))
        })
    });
    let refused = |failure: &Error| error::unavailable_but_for(&what, failure, &grant);
    match found.await {
        Ok((job, jobs)) => {
            let migrated = snapshot.deployment == Deployment::Migrated;
            let missing = || no_job(&snapshot.view, database, false, server, migrated);
            let job = job.map_err(|failure| refused(&failure)).and_then(|job| job.ok_or_else(missing));
            let not_asked = || Jobs::Unknown(not_yet_read(database));
            let jobs =
                jobs.map_or_else(not_asked, |jobs| jobs.unwrap_or_else(|failure| Jobs::Unknown(refused(&failure))));
            (job, jobs)
        }
        Err(failure) => (Err(refused(&failure)), Jobs::Unknown(refused(&failure))),
    }
}

pub(super) fn not_reached(failure: &ConnectError, what: &str, grant: &str) -> Unavailable {
    let fix = if failure.kind == Kind::NotPermitted { grant } else { "" };
    Unavailable::new(format!("{what}: {failure}"), fix)
}

/// What lets a role read its jobs in the database of `pg_cron`.
pub(super) fn cron_grant(role: &str, database: &str) -> String {
    let (role, name) = (identifier(role), identifier(database));
    format!("GRANT CONNECT ON DATABASE {name} TO {role}; in {name}: GRANT USAGE ON SCHEMA cron TO {role}")
}

pub(super) fn no_cron(cron: &CronSettings, role: &str, unmanaged: bool) -> Unavailable {
    if unmanaged && !cron.readable {
        let fix = format!("GRANT pg_read_all_settings TO {}", identifier(role));
        return Unavailable::new(format!("role {role} may not see whether pg_cron is loaded on this server"), fix);
    }
    if cron.readable {
        Unavailable::new(
            "pg_cron is not loaded on this server",
            "install it and add it to shared_preload_libraries, or let another scheduler call \
             refresh_platform_metrics_with_logging()",
        )
    } else {
        Unavailable::new(
            format!("whether pg_cron is loaded can't be seen by the owner of schema refreshtop (you are {role})"),
            "GRANT pg_read_all_settings to that owner",
        )
    }
}

/// `as_owner` if it was read with the rights of the installation's owner.
fn no_job(view: &ViewId, cron_database: &str, as_owner: bool, server: &Server, migrated: bool) -> Unavailable {
    let job = refresh_job(view);
    // In another database pg_cron shows each role only its own jobs.
    let whose = if as_owner { String::new() } else { format!(" that role {} may see", server.role) };
    let fix = match (migrated, as_owner) {
        (true, true) => "run: refreshtop job restore; if a job of another role is the schedule, only superusers see it",
        (true, false) => "run: refreshtop job restore",
        (false, _) => "run: refreshtop migrate",
    };
    let none = Unavailable::new(format!("no job {job}{whose} in pg_cron (database {cron_database})"), fix);
    if as_owner { none.missing() } else { none }
}

/// Splits what a part of the snapshot answered: a lost connection ends the poll, anything else only this part.
fn part<T>(what: &str, role: &str, answer: Result<T>) -> Result<Reading<T>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(failure) if error::fails_all(&failure) => Err(failure),
        Err(failure) => Ok(Err(error::unavailable(what, &failure, role))),
    }
}
