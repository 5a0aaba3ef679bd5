//! Whether a table of refreshtop's own is safe to read.

use crate::{error::Result, parameter::Parameter, session::Session};

/// Whether a table of ours can be read without running code of others, and by this role.
pub(super) async fn readable(app: &mut Session, table: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (
             SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_roles o ON o.oid = c.relowner JOIN pg_roles s ON s.oid = n.nspowner
             WHERE n.nspname = 'refreshtop' AND c.relname = $1 AND c.relkind = 'r' AND NOT c.relhasrules
               AND (o.rolsuper OR o.rolname IN (current_user, 'refreshtop_owner'))
               AND (s.rolsuper OR s.rolname IN (current_user, 'refreshtop_owner'))
               AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))";
    app.one(sql, &[Parameter::Text(table)]).await?.try_get(0)
}
