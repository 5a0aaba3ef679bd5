//! The jobs that are wanted.

use crate::{
    contract::{PLATFORM_METRICS, REFRESH_JOB, is_own, refresh_job},
    cron_job::Sought,
    quote::literal,
};
use refreshtop_core::{
    address::ViewId,
    statement::{self, Purpose},
};

/// The role that the jobs run as, if there are roles: it may refresh and clean up, and nothing else.
pub const JOB_ROLE: &str = "refreshtop_job";

/// Jobs `j` of `cron.job` in the application's database that may be the schedule, by their role: any role may schedule a
/// job by our name. Owners of the sources may have set up a deployment, as the database's owner may.
pub(crate) const OF_ROLES_THAT_COUNT: &str = "
    EXISTS (SELECT 1 FROM pg_roles r
            WHERE r.rolname = j.username
              AND (r.rolsuper OR r.rolname = 'refreshtop_job'
                   OR r.oid IN (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()
                                UNION ALL
                                SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                                WHERE n.nspname = 'public' AND c.relname IN
                                    ('accounts', 'accounts_memberships', 'assets', 'software_licenses'))))";

/// A job that refreshtop needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobSpec<'a> {
    /// Its name.
    pub name: &'a str,
    /// Five-field cron expression.
    pub schedule: &'a str,
    /// The statement that it runs.
    pub command: &'a str,
    /// The function that this calls, with its schema if that is not `public`.
    pub function: &'a str,
    /// The view that it refreshes; empty if it refreshes none.
    pub view: &'a str,
    /// What a job of ours runs if `platform_metrics` came or went since it was scheduled: the same work, by another
    /// function.
    pub twin: Option<Twin>,
}

/// Another command for the same work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twin {
    /// The statement.
    pub command: &'static str,
    /// The function that this calls.
    pub function: &'static str,
}

/// Cleans up the log, by the function of the contract.
const BY_CONTRACT: Twin =
    Twin { command: "SELECT public.cleanup_old_metrics_logs();", function: "cleanup_old_metrics_logs" };
/// Cleans up the log without it.
const BY_ITSELF: Twin = Twin { command: "SELECT refreshtop.cleanup_logs();", function: "refreshtop.cleanup_logs" };

/// The two jobs of the contract.
pub const JOBS: [JobSpec<'static>; 2] = [
    JobSpec {
        name: REFRESH_JOB,
        schedule: "*/5 * * * *",
        command: "SELECT public.refresh_platform_metrics_with_logging();",
        function: "refresh_platform_metrics_with_logging",
        view: PLATFORM_METRICS,
        twin: None,
    },
    JobSpec {
        name: "cleanup-metrics-logs",
        schedule: "0 2 * * *",
        command: BY_CONTRACT.command,
        function: BY_CONTRACT.function,
        view: "",
        twin: Some(BY_ITSELF),
    },
];

/// The job of an installation without `platform_metrics`.
pub const CLEANUP_ALONE: JobSpec<'static> =
    JobSpec { command: BY_ITSELF.command, function: BY_ITSELF.function, twin: Some(BY_CONTRACT), ..JOBS[1] };

/// The jobs of an installation, with `platform_metrics` or without it.
pub fn jobs(platform_metrics: bool) -> Vec<JobSpec<'static>> {
    if platform_metrics { JOBS.to_vec() } else { vec![CLEANUP_ALONE] }
}

impl JobSpec<'_> {
    /// What a job's command does in view of this one.
    pub fn purpose(&self, command: &str) -> Purpose {
        match (statement::purpose(command, self.function, self.view), self.twin) {
            (Purpose::Other, Some(twin)) => statement::purpose(command, twin.function, ""),
            (purpose, _) => purpose,
        }
    }
}

/// Whether `name` is that of one of [`JOBS`].
pub(crate) fn is_of_contract(name: &str) -> bool {
    JOBS.iter().any(|job| job.name == name)
}

/// The job `name` of `database`: one of [`JOBS`].
pub fn sought(database: &str, name: &str) -> Sought {
    let call = JOBS.iter().find(|job| job.name == name).map_or(name, |job| job.function);
    Sought { database: database.to_owned(), name: name.to_owned(), call: call.to_owned() }
}

/// The job of `database` that refreshes `view`.
pub fn refresh_job_of(database: &str, view: &ViewId) -> Sought {
    let name = refresh_job(view);
    if is_own(view) {
        return sought(database, &name);
    }
    let call = format!("refreshtop.refresh({}", literal(view.as_str()));
    Sought { database: database.to_owned(), name, call }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_commands_clean_up_with_platform_metrics_and_without_it() {
        for wanted in [JOBS[1], CLEANUP_ALONE] {
            for command in ["SELECT public.cleanup_old_metrics_logs();", "SELECT refreshtop.cleanup_logs();"] {
                assert_eq!(wanted.purpose(command), Purpose::Calls, "{command}");
            }
            assert_eq!(wanted.purpose("SELECT cleanup_logs();"), Purpose::Other);
            assert_eq!(wanted.purpose("SELECT public.cleanup_logs();"), Purpose::Other);
        }
        assert_eq!(jobs(false), [CLEANUP_ALONE]);
    }
}
