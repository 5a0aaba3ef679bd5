//! Pausing the jobs of others that refresh a view which refreshtop manages, and letting them run again.
//!
//! Such a job is paused, not removed: so it keeps its number, its history and everything else, and only has to be resumed
//! when the view is managed no longer.

use crate::{
    cron_job::{CronJob, Found},
    error::Result,
    quote::literal,
    schedule::{
        extension::{has_extension, lock},
        failure::ScheduleError,
        installation::{CronLocation, Identity, Installation},
        job_changes::{JobChanges, Mode},
        job_editor::{Act, JobEditor},
        notes::{Note, note},
    },
    session::{PINNED, Session},
};
use refreshtop_core::{
    manage::{Candidate, Registered},
    statement::{self, Purpose},
};
use serde_json::json;

/// A job of somebody else that refreshes a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Under which name the view is managed.
    pub view: String,
    /// The job, for people.
    pub job: String,
    /// When it runs.
    pub schedule: String,
    /// Why it can't be taken over; `None` if it can.
    pub obstacle: Option<String>,
    id: i64,
    /// The command that ends the take-over.
    undo: &'static str,
}

/// The jobs of others that refresh `views`. `cron` is a transaction in the database of `pg_cron`.
pub async fn others(
    cron: &mut Session,
    installation: &Installation,
    views: &[Candidate],
) -> Result<Vec<Other>, ScheduleError> {
    let Some(database) = installation.cron_database() else { return Ok(Vec::new()) };
    cron.run(PINNED).await?;
    if !has_extension(cron).await? {
        return Ok(Vec::new());
    }
    let editor = JobEditor::open(cron, installation, database, Mode::Dry).await?;
    Ok(views.iter().flat_map(|view| editor.others_of(view)).collect())
}

/// Pauses the jobs of others that do nothing but refresh one of `views`. Returns the schedule of each view that one had,
/// and what was done. `cron` is a transaction in the database of `pg_cron`.
pub async fn pause_others(
    cron: &mut Session,
    installation: &Installation,
    views: &[Candidate],
    mode: Mode,
) -> Result<(Vec<(String, String)>, JobChanges), ScheduleError> {
    let mut schedules: Vec<(String, String)> = Vec::new();
    let CronLocation::Database(database) = &installation.place else { return Ok((schedules, JobChanges::default())) };
    cron.run(PINNED).await?;
    cron.run(&lock()).await?;
    if !has_extension(cron).await? {
        return Ok((schedules, JobChanges::default()));
    }
    let mut editor = JobEditor::open(cron, installation, database, mode).await?;
    for view in views {
        for other in editor.others_of(view) {
            if let Some(why) = &other.obstacle {
                editor.done.lines.push(format!("note: {} stays as it is: {why}", other.job));
                continue;
            }
            if let Err(failure) = editor.pause(&other, database).await {
                return Err(editor.refused(failure));
            }
            if !schedules.iter().any(|(id, _)| *id == other.view) {
                schedules.push((other.view, other.schedule));
            }
        }
    }
    Ok((schedules, editor.done))
}

/// Lets the jobs run again that were paused for the view that is managed as `view`, and removes its job. `cron` is a
/// transaction in the database of `pg_cron`.
pub async fn give_back(
    cron: &mut Session,
    installation: &Installation,
    view: &str,
    mode: Mode,
) -> Result<JobChanges, ScheduleError> {
    let CronLocation::Database(database) = &installation.place else { return Ok(JobChanges::default()) };
    if !matches!(installation.identity, Identity::Original | Identity::Renamed(_)) {
        return Ok(JobChanges::default());
    }
    cron.run(PINNED).await?;
    cron.run(&lock()).await?;
    if !has_extension(cron).await? {
        return Ok(JobChanges::default());
    }
    let mut editor = JobEditor::open(cron, installation, database, mode).await?;
    let known = installation.views.iter().find(|known| known.id == view);
    let resumed = async {
        if let Some(known) = known {
            editor.remove_view(known).await?;
        }
        editor.resume_paused(|of, _| of == view).await
    };
    if let Err(failure) = resumed.await {
        return Err(editor.refused(failure));
    }
    editor.done.notes.push(forget_paused(view));
    Ok(editor.done)
}

impl JobEditor<'_> {
    /// The active jobs of others that refresh `view`.
    fn others_of(&self, view: &Candidate) -> Vec<Other> {
        let id = view.id.as_str();
        let purpose = |job: &CronJob| statement::purpose_for_view(&job.command, &view.schema, &view.name, id);
        self.jobs
            .iter()
            .filter(|job| job.active && self.installation.runs_here(job) && !self.is_our_job(job))
            .filter_map(|job| {
                let obstacle = match purpose(job) {
                    Purpose::Other if may_refresh_unqualified(job, view) => {
                        Some("it names the view without its schema; unschedule it yourself if it means this one".into())
                    }
                    Purpose::Other => return None,
                    Purpose::CallsAmongOthers => Some(
                        "it does other things too; take the refresh out of its command yourself with cron.alter_job"
                            .into(),
                    ),
                    Purpose::Calls | Purpose::Refreshes => self.kept_from(job, view),
                };
                Some(Other {
                    view: id.to_owned(),
                    job: format!("job {} ({}: {})", job.title(), job.particulars(), job.shortened()),
                    schedule: job.schedule.clone(),
                    obstacle,
                    id: job.id,
                    undo: match view.registered {
                        Registered::ByMigration => "refreshtop migrate down",
                        Registered::No | Registered::Managed => "refreshtop views remove",
                    },
                })
            })
            .collect()
    }

    /// Why a job that only refreshes `view` can't be taken over.
    fn kept_from(&self, job: &CronJob, view: &Candidate) -> Option<String> {
        // Anybody who may use pg_cron can schedule a refresh that fails, and its schedule must not become the view's.
        if !(job.role_is_super || job.username == view.owner || job.username == self.role) {
            return Some(format!("its role {} may have no right to refresh the view", job.username));
        }
        // It becomes the view's, and limits follow from it.
        if let Err(why) = refreshtop_core::schedule::job(&job.schedule) {
            return Some(format!("its schedule {} can't become the view's: {why}", job.schedule));
        }
        (!self.superuser && job.username != self.role)
            .then(|| format!("only a superuser or role {} can pause it", job.username))
    }

    /// Whether a job is one of ours: those have names of ours, and the role of our jobs.
    fn is_our_job(&self, job: &CronJob) -> bool {
        self.refreshes_a_view(job) || job.username == self.job_role && self.job_role != self.role
    }

    async fn pause(&mut self, other: &Other, cron_database: &str) -> Result<()> {
        let Some(job) = self.jobs.iter().find(|job| job.id == other.id).cloned() else { return Ok(()) };
        self.set_active(&job, false).await?;
        let detail = json!({
            "database": self.installation.database, "cron_database": cron_database, "paused": job.found(),
        });
        self.done.notes.push(note("job", &other.view, &detail));
        self.done.lines.push(format!("{} is paused, and runs again after: {}", other.job, other.undo));
        Ok(())
    }

    pub(super) async fn set_active(&mut self, job: &CronJob, active: bool) -> Result<()> {
        let sql = format!("SELECT cron.alter_job({}, active := {active})", job.id);
        let role = (!self.superuser && job.username != self.role).then(|| job.username.clone());
        self.act(&Act { sql, role }).await?;
        self.done.before.push(job.clone());
        for known in self.jobs.iter_mut().filter(|known| known.id == job.id) {
            known.active = active;
        }
        Ok(())
    }

    /// Lets the jobs run again that were paused for views that are managed no longer.
    pub(super) async fn resume_left(&mut self) -> Result<()> {
        self.resume_paused(|_, managed| !managed).await?;
        for noted in &self.installation.notes {
            if let Note::Paused { view, managed: false, .. } = noted {
                self.done.notes.push(forget_paused(view));
            }
        }
        Ok(())
    }

    /// Lets the jobs run again that were paused for the views that are `wanted`, by their name and whether they are
    /// managed.
    pub(super) async fn resume_paused(&mut self, wanted: impl Fn(&str, bool) -> bool) -> Result<()> {
        let installation = self.installation;
        for noted in &installation.notes {
            let Note::Paused { view: of, found, managed } = noted else { continue };
            if !wanted(of, *managed) {
                continue;
            }
            let job = self.jobs.iter().find(|job| installation.runs_here(job) && is_same(&job.found(), found)).cloned();
            match job {
                Some(job) if job.active => {}
                Some(job) => {
                    self.set_active(&job, true).await?;
                    self.done.lines.push(format!("job {} ({}) runs again", job.title(), job.schedule));
                }
                None => self.done.lines.push(format!(
                    "note: job {} ({}: {}) was paused for {of}, and somebody has changed or removed it since: it is not \
                     resumed",
                    found.jobname.as_deref().unwrap_or("without a name"),
                    found.schedule,
                    found.command
                )),
            }
        }
        Ok(())
    }
}

/// Forgets which jobs were paused for a view.
fn forget_paused(view: &str) -> String {
    let paused = "DELETE FROM refreshtop.undo WHERE kind = 'job' AND detail ? 'paused' AND object_name = ";
    format!("{paused}{}", literal(view))
}

/// Whether a command refreshes a view of that name without saying in which schema.
fn may_refresh_unqualified(job: &CronJob, view: &Candidate) -> bool {
    view.schema != "public" && statement::refreshes(&job.command, &view.name)
}

/// Whether a job is the one that was found, but for its pause.
pub(super) fn is_same(job: &Found, found: &Found) -> bool {
    Found { active: found.active, ..job.clone() } == *found
}
