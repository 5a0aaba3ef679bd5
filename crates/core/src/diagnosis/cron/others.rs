//! Who else refreshes the view.

use super::facts::{Cron, ExpectedJob, Function, Job, Settings, Work, alter, ours, unschedule};
use crate::{
    diagnosis::{Check, Detail, Fix, FixAction, Verdict, fix::JobChange},
    statement::{self, Purpose},
};

/// Who else refreshes the view: other jobs, and functions that everybody may call. Their refreshes are not logged, and
/// block those that are.
pub fn others(cron: Option<&Cron>, functions: &[Function], settings: &Settings, expected: &ExpectedJob) -> Check {
    let new = |verdict, finding| Check::new("other-refreshers", "Others that refresh this view", verdict, finding);
    let view = expected.work.view();
    let refreshers = refreshers(functions, view);
    let mut others = Others::default();
    if let Some(cron) = cron {
        others.add_jobs(cron, &refreshers, &settings.database, expected);
    }
    others.add_functions(&refreshers, &settings.database);
    let Others { lines, fixes, mut advice } = others;
    if lines.is_empty() {
        let finding = if cron.is_some() {
            format!("No other job, and no function that everybody may call, refreshes {view}, as far as can be seen.")
        } else {
            format!("No function that everybody may call refreshes {view}; other jobs can't be seen.")
        };
        return new(Verdict::Good, finding);
    }
    let finding = match lines.len() {
        1 => format!("Something else refreshes {view} too, without a trace in the log."),
        count => format!("{count} others refresh {view} too, without a trace in the log."),
    };
    if !fixes.is_empty() {
        advice.insert(0, "Pause or unschedule what nobody needs; each fix is executed only if you name it.".into());
    }
    let mut check = new(Verdict::Warning, finding).detail(Detail::Lines(lines)).advise(advice.join(" "));
    check.fixes = fixes;
    check
}

#[derive(Default)]
struct Others {
    lines: Vec<String>,
    fixes: Vec<Fix>,
    advice: Vec<String>,
}

impl Others {
    fn add_jobs(&mut self, cron: &Cron, refreshers: &[&Function], database: &str, expected: &ExpectedJob) {
        // Ours, and doubles of it, are named under the job.
        let ours = ours(cron, expected, database);
        let is_ours = |job: &Job| ours.iter().any(|one| one.id == job.id);
        for job in cron.jobs.iter().filter(|job| job.database == database && !is_ours(job)) {
            let Some(how) = how_here(&job.command, expected, refreshers) else { continue };
            let name = job.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            let state = if job.active { "" } else { ", paused" };
            self.lines.push(format!(
                "job {}{name}, {}, role {}{state}: {how}: {}",
                job.id, job.schedule, job.role, job.command
            ));
            if statement::count(&job.command) > 1 {
                let advice = format!("Take the refresh out of job {} by hand; its other statements stay.", job.id);
                self.advice.push(advice);
            } else if job.active {
                self.fixes.push(alter(cron, job, JobChange::Pause));
                self.fixes.push(unschedule(cron, job));
            }
        }
    }

    fn add_functions(&mut self, refreshers: &[&Function], database: &str) {
        for function in refreshers.iter().filter(|function| function.public) {
            let rights = if function.definer { "with its owner's rights" } else { "with the caller's rights" };
            self.lines
                .push(format!("function {}: everybody may call it, and it refreshes {rights}", function.identity));
            let revoke = FixAction::RevokeExecute { function: function.identity.clone() };
            self.fixes.push(Fix::new(revoke, database));
        }
    }
}

/// How a job with this command refreshes the expected job's view.
fn how_here(command: &str, expected: &ExpectedJob, refreshers: &[&Function]) -> Option<String> {
    let (function, view) = (expected.work.function(), expected.work.view());
    if matches!(expected.work, Work::Function { .. }) {
        return how(command, function, view, refreshers);
    }
    match expected.purpose(command) {
        Purpose::Refreshes => Some("refreshes it by itself".into()),
        Purpose::Calls | Purpose::CallsAmongOthers => Some("refreshes it, too".into()),
        Purpose::Other => called(command, view, refreshers),
    }
}

/// Functions that refresh the view, or any view that is passed to them.
pub fn refreshers<'a>(functions: &'a [Function], view: &str) -> Vec<&'a Function> {
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

/// How a job with this command refreshes the view, beside the `function` that logs; `None` if it does not.
pub fn how(command: &str, function: &str, view: &str, refreshers: &[&Function]) -> Option<String> {
    if statement::refreshes(command, view) {
        return Some("refreshes it by itself".into());
    }
    if statement::calls_function(command, function) {
        return Some(format!("calls {function}"));
    }
    called(command, view, refreshers)
}

fn called(command: &str, view: &str, refreshers: &[&Function]) -> Option<String> {
    let called = refreshers.iter().find(|called| {
        statement::calls_function(command, &called.name)
            && (statement::names(command, view) || called.source.contains(view))
    });
    called.map(|called| format!("calls {}", called.identity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{
        Risk,
        cron::fixtures::{cron, expected, settings},
    };

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
        let others_of = |cron: &Cron, functions: &[Function]| others(Some(cron), functions, &settings(), &expected());
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
        let sql: Vec<String> = found.fixes.iter().map(Fix::sql).collect();
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
        assert!(found.fixes.iter().all(|fix| fix.risk() == Risk::Disruptive));
        assert!(found.advice.contains("job 4 by hand"), "{}", found.advice);
    }
}
