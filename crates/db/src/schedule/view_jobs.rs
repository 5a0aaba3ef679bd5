//! The jobs of single views. Their schedule is the one in `refreshtop.views`, and not, as for the jobs of the contract,
//! that of the job itself.

use crate::{
    contract::{PLATFORM_METRICS, REFRESH_JOB, VIEW_JOB},
    cron_job::CronJob,
    error::Result,
    parameter::Parameter,
    quote::literal,
    row::{Row, text},
    schedule::{
        installation::Installation,
        job_editor::{Act, JobEditor},
        job_spec::JobSpec,
        own_table::readable,
    },
    session::Session,
};
use refreshtop_core::{schedule, statement};

/// A view that has a schedule, and the job that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewJob {
    /// Under which name it is managed.
    pub id: String,
    /// The name of its job.
    pub name: String,
    /// When it is refreshed, as the person wrote it.
    pub schedule: String,
    /// What the job runs.
    pub command: String,
    /// What stands in the command of each of its jobs, of older ones too.
    pub(super) call: String,
}

impl ViewJob {
    fn of(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            schedule: row.try_get("schedule")?,
            command: row.try_get("command")?,
            call: row.try_get("call")?,
        })
    }

    fn spec(&self) -> JobSpec<'_> {
        JobSpec {
            name: &self.name,
            schedule: &self.schedule,
            command: &self.command,
            function: "refreshtop.refresh",
            view: "",
            twin: None,
        }
    }
}

/// Reads which views have a schedule, as the installation's owner.
pub(super) async fn read(app: &mut Session, installation: &mut Installation) -> Result<()> {
    let known = "SELECT to_regprocedure('refreshtop.scheduled_command(text)') IS NOT NULL";
    if !readable(app, "views").await? || !app.one(known, &[]).await?.try_get::<bool, _>(0)? {
        return Ok(());
    }
    let sql = "SELECT v.refresh_type::text AS id, refreshtop.job_name(v.refresh_type) AS name, v.schedule,
                      refreshtop.scheduled_command(v.refresh_type) AS command,
                      'refreshtop.refresh(' || quote_literal(v.refresh_type) AS call
               FROM refreshtop.views v
               WHERE v.schedule IS NOT NULL AND v.refresh_type <> $1 ORDER BY v.refresh_type";
    let own = [Parameter::Text(PLATFORM_METRICS)];
    installation.views = app.ask(sql, &own).await?.iter().map(ViewJob::of).collect::<Result<_>>()?;
    let sql = "SELECT v.schedule FROM refreshtop.views v WHERE v.refresh_type = $1";
    let row = app.optional(sql, &own).await?;
    installation.registered_schedule = row.map(|row| text(&row, "schedule")).transpose()?.flatten();
    Ok(())
}

impl JobEditor<'_> {
    /// Puts the job of each view in place, and removes those of views that have no schedule any more.
    pub(super) async fn ensure_views(&mut self) -> Result<()> {
        let installation = self.installation;
        for view in &installation.views {
            self.ensure_view(view).await?;
        }
        let wanted = |job: &CronJob| installation.views.iter().any(|view| installation.is_named(&view.name, job));
        let left: Vec<CronJob> =
            self.jobs.iter().filter(|job| self.refreshes_a_view(job) && !wanted(job)).cloned().collect();
        self.remove(&left).await
    }

    /// Removes the jobs of all views.
    pub(super) async fn remove_views(&mut self) -> Result<()> {
        let ours: Vec<CronJob> = self.jobs.iter().filter(|job| self.refreshes_a_view(job)).cloned().collect();
        self.remove(&ours).await
    }

    /// Removes the job of one view.
    pub(super) async fn remove_view(&mut self, view: &ViewJob) -> Result<()> {
        let ours = |job: &CronJob| self.refreshes_a_view(job) && self.installation.is_named(&view.name, job);
        let ours: Vec<CronJob> = self.jobs.iter().filter(|job| ours(job)).cloned().collect();
        self.remove(&ours).await
    }

    /// Whether a job of this database is one that refreshtop made for a view.
    pub(super) fn refreshes_a_view(&self, job: &CronJob) -> bool {
        job.username == self.job_role
            && self.installation.runs_here(job)
            && job.jobname.as_deref().is_some_and(|name| name.starts_with(VIEW_JOB))
            && statement::calls_function(&job.command, "refreshtop.refresh")
    }

    async fn remove(&mut self, jobs: &[CronJob]) -> Result<()> {
        for job in jobs {
            self.act(&self.unschedule(job)).await?;
            self.done.lines.push(format!("unscheduled job {} in database {}", job.title(), self.cron_database));
            self.done.before.push(job.clone());
            self.jobs.retain(|other| other.id != job.id);
        }
        Ok(())
    }

    async fn ensure_view(&mut self, view: &ViewJob) -> Result<()> {
        let spec = view.spec();
        let here: Vec<CronJob> =
            self.jobs.iter().filter(|job| self.installation.is_named(&view.name, job)).cloned().collect();
        let is_ours = |job: &&CronJob| job.username == self.job_role && job.command.contains(&view.call);
        let ours = here.iter().find(is_ours).cloned();
        for job in here.iter().filter(|job| !is_ours(job)) {
            self.done.lines.push(format!(
                "note: job {} ({}) has the name of our job for {}, and stays as it is; it runs: {}",
                job.title(),
                job.particulars(),
                view.id,
                job.shortened()
            ));
        }
        if schedule::seconds(&view.schedule).is_some() && !self.knows_seconds().await? {
            self.done.lines.push(format!(
                "note: job {} is not put in place: a schedule in seconds ({}) needs pg_cron 1.5 or newer; refreshtop \
                 schedule refreshes at it, too",
                view.name, view.schedule
            ));
            return Ok(());
        }
        match ours {
            None => self.add(&spec).await,
            Some(job) => self.correct(&spec, &job).await,
        }
    }

    /// Whether this `pg_cron` takes schedules in seconds.
    async fn knows_seconds(&self) -> Result<bool> {
        let sql = "SELECT string_to_array(split_part(extversion, '-', 1), '.')::integer[] >= ARRAY[1, 5]
                   FROM pg_extension WHERE extname = 'pg_cron' AND extversion ~ '^[0-9]+([.][0-9]+)*(-|$)'";
        self.cron.optional(sql, &[]).await?.map_or(Ok(true), |row| row.try_get(0))
    }

    /// Gives a job the schedule and the command that are right; it keeps its pause.
    async fn correct(&mut self, wanted: &JobSpec<'_>, job: &CronJob) -> Result<()> {
        let moved = job.database != self.installation.database;
        if job.schedule == wanted.schedule && statement::same(&job.command, wanted.command) && !moved {
            return Ok(());
        }
        if self.may_alter && !moved {
            let (schedule, command) = (literal(wanted.schedule), literal(wanted.command));
            let sql = format!("SELECT cron.alter_job({}, schedule := {schedule}, command := {command})", job.id);
            let role = (!self.superuser && job.username != self.role).then(|| job.username.clone());
            self.act(&Act { sql, role }).await?;
        } else {
            self.act(&self.unschedule(job)).await?;
            let name = self.free_name(wanted, Some(job.id));
            for act in self.schedule(&name, (wanted.schedule, wanted.command, job.active), &job.username) {
                self.act(&act).await?;
            }
        }
        self.done.before.push(job.clone());
        let was = if job.schedule == wanted.schedule { String::new() } else { format!(" instead of {}", job.schedule) };
        self.done.lines.push(format!(
            "job {} runs at {}{was} ({}), in database {}",
            job.title(),
            wanted.schedule,
            job.state(),
            self.installation.database
        ));
        Ok(())
    }

    /// Lets the registry know the schedule of the job that refreshes `platform_metrics`.
    pub(super) fn note_own_schedule(&mut self, schedule: Option<&str>) {
        let Some(schedule) = schedule else { return };
        if self.installation.platform_metrics && self.installation.registered_schedule.as_deref() != Some(schedule) {
            let sql = format!("SELECT refreshtop.keep_schedule({}, {})", literal(REFRESH_JOB), literal(schedule));
            self.done.notes.push(sql);
        }
    }
}
