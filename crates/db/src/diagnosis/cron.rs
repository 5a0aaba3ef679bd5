//! Facts of `pg_cron`, which may live in another database.

use super::{Asker, CronSession, Options, QUESTION, ask};
use crate::{
    error,
    executions::{self, FAR},
    schedule::{self, JOBS},
    session::{Result, Session},
};
use refreshtop_core::{
    diagnosis::{
        Check, Verdict,
        cron::{self, Cron, Settings, Wanted},
        literal,
    },
    reading::Unavailable,
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

/// Jobs with their executions, as `refreshtop.cron_facts()` has them.
const JOBS_HERE: &str = "
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', j.jobid, 'name', j.jobname, 'schedule', left(j.schedule, 200), 'command', left(j.command, 2000),
        'database', j.database, 'role', j.username, 'active', j.active,
        'runs', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                     'id', r.runid, 'status', r.status, 'message', left(r.return_message, 500), 'start', r.start_time,
                     'end', r.end_time, 'pid', r.job_pid) ORDER BY r.runid DESC), '[]')
                 FROM ({runs}) r)) ORDER BY j.active DESC, j.jobid), '[]')
    FROM (SELECT * FROM cron.job c
          WHERE c.jobname ~ '^(refresh-platform-metrics|cleanup-metrics-logs)(@|$)'
             OR c.command ~* '(refresh_platform_metrics_with_logging|cleanup_old_metrics_logs)'
             OR c.database = {database}
          ORDER BY c.database = {database} DESC, c.jobid LIMIT 200) j";

/// How the jobs can be read where `pg_cron` lives.
#[derive(Deserialize)]
struct Ways {
    database: String,
    extension: Option<String>,
    /// Whether the tables are `pg_cron`'s.
    own: bool,
    superuser: bool,
    helper: bool,
}

const WAYS: &str = "
    SELECT jsonb_build_object('database', current_database(),
        'extension', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'pg_cron'),
        'own', {own},
        'superuser', (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user),
        'helper', EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                          WHERE n.nspname = 'refreshtop' AND p.proname = 'cron_facts'
                            AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')))";

/// The jobs of the contract, as checks.
fn wanted() -> [Wanted; 2] {
    let [refresh, cleanup] = JOBS;
    let wanted = |id, title, runs_id, runs_title, job: schedule::Wanted| Wanted {
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
        wanted("refresh-job", "Job that refreshes", "refresh-job-runs", "Refreshes by pg_cron", refresh),
        wanted("cleanup-job", "Job that cleans up", "cleanup-job-runs", "Clean-ups by pg_cron", cleanup),
    ]
}

/// The database where `pg_cron` lives, as far as this role may know.
pub(super) async fn database(app: &mut Session) -> Result<Option<String>> {
    Ok(settings(app).await?.cron_database)
}

async fn settings(app: &mut Session) -> Result<Settings> {
    let mut settings: Settings = ask(app, QUESTION, SETTINGS).await?;
    if !settings.may_read {
        // The owner of the installation may know more; whoever may not ask it knows no more than before.
        let known = ask(app, QUESTION, "SELECT to_jsonb(database) FROM refreshtop.cron_settings()").await;
        settings.cron_database = known.unwrap_or_default();
    }
    Ok(settings)
}

pub(super) async fn checks(
    app: &mut Session,
    session: CronSession<'_>,
    asker: &Asker,
    options: &Options,
) -> Vec<Check> {
    let settings = match settings(app).await {
        Ok(settings) => settings,
        Err(failure) => return vec![asker.unknown("cron-loaded", "pg_cron on the server", &failure)],
    };
    let loaded = cron::loaded(&settings);
    if loaded.verdict != Verdict::Good {
        let why = if loaded.verdict == Verdict::Unknown {
            Unavailable::new(
                "Where pg_cron can't be seen, its jobs can't be either.",
                "See under pg_cron on the server.",
            )
        } else {
            Unavailable::new("Without pg_cron there is no job to be looked at.", "Fix pg_cron on the server first.")
        };
        let jobs = wanted().map(|job| Check::unknown(job.id, job.title, &why));
        return std::iter::once(loaded).chain(jobs).collect();
    }
    let mut checks = vec![loaded, cron::launcher(&settings)];
    let owner =
        "SELECT to_jsonb((SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'refreshtop'))";
    let owner: Option<String> = ask(app, QUESTION, owner).await.unwrap_or_default();
    let elsewhere = settings.cron_database.as_deref().is_some_and(|database| database != settings.database);
    let facts = match session {
        CronSession::Elsewhere(there) => {
            facts(there, owner.as_deref(), &settings.database).await.map_err(|failure| asker.why(&failure))
        }
        CronSession::Unreachable(reason) => Err(reason_of(&settings, &reason)),
        CronSession::Same if elsewhere => Err(reason_of(&settings, "it was not asked")),
        CronSession::Same => facts(app, owner.as_deref(), &settings.database).await.map_err(|failure| {
            if error::code(&failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) {
                let why = format!("The jobs can't be seen: {}.", error::sentence(&failure));
                return Unavailable::new(why, "Let a superuser run: refreshtop job restore.");
            }
            asker.why(&failure)
        }),
    };
    match facts {
        Ok(facts) => {
            checks.push(cron::extension(&facts));
            if facts.extension.is_none() {
                let why = Unavailable::new(
                    "Without pg_cron's extension there is no job to be looked at.",
                    "Create the extension first.",
                );
                checks.extend(wanted().map(|job| Check::unknown(job.id, job.title, &why)));
                return checks;
            }
            // Without roles the jobs run as who owns the installation.
            let job_role = match owner.as_deref() {
                Some("refreshtop_owner") | None => schedule::JOB_ROLE,
                Some(owner) => owner,
            };
            for job in wanted() {
                checks.push(cron::job(&facts, &settings, &job, &asker.role, job_role));
                checks.push(cron::runs(&facts, &settings, &job, &options.limits));
            }
            checks.push(others(app, Some(&facts), &settings, asker).await);
        }
        Err(why) => {
            checks.extend(wanted().map(|job| Check::unknown(job.id, job.title, &why)));
            checks.push(others(app, None, &settings, asker).await);
        }
    }
    checks
}

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

async fn others(app: &mut Session, facts: Option<&Cron>, settings: &Settings, asker: &Asker) -> Check {
    let [refresh, _] = wanted();
    match ask::<Vec<cron::Function>>(app, QUESTION, FUNCTIONS).await {
        Ok(functions) => cron::others(facts, &functions, settings, &refresh),
        Err(failure) => asker.unknown("other-refreshers", "Others that refresh this view", &failure),
    }
}

fn reason_of(settings: &Settings, reason: &str) -> Unavailable {
    let database = settings.cron_database.as_deref().unwrap_or_default();
    Unavailable::new(
        format!("The jobs can't be seen, because they are in database {database}: {reason}."),
        format!("Let this role connect to database {database}, and GRANT USAGE ON SCHEMA cron to it there."),
    )
}

async fn facts(there: &mut Session, owner: Option<&str>, app_database: &str) -> Result<Cron> {
    let ways: Ways = ask(there, QUESTION, &WAYS.replace("{own}", schedule::OWN_TABLES)).await?;
    // Tables of that name that are not pg_cron's may run anything when they are read.
    let Some(extension) = ways.extension.filter(|_| ways.own) else {
        return Ok(Cron { database: ways.database, ..Cron::default() });
    };
    // Whoever sees all jobs needs nobody's help, and learns of others that refresh the view.
    let jobs = if ways.helper && ways.database == app_database && !ways.superuser {
        "SELECT coalesce(refreshtop.cron_facts(), '[]')".to_owned()
    } else {
        let runs = executions::newest("j.jobid", 10, FAR);
        JOBS_HERE.replace("{runs}", &runs).replace("{database}", &literal(app_database))
    };
    let (database, extension) = (literal(&ways.database), literal(&extension));
    let owner = owner.map_or_else(|| "NULL".to_owned(), literal);
    let superuser = ways.superuser;
    // Only where the history can be read directly is its length known.
    let hidden =
        if superuser { "(SELECT max(d.runid) - min(d.runid) >= 20000 FROM cron.job_run_details d)" } else { "NULL" };
    let query = format!(
        "WITH found AS MATERIALIZED (SELECT ({jobs}) AS jobs)
         SELECT jsonb_build_object('database', {database}::text, 'extension', {extension}::text, 'jobs', jobs, 'now', clock_timestamp(),
            'superuser', {superuser}, 'hidden', coalesce({hidden}, false),
            'roles', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', r.rolname, 'can_log_in', r.rolcanlogin,
                          'superuser', r.rolsuper, 'may_refresh', r.rolsuper OR r.rolname = 'refreshtop_job'
                              OR coalesce(pg_has_role(r.oid, to_regrole('refreshtop_admin')::oid, 'USAGE'), false)
                              OR coalesce(pg_has_role(r.oid, (SELECT o.oid FROM pg_roles o WHERE o.rolname = {owner}), 'USAGE'), false))), '[]')
                      FROM pg_roles r WHERE r.rolname::text IN (SELECT j ->> 'role' FROM jsonb_array_elements(jobs) j)),
            'alive', (SELECT coalesce(jsonb_agg(a.pid), '[]') FROM pg_stat_activity a
                      WHERE a.pid::text IN (SELECT jsonb_array_elements(j -> 'runs') ->> 'pid' FROM jsonb_array_elements(jobs) j)))
         FROM found"
    );
    ask(there, QUESTION, &query).await
}
