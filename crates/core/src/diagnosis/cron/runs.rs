//! The results of a job's executions.

use super::facts::{Cron, ExpectedJob, Job, Run, Settings, ours};
use crate::diagnosis::{
    Check, Detail, Limits, Table, Verdict,
    attempts::{Attempt, of_execution},
    span,
};

/// The results of its last executions, beside the attempts that they made: `pg_cron` calls it a success if the command
/// returned.
pub fn runs(cron: &Cron, settings: &Settings, expected: &ExpectedJob, limits: &Limits, attempts: &[Attempt]) -> Check {
    let new = |verdict, finding: String| Check::new(expected.runs_id, expected.runs_title, verdict, finding);
    let jobs = ours(cron, expected, &settings.database);
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
        "succeeded" => succeeded(job, last, attempts),
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
    new(verdict, finding).advise(advice).detail(history(&job.runs, attempts))
}

/// The command returned; whether it refreshed is in the log.
fn succeeded(job: &Job, last: &Run, attempts: &[Attempt]) -> (Verdict, String, String) {
    let at = last.start.map(|start| start.format(" at %H:%M:%S UTC").to_string()).unwrap_or_default();
    let attempt = last.start.and_then(|start| of_execution((start, last.end), last.pid, attempts));
    match attempt {
        Some(attempt) if attempt.failed => {
            let state = attempt.sqlstate.as_ref().map(|state| format!(" {state}")).unwrap_or_default();
            let finding = format!("Job {} ran{at}; the refresh failed{state}.", job.id);
            (Verdict::Warning, finding, "See under the last refreshes why.".into())
        }
        Some(_) => (Verdict::Good, format!("Job {} ran{at}, and the refresh succeeded.", job.id), String::new()),
        None => (
            Verdict::Good,
            format!("Job {} ran{at}, and its command returned without an error.", job.id),
            String::new(),
        ),
    }
}

fn unfinished(cron: &Cron, job: &Job, last: &Run, limits: &Limits) -> (Verdict, String, String) {
    if last.start.is_none() && !last.pid.is_some_and(|pid| cron.alive.contains(&pid)) {
        let finding = format!(
            "The last execution of job {} has status {} and no time: it is about to begin, or pg_cron has lost it.",
            job.id, last.status
        );
        let advice = "Diagnose again in a minute. If it stays so, pg_cron could not start it: look for \"pg_cron\" in the \
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
            format!("Job {} counts as {} since {}, but no process runs it any more.", job.id, last.status, span(age));
        (
            Verdict::Warning,
            finding,
            "The server was probably restarted meanwhile; the next execution will show it.".into(),
        )
    }
}

/// What fixes a failure, by the words that `pg_cron` itself has for it.
fn why_failed(message: &str) -> String {
    let lower = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if has(&["connection failed", "could not connect", "no password supplied", "authentication failed", "pg_hba"]) {
        "pg_cron can't log in as the job's role: set cron.use_background_workers = on and restart, or let that role in from localhost (pg_hba.conf; ~/.pgpass of the server's account does for any role but refreshtop_job). If a setting of the role is named under what was installed, run: refreshtop migrate."
    } else if has(&["could not start background process", "max_worker_processes"]) {
        "No worker was free: raise max_worker_processes and restart the server."
    } else if has(&["permission denied", "only super administrators", "may not "]) {
        "The job's role may not refresh: GRANT refreshtop_admin TO that role, or schedule the job as the owner."
    } else if has(&["does not exist"]) {
        "What the job calls is missing: run refreshtop migrate."
    } else if has(&["server restarted", "terminating connection", "shut"]) {
        "The server went down, or the session was ended, while it ran; the next execution will show it."
    } else {
        "Read the message; if it speaks of a refresh, the log of the refreshes has the evidence."
    }
    .into()
}

fn history(runs: &[Run], attempts: &[Attempt]) -> Detail {
    let row = |run: &Run| {
        let took = match (run.start, run.end) {
            (Some(start), Some(end)) => format!("{} ms", (end - start).num_milliseconds()),
            _ => String::new(),
        };
        let started = run.start.map(|start| start.format("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default();
        let attempt = run.start.and_then(|start| of_execution((start, run.end), run.pid, attempts));
        let refresh = attempt.map_or_else(|| "-".into(), Attempt::ended);
        vec![started, took, run.status.clone(), refresh, run.message.clone().unwrap_or_default()]
    };
    Detail::Table(Table {
        columns: vec!["started", "took", "status", "refresh", "message"],
        rows: runs.iter().map(row).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::cron::fixtures::{cron, expected, run, settings};
    use chrono::DateTime;

    #[test]
    fn executions_show_what_went_wrong() {
        let check = |run| runs(&cron(vec![run]), &settings(), &expected(), &Limits::default(), &[]);
        assert_eq!(check(run("succeeded", "1 row")).verdict, Verdict::Good);
        let refused = check(run("failed", "connection failed"));
        assert_eq!((refused.verdict, refused.advice.contains("use_background_workers")), (Verdict::Bad, true));
        assert_eq!(check(run("running", "")).verdict, Verdict::Warning, "no process does it any more");
        let lost = Run { start: None, pid: None, ..run("starting", "") };
        assert_eq!(check(lost).verdict, Verdict::Unknown);
        let mut hanging = cron(vec![run("running", "")]);
        hanging.alive.push(7);
        assert_eq!(runs(&hanging, &settings(), &expected(), &Limits::default(), &[]).verdict, Verdict::Bad);
    }

    #[test]
    fn a_command_that_returned_is_no_refresh_that_succeeded() {
        let attempt = |second: i64, failed: bool, pid: i32| Attempt {
            started_at: DateTime::from_timestamp(1_767_225_600 + second, 0).unwrap(),
            failed,
            sqlstate: failed.then(|| "55P03".into()),
            pid: Some(pid),
            ..Attempt::default()
        };
        let check = |attempts: &[Attempt]| {
            let ended = Run { end: Some("2026-01-01T00:00:05Z".parse().unwrap()), ..run("succeeded", "1 row") };
            runs(&cron(vec![ended]), &settings(), &expected(), &Limits::default(), attempts)
        };
        let failed = check(&[attempt(2, false, 8), attempt(1, true, 7)]);
        assert_eq!(failed.finding, "Job 1 ran at 00:00:00 UTC; the refresh failed 55P03.");
        let Detail::Table(history) = &failed.detail else { panic!() };
        assert_eq!((failed.verdict, &*history.rows[0][3]), (Verdict::Warning, "failed 55P03"));
        assert_eq!(check(&[attempt(1, false, 9)]).finding, "Job 1 ran at 00:00:00 UTC, and the refresh succeeded.");
        let other = check(&[attempt(60, true, 7), attempt(-60, true, 7)]);
        assert_eq!(other.finding, "Job 1 ran at 00:00:00 UTC, and its command returned without an error.");
    }
}
