//! What the commands that change which views are managed have in common.

use super::quoted;
use crate::command::{
    Failure,
    interrupt::Watch,
    migrate::{self as migrate_jobs, Work, session},
};
use refreshtop_connect::Target;
use refreshtop_core::{
    address::ViewId,
    exit,
    manage::{Candidate, NotFound},
};
use refreshtop_db::{
    manage::{self, Permitted},
    migrate::{self, MigrateError},
    session::Session,
};

/// Opens a session of a role that may change which views are managed.
pub(super) async fn open(target: &Target, watch: &Watch) -> Result<Session, Failure> {
    let opened = session(target, watch).await?;
    match manage::permitted(&opened).await.map_err(MigrateError::from)? {
        Permitted::Yes => Ok(opened),
        Permitted::NotMigrated => {
            Err(Failure::new(exit::NOT_MIGRATED, "the database is not migrated; run: refreshtop migrate"))
        }
        Permitted::No => {
            let why = format!(
                "role {} may not change which views are managed: a superuser may, or a role that may migrate",
                target.user
            );
            Err(Failure::new(exit::NOT_PERMITTED, why))
        }
    }
}

/// Every view of the database.
pub(super) async fn candidates(session: &mut Session) -> Result<Vec<Candidate>, Failure> {
    let mut pending = migrate::begin_jobs(session).await?;
    let found = manage::candidates(pending.connection()).await.map_err(MigrateError::from)?;
    pending.rollback().await?;
    Ok(found)
}

/// The managed views that `names` mean, those included that are not what was registered any more.
pub(super) async fn chosen_managed(session: &mut Session, names: &[String]) -> Result<Vec<Candidate>, Failure> {
    let known = manage::managed(session).await.map_err(MigrateError::from)?;
    refreshtop_core::manage::chosen(&known, names).map_err(|failure| match failure {
        NotFound::Missing(name) => {
            let why = format!("no managed view is named {}; refreshtop views --managed lists them", quoted(&name));
            Failure::new(exit::FAILURE, why)
        }
        NotFound::Ambiguous(..) => not_found(&failure),
    })
}

/// The views among `known` that `names` mean.
pub(super) fn chosen(known: &[Candidate], names: &[String]) -> Result<Vec<Candidate>, Failure> {
    refreshtop_core::manage::chosen(known, names).map_err(|failure| not_found(&failure))
}

/// The failure if a name means no view, or several.
pub(in crate::command) fn not_found(failure: &NotFound) -> Failure {
    let why = match failure {
        NotFound::Missing(name) => format!("there is no such materialized view: {}", quoted(name)),
        NotFound::Ambiguous(name, ids) => {
            let ids: Vec<&str> = ids.iter().map(ViewId::as_str).collect();
            format!("{} could be any of {}: give one of these names", quoted(name), ids.join(", "))
        }
    };
    Failure::new(exit::FAILURE, format!("{why}; refreshtop views lists them"))
}

/// Lets the jobs in `pg_cron` follow the schedules of the views. A schedule is kept without its job; then a line says what
/// is missing.
pub(super) async fn follow(session: &mut Session, target: &Target, watch: &Watch) -> Vec<String> {
    match migrate_jobs::act(session, target, watch, Work::Ensure).await {
        Ok(lines) => lines.into_iter().filter(|line| !line.contains(" stays as it is (")).collect(),
        Err(failure) => vec![format!(
            "warning: the schedule is kept, but pg_cron does not follow it: {failure}; once that is settled run refreshtop \
             job restore; without pg_cron, refreshtop schedule runs the refreshes"
        )],
    }
}

/// The failure if a signal came.
pub(super) fn stopped(watch: &Watch) -> Result<(), Failure> {
    if watch.stopped() { Err(Failure::new(exit::FAILURE, "stopped before all was done")) } else { Ok(()) }
}
