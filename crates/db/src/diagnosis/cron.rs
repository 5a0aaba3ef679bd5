//! Facts of `pg_cron` itself, and the checks of its jobs.

use super::{
    Asker, CronSession, Options,
    jobs::{self, Jobs},
};
use crate::{
    error::{self, Error, Result},
    schedule::{self, CLEANUP_ALONE, JOBS},
    session::Session,
};
use futures_util::future::{join, join3};
use refreshtop_core::{
    diagnosis::{
        Check, Verdict,
        cron::{self, Cron, ExpectedJob, Function, Settings},
    },
    reading::Unavailable,
};

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

/// The jobs of the contract.
fn expected_jobs(platform_metrics: bool) -> [ExpectedJob; 2] {
    let [refresh, mut cleanup] = JOBS;
    if !platform_metrics {
        cleanup = CLEANUP_ALONE;
    }
    let expected = |id, title, runs_id, runs_title, job: schedule::JobSpec<'static>| ExpectedJob {
        id,
        title,
        runs_id,
        runs_title,
        name: job.name,
        schedule: job.schedule,
        command: job.command,
        function: job.function,
        view: job.view,
    };
    [
        expected("refresh-job", "Job that refreshes", "refresh-job-runs", "Refreshes by pg_cron", refresh),
        expected("cleanup-job", "Job that cleans up", "cleanup-job-runs", "Clean-ups by pg_cron", cleanup),
    ]
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

pub(super) async fn checks(asker: &Asker<'_>, session: CronSession<'_>, options: &Options) -> Vec<Check> {
    let (settings, functions, jobs) =
        join3(settings(asker), asker.catalog::<Vec<Function>>(FUNCTIONS), jobs::read(asker, &session)).await;
    let settings = match settings {
        Ok(settings) => settings,
        Err(failure) => return vec![asker.unknown("cron-loaded", "pg_cron on the server", &failure).await],
    };
    let loaded = cron::loaded(&settings);
    if loaded.verdict != Verdict::Good {
        let jobs = unknown_jobs(&without_pg_cron(loaded.verdict));
        return std::iter::once(loaded).chain(jobs).collect();
    }
    let mut checks = vec![loaded, cron::launcher(&settings)];
    match seen(asker, &session, &settings, jobs).await {
        Ok(jobs) => {
            checks.push(cron::extension(&jobs.cron));
            if jobs.cron.extension.is_none() {
                let reason = "Without pg_cron's extension there is no job to be looked at.";
                checks.extend(unknown_jobs(&Unavailable::new(reason, "Create the extension first.")));
                return checks;
            }
            let role = asker.role().await;
            for job in expected_jobs(asker.has_platform_metrics().await) {
                checks.push(cron::job(&jobs.cron, &settings, &job, role, &jobs.job_role));
                checks.push(cron::runs(&jobs.cron, &settings, &job, &options.limits));
            }
            checks.push(others(asker, Some(&jobs.cron), &settings, functions).await);
        }
        Err(why) => {
            checks.extend(unknown_jobs(&why));
            checks.push(others(asker, None, &settings, functions).await);
        }
    }
    checks
}

fn unknown_jobs(why: &Unavailable) -> [Check; 2] {
    expected_jobs(true).map(|job| Check::unknown(job.id, job.title, why))
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

async fn others(
    asker: &Asker<'_>,
    cron: Option<&Cron>,
    settings: &Settings,
    functions: Result<Vec<Function>>,
) -> Check {
    let [refresh, _] = expected_jobs(true);
    match functions {
        Ok(functions) => cron::others(cron, &functions, settings, &refresh),
        Err(failure) => asker.unknown("other-refreshers", "Others that refresh this view", &failure).await,
    }
}
