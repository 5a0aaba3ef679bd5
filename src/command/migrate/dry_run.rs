//! The statements that a migration would execute.

use super::{
    announce::{jobs_to_remove, read_installation},
    jobs::ensure_jobs,
    sessions::{cron_session, session},
    wording::not_scheduled,
};
use crate::command::interrupt::Watch;
use refreshtop_connect::Target;
use refreshtop_db::{
    migrate::{self, MigrateError, With},
    schedule::{self, Mode},
};

/// Every statement that [`super::up`] would execute.
pub(super) async fn up(target: &Target, with: With, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let mut installation = schedule::installation(&mut app).await?;
    let mut script = Vec::new();
    let mut pending = migrate::begin_jobs(&mut app).await?;
    schedule::recall(pending.connection(), &mut installation).await?;
    let plan = migrate::plan(pending.connection(), with).await?;
    installation.platform_metrics = plan.platform_metrics;
    if !plan.is_up_to_date {
        titled(&mut script, &installation.database, migrate::statements_up(plan.platform_metrics));
    }
    if installation.cron_database().is_some() {
        let done = match cron_session(target, &installation, watch).await? {
            Some(mut other) => {
                let mut there = other.begin().await?;
                ensure_jobs(pending.connection(), Some(&mut there), &installation, Mode::Dry).await
            }
            None => ensure_jobs(pending.connection(), None, &installation, Mode::Dry).await,
        };
        match done {
            Ok(done) => {
                let (notes, jobs) = done.statements.into_iter().partition(|sql| sql.contains(" refreshtop.undo "));
                in_database(&mut script, installation.cron_database().unwrap_or_default(), jobs);
                in_database(&mut script, &installation.database, notes);
            }
            Err(failure) => script.push(format!("-- {}", not_scheduled(&failure))),
        }
    }
    pending.rollback().await?;
    app.close().await?;
    Ok(script)
}

/// Every statement that [`super::down`] would execute.
pub(super) async fn down(target: &Target, target_version: i64, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let installation = read_installation(&mut app).await?;
    let mut script = Vec::new();
    let steps = migrate::status(&mut app).await?;
    if steps.iter().any(|step| step.applied_at.is_some() && step.version > target_version) {
        titled(&mut script, &installation.database, migrate::statements_down(target_version));
        match jobs_to_remove(target, &mut app, &installation, watch).await {
            Ok(done) => in_database(&mut script, installation.cron_database().unwrap_or_default(), done.statements),
            Err(failure) => script.push(format!("-- the jobs can't be seen: {failure}")),
        }
    }
    app.close().await?;
    Ok(script)
}

pub(super) fn titled(script: &mut Vec<String>, database: &str, parts: Vec<(String, String)>) {
    script.push(format!("-- in database {database}, in one transaction"));
    for (title, sql) in parts {
        script.extend([format!("-- {title}"), sql]);
    }
}

pub(super) fn in_database(script: &mut Vec<String>, database: &str, statements: Vec<String>) {
    if !statements.is_empty() {
        script.push(format!("-- in database {database}"));
        script.extend(statements);
    }
}
