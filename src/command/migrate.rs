//! `refreshtop migrate up | status | down`.
//!
//! Jobs come last. Where `pg_cron` lives beside the application they are part of the one transaction. Where it lives in
//! another database there are two, which are committed one right after the other, when nothing is left to be done in
//! either. Upwards the application's comes first: if the other one fails, the jobs are as they were, and migrating again
//! makes up for it. Downwards that of the jobs comes first: if the other one fails, they are put back.

use crate::cli::{MigrateAction, Up};
use crate::command::{
    Failure, confirm,
    interrupt::{self, Watch},
};
use crate::connect::{self, Kind, Session, Target};
use crate::db::{
    error, jobs,
    migrate::{self, Applied, MigrateError, Pending, Step},
    schedule::{self, Done, Look, Mode, Place, ScheduleError, Standing},
};
use crate::exit;
use crate::output::{Output, json};
use crate::sanitize::printable;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::fmt::Write as _;

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Self {
        Self::new(exit_code(&error), error.to_string())
    }
}

fn exit_code(error: &MigrateError) -> u8 {
    match error {
        MigrateError::Connect(failure) => failure.kind.exit_code(),
        MigrateError::Told { code, .. } => *code,
        MigrateError::Database(failure) if error::code(failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => {
            exit::NOT_PERMITTED
        }
        MigrateError::Step { code: Some(code), .. } if code == error::sqlstate::INSUFFICIENT_PRIVILEGE => {
            exit::NOT_PERMITTED
        }
        MigrateError::Preflight(problems) if problems.iter().any(|problem| problem.of_rights) => exit::NOT_PERMITTED,
        _ => exit::FAILURE,
    }
}

fn told(code: u8, text: impl Into<String>) -> MigrateError {
    MigrateError::Told { code, text: text.into() }
}

/// Migrates which way is asked.
///
/// # Errors
/// Where that was not done; the sentence says whether anything was changed.
pub async fn run(action: &MigrateAction, target: &Target, output: Output) -> Result<(), Failure> {
    match action {
        MigrateAction::Up(Up { dry_run: true, .. }) => {
            let work = async |watch: &Watch| Ok(script_up(target, watch).await?);
            script("migrate", &interrupt::run(target, output.json, work).await?, output)
        }
        MigrateAction::Up(_) => {
            let work = async |watch: &Watch| Ok(up_watched(target, watch).await?);
            done("migrate", &interrupt::run(target, output.json, work).await?, output)
        }
        MigrateAction::Status(_) if output.json => {
            let steps = steps(target).await?;
            output.object("migrate_status", json!({"steps": steps.iter().map(step).collect::<Vec<_>>()}))
        }
        MigrateAction::Status(_) => output.print(&status(target).await?),
        MigrateAction::Down(down) if down.dry_run => {
            let work = async |watch: &Watch| Ok(script_down(target, down.to.unwrap_or(0), watch).await?);
            script("migrate_down", &interrupt::run(target, output.json, work).await?, output)
        }
        MigrateAction::Down(down) => {
            let to = down.to.unwrap_or(0);
            if !down.yes {
                let look = async |watch: &Watch| {
                    announce_watched(target, to, watch).await.map_err(|failure| undone(failure, watch).into())
                };
                // It counts rows, and may wait for who holds the log.
                let Some(announced) = interrupt::run(target, output.json, look).await? else {
                    return done("migrate_down", &["there is nothing to undo".into()], output);
                };
                agreed(&announced)?;
            }
            let work = async |watch: &Watch| Ok(down_watched(target, to, watch).await?);
            done("migrate_down", &interrupt::run(target, output.json, work).await?, output)
        }
    }
}

/// Asks whoever is there; nobody's silence is a yes.
fn agreed(announced: &str) -> Result<(), Failure> {
    if !confirm::can_ask() {
        let why = format!(
            "nothing was changed: this {announced}; it asks before it does that, and standard input is no terminal: add \
             --yes to go on unasked"
        );
        return Err(Failure::new(exit::USAGE, why));
    }
    if confirm::confirmed(&format!("This {announced}."))? {
        return Ok(());
    }
    Err(Failure::new(exit::FAILURE, "nothing was changed"))
}

/// Tells what was done. The sentences may name what others named.
fn done(kind: &str, sentences: &[String], output: Output) -> Result<(), Failure> {
    if output.json {
        return output.object(kind, json!({"done": sentences}));
    }
    output.print(&sentences.iter().map(|line| printable(line) + "\n").collect::<String>())
}

/// Prints statements, each with its semicolon.
fn script(kind: &str, statements: &[String], output: Output) -> Result<(), Failure> {
    if output.json {
        return output.object(kind, json!({"done": [], "statements": statements}));
    }
    let text = statements.iter().map(|sql| {
        let sql = sql.trim_end();
        let end =
            if sql.ends_with(';') || sql.lines().last().is_some_and(|line| line.starts_with("--")) { "" } else { ";" };
        // Line by line, so that the breaks stay.
        sql.lines().map(printable).collect::<Vec<_>>().join("\n") + end + "\n"
    });
    output.print(&text.collect::<String>())
}

fn step(step: &Step) -> Value {
    json!({
        "version": step.version,
        "description": step.description,
        "applied_at": step.applied_at.map(json::moment),
    })
}

/// Opens a session for migrating: as long as it takes, but never waiting for ever for a lock.
async fn session(target: &Target, watch: &Watch) -> Result<PgConnection, MigrateError> {
    let opened = connect::bridge::session(target, "migrate", &Session::WRITING).await?;
    let mut session = opened.session;
    let pid = jobs::pid(&mut session).await?;
    watch.add(opened.canceller, Some(pid));
    Ok(session)
}

async fn session_in(target: &Target, database: &str, watch: &Watch) -> Result<PgConnection, MigrateError> {
    session(&Target { database: database.to_owned(), ..target.clone() }, watch).await
}

/// A session in `pg_cron`'s database, or `None` where that is the application's or nowhere to be seen.
async fn cron_session(target: &Target, look: &Look, watch: &Watch) -> Result<Option<PgConnection>, MigrateError> {
    match look.elsewhere() {
        Some(database) => session_in(target, database, watch).await.map(Some),
        None => Ok(None),
    }
}

/// What a failure means before anything was committed: nothing was changed, and somebody may have been in the way.
fn undone(failure: MigrateError, watch: &Watch) -> MigrateError {
    if watch.stopped() {
        return told(exit::FAILURE, "nothing was changed");
    }
    let Some(in_the_way) = watch.in_the_way() else { return failure };
    let code = exit_code(&failure);
    told(code, format!("{failure}; in the way was {in_the_way}"))
}

/// Migrates up and puts the jobs in place. Returns what to tell, one line each.
///
/// # Errors
/// Where the migrations did not run; nothing was changed then. Missing rights on `pg_cron` are no error: the
/// lines say what that means.
pub async fn up(target: &Target) -> Result<Vec<String>, MigrateError> {
    up_watched(target, &Watch::silent()).await
}

async fn up_watched(target: &Target, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let mut look = schedule::look(&mut app).await?;
    let mut lines = Vec::new();
    let mut progress = |text: &str| watch.say(text);
    let mut pending = migrate::begin_up(&mut app, &mut progress).await.map_err(|failure| undone(failure, watch))?;
    let new = !pending.done.is_empty();
    lines.extend(applied(&pending.done));
    if !migrate::has_view(pending.connection()).await? {
        lines.push(
            "warning: materialized view public.platform_metrics is missing, though the step that makes it is applied; \
             refreshtop doctor says how to put it back"
                .into(),
        );
    }
    lines.extend(migrate::blind_spot(pending.connection()).await?);
    let (mut other, unreachable) = match cron_session(target, &look, watch).await {
        Ok(other) => (other, None),
        Err(failure) => (None, Some(not_scheduled(&failure))),
    };
    let mut there = match &mut other {
        Some(other) => Some(other.begin().await?),
        None => None,
    };
    let jobs = match plan_jobs(&mut pending, there.as_deref_mut(), &mut look, unreachable).await {
        Ok(jobs) => jobs,
        Err(failure) => {
            pending.rollback().await?;
            return Err(undone(told(exit::FAILURE, format!("nothing was changed: {failure}")), watch));
        }
    };
    lines.extend(jobs.lines.iter().filter(|line| look.elsewhere().is_none() || line.starts_with("warning")).cloned());
    if watch.stopped() {
        pending.rollback().await?;
        return Err(undone(told(exit::FAILURE, "nothing was changed"), watch));
    }
    // From here on the two belong together.
    watch.settle();
    if new || !jobs.is_nothing() {
        pending.commit().await?
    } else {
        pending.rollback().await?
    };
    let refused = jobs.lines.iter().any(|line| line.starts_with("warning"));
    if let Some(mut there) = there.filter(|_| !refused) {
        // The jobs' role may be new, and until now no other database could see it.
        let done = match schedule::ensure(&mut there, &look, Mode::Really).await {
            Ok(done) => there.commit().await.map(|()| done).map_err(ScheduleError::Database),
            failed => failed,
        };
        if jobs.makes_extension() && !done.as_ref().is_ok_and(Done::makes_extension) {
            // What somebody else creates is not ours to drop. Where even this fails, the next line says enough.
            let _ = forget_extension(&mut app).await;
        }
        match done {
            Ok(done) => lines.extend(done.lines),
            Err(failure) => lines.push(format!(
                "{}; the migrations are applied, and the jobs in database {} are as they were",
                not_scheduled(&failure),
                look.elsewhere().unwrap_or_default()
            )),
        }
    }
    app.close().await?;
    Ok(lines)
}

/// What to tell of the steps.
fn applied(done: &Applied) -> Vec<String> {
    let mut lines = Vec::new();
    if !done.versions.is_empty() {
        lines.push(format!("applied {}", numbered(&done.versions)));
    }
    if let Some(home) = &done.moved_from {
        lines.push(format!("this database was {} before, and is at home here now", home.database_name));
    }
    if !done.repaired.is_empty() {
        lines.push(format!("put back what was missing or changed: {}", done.repaired.join(", ")));
    }
    if lines.is_empty() {
        lines.push("the database is up to date".into());
    }
    lines.extend(done.kept.iter().cloned());
    lines
}

/// Finds out what is to be done with the jobs, and notes it. Where `pg_cron` lives beside the application it is done;
/// `there` is the transaction where it lives in another database, which holds the lock of the jobs from here on.
async fn plan_jobs(
    pending: &mut Pending<'_, Applied>,
    there: Option<&mut PgConnection>,
    look: &mut Look,
    unreachable: Option<String>,
) -> Result<Done, MigrateError> {
    let (new, moved_from) = (!pending.done.is_empty(), pending.done.moved_from.clone());
    let app = pending.connection();
    // Where there was nothing to do, it is in force still.
    if new {
        migrate::enter(app).await?;
    }
    schedule::recall(app, look).await?;
    if let Some(home) = moved_from {
        look.moved_from(app, &home).await?;
    }
    let mode = if there.is_some() { Mode::Plan } else { Mode::Really };
    let jobs = match unreachable {
        Some(line) => Done::only(line),
        None => match put_jobs_in_place(app, there, look, mode).await {
            Err(failure) if failure.ends_all() => return Err(told(exit::FAILURE, failure.to_string())),
            Err(failure) => Done::only(not_scheduled(&failure)),
            Ok(jobs) => jobs,
        },
    };
    migrate::leave(app).await?;
    Ok(jobs)
}

async fn forget_extension(app: &mut PgConnection) -> Result<(), MigrateError> {
    let mut pending = migrate::begin_jobs(app).await?;
    schedule::forget(pending.connection(), true).await?;
    migrate::leave(pending.connection()).await?;
    pending.commit().await.map(|_| ())
}

fn not_scheduled(why: &dyn std::fmt::Display) -> String {
    format!("warning: the jobs were not scheduled: {why}")
}

fn numbered(versions: &[i64]) -> String {
    let list = versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if versions.len() == 1 { format!("step {list}") } else { format!("steps {list}") }
}

/// Puts the jobs in place in the application's transaction, or, where `pg_cron` lives in another database, does with that
/// one's what `mode` says.
async fn put_jobs_in_place(
    app: &mut PgConnection,
    there: Option<&mut PgConnection>,
    look: &Look,
    mode: Mode,
) -> Result<Done, ScheduleError> {
    let warning = match &look.place {
        Place::Database(_) => None,
        Place::NotLoaded => Some(
            "warning: pg_cron is not loaded on this server, so nothing refreshes the view by itself: install it, add it \
             to shared_preload_libraries and migrate again, or let another scheduler call \
             public.refresh_platform_metrics_with_logging()"
                .to_owned(),
        ),
        Place::Hidden => Some(format!(
            "warning: the jobs were not scheduled: role {} may not see whether pg_cron is loaded and where it lives; \
             GRANT pg_read_all_settings to it and migrate again, or migrate as a superuser",
            look.role
        )),
    };
    if let Some(warning) = warning {
        return Ok(Done::only(warning));
    }
    schedule::is_safe(app, look).await?;
    let mut done = match there {
        Some(there) => schedule::ensure(there, look, mode).await?,
        None => schedule::ensure(app, look, mode).await?,
    };
    // What is only planned is noted now: it is done when this is committed.
    let noting = if mode == Mode::Dry { Mode::Dry } else { Mode::Really };
    schedule::write_notes(app, &mut done, noting).await?;
    Ok(done)
}

/// Puts the jobs in place that are missing, and takes over those that do the same. Returns what to tell.
///
/// # Errors
/// Where that can't be done, `pg_cron` that is not there included.
pub async fn jobs(target: &Target, quiet: bool) -> Result<Vec<String>, Failure> {
    interrupt::run(target, quiet, async |watch: &Watch| jobs_watched(target, watch).await).await
}

async fn jobs_watched(target: &Target, watch: &Watch) -> Result<Vec<String>, Failure> {
    let mut app = session(target, watch).await?;
    let mut look = schedule::look(&mut app).await.map_err(MigrateError::from)?;
    if migrate::status(&mut app).await?.iter().all(|step| step.applied_at.is_none()) {
        return Err(Failure::new(exit::NOT_MIGRATED, "the database is not migrated; run: refreshtop migrate"));
    }
    let mut pending = migrate::begin_jobs(&mut app).await?;
    schedule::recall(pending.connection(), &mut look).await.map_err(MigrateError::from)?;
    if look.standing != Standing::AtHome {
        let why =
            "this database was renamed, copied or restored, and its jobs are not yet its own; run: refreshtop migrate";
        return Err(Failure::new(exit::NOT_MIGRATED, why));
    }
    let mut other = cron_session(target, &look, watch).await?;
    let mut there = match &mut other {
        Some(other) => Some(other.begin().await.map_err(MigrateError::from)?),
        None => None,
    };
    let done = put_jobs_in_place(pending.connection(), there.as_deref_mut(), &look, Mode::Really).await.map_err(
        |failure| {
            let code = match &failure {
                ScheduleError::NotPermitted { .. }
                | ScheduleError::NoExtension { .. }
                | ScheduleError::NotSafe { .. } => exit::NOT_PERMITTED,
                ScheduleError::Database(error) => crate::command::session::exit_code(error),
                ScheduleError::NotOwn(_) => exit::FAILURE,
            };
            let way = watch.in_the_way().map(|way| format!("; in the way was {way}")).unwrap_or_default();
            Failure::new(code, format!("the jobs were not put in place: {failure}{way}"))
        },
    )?;
    if let Some(warning) = done.lines.first().and_then(|line| line.strip_prefix("warning: ")) {
        return Err(Failure::new(exit::FAILURE, warning));
    }
    if watch.stopped() {
        return Err(Failure::new(exit::FAILURE, "nothing was changed"));
    }
    watch.settle();
    migrate::leave(pending.connection()).await?;
    // What is noted of a job that is not there does no harm; a job without a note would not go with a rollback.
    if done.is_nothing() {
        pending.rollback().await?
    } else {
        pending.commit().await?
    };
    if let Some(there) = there {
        there.commit().await.map_err(MigrateError::from)?;
    }
    Ok(done.lines)
}

async fn steps(target: &Target) -> Result<Vec<Step>, MigrateError> {
    let mut app = session(target, &Watch::silent()).await?;
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
    announce_watched(target, target_version, &Watch::silent()).await
}

async fn announce_watched(target: &Target, target_version: i64, watch: &Watch) -> Result<Option<String>, MigrateError> {
    let mut app = session(target, watch).await?;
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
    let mut takes = Vec::new();
    if rows > 0 {
        takes.push(format!("deleting {rows} rows of the refresh log"));
    }
    let look = remembered(&mut app).await?;
    // Where it can't be seen, the rollback itself meets what is wrong.
    if let Ok(jobs) = jobs_at_stake(target, &mut app, &look, watch).await
        && jobs.jobs() > 0
    {
        takes.push(format!("taking {} out of pg_cron", counted(jobs.jobs(), "job")));
    }
    app.close().await?;
    let takes = if takes.is_empty() { String::new() } else { format!(", {}", takes.join(" and ")) };
    Ok(Some(format!("undoes {}{takes}", numbered(&applied))))
}

/// What is known before anything is undone; afterwards nobody knows it any more.
async fn remembered(app: &mut PgConnection) -> Result<Look, MigrateError> {
    let mut look = schedule::look(app).await?;
    let mut pending = migrate::begin_jobs(app).await?;
    schedule::recall(pending.connection(), &mut look).await?;
    pending.rollback().await?;
    Ok(look)
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What a rollback would do with the jobs.
async fn jobs_at_stake(
    target: &Target,
    app: &mut PgConnection,
    look: &Look,
    watch: &Watch,
) -> Result<Done, MigrateError> {
    if matches!(look.standing, Standing::New | Standing::Copy) || look.cron_database().is_none() {
        return Ok(Done::default());
    }
    let mut other = cron_session(target, look, watch).await?;
    let mut transaction = other.as_mut().unwrap_or(app).begin().await?;
    let done = schedule::take_away(&mut transaction, look, Mode::Dry).await;
    transaction.rollback().await?;
    done.map_err(|failure| told(exit::FAILURE, failure.to_string()))
}

/// Unschedules what was scheduled and undoes every step above `target_version`.
///
/// # Errors
/// Where something could not be undone; the sentence says what was.
pub async fn down(target: &Target, target_version: i64) -> Result<Vec<String>, MigrateError> {
    down_watched(target, target_version, &Watch::silent()).await
}

async fn down_watched(target: &Target, target_version: i64, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let look = remembered(&mut app).await.map_err(|failure| undone(failure, watch))?;
    let mut progress = |text: &str| watch.say(text);
    let begun = migrate::begin_down(&mut app, target_version, &mut progress).await;
    let mut pending = begun.map_err(|failure| undone(failure, watch))?;
    let steps = pending.done.versions.clone();
    if steps.is_empty() {
        pending.rollback().await?;
        return Ok(vec!["there is nothing to undo".into()]);
    }
    let mut lines = Vec::new();
    let mut other = match other_for_down(target, &look, watch, &mut lines).await {
        Ok(other) => other,
        Err(failure) => {
            pending.rollback().await?;
            return Err(undone(told(exit_code(&failure), format!("nothing was changed: {failure}")), watch));
        }
    };
    let gone = look.elsewhere().is_some() && other.is_none();
    let mut there = match &mut other {
        Some(other) => Some(other.begin().await?),
        None => None,
    };
    let taken = match &mut there {
        _ if gone => Ok(Done::default()),
        Some(there) => schedule::take_away(there, &look, Mode::Really).await,
        None => schedule::take_away(pending.connection(), &look, Mode::Really).await,
    };
    let taken = match taken {
        Ok(taken) => taken,
        // What this role could not put there it need not take away.
        Err(ScheduleError::NotPermitted { .. }) if !look.has_notes() => Done::default(),
        Err(failure) => {
            pending.rollback().await?;
            let text = format!("nothing was changed: the jobs could not be taken away: {failure}");
            return Err(undone(told(exit::FAILURE, text), watch));
        }
    };
    if target_version > 0 {
        migrate::enter(pending.connection()).await?;
        schedule::forget(pending.connection(), false).await?;
        migrate::leave(pending.connection()).await?;
    }
    lines.append(&mut pending.done.kept);
    if target_version == 0 && !taken.needs_role && look.cron_is_known() {
        migrate::forget_roles(pending.connection()).await.map_err(|failure| undone(failure, watch))?;
    }
    if watch.stopped() {
        pending.rollback().await?;
        return Err(undone(told(exit::FAILURE, "nothing was changed"), watch));
    }
    watch.settle();
    if let Some(there) = there {
        // Lost before it was committed, it was not.
        if let Err(failure) = there.commit().await {
            pending.rollback().await?;
            let why = error::sentence(&failure);
            return Err(told(exit::FAILURE, format!("nothing was changed: the jobs could not be taken away: {why}")));
        }
        if let Err(failure) = pending.commit().await {
            return Err(compensate(target, &look, &taken, target_version, &failure).await);
        }
    } else {
        pending.commit().await?;
    }
    lines.extend(taken.lines);
    lines.push(format!("undid {}", numbered(&steps)));
    app.close().await?;
    Ok(lines)
}

/// The session in which the jobs are taken away; `None` where that is the application's own, or there is nothing to take.
async fn other_for_down(
    target: &Target,
    look: &Look,
    watch: &Watch,
    lines: &mut Vec<String>,
) -> Result<Option<PgConnection>, MigrateError> {
    if look.cron_database().is_none() && look.has_notes() {
        lines.push(
            "warning: where pg_cron lives can't be seen by this role, or it is not loaded any more: jobs of this database that \
             are left there fail from now on"
                .into(),
        );
    }
    match cron_session(target, look, watch).await {
        // Whatever was there went with its database.
        Err(MigrateError::Connect(failure)) if failure.kind == Kind::DatabaseMissing => {
            lines.push(format!("the jobs went with database {}, which is gone", look.elsewhere().unwrap_or_default()));
            Ok(None)
        }
        session => session,
    }
}

/// Puts the jobs back after their transaction was committed and the application's was not.
async fn compensate(
    target: &Target,
    look: &Look,
    taken: &Done,
    target_version: i64,
    failure: &MigrateError,
) -> MigrateError {
    let again = async {
        let silent = Watch::silent();
        let mut app = session(target, &silent).await?;
        // The answer to a COMMIT may be lost where the commit is not.
        let left = migrate::status(&mut app).await?;
        if !left.iter().any(|step| step.applied_at.is_some() && step.version > target_version) {
            return Ok(false);
        }
        let Some(mut there) = cron_session(target, look, &silent).await? else { return Ok(false) };
        let back = schedule::put_all_back(&mut there, look, taken).await;
        back.map(|()| true).map_err(|failure| told(exit::FAILURE, failure.to_string()))
    };
    match again.await {
        Ok(true) => {
            told(exit::FAILURE, format!("{failure}; the jobs were put back as they were, so nothing was changed"))
        }
        Ok(false) => told(exit::FAILURE, format!("{failure}; but everything is undone, as is seen now")),
        Err(again) => told(
            exit::FAILURE,
            format!(
                "{failure}; the jobs were taken away already and could not be put back ({again}): {}",
                taken.left()
            ),
        ),
    }
}

/// Every statement that [`up`] would execute.
async fn script_up(target: &Target, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let mut look = schedule::look(&mut app).await?;
    let mut script = Vec::new();
    let mut pending = migrate::begin_jobs(&mut app).await?;
    schedule::recall(pending.connection(), &mut look).await?;
    if !migrate::is_up_to_date(pending.connection()).await? {
        titled(&mut script, &look.database, migrate::statements_up());
    }
    if look.cron_database().is_some() {
        let done = match cron_session(target, &look, watch).await? {
            Some(mut other) => {
                let mut there = other.begin().await?;
                put_jobs_in_place(pending.connection(), Some(&mut there), &look, Mode::Dry).await
            }
            None => put_jobs_in_place(pending.connection(), None, &look, Mode::Dry).await,
        };
        match done {
            Ok(done) => {
                let (notes, jobs) = done.statements.into_iter().partition(|sql| sql.contains(" refreshtop.undo "));
                in_database(&mut script, look.cron_database().unwrap_or_default(), jobs);
                in_database(&mut script, &look.database, notes);
            }
            Err(failure) => script.push(format!("-- {}", not_scheduled(&failure))),
        }
    }
    pending.rollback().await?;
    app.close().await?;
    Ok(script)
}

/// Every statement that [`down`] would execute.
async fn script_down(target: &Target, target_version: i64, watch: &Watch) -> Result<Vec<String>, MigrateError> {
    let mut app = session(target, watch).await?;
    let look = remembered(&mut app).await?;
    let mut script = Vec::new();
    let steps = migrate::status(&mut app).await?;
    if steps.iter().any(|step| step.applied_at.is_some() && step.version > target_version) {
        titled(&mut script, &look.database, migrate::statements_down(target_version));
        match jobs_at_stake(target, &mut app, &look, watch).await {
            Ok(done) => in_database(&mut script, look.cron_database().unwrap_or_default(), done.statements),
            Err(failure) => script.push(format!("-- the jobs can't be seen: {failure}")),
        }
    }
    app.close().await?;
    Ok(script)
}

fn titled(script: &mut Vec<String>, database: &str, parts: Vec<(String, String)>) {
    script.push(format!("-- in database {database}, in one transaction"));
    for (title, sql) in parts {
        script.extend([format!("-- {title}"), sql]);
    }
}

fn in_database(script: &mut Vec<String>, database: &str, statements: Vec<String>) {
    if !statements.is_empty() {
        script.push(format!("-- in database {database}"));
        script.extend(statements);
    }
}
