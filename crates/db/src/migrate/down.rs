//! Rollbacks: what one would delete, and how it is done.

use super::{
    Applied, MigrateError, Progress,
    inventory::exists,
    migrator, script,
    transaction::{
        ENTER, FORGET_ROLES, LEAVE, LEAVE_ROLES, Pending, as_owner, begin, blame, event_triggers, record, run,
        write_as_owner,
    },
    unbarred, versions,
};
use crate::{error::Result, parameter::Parameter, preflight::Problem, row::FromRow as _, session::Session};

/// What a rollback did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undone {
    /// The versions, newest first.
    pub versions: Vec<i64>,
    /// What could not be put back as it was, one sentence each.
    pub kept: Vec<String>,
}

/// Undoes every step above `target`; 0 undoes all, and then the schema `refreshtop` goes too. Returns the versions
/// undone, newest first.
pub async fn down(connection: &mut Session, target: i64) -> Result<Vec<i64>, MigrateError> {
    let mut pending = begin_down(connection, target, &mut |_| {}, async |_| Ok(())).await?;
    if target == 0 {
        forget_roles(pending.connection()).await?;
    }
    Ok(pending.commit().await?.versions)
}

/// Drops the roles that nothing needs any more, after [`begin_down`] has undone everything and the jobs are
/// unscheduled: `pg_cron` crashes on a job whose role is missing, and PostgreSQL does not prevent the drop.
pub async fn forget_roles(connection: &mut Session) -> Result<(), MigrateError> {
    run(connection, FORGET_ROLES, None).await
}

/// Does all of [`down`] but the commit. If there is something to undo, `first` comes before it, in the same
/// transaction, while the migrating role still has the memberships that the installation gave it.
pub async fn begin_down<'c>(
    connection: &'c mut Session,
    target: i64,
    progress: Progress<'_>,
    first: impl AsyncFnOnce(&mut Session) -> Result<(), MigrateError>,
) -> Result<Pending<'c, Undone>, MigrateError> {
    unbarred(connection).await?;
    let mut transaction = begin(connection).await?;
    if let Some(problem) = renamed_schema(&mut transaction).await? {
        return Err(MigrateError::Preflight(vec![problem]));
    }
    let triggers = event_triggers(&mut transaction).await?;
    run(&mut transaction, ENTER, None).await.map_err(|failure| blame(failure, &triggers))?;
    let versions = versions(&mut transaction).await?.into_iter().rev().filter(|version| *version > target).collect();
    let mut done = Undone { versions, ..Undone::default() };
    if done.versions.is_empty() {
        return Ok(Pending { done, transaction });
    }
    let migrator = migrator();
    if let Some(other) = done.versions.iter().find(|version| !migrator.version_exists(**version)) {
        return Err(MigrateError::Unknown(*other));
    }
    if target != 0 && !migrator.version_exists(target) {
        return Err(MigrateError::NoSuchStep(target));
    }
    // This comes first, so that a running refresh ends and leaves its row before anything is dropped; and in the order
    // in which a refresh takes its locks.
    if exists(&mut transaction, "refreshtop.views").await? {
        transaction.run("LOCK TABLE refreshtop.views IN ACCESS EXCLUSIVE MODE").await?;
    }
    first(&mut transaction).await?;
    let steps = migrator.iter().filter(|step| step.migration_type.is_down_migration()).rev();
    for step in steps.filter(|step| done.versions.contains(&step.version)) {
        progress(&format!("undoing step {}: {}", step.version, step.description));
        let ran = run(&mut transaction, step.sql.as_str(), Some(step.version)).await;
        ran.map_err(|failure| blame(failure, &triggers))?;
        if step.version > 1 {
            let gone = "DELETE FROM refreshtop.migrations WHERE version = $1";
            write_as_owner(&transaction, gone, &[Parameter::Number(step.version)]).await?;
        }
    }
    let kept: Option<String> =
        transaction.one("SELECT nullif(current_setting('refreshtop.rows_kept', true), '')", &[]).await?.try_get(0)?;
    done.kept.extend(kept.map(|why| {
        format!(
            "the rows that came since stay in table public.metrics_refresh_log_refreshtop, because the log that was here \
             before can't take them ({why})"
        )
    }));
    run(&mut transaction, LEAVE, None).await?;
    if target != 0 {
        as_owner(&mut transaction, &script::take_inventory()).await?;
        let applied = Applied { versions: done.versions.clone(), ..Applied::default() };
        record(&mut transaction, "migrate down", &applied).await?;
    }
    run(&mut transaction, LEAVE_ROLES, None).await?;
    Ok(Pending { done, transaction })
}

/// What a rollback would delete and put back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AtStake {
    /// Rows of the refresh log: of one that refreshtop made. A log that was there before stays, with every row.
    pub log_rows: i64,
    /// Whether `public.platform_metrics` is dropped, because refreshtop created it.
    pub view: bool,
    /// What was moved aside and comes back, such as `table public.metrics_refresh_log`.
    pub comes_back: Vec<String>,
}

/// What a rollback to `target` would delete and put back.
pub async fn at_stake(connection: &mut Session, target: i64) -> Result<AtStake, MigrateError> {
    unbarred(connection).await?;
    let mut transaction = begin(connection).await?;
    run(&mut transaction, ENTER, None).await?;
    let mut stake = AtStake::default();
    let has_notes = exists(&mut transaction, "refreshtop.undo").await?;
    if undoes(target, "adopt") && has_notes {
        stake.comes_back =
            transaction.ask(ASIDE, &[]).await?.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    }
    // For anybody else the tables are empty.
    transaction.ask("SELECT refreshtop_migration.as_owner()", &[]).await?;
    if undoes(target, "platform metrics") && exists(&mut transaction, "refreshtop.views").await? {
        let made = "SELECT 1 FROM refreshtop.views v JOIN pg_class c ON c.oid = v.view_oid AND c.relkind = 'm'
                    WHERE v.refresh_type = 'platform_metrics'
                      AND obj_description(c.oid, 'pg_class') LIKE '%kept fresh by refreshtop'";
        stake.view = transaction.optional(made, &[]).await?.is_some();
    }
    let kept = "SELECT 1 FROM refreshtop.undo WHERE kind = 'moved' AND detail ? 'copied_at' LIMIT 1";
    if undoes(target, "log")
        && has_notes
        && exists(&mut transaction, "refreshtop.log_door").await?
        && transaction.optional(kept, &[]).await?.is_none()
    {
        stake.log_rows = transaction.one("SELECT count(*) FROM refreshtop.log_door", &[]).await?.try_get(0)?;
    }
    transaction.rollback().await?;
    Ok(stake)
}

/// The contents of `refreshtop_before`, under their former names: see `0002_adopt.down.sql`.
const ASIDE: &str = "
    SELECT lower(refreshtop_migration.kind(c.relkind))
           || format(' %I.%I', coalesce(u.object_schema, 'public'), coalesce(u.detail ->> 'name', c.relname)) AS what
    FROM pg_class c
    LEFT JOIN refreshtop.undo u ON u.kind = 'moved' AND u.object_name = c.relname AND u.detail ->> 'kind' <> 'ROUTINE'
    WHERE c.relnamespace = to_regnamespace('refreshtop_before') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT format('function public.%I', p.proname) FROM pg_proc p
    WHERE p.pronamespace = to_regnamespace('refreshtop_before')
    ORDER BY 1";

/// Whether a rollback to `target` undoes the step of that name.
fn undoes(target: i64, description: &str) -> bool {
    migrator().iter().any(|step| step.version > target && step.description == description)
}

/// Schema `public` may have been renamed with the log in it; then another object of that name is not what was migrated.
async fn renamed_schema(connection: &mut Session) -> Result<Option<Problem>> {
    let sql = "SELECT format('schema public, in which the refresh log was made, is named %I now', n.nspname) AS problem,
                      format('ALTER SCHEMA %I RENAME TO public', n.nspname) AS fix,
                      false AS is_privilege, false AS of_trust, true AS in_the_way, false AS of_sources, false AS of_view
               FROM pg_class door JOIN pg_rewrite r ON r.ev_class = door.oid
               JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
               JOIN pg_class log ON log.oid = d.refobjid AND log.relkind = 'r' JOIN pg_namespace n ON n.oid = log.relnamespace
               WHERE door.relname = 'log_door' AND door.relnamespace = to_regnamespace('refreshtop')
                 AND n.nspname <> 'public' LIMIT 1";
    connection.optional(sql, &[]).await?.as_ref().map(Problem::from_row).transpose()
}
