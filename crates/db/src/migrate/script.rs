//! The migrations as SQL: what the migrator itself does between the steps, and all of it as one script for another tool.

use super::{
    inventory::{INVENTORY, MOVED_FROM},
    known, migrator, steps_up,
    transaction::{BEGIN, ENTER, FORGET_ROLES, LEAVE, LEAVE_ROLES, LOCK, owned},
};
use crate::quote::literal;
use sqlx::migrate::Migration;
use std::fmt::Write as _;

/// A statement or several, and what they are for.
type Titled = (String, String);

/// What these very steps have reported. Others write into the audit trail, too, and an earlier migration did.
pub(super) const KEPT: &str = "
    SELECT detail ->> 'message' FROM refreshtop.audit
    WHERE action = 'migrate up' AND outcome = 'kept' AND detail ->> 'transaction' = pg_current_xact_id()::text
    ORDER BY at";

/// Sentences about the roles that the steps leave for whoever migrates.
pub(super) const NOTICES: &str =
    "SELECT unnest(string_to_array(nullif(current_setting('refreshtop.notices', true), ''), chr(1)))";

/// Settings of the session that the script changes, and that whoever runs it may need again in the same transaction. The
/// search path is the last that is given back.
const SETTINGS: [&str; 10] = [
    "statement_timeout",
    "lock_timeout",
    "client_min_messages",
    "standard_conforming_strings",
    "quote_all_identifiers",
    "TimeZone",
    "DateStyle",
    "row_security",
    "check_function_bodies",
    "search_path",
];

/// What the steps are to install, for those of them that ask.
pub(super) fn parts(platform_metrics: bool) -> String {
    let parts = if platform_metrics { "platform_metrics" } else { "" };
    format!("SELECT set_config('refreshtop.parts', '{parts}', true)")
}

/// Notes that `step` is applied.
pub(super) fn note_step(step: &Migration) -> String {
    let checksum = step.checksum.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    format!(
        "INSERT INTO refreshtop.migrations (version, description, success, checksum, execution_time)
         VALUES ({}, {}, true, decode('{checksum}', 'hex'), 0)
         ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum",
        step.version,
        literal(&step.description)
    )
}

/// Notes what is there now.
pub(super) fn take_inventory() -> String {
    format!("DELETE FROM refreshtop.inventory; INSERT INTO refreshtop.inventory {INVENTORY}")
}

/// Every statement of a migration up, in order, with a title each.
pub fn statements_up(platform_metrics: bool) -> Vec<Titled> {
    let migrator = migrator();
    let steps = steps_up(&migrator, platform_metrics);
    let steps =
        steps.map(|step| (title(step), format!("{}\n{};", step.sql.as_str().trim_end(), owned(&note_step(step)))));
    let mut all = vec![
        ("roles, and what the steps need".to_owned(), ENTER.to_owned()),
        ("what is to be installed".to_owned(), parts(platform_metrics)),
    ];
    all.extend(steps);
    all.push(("end".to_owned(), format!("{LEAVE}{};\n{};\n{LEAVE_ROLES}", owned(&take_inventory()), owned(RECORD))));
    all
}

/// The act that the script is. Steps that were there already have an older time.
const RECORD: &str = "
    INSERT INTO refreshtop.audit (action, outcome, caller, login_role, application_name, client_addr, detail)
    SELECT 'migrate up', 'success', coalesce(nullif(current_setting('refreshtop.role_before'), 'none'), session_user),
           session_user, left(current_setting('application_name'), 200), inet_client_addr(),
           jsonb_build_object('steps', coalesce((SELECT jsonb_agg(m.version ORDER BY m.version)
                                                 FROM refreshtop.migrations m WHERE m.installed_on = now()), '[]'),
                              'repaired', '[]'::jsonb)";

fn title(step: &Migration) -> String {
    format!("step {}: {}", step.version, step.description)
}

/// A migration up as a script that another tool runs in one transaction, as it would run by [`super::begin_up`].
pub fn install(platform_metrics: bool) -> String {
    let mut script = format!(
        "-- refreshtop {version}: its migrations, for a tool of your own.
--
-- To be run in one transaction, by a role that may migrate: psql -v ON_ERROR_STOP=1 -1 -f FILE
-- A tool that does not run a file in one transaction needs BEGIN and COMMIT around it, and must stop at the first error.
-- It may run again: what is there stays, and what is missing is put back. Jobs of pg_cron are not in here: refreshtop job
-- restore schedules them.

",
        version = env!("CARGO_PKG_VERSION")
    );
    let parts: Vec<Titled> = [
        ("fails unless there is a transaction, and settles how it runs".to_owned(), opening()),
        ("what would stop it, found before anything is changed".to_owned(), preflight(platform_metrics)),
    ]
    .into_iter()
    .chain(statements_up(platform_metrics))
    .chain([("the session's own settings again".to_owned(), closing())])
    .collect();
    for (title, sql) in parts {
        let sql = sql.trim();
        let end = if sql.ends_with(';') { "" } else { ";" };
        // Writing to a string does not fail.
        let _ = writeln!(script, "-- {title}\n{sql}{end}\n");
        if title.starts_with("roles, ") {
            let _ = writeln!(script, "-- an installation that this script does not fit\n{}\n", misfits());
        }
    }
    script
}

/// Sees that there is a transaction, and settles how it runs. Until the search path is pinned, every name is written out:
/// the owner of the database may have put a schema of his before PostgreSQL's own.
fn opening() -> String {
    let mut sql = "SAVEPOINT refreshtop_script;\nRELEASE SAVEPOINT refreshtop_script;\n".to_owned();
    for setting in SETTINGS {
        // Writing to a string does not fail.
        let _ = writeln!(
            sql,
            "SELECT pg_catalog.set_config('refreshtop.before_{setting}', pg_catalog.current_setting('{setting}'), true);"
        );
    }
    sql + &format!("{BEGIN};\n{LOCK};")
}

fn closing() -> String {
    let back =
        |setting| format!("SELECT set_config('{setting}', current_setting('refreshtop.before_{setting}'), true);");
    SETTINGS.map(back).join("\n")
}

/// The preflight, in whose place a program prints the problems.
fn preflight(platform_metrics: bool) -> String {
    let only = if platform_metrics { "" } else { " WHERE NOT of_sources AND NOT of_view" };
    format!(
        "DO $refreshtop$
DECLARE
    v_problems text;
BEGIN
    SELECT string_agg(chr(10) || '  - ' || problem || ' (' || fix || ')', '') INTO v_problems
    FROM (
{}
    ) found{only};
    IF v_problems IS NOT NULL THEN
        RAISE EXCEPTION 'nothing was changed:%', v_problems;
    END IF;
END
$refreshtop$;",
        include_str!("preflight.sql").trim_end()
    )
}

/// Refuses what only the program knows how to handle: a newer installation, and a copy, which has the jobs of its
/// original in its notes.
fn misfits() -> String {
    let known: Vec<String> = known().iter().map(ToString::to_string).collect();
    format!(
        "DO $refreshtop$
DECLARE
    v_other bigint;
    v_moved boolean := false;
BEGIN
    IF to_regclass('refreshtop.migrations') IS NULL THEN
        RETURN;
    END IF;
    SELECT min(version) INTO v_other FROM refreshtop.migrations WHERE version NOT IN ({known});
    IF v_other IS NOT NULL THEN
        RAISE EXCEPTION 'nothing was changed: this database was migrated by another refreshtop (step %)', v_other
            USING HINT = 'use that version or a newer one';
    END IF;
    IF to_regclass('refreshtop.home') IS NOT NULL THEN
        SELECT EXISTS ({MOVED_FROM}) INTO v_moved;
    END IF;
    IF v_moved THEN
        RAISE EXCEPTION 'nothing was changed: this database was renamed, copied or restored since it was migrated'
            USING HINT = 'run: refreshtop migrate';
    END IF;
END
$refreshtop$;",
        known = known.join(", ")
    )
}

/// Every statement of a rollback to `target` from all steps, in order, with a title each.
pub fn statements_down(target: i64) -> Vec<Titled> {
    let migrator = migrator();
    let steps = migrator.iter().filter(|step| step.migration_type.is_down_migration() && step.version > target);
    let mut steps: Vec<_> = steps.map(|step| (format!("undo {}", title(step)), step.sql.as_str().to_owned())).collect();
    steps.reverse();
    steps.insert(0, ("roles, and what the steps need".to_owned(), ENTER.to_owned()));
    steps.push(("end".to_owned(), format!("{LEAVE}{LEAVE_ROLES}")));
    if target == 0 {
        steps.push(("roles that nothing needs any more".to_owned(), FORGET_ROLES.to_owned()));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::LOCK_CLASS;

    #[test]
    fn the_script_takes_the_lock_of_every_migration() {
        assert_eq!(LOCK, format!("SELECT pg_advisory_xact_lock({LOCK_CLASS}, 0)"));
    }

    #[test]
    fn a_part_that_is_left_out_has_no_step() {
        assert!(install(true).contains("-- step 11: "));
        assert!(!install(false).contains("-- step 11: "));
    }
}
