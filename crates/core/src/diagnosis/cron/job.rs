//! Whether a job is there and right.

use super::{
    facts::{Cron, ExpectedJob, Job, Role, Settings, Work, alter, ours, unschedule},
    times::{in_seconds, knows_seconds, readable},
};
use crate::{
    diagnosis::{
        Check, Detail, Fix, FixAction, JobRef, Table, Verdict,
        fix::{JobChange, NewJob},
    },
    statement::{self, Purpose},
};

/// Whether the job exists and is correct. `role` is this session's, `job_role` the one that the jobs should run as.
pub fn job(cron: &Cron, settings: &Settings, expected: &ExpectedJob, role: &str, job_role: &str) -> Check {
    let database = &settings.database;
    let jobs = ours(cron, expected, database);
    let Some(job) = jobs.first() else {
        if expected.schedule.is_none() {
            let finding = "The view has no schedule, and no job refreshes it: it is refreshed by hand.";
            return Check::new(expected.id, expected.title, Verdict::Good, finding);
        }
        return missing(cron, expected, database, role, job_role);
    };
    let mut troubles = Troubles::default();
    if !job.active {
        troubles.add(Verdict::Bad, "is paused".into(), Some(alter(cron, job, JobChange::Activate)));
    }
    troubles.command(cron, expected, job);
    troubles.schedule(cron, expected, job);
    troubles.role(cron, settings, expected, job, job_role);
    for other in jobs.iter().skip(1).filter(|other| other.active && job.active) {
        troubles.add(Verdict::Warning, format!("has a double, job {}", other.id), Some(unschedule(cron, other)));
    }
    let count = statement::count(&job.command);
    let finding = if troubles.texts.is_empty() && count > 1 {
        format!(
            "Job {} runs at {} as {} in database {database}, as one of {count} statements; it is left as it is.",
            job.id, job.schedule, job.role
        )
    } else if troubles.texts.is_empty() {
        format!("Job {} runs at {} as {} in database {database}.", job.id, job.schedule, job.role)
    } else {
        format!("Job {} {}.", job.id, troubles.texts.join(", and it "))
    };
    let mut check = Check::new(expected.id, expected.title, troubles.worst, finding).detail(listed(&jobs));
    if troubles.worst > Verdict::Good {
        let advice = if troubles.fixes.is_empty() {
            "Let a super administrator's role schedule the job again: unschedule it, then run: refreshtop migrate."
        } else {
            "Apply what fixes it; the job itself, its interval and its history stay."
        };
        check = check.advise(advice);
    }
    check.fixes = troubles.fixes;
    check.job = Some(JobRef { id: job.id, database: cron.database.clone(), schedule: job.schedule.clone() });
    check
}

fn missing(cron: &Cron, expected: &ExpectedJob, database: &str, role: &str, job_role: &str) -> Check {
    let name = &expected.name;
    let elsewhere: Vec<&str> =
        cron.jobs.iter().filter(|job| job.name.as_ref() == Some(name)).map(|job| &*job.database).collect();
    let elsewhere = if elsewhere.is_empty() {
        String::new()
    } else {
        format!("; one of that name runs in {}", elsewhere.join(", "))
    };
    let finding = format!("No job {name} for database {database} that role {role} may see{elsewhere}.");
    let mut check =
        Check::new(expected.id, expected.title, Verdict::Bad, finding).advise("Run: refreshtop job restore.");
    check.fixes.extend(schedule_fix(cron, expected, database, role, job_role));
    check
}

/// What is wrong with one job.
struct Troubles {
    worst: Verdict,
    texts: Vec<String>,
    fixes: Vec<Fix>,
}

impl Default for Troubles {
    fn default() -> Self {
        Self { worst: Verdict::Good, texts: Vec::new(), fixes: Vec::new() }
    }
}

impl Troubles {
    fn add(&mut self, verdict: Verdict, text: String, fix: Option<Fix>) {
        self.worst = self.worst.max(verdict);
        self.texts.push(text);
        self.fixes.extend(fix);
    }

    fn command(&mut self, cron: &Cron, expected: &ExpectedJob, job: &Job) {
        let replace = |foreign| {
            let (to, from) = (expected.command.clone()?, job.whole_command());
            Some(alter(cron, job, JobChange::Command { to, from, foreign }))
        };
        match expected.purpose(&job.command) {
            // It also does other work, which must not be removed.
            Purpose::Calls | Purpose::CallsAmongOthers => {}
            Purpose::Refreshes => {
                let text = "refreshes the view by itself, so its attempts are not logged";
                self.add(Verdict::Bad, text.into(), replace(false));
            }
            Purpose::Other => {
                self.add(Verdict::Bad, "runs another command, so nothing is logged".into(), replace(true));
            }
        }
    }

    fn schedule(&mut self, cron: &Cron, expected: &ExpectedJob, job: &Job) {
        let fix = |from| Some(alter(cron, job, JobChange::Schedule { to: expected.schedule.clone()?, from }));
        if !readable(&job.schedule, cron.now) {
            self.add(
                Verdict::Warning,
                format!("has a schedule that can't be read ({})", job.schedule),
                fix(job.whole_schedule()),
            );
        } else if in_seconds(&job.schedule).is_some() && !cron.extension.as_deref().is_some_and(knows_seconds) {
            // This release refuses the old one.
            self.add(Verdict::Bad, format!("has a schedule in seconds ({})", job.schedule), fix(None));
        }
    }

    fn role(&mut self, cron: &Cron, settings: &Settings, expected: &ExpectedJob, job: &Job, job_role: &str) {
        // pg_cron allows a name once for each role, and can't rename a job: then it can only be scheduled again.
        let taken =
            cron.jobs.iter().any(|other| other.id != job.id && other.name == job.name && other.role == job_role);
        let hand_over = || {
            (cron.superuser && !taken && expected.purpose(&job.command) == Purpose::Calls).then(|| {
                let from = cron.roles.iter().any(|role| role.name == job.role).then(|| job.role.clone());
                alter(cron, job, JobChange::Role { to: job_role.to_owned(), from })
            })
        };
        match cron.roles.iter().find(|known| known.name == job.role) {
            None => {
                // It ends pg_cron's worker, and so the jobs of every database.
                let text =
                    format!("runs as role {}, which does not exist, and keeps pg_cron's worker from working", job.role);
                self.add(Verdict::Bad, text, hand_over());
            }
            Some(Role { may_refresh: false, .. }) => {
                self.add(Verdict::Warning, format!("runs as role {}, which is no super administrator", job.role), None);
            }
            Some(Role { superuser: true, .. }) if matches!(expected.work, Work::Function { .. }) => {
                let text = format!(
                    "runs as role {}, a superuser, and calls a function that the owner of schema public can replace",
                    job.role
                );
                self.add(Verdict::Warning, text, hand_over().filter(|_| job_role != job.role));
            }
            Some(Role { can_log_in: false, .. }) if settings.background_workers.as_deref() == Some("off") => {
                self.add(Verdict::Bad, format!("runs as role {}, which may not log in", job.role), None);
            }
            Some(_) => {}
        }
    }
}

fn schedule_fix(cron: &Cron, expected: &ExpectedJob, database: &str, role: &str, job_role: &str) -> Option<Fix> {
    // For another role only a superuser can; everybody else runs `refreshtop job restore`.
    if !cron.superuser && role != job_role {
        return None;
    }
    // A role can use a name only once; scheduling it again would take the job from another database.
    let taken = cron.jobs.iter().any(|job| job.name.as_ref() == Some(&expected.name) && job.role == job_role);
    let name = if taken { format!("{}@{database}", expected.name) } else { expected.name.clone() };
    let job = NewJob {
        title: expected.name.clone(),
        name,
        schedule: expected.schedule.clone()?,
        command: expected.command.clone()?,
        database: database.to_owned(),
        role: job_role.to_owned(),
        for_another: role != job_role,
    };
    Some(Fix::new(FixAction::ScheduleJob(job), &cron.database))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::cron::fixtures::{cron, expected, of_a_view, settings};

    fn verdict(change: impl FnOnce(&mut Cron)) -> (Verdict, Vec<String>) {
        let mut cron = cron(Vec::new());
        change(&mut cron);
        let check = job(&cron, &settings(), &expected(), "postgres", "r");
        (check.verdict, check.fixes.iter().map(Fix::sql).collect())
    }

    #[test]
    fn every_way_in_which_a_job_can_be_wrong_is_reported() {
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
        let beside_a_namesake = |c: &mut Cron| {
            great(c);
            c.jobs.push(Job { id: 2, database: "other".into(), role: "r".into(), ..c.jobs[0].clone() });
        };
        assert_eq!(verdict(beside_a_namesake), (Verdict::Warning, vec![]), "pg_cron would refuse it");
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
    fn a_view_has_a_job_of_its_own_if_it_has_a_schedule() {
        let mut cron = cron(Vec::new());
        let of = |cron: &Cron, expected: &ExpectedJob| job(cron, &settings(), expected, "postgres", "r");
        let missing = of(&cron, &of_a_view());
        assert_eq!((missing.verdict, missing.fixes), (Verdict::Bad, vec![]));
        assert_eq!(missing.advice, "Run: refreshtop job restore.");
        assert_eq!(of(&cron, &ExpectedJob { schedule: None, ..of_a_view() }).verdict, Verdict::Good);
        let command = "SELECT pg_catalog.pg_sleep(3.1); SELECT refreshtop.limit_time('shop.sales'); SELECT \
                       refreshtop.refresh('shop.sales');";
        let own = Job {
            id: 2,
            name: Some("refresh-view-shop.sales".into()),
            command: command.into(),
            ..cron.jobs[0].clone()
        };
        cron.jobs.push(own);
        let found = of(&cron, &of_a_view());
        assert_eq!((found.verdict, found.job.map(|job| job.id)), (Verdict::Good, Some(2)), "{}", found.finding);
        cron.jobs[1].active = false;
        assert_eq!(of(&cron, &of_a_view()).verdict, Verdict::Bad);
    }
}
