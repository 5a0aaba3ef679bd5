//! Facts of `pg_cron`'s jobs, which may be in another database.

use super::{Asker, CronSession, Question, value};
use crate::{
    error::Result,
    executions::{self, FAR},
    quote::literal,
    schedule,
    session::Session,
    trust::{self, Trust},
};
use futures_util::future::join;
use refreshtop_core::diagnosis::cron::Cron;
use serde::Deserialize;

/// The jobs, and the role that ours should run as.
pub(super) struct Jobs {
    pub cron: Cron,
    pub job_role: String,
}

/// The application's database, and who owns the installation in it.
#[derive(Deserialize)]
struct Installation {
    database: String,
    owner: Option<String>,
}

const INSTALLATION: &str = "
    SELECT jsonb_build_object('database', current_database(),
        'owner', (SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'refreshtop'))";

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

/// How the jobs can be read in the database of `pg_cron`.
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

/// `None` if there is no session to ask.
pub(super) async fn read(asker: &Asker<'_>, session: &CronSession<'_>) -> Option<Result<Jobs>> {
    let (installation, there) = match session {
        CronSession::Unreachable(_) => return None,
        CronSession::Same => join(asker.catalog(INSTALLATION), ways_here(asker)).await,
        CronSession::Elsewhere(there) => join(asker.catalog(INSTALLATION), ways_there(there)).await,
    };
    let session = if let CronSession::Elsewhere(there) = session { &**there } else { asker.app };
    Some(match (installation, there) {
        (Ok(installation), Ok((ways, trust))) => jobs(session, &installation, ways, &trust).await,
        (Err(failure), _) | (_, Err(failure)) => Err(failure),
    })
}

async fn ways_here(asker: &Asker<'_>) -> Result<(Ways, Trust)> {
    let ways = asker.catalog(&ways_query()).await?;
    Ok((ways, asker.trust().await.clone()))
}

async fn ways_there(there: &Session) -> Result<(Ways, Trust)> {
    let (query, free) = (ways_query(), Trust::default());
    let question = Question::new(&query);
    let (ways, trust) = join(value(there, &free, &question), Trust::of(there)).await;
    Ok((ways?, trust?))
}

fn ways_query() -> String {
    WAYS.replace("{own}", schedule::OWN_TABLES)
}

async fn jobs(session: &Session, installation: &Installation, ways: Ways, trust: &Trust) -> Result<Jobs> {
    // Without roles of ours the jobs run as the role that owns the installation.
    let job_role = match installation.owner.as_deref() {
        Some("refreshtop_owner") | None => schedule::JOB_ROLE,
        Some(owner) => owner,
    };
    let job_role = job_role.to_owned();
    // Tables of that name that are not pg_cron's may run anything when they are read.
    if ways.extension.is_none() || !ways.own {
        let cron = Cron { database: ways.database, ..Cron::default() };
        return Ok(Jobs { cron, job_role });
    }
    let query = jobs_query(installation, &ways);
    let cron = value(session, trust, &Question::about(&trust::of_cron(&query), &query)).await?;
    Ok(Jobs { cron, job_role })
}

fn jobs_query(installation: &Installation, ways: &Ways) -> String {
    let app_database = &installation.database;
    // Whoever sees all jobs needs nobody's help, and learns of others that refresh the view.
    let jobs = if ways.helper && ways.database == *app_database && !ways.superuser {
        "SELECT coalesce(refreshtop.cron_facts(), '[]')".to_owned()
    } else {
        let runs = executions::newest("j.jobid", 10, FAR);
        JOBS_HERE.replace("{runs}", &runs).replace("{database}", &literal(app_database))
    };
    let (database, extension) = (literal(&ways.database), literal(ways.extension.as_deref().unwrap_or_default()));
    let owner = installation.owner.as_deref().map_or_else(|| "NULL".to_owned(), literal);
    let superuser = ways.superuser;
    // The length of the history is known only if it can be read directly.
    let hidden =
        if superuser { "(SELECT max(d.runid) - min(d.runid) >= 20000 FROM cron.job_run_details d)" } else { "NULL" };
    format!(
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
    )
}
