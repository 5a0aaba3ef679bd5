//! Putting every job in place that is missing.

use crate::{
    cron_job::{CronJob, Found},
    error::Result,
    quote::literal,
    schedule::{
        extension::{create_extension, has_extension, lock},
        failure::ScheduleError,
        installation::{CronLocation, Identity, Installation},
        job_changes::{JobChanges, Mode},
        job_editor::{Act, JobEditor},
        job_spec::{JobSpec, jobs},
        notes::note,
    },
    session::{PINNED, Session},
};
use refreshtop_core::statement::Purpose;
use serde_json::json;

/// Puts every job in place that is missing, and takes over those of its name that do the same and nothing else. A job
/// that is there keeps its interval and its pause. `cron` is a transaction in the database of `pg_cron`; what is to be
/// noted goes into the application's database by [`super::write_notes`].
pub async fn ensure(cron: &mut Session, installation: &Installation, mode: Mode) -> Result<JobChanges, ScheduleError> {
    let CronLocation::Database(cron_database) = &installation.place else { return Ok(JobChanges::default()) };
    // A failure costs this part only, not what was done before it in the same transaction.
    let mut part = cron.begin().await?;
    let done = ensured(&mut part, installation, cron_database, mode).await;
    match &done {
        Ok(_) => part.commit().await?,
        Err(failure) if failure.ends_all() => {}
        Err(_) => part.rollback().await?,
    }
    done
}

async fn ensured(
    cron: &mut Session,
    installation: &Installation,
    cron_database: &str,
    mode: Mode,
) -> Result<JobChanges, ScheduleError> {
    cron.run(PINNED).await?;
    if mode != Mode::Dry {
        cron.run(&lock()).await?;
    }
    let mut notes = Vec::new();
    let mut statements = Vec::new();
    if !has_extension(cron).await? && (mode != Mode::Really || create_extension(cron, cron_database).await?) {
        statements.push("CREATE EXTENSION pg_cron".to_owned());
        notes.push(note("extension", "pg_cron", &json!({"cron_database": cron_database})));
    }
    let mut editor = JobEditor::open(cron, installation, cron_database, mode).await?;
    editor.done.statements = statements;
    editor.done.notes = notes;
    if installation.identity == Identity::Copy {
        // What they say is about the original's jobs, which stay the original's.
        editor.done.notes.insert(0, "DELETE FROM refreshtop.undo WHERE kind IN ('job', 'extension')".to_owned());
    }
    if let Err(failure) = editor.ensure_rights().await {
        return Err(editor.refused(failure));
    }
    for wanted in jobs(installation.platform_metrics) {
        if let Err(failure) = editor.ensure_job(wanted).await {
            return Err(editor.refused(failure));
        }
    }
    if let Err(failure) = editor.ensure_views().await {
        return Err(editor.refused(failure));
    }
    if let Err(failure) = editor.resume_left().await {
        return Err(editor.refused(failure));
    }
    for wanted in jobs(installation.platform_metrics).iter().filter(|wanted| !wanted.view.is_empty()) {
        editor.report_others(wanted);
    }
    Ok(editor.done)
}

impl JobEditor<'_> {
    async fn ensure_job(&mut self, wanted: JobSpec<'_>) -> Result<()> {
        let mut here = self.candidates(&wanted);
        here.sort_by_key(|job| (!self.is_ours(&wanted, job), rank(wanted.purpose(&job.command)), !job.active, job.id));
        self.report_namesakes(&wanted, &here);
        self.reported
            .extend(here.first().filter(|job| wanted.purpose(&job.command) != Purpose::Other).map(|job| job.id));
        if !wanted.view.is_empty() {
            let job = here.first().filter(|job| wanted.purpose(&job.command) != Purpose::Other);
            self.note_own_schedule(Some(job.map_or(wanted.schedule, |job| &job.schedule)));
        }
        let known = self.installation.note(&wanted).filter(|_| self.installation.identity != Identity::Copy).cloned();
        match here.first() {
            Some(job) if self.is_ours(&wanted, job) => {
                self.keep(&wanted, job).await?;
                if known.is_none() {
                    let found = self.unmanaged_before(&wanted, job);
                    self.note_job(&wanted, found.as_ref());
                }
            }
            // What was there before it was ours is noted already.
            Some(job) if known.is_some() && self.is_twin(&wanted, job) => self.change_command(&wanted, job).await?,
            Some(job) if wanted.purpose(&job.command) == Purpose::CallsAmongOthers => {
                self.done.lines.push(counts_as_schedule(&wanted, job));
            }
            Some(job) if matches!(wanted.purpose(&job.command), Purpose::Calls | Purpose::Refreshes) => {
                let found = self.unmanaged_before(&wanted, job);
                if self.adopt(&wanted, job).await? {
                    // What was there first is what comes back.
                    match known {
                        Some(Some(_)) => {}
                        _ => self.note_job(&wanted, found.as_ref()),
                    }
                }
            }
            _ => {
                self.add(&wanted).await?;
                if known.is_none() {
                    self.note_job(&wanted, None);
                }
            }
        }
        Ok(())
    }

    /// The jobs that have the name here, without those of strangers, which are only reported.
    fn candidates(&mut self, wanted: &JobSpec<'_>) -> Vec<CronJob> {
        let (here, strangers): (Vec<CronJob>, Vec<CronJob>) = self
            .jobs
            .iter()
            .filter(|job| self.installation.is_here(wanted, job))
            .cloned()
            .partition(|job| self.counts(job));
        for job in strangers {
            self.reported.push(job.id);
            self.done.lines.push(format!(
                "note: job {} ({}) has our name and stays as it is: that role is no superuser, and owns neither the \
                 database nor a source of the view; it runs: {}",
                job.title(),
                job.particulars(),
                job.shortened()
            ));
        }
        here
    }

    /// Schedules a job that is missing.
    pub(super) async fn add(&mut self, wanted: &JobSpec<'_>) -> Result<()> {
        let name = self.free_name(wanted, None);
        for act in self.schedule(&name, (wanted.schedule, wanted.command, true), &self.job_role.clone()) {
            self.act(&act).await?;
        }
        self.done.lines.push(format!("job {name} scheduled ({}) in database {}", wanted.schedule, self.cron_database));
        Ok(())
    }

    fn note_job(&mut self, wanted: &JobSpec<'_>, found: Option<&Found>) {
        let detail =
            json!({"database": self.installation.database, "cron_database": self.cron_database, "found": found});
        self.done
            .notes
            .push(format!("DELETE FROM refreshtop.undo WHERE kind = 'job' AND object_name = {}", literal(wanted.name)));
        self.done.notes.push(note("job", wanted.name, &detail));
    }

    /// Leaves a job of ours as it is, but for the database's new name.
    async fn keep(&mut self, wanted: &JobSpec<'_>, job: &CronJob) -> Result<()> {
        if job.database != self.installation.database {
            let plain = job.jobname.as_deref() == Some(wanted.name);
            let name =
                if plain { wanted.name.to_owned() } else { format!("{}@{}", wanted.name, self.installation.database) };
            if self.superuser && plain {
                let database = literal(&self.installation.database);
                let sql = format!("SELECT cron.alter_job({}, database := {database})", job.id);
                self.act(&Act { sql, role: None }).await?;
            } else {
                self.act(&self.unschedule(job)).await?;
                for act in self.schedule(&name, (&job.schedule, &job.command, job.active), &job.username) {
                    self.act(&act).await?;
                }
            }
            self.done.before.push(job.clone());
            self.done.lines.push(format!(
                "job {name} was moved from database {}, which is now {}",
                job.database, self.installation.database
            ));
            return Ok(());
        }
        self.done.lines.push(format!("job {} stays as it is ({}, {})", job.title(), job.schedule, job.state()));
        Ok(())
    }
}

/// The line about a job that does the work among other things.
fn counts_as_schedule(wanted: &JobSpec<'_>, job: &CronJob) -> String {
    let risk = if job.role_is_super {
        format!(
            "; it runs as {}, a superuser, with whatever the owner of schema public puts under that name",
            job.username
        )
    } else {
        String::new()
    };
    format!(
        "job {} (number {}, {}, {}) calls {} among other statements: it counts as the schedule and stays as it is{risk}",
        job.title(),
        job.id,
        job.schedule,
        job.state(),
        wanted.function
    )
}

/// What one wants to have, before what one can live with.
fn rank(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::CallsAmongOthers => 0,
        Purpose::Calls => 1,
        Purpose::Refreshes => 2,
        Purpose::Other => 3,
    }
}
