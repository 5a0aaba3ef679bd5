//! Managing views. What is read before comes from the catalogues alone, in the transaction of a migration: nothing of a
//! view is planned or executed with the rights of whoever manages it. Only the first refresh runs its query, as the
//! view's owner.

mod examine;

pub use examine::{candidates, examine, managed};

use crate::{
    error::{self, Error, Result},
    migrate::{self, MigrateError},
    parameter::Parameter,
    quote::identifier,
    session::Session,
};
use refreshtop_core::{
    address::ViewId,
    manage::{Candidate, Examination, Outcome, function_of},
};
use serde::Deserialize;
use std::fmt::Write as _;

/// Whether this session may change which views are managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permitted {
    /// It may.
    Yes,
    /// Its role may not.
    No,
    /// There is nothing installed that could.
    NotMigrated,
}

/// Whether this session may change which views are managed; reads catalogues only.
pub async fn permitted(session: &Session) -> Result<Permitted> {
    let sql = "SELECT EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                              WHERE n.nspname = 'refreshtop' AND p.proname = 'change_view') AS installed,
                      EXISTS (SELECT FROM pg_roles r LEFT JOIN pg_namespace n ON n.nspname = 'refreshtop'
                              WHERE r.rolname = current_user
                                AND (r.rolsuper OR r.rolcreaterole OR pg_has_role(n.nspowner, 'USAGE'))) AS may";
    let row = session.one(sql, &[]).await?;
    Ok(match (row.try_get("installed")?, row.try_get("may")?) {
        (false, _) => Permitted::NotMigrated,
        (true, true) => Permitted::Yes,
        (true, false) => Permitted::No,
    })
}

/// What a trial refresh answered.
#[derive(Debug, Deserialize)]
struct Reply {
    status: String,
    #[serde(default)]
    duration_ms: f64,
    #[serde(default)]
    concurrently: bool,
    #[serde(default)]
    sqlstate: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    hint: String,
    #[serde(default)]
    context: String,
}

/// Manages a view that was examined, and refreshes it, in one transaction. If it can't be refreshed, it is not managed.
pub async fn manage(session: &mut Session, found: &Examination, blocking: bool) -> Result<Outcome, MigrateError> {
    let view = &found.view;
    let failed = match attempt(session, found, blocking, None).await? {
        Ok(managed) => return Ok(managed),
        Err(failed) => failed,
    };
    // Up to 16 a search path can be given to the query; where it may lead is for the database to judge.
    if !failed.lacks_name() || session.one(RELEASE, &[]).await?.try_get::<i32, _>(0)? >= 170_000 {
        return Ok(Outcome::Refused { reason: failed.reason });
    }
    let schema = identifier(&view.schema);
    let mut paths = vec![schema.clone()];
    if view.schema != "public" {
        paths.push(format!("{schema}, public"));
    }
    let mut reason = failed.reason;
    for path in paths {
        match attempt(session, found, blocking, Some(&path)).await? {
            Ok(managed) => return Ok(managed),
            // The path was tried, and does not help, or helps to the next failure.
            Err(again) if again.trial && again.lacks_name() => {}
            Err(again) => {
                let _ = write!(reason, "; with search path {path}: {}", again.reason);
                break;
            }
        }
    }
    Ok(Outcome::Refused { reason })
}

const RELEASE: &str = "SELECT current_setting('server_version_num')::integer";

/// Why an attempt to manage a view was taken back.
struct Failed {
    sqlstate: String,
    reason: String,
    trial: bool,
}

impl Failed {
    /// Whether the query did not find something by its name.
    fn lacks_name(&self) -> bool {
        self.trial && ["42P01", "42883", "42704", "3F000", "42703"].contains(&&*self.sqlstate)
    }

    fn of(failure: &Error) -> Self {
        let server = error::server_error(failure);
        let mut reason = server.map_or_else(|| error::sentence(failure), |server| server.message().to_owned());
        if let Some(hint) = server.and_then(|server| server.hint()) {
            let _ = write!(reason, "; {hint}");
        }
        let sqlstate = error::code(failure).unwrap_or_default().to_owned();
        Self { sqlstate, reason, trial: false }
    }

    fn of_trial(view: &Candidate, reply: &Reply) -> Self {
        let mut reason = format!("the first refresh of {} failed: {}", view.id, reply.message);
        if !reply.sqlstate.is_empty() {
            let _ = write!(reason, " (SQLSTATE {})", reply.sqlstate);
        }
        let mut failed = Self { sqlstate: reply.sqlstate.clone(), reason, trial: true };
        let function = function_of(&reply.context);
        if let Some(function) = function {
            let _ = write!(failed.reason, ", in function {function}");
        }
        match function {
            Some(function) if failed.lacks_name() => {
                let _ = write!(
                    failed.reason,
                    "; a refresh does not find unqualified names: ALTER FUNCTION {function} SET search_path = …, or \
                     write the name with its schema"
                );
            }
            None if failed.lacks_name() && reply.hint.is_empty() => {
                failed.reason.push_str("; a refresh does not find unqualified names: write the name with its schema");
            }
            _ if !reply.hint.is_empty() => {
                let _ = write!(failed.reason, "; {}", reply.hint);
            }
            _ => {}
        }
        failed
    }
}

async fn attempt(
    session: &mut Session,
    found: &Examination,
    blocking: bool,
    path: Option<&str>,
) -> Result<Result<Outcome, Failed>, MigrateError> {
    let view = &found.view;
    let mut pending = migrate::begin_jobs(session).await?;
    let app = pending.connection();
    let registered = register(app, view, blocking, path).await;
    let managed = match registered {
        Ok(id) => {
            // The rights that the transaction took are given back before code of others runs.
            migrate::leave(app).await?;
            let refresh = "SELECT refreshtop.refresh($1, 'manual')::text";
            app.one(refresh, &[Parameter::Text(&id)]).await.and_then(|row| row.try_get::<String, _>(0))
        }
        Err(failure) => Err(failure),
    };
    let reply = match managed {
        Ok(reply) => serde_json::from_str::<Reply>(&reply).map_err(|failure| Error::Decode(failure.to_string()))?,
        Err(failure) if error::server_error(&failure).is_some() => {
            pending.rollback().await?;
            return Ok(Err(Failed::of(&failure)));
        }
        Err(failure) => return Err(failure.into()),
    };
    if reply.status != "success" {
        pending.rollback().await?;
        return Ok(Err(Failed::of_trial(view, &reply)));
    }
    if !blocking && !found.has_sure_key {
        let lost = match lost_rows(pending.connection(), view).await {
            Err(MigrateError::Database(failure)) if error::server_error(&failure).is_some() => {
                Some(format!("the rows of its query can't be counted: {}", Failed::of(&failure).reason))
            }
            lost => lost?,
        };
        if let Some(reason) = lost {
            pending.rollback().await?;
            return Ok(Err(Failed { sqlstate: String::new(), reason, trial: false }));
        }
    }
    pending.commit().await?;
    Ok(Ok(Outcome::Managed {
        duration_ms: reply.duration_ms,
        concurrently: reply.concurrently,
        search_path: path.map(ToOwned::to_owned),
    }))
}

/// Why concurrent refreshes would lose rows without an error; `None` if they don't.
async fn lost_rows(app: &mut Session, view: &Candidate) -> Result<Option<String>, MigrateError> {
    migrate::enter(app).await?;
    app.run(include_str!("lost_rows.sql")).await?;
    let sql = "SELECT refreshtop_migration.lost_rows(v.view_oid,
                          coalesce(v.settings ->> 'search_path', 'pg_catalog, pg_temp'))
               FROM refreshtop.views v WHERE v.view_oid = $1::oid";
    let row = app.optional(sql, &[Parameter::Number(view.oid.unwrap_or_default())]).await?;
    let lost = row.map(|row| row.try_get::<Option<String>, _>(0)).transpose()?.flatten();
    migrate::leave(app).await?;
    Ok(lost.map(|problem| {
        format!(
            "{problem}; create the unique index on columns that tell the rows of the query apart, or use --blocking"
        )
    }))
}

/// Registers the very view that was examined; the name under which it is managed.
async fn register(app: &Session, view: &Candidate, blocking: bool, path: Option<&str>) -> Result<String> {
    let sql = "SELECT refreshtop.manage($1::oid::regclass, $2, $3::name)";
    let parameters = [
        Parameter::Number(view.oid.unwrap_or_default()),
        Parameter::OptionalFlag(Some(blocking)),
        Parameter::Text(&view.owner),
    ];
    let id: String = app.one(sql, &parameters).await?.try_get(0)?;
    if let Some(path) = path {
        change(app, &id, &serde_json::json!({"search_path": path})).await?;
    }
    Ok(id)
}

async fn change(app: &Session, id: &str, changes: &serde_json::Value) -> Result<()> {
    let sql = "SELECT refreshtop.change_view($1, $2::jsonb)";
    app.ask(sql, &[Parameter::Text(id), Parameter::Text(&changes.to_string())]).await.map(|_| ())
}

/// Manages a view no longer. `Err` is why it can't be done.
pub async fn unmanage(session: &mut Session, id: &ViewId) -> Result<Result<(), String>, MigrateError> {
    act(session, async |app: &mut Session| {
        app.ask("SELECT refreshtop.unmanage($1)", &[Parameter::Text(id.as_str())]).await.map(|_| ())
    })
    .await
}

/// The same within a transaction. `Err` is why it can't be done. `app` is a transaction in which [`migrate::enter`] is in
/// force, and which a failure ends.
pub async fn unmanage_within(app: &mut Session, id: &ViewId) -> Result<Result<(), String>> {
    match app.ask("SELECT refreshtop.unmanage($1, false)", &[Parameter::Text(id.as_str())]).await {
        Ok(_) => Ok(Ok(())),
        Err(failure) if error::server_error(&failure).is_some() => Ok(Err(Failed::of(&failure).reason)),
        Err(failure) => Err(failure),
    }
}

/// Gives a view a schedule. `app` is a transaction in which [`migrate::enter`] is in force.
pub async fn schedule(app: &Session, id: &str, schedule: &str) -> Result<()> {
    change(app, id, &serde_json::json!({"schedule": schedule})).await
}

/// Changes how a view is refreshed. `Err` is why it can't be done.
pub async fn set(
    session: &mut Session,
    id: &ViewId,
    changes: &serde_json::Value,
) -> Result<Result<(), String>, MigrateError> {
    act(session, async |app: &mut Session| change(app, id.as_str(), changes).await).await
}

async fn act(
    session: &mut Session,
    work: impl AsyncFnOnce(&mut Session) -> Result<()>,
) -> Result<Result<(), String>, MigrateError> {
    let mut pending = migrate::begin_jobs(session).await?;
    match work(pending.connection()).await {
        Ok(()) => {
            migrate::leave(pending.connection()).await?;
            pending.commit().await?;
            Ok(Ok(()))
        }
        Err(failure) if error::server_error(&failure).is_some() => {
            pending.rollback().await?;
            Ok(Err(Failed::of(&failure).reason))
        }
        Err(failure) => Err(failure.into()),
    }
}
