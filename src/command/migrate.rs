//! `refreshtop migrate up | status | down`.

use crate::cli::MigrateAction;
use crate::command::{Failure, confirm};
use crate::connect::{self, Kind, Session, Target};
use crate::db::{
    error,
    migrate::{self, MigrateError, Step},
    schedule::{self, Outcome, ScheduleError, Whereabouts},
};
use crate::exit;
use crate::output::{Output, json};
use crate::sanitize::printable;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::fmt::Write as _;

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Self {
        let code = match &error {
            MigrateError::Connect(failure) => failure.kind.exit_code(),
            MigrateError::Database(failure)
                if error::code(failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) =>
            {
                exit::NOT_PERMITTED
            }
            MigrateError::Preflight(problems) if problems.iter().any(|problem| problem.of_rights) => {
                exit::NOT_PERMITTED
            }
            _ => exit::FAILURE,
        };
        Self::new(code, error.to_string())
    }
}

/// Migrates which way is asked.
///
/// # Errors
/// Where that was not done; then nothing was changed.
pub async fn run(action: &MigrateAction, target: &Target, output: Output) -> Result<(), Failure> {
    match action {
        MigrateAction::Up(_) => done("migrate", &up(target).await?, output),
        MigrateAction::Status(_) if output.json => {
            let steps = steps(target).await?;
            output.object("migrate_status", json!({"steps": steps.iter().map(step).collect::<Vec<_>>()}))
        }
        MigrateAction::Status(_) => output.print(&status(target).await?),
        MigrateAction::Down(down) => {
            let to = down.to.unwrap_or(0);
            let Some(announced) = announce_down(target, to).await? else {
                return done("migrate_down", &["there is nothing to undo".into()], output);
            };
            if !down.yes && confirm::can_ask() && !confirm::confirmed(&format!("This {announced}."))? {
                return Err(Failure::new(exit::FAILURE, "nothing was changed"));
            }
            done("migrate_down", &self::down(target, to).await?, output)
        }
    }
}

/// Tells what was done. The sentences may name what others named.
fn done(kind: &str, sentences: &[String], output: Output) -> Result<(), Failure> {
    if output.json {
        return output.object(kind, json!({"done": sentences}));
    }
    output.print(&sentences.iter().map(|line| printable(line) + "\n").collect::<String>())
}

fn step(step: &Step) -> Value {
    json!({
        "version": step.version,
        "description": step.description,
        "applied_at": step.applied_at.map(json::moment),
    })
}

/// Opens a session for migrating: as long as it takes, but never waiting for ever for a lock.
async fn session(target: &Target) -> Result<PgConnection, MigrateError> {
    Ok(connect::bridge::session(target, "migrate", &Session::WRITING).await?.session)
}

async fn session_in(target: &Target, database: &str) -> Result<PgConnection, MigrateError> {
    session(&Target { database: database.to_owned(), ..target.clone() }).await
}

/// Migrates up and puts the jobs in place. Returns what to tell, one line each.
///
/// # Errors
/// Where the migrations did not run; nothing was changed then. Missing rights on `pg_cron` are no error: the
/// lines say what that means.
pub async fn up(target: &Target) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target).await?;
    let applied = migrate::up(&mut app).await?;
    let mut lines = Vec::new();
    match applied.versions.as_slice() {
        [] => lines.push("the database is up to date".into()),
        versions => lines.push(format!("applied {}", numbered(versions))),
    }
    lines.extend(applied.kept);
    if !migrate::has_view(&mut app).await? {
        lines.push(
            "warning: materialized view public.platform_metrics is missing, though the step that makes it is applied; \
             refreshtop doctor says how to put it back"
                .into(),
        );
    }
    lines.extend(migrate::blind_spot(&mut app).await?);
    lines.extend(schedule_lines(target, &mut app).await);
    app.close().await?;
    Ok(lines)
}

fn numbered(versions: &[i64]) -> String {
    let list = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if versions.len() == 1 { format!("step {list}") } else { format!("steps {list}") }
}

/// Why the jobs are not in place.
#[derive(Debug, thiserror::Error)]
enum JobsError {
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error(transparent)]
    Session(#[from] MigrateError),
    #[error("{}", error::sentence(.0))]
    Database(#[from] sqlx::Error),
}

/// Puts the jobs in place that are missing, and mends those that run something else. Returns what to tell.
///
/// # Errors
/// Where that can't be done, `pg_cron` that is not there included.
pub async fn jobs(target: &Target) -> Result<Vec<String>, Failure> {
    let mut app = session(target).await?;
    if !schedule::can_be_noted(&mut app).await.map_err(MigrateError::from)? {
        return Err(Failure::new(exit::NOT_MIGRATED, "the database is not migrated; run: refreshtop migrate"));
    }
    let lines = put_jobs_in_place(target, &mut app).await.map_err(|failure| {
        let code = match &failure {
            JobsError::Schedule(ScheduleError::NotPermitted { .. } | ScheduleError::NoExtension { .. }) => {
                exit::NOT_PERMITTED
            }
            JobsError::Schedule(ScheduleError::Database(error)) | JobsError::Database(error) => {
                crate::command::session::exit_code(error)
            }
            JobsError::Session(MigrateError::Connect(error)) => error.kind.exit_code(),
            JobsError::Session(_) => exit::FAILURE,
        };
        Failure::new(code, format!("the jobs were not put in place: {failure}"))
    })?;
    match lines.first().and_then(|line| line.strip_prefix("warning: ")) {
        Some(warning) => Err(Failure::new(exit::FAILURE, warning)),
        None => Ok(lines),
    }
}

async fn schedule_lines(target: &Target, app: &mut PgConnection) -> Vec<String> {
    match put_jobs_in_place(target, app).await {
        Ok(lines) => lines,
        Err(failure) => vec![format!("warning: the jobs were not scheduled: {failure}")],
    }
}

async fn put_jobs_in_place(target: &Target, app: &mut PgConnection) -> Result<Vec<String>, JobsError> {
    let cron_database = match schedule::whereabouts(app).await? {
        Whereabouts::Database(database) => database,
        Whereabouts::NotLoaded => {
            return Ok(vec![
                "warning: pg_cron is not loaded on this server, so nothing refreshes the view by itself: install it, add it \
                 to shared_preload_libraries and migrate again, or let another scheduler call \
                 public.refresh_platform_metrics_with_logging()"
                    .into(),
            ]);
        }
        Whereabouts::Hidden => {
            return Ok(vec![format!(
                "warning: the jobs were not scheduled: role {} may not see whether pg_cron is loaded and where it lives; \
                 GRANT pg_read_all_settings to it and migrate again, or migrate as a superuser",
                target.user
            )]);
        }
    };
    let mut other = other_session(target, app, &cron_database).await?;
    let outcomes = schedule::ensure(app, other.as_mut(), &cron_database).await?;
    Ok(outcomes
        .into_iter()
        .map(|(job, outcome)| match outcome {
            Outcome::Scheduled { name } => {
                format!("job {name} scheduled ({}) in database {cron_database}", job.schedule)
            }
            Outcome::Repaired => format!("job {} ran something else and was mended", job.name),
            Outcome::Kept { schedule, active } => {
                format!("job {} stays as it is ({schedule}, {})", job.name, if active { "active" } else { "paused" })
            }
        })
        .collect())
}

/// A session in `pg_cron`'s database, or `None` where that is the application's.
async fn other_session(
    target: &Target,
    app: &mut PgConnection,
    database: &str,
) -> Result<Option<PgConnection>, MigrateError> {
    if schedule::current_database(app).await? == database {
        Ok(None)
    } else {
        session_in(target, database).await.map(Some)
    }
}

async fn steps(target: &Target) -> Result<Vec<Step>, MigrateError> {
    let mut app = session(target).await?;
    let steps = migrate::status(&mut app).await?;
    app.close().await?;
    Ok(steps)
}

/// Every step, and when it was applied: a line each.
///
/// # Errors
/// The server's.
pub async fn status(target: &Target) -> Result<String, MigrateError> {
    let mut text = String::new();
    for step in steps(target).await? {
        let applied =
            step.applied_at.map_or("pending".into(), |at| at.format("applied %Y-%m-%d %H:%M:%S UTC").to_string());
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:04}  {:<20}  {applied}", step.version, step.description);
    }
    Ok(text)
}

/// What a rollback to `target_version` would do, in one sentence; `None` where there is nothing to undo.
///
/// # Errors
/// The server's.
pub async fn announce_down(target: &Target, target_version: i64) -> Result<Option<String>, MigrateError> {
    let mut app = session(target).await?;
    let applied: Vec<i64> = migrate::status(&mut app)
        .await?
        .into_iter()
        .filter(|step| step.applied_at.is_some() && step.version > target_version)
        .map(|step| step.version)
        .rev()
        .collect();
    if applied.is_empty() {
        return Ok(None);
    }
    // The log is step 2; a rollback that stops above it keeps the rows.
    let rows = if target_version < 2 { migrate::rows_at_stake(&mut app).await? } else { 0 };
    app.close().await?;
    let rows = if rows > 0 { format!(", deleting {rows} rows of the refresh log") } else { String::new() };
    Ok(Some(format!("undoes {}{rows}", numbered(&applied))))
}

/// Unschedules what was scheduled and undoes every step above `target_version`.
///
/// # Errors
/// Where something could not be undone. The migrations themselves are undone together or not at all.
pub async fn down(target: &Target, target_version: i64) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target).await?;
    let mut lines = Vec::new();
    // The jobs call functions of the last step: whatever goes, they go first.
    for entry in schedule::noted(&mut app).await? {
        let mut other = match other_session(target, &mut app, &entry.cron_database).await {
            // Whatever was there went with its database.
            Err(MigrateError::Connect(failure)) if failure.kind == Kind::DatabaseMissing => {
                lines.push(format!("{} went with database {}, which is gone", entry.act, entry.cron_database));
                continue;
            }
            session => session?,
        };
        schedule::undo(&mut app, other.as_mut(), &entry).await?;
        lines.push(format!("undid {} in database {}", entry.act, entry.cron_database));
    }
    match migrate::down(&mut app, target_version).await {
        Ok(undone) if undone.is_empty() => lines.push("there is nothing to undo".into()),
        Ok(undone) => lines.push(format!("undid {}", numbered(&undone))),
        Err(failure) => {
            // The view stays, so its schedule comes back.
            lines.extend(schedule_lines(target, &mut app).await);
            return Err(failure);
        }
    }
    app.close().await?;
    Ok(lines)
}
