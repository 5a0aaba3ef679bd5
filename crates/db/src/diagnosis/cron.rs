//! Facts of `pg_cron` itself, and the checks of its jobs.

use super::{
    Asker, CronSession, Options, Question,
    jobs::{self, Jobs},
};
use crate::{
    contract,
    error::{self, Error, Result},
    jobs::SCHEDULED_READS,
    quote::literal,
    schedule::{self, CLEANUP_ALONE, JOBS},
    session::Session,
};
use futures_util::future::join;
use refreshtop_core::{
    address::ViewId,
    diagnosis::{
        Check, Verdict,
        attempts::Attempt,
        cron::{self, ExpectedJob, Function, Settings, Work},
        subject::Registration,
    },
    reading::{Reading, Unavailable},
};
use serde::Deserialize;

const SETTINGS: &str = "
    SELECT jsonb_build_object('database', current_database(), 'standby', pg_is_in_recovery(),
        'may_read', readable, 'sees_sessions', pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
        'preload', CASE WHEN readable THEN current_setting('shared_preload_libraries', true) END,
        'cron_database', CASE WHEN readable THEN nullif(current_setting('cron.database_name', true), '') END,
        'background_workers', CASE WHEN readable THEN current_setting('cron.use_background_workers', true) END,
        'log_run', CASE WHEN readable THEN current_setting('cron.log_run', true) END,
        -- Looks through every extension on the disk.
        'available', CASE WHEN readable AND current_setting('cron.database_name', true) IS NULL
            THEN (SELECT e.default_version FROM pg_available_extensions e WHERE e.name = 'pg_cron') END,
        'launcher', EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.backend_type = 'pg_cron launcher'))
    FROM (SELECT pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS readable) r";

/// Functions whose source speaks of a refresh. Catalogue rows alone: nothing is called.
pub(in crate) const FUNCTIONS: &str = "
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'identity', format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), 'name', p.proname,
        'source', left(p.prosrc, 20000), 'definer', p.prosecdef, 'readable', l.lanname IN ('sql', 'plpgsql'),
        'public', EXISTS (SELECT 1 FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                          WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'),
        'ours', n.nspname ~ '^refreshtop' OR (n.nspname = 'public' AND p.proname IN (
            'refresh_platform_metrics_with_logging', 'trigger_platform_metrics_refresh', 'get_metrics_refresh_stats',
            'cleanup_old_metrics_logs'))) ORDER BY p.oid), '[]')
    FROM (SELECT * FROM pg_proc f WHERE f.prokind IN ('f', 'p') AND f.prosrc ~* 'refresh[[:space:]]+materialized[[:space:]]+view' LIMIT 200) p
    JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')";

/// The job that cleans up.
fn cleanup(platform_metrics: bool) -> ExpectedJob {
    let job = if platform_metrics { JOBS[1] } else { CLEANUP_ALONE };
    expected(["cleanup-job", "Job that cleans up", "cleanup-job-runs", "Clean-ups by pg_cron"], &job)
}

/// A job of the contract.
fn expected([id, title, runs_id, runs_title]: [&'static str; 4], job: &schedule::JobSpec<'static>) -> ExpectedJob {
    let work = Work::Function { function: job.function.into(), view: job.view.into() };
    let (schedule, command) = (Some(job.schedule.into()), Some(job.command.into()));
    ExpectedJob { id, title, runs_id, runs_title, name: job.name.into(), schedule, command, work }
}

/// What the checks of jobs that refresh are called.
const OF_REFRESHES: [&str; 4] = ["refresh-job", "Job that refreshes", "refresh-job-runs", "Refreshes by pg_cron"];

/// A view that has a schedule, as the installation knows it.
#[derive(Debug, Clone, Deserialize)]
struct Scheduled {
    id: String,
    schedule: String,
    job: String,
    /// Seconds that the job waits before it refreshes.
    wait: String,
}

const SCHEDULED: &str = "
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.refresh_type, 'schedule', s.schedule, 'job', s.job_name,
                                                 'wait', round(s.offset_seconds::numeric, 1)::text)), '[]')
    FROM refreshtop.scheduled_views() s";

impl Scheduled {
    /// What its job runs.
    fn command(&self) -> String {
        let waits = self.wait.trim_matches(['0', '.']);
        let wait =
            if waits.is_empty() { String::new() } else { format!("SELECT pg_catalog.pg_sleep({}); ", self.wait) };
        let id = literal(&self.id);
        format!("{wait}SELECT refreshtop.limit_time({id}); SELECT refreshtop.refresh({id});")
    }
}

/// The database of `pg_cron` if that is another one, as far as this role may know.
pub(super) async fn elsewhere(app: &Session) -> Result<Option<String>> {
    let asker = Asker::new(app);
    let (settings, ()) = join(settings(&asker), asker.find_out()).await;
    let settings = settings?;
    // By the server's name for this one, since a pooler may have another.
    Ok(settings.cron_database.filter(|database| *database != settings.database))
}

async fn settings(asker: &Asker<'_>) -> Result<Settings> {
    let mut settings: Settings = asker.catalog(SETTINGS).await?;
    if !settings.may_read {
        // The installation's owner may know more; a role that may not ask it learns nothing new.
        let known = asker.about_cron("SELECT to_jsonb(database) FROM refreshtop.cron_settings()").await;
        settings.cron_database = known.unwrap_or_default();
    }
    Ok(settings)
}

/// What is known of `pg_cron`.
pub(super) struct Seen {
    settings: Result<Settings>,
    functions: Result<Vec<Function>>,
    scheduled: Vec<Scheduled>,
    jobs: Reading<Jobs>,
}

/// Looks at `pg_cron` and its jobs.
pub(super) async fn look(asker: &Asker<'_>, session: CronSession<'_>) -> Seen {
    let scheduled = Question::about(&[SCHEDULED_READS], SCHEDULED);
    let (settings, functions, scheduled, jobs) = tokio::join!(
        settings(asker),
        asker.catalog::<Vec<Function>>(FUNCTIONS),
        asker.ask(&scheduled),
        jobs::read(asker, &session)
    );
    let jobs = match &settings {
        Ok(settings) => seen(asker, &session, settings, jobs).await,
        Err(failure) => Err(asker.why(failure).await),
    };
    // Without them the jobs have their usual names.
    Seen { settings, functions, scheduled: scheduled.unwrap_or_default(), jobs }
}

impl Seen {
    /// The checks of `pg_cron` itself, and of the job that cleans up.
    pub async fn of_server(&self, asker: &Asker<'_>, options: &Options) -> Vec<Check> {
        let settings = match &self.settings {
            Ok(settings) => settings,
            Err(failure) => return vec![asker.unknown("cron-loaded", "pg_cron on the server", failure).await],
        };
        let mut checks = vec![cron::loaded(settings)];
        if checks[0].verdict == Verdict::Good {
            checks.push(cron::launcher(settings));
        }
        if let Ok(jobs) = &self.jobs
            && checks[0].verdict == Verdict::Good
        {
            checks.push(cron::extension(&jobs.cron));
        }
        let cleanup = cleanup(asker.has_platform_metrics().await);
        checks.extend(self.of_job(asker, &cleanup, &[], options).await);
        checks
    }

    /// The checks of the job of a view, and of others that refresh it.
    pub async fn of_view(
        &self,
        asker: &Asker<'_>,
        view: &ViewId,
        registered: Option<&Registration>,
        attempts: &[Attempt],
        options: &Options,
    ) -> Vec<Check> {
        let Some(expected) = self.expected(view, registered) else { return Vec::new() };
        let mut checks = match self.missing() {
            // Where there is no job, none is missing.
            Some(_) if expected.schedule.is_none() => Vec::new(),
            _ => self.of_job(asker, &expected, attempts, options).await,
        };
        let loaded = self.settings.as_ref().is_ok_and(|settings| cron::loaded(settings).verdict == Verdict::Good);
        if let Ok(settings) = &self.settings
            && loaded
        {
            let cron = self.jobs.as_ref().ok().filter(|jobs| jobs.cron.extension.is_some()).map(|jobs| &jobs.cron);
            checks.push(match &self.functions {
                Ok(functions) => cron::others(cron, functions, settings, &expected),
                Err(failure) => asker.unknown("other-refreshers", "Others that refresh this view", failure).await,
            });
        }
        checks
    }

    /// The job that a view should have; `None` if nothing is known of it.
    fn expected(&self, view: &ViewId, registered: Option<&Registration>) -> Option<ExpectedJob> {
        if contract::is_own(view) {
            return Some(expected(OF_REFRESHES, &JOBS[0]));
        }
        let registered = registered?;
        let scheduled = self.scheduled.iter().find(|scheduled| scheduled.id == view.as_str());
        let [id, title, runs_id, runs_title] = OF_REFRESHES;
        let work =
            Work::View { id: view.to_string(), schema: registered.schema.clone(), name: registered.name.clone() };
        Some(ExpectedJob {
            id,
            title,
            runs_id,
            runs_title,
            name: scheduled.map_or_else(|| contract::refresh_job(view), |scheduled| scheduled.job.clone()),
            schedule: scheduled.map(|scheduled| scheduled.schedule.clone()).or_else(|| registered.schedule.clone()),
            command: scheduled.map(Scheduled::command),
            work,
        })
    }

    /// Why no job can be looked at.
    fn missing(&self) -> Option<Unavailable> {
        let loaded = cron::loaded(self.settings.as_ref().ok()?);
        if loaded.verdict != Verdict::Good {
            return Some(without_pg_cron(loaded.verdict));
        }
        match &self.jobs {
            Err(why) => Some(why.clone()),
            Ok(jobs) if jobs.cron.extension.is_none() => {
                let reason = "Without pg_cron's extension there is no job to be looked at.";
                Some(Unavailable::new(reason, "Create the extension first."))
            }
            Ok(_) => None,
        }
    }

    async fn of_job(
        &self,
        asker: &Asker<'_>,
        expected: &ExpectedJob,
        attempts: &[Attempt],
        options: &Options,
    ) -> Vec<Check> {
        if let Some(why) = self.missing() {
            return vec![Check::unknown(expected.id, expected.title, &why)];
        }
        let (Ok(settings), Ok(jobs)) = (&self.settings, &self.jobs) else { return Vec::new() };
        let job = cron::job(&jobs.cron, settings, expected, asker.role().await, &jobs.job_role);
        // Without a job there are no executions.
        let by_hand = expected.schedule.is_none() && job.job.is_none();
        let runs = (!by_hand).then(|| cron::runs(&jobs.cron, settings, expected, &options.limits, attempts));
        std::iter::once(job).chain(runs).collect()
    }
}

fn without_pg_cron(loaded: Verdict) -> Unavailable {
    if loaded == Verdict::Unknown {
        let reason = "Where pg_cron can't be seen, its jobs can't be either.";
        return Unavailable::new(reason, "See under pg_cron on the server.");
    }
    Unavailable::new("Without pg_cron there is no job to be looked at.", "Fix pg_cron on the server first.")
}

/// The jobs, or why they can't be seen.
async fn seen(
    asker: &Asker<'_>,
    session: &CronSession<'_>,
    settings: &Settings,
    jobs: Option<Result<Jobs>>,
) -> Result<Jobs, Unavailable> {
    let elsewhere = settings.cron_database.as_deref().is_some_and(|database| database != settings.database);
    match (session, jobs) {
        (CronSession::Unreachable(reason), _) => Err(not_reached(settings, reason)),
        (CronSession::Same, _) if elsewhere => Err(not_reached(settings, "it was not asked")),
        (_, None) => Err(not_reached(settings, "it was not asked")),
        (_, Some(Ok(jobs))) => Ok(jobs),
        (CronSession::Same, Some(Err(failure))) if is_privilege(&failure) => {
            let why = format!("The jobs can't be seen: {}.", error::sentence(&failure));
            Err(Unavailable::new(why, "Let a superuser run: refreshtop job restore."))
        }
        (_, Some(Err(failure))) => Err(asker.why(&failure).await),
    }
}

fn is_privilege(failure: &Error) -> bool {
    error::code(failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE)
}

fn not_reached(settings: &Settings, reason: &str) -> Unavailable {
    let database = settings.cron_database.as_deref().unwrap_or_default();
    Unavailable::new(
        format!("The jobs can't be seen, because they are in database {database}: {reason}."),
        format!("Let this role connect to database {database}, and GRANT USAGE ON SCHEMA cron to it there."),
    )
}
