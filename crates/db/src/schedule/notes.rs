//! What is kept in `refreshtop.undo` about `pg_cron`, as data.

use crate::{
    cron_job::Found,
    error::Result,
    quote::literal,
    row::text,
    schedule::{
        job_changes::{JobChanges, Mode},
        own_table::readable,
    },
    session::Session,
};

/// A row of `refreshtop.undo` that is about `pg_cron`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// About a job of the contract, by the contract's name: how it was found, if it was.
    Job(String, Option<Found>),
    /// A job of somebody else refreshed a view.
    Paused {
        /// Under which name the view is managed.
        view: String,
        /// How the job was before it was paused.
        found: Found,
        /// Whether the view is managed still.
        managed: bool,
    },
    /// The extension was created on behalf of this database.
    Extension,
    /// [`JOB_ROLE`] was given rights on `pg_cron`, so that the installation can show and change its jobs.
    Rights,
}

/// The name under which rights are noted.
pub(super) const RIGHTS: &str = "rights of refreshtop_job";

pub(super) const AS_OWNER: &str = "SELECT refreshtop_migration.as_owner()";
pub(super) const AS_MIGRATOR: &str = "SELECT refreshtop_migration.as_migrator()";

pub(super) async fn notes(app: &mut Session) -> Result<Vec<Note>> {
    if !readable(app, "undo").await? {
        return Ok(Vec::new());
    }
    let managed = if readable(app, "views").await? {
        "EXISTS (SELECT FROM refreshtop.views v WHERE v.refresh_type = object_name)"
    } else {
        "true"
    };
    let sql = format!(
        "SELECT kind, object_name, (detail -> 'found')::text AS found, (detail -> 'paused')::text AS paused,
                {managed} AS managed
         FROM refreshtop.undo WHERE kind IN ('job', 'extension') ORDER BY at"
    );
    let mut notes = Vec::new();
    for row in app.ask(&sql, &[]).await? {
        let name = text(&row, "object_name")?.unwrap_or_default();
        notes.push(if row.try_get::<String, _>("kind")? == "extension" {
            if name == RIGHTS { Note::Rights } else { Note::Extension }
        } else if let Some(paused) = text(&row, "paused")? {
            let Ok(found) = serde_json::from_str(&paused) else { continue };
            Note::Paused { view: name, found, managed: row.try_get("managed")? }
        } else {
            let found = text(&row, "found")?.and_then(|found| serde_json::from_str(&found).unwrap_or_default());
            Note::Job(name, found)
        });
    }
    Ok(notes)
}

/// A row for `refreshtop.undo`.
pub(super) fn note(kind: &str, name: &str, detail: &serde_json::Value) -> String {
    format!(
        "INSERT INTO refreshtop.undo (step, kind, object_schema, object_name, detail) VALUES (0, {}, 'cron', {}, {}::jsonb)
         ON CONFLICT DO NOTHING",
        literal(kind),
        literal(name),
        literal(&detail.to_string())
    )
}

/// Notes in the application's database how the jobs were found. `app` is the transaction that migrates, in which
/// [`migrate::enter`] is in force.
pub async fn write_notes(app: &mut Session, done: &mut JobChanges, mode: Mode) -> Result<()> {
    let notes = std::mem::take(&mut done.notes);
    if mode == Mode::Really && !notes.is_empty() {
        app.ask(AS_OWNER, &[]).await?;
        for sql in &notes {
            app.ask(sql, &[]).await?;
        }
        app.ask(AS_MIGRATOR, &[]).await?;
    }
    done.statements.extend(notes);
    Ok(())
}

/// Forgets what was noted: the jobs are as they were before, or, with `only_extension`, the extension was not created. `app`
/// is a transaction in which [`migrate::enter`] is in force.
pub async fn forget(app: &mut Session, only_extension: bool) -> Result<()> {
    let kinds = if only_extension { "'extension'" } else { "'job', 'extension'" };
    app.ask(AS_OWNER, &[]).await?;
    app.ask(&format!("DELETE FROM refreshtop.undo WHERE kind IN ({kinds})"), &[]).await?;
    app.ask(AS_MIGRATOR, &[]).await?;
    Ok(())
}
