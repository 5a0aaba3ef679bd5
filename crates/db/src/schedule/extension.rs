//! `pg_cron` itself: its extension, its tables, and what makes a transaction there safe.

use crate::{
    error::{self, Result},
    migrate,
    quote::quoted,
    schedule::failure::{ScheduleError, ends_all},
    session::Session,
};

/// Whether `cron.job` and its history are `pg_cron`'s own: any role that may create a schema can make tables of these
/// names if `pg_cron` is not there, and views whose functions run as the reading role.
pub(crate) const OWN_TABLES: &str = "
    (SELECT count(*) = 2 FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_cron'
     JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'r' AND c.relname IN ('job', 'job_run_details')
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'cron'
     JOIN pg_catalog.pg_roles r ON r.oid = c.relowner AND r.rolsuper
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e'
       AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass)";

/// Whether `cron.job` can be read here without running code of others.
pub(crate) async fn has_own_tables(there: &Session) -> Result<bool> {
    there.one(&format!("SELECT {OWN_TABLES}"), &[]).await?.try_get(0)
}

/// Whether this role may read `cron.job` here, and can without running code of others.
pub(crate) async fn is_readable(there: &Session) -> Result<bool> {
    let sql = format!(
        "SELECT {OWN_TABLES} AND EXISTS (SELECT 1 FROM pg_catalog.pg_namespace n WHERE n.nspname = 'cron'
                                         AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))"
    );
    there.one(&sql, &[]).await?.try_get(0)
}

/// Takes the lock under which the jobs are changed, until the transaction ends: another database's migrator may be about to
/// create the extension or to take the same name, and another one's rollback to drop the extension because it has no job
/// yet. Gives a row without columns.
pub(crate) fn lock() -> String {
    format!("SELECT FROM pg_catalog.pg_advisory_xact_lock({}, 1)", migrate::LOCK_CLASS)
}

pub(super) async fn has_extension(cron: &mut Session) -> Result<bool> {
    cron.one("SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron')", &[]).await?.try_get(0)
}

/// Creates it; `false` if somebody else has done so meanwhile.
pub(super) async fn create_extension(cron: &mut Session, database: &str) -> Result<bool, ScheduleError> {
    match cron.ask("CREATE EXTENSION pg_cron", &[]).await {
        Ok(_) => Ok(true),
        Err(failure) if ends_all(&failure) => Err(failure.into()),
        Err(_) if has_extension(cron).await? => Ok(false),
        Err(failure) => {
            Err(ScheduleError::NoExtension { database: database.into(), reason: error::sentence(&failure) })
        }
    }
}

/// The statement that goes back to the role that is in force now.
pub(crate) async fn role_now(connection: &Session) -> Result<String> {
    let role: String = connection.one("SELECT pg_catalog.current_setting('role')", &[]).await?.try_get(0)?;
    Ok(if role == "none" { "SET LOCAL ROLE NONE".into() } else { format!("SET LOCAL ROLE {}", quoted(&role)) })
}

/// The name that the server has for the database of `app`: a pooler's may be another one.
pub async fn current_database(app: &mut Session) -> Result<String> {
    app.one("SELECT pg_catalog.current_database()::pg_catalog.text", &[]).await?.try_get(0)
}
