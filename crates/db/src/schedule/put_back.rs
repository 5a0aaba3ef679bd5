//! Putting jobs back as they were.

use crate::{
    cron_job::{CronJob, Found},
    error::Result,
    parameter::Parameter,
    quote::literal,
    schedule::{
        extension::{create_extension, has_extension, lock},
        failure::ScheduleError,
        installation::{CronLocation, Installation},
        job_changes::{JobChanges, Mode},
        job_editor::{Act, JobEditor},
    },
    session::{PINNED, Session},
};

impl JobEditor<'_> {
    pub(super) async fn put_back(&mut self, job: &CronJob, found: &Found) -> Result<()> {
        let exists = "SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $1)";
        let exists: bool = self.cron.one(exists, &[Parameter::Text(&found.username)]).await?.try_get(0)?;
        if !exists || !(self.superuser || found.username == self.role || found.username == self.job_role) {
            self.act(&self.unschedule(job)).await?;
            let why =
                if exists { "this role may not schedule as that one" } else { "that role does not exist any more" };
            self.done.lines.push(format!(
                "warning: unscheduled job {}; it ran as role {} before ({}, {}) and was not put back: {why}",
                job.title(),
                found.username,
                found.schedule,
                found.command
            ));
            return Ok(());
        }
        // If it was paused since, somebody did not want it to run.
        let active = found.active && job.active;
        let same_name = found.jobname == job.jobname;
        let unmanaged = self.may_alter && found.username == job.username;
        if same_name && job.database == self.installation.database && (self.superuser || unmanaged) {
            let username =
                if unmanaged { String::new() } else { format!(", username := {}", literal(&found.username)) };
            let sql = format!(
                "SELECT cron.alter_job({}, schedule := {}, command := {}{username}, active := {active})",
                job.id,
                literal(&found.schedule),
                literal(&found.command)
            );
            let role = (!self.superuser && job.username != self.role).then(|| job.username.clone());
            self.act(&Act { sql, role }).await?;
        } else {
            self.act(&self.unschedule(job)).await?;
            let name = found.jobname.clone().unwrap_or_else(|| job.title());
            for act in self.schedule(&name, (&found.schedule, &found.command, active), &found.username) {
                self.act(&act).await?;
            }
        }
        self.done.lines.push(format!(
            "put job {} back as it was ({}, {}, role {}) in database {}",
            job.title(),
            found.schedule,
            if active { "active" } else { "paused" },
            found.username,
            self.cron_database
        ));
        Ok(())
    }
}

/// Puts the jobs back that [`take_away`] has changed, after it was committed and what belonged to it was not. `cron` is
/// a session in the database of `pg_cron`.
pub async fn put_all_back(
    cron: &mut Session,
    installation: &Installation,
    done: &JobChanges,
) -> Result<(), ScheduleError> {
    let CronLocation::Database(cron_database) = &installation.place else { return Ok(()) };
    let mut transaction = cron.begin().await?;
    transaction.run(PINNED).await?;
    transaction.run(&lock()).await?;
    if done.extension_dropped && !has_extension(&mut transaction).await? {
        create_extension(&mut transaction, cron_database).await?;
    }
    let mut editor = JobEditor::open(&mut transaction, installation, cron_database, Mode::Really).await?;
    for job in &done.before {
        let same_but_pause = |now: &CronJob| Found { active: job.active, ..now.found() } == job.found();
        // Jobs without a name are told apart by what they do.
        let is_it = |now: &&CronJob| {
            now.jobname == job.jobname && now.database == job.database && (job.jobname.is_some() || same_but_pause(now))
        };
        let now = editor.jobs.iter().find(is_it).cloned();
        if now.as_ref().is_some_and(|now| now.found() == job.found()) {
            continue;
        }
        if let Some(now) = now.as_ref().filter(|now| same_but_pause(now)) {
            editor.set_active(now, job.active).await?;
            continue;
        }
        let mut acts: Vec<Act> = now.iter().map(|now| editor.unschedule(now)).collect();
        let name = job.jobname.clone().unwrap_or_default();
        let what = (&*job.schedule, &*job.command, job.active);
        acts.extend(editor.schedule_in(&job.database, &name, what, &job.username));
        for act in acts {
            if let Err(failure) = editor.act(&act).await {
                return Err(editor.refused(failure));
            }
        }
    }
    transaction.commit().await?;
    Ok(())
}
