//! `pg_cron` and its jobs.

use super::{Check, Detail, JobRef, Limits, Mend, MendKind, Table, Verdict, literal, span};
use crate::model::job::Job as Schedule;
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
    /// Release of the extension; `None` where it was not created.
    pub extension: Option<String>,
    /// Every job that has to do with us, in any database.
    #[serde(default)]
    pub jobs: Vec<Job>,
    /// What is known about the roles of these jobs.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// The server's clock.
    pub now: DateTime<Utc>,
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
    /// Whether two commands do the same.
    pub same: fn(&str, &str) -> bool,
}

impl Wanted {
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
    let does = |job: &Job| (wanted.same)(&job.command, wanted.command);
    let mut jobs: Vec<&Job> =
        cron.jobs.iter().filter(|job| job.database == database && (wanted.named(job, database) || does(job))).collect();
    jobs.sort_by_key(|job| (!job.active, !wanted.named(job, database), !does(job), job.id));
    jobs
}

fn schedule_mend(cron: &Cron, wanted: &Wanted, database: &str, role: &str) -> Mend {
    // A role has a name only once; scheduling it again would take the job away from another database.
    let taken = cron.jobs.iter().any(|job| job.name.as_deref() == Some(wanted.name) && job.role == role);
    let name = if taken { format!("{}@{database}", wanted.name) } else { wanted.name.to_owned() };
    let (name, schedule, command) = (literal(&name), literal(wanted.schedule), literal(wanted.command));
    let call = if database == cron.database {
        format!("cron.schedule({name}, {schedule}, {command})")
    } else {
        format!("cron.schedule_in_database({name}, {schedule}, {command}, {})", literal(database))
    };
    // Somebody may have taken the name since it was looked for.
    let taken = format!("SELECT FROM cron.job WHERE jobname = {name} AND username = current_user");
    let sql = format!("SELECT {call} WHERE NOT EXISTS ({taken})");
    Mend::safe(MendKind::Schedule, format!("schedule {} at {}", wanted.name, wanted.schedule), &cron.database, sql)
}

/// Whether the job is there and right. `database` is the application's, `role` who asks.
pub(crate) fn job(cron: &Cron, settings: &Settings, wanted: &Wanted, role: &str) -> Check {
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
        return new(
            Verdict::Bad,
            format!("No job {name} for database {database} that role {role} may see{elsewhere}."),
        )
        .advise("Schedule it, or run: refreshtop migrate.")
        .mend(schedule_mend(cron, wanted, database, role));
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
    if !(wanted.same)(&job.command, wanted.command) {
        let mend = Mend::command(job.id, &cron.database, wanted.command);
        trouble(Verdict::Bad, "runs another command, so its attempts are not logged".into(), Some(mend));
    }
    if !readable(&job.schedule, cron.now) {
        let mend = Mend::interval(job.id, &cron.database, wanted.schedule);
        trouble(Verdict::Warning, format!("has a schedule that can't be read ({})", job.schedule), Some(mend));
    } else if in_seconds(&job.schedule).is_some() && !cron.extension.as_deref().is_some_and(knows_seconds) {
        let mend = Mend::interval(job.id, &cron.database, wanted.schedule);
        trouble(Verdict::Bad, format!("has a schedule in seconds ({})", job.schedule), Some(mend));
    }
    match cron.roles.iter().find(|known| known.name == job.role) {
        None => trouble(Verdict::Bad, format!("runs as role {}, which does not exist", job.role), None),
        Some(known) if !known.may_refresh => {
            trouble(Verdict::Warning, format!("runs as role {}, which is no super administrator", job.role), None);
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
    let finding = if troubles.is_empty() {
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
        command: "SELECT 1",
        same: |a, b| a == b,
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
        let roles = vec![Role { name: "r".into(), can_log_in: true, may_refresh: true }];
        let now = "2026-01-01T00:20:00Z".parse().unwrap();
        Cron {
            database: "postgres".into(),
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
        let check = job(&cron, &settings(), &WANTED, "r");
        (check.verdict, check.mends.into_iter().map(|mend| mend.sql).collect())
    }

    #[test]
    fn every_way_in_which_a_job_can_be_wrong_is_told() {
        assert_eq!(verdict(|_| {}), (Verdict::Good, vec![]));
        assert_eq!(
            verdict(|c| c.jobs[0].active = false),
            (Verdict::Bad, vec!["SELECT cron.alter_job(1, active := true)".into()])
        );
        assert_eq!(verdict(|c| c.jobs[0].command = "x".into()).1, ["SELECT cron.alter_job(1, command := 'SELECT 1')"]);
        assert_eq!(verdict(|c| c.jobs[0].schedule = "30 seconds".into()).0, Verdict::Bad);
        assert_eq!(verdict(|c| c.jobs[0].schedule = "whenever".into()).0, Verdict::Warning);
        assert_eq!(verdict(|c| c.roles.clear()).0, Verdict::Bad);
        assert_eq!(verdict(|c| c.roles[0].may_refresh = false).0, Verdict::Warning);
        let double = |c: &mut Cron| c.jobs.push(Job { id: 2, name: None, ..c.jobs[0].clone() });
        assert_eq!(verdict(double), (Verdict::Warning, vec!["SELECT cron.unschedule(2::bigint)".into()]));
        assert_eq!(
            verdict(|c| c.jobs[0].database = "other".into()),
            (Verdict::Bad, vec!["SELECT cron.schedule_in_database('refresh-platform-metrics@app', '*/5 * * * *', 'SELECT 1', 'app') WHERE NOT EXISTS (SELECT FROM cron.job WHERE jobname = 'refresh-platform-metrics@app' AND username = current_user)".into()])
        );
    }

    #[test]
    fn executions_tell_what_went_wrong() {
        let check = |run| runs(&cron(vec![run]), &settings(), &WANTED, &Limits::default());
        assert_eq!(check(run("succeeded", "1 row")).verdict, Verdict::Good);
        let refused = check(run("failed", "connection failed"));
        assert_eq!((refused.verdict, refused.advice.contains("use_background_workers")), (Verdict::Bad, true));
        assert_eq!(check(run("running", "")).verdict, Verdict::Warning, "no process does it any more");
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
