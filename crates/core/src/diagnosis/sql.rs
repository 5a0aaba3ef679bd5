//! Every statement that a diagnosis names: those of the fixes, those that undo them, and those that it only advises.

use super::fix::{Backend, Fix, FixAction, JobChange, NewJob, RemovedJob};

/// A string constant, whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', r"\\")) } else { format!("'{quoted}'") }
}

/// A name in double quotes.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Fix {
    /// Exactly what is executed: one statement.
    pub fn sql(&self) -> String {
        statement(self)
    }

    /// The statement that takes it back, in the same database; `None` if nothing does.
    pub fn undo(&self) -> Option<String> {
        undo(self)
    }
}

fn statement(fix: &Fix) -> String {
    match &fix.action {
        FixAction::CancelBackend(backend) => signal("pg_cancel_backend", backend),
        FixAction::TerminateBackend(backend) => signal("pg_terminate_backend", backend),
        FixAction::RollbackPrepared { gid } => format!("ROLLBACK PREPARED {}", literal(gid)),
        FixAction::CreateIndex { schema, view, name, column, concurrently } => {
            let how = if *concurrently { "CONCURRENTLY " } else { "" };
            let (name, column) = (identifier(name), identifier(column));
            format!("CREATE UNIQUE INDEX {how}{name} ON {} ({column})", qualified(schema, view))
        }
        FixAction::DropIndex { name } => format!("DROP INDEX CONCURRENTLY {name}"),
        FixAction::Analyze { relation } => format!("ANALYZE {relation}"),
        FixAction::Vacuum { relation } => format!("VACUUM (ANALYZE) {relation}"),
        FixAction::CleanUpLog => "SELECT refreshtop.cleanup_logs()".into(),
        FixAction::Refresh { view } => format!("SELECT refreshtop.refresh({}, 'manual')", literal(view)),
        FixAction::RenameView { schema, from, to } => rename(schema, from, to),
        FixAction::MoveView { name, from, to } => relocate(name, from, to),
        FixAction::GrantSelect { table, role } => format!("GRANT SELECT ON {table} TO {}", identifier(role)),
        FixAction::SetSearchPath { function, schema } => {
            format!("ALTER FUNCTION {function} SET search_path = {}, pg_temp", identifier(schema))
        }
        FixAction::EnableRowSecurity => "ALTER TABLE public.metrics_refresh_log ENABLE ROW LEVEL SECURITY".into(),
        FixAction::CreateExtension => "CREATE EXTENSION pg_cron".into(),
        FixAction::ScheduleJob(job) => schedule(job, &fix.database),
        FixAction::AlterJob { id, change } => alter_job(*id, change),
        FixAction::UnscheduleJob { id, .. } => format!("SELECT cron.unschedule({id}::bigint)"),
        FixAction::RevokeExecute { function } => format!("REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC"),
    }
}

fn undo(fix: &Fix) -> Option<String> {
    match &fix.action {
        FixAction::CreateIndex { schema, name, .. } => {
            Some(format!("DROP INDEX CONCURRENTLY {}", qualified(schema, name)))
        }
        FixAction::RenameView { schema, from, to } => Some(rename(schema, to, from)),
        FixAction::MoveView { name, from, to } => Some(relocate(name, to, from)),
        FixAction::GrantSelect { table, role } => Some(format!("REVOKE SELECT ON {table} FROM {}", identifier(role))),
        FixAction::SetSearchPath { function, .. } => Some(format!("ALTER FUNCTION {function} RESET search_path")),
        FixAction::EnableRowSecurity => {
            Some("ALTER TABLE public.metrics_refresh_log DISABLE ROW LEVEL SECURITY".into())
        }
        FixAction::CreateExtension => Some("DROP EXTENSION pg_cron".into()),
        FixAction::ScheduleJob(job) => {
            let (name, role) = (literal(&job.name), literal(&job.role));
            Some(format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = {name} AND username = {role}"))
        }
        FixAction::AlterJob { id, change } => alter_job_back(*id, change),
        FixAction::UnscheduleJob { removed, .. } => removed.as_ref().map(schedule_again),
        FixAction::RevokeExecute { function } => Some(format!("GRANT EXECUTE ON FUNCTION {function} TO PUBLIC")),
        FixAction::CancelBackend(_)
        | FixAction::TerminateBackend(_)
        | FixAction::RollbackPrepared { .. }
        | FixAction::DropIndex { .. }
        | FixAction::Analyze { .. }
        | FixAction::Vacuum { .. }
        | FixAction::CleanUpLog
        | FixAction::Refresh { .. } => None,
    }
}

/// A relation's name with its schema.
fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

fn rename(schema: &str, from: &str, to: &str) -> String {
    format!("ALTER MATERIALIZED VIEW {} RENAME TO {}", qualified(schema, from), identifier(to))
}

fn relocate(name: &str, from: &str, to: &str) -> String {
    format!("ALTER MATERIALIZED VIEW {} SET SCHEMA {}", qualified(from, name), identifier(to))
}

fn signal(function: &str, Backend { pid, started_at }: &Backend) -> String {
    format!(
        "SELECT {function}(pid) FROM pg_catalog.pg_stat_activity WHERE pid = {pid} AND backend_start = {}",
        literal(started_at)
    )
}

fn schedule(job: &NewJob, cron_database: &str) -> String {
    let (name, schedule, command) = (literal(&job.name), literal(&job.schedule), literal(&job.command));
    let (database, role) = (literal(&job.database), literal(&job.role));
    let call = if job.for_another {
        format!("cron.schedule_in_database({name}, {schedule}, {command}, {database}, username := {role})")
    } else if job.database == cron_database {
        format!("cron.schedule({name}, {schedule}, {command})")
    } else {
        format!("cron.schedule_in_database({name}, {schedule}, {command}, {database})")
    };
    // Somebody may have taken the name since the diagnosis.
    let taken = format!("SELECT FROM cron.job WHERE jobname = {name} AND username = {role}");
    format!("SELECT {call} WHERE NOT EXISTS ({taken})")
}

fn schedule_again(job: &RemovedJob) -> String {
    let (schedule, command, database) = (literal(&job.schedule), literal(&job.command), literal(&job.database));
    let role = job.role.as_deref().map(|role| format!(", username := {}", literal(role))).unwrap_or_default();
    match &job.name {
        Some(name) => {
            let name = literal(name);
            format!("SELECT cron.schedule_in_database({name}, {schedule}, {command}, {database}{role})")
        }
        // Only cron.schedule() makes a job without a name, and only in this database.
        None => format!("SELECT cron.alter_job(cron.schedule({schedule}, {command}), database := {database}{role})"),
    }
}

fn alter_job(id: i64, change: &JobChange) -> String {
    let argument = match change {
        JobChange::Activate => "active := true".to_owned(),
        JobChange::Pause => "active := false".to_owned(),
        JobChange::Schedule { to, .. } => format!("schedule := {}", literal(to)),
        JobChange::Command { to, .. } => format!("command := {}", literal(to)),
        JobChange::Role { to, .. } => format!("username := {}", literal(to)),
    };
    format!("SELECT cron.alter_job({id}, {argument})")
}

fn alter_job_back(id: i64, change: &JobChange) -> Option<String> {
    let argument = match change {
        JobChange::Activate => "active := false".to_owned(),
        JobChange::Pause => "active := true".to_owned(),
        JobChange::Schedule { from, .. } => format!("schedule := {}", literal(from.as_deref()?)),
        JobChange::Command { from, .. } => format!("command := {}", literal(from.as_deref()?)),
        JobChange::Role { from, .. } => format!("username := {}", literal(from.as_deref()?)),
    };
    Some(format!("SELECT cron.alter_job({id}, {argument})"))
}

/// Statements that are only suggested, since only a person can judge whether they are right.
pub(super) mod advised {
    use super::identifier;

    pub const DROP_SLOT: &str = "SELECT pg_drop_replication_slot('…')";
    pub const REVOKE_LOG: &str = "REVOKE ALL ON public.metrics_refresh_log FROM PUBLIC";

    /// `table` is quoted already.
    pub fn no_force_row_security(table: &str) -> String {
        format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    }

    pub fn bypass_row_security(role: &str) -> String {
        format!("ALTER ROLE {} BYPASSRLS", identifier(role))
    }

    /// `function` is quoted already.
    pub fn reset_row_security(function: &str) -> String {
        format!("ALTER FUNCTION {function} RESET row_security")
    }

    pub fn drop_owned(role: &str) -> String {
        format!("DROP OWNED BY {} CASCADE", identifier(role))
    }

    pub fn drop_role(role: &str) -> String {
        format!("DROP ROLE {}", identifier(role))
    }

    pub fn revoke_admin(role: &str) -> String {
        format!("REVOKE refreshtop_admin FROM {} CASCADE", identifier(role))
    }

    pub fn drop_log_policy(policy: &str) -> String {
        format!("DROP POLICY {} ON public.metrics_refresh_log", identifier(policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_escapes_its_quotes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'; DROP"), r"E'\\''; DROP'");
        assert_eq!(identifier("a\"; DROP"), "\"a\"\"; DROP\"");
    }

    fn both(action: FixAction) -> (String, Option<String>) {
        let fix = Fix::new(action, "postgres");
        (fix.sql(), fix.undo())
    }

    fn new_job() -> NewJob {
        NewJob {
            title: "j".into(),
            name: "j@app".into(),
            schedule: "@daily".into(),
            command: "SELECT 'x'".into(),
            database: "app".into(),
            role: "r".into(),
            for_another: false,
        }
    }

    #[test]
    fn a_job_is_scheduled_where_it_belongs_and_taken_out_again() {
        let (sql, undo) = both(FixAction::ScheduleJob(new_job()));
        let once = "WHERE NOT EXISTS (SELECT FROM cron.job WHERE jobname = 'j@app' AND username = 'r')";
        let call = "cron.schedule_in_database('j@app', '@daily', 'SELECT ''x''', 'app'";
        assert_eq!(sql, format!("SELECT {call}) {once}"));
        assert_eq!(
            undo.as_deref(),
            Some("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'j@app' AND username = 'r'")
        );
        let (sql, _) = both(FixAction::ScheduleJob(NewJob { database: "postgres".into(), ..new_job() }));
        assert_eq!(sql, format!("SELECT cron.schedule('j@app', '@daily', 'SELECT ''x''') {once}"));
        let (sql, _) = both(FixAction::ScheduleJob(NewJob { for_another: true, ..new_job() }));
        assert_eq!(sql, format!("SELECT {call}, username := 'r') {once}"));
    }

    #[test]
    fn a_removed_job_comes_back_as_it_was() {
        let removed = |name: Option<&str>, role: Option<&str>| RemovedJob {
            name: name.map(Into::into),
            schedule: "@daily".into(),
            command: "SELECT 1".into(),
            database: "app".into(),
            role: role.map(Into::into),
        };
        let of = |removed| both(FixAction::UnscheduleJob { id: 3, removed });
        assert_eq!(of(None), ("SELECT cron.unschedule(3::bigint)".into(), None));
        assert_eq!(
            of(Some(removed(Some("j"), Some("r")))).1.unwrap(),
            "SELECT cron.schedule_in_database('j', '@daily', 'SELECT 1', 'app', username := 'r')"
        );
        assert_eq!(
            of(Some(removed(None, None))).1.unwrap(),
            "SELECT cron.alter_job(cron.schedule('@daily', 'SELECT 1'), database := 'app')"
        );
    }

    #[test]
    fn a_change_of_a_job_is_undone_by_what_stood_there() {
        let of = |change| both(FixAction::AlterJob { id: 3, change });
        let (to, from) = ("new".to_owned(), Some("old".to_owned()));
        for (change, now, before) in [
            (JobChange::Activate, "active := true", "active := false"),
            (JobChange::Pause, "active := false", "active := true"),
            (JobChange::Schedule { to: to.clone(), from: from.clone() }, "schedule := 'new'", "schedule := 'old'"),
            (
                JobChange::Command { to: to.clone(), from: from.clone(), foreign: true },
                "command := 'new'",
                "command := 'old'",
            ),
            (JobChange::Role { to: to.clone(), from }, "username := 'new'", "username := 'old'"),
        ] {
            let call = |argument: &str| format!("SELECT cron.alter_job(3, {argument})");
            assert_eq!(of(change), (call(now), Some(call(before))));
        }
        assert_eq!(of(JobChange::Role { to, from: None }).1, None);
    }

    #[test]
    fn what_is_made_can_be_dropped_and_what_is_gone_stays_gone() {
        let index = |concurrently| FixAction::CreateIndex {
            schema: "shop".into(),
            view: "v".into(),
            name: "i".into(),
            column: "c".into(),
            concurrently,
        };
        let undo = Some("DROP INDEX CONCURRENTLY \"shop\".\"i\"".to_owned());
        let create = |how| format!("CREATE UNIQUE INDEX {how}\"i\" ON \"shop\".\"v\" (\"c\")");
        assert_eq!(both(index(true)), (create("CONCURRENTLY "), undo.clone()));
        assert_eq!(both(index(false)), (create(""), undo));
        assert_eq!(
            both(FixAction::RevokeExecute { function: "public.f()".into() }),
            (
                "REVOKE EXECUTE ON FUNCTION public.f() FROM PUBLIC".into(),
                Some("GRANT EXECUTE ON FUNCTION public.f() TO PUBLIC".into())
            )
        );
        assert_eq!(both(FixAction::CreateExtension).1.as_deref(), Some("DROP EXTENSION pg_cron"));
        assert!(both(FixAction::EnableRowSecurity).1.unwrap().ends_with("DISABLE ROW LEVEL SECURITY"));
        let backend = Backend { pid: 7, started_at: "then".into() };
        for action in [
            FixAction::CancelBackend(backend.clone()),
            FixAction::TerminateBackend(backend),
            FixAction::RollbackPrepared { gid: "g".into() },
            FixAction::DropIndex { name: "public.i".into() },
            FixAction::Analyze { relation: "public.t".into() },
            FixAction::Vacuum { relation: "public.t".into() },
            FixAction::CleanUpLog,
            FixAction::Refresh { view: "v".into() },
        ] {
            assert_eq!(both(action.clone()).1, None, "{action:?}");
        }
    }

    #[test]
    fn what_is_about_a_view_is_taken_back_word_by_word() {
        for (action, does, takes_back) in [
            (
                FixAction::RenameView { schema: "shop".into(), from: "old\"".into(), to: "v".into() },
                r#"ALTER MATERIALIZED VIEW "shop"."old""" RENAME TO "v""#,
                r#"ALTER MATERIALIZED VIEW "shop"."v" RENAME TO "old""""#,
            ),
            (
                FixAction::MoveView { name: "v".into(), from: "a".into(), to: "b".into() },
                r#"ALTER MATERIALIZED VIEW "a"."v" SET SCHEMA "b""#,
                r#"ALTER MATERIALIZED VIEW "b"."v" SET SCHEMA "a""#,
            ),
            (
                FixAction::GrantSelect { table: "shop.t".into(), role: "r".into() },
                r#"GRANT SELECT ON shop.t TO "r""#,
                r#"REVOKE SELECT ON shop.t FROM "r""#,
            ),
            (
                FixAction::SetSearchPath { function: "shop.f()".into(), schema: "shop".into() },
                r#"ALTER FUNCTION shop.f() SET search_path = "shop", pg_temp"#,
                "ALTER FUNCTION shop.f() RESET search_path",
            ),
        ] {
            assert_eq!(both(action), (does.to_owned(), Some(takes_back.to_owned())));
        }
        let refresh = FixAction::Refresh { view: "it's".into() };
        assert_eq!(both(refresh).0, "SELECT refreshtop.refresh('it''s', 'manual')");
    }
}
