//! Taking over a job that somebody else has made.

use crate::{
    cron_job::{CronJob, Found},
    error::Result,
    quote::literal,
    schedule::{
        job_editor::{Act, JobEditor},
        job_spec::{JOB_ROLE, JobSpec},
    },
};
use refreshtop_core::statement::Purpose;

impl JobEditor<'_> {
    /// How a job was that is ours from now on; `None` if nothing is to come back. A job of the job's role is no one's
    /// but ours, and one that calls a function which was not here is what a dropped database of this name has left.
    pub(super) fn unmanaged_before(&self, wanted: &JobSpec<'_>, job: &CronJob) -> Option<Found> {
        let callable = |name: &String| name == wanted.function || wanted.twin.is_some_and(|twin| name == twin.function);
        let could_work =
            wanted.purpose(&job.command) != Purpose::Calls || self.installation.functions.iter().any(callable);
        let leftover = job.username == JOB_ROLE || !could_work || !job.role_exists;
        (!leftover).then(|| job.found())
    }

    /// Lets a job of ours call the function that is right now.
    pub(super) async fn change_command(&mut self, wanted: &JobSpec<'_>, job: &CronJob) -> Result<()> {
        if self.take(wanted, job).await? {
            self.done.lines.push(format!(
                "job {} runs {} now: it keeps its schedule ({}, {})",
                job.title(),
                wanted.command.trim_end_matches(';'),
                job.schedule,
                job.state()
            ));
        }
        Ok(())
    }

    /// Takes over a job that does the same and nothing else; `false` if this role can't without losing something.
    pub(super) async fn adopt(&mut self, wanted: &JobSpec<'_>, job: &CronJob) -> Result<bool> {
        if !self.take(wanted, job).await? {
            return Ok(false);
        }
        let was = match wanted.purpose(&job.command) {
            Purpose::Refreshes => "refreshed the view without a trace; it now calls the function that logs",
            _ => "was there",
        };
        let same_role = job.username == self.job_role;
        let as_role = if same_role { String::new() } else { format!(", and runs as {}", self.job_role) };
        self.done.lines.push(format!(
            "job {} {was}{as_role}: it keeps its schedule ({}, {}), and a rollback puts it back",
            job.title(),
            job.schedule,
            job.state()
        ));
        Ok(true)
    }

    /// Gives a job our command and our role; `false` if this role can't without losing something.
    async fn take(&mut self, wanted: &JobSpec<'_>, job: &CronJob) -> Result<bool> {
        let command = literal(wanted.command);
        let same_role = job.username == self.job_role;
        let may_have_name = job.jobname.as_deref().is_some_and(|name| {
            !self.jobs.iter().any(|other| {
                other.id != job.id && other.jobname.as_deref() == Some(name) && other.username == self.job_role
            })
        });
        if self.superuser && job.database == self.installation.database && may_have_name {
            let username = if same_role { String::new() } else { format!(", username := {}", literal(&self.job_role)) };
            let sql = format!("SELECT cron.alter_job({}, command := {command}{username})", job.id);
            self.act(&Act { sql, role: None }).await?;
        } else if same_role && self.may_alter && job.database == self.installation.database {
            let role = (self.job_role != self.role).then(|| self.job_role.clone());
            self.act(&Act { sql: format!("SELECT cron.alter_job({}, command := {command})", job.id), role }).await?;
        } else if job.active || self.superuser || self.may_alter {
            self.act(&self.unschedule(job)).await?;
            let name = self.free_name(wanted, Some(job.id));
            for act in self.schedule(&name, (&job.schedule, wanted.command, job.active), &self.job_role.clone()) {
                self.act(&act).await?;
            }
        } else {
            self.done.lines.push(format!(
                "warning: job {} (paused) runs something else and stays as it is: without EXECUTE on cron.alter_job it could \
                 not be taken over without beginning to run",
                job.title()
            ));
            return Ok(false);
        }
        self.done.before.push(job.clone());
        Ok(true)
    }
}
