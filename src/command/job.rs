//! `refreshtop job show | runs | pause | resume | every | remove | restore`.

use crate::{
    cli::arguments::{Answer, Job, JobAction, JobName, JobOne, JobRemove},
    command::{
        Failure, confirm, default_view,
        interrupt::{self, Watch},
        migrate, session,
    },
    output::{Output, clean, json, moment, table::Table},
    settings::Settings,
};
use chrono::{DateTime, TimeDelta, Utc};
use refreshtop_connect::{Canceller, Limits, Target};
use refreshtop_core::{
    address::ViewId,
    diagnosis::attempts::{Attempt, of_execution},
    exit,
    moment::Span,
    run::{Run, RunStatus},
};
use refreshtop_db::{
    change_job::{self, Change, Changed},
    contract::{PLATFORM_METRICS, is_own, refresh_job},
    cron_job::Sought,
    cron_settings::{self, CronSettings},
    error::{self, Error, sqlstate},
    executions::{self, Execution},
    job::job_by_name,
    jobs,
    log::{self, Asked},
    migrate::lacks_platform_metrics,
    read_transaction::ReadTransaction,
    schedule::{refresh_job_of, sought},
    server_facts,
    session::Session,
};
use serde_json::{Value, json};

/// Shows or changes the jobs.
///
/// # Errors
/// The database can't be reached, there is no `pg_cron`, or this role may not.
pub async fn run(job: &Job, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    let show = JobAction::Show(Answer::default());
    let named = async |one: &JobOne| Named::of(one.job, settings, target).await;
    match job.action.as_ref().unwrap_or(&show) {
        JobAction::Show(_) => {
            let only = settings.view_named.then_some(&settings.view);
            Jobs::open(target).await?.show(only, target, output).await
        }
        JobAction::Runs(runs) => {
            Jobs::open(target).await?.runs(&named(&runs.one).await?, runs.newest.limit, target, output).await
        }
        JobAction::Pause(one) => change(&named(one).await?, &Change::Pause, target, output).await,
        JobAction::Resume(one) => change(&named(one).await?, &Change::Resume, target, output).await,
        JobAction::Remove(JobRemove { one, yes }) => {
            let name = named(one).await?;
            agreed(&name, *yes, target).await?;
            change(&name, &Change::Remove, target, output).await
        }
        JobAction::Every(every) => {
            change(&named(&every.one).await?, &Change::Every(every.schedule.clone()), target, output).await
        }
        JobAction::Restore(_) => restore(target, output).await,
    }
}

/// A job that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    /// The one that cleans up.
    Cleanup,
    /// The one that refreshes this view.
    Of(ViewId),
}

impl Named {
    /// The one that is meant if no view is named refreshes `platform_metrics`, or the only managed view.
    async fn of(job: JobName, settings: &Settings, target: &Target) -> Result<Self, Failure> {
        if job == JobName::Cleanup {
            return Ok(Self::Cleanup);
        }
        let meant = if settings.view_named {
            None
        } else {
            match default_view::of(target).await {
                Err(several) if several.code == exit::USAGE => return Err(several),
                meant => meant.unwrap_or_default(),
            }
        };
        Ok(Self::Of(meant.unwrap_or_else(|| settings.view.clone())))
    }

    /// Its name.
    fn in_cron(&self) -> String {
        match self {
            Self::Cleanup => JobName::Cleanup.in_cron().to_owned(),
            Self::Of(view) => refresh_job(view),
        }
    }

    fn sought(&self, database: &str) -> Sought {
        match self {
            Self::Cleanup => sought(database, JobName::Cleanup.in_cron()),
            Self::Of(view) => refresh_job_of(database, view),
        }
    }

    fn is_of_contract(&self) -> bool {
        matches!(self, Self::Of(view) if is_own(view))
    }

    /// What has to be added to a command that is about it.
    fn option(&self) -> String {
        match self {
            Self::Of(view) if !is_own(view) => format!(" --view '{}'", view.as_str().replace('\'', "'\\''")),
            Self::Cleanup => " --job cleanup".to_owned(),
            Self::Of(_) => String::new(),
        }
    }
}

/// Asks before a job that is there is removed.
async fn agreed(name: &Named, yes: bool, target: &Target) -> Result<(), Failure> {
    if yes || Jobs::open(target).await?.job(name).await?.is_none() {
        return Ok(());
    }
    let lost = match name {
        Named::Cleanup => "nothing deletes old runs from the log".to_owned(),
        Named::Of(view) => format!("nothing refreshes {}", clean(view.as_str())),
    };
    let title = clean(&name.in_cron());
    confirm::required(&format!("takes job {title} out of pg_cron, and {lost} until it is restored"), false)
}

/// Changes a job, unless a signal comes first.
async fn change(name: &Named, change: &Change, target: &Target, output: Output) -> Result<(), Failure> {
    let work = async |watch: &Watch| {
        let mut jobs = Jobs::open(target).await?;
        jobs.watch(watch).await?;
        jobs.change(name, change, watch).await
    };
    interrupt::run(target, output.json, work).await?;
    if matches!((change, name), (Change::Every(_), Named::Of(view)) if !is_own(view)) {
        // How long the job waits depends on its schedule. Ignore the error: a role that may change the job only by the
        // installation's function has changed that too.
        let _ = migrate::jobs(target, true).await;
    }
    if output.json {
        let schedule = if let Change::Every(schedule) = change { Some(schedule) } else { None };
        let object = json!({"name": name.in_cron(), "change": change.act(), "schedule": schedule});
        return output.object("job_change", json::of_database(&target.id(), object));
    }
    let what = match change {
        Change::Pause => format!("paused; it runs again after: refreshtop job resume{}", name.option()),
        Change::Resume => "resumed".to_owned(),
        Change::Every(schedule) => format!("runs at {schedule} (UTC, or pg_cron's own zone)"),
        Change::Remove => "removed; it comes back with: refreshtop job restore".to_owned(),
    };
    output.print(&clean(&format!("job {} {what}", name.in_cron())))
}

/// Gives the job of `platform_metrics` another schedule.
pub(super) async fn reschedule_own(target: &Target, schedule: &str, watch: &Watch) -> Result<(), Failure> {
    let mut jobs = Jobs::open(target).await?;
    jobs.watch(watch).await?;
    jobs.change(&Named::Of(ViewId::new(PLATFORM_METRICS)), &Change::Every(schedule.to_owned()), watch).await
}

/// The sessions in which jobs are read and changed.
struct Jobs<'a> {
    target: &'a Target,
    app: Session,
    /// A session in `pg_cron`'s database, if that is another one.
    there: Option<Session>,
    /// Cancel the statements of these two.
    cancellers: (Option<Canceller>, Option<Canceller>),
    cron: CronSettings,
    database: String,
    now: DateTime<Utc>,
}

/// Attempts that are read for the executions of a job.
const MOST_ATTEMPTS: u16 = 1000;
/// As short as a reading session's: changing a job takes a moment, or something is wrong.
const LIMITS: Limits = Limits { read_only: false, ..Limits::READING };

impl<'a> Jobs<'a> {
    async fn open(target: &'a Target) -> Result<Self, Failure> {
        let failed = |error: Error| session::failure("see the schedule", target, &error);
        let mut app = Session::open(target, "job", &LIMITS).await?;
        let facts = server_facts::server_facts(&app).await.map_err(failed)?;
        let cron = cron_settings::cron_settings(&mut app).await.map_err(failed)?;
        let there = match &cron.database {
            Some(database) if *database == facts.server.database => None,
            Some(database) => {
                let other = Target { database: database.clone(), ..target.clone() };
                Some(Session::open(&other, "job", &LIMITS).await?)
            }
            None if cron.readable => {
                let why = "pg_cron is not loaded on this server; run the refreshes with: refreshtop schedule";
                return Err(Failure::new(exit::FAILURE, why));
            }
            None => {
                let why = "the owner of schema refreshtop can't see whether pg_cron is loaded; GRANT pg_read_all_settings \
                           to that owner";
                return Err(Failure::new(exit::NOT_PERMITTED, why));
            }
        };
        let cancellers = (Some(app.canceller()), there.as_ref().map(Session::canceller));
        Ok(Self { target, app, there, cancellers, cron, database: facts.server.database, now: facts.time })
    }

    async fn job(&mut self, name: &Named) -> Result<Option<refreshtop_core::job::Job>, Failure> {
        let sought = name.sought(&self.database);
        let found = match &mut self.there {
            Some(there) => job_by_name(there, &self.cron, &sought, false).await,
            None => job_by_name(&mut self.app, &self.cron, &sought, true).await,
        };
        found.map_err(|error| session::failure("see the schedule", self.target, &error))
    }

    /// Whether no job is to refresh `platform_metrics`, because that is not installed.
    async fn is_without_refresh_job(&mut self) -> bool {
        lacks_platform_metrics(&mut self.app).await.unwrap_or(false)
    }

    /// The jobs of this installation, or only the one of a view.
    async fn all(&mut self, only: Option<&ViewId>) -> Vec<Named> {
        if let Some(view) = only {
            return vec![Named::Of(view.clone())];
        }
        let own = ViewId::new(PLATFORM_METRICS);
        // Who may not know which views have a schedule sees the jobs of the contract.
        let scheduled = jobs::scheduled(&mut self.app).await.unwrap_or_default();
        let others = scheduled.into_iter().map(|view| view.view).filter(|view| !is_own(view));
        std::iter::once(own).chain(others).map(Named::Of).chain([Named::Cleanup]).collect()
    }

    async fn show(mut self, only: Option<&ViewId>, target: &Target, output: Output) -> Result<(), Failure> {
        let (mut objects, mut table) = (Vec::new(), Table::new(&["job", "schedule (UTC)", "state", "next", "last"]));
        for name in self.all(only).await {
            let title = name.in_cron();
            if let Some(job) = self.job(&name).await? {
                objects.push(json::job(&title, &job, self.now));
                table.row(cells(&title, &job, self.now));
            } else if !name.is_of_contract() || !self.is_without_refresh_job().await {
                objects.push(json!({
                    "name": title, "database": self.cron.database, "schedule": Value::Null, "active": false,
                    "next_run_at": Value::Null, "last": Value::Null,
                }));
                table.row([&clean(&title), "-", "missing", "-", "restore it with: refreshtop job restore"]);
            }
        }
        if output.json {
            return output.object("jobs", json::of_database(&target.id(), json!({"jobs": objects})));
        }
        output.print(&table.render(output))
    }

    async fn runs(mut self, name: &Named, limit: u16, target: &Target, output: Output) -> Result<(), Failure> {
        let there = self.there.as_mut().unwrap_or(&mut self.app);
        let runs = executions::executions(there, &name.sought(&self.database), limit).await;
        let runs = runs.map_err(|error| self.refused("see the executions of the job", &error))?;
        let attempts = self.attempts(name, &runs.runs).await;
        let refresh = |run: &Execution| of_execution((run.started_at?, run.ended_at), None, &attempts);
        if output.json {
            let among = runs.among;
            let runs: Vec<Value> = runs.runs.iter().map(|run| execution(run, refresh(run))).collect();
            let object = json!({"name": name.in_cron(), "runs": runs, "among": among});
            return output.object("job_runs", json::of_database(&target.id(), object));
        }
        let mut table = Table::new(&["started (UTC)", "ended (UTC)", "status", "refresh", "message"]);
        for run in &runs.runs {
            let at = |at: Option<DateTime<Utc>>| at.map_or_else(|| "-".into(), moment);
            let text = |text: &Option<String>| text.as_deref().map_or_else(|| "-".into(), clean);
            let refresh = refresh(run).map_or_else(|| "-".into(), |attempt| clean(&attempt.ended()));
            table.row([at(run.started_at), at(run.ended_at), text(&run.status), refresh, text(&run.message)]);
        }
        output.print(&table.render(output))?;
        match runs.among {
            Some(among) => output.print(&format!(
                "These are all among the newest {among} executions of all jobs; older ones were not searched."
            )),
            None => Ok(()),
        }
    }

    /// The attempts that these executions may have made. `pg_cron` knows only that the command of a job returned; whether
    /// it refreshed is in the log. Whoever may not read that sees none.
    async fn attempts(&mut self, name: &Named, runs: &[Execution]) -> Vec<Attempt> {
        let Named::Of(view) = name else { return Vec::new() };
        let Some(oldest) = runs.iter().filter_map(|run| run.started_at).min() else { return Vec::new() };
        let Ok(tx) = ReadTransaction::begin(&mut self.app).await else { return Vec::new() };
        let span = Span { from: Some(oldest - TimeDelta::seconds(1)), until: None };
        let found = log::runs(&tx, view, &Asked { span, limit: MOST_ATTEMPTS, ..Asked::default() }).await;
        tx.end();
        found.unwrap_or_default().into_iter().map(|logged| attempt(logged.run)).collect()
    }

    async fn watch(&mut self, watch: &Watch) -> Result<(), Failure> {
        let (own, other) = self.cancellers.clone();
        for (session, canceller) in [(Some(&mut self.app), own), (self.there.as_mut(), other)] {
            if let (Some(session), Some(canceller)) = (session, canceller) {
                let pid = session.pid().await;
                let pid = pid.map_err(|error| session::failure("change the job", self.target, &error))?;
                watch.add(canceller, Some(pid));
            }
        }
        Ok(())
    }

    async fn change(mut self, name: &Named, change: &Change, watch: &Watch) -> Result<(), Failure> {
        let may_commit = || {
            let may = !watch.stopped();
            if may {
                watch.settle();
            }
            may
        };
        let there = self.there.as_mut();
        let changed = change_job::change(&mut self.app, there, &name.sought(&self.database), change, &may_commit).await;
        let title = name.in_cron();
        match changed {
            Ok(Some(Changed::Done)) => Ok(()),
            Ok(None) => Err(Failure::new(exit::FAILURE, "nothing was changed")),
            Ok(Some(Changed::NoJob)) if name.is_of_contract() && self.is_without_refresh_job().await => {
                let why = "platform_metrics is not installed in this database, so there is no job that refreshes it; --view \
                           names the view of another job, and --job cleanup the one that cleans up";
                Err(Failure::new(exit::FAILURE, why))
            }
            Ok(Some(Changed::NoJob)) => {
                let why = format!(
                    "there is no job {title} for this database that this role may change; restore it with: refreshtop job \
                     restore, or act as the role that scheduled it"
                );
                Err(Failure::new(exit::FAILURE, why))
            }
            Ok(Some(Changed::Several)) => {
                let why = format!(
                    "nothing was changed: job {title} runs other statements too, which would be removed with it; change its \
                     command yourself, or pause it"
                );
                Err(Failure::new(exit::FAILURE, why))
            }
            Ok(Some(Changed::NotPermitted(role))) => {
                let text = format!(
                    "cannot change the job: permission denied; it belongs to role {role}: act as that role, as a member of \
                     refreshtop_job with EXECUTE on cron.alter_job, or as a superuser"
                );
                Err(Failure::new(exit::NOT_PERMITTED, text))
            }
            Err(_) if watch.stopped() => Err(Failure::new(exit::FAILURE, "nothing was changed")),
            Err(error) => {
                let refused = self.refused(&Self::attempted(change), &error);
                Err(match watch.blocked_by() {
                    Some(blockers) => Failure::new(refused.code, format!("{refused}; blocked by {blockers}")),
                    None => refused,
                })
            }
        }
    }

    /// What was attempted, for the sentence of a failure.
    fn attempted(change: &Change) -> String {
        match change {
            // An older pg_cron only reports that the schedule is invalid.
            Change::Every(schedule) if schedule.contains("second") => {
                format!("give the job the schedule '{schedule}', which needs pg_cron 1.5 or newer")
            }
            _ => "change the job".into(),
        }
    }

    /// A job belongs to the role that scheduled it, which is commonly the one that migrated.
    fn refused(&self, what: &str, failure: &Error) -> Failure {
        if error::code(failure) == Some(sqlstate::INSUFFICIENT_PRIVILEGE) {
            let why = error::sentence(failure);
            let text = format!("cannot {what}: {why}; only the role that migrated and superusers may");
            return Failure::new(exit::NOT_PERMITTED, text);
        }
        session::failure(what, self.target, failure)
    }
}

fn cells(title: &str, job: &refreshtop_core::job::Job, now: DateTime<Utc>) -> [String; 5] {
    let last = job.last.as_ref().map_or_else(
        || "never run".into(),
        |last| {
            let at = last.started_at.map(|at| format!(" at {}", moment(at))).unwrap_or_default();
            let message = last.message.as_deref().filter(|_| last.status == "failed");
            clean(&format!("{}{at} {}", last.status, message.unwrap_or_default()))
        },
    );
    [
        clean(title),
        clean(&job.schedule),
        if job.active { "active" } else { "paused" }.to_owned(),
        job.next_run(now).map_or_else(|| "-".into(), moment),
        last,
    ]
}

fn attempt(run: Run) -> Attempt {
    Attempt {
        started_at: run.started_at,
        ended_at: run.completed_at,
        failed: run.status == RunStatus::Error,
        sqlstate: run.sqlstate,
        duration_ms: run.duration_ms,
        pid: None,
    }
}

fn execution(run: &Execution, refresh: Option<&Attempt>) -> Value {
    let refresh = refresh.map(|attempt| {
        let status = if attempt.failed { "error" } else { "success" };
        json!({"status": status, "sqlstate": attempt.sqlstate, "started_at": json::moment(attempt.started_at)})
    });
    json!({
        "refresh": refresh,
        "id": run.id,
        "status": run.status,
        "message": run.message,
        "started_at": run.started_at.map(json::moment),
        "ended_at": run.ended_at.map(json::moment),
    })
}

async fn restore(target: &Target, output: Output) -> Result<(), Failure> {
    let lines = migrate::jobs(target, output.json).await?;
    if output.json {
        return output.object("job_restore", json::of_database(&target.id(), json!({"done": lines})));
    }
    output.print(&lines.join("\n"))
}
