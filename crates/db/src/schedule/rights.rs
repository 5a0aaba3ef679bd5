//! Rights on `pg_cron` of the role that the jobs run as, if `pg_cron` is in the application's database: functions of
//! that role show the installation's administrators what the jobs do, and change them.

use crate::{
    error::Result,
    schedule::{
        installation::Identity,
        job_editor::{ALTERING, Act, JobEditor},
        job_spec::JOB_ROLE,
        notes::{Note, RIGHTS, note},
    },
};
use serde_json::json;

impl JobEditor<'_> {
    /// Gives the role what it lacks. Only a superuser can.
    pub(super) async fn ensure_rights(&mut self) -> Result<()> {
        if !self.superuser || self.installation.alone || self.installation.database != self.cron_database {
            return Ok(());
        }
        let has = format!(
            "SELECT EXISTS (SELECT 1 FROM pg_roles r, pg_namespace n, pg_proc p
                 WHERE r.rolname = '{JOB_ROLE}' AND n.nspname = 'cron' AND p.pronamespace = n.oid AND p.proname = 'alter_job'
                   AND has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))"
        );
        if self.cron.one(&has, &[]).await?.try_get(0)? {
            return Ok(());
        }
        for right in ALTERING {
            self.act(&Act { sql: format!("GRANT {right} TO {JOB_ROLE}"), role: None }).await?;
        }
        if !self.installation.notes.contains(&Note::Rights) || self.installation.identity == Identity::Copy {
            self.done.notes.push(note("extension", RIGHTS, &json!({"cron_database": self.cron_database})));
        }
        Ok(())
    }

    /// Takes from the role what it was given.
    pub(super) async fn take_rights_away(&mut self) -> Result<()> {
        if self.superuser
            && self.installation.database == self.cron_database
            && self.installation.notes.contains(&Note::Rights)
        {
            for right in ALTERING {
                self.act(&Act { sql: format!("REVOKE {right} FROM {JOB_ROLE}"), role: None }).await?;
            }
        }
        Ok(())
    }
}
