//! Taking away what was scheduled.

use crate::{
    cron_job::CronJob,
    error::{self, Result},
    schedule::{
        extension::{has_extension, has_own_tables, lock},
        failure::{ScheduleError, ends_all},
        installation::{CronLocation, Identity, Installation},
        job_changes::{JobChanges, Mode},
        job_editor::JobEditor,
        job_spec::{JOB_ROLE, JobSpec, jobs},
        notes::Note,
    },
    session::{PINNED, Session},
};

/// Unschedules the jobs of this database, and restores those that were there before. `cron` is a transaction in the
/// database of `pg_cron`.
pub async fn take_away(
    cron: &mut Session,
    installation: &Installation,
    mode: Mode,
) -> Result<JobChanges, ScheduleError> {
    let CronLocation::Database(cron_database) = &installation.place else { return Ok(JobChanges::default()) };
    cron.run(PINNED).await?;
    match &installation.identity {
        Identity::New => return Ok(JobChanges::default()),
        Identity::Copy => {
            let note = "this database is a copy or was restored: the jobs and pg_cron's extension belong to the original, \
                        and stay as they are";
            return Ok(JobChanges { needs_role: needs_role(cron).await?, ..JobChanges::only(note) });
        }
        Identity::Original | Identity::Renamed(_) => {}
    }
    if mode != Mode::Dry {
        cron.run(&lock()).await?;
    }
    if !has_extension(cron).await? {
        // Everything in there was dropped with it.
        return Ok(JobChanges::default());
    }
    let mut editor = JobEditor::open(cron, installation, cron_database, mode).await?;
    for wanted in jobs(installation.platform_metrics) {
        if let Err(failure) = editor.take_away(&wanted).await {
            return Err(editor.refused(failure));
        }
    }
    if let Err(failure) = editor.remove_views().await {
        return Err(editor.refused(failure));
    }
    if let Err(failure) = editor.resume_paused(|_, _| true).await {
        return Err(editor.refused(failure));
    }
    if let Err(failure) = editor.take_rights_away().await {
        return Err(editor.refused(failure));
    }
    if installation.notes.contains(&Note::Extension) {
        editor.drop_extension().await?;
    }
    let mut done = editor.done;
    done.needs_role = needs_role(cron).await?;
    Ok(done)
}

/// Whether jobs run as [`JOB_ROLE`]; not known to a session that can't see all jobs.
async fn needs_role(cron: &mut Session) -> Result<bool> {
    if !has_own_tables(cron).await? {
        return Ok(false);
    }
    let sees_all = "SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user";
    if !cron.one(sees_all, &[]).await?.try_get::<bool, _>(0)? {
        return Ok(true);
    }
    cron.one(&format!("SELECT EXISTS (SELECT 1 FROM cron.job WHERE username = '{JOB_ROLE}')"), &[]).await?.try_get(0)
}

impl JobEditor<'_> {
    async fn take_away(&mut self, wanted: &JobSpec<'_>) -> Result<()> {
        let note = self.installation.note(wanted).cloned();
        let here: Vec<CronJob> =
            self.jobs.iter().filter(|job| self.installation.is_here(wanted, job)).cloned().collect();
        let (ours, others): (Vec<&CronJob>, Vec<&CronJob>) =
            here.iter().partition(|job| self.is_ours(wanted, job) || self.is_twin(wanted, job));
        for other in others.into_iter().filter(|job| job.username == self.job_role) {
            self.done.lines.push(format!(
                "note: job {} (number {}) runs something else by now, and stays as it is",
                other.title(),
                other.id
            ));
        }
        let mut before = note.flatten();
        if let (Some(found), []) = (&before, ours.as_slice()) {
            let stays = here.iter().any(|job| job.found() == *found);
            if !stays {
                self.done.lines.push(format!(
                    "note: job {} was here before, and somebody has removed it since: it is not put back",
                    found.jobname.as_deref().unwrap_or(wanted.name)
                ));
            }
        }
        for job in ours {
            if let Some(found) = before.take() {
                self.put_back(job, &found).await?;
            } else {
                self.act(&self.unschedule(job)).await?;
                self.done.lines.push(format!("unscheduled job {} in database {}", job.title(), self.cron_database));
            }
            self.done.before.push(job.clone());
            self.jobs.retain(|other| other.id != job.id);
        }
        Ok(())
    }

    async fn drop_extension(&mut self) -> Result<(), ScheduleError> {
        let alone = "SELECT NOT row_security_active('cron.job') AS whole, (SELECT count(*) FROM cron.job) AS jobs";
        let row = self.cron.one(alone, &[]).await?;
        let (whole, jobs): (bool, i64) = (row.try_get("whole")?, row.try_get("jobs")?);
        // In a dry run they are still there.
        let removed = if self.mode == Mode::Really { 0 } else { self.removed() };
        if !whole || jobs > removed {
            let why = if whole { "it has other jobs" } else { "this role can't see whether it has other jobs" };
            self.done.lines.push(format!("extension pg_cron stays in database {}: {why}", self.cron_database));
            return Ok(());
        }
        let attempt = self.cron.begin().await?;
        let dropped =
            if self.mode == Mode::Really { attempt.ask("DROP EXTENSION pg_cron", &[]).await } else { Ok(Vec::new()) };
        match dropped {
            Ok(_) => {
                attempt.commit().await?;
                self.done.statements.push("DROP EXTENSION pg_cron".into());
                self.done.extension_dropped = true;
                self.done.lines.push(format!("dropped extension pg_cron in database {}", self.cron_database));
            }
            Err(failure) if ends_all(&failure) => return Err(failure.into()),
            // Another role's view may read its tables.
            Err(failure) => {
                attempt.rollback().await?;
                let why = error::sentence(&failure);
                self.done.lines.push(format!("extension pg_cron stays in database {}: {why}", self.cron_database));
            }
        }
        Ok(())
    }

    fn removed(&self) -> i64 {
        let removed = self.done.statements.iter().filter(|sql| sql.starts_with("SELECT cron.unschedule(")).count();
        i64::try_from(removed).unwrap_or_default()
    }
}
