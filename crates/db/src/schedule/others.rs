//! Naming who else refreshes the view. None of them is touched: `refreshtop doctor` offers what ends them, and asks first.

use crate::{
    cron_job::CronJob,
    schedule::{job_editor::JobEditor, job_spec::JobSpec},
};
use refreshtop_core::{
    diagnosis::cron::{self, Function},
    statement::Purpose,
};

impl JobEditor<'_> {
    /// How a job refreshes the view; `None` if it does not.
    fn how(&self, wanted: &JobSpec<'_>, job: &CronJob) -> Option<String> {
        let refreshers: Vec<&Function> = self.installation.refreshers.iter().collect();
        if wanted.view.is_empty() {
            return None;
        }
        cron::how(&job.command, wanted.function, wanted.view, &refreshers)
    }

    /// Tells of the jobs that have our name and do something else.
    pub(super) fn report_namesakes(&mut self, wanted: &JobSpec<'_>, here: &[CronJob]) {
        for job in here {
            if wanted.purpose(&job.command) == Purpose::Other && self.how(wanted, job).is_none() {
                self.reported.push(job.id);
                self.done.lines.push(format!(
                    "note: job {} ({}) does something else than {}: it stays as it is",
                    job.title(),
                    job.particulars(),
                    wanted.function
                ));
            }
        }
    }

    /// Tells of every job of this database that refreshes the view beside the schedule, as far as this role can see.
    pub(super) fn report_others(&mut self, wanted: &JobSpec<'_>) {
        let mut lines = Vec::new();
        for job in self
            .jobs
            .iter()
            .filter(|job| job.database == self.installation.database && !self.reported.contains(&job.id))
            .filter(|job| job.active || !self.installation.has_paused(job))
        {
            if let Some(how) = self.how(wanted, job) {
                lines.push(format!(
                    "note: job {} ({}) refreshes {} too, it {how}: {}",
                    job.title(),
                    job.particulars(),
                    wanted.view,
                    job.shortened()
                ));
            }
        }
        if !lines.is_empty() {
            lines.push(
                "note: these stay as they are, and may stand in the way of the schedule; refreshtop doctor offers to pause \
                 or unschedule each (refresh-job, other-refreshers), and asks first"
                    .into(),
            );
        }
        self.done.lines.extend(lines);
    }
}
