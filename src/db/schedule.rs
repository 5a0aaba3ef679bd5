//! The jobs in `pg_cron`, wherever in the cluster it lives.
//!
//! `pg_cron` keeps its tables in one database (`cron.database_name`), which need not be the application's, and
//! a migration can't reach across. So the jobs are put there by the program, after the migrations.
//!
//! A job is known by its name, its command and its database, in `pg_cron`'s own tables. A number is used only inside the
//! transaction that has read it: after `DROP EXTENSION` numbers begin at 1 again and mean jobs of others. What was there
//! before is kept in `refreshtop.undo` as data. It is never executed, and never tells where to go: where `pg_cron`
//! lives is asked of the server.

use crate::{
    db::{
        error, migrate,
        service::{ask, literal, one, optional, text},
    },
    model::statement::{self, Purpose},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

/// The role that the jobs run as where there are roles: it may refresh and clean up, and nothing else.
pub const JOB_ROLE: &str = "refreshtop_job";

/// A job that refreshtop needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: &'static str,
    /// Five-field cron expression.
    pub schedule: &'static str,
    /// The statement that it runs.
    pub command: &'static str,
    /// The function that this calls.
    pub function: &'static str,
    /// The view that it refreshes; empty where it refreshes none.
    pub view: &'static str,
}

/// The two jobs of the contract.
pub const JOBS: [Wanted; 2] = [
    Wanted {
        name: crate::db::service::REFRESH_JOB,
        schedule: "*/5 * * * *",
        command: "SELECT public.refresh_platform_metrics_with_logging();",
        function: "refresh_platform_metrics_with_logging",
        view: crate::db::service::PLATFORM_METRICS,
    },
    Wanted {
        name: "cleanup-metrics-logs",
        schedule: "0 2 * * *",
        command: "SELECT public.cleanup_old_metrics_logs();",
        function: "cleanup_old_metrics_logs",
        view: "",
    },
];

impl Wanted {
    /// What a job's command does in view of this one.
    #[must_use]
    pub fn purpose(&self, command: &str) -> Purpose {
        statement::purpose(command, self.function, self.view)
    }
}

/// What makes what follows mean what it says, whatever the database or the role has set. The first statement of each
/// transaction here.
pub(super) const SAFE: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

/// Whether `cron.job` and its history are `pg_cron`'s own: whoever may create a schema can make tables of these names
/// where `pg_cron` is not, and views whose functions run as whoever looks.
pub(super) const OWN_TABLES: &str = "
    (SELECT count(*) = 2 FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_cron'
     JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'r' AND c.relname IN ('job', 'job_run_details')
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'cron'
     JOIN pg_catalog.pg_roles r ON r.oid = c.relowner AND r.rolsuper
     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e'
       AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass)";

/// Whether `cron.job` can be read here without running code of others.
///
/// # Errors
/// Only the connection's.
pub(super) async fn has_own_tables(there: &mut PgConnection) -> sqlx::Result<bool> {
    one(there, &format!("SELECT {OWN_TABLES}")).await?.try_get(0)
}

/// Where `pg_cron` lives, as far as a session can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In this database.
    Database(String),
    /// The server does not load it.
    NotLoaded,
    /// Its settings are for superusers and members of `pg_read_all_settings`, and it is not in this database.
    Hidden,
}

/// Whether this database is the one that the installation in it was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There is no installation.
    New,
    /// It is.
    AtHome,
    /// It is, and had this name before, which no database has now.
    Renamed(String),
    /// It was copied or restored from another database, or nothing tells where it was made.
    Copy,
}

/// What was there before a job was ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its name.
    #[serde(default)]
    pub jobname: Option<String>,
    /// When it ran.
    pub schedule: String,
    /// What it ran.
    pub command: String,
    /// Whether it ran.
    pub active: bool,
    /// As which role.
    pub username: String,
}

/// A row of `refreshtop.undo` that is about `pg_cron`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Note {
    /// About a job of the contract, by the contract's name: how it was found, if it was.
    Job(String, Option<Found>),
    /// The extension was created on behalf of this database.
    Extension,
    /// [`JOB_ROLE`] was given rights on `pg_cron`, so that the installation can show and change its jobs.
    Rights,
}

/// The name under which rights are noted.
const RIGHTS: &str = "rights of refreshtop_job";

/// What is known of the application's database before anything is done.
#[derive(Debug, Clone)]
pub struct Look {
    /// The server's name for it: a pooler's may be another one.
    pub database: String,
    /// Where `pg_cron` lives.
    pub place: Place,
    /// Whether the installation is at home.
    pub standing: Standing,
    /// Who looks.
    pub role: String,
    /// Whether the installation has no roles, so that its jobs run as who migrates.
    pub alone: bool,
    notes: Vec<Note>,
    /// Functions of the contract that are there.
    functions: Vec<String>,
    /// The roles that own the application's tables.
    owners: Vec<String>,
}

impl Look {
    /// The database of `pg_cron`, where that is another one.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&str> {
        match &self.place {
            Place::Database(database) if *database != self.database => Some(database),
            _ => None,
        }
    }

    /// The database of `pg_cron`.
    #[must_use]
    pub fn cron_database(&self) -> Option<&str> {
        match &self.place {
            Place::Database(database) => Some(database),
            Place::NotLoaded | Place::Hidden => None,
        }
    }

    /// Whether it is known where the jobs are, or that there are none.
    #[must_use]
    pub fn cron_is_known(&self) -> bool {
        self.place != Place::Hidden || self.notes.is_empty()
    }

    /// Whether anything was ever noted about `pg_cron`.
    #[must_use]
    pub fn has_notes(&self) -> bool {
        !self.notes.is_empty()
    }

    fn note(&self, wanted: &Wanted) -> Option<&Option<Found>> {
        self.notes.iter().find_map(|note| match note {
            Note::Job(name, found) if name == wanted.name => Some(found),
            _ => None,
        })
    }

    /// Names that a job of this database may bear, and the databases that it may run in.
    fn is_here(&self, wanted: &Wanted, job: &CronJob) -> bool {
        let old = if let Standing::Renamed(old) = &self.standing { Some(old.as_str()) } else { None };
        let named = |database: &str| {
            job.jobname.as_deref().and_then(|name| name.strip_prefix(wanted.name)).is_some_and(|rest| {
                rest.is_empty()
                    || rest.strip_prefix('@').is_some_and(|suffix| suffix == database || old == Some(suffix))
            })
        };
        named(&self.database) && (job.database == self.database || Some(job.database.as_str()) == old)
    }
}

/// Looks, in a transaction of its own.
///
/// # Errors
/// Only the connection's: any role may ask.
pub async fn look(app: &mut PgConnection) -> sqlx::Result<Look> {
    let mut transaction = app.begin().await?;
    sqlx::raw_sql(SAFE).execute(&mut *transaction).await?;
    let facts = one(
        &mut transaction,
        "SELECT current_database()::text AS database, current_user::text AS role,
                pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS readable,
                EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron') AS here,
                ARRAY(SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                      WHERE n.nspname = 'public') AS functions,
                ARRAY(SELECT DISTINCT pg_get_userbyid(c.relowner)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = 'public'
                        AND c.relname IN ('accounts', 'accounts_memberships', 'assets', 'software_licenses')) AS owners",
    )
    .await?;
    let (database, role): (String, String) = (facts.try_get("database")?, facts.try_get("role")?);
    let mut functions: Vec<String> = facts.try_get("functions")?;
    let owners: Vec<String> = facts.try_get("owners")?;
    functions.retain(|function| JOBS.iter().any(|job| job.function == function));
    let place = if facts.try_get("readable")? {
        let question = "SELECT nullif(current_setting('cron.database_name', true), '')";
        let named: Option<String> = one(&mut transaction, question).await?.try_get(0)?;
        named.map_or(Place::NotLoaded, Place::Database)
    } else if facts.try_get("here")? {
        Place::Database(database.clone())
    } else {
        Place::Hidden
    };
    transaction.commit().await?;
    Ok(Look { database, place, standing: Standing::New, role, alone: false, notes: Vec::new(), functions, owners })
}

/// Joins to `look` what the installation knows: whether it is at home, what was noted, whether there are roles. `app` is a
/// transaction in which [`migrate::enter`] is in force. What is read is read as the installation's owner.
///
/// # Errors
/// The server's.
pub async fn recall(app: &mut PgConnection, look: &mut Look) -> sqlx::Result<()> {
    look.alone = one(app, &format!("SELECT refreshtop_migration.role('job') <> '{JOB_ROLE}'")).await?.try_get(0)?;
    let installed = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = 'refreshtop' AND c.relname = 'undo'";
    if optional(app, installed).await?.is_none() {
        return Ok(());
    }
    ask(app, AS_OWNER).await?;
    look.standing = standing(app).await?;
    look.notes = notes(app).await?;
    ask(app, AS_MIGRATOR).await?;
    Ok(())
}

const AS_OWNER: &str = "SELECT refreshtop_migration.as_owner()";
const AS_MIGRATOR: &str = "SELECT refreshtop_migration.as_migrator()";

impl Look {
    /// Takes into account where the installation was at home before this transaction brought it here.
    ///
    /// # Errors
    /// The server's.
    pub async fn moved_from(&mut self, app: &mut PgConnection, home: &migrate::Home) -> sqlx::Result<()> {
        let sql = format!(
            "SELECT d.oid::bigint = {} AND s.system_identifier = {} AS same,
                    EXISTS (SELECT 1 FROM pg_database o WHERE o.datname = {}) AS taken
             FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()",
            home.database_oid,
            home.system_identifier,
            literal(&home.database_name)
        );
        let row = one(app, &sql).await?;
        // What runs under the old name belongs to the database that has it now.
        self.standing = if row.try_get("same")? && !row.try_get::<bool, _>("taken")? {
            Standing::Renamed(home.database_name.clone())
        } else {
            Standing::Copy
        };
        Ok(())
    }
}

/// Whether a table of ours can be read without running code of others, and by this role.
async fn readable(app: &mut PgConnection, table: &str) -> sqlx::Result<bool> {
    let sql = format!(
        "SELECT EXISTS (
             SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_roles o ON o.oid = c.relowner JOIN pg_roles s ON s.oid = n.nspowner
             WHERE n.nspname = 'refreshtop' AND c.relname = {} AND c.relkind = 'r' AND NOT c.relhasrules
               AND (o.rolsuper OR o.rolname IN (current_user, 'refreshtop_owner'))
               AND (s.rolsuper OR s.rolname IN (current_user, 'refreshtop_owner'))
               AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))",
        literal(table)
    );
    one(app, &sql).await?.try_get(0)
}

async fn standing(app: &mut PgConnection) -> sqlx::Result<Standing> {
    if !readable(app, "home").await? {
        return Ok(Standing::Copy);
    }
    let home = "SELECT h.database_oid::bigint = d.oid::bigint
                           AND h.system_identifier = (SELECT system_identifier FROM pg_control_system()) AS same,
                       h.database_name::text AS name, d.datname::text AS now,
                       EXISTS (SELECT 1 FROM pg_database o WHERE o.datname = h.database_name) AS taken
                FROM refreshtop.home h CROSS JOIN pg_database d WHERE d.datname = current_database()";
    let Some(home) = optional(app, home).await? else { return Ok(Standing::Copy) };
    let (name, now): (String, String) = (home.try_get("name")?, home.try_get("now")?);
    Ok(if !home.try_get::<Option<bool>, _>("same")?.unwrap_or(false) {
        Standing::Copy
    } else if name == now {
        Standing::AtHome
    } else if home.try_get("taken")? {
        // What runs under the old name belongs to the database that has it now.
        Standing::Copy
    } else {
        Standing::Renamed(name)
    })
}

async fn notes(app: &mut PgConnection) -> sqlx::Result<Vec<Note>> {
    if !readable(app, "undo").await? {
        return Ok(Vec::new());
    }
    let sql = "SELECT kind, object_name, (detail -> 'found')::text AS found FROM refreshtop.undo
               WHERE kind IN ('job', 'extension') ORDER BY seq";
    let mut notes = Vec::new();
    for row in ask(app, sql).await? {
        let name = text(&row, "object_name")?.unwrap_or_default();
        notes.push(if row.try_get::<String, _>("kind")? == "extension" {
            if name == RIGHTS { Note::Rights } else { Note::Extension }
        } else {
            let found = text(&row, "found")?.and_then(|found| serde_json::from_str(&found).unwrap_or_default());
            Note::Job(name, found)
        });
    }
    Ok(notes)
}

/// Why the jobs could not be put in place, or taken away.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// `pg_cron` is loaded but its extension is not created, and this role may not.
    #[error(
        "pg_cron is loaded, but its extension is missing in database {database}: {reason}; \
         a superuser can run there: CREATE EXTENSION pg_cron"
    )]
    NoExtension {
        /// Database in which it belongs.
        database: String,
        /// The server's words.
        reason: String,
    },
    /// There is a schema `cron` that is not `pg_cron`'s.
    #[error("schema cron in database {0} is not that of pg_cron: nothing was read or called there")]
    NotOwn(String),
    /// This role may not use `pg_cron`.
    #[error(
        "{reason} in database {database}; a superuser can run there: GRANT USAGE ON SCHEMA cron TO {role}; \
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cron TO {role}"
    )]
    NotPermitted {
        /// Where `pg_cron` lives.
        database: String,
        /// Who was refused, as it stands in a statement.
        role: String,
        /// The server's words.
        reason: String,
    },
    /// The jobs would run as a role that has more rights than whoever can change what they call.
    #[error(
        "the jobs would run as role {role}, and schema public belongs to {owner}, who could make them run anything; let a \
         superuser migrate, who makes a role for them, or schedule public.refresh_platform_metrics_with_logging() as \
         {owner}"
    )]
    NotSafe {
        /// Who migrates.
        role: String,
        /// Who owns schema `public`.
        owner: String,
    },
    /// Anything else.
    #[error("{}", error::sentence(.0))]
    Database(#[from] sqlx::Error),
}

impl ScheduleError {
    /// Whether the session itself is of no more use, or was told to stop.
    #[must_use]
    pub fn ends_all(&self) -> bool {
        match self {
            Self::Database(failure) => ends_all(failure),
            _ => false,
        }
    }
}

/// Whether a failure is not that of one part: the session is lost, or somebody cancelled.
fn ends_all(failure: &sqlx::Error) -> bool {
    error::fails_all(failure) || error::code(failure) == Some(error::sqlstate::QUERY_CANCELED)
}

/// What it takes to see and change jobs of one's own, as it stands between GRANT and TO, REVOKE and FROM.
const ALTERING: [&str; 2] =
    ["USAGE ON SCHEMA cron", "EXECUTE ON FUNCTION cron.alter_job(bigint, text, text, text, text, boolean)"];

/// A row of `cron.job`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "what pg_cron's table and the catalogue say of a job")]
struct CronJob {
    id: i64,
    jobname: Option<String>,
    schedule: String,
    command: String,
    database: String,
    username: String,
    active: bool,
    /// Whether the role exists, and is a superuser.
    role_exists: bool,
    role_is_super: bool,
    /// Whether that role could have set up a deployment here: any role may schedule a job by our name, and its schedule
    /// must not become ours.
    role_counts: bool,
}

impl CronJob {
    fn found(&self) -> Found {
        Found {
            jobname: self.jobname.clone(),
            schedule: self.schedule.clone(),
            command: self.command.clone(),
            active: self.active,
            username: self.username.clone(),
        }
    }

    /// For people.
    fn title(&self) -> String {
        self.jobname.clone().unwrap_or_else(|| format!("number {}", self.id))
    }

    fn state(&self) -> &'static str {
        if self.active { "active" } else { "paused" }
    }
}

/// What is to be done in `pg_cron`'s database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Act {
    /// The statement.
    sql: String,
    /// The role to take on for it.
    role: Option<String>,
}

/// What [`ensure`] and [`take_away`] did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// What to tell, a sentence each.
    pub lines: Vec<String>,
    /// The statements, as they were sent, or would be: first those where `pg_cron` lives.
    pub statements: Vec<String>,
    /// What to note in the application's database.
    notes: Vec<String>,
    /// The jobs that were changed or removed, as they were.
    before: Vec<CronJob>,
    extension_dropped: bool,
    /// Whether jobs are left that run as [`JOB_ROLE`].
    pub needs_role: bool,
}

impl Done {
    /// Nothing but a sentence.
    #[must_use]
    pub fn only(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()], ..Self::default() }
    }

    /// Whether anything is changed where `pg_cron` lives.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether the extension is made.
    #[must_use]
    pub fn makes_extension(&self) -> bool {
        self.statements.first().is_some_and(|sql| sql.starts_with("CREATE EXTENSION"))
    }

    /// How many jobs are changed or removed.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.before.len()
    }
}

/// Whether statements are executed, or only told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are executed.
    Really,
    /// They are only told, and nobody else changes anything until the transaction ends.
    Plan,
    /// They are only told.
    Dry,
}

/// Works where `pg_cron` lives: what it can see, and what it does.
struct Desk<'a> {
    cron: &'a mut PgConnection,
    look: &'a Look,
    mode: Mode,
    cron_database: &'a str,
    superuser: bool,
    /// Whether this role may take on [`JOB_ROLE`].
    member: bool,
    role: String,
    /// What the jobs run as.
    job_role: String,
    /// Whether the history and the pause of a job can be set by this role, or by [`JOB_ROLE`].
    may_alter: bool,
    jobs: Vec<CronJob>,
    done: Done,
}

/// Takes the lock under which the jobs are changed, until the transaction ends: another database's migrator may be about to
/// create the extension or to take the same name, and another one's rollback to drop the extension because it has no job
/// yet.
fn lock() -> String {
    format!("SELECT pg_catalog.pg_advisory_xact_lock({}, 1)", migrate::LOCK_CLASS)
}

/// Puts every job in place that is missing, and takes over those of its name that do the same and nothing else. A job that
/// is there keeps its interval and its pause. `cron` is a transaction where `pg_cron` lives; what
///  is to be noted goes into the application's database by
/// [`write_notes`].
///
/// # Errors
/// See [`ScheduleError`]; nothing was changed then.
pub async fn ensure(cron: &mut PgConnection, look: &Look, mode: Mode) -> Result<Done, ScheduleError> {
    let Place::Database(cron_database) = &look.place else { return Ok(Done::default()) };
    // A failure costs this part only, not what was done before it in the same transaction.
    let mut part = cron.begin().await?;
    let done = ensured(&mut part, look, cron_database, mode).await;
    match &done {
        Ok(_) => part.commit().await?,
        Err(failure) if failure.ends_all() => {}
        Err(_) => part.rollback().await?,
    }
    done
}

async fn ensured(cron: &mut PgConnection, look: &Look, cron_database: &str, mode: Mode) -> Result<Done, ScheduleError> {
    sqlx::raw_sql(SAFE).execute(&mut *cron).await?;
    if mode != Mode::Dry {
        sqlx::raw_sql(AssertSqlSafe(lock())).execute(&mut *cron).await?;
    }
    let mut notes = Vec::new();
    let mut statements = Vec::new();
    if !has_extension(cron).await? && (mode != Mode::Really || create_extension(cron, cron_database).await?) {
        statements.push("CREATE EXTENSION pg_cron".to_owned());
        notes.push(note("extension", "pg_cron", &json!({"cron_database": cron_database})));
    }
    let mut desk = Desk::open(cron, look, cron_database, mode).await?;
    desk.done.statements = statements;
    desk.done.notes = notes;
    if look.standing == Standing::Copy {
        // What they say is about the original's jobs, which stay the original's.
        desk.done.notes.insert(0, "DELETE FROM refreshtop.undo WHERE kind IN ('job', 'extension')".to_owned());
    }
    if let Err(failure) = desk.ensure_rights().await {
        return Err(desk.refused(failure));
    }
    for wanted in JOBS {
        if let Err(failure) = desk.ensure_job(wanted).await {
            return Err(desk.refused(failure));
        }
    }
    Ok(desk.done)
}

async fn has_extension(cron: &mut PgConnection) -> sqlx::Result<bool> {
    one(cron, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron')").await?.try_get(0)
}

/// Creates it; `false` where somebody else has done so meanwhile.
async fn create_extension(cron: &mut PgConnection, database: &str) -> Result<bool, ScheduleError> {
    match ask(cron, "CREATE EXTENSION pg_cron").await {
        Ok(_) => Ok(true),
        Err(failure) if ends_all(&failure) => Err(failure.into()),
        Err(_) if has_extension(cron).await? => Ok(false),
        Err(failure) => {
            Err(ScheduleError::NoExtension { database: database.into(), reason: error::sentence(&failure) })
        }
    }
}

impl<'a> Desk<'a> {
    async fn open(
        cron: &'a mut PgConnection,
        look: &'a Look,
        cron_database: &'a str,
        mode: Mode,
    ) -> Result<Self, ScheduleError> {
        let row = one(
            cron,
            &format!(
                "SELECT current_user::text AS role, r.rolsuper AS super,
                        coalesce((SELECT pg_has_role(current_user, j.oid, 'MEMBER') FROM pg_roles j
                                  WHERE j.rolname = '{JOB_ROLE}'), false) AS member,
                        {OWN_TABLES} AS own, to_regnamespace('cron') IS NOT NULL AS schema
                 FROM pg_roles r WHERE r.rolname = current_user"
            ),
        )
        .await?;
        let (role, superuser): (String, bool) = (row.try_get("role")?, row.try_get("super")?);
        let member = row.try_get::<bool, _>("member")?;
        let own: bool = row.try_get("own")?;
        // What is only told of can't be looked up yet.
        if !own && (mode == Mode::Really || row.try_get::<bool, _>("schema")?) {
            return Err(ScheduleError::NotOwn(cron_database.into()));
        }
        let job_role = if look.alone { role.clone() } else { JOB_ROLE.to_owned() };
        let mut desk = Self {
            cron,
            look,
            mode,
            cron_database,
            superuser,
            member,
            role,
            job_role,
            may_alter: superuser,
            jobs: Vec::new(),
            done: Done::default(),
        };
        if own {
            desk.read().await.map_err(|failure| desk.refused(failure))?;
        }
        Ok(desk)
    }

    async fn read(&mut self) -> sqlx::Result<()> {
        let names = JOBS.map(|job| literal(job.name)).join(", ");
        let mut databases = vec![literal(&self.look.database)];
        if let Standing::Renamed(old) = &self.look.standing {
            databases.push(literal(old));
        }
        let sql = format!(
            "SELECT j.jobid, j.jobname::text AS jobname, j.schedule::text AS schedule, j.command::text AS command,
                    j.database::text AS database, j.username::text AS username, j.active,
                    r.rolname IS NOT NULL AS role_exists, coalesce(r.rolsuper, false) AS role_is_super,
                    r.rolname IS NULL OR r.rolsuper OR r.rolname IN (current_user, {}, {})
                        OR EXISTS (SELECT 1 FROM pg_database d WHERE d.datname = j.database AND d.datdba = r.oid) AS role_counts
             FROM cron.job j LEFT JOIN pg_roles r ON r.rolname = j.username
             WHERE j.database IN ({}) OR split_part(j.jobname::text, '@', 1) IN ({names})
             ORDER BY j.jobid",
            literal(&self.role),
            literal(&self.job_role),
            databases.join(", ")
        );
        let mut rows = ask(self.cron, &sql).await?;
        if !self.superuser {
            // pg_cron shows a role its own jobs only.
            let allowed =
                "SELECT has_function_privilege('cron.alter_job(bigint, text, text, text, text, boolean)', 'EXECUTE')";
            self.may_alter = one(self.cron, allowed).await?.try_get(0)?;
            if self.member && self.job_role != self.role {
                rows.extend(self.as_job_role(&sql).await?);
                self.may_alter =
                    self.as_job_role(allowed).await?.first().is_some_and(|row| row.try_get(0).unwrap_or(false));
            }
        }
        for row in rows {
            let some = |name: &str| text(&row, name).map(Option::unwrap_or_default);
            self.jobs.push(CronJob {
                id: row.try_get("jobid")?,
                jobname: text(&row, "jobname")?,
                schedule: some("schedule")?,
                command: some("command")?,
                database: some("database")?,
                username: some("username")?,
                active: row.try_get("active")?,
                role_exists: row.try_get("role_exists")?,
                role_is_super: row.try_get("role_is_super")?,
                role_counts: row.try_get("role_counts")?
                    || self.look.owners.contains(&row.try_get::<String, _>("username")?),
            });
        }
        Ok(())
    }

    async fn as_job_role(&mut self, sql: &str) -> sqlx::Result<Vec<sqlx::postgres::PgRow>> {
        let back = role_now(self.cron).await?;
        ask(self.cron, &format!("SET LOCAL ROLE {}", error::identifier(JOB_ROLE))).await?;
        let rows = ask(self.cron, sql).await;
        ask(self.cron, &back).await?;
        rows
    }

    /// What an error means for whoever is told.
    fn refused(&self, failure: sqlx::Error) -> ScheduleError {
        if error::code(&failure) != Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) {
            return failure.into();
        }
        let role = if self.superuser || !self.member { &self.role } else { &self.job_role };
        ScheduleError::NotPermitted {
            database: self.cron_database.to_owned(),
            role: error::identifier(role),
            reason: error::sentence(&failure),
        }
    }

    /// Executes, or tells.
    async fn act(&mut self, act: &Act) -> sqlx::Result<()> {
        let roles = if let Some(role) = &act.role {
            let (take_on, back) = (format!("SET LOCAL ROLE {}", error::identifier(role)), role_now(self.cron).await?);
            self.done.statements.extend([take_on.clone(), act.sql.clone(), back.clone()]);
            Some((take_on, back))
        } else {
            self.done.statements.push(act.sql.clone());
            None
        };
        if self.mode != Mode::Really {
            return Ok(());
        }
        if let Some((take_on, back)) = roles {
            ask(self.cron, &take_on).await?;
            let acted = ask(self.cron, &act.sql).await;
            ask(self.cron, &back).await?;
            return acted.map(|_| ());
        }
        ask(self.cron, &act.sql).await.map(|_| ())
    }

    /// The statement that makes a job of this database, for role `username`.
    fn schedule(&self, name: &str, job: (&str, &str, bool), username: &str) -> Vec<Act> {
        self.schedule_in(&self.look.database, name, job, username)
    }

    fn schedule_in(&self, database: &str, name: &str, job: (&str, &str, bool), username: &str) -> Vec<Act> {
        let here = database == self.cron_database;
        let (schedule, command, active) = job;
        let what = format!("{}, {}, {}", literal(name), literal(schedule), literal(command));
        let database = literal(database);
        if self.superuser {
            let paused = if active { String::new() } else { ", active := false".into() };
            let user = literal(username);
            let sql = format!("SELECT cron.schedule_in_database({what}, {database}, username := {user}{paused})");
            return vec![Act { sql, role: None }];
        }
        let role = (username != self.role).then(|| username.to_owned());
        let sql = if here {
            format!("SELECT cron.schedule({what})")
        } else {
            format!("SELECT cron.schedule_in_database({what}, {database})")
        };
        let mut acts = vec![Act { sql, role: role.clone() }];
        if !active {
            let sql = format!(
                "SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE jobname = {} AND username = {} AND database = {database}",
                literal(name),
                literal(username)
            );
            acts.push(Act { sql, role });
        }
        acts
    }

    fn unschedule(&self, job: &CronJob) -> Act {
        // pg_cron has a function for names too; by name only its own role may, not even a superuser.
        let role = (!self.superuser && job.username != self.role).then(|| job.username.clone());
        Act { sql: format!("SELECT cron.unschedule({}::bigint)", job.id), role }
    }

    /// A name that no other job of the role has: `pg_cron` knows a name only once for each role, and scheduling it again
    /// would take the job away from the other database.
    fn free_name(&self, wanted: &Wanted, but_for: Option<i64>) -> String {
        let taken = self.jobs.iter().any(|job| {
            job.jobname.as_deref() == Some(wanted.name) && job.username == self.job_role && Some(job.id) != but_for
        });
        if taken { format!("{}@{}", wanted.name, self.look.database) } else { wanted.name.to_owned() }
    }

    fn is_ours(&self, wanted: &Wanted, job: &CronJob) -> bool {
        self.look.is_here(wanted, job) && job.username == self.job_role && statement::same(&job.command, wanted.command)
    }

    /// Where `pg_cron` lives beside the application, functions of the job's role show its administrators what the jobs do.
    async fn ensure_rights(&mut self) -> sqlx::Result<()> {
        if !self.superuser || self.look.alone || self.look.database != self.cron_database {
            return Ok(());
        }
        let has = format!(
            "SELECT EXISTS (SELECT 1 FROM pg_roles r, pg_namespace n, pg_proc p
                 WHERE r.rolname = '{JOB_ROLE}' AND n.nspname = 'cron' AND p.pronamespace = n.oid AND p.proname = 'alter_job'
                   AND has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))"
        );
        if one(self.cron, &has).await?.try_get(0)? {
            return Ok(());
        }
        for right in ALTERING {
            self.act(&Act { sql: format!("GRANT {right} TO {JOB_ROLE}"), role: None }).await?;
        }
        if !self.look.notes.contains(&Note::Rights) || self.look.standing == Standing::Copy {
            self.done.notes.push(note("extension", RIGHTS, &json!({"cron_database": self.cron_database})));
        }
        Ok(())
    }

    async fn ensure_job(&mut self, wanted: Wanted) -> sqlx::Result<()> {
        let (mut here, strangers): (Vec<CronJob>, Vec<CronJob>) =
            self.jobs.iter().filter(|job| self.look.is_here(&wanted, job)).cloned().partition(|job| job.role_counts);
        for job in strangers {
            self.done.lines.push(format!(
                "note: job {} (number {}) of role {} bears our name and stays as it is: that role is no superuser, and \
                 owns neither the database nor a source of the view",
                job.title(),
                job.id,
                job.username
            ));
        }
        here.sort_by_key(|job| (!self.is_ours(&wanted, job), rank(wanted.purpose(&job.command)), !job.active, job.id));
        let mut kept = here.iter().filter(|job| wanted.purpose(&job.command) == Purpose::Other);
        if let Some(other) = kept.next() {
            self.done.lines.push(format!(
                "note: job {} (number {}, role {}) does something else than {}: it stays as it is",
                other.title(),
                other.id,
                other.username,
                wanted.function
            ));
        }
        let known = self.look.note(&wanted).filter(|_| self.look.standing != Standing::Copy).cloned();
        match here.first() {
            Some(job) if self.is_ours(&wanted, job) => {
                self.keep(&wanted, job).await?;
                if known.is_none() {
                    let found = self.handmade_before(&wanted, job);
                    self.note_job(&wanted, found.as_ref());
                }
            }
            Some(job) if wanted.purpose(&job.command) == Purpose::CallsAmongOthers => {
                let risk = if job.role_is_super {
                    format!(
                        "; it runs as {}, a superuser, with whatever the owner of schema public puts under that name",
                        job.username
                    )
                } else {
                    String::new()
                };
                self.done.lines.push(format!(
                    "job {} (number {}, {}, {}) calls {} among other statements: it counts as the schedule and stays as \
                     it is{risk}",
                    job.title(),
                    job.id,
                    job.schedule,
                    job.state(),
                    wanted.function
                ));
            }
            Some(job) if matches!(wanted.purpose(&job.command), Purpose::Calls | Purpose::Refreshes) => {
                let found = self.handmade_before(&wanted, job);
                if self.adopt(&wanted, job).await? {
                    // What was there first is what comes back.
                    match known {
                        Some(Some(_)) => {}
                        _ => self.note_job(&wanted, found.as_ref()),
                    }
                }
            }
            _ => {
                let name = self.free_name(&wanted, None);
                for act in self.schedule(&name, (wanted.schedule, wanted.command, true), &self.job_role.clone()) {
                    self.act(&act).await?;
                }
                self.done
                    .lines
                    .push(format!("job {name} scheduled ({}) in database {}", wanted.schedule, self.cron_database));
                if known.is_none() {
                    self.note_job(&wanted, None);
                }
            }
        }
        Ok(())
    }

    /// How a job was that is ours from now on; `None` where nothing is to come back. A job of the job's role is no one's
    /// but ours, and one that calls a function which was not here is what a dropped database of this name has left.
    fn handmade_before(&self, wanted: &Wanted, job: &CronJob) -> Option<Found> {
        let could_work = wanted.purpose(&job.command) != Purpose::Calls
            || self.look.functions.iter().any(|function| function == wanted.function);
        let leftover = job.username == JOB_ROLE || !could_work || !job.role_exists;
        (!leftover).then(|| job.found())
    }

    fn note_job(&mut self, wanted: &Wanted, found: Option<&Found>) {
        let detail = json!({"database": self.look.database, "cron_database": self.cron_database, "found": found});
        self.done
            .notes
            .push(format!("DELETE FROM refreshtop.undo WHERE kind = 'job' AND object_name = {}", literal(wanted.name)));
        self.done.notes.push(note("job", wanted.name, &detail));
    }

    /// Leaves a job of ours as it is, but for the database's new name.
    async fn keep(&mut self, wanted: &Wanted, job: &CronJob) -> sqlx::Result<()> {
        if job.database != self.look.database {
            let plain = job.jobname.as_deref() == Some(wanted.name);
            let name = if plain { wanted.name.to_owned() } else { format!("{}@{}", wanted.name, self.look.database) };
            if self.superuser && plain {
                let database = literal(&self.look.database);
                let sql = format!("SELECT cron.alter_job({}, database := {database})", job.id);
                self.act(&Act { sql, role: None }).await?;
            } else {
                self.act(&self.unschedule(job)).await?;
                for act in self.schedule(&name, (&job.schedule, &job.command, job.active), &job.username) {
                    self.act(&act).await?;
                }
            }
            self.done.before.push(job.clone());
            self.done.lines.push(format!(
                "job {name} was moved from database {}, which is now {}",
                job.database, self.look.database
            ));
            return Ok(());
        }
        self.done.lines.push(format!("job {} stays as it is ({}, {})", job.title(), job.schedule, job.state()));
        Ok(())
    }

    /// Takes over a job that does the same and nothing else; `false` where this role can't without losing something.
    async fn adopt(&mut self, wanted: &Wanted, job: &CronJob) -> sqlx::Result<bool> {
        let command = literal(wanted.command);
        let same_role = job.username == self.job_role;
        let may_have_name = job.jobname.as_deref().is_some_and(|name| {
            !self.jobs.iter().any(|other| {
                other.id != job.id && other.jobname.as_deref() == Some(name) && other.username == self.job_role
            })
        });
        if self.superuser && job.database == self.look.database && may_have_name {
            let username = if same_role { String::new() } else { format!(", username := {}", literal(&self.job_role)) };
            let sql = format!("SELECT cron.alter_job({}, command := {command}{username})", job.id);
            self.act(&Act { sql, role: None }).await?;
        } else if same_role && self.may_alter && job.database == self.look.database {
            let role = (self.job_role != self.role).then(|| self.job_role.clone());
            self.act(&Act { sql: format!("SELECT cron.alter_job({}, command := {command})", job.id), role }).await?;
        } else if job.active || self.superuser || self.may_alter {
            self.act(&self.unschedule(job)).await?;
            let name = self.free_name(wanted, Some(job.id));
            for act in self.schedule(&name, (&job.schedule, wanted.command, job.active), &self.job_role.clone()) {
                self.act(&act).await?;
            }
        } else {
            self.done.lines.push(format!(
                "warning: job {} (paused) runs something else and stays as it is: without EXECUTE on cron.alter_job it could \
                 not be taken over without beginning to run",
                job.title()
            ));
            return Ok(false);
        }
        self.done.before.push(job.clone());
        let was = match wanted.purpose(&job.command) {
            Purpose::Refreshes => "refreshed the view without a trace; it now calls the function that logs",
            _ => "was there",
        };
        let as_role = if same_role { String::new() } else { format!(", and runs as {}", self.job_role) };
        self.done.lines.push(format!(
            "job {} {was}{as_role}: it keeps its schedule ({}, {}), and a rollback puts it back",
            job.title(),
            job.schedule,
            job.state()
        ));
        Ok(true)
    }
}

/// What one wants to have, before what one can live with.
fn rank(purpose: Purpose) -> u8 {
    match purpose {
        Purpose::CallsAmongOthers => 0,
        Purpose::Calls => 1,
        Purpose::Refreshes => 2,
        Purpose::Other => 3,
    }
}

/// The statement that goes back to the role that is in force now.
pub(super) async fn role_now(connection: &mut PgConnection) -> sqlx::Result<String> {
    let role: String = one(connection, "SELECT pg_catalog.current_setting('role')").await?.try_get(0)?;
    Ok(if role == "none" { "SET LOCAL ROLE NONE".into() } else { format!("SET LOCAL ROLE {}", quoted(&role)) })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A row for `refreshtop.undo`.
fn note(kind: &str, name: &str, detail: &serde_json::Value) -> String {
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
///
/// # Errors
/// The server's.
pub async fn write_notes(app: &mut PgConnection, done: &mut Done, mode: Mode) -> sqlx::Result<()> {
    let notes = std::mem::take(&mut done.notes);
    if mode == Mode::Really && !notes.is_empty() {
        ask(app, AS_OWNER).await?;
        for sql in &notes {
            ask(app, sql).await?;
        }
        ask(app, AS_MIGRATOR).await?;
    }
    done.statements.extend(notes);
    Ok(())
}

/// Forgets what was noted: the jobs are as they were before, or, with `only_extension`, the extension was not created. `app`
/// is a transaction in which [`migrate::enter`] is in force.
///
/// # Errors
/// The server's.
pub async fn forget(app: &mut PgConnection, only_extension: bool) -> sqlx::Result<()> {
    let kinds = if only_extension { "'extension'" } else { "'job', 'extension'" };
    ask(app, AS_OWNER).await?;
    ask(app, &format!("DELETE FROM refreshtop.undo WHERE kind IN ({kinds})")).await?;
    ask(app, AS_MIGRATOR).await?;
    Ok(())
}

/// Whether jobs that run as who migrates have rights that whoever owns schema `public` must not get.
///
/// # Errors
/// [`ScheduleError::NotSafe`]; the server's.
pub async fn is_safe(app: &mut PgConnection, look: &Look) -> Result<(), ScheduleError> {
    if !look.alone {
        return Ok(());
    }
    let row = one(
        app,
        "SELECT o.rolname::text AS owner,
                o.rolsuper OR o.rolname = current_user
                    OR (o.rolname = 'pg_database_owner'
                        AND (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()) IN
                            (SELECT m.oid FROM pg_roles m WHERE m.rolsuper OR m.rolname = current_user)) AS safe
         FROM pg_namespace p JOIN pg_roles o ON o.oid = p.nspowner WHERE p.nspname = 'public'",
    )
    .await?;
    if row.try_get("safe")? {
        return Ok(());
    }
    Err(ScheduleError::NotSafe { role: look.role.clone(), owner: row.try_get("owner")? })
}

/// Takes away what was scheduled for this database, and puts back what was there before. `cron` is a transaction where
/// `pg_cron` lives.
///
/// # Errors
/// See [`ScheduleError`]; the transaction is of no more use then.
pub async fn take_away(cron: &mut PgConnection, look: &Look, mode: Mode) -> Result<Done, ScheduleError> {
    let Place::Database(cron_database) = &look.place else { return Ok(Done::default()) };
    sqlx::raw_sql(SAFE).execute(&mut *cron).await?;
    match &look.standing {
        Standing::New => return Ok(Done::default()),
        Standing::Copy => {
            let told = "this database is a copy or was restored: the jobs and pg_cron's extension belong to the original, \
                        and stay as they are";
            return Ok(Done { needs_role: needs_role(cron).await?, ..Done::only(told) });
        }
        Standing::AtHome | Standing::Renamed(_) => {}
    }
    if mode != Mode::Dry {
        sqlx::raw_sql(AssertSqlSafe(lock())).execute(&mut *cron).await?;
    }
    if !has_extension(cron).await? {
        // Whatever was there went with it.
        return Ok(Done::default());
    }
    let mut desk = Desk::open(cron, look, cron_database, mode).await?;
    for wanted in JOBS {
        if let Err(failure) = desk.take_away(&wanted).await {
            return Err(desk.refused(failure));
        }
    }
    if look.notes.contains(&Note::Rights) && desk.superuser && look.database == *cron_database {
        for right in ALTERING {
            let act = Act { sql: format!("REVOKE {right} FROM {JOB_ROLE}"), role: None };
            if let Err(failure) = desk.act(&act).await {
                return Err(desk.refused(failure));
            }
        }
    }
    if look.notes.contains(&Note::Extension) {
        desk.drop_extension().await?;
    }
    let mut done = desk.done;
    done.needs_role = needs_role(cron).await?;
    Ok(done)
}

/// Whether jobs run as [`JOB_ROLE`]. Who can't see all jobs does not know.
async fn needs_role(cron: &mut PgConnection) -> sqlx::Result<bool> {
    if !has_own_tables(cron).await? {
        return Ok(false);
    }
    let sees_all = "SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user";
    if !one(cron, sees_all).await?.try_get::<bool, _>(0)? {
        return Ok(true);
    }
    one(cron, &format!("SELECT EXISTS (SELECT 1 FROM cron.job WHERE username = '{JOB_ROLE}')")).await?.try_get(0)
}

impl Desk<'_> {
    async fn take_away(&mut self, wanted: &Wanted) -> sqlx::Result<()> {
        let note = self.look.note(wanted).cloned();
        let here: Vec<CronJob> = self.jobs.iter().filter(|job| self.look.is_here(wanted, job)).cloned().collect();
        let (ours, others): (Vec<&CronJob>, Vec<&CronJob>) = here.iter().partition(|job| self.is_ours(wanted, job));
        for other in others.into_iter().filter(|job| job.username == self.job_role) {
            self.done.lines.push(format!(
                "note: job {} (number {}) runs something else by now, and stays as it is",
                other.title(),
                other.id
            ));
        }
        let mut before = note.flatten();
        if let (Some(found), []) = (&before, ours.as_slice()) {
            let stays = here.iter().any(|job| job.found() == *found);
            if !stays {
                self.done.lines.push(format!(
                    "note: job {} was here before, and somebody has removed it since: it is not put back",
                    found.jobname.as_deref().unwrap_or(wanted.name)
                ));
            }
        }
        for job in ours {
            if let Some(found) = before.take() {
                self.put_back(job, &found).await?;
            } else {
                self.act(&self.unschedule(job)).await?;
                self.done.lines.push(format!("unscheduled job {} in database {}", job.title(), self.cron_database));
            }
            self.done.before.push(job.clone());
            self.jobs.retain(|other| other.id != job.id);
        }
        Ok(())
    }

    async fn put_back(&mut self, job: &CronJob, found: &Found) -> sqlx::Result<()> {
        let exists = format!("SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = {})", literal(&found.username));
        let exists: bool = one(self.cron, &exists).await?.try_get(0)?;
        if !exists || !(self.superuser || found.username == self.role || found.username == self.job_role) {
            self.act(&self.unschedule(job)).await?;
            let why =
                if exists { "this role may not schedule as that one" } else { "that role does not exist any more" };
            self.done.lines.push(format!(
                "warning: unscheduled job {}; it ran as role {} before ({}, {}) and was not put back: {why}",
                job.title(),
                found.username,
                found.schedule,
                found.command
            ));
            return Ok(());
        }
        // Whoever has paused it since did not want it to run.
        let active = found.active && job.active;
        let same_name = found.jobname == job.jobname;
        let by_hand = self.may_alter && found.username == job.username;
        if same_name && job.database == self.look.database && (self.superuser || by_hand) {
            let username = if by_hand { String::new() } else { format!(", username := {}", literal(&found.username)) };
            let sql = format!(
                "SELECT cron.alter_job({}, schedule := {}, command := {}{username}, active := {active})",
                job.id,
                literal(&found.schedule),
                literal(&found.command)
            );
            let role = (!self.superuser && job.username != self.role).then(|| job.username.clone());
            self.act(&Act { sql, role }).await?;
        } else {
            self.act(&self.unschedule(job)).await?;
            let name = found.jobname.clone().unwrap_or_else(|| job.title());
            for act in self.schedule(&name, (&found.schedule, &found.command, active), &found.username) {
                self.act(&act).await?;
            }
        }
        self.done.lines.push(format!(
            "put job {} back as it was ({}, {}, role {}) in database {}",
            job.title(),
            found.schedule,
            if active { "active" } else { "paused" },
            found.username,
            self.cron_database
        ));
        Ok(())
    }

    async fn drop_extension(&mut self) -> Result<(), ScheduleError> {
        let alone = "SELECT NOT row_security_active('cron.job') AS whole, (SELECT count(*) FROM cron.job) AS jobs";
        let row = one(self.cron, alone).await?;
        let (whole, jobs): (bool, i64) = (row.try_get("whole")?, row.try_get("jobs")?);
        // What is only told is still there.
        let removed = if self.mode == Mode::Really { 0 } else { self.removed() };
        if !whole || jobs > removed {
            let why = if whole { "it has other jobs" } else { "this role can't see whether it has other jobs" };
            self.done.lines.push(format!("extension pg_cron stays in database {}: {why}", self.cron_database));
            return Ok(());
        }
        let mut attempt = self.cron.begin().await?;
        let dropped =
            if self.mode == Mode::Really { ask(&mut attempt, "DROP EXTENSION pg_cron").await } else { Ok(Vec::new()) };
        match dropped {
            Ok(_) => {
                attempt.commit().await?;
                self.done.statements.push("DROP EXTENSION pg_cron".into());
                self.done.extension_dropped = true;
                self.done.lines.push(format!("dropped extension pg_cron in database {}", self.cron_database));
            }
            Err(failure) if ends_all(&failure) => return Err(failure.into()),
            // Somebody's view may read its tables.
            Err(failure) => {
                attempt.rollback().await?;
                let why = error::sentence(&failure);
                self.done.lines.push(format!("extension pg_cron stays in database {}: {why}", self.cron_database));
            }
        }
        Ok(())
    }

    fn removed(&self) -> i64 {
        let removed = self.done.statements.iter().filter(|sql| sql.starts_with("SELECT cron.unschedule(")).count();
        i64::try_from(removed).unwrap_or_default()
    }
}

/// Puts the jobs back that [`take_away`] has changed, after it was committed and what belonged to it was not. `cron` is a
/// session where `pg_cron` lives.
///
/// # Errors
/// See [`ScheduleError`]; [`Done::left`] says what is not put back then.
pub async fn put_all_back(cron: &mut PgConnection, look: &Look, done: &Done) -> Result<(), ScheduleError> {
    let Place::Database(cron_database) = &look.place else { return Ok(()) };
    let mut transaction = cron.begin().await?;
    sqlx::raw_sql(SAFE).execute(&mut *transaction).await?;
    sqlx::raw_sql(AssertSqlSafe(lock())).execute(&mut *transaction).await?;
    if done.extension_dropped && !has_extension(&mut transaction).await? {
        create_extension(&mut transaction, cron_database).await?;
    }
    let mut desk = Desk::open(&mut transaction, look, cron_database, Mode::Really).await?;
    for job in &done.before {
        let now = desk.jobs.iter().find(|now| now.jobname == job.jobname && now.database == job.database).cloned();
        if now.as_ref().is_some_and(|now| now.found() == job.found()) {
            continue;
        }
        let mut acts: Vec<Act> = now.iter().map(|now| desk.unschedule(now)).collect();
        let name = job.jobname.clone().unwrap_or_default();
        let what = (&*job.schedule, &*job.command, job.active);
        acts.extend(desk.schedule_in(&job.database, &name, what, &job.username));
        for act in acts {
            if let Err(failure) = desk.act(&act).await {
                return Err(desk.refused(failure));
            }
        }
    }
    transaction.commit().await?;
    Ok(())
}

impl Done {
    /// The jobs that are not as they were, for whoever must put them back by hand.
    #[must_use]
    pub fn left(&self) -> String {
        let job = |job: &CronJob| {
            format!(
                "{} ({}, {}, role {}, database {}: {})",
                job.title(),
                job.schedule,
                job.state(),
                job.username,
                job.database,
                job.command
            )
        };
        self.before.iter().map(job).collect::<Vec<_>>().join("; ")
    }
}

/// The name that the server has for the database of `app`: a pooler's may be another one.
///
/// # Errors
/// Only the connection's.
pub async fn current_database(app: &mut PgConnection) -> sqlx::Result<String> {
    one(app, "SELECT pg_catalog.current_database()::pg_catalog.text").await?.try_get(0)
}
