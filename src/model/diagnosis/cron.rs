//! `pg_cron` and its jobs.

use super::{Check, Detail, JobRef, Limits, Mend, MendKind, Table, Verdict, literal, span};
use crate::model::{
    job::Job as Schedule,
    statement::{self, Purpose},
};
use chrono::{DateTime, Offset as _, Utc};
use serde::Deserialize;

/// What the application's database knows of `pg_cron`.
#[derive(Debug, Clone, Default, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Settings {
    /// This database.
    pub database: String,
    /// Whether its settings may be read.
    pub may_read: bool,
    /// Whether other roles' sessions may be seen.
    pub sees_sessions: bool,
    /// `shared_preload_libraries`.
    pub preload: Option<String>,
    /// `cron.database_name`.
    pub cron_database: Option<String>,
    /// `cron.use_background_workers`.
    pub background_workers: Option<String>,
    /// `cron.log_run`.
    pub log_run: Option<String>,
    /// Newest release on the server's disk.
    pub available: Option<String>,
    /// Whether the scheduling process runs.
    pub launcher: bool,
    /// Whether this is a standby, where `pg_cron` rests.
    pub standby: bool,
}

/// What `pg_cron`'s own database knows.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Cron {
    /// Its database.
    pub database: String,
    /// Whether a superuser asks, who may schedule for others.
    #[serde(default)]
    pub superuser: bool,
    /// Release of the extension; `None` where it was not created.
    pub extension: Option<String>,
    /// Every job that has to do with us in any database, and every job of this one.
    #[serde(default)]
    pub jobs: Vec<Job>,
    /// What is known about the roles of these jobs.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// The server's clock.
    pub now: DateTime<Utc>,
    /// Whether the history is longer than what is looked at.
    #[serde(default)]
    pub hidden: bool,
    /// Processes of the server among those that run jobs.
    #[serde(default)]
    pub alive: Vec<i32>,
}

/// A role that a job runs as.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Role {
    pub name: String,
    pub can_log_in: bool,
    pub may_refresh: bool,
    #[serde(default)]
    pub superuser: bool,
}

/// A function of the application's database that refreshes, or calls what does.
#[derive(Debug, Clone, Default, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Function {
    /// Its name with schema and types of parameters, as it stands in a statement.
    pub identity: String,
    pub name: String,
    pub source: String,
    /// Whether everybody may call it.
    pub public: bool,
    pub definer: bool,
    /// Whether it is one of the contract's, by which refreshtop refreshes.
    pub ours: bool,
    /// Whether its source is SQL or PL/pgSQL, and can be read.
    pub readable: bool,
}

/// A job.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Job {
    pub id: i64,
    pub name: Option<String>,
    pub schedule: String,
    pub command: String,
    pub database: String,
    pub role: String,
    pub active: bool,
    pub runs: Vec<Run>,
}

/// One execution.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Run {
    pub status: String,
    pub message: Option<String>,
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
    pub pid: Option<i32>,
}

/// A job as it should be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub id: &'static str,
    pub runs_id: &'static str,
    pub title: &'static str,
    pub runs_title: &'static str,
    pub name: &'static str,
    pub schedule: &'static str,
    pub command: &'static str,
    /// The function that the command calls, and the view that this refreshes.
    pub function: &'static str,
    pub view: &'static str,
}

impl Wanted {
    fn purpose(&self, command: &str) -> Purpose {
        statement::purpose(command, self.function, self.view)
    }

    /// Whether the job bears our name in this database.
    fn named(&self, job: &Job, database: &str) -> bool {
        job.name
            .as_deref()
            .and_then(|name| name.strip_prefix(self.name))
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('@') == Some(database))
    }
}

/// Whether the server loads `pg_cron`, and which database it serves.
pub(crate) fn loaded(settings: &Settings) -> Check {
    let new = |verdict, finding: String| Check::new("cron-loaded", "pg_cron on the server", verdict, finding);
    if !settings.may_read {
        return match &settings.cron_database {
            Some(database) => new(Verdict::Good, format!("pg_cron lives in database {database}.")),
            None => new(Verdict::Unknown, "Whether pg_cron is loaded can't be seen by this role.".into())
                .advise("GRANT pg_read_all_settings to this role, or ask as a superuser."),
        };
    }
    let preloaded = settings.preload.as_deref().unwrap_or_default().split(',');
    let preloaded = preloaded.map(|name| name.trim().trim_matches('"')).any(|name| name.ends_with("pg_cron"));
    match (preloaded, &settings.cron_database, &settings.available) {
        (true, database, _) => {
            new(Verdict::Good, format!("pg_cron is loaded and lives in database {}.", database.as_deref().unwrap_or("postgres")))
        }
        (false, _, Some(version)) => {
            new(Verdict::Bad, format!("pg_cron {version} is installed, but the server does not load it, so no job runs."))
                .advise("Add pg_cron to shared_preload_libraries, set cron.database_name, and restart the server.")
        }
        (false, _, None) => new(Verdict::Bad, "pg_cron is not installed on the server, so no job runs.".into())
            .advise("Install its package, add pg_cron to shared_preload_libraries and restart, or let another scheduler call refresh_platform_metrics_with_logging()."),
    }
}

/// Whether the process that starts jobs is there.
pub(crate) fn launcher(settings: &Settings) -> Check {
    let new = |verdict, finding: &str| Check::new("cron-launcher", "pg_cron's worker", verdict, finding);
    if settings.standby {
        new(Verdict::Good, "This server is a standby: pg_cron rests here and works on the primary.")
    } else if settings.launcher {
        new(Verdict::Good, "The process that starts jobs is running.")
    } else if !settings.sees_sessions {
        new(
            Verdict::Unknown,
            "Whether pg_cron's worker runs can't be seen, because this role may not see other sessions.",
        )
        .advise("GRANT pg_read_all_stats to this role, or ask as a superuser.")
    } else {
        new(Verdict::Bad, "The process that starts jobs is not running, so no job starts.").advise(
            "Look for \"pg_cron\" in the server's log (commonly cron.database_name names a database that does not exist, or max_worker_processes is used up), then restart the server.",
        )
    }
}

/// Whether the extension is created where the jobs must be, and new enough.
pub(crate) fn extension(cron: &Cron) -> Check {
    let new = |verdict, finding: String| Check::new("cron-extension", "pg_cron's extension", verdict, finding);
    let database = &cron.database;
    let Some(version) = &cron.extension else {
        return new(
            Verdict::Bad,
            format!("Extension pg_cron is missing in database {database}, so nothing can be scheduled."),
        )
        .advise("A superuser creates it there; then run: refreshtop migrate.")
        .mend(Mend::safe(MendKind::Extension, "create the extension", database, "CREATE EXTENSION pg_cron"));
    };
    let seconds = cron.jobs.iter().any(|job| in_seconds(&job.schedule).is_some());
    match (knows_seconds(version), seconds) {
        (true, _) => new(Verdict::Good, format!("pg_cron {version} takes schedules to the second.")),
        (false, false) => new(Verdict::Good, format!("pg_cron {version} takes whole minutes; seconds need 1.5.")),
        (false, true) => {
            new(Verdict::Bad, format!("pg_cron {version} is too old for a schedule in seconds, which a job has."))
                .advise("Give the job a schedule of whole minutes, or update pg_cron to 1.5.")
        }
    }
}

/// Whether this release knows `30 seconds`.
fn knows_seconds(version: &str) -> bool {
    let mut parts = version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (1, 5)
}

fn in_seconds(schedule: &str) -> Option<u32> {
    let (count, unit) = schedule.trim().split_once(char::is_whitespace)?;
    matches!(unit.trim(), "second" | "seconds").then(|| count.parse().ok()).flatten()
}

/// Whether a schedule says when: five fields, seconds, a name such as `@daily`, or `$` for a month's last day.
fn readable(schedule: &str, now: DateTime<Utc>) -> bool {
    if let Some(seconds) = in_seconds(schedule) {
        return (1..60).contains(&seconds);
    }
    if let Some(name) = schedule.trim().strip_prefix('@') {
        return ["reboot", "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"].contains(&name);
    }
    let schedule = schedule.replace('$', "L");
    let schedule = Schedule { cron_database: String::new(), schedule, active: true, offset: Utc.fix(), last: None };
    schedule.next_run(now).is_some()
}

/// The jobs that do this work here, the right one first.
fn ours<'a>(cron: &'a Cron, wanted: &Wanted, database: &str) -> Vec<&'a Job> {
    let purpose = |job: &Job| wanted.purpose(&job.command);
    let ours = |job: &Job| match purpose(job) {
        Purpose::Calls => true,
        // Nobody but us gives a job that name; what it does is not always ours to judge.
        Purpose::Refreshes | Purpose::CallsAmongOthers => wanted.named(job, database),
        Purpose::Other => wanted.named(job, database) && statement::count(&job.command) <= 1,
    };
    let mut jobs: Vec<&Job> = cron.jobs.iter().filter(|job| job.database == database && ours(job)).collect();
    let rank = |job: &Job| match purpose(job) {
        Purpose::Calls => 0,
        Purpose::CallsAmongOthers => 1,
        Purpose::Refreshes => 2,
        Purpose::Other => 3,
    };
    jobs.sort_by_key(|job| (!job.active, !wanted.named(job, database), rank(job), job.id));
    jobs
}

fn schedule_mend(cron: &Cron, wanted: &Wanted, database: &str, role: &str, job_role: &str) -> Option<Mend> {
    // For another role only a superuser can; everybody else runs `refreshtop job restore`.
    if !cron.superuser && role != job_role {
        return None;
    }
    // A role has a name only once; scheduling it again would take the job away from another database.
    let taken = cron.jobs.iter().any(|job| job.name.as_deref() == Some(wanted.name) && job.role == job_role);
    let name = if taken { format!("{}@{database}", wanted.name) } else { wanted.name.to_owned() };
    let (name, schedule, command) = (literal(&name), literal(wanted.schedule), literal(wanted.command));
    let user = literal(job_role);
    let call = if cron.superuser && role != job_role {
        format!("cron.schedule_in_database({name}, {schedule}, {command}, {}, username := {user})", literal(database))
    } else if database == cron.database {
        format!("cron.schedule({name}, {schedule}, {command})")
    } else {
        format!("cron.schedule_in_database({name}, {schedule}, {command}, {})", literal(database))
    };
    // Somebody may have taken the name since it was looked for.
    let taken = format!("SELECT FROM cron.job WHERE jobname = {name} AND username = {user}");
    let sql = format!("SELECT {call} WHERE NOT EXISTS ({taken})");
    Some(Mend::safe(
        MendKind::Schedule,
        format!("schedule {} at {}", wanted.name, wanted.schedule),
        &cron.database,
        sql,
    ))
}

#[expect(clippy::too_many_lines, reason = "one look at one job, a paragraph for each way in which it can be wrong")]
/// Whether the job is there and right. `role` is who asks, `job_role` whom the jobs should run as.
pub(crate) fn job(cron: &Cron, settings: &Settings, wanted: &Wanted, role: &str, job_role: &str) -> Check {
    let new = |verdict, finding: String| Check::new(wanted.id, wanted.title, verdict, finding);
    let (name, database) = (wanted.name, &settings.database);
    let jobs = ours(cron, wanted, database);
    let Some(job) = jobs.first() else {
        let elsewhere: Vec<&str> =
            cron.jobs.iter().filter(|job| job.name.as_deref() == Some(name)).map(|job| &*job.database).collect();
        let elsewhere = if elsewhere.is_empty() {
            String::new()
        } else {
            format!("; one of that name runs in {}", elsewhere.join(", "))
        };
        let mut check =
            new(Verdict::Bad, format!("No job {name} for database {database} that role {role} may see{elsewhere}."))
                .advise("Run: refreshtop job restore.");
        check.mends.extend(schedule_mend(cron, wanted, database, role, job_role));
        return check;
    };
    let mut troubles = Vec::new();
    let mut mends = Vec::new();
    let mut worst = Verdict::Good;
    let mut trouble = |verdict: Verdict, text: String, mend: Option<Mend>| {
        worst = worst.max(verdict);
        troubles.push(text);
        mends.extend(mend);
    };
    if !job.active {
        trouble(Verdict::Bad, "is paused".into(), Some(Mend::activity(job.id, &cron.database, true)));
    }
    match wanted.purpose(&job.command) {
        // Among others it does the work too, and what else it does is nobody's to take away.
        Purpose::Calls | Purpose::CallsAmongOthers => {}
        Purpose::Refreshes => {
            let mend = Mend::command(job.id, &cron.database, wanted.command);
            trouble(Verdict::Bad, "refreshes the view by itself, so its attempts are not logged".into(), Some(mend));
        }
        Purpose::Other => {
            let mend = Mend::replace_command(job.id, &cron.database, wanted.command);
            trouble(Verdict::Bad, "runs another command, so nothing is logged".into(), Some(mend));
        }
    }
    if !readable(&job.schedule, cron.now) {
        let mend = Mend::interval(job.id, &cron.database, wanted.schedule);
        trouble(Verdict::Warning, format!("has a schedule that can't be read ({})", job.schedule), Some(mend));
    } else if in_seconds(&job.schedule).is_some() && !cron.extension.as_deref().is_some_and(knows_seconds) {
        let mend = Mend::interval(job.id, &cron.database, wanted.schedule);
        trouble(Verdict::Bad, format!("has a schedule in seconds ({})", job.schedule), Some(mend));
    }
    match cron.roles.iter().find(|known| known.name == job.role) {
        None => {
            // It ends pg_cron's worker, and with it the jobs of every database.
            let text =
                format!("runs as role {}, which does not exist, and keeps pg_cron's worker from working", job.role);
            let calls = wanted.purpose(&job.command) == Purpose::Calls;
            let mend = (cron.superuser && calls).then(|| {
                let sql = format!("SELECT cron.alter_job({}, username := {})", job.id, literal(job_role));
                Mend::safe(MendKind::AlterJob, format!("let job {} run as {job_role}", job.id), &cron.database, sql)
            });
            trouble(Verdict::Bad, text, mend);
        }
        Some(known) if !known.may_refresh => {
            trouble(Verdict::Warning, format!("runs as role {}, which is no super administrator", job.role), None);
        }
        Some(known) if known.superuser => {
            let text = format!(
                "runs as role {}, a superuser, and calls a function that the owner of schema public can replace",
                job.role
            );
            let mend = (cron.superuser && wanted.purpose(&job.command) == Purpose::Calls).then(|| {
                let sql = format!("SELECT cron.alter_job({}, username := {})", job.id, literal(job_role));
                Mend::safe(MendKind::AlterJob, format!("let job {} run as {job_role}", job.id), &cron.database, sql)
            });
            trouble(Verdict::Warning, text, mend.filter(|_| job_role != job.role));
        }
        Some(known) if !known.can_log_in && settings.background_workers.as_deref() == Some("off") => {
            trouble(Verdict::Bad, format!("runs as role {}, which may not log in", job.role), None);
        }
        Some(_) => {}
    }
    for other in jobs.iter().skip(1).filter(|other| other.active && job.active) {
        let mend = Mend::unschedule(other.id, &cron.database);
        trouble(Verdict::Warning, format!("has a double, job {}", other.id), Some(mend));
    }
    let count = statement::count(&job.command);
    let finding = if troubles.is_empty() && count > 1 {
        format!(
            "Job {} runs at {} as {} in database {database}, as one of {count} statements; it is left as it is.",
            job.id, job.schedule, job.role
        )
    } else if troubles.is_empty() {
        format!("Job {} runs at {} as {} in database {database}.", job.id, job.schedule, job.role)
    } else {
        format!("Job {} {}.", job.id, troubles.join(", and it "))
    };
    let mut check = new(worst, finding).detail(listed(&jobs));
    if worst > Verdict::Good {
        let advice = if mends.is_empty() {
            "Let a super administrator's role schedule the job again: unschedule it, then run: refreshtop migrate."
        } else {
            "Apply what mends it; the job itself, its interval and its history stay."
        };
        check = check.advise(advice);
    }
    check.mends = mends;
    check.job = Some(JobRef { id: job.id, database: cron.database.clone(), schedule: job.schedule.clone() });
    check
}

fn listed(jobs: &[&Job]) -> Detail {
    let row = |job: &&Job| {
        let state = if job.active { "active" } else { "paused" };
        let name = job.name.clone().unwrap_or_default();
        vec![
            job.id.to_string(),
            name,
            job.schedule.clone(),
            state.into(),
            job.role.clone(),
            job.database.clone(),
            job.command.clone(),
        ]
    };
    Detail::Table(Table {
        columns: vec!["job", "name", "schedule", "state", "role", "database", "command"],
        rows: jobs.iter().map(row).collect(),
    })
}

/// Who else refreshes the view: other jobs, and functions that everybody may call. What they do is not logged, and stands in
/// the way of what is.
pub(crate) fn others(cron: Option<&Cron>, functions: &[Function], settings: &Settings, wanted: &Wanted) -> Check {
    const TITLE: &str = "Others that refresh this view";
    let (database, view) = (&settings.database, wanted.view);
    let refreshers = refreshers(functions, view);
    let mut lines = Vec::new();
    let mut mends = Vec::new();
    let mut advice = Vec::new();
    if let Some(cron) = cron {
        let chosen = ours(cron, wanted, database).first().map(|job| job.id);
        let named = ours(cron, wanted, database);
        for job in cron.jobs.iter().filter(|job| job.database == *database && Some(job.id) != chosen) {
            // Doubles of ours are named under the job.
            if named.iter().any(|ours| ours.id == job.id) {
                continue;
            }
            let Some(how) = how(job, wanted, &refreshers) else { continue };
            let name = job.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            let state = if job.active { "" } else { ", paused" };
            let count = statement::count(&job.command);
            lines.push(format!(
                "job {}{name}, {}, role {}{state}: {how}: {}",
                job.id, job.schedule, job.role, job.command
            ));
            if count > 1 {
                advice.push(format!("Take the refresh out of job {} by hand; its other statements stay.", job.id));
            } else if job.active {
                mends.push(Mend::pause(job.id, &cron.database));
                mends.push(Mend::unschedule(job.id, &cron.database));
            }
        }
    }
    for function in refreshers.iter().filter(|function| function.public) {
        let rights = if function.definer { "with its owner's rights" } else { "with the caller's rights" };
        lines.push(format!("function {}: everybody may call it, and it refreshes {rights}", function.identity));
        mends.push(Mend::revoke(&function.identity, database));
    }
    if lines.is_empty() {
        let finding = if cron.is_some() {
            format!("No other job, and no function that everybody may call, refreshes {view}, as far as can be seen.")
        } else {
            format!("No function that everybody may call refreshes {view}; other jobs can't be seen.")
        };
        return Check::new("other-refreshers", TITLE, Verdict::Good, finding);
    }
    let count = lines.len();
    let finding = if count == 1 {
        format!("Something else refreshes {view} too, without a trace in the log.")
    } else {
        format!("{count} others refresh {view} too, without a trace in the log.")
    };
    if !mends.is_empty() {
        advice.insert(0, "Pause or unschedule what nobody needs; each is done only where it is named.".into());
    }
    let mut check = Check::new("other-refreshers", TITLE, Verdict::Warning, finding);
    check = check.detail(Detail::Lines(lines)).advise(advice.join(" "));
    check.mends = mends;
    check
}

/// Functions that refresh the view, or whichever view they are told to.
fn refreshers<'a>(functions: &'a [Function], view: &str) -> Vec<&'a Function> {
    let any = |source: &str| source.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    let refreshes = |function: &&Function| {
        let source = any(&function.source);
        !function.ours
            && function.readable
            && source.contains("refresh materialized view")
            && (statement::refreshes(&function.source, view) || source.contains(view) || source.contains("execute"))
    };
    functions.iter().filter(refreshes).collect()
}

/// How a job refreshes the view; `None` where it does not.
fn how(job: &Job, wanted: &Wanted, refreshers: &[&Function]) -> Option<String> {
    if statement::refreshes(&job.command, wanted.view) {
        return Some("refreshes it by itself".into());
    }
    if statement::calls_function(&job.command, wanted.function) {
        return Some(format!("calls {}", wanted.function));
    }
    let called = refreshers.iter().find(|function| {
        statement::calls_function(&job.command, &function.name)
            && (statement::names(&job.command, wanted.view) || function.source.contains(wanted.view))
    });
    called.map(|function| format!("calls {}", function.identity))
}

/// What became of its last executions.
pub(crate) fn runs(cron: &Cron, settings: &Settings, wanted: &Wanted, limits: &Limits) -> Check {
    let new = |verdict, finding: String| Check::new(wanted.runs_id, wanted.runs_title, verdict, finding);
    let jobs = ours(cron, wanted, &settings.database);
    let Some(job) = jobs.first() else {
        return new(Verdict::Unknown, "There is no job whose executions could be looked at.".into())
            .advise("Schedule the job first.");
    };
    let Some(last) = job.runs.first() else {
        return if settings.log_run.as_deref() == Some("off") {
            new(Verdict::Unknown, "pg_cron keeps no history, because cron.log_run is off.".into())
                .advise("Turn cron.log_run on and restart the server.")
        } else if cron.hidden {
            let finding = format!(
                "No execution of job {} is among the newest 20,000 of all jobs; older ones were not looked at.",
                job.id
            );
            new(Verdict::Unknown, finding)
                .advise("Ask for it by name (refreshtop job runs), and delete old rows of cron.job_run_details.")
        } else if job.active {
            new(Verdict::Unknown, format!("Job {} has not run yet, as far as pg_cron's history goes.", job.id))
                .advise("Wait for its next turn; if nothing comes, look at pg_cron's worker.")
        } else {
            new(Verdict::Unknown, format!("Job {} has not run yet, and it is paused.", job.id))
                .advise("Activate the job.")
        };
    };
    let message = last.message.as_deref().unwrap_or_default().trim();
    let (verdict, finding, advice) = match last.status.as_str() {
        "succeeded" => (Verdict::Good, format!("The last execution of job {} succeeded.", job.id), String::new()),
        "failed" => (
            Verdict::Bad,
            format!(
                "The last execution of job {} failed: {}",
                job.id,
                if message.is_empty() { "without a message" } else { message }
            ),
            why_failed(message),
        ),
        _ => unfinished(cron, job, last, limits),
    };
    new(verdict, finding).advise(advice).detail(history(&job.runs))
}

fn unfinished(cron: &Cron, job: &Job, last: &Run, limits: &Limits) -> (Verdict, String, String) {
    if last.start.is_none() && !last.pid.is_some_and(|pid| cron.alive.contains(&pid)) {
        let finding = format!(
            "The last execution of job {} stands at {}, without a time: it is about to begin, or pg_cron has lost it.",
            job.id, last.status
        );
        let advice = "Diagnose again in a minute. Where it stays so, pg_cron could not start it: look for \"pg_cron\" in the \
                      server's log.";
        return (Verdict::Unknown, finding, advice.into());
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an execution are far from 2^52")]
    let age = last.start.map_or(0.0, |start| (cron.now - start).num_milliseconds() as f64 / 1000.0);
    let alive = last.pid.is_some_and(|pid| cron.alive.contains(&pid));
    if alive && age > limits.running_s {
        let advice = "See under blocking what it waits for; end that, or cancel the execution by its process.";
        let pid = last.pid.unwrap_or_default();
        (Verdict::Bad, format!("Job {} has been running for {} (pid {pid}).", job.id, span(age)), advice.into())
    } else if alive || age <= limits.running_s {
        (Verdict::Good, format!("Job {} is running, for {}.", job.id, span(age)), String::new())
    } else {
        let finding =
            format!("Job {} counts as {} since {}, but no process does that any more.", job.id, last.status, span(age));
        (Verdict::Warning, finding, "The server was probably restarted meanwhile; the next execution will tell.".into())
    }
}

/// What mends a failure, by the words that `pg_cron` itself has for it.
fn why_failed(message: &str) -> String {
    let lower = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["connection failed", "could not connect", "no password supplied", "authentication failed", "pg_hba"]) {
        "pg_cron can't log in as the job's role: set cron.use_background_workers = on and restart, or let that role in from localhost (pg_hba.conf, ~/.pgpass of the server's account)."
    } else if has(&["could not start background process", "max_worker_processes"]) {
        "No worker was free: raise max_worker_processes and restart the server."
    } else if has(&["permission denied", "only super administrators", "may not "]) {
        "The job's role may not refresh: GRANT refreshtop_admin TO that role, or schedule the job as the owner."
    } else if has(&["does not exist"]) {
        "What the job calls is missing: run refreshtop migrate."
    } else if has(&["server restarted", "terminating connection", "shut"]) {
        "The server went down, or the session was ended, while it ran; the next execution will tell."
    } else {
        "Read the message; if it speaks of a refresh, the log of the refreshes has the evidence."
    }
    .into()
}

fn history(runs: &[Run]) -> Detail {
    let row = |run: &Run| {
        let took = match (run.start, run.end) {
            (Some(start), Some(end)) => format!("{} ms", (end - start).num_milliseconds()),
            _ => String::new(),
        };
        let start = run.start.map(|start| start.format("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default();
        vec![start, took, run.status.clone(), run.message.clone().unwrap_or_default()]
    };
    Detail::Table(Table { columns: vec!["started", "took", "status", "message"], rows: runs.iter().map(row).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted {
        id: "refresh-job",
        runs_id: "refresh-job-runs",
        title: "",
        runs_title: "",
        name: "refresh-platform-metrics",
        schedule: "*/5 * * * *",
        command: "SELECT public.f();",
        function: "f",
        view: "v",
    };

    fn settings() -> Settings {
        let mut settings =
            Settings { database: "app".into(), may_read: true, sees_sessions: true, ..Settings::default() };
        settings.preload = Some("auto_explain, pg_cron".into());
        settings.launcher = true;
        settings
    }

    fn run(status: &str, message: &str) -> Run {
        let start = Some("2026-01-01T00:00:00Z".parse().unwrap());
        Run { status: status.into(), message: Some(message.into()), start, end: None, pid: Some(7) }
    }

    fn cron(runs: Vec<Run>) -> Cron {
        let (name, schedule, command) = (Some(WANTED.name.into()), WANTED.schedule.into(), WANTED.command.into());
        let job = Job { id: 1, name, schedule, command, database: "app".into(), role: "r".into(), active: true, runs };
        let roles = vec![Role { name: "r".into(), can_log_in: true, may_refresh: true, superuser: false }];
        let now = "2026-01-01T00:20:00Z".parse().unwrap();
        Cron {
            database: "postgres".into(),
            superuser: true,
            hidden: false,
            extension: Some("1.4".into()),
            jobs: vec![job],
            roles,
            now,
            alive: Vec::new(),
        }
    }

    fn verdict(change: impl FnOnce(&mut Cron)) -> (Verdict, Vec<String>) {
        let mut cron = cron(Vec::new());
        change(&mut cron);
        let check = job(&cron, &settings(), &WANTED, "postgres", "r");
        (check.verdict, check.mends.into_iter().map(|mend| mend.sql).collect())
    }

    #[test]
    fn every_way_in_which_a_job_can_be_wrong_is_told() {
        assert_eq!(verdict(|_| {}), (Verdict::Good, vec![]));
        assert_eq!(
            verdict(|c| c.jobs[0].active = false),
            (Verdict::Bad, vec!["SELECT cron.alter_job(1, active := true)".into()])
        );
        assert_eq!(
            verdict(|c| c.jobs[0].command = "REFRESH MATERIALIZED VIEW v".into()).1,
            ["SELECT cron.alter_job(1, command := 'SELECT public.f();')"]
        );
        assert_eq!(
            verdict(|c| c.jobs[0].command = "SET x TO 1; SELECT f(); SELECT g()".into()),
            (Verdict::Good, vec![])
        );
        let several = verdict(|c| c.jobs[0].command = "SELECT 1; SELECT 2".into());
        assert_eq!((several.0, several.1.len()), (Verdict::Bad, 1), "it is not ours, and ours is missing");
        assert!(several.1[0].contains("schedule_in_database"), "{several:?}");
        let great = |c: &mut Cron| {
            (c.jobs[0].role, c.roles[0].name, c.roles[0].superuser) = ("su".into(), "su".into(), true);
        };
        assert_eq!(verdict(great).1, ["SELECT cron.alter_job(1, username := 'r')"]);
        assert_eq!(verdict(|c| c.jobs[0].schedule = "30 seconds".into()).0, Verdict::Bad);
        assert_eq!(verdict(|c| c.jobs[0].schedule = "whenever".into()).0, Verdict::Warning);
        assert_eq!(verdict(|c| c.roles.clear()).0, Verdict::Bad);
        assert_eq!(verdict(|c| c.roles[0].may_refresh = false).0, Verdict::Warning);
        let double = |c: &mut Cron| c.jobs.push(Job { id: 2, name: None, ..c.jobs[0].clone() });
        assert_eq!(verdict(double), (Verdict::Warning, vec!["SELECT cron.unschedule(2::bigint)".into()]));
        assert_eq!(
            verdict(|c| c.jobs[0].database = "other".into()),
            (Verdict::Bad, vec!["SELECT cron.schedule_in_database('refresh-platform-metrics@app', '*/5 * * * *', 'SELECT public.f();', 'app', username := 'r') WHERE NOT EXISTS (SELECT FROM cron.job WHERE jobname = 'refresh-platform-metrics@app' AND username = 'r')".into()])
        );
    }

    #[test]
    fn others_are_named_and_what_does_more_is_not_touched() {
        let function = |name: &str, source: &str, public| Function {
            identity: format!("public.{name}(text)"),
            name: name.into(),
            source: source.into(),
            public,
            readable: true,
            ..Function::default()
        };
        let helper = function("safe_refresh", "EXECUTE format('REFRESH MATERIALIZED VIEW %I', x)", false);
        let open = function("refresh_v", "BEGIN REFRESH MATERIALIZED VIEW v; END", true);
        let mut cron = cron(Vec::new());
        let others_of = |cron: &Cron, functions: &[Function]| others(Some(cron), functions, &settings(), &WANTED);
        assert_eq!(others_of(&cron, std::slice::from_ref(&helper)).verdict, Verdict::Good);
        for (id, command) in [
            (2, "REFRESH MATERIALIZED VIEW v"),
            (3, "SELECT safe_refresh('v')"),
            (4, "SELECT f(); SELECT g()"),
            (5, "SELECT g()"),
        ] {
            cron.jobs.push(Job { id, name: None, command: command.into(), ..cron.jobs[0].clone() });
        }
        let found = others_of(&cron, &[helper, open]);
        assert_eq!(found.verdict, Verdict::Warning);
        let Detail::Lines(lines) = &found.detail else { panic!("{found:#?}") };
        assert_eq!(lines.len(), 4, "{lines:#?}");
        let sql: Vec<&str> = found.mends.iter().map(|mend| &*mend.sql).collect();
        assert_eq!(
            sql,
            [
                "SELECT cron.alter_job(2, active := false)",
                "SELECT cron.unschedule(2::bigint)",
                "SELECT cron.alter_job(3, active := false)",
                "SELECT cron.unschedule(3::bigint)",
                "REVOKE EXECUTE ON FUNCTION public.refresh_v(text) FROM PUBLIC",
            ]
        );
        assert!(found.mends.iter().all(|mend| mend.danger == crate::model::diagnosis::Danger::AsksTwice));
        assert!(found.advice.contains("job 4 by hand"), "{}", found.advice);
    }

    #[test]
    fn executions_tell_what_went_wrong() {
        let check = |run| runs(&cron(vec![run]), &settings(), &WANTED, &Limits::default());
        assert_eq!(check(run("succeeded", "1 row")).verdict, Verdict::Good);
        let refused = check(run("failed", "connection failed"));
        assert_eq!((refused.verdict, refused.advice.contains("use_background_workers")), (Verdict::Bad, true));
        assert_eq!(check(run("running", "")).verdict, Verdict::Warning, "no process does it any more");
        let lost = Run { start: None, pid: None, ..run("starting", "") };
        assert_eq!(check(lost).verdict, Verdict::Unknown);
        let mut hanging = cron(vec![run("running", "")]);
        hanging.alive.push(7);
        assert_eq!(runs(&hanging, &settings(), &WANTED, &Limits::default()).verdict, Verdict::Bad);
    }

    #[test]
    fn the_server_must_load_it_and_its_worker_must_run() {
        assert_eq!(loaded(&settings()).verdict, Verdict::Good);
        assert_eq!(loaded(&Settings { preload: Some(String::new()), ..settings() }).verdict, Verdict::Bad);
        assert_eq!(loaded(&Settings { may_read: false, ..settings() }).verdict, Verdict::Unknown);
        assert_eq!(launcher(&settings()).verdict, Verdict::Good);
        assert_eq!(launcher(&Settings { launcher: false, ..settings() }).verdict, Verdict::Bad);
        assert_eq!(
            launcher(&Settings { launcher: false, sees_sessions: false, ..settings() }).verdict,
            Verdict::Unknown
        );
    }

    #[test]
    fn releases_and_schedules_are_read() {
        assert_eq!(
            ["1.4", "1.4-1", "1.5", "1.6", "2.0", "x"].map(knows_seconds),
            [false, false, true, true, true, false]
        );
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let known = |schedule: &str| readable(schedule, now);
        assert_eq!(["*/5 * * * *", "30 seconds", "@daily", "0 0 $ * *"].map(known), [true; 4]);
        assert_eq!(["60 seconds", "whenever", "@often", "* *"].map(known), [false; 4]);
    }
}
