//! What an installation consists of, and what is missing or changed of it.

use super::MigrateError;
use crate::{
    error::Result,
    parameter::Parameter,
    row::{FromRow, Row},
    session::Session,
};

/// What is installed of refreshtop, as rows (kind, object, detail); reads only catalogues.
pub const INVENTORY: &str = include_str!("../inventory.sql");

/// New lines of the inventory that may give somebody access. A grant to a role is intended, except on a sequence.
pub const OPENED: &str =
    "(kind IN ('trigger', 'rule', 'setting') OR kind = 'policy' AND detail NOT LIKE 'application\\_%'
    OR kind = 'grant' AND (detail LIKE '% PUBLIC' AND object NOT LIKE 'table public.platform_metrics'
                           OR object LIKE 'sequence %'))";

pub(super) const AT_HOME: &str = "
    UPDATE refreshtop.home h SET system_identifier = s.system_identifier, database_oid = d.oid, database_name = d.datname
    FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()";

/// Which database of which cluster an installation was migrated in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The cluster's `system_identifier`.
    pub system_identifier: i64,
    /// The database's oid, which changes with a copy and not with a rename.
    pub database_oid: i64,
    /// The database's name.
    pub database_name: String,
}

impl FromRow for Home {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            system_identifier: row.try_get("system_identifier")?,
            database_oid: row.try_get("database_oid")?,
            database_name: row.try_get("database_name")?,
        })
    }
}

/// Whether the triggers and tables are those that have kept the sums of the log; the same as `refreshtop.has_sums()`,
/// which a session with great rights does not call.
const SUMMED: &str = "
    keepers = (SELECT string_agg(k.keeper, ', ' ORDER BY k.keeper) FROM (
        SELECT concat_ws(' ', t.tgname, t.tgenabled, t.tgfoid, t.xmin) AS keeper
        FROM pg_trigger t WHERE t.tgrelid = log AND NOT t.tgisinternal
        UNION ALL
        SELECT concat_ws(' ', c.relname, c.oid) FROM pg_class c
        WHERE c.oid IN (to_regclass('refreshtop.log_days'), to_regclass('refreshtop.log_newest'),
                        to_regclass('refreshtop.log_outdated'))) k)
    AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = log)";

/// The row of another database's installation.
pub(super) const MOVED_FROM: &str = "
    SELECT h.system_identifier, h.database_oid::bigint AS database_oid, h.database_name::text AS database_name
    FROM refreshtop.home h CROSS JOIN pg_control_system() s CROSS JOIN pg_database d
    WHERE d.datname = current_database()
      AND (h.system_identifier, h.database_oid, h.database_name) IS DISTINCT FROM (s.system_identifier, d.oid, d.datname)";

/// The database that the installation belongs to, if that is another one. In a restored database everything else is
/// complete.
pub(super) async fn moved_from(connection: &mut Session) -> Result<Option<Home>> {
    if !exists(connection, "refreshtop.home").await? {
        return Ok(None);
    }
    connection.optional(MOVED_FROM, &[]).await?.as_ref().map(Home::from_row).transpose()
}

/// What the last migration left and is missing or changed now, a phrase each; `own` tells whether `platform_metrics` is
/// installed.
pub(super) async fn changes(connection: &mut Session, own: bool) -> Result<Vec<String>> {
    if !exists(connection, "refreshtop.inventory").await? {
        return Ok(vec!["table refreshtop.inventory".into()]);
    }
    let sql = format!(
        "SELECT DISTINCT concat_ws(' ', kind, CASE kind WHEN 'grant' THEN detail || ' on ' || object WHEN 'policy' THEN split_part(detail, ' ', 1) || ' of ' || object
             WHEN 'column' THEN split_part(detail, ' ', 1) || ' of ' || object WHEN 'unique index' THEN 'of ' || object
             WHEN 'setting' THEN split_part(detail, '=', 1) || ' of ' || object ELSE object END) AS missing
         FROM ((SELECT kind, object, detail FROM refreshtop.inventory EXCEPT SELECT kind, object, detail FROM ({INVENTORY}) now
                WHERE kind <> 'role' OR object = ANY (string_to_array(current_setting('refreshtop.roles_here'), ',')))
               UNION ALL (SELECT kind, object, detail FROM ({INVENTORY}) now WHERE {OPENED}
                          EXCEPT SELECT kind, object, detail FROM refreshtop.inventory)) gone ORDER BY 1"
    );
    let gone: Result<Vec<String>> = connection.ask(&sql, &[]).await?.iter().map(|row| row.try_get(0)).collect();
    let mut gone = gone?;
    // The inventory is of catalogues; without these rows nothing is refreshed.
    for (table, row, phrase) in [
        ("refreshtop.views", "refresh_type = 'platform_metrics'", "registration of platform_metrics"),
        ("refreshtop.home", "true", "row of refreshtop.home"),
        ("refreshtop.attempt_key", "true", "row of refreshtop.attempt_key"),
        ("refreshtop.log_summed", SUMMED, "sums of the refresh log"),
    ] {
        if table == "refreshtop.views" && !own {
            continue;
        }
        if exists(connection, table).await?
            && connection.optional(&format!("SELECT 1 FROM {table} WHERE {row}"), &[]).await?.is_none()
        {
            gone.push(phrase.into());
        }
    }
    Ok(gone)
}

pub(super) async fn exists(connection: &mut Session, relation: &str) -> Result<bool> {
    connection.one("SELECT to_regclass($1) IS NOT NULL", &[Parameter::Text(relation)]).await?.try_get(0)
}

/// Whether the view exists: it may have been dropped together with a table that it reads.
pub async fn has_view(connection: &mut Session) -> Result<bool> {
    let view = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relname = 'platform_metrics'";
    Ok(connection.optional(view, &[]).await?.is_some())
}

/// What the black box will not see, because the installation's owner may not: one line, or none.
pub async fn blind_spot(connection: &mut Session) -> Result<Option<String>, MigrateError> {
    let blind = "SELECT r.rolname::text FROM pg_namespace n
                 JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = 'black_box' JOIN pg_roles r ON r.oid = p.proowner
                 WHERE n.nspname = 'refreshtop_definers' AND NOT pg_has_role(r.oid, 'pg_read_all_stats', 'USAGE')";
    let blind: Option<String> = connection.optional(blind, &[]).await?.map(|row| row.try_get(0)).transpose()?;
    Ok(blind.map(|owner| {
        format!(
            "note: role {owner} may not see what other roles' sessions do, so the record of a failed refresh will name a \
             session in the way, but not its state and query: GRANT pg_read_all_stats TO {owner} fixes that"
        )
    }))
}
