//! What is known of the application's database before anything is done.

use crate::{
    contract::PLATFORM_METRICS,
    cron_job::{CronJob, Found},
    diagnosis::FUNCTIONS,
    error::{Error, Result},
    migrate,
    parameter::Parameter,
    schedule::{
        failure::ScheduleError,
        job_spec::{JOB_ROLE, JOBS, JobSpec},
        notes::{self, AS_MIGRATOR, AS_OWNER, Note},
        own_table::readable,
        take_over::is_same,
        view_jobs::{self, ViewJob},
    },
    session::{PINNED, Session},
};
use refreshtop_core::{
    address::ViewId,
    diagnosis::cron::{self, Function},
};

/// The database of `pg_cron`, as far as a session can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CronLocation {
    /// In this database.
    Database(String),
    /// The server does not load it.
    NotLoaded,
    /// Its settings are for superusers and members of `pg_read_all_settings`, and it is not in this database.
    Hidden,
}

/// Whether this database is the one that the installation in it was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// There is no installation.
    New,
    /// It is.
    Original,
    /// It is, and had this name before, which no database has now.
    Renamed(String),
    /// It was copied or restored from another database, or its origin is unknown.
    Copy,
}

/// What is known of the application's database before anything is done.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The server's name for it: a pooler's may be another one.
    pub database: String,
    /// The database of `pg_cron`.
    pub place: CronLocation,
    /// Whether the installation is at home.
    pub identity: Identity,
    /// The role of the session.
    pub role: String,
    /// Whether the installation has no roles, so that its jobs run as who migrates.
    pub alone: bool,
    /// Whether `platform_metrics` is installed, which has a job of its own.
    pub platform_metrics: bool,
    /// The views that have a schedule, `platform_metrics` left out.
    pub views: Vec<ViewJob>,
    /// The schedule that is registered for `platform_metrics`.
    pub(super) registered_schedule: Option<String>,
    pub(super) notes: Vec<Note>,
    /// Functions of the contract that are there.
    pub(super) functions: Vec<String>,
    /// The roles that own the application's tables.
    pub(super) owners: Vec<String>,
    /// Functions of others that refresh this view, or any view by its name.
    pub(super) refreshers: Vec<Function>,
}

impl Installation {
    /// The database of `pg_cron`, if that is another one.
    pub fn elsewhere(&self) -> Option<&str> {
        match &self.place {
            CronLocation::Database(database) if *database != self.database => Some(database),
            _ => None,
        }
    }

    /// The database of `pg_cron`.
    pub fn cron_database(&self) -> Option<&str> {
        match &self.place {
            CronLocation::Database(database) => Some(database),
            CronLocation::NotLoaded | CronLocation::Hidden => None,
        }
    }

    /// Whether it is known where the jobs are, or that there are none.
    pub fn cron_is_known(&self) -> bool {
        self.place != CronLocation::Hidden || self.notes.is_empty()
    }

    /// Whether there is a job for the view, or jobs of others were paused for it.
    pub fn has_job_of(&self, view: &ViewId) -> bool {
        self.views.iter().any(|known| known.id == view.as_str())
            || self.notes.iter().any(|note| matches!(note, Note::Paused { view: of, .. } if of == view.as_str()))
    }

    /// Whether it has paused that job of somebody else.
    pub(super) fn has_paused(&self, job: &CronJob) -> bool {
        let is_it = |note: &Note| matches!(note, Note::Paused { found, .. } if is_same(&job.found(), found));
        self.notes.iter().any(is_it)
    }

    /// Whether anything was ever noted about `pg_cron`.
    pub fn has_notes(&self) -> bool {
        !self.notes.is_empty()
    }

    /// The functions of others that refresh the view and that everybody may call, as written in a statement.
    pub fn open_refreshers(&self) -> impl Iterator<Item = &str> {
        self.refreshers.iter().filter(|function| function.public).map(|function| &*function.identity)
    }

    pub(super) fn note(&self, wanted: &JobSpec<'_>) -> Option<&Option<Found>> {
        self.notes.iter().find_map(|note| match note {
            Note::Job(name, found) if name == wanted.name => Some(found),
            _ => None,
        })
    }

    /// Names that a job of this database may have, and the databases that it may run in.
    pub(super) fn is_here(&self, wanted: &JobSpec<'_>, job: &CronJob) -> bool {
        self.is_named(wanted.name, job)
    }

    /// Whether a job of this database has that name.
    pub(super) fn is_named(&self, wanted: &str, job: &CronJob) -> bool {
        let rest = job.jobname.as_deref().and_then(|name| name.strip_prefix(wanted));
        let named = rest.is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix('@')
                    .is_some_and(|suffix| suffix == self.database || self.old_name() == Some(suffix))
        });
        named && self.runs_here(job)
    }

    /// Whether a job runs in this database.
    pub(super) fn runs_here(&self, job: &CronJob) -> bool {
        job.database == self.database || Some(job.database.as_str()) == self.old_name()
    }

    fn old_name(&self) -> Option<&str> {
        if let Identity::Renamed(old) = &self.identity { Some(old) } else { None }
    }
}

/// Looks, in a transaction of its own.
pub async fn installation(app: &mut Session) -> Result<Installation> {
    let transaction = app.begin().await?;
    transaction.run(PINNED).await?;
    let facts = transaction.one("SELECT current_database()::text AS database, current_user::text AS role,
                pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') AS readable,
                EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron') AS here,
                ARRAY(SELECT p.proname::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                      WHERE n.nspname = 'public') AS functions,
                ARRAY(SELECT DISTINCT pg_get_userbyid(c.relowner)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = 'public'
                        AND c.relname IN ('accounts', 'accounts_memberships', 'assets', 'software_licenses')) AS owners", &[])
    .await?;
    let (database, role): (String, String) = (facts.try_get("database")?, facts.try_get("role")?);
    let mut functions: Vec<String> = facts.try_get("functions")?;
    let owners: Vec<String> = facts.try_get("owners")?;
    functions.retain(|function| JOBS.iter().any(|job| job.function == function));
    let found: String = transaction.one(&format!("SELECT ({FUNCTIONS})::text"), &[]).await?.try_get(0)?;
    let found: Vec<Function> = serde_json::from_str(&found).map_err(|failure| Error::Decode(failure.to_string()))?;
    let refreshers = cron::refreshers(&found, PLATFORM_METRICS).into_iter().cloned().collect();
    let place = if facts.try_get("readable")? {
        let question = "SELECT nullif(current_setting('cron.database_name', true), '')";
        let named: Option<String> = transaction.one(question, &[]).await?.try_get(0)?;
        named.map_or(CronLocation::NotLoaded, CronLocation::Database)
    } else if facts.try_get("here")? {
        CronLocation::Database(database.clone())
    } else {
        CronLocation::Hidden
    };
    transaction.commit().await?;
    Ok(Installation {
        database,
        place,
        identity: Identity::New,
        role,
        alone: false,
        platform_metrics: true,
        views: Vec::new(),
        registered_schedule: None,
        notes: Vec::new(),
        functions,
        owners,
        refreshers,
    })
}

/// Adds what the installation knows: whether it is at home, what was noted, whether there are roles. `app` is a
/// transaction in which [`migrate::enter`] is in force. What is read is read as the installation's owner.
pub async fn recall(app: &mut Session, installation: &mut Installation) -> Result<()> {
    installation.alone =
        app.one(&format!("SELECT refreshtop_migration.role('job') <> '{JOB_ROLE}'"), &[]).await?.try_get(0)?;
    let installed = "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                     WHERE n.nspname = 'refreshtop' AND c.relname = 'undo'";
    if app.optional(installed, &[]).await?.is_none() {
        return Ok(());
    }
    app.ask(AS_OWNER, &[]).await?;
    installation.identity = identity(app).await?;
    if readable(app, "migrations").await? {
        installation.platform_metrics = migrate::has_platform_metrics(app).await?;
    }
    view_jobs::read(app, installation).await?;
    installation.notes = notes::notes(app).await?;
    app.ask(AS_MIGRATOR, &[]).await?;
    Ok(())
}

impl Installation {
    /// Takes into account the database that the installation belonged to before this transaction.
    pub async fn moved_from(&mut self, app: &mut Session, home: &migrate::Home) -> Result<()> {
        let sql = "SELECT d.oid::bigint = $1 AND s.system_identifier = $2 AS same,
                          EXISTS (SELECT 1 FROM pg_database o WHERE o.datname = $3) AS taken
                   FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()";
        let parameters = [
            Parameter::Number(home.database_oid),
            Parameter::Number(home.system_identifier),
            Parameter::Text(&home.database_name),
        ];
        let row = app.one(sql, &parameters).await?;
        // What runs under the old name belongs to the database that has it now.
        self.identity = if row.try_get("same")? && !row.try_get::<bool, _>("taken")? {
            Identity::Renamed(home.database_name.clone())
        } else {
            Identity::Copy
        };
        Ok(())
    }
}

async fn identity(app: &mut Session) -> Result<Identity> {
    if !readable(app, "home").await? {
        return Ok(Identity::Copy);
    }
    let home = "SELECT h.database_oid::bigint = d.oid::bigint
                           AND h.system_identifier = (SELECT system_identifier FROM pg_control_system()) AS same,
                       h.database_name::text AS name, d.datname::text AS now,
                       EXISTS (SELECT 1 FROM pg_database o WHERE o.datname = h.database_name) AS taken
                FROM refreshtop.home h CROSS JOIN pg_database d WHERE d.datname = current_database()";
    let Some(home) = app.optional(home, &[]).await? else { return Ok(Identity::Copy) };
    let (name, now): (String, String) = (home.try_get("name")?, home.try_get("now")?);
    Ok(if !home.try_get::<Option<bool>, _>("same")?.unwrap_or(false) {
        Identity::Copy
    } else if name == now {
        Identity::Original
    } else if home.try_get("taken")? {
        // What runs under the old name belongs to the database that has it now.
        Identity::Copy
    } else {
        Identity::Renamed(name)
    })
}

/// Whether jobs that run as the migrating role have rights that the owner of schema `public` must not get.
pub async fn is_safe(app: &mut Session, installation: &Installation) -> Result<(), ScheduleError> {
    if !installation.alone {
        return Ok(());
    }
    let row = app
        .one(
            "SELECT o.rolname::text AS owner,
                o.rolsuper OR o.rolname = current_user
                    OR (o.rolname = 'pg_database_owner'
                        AND (SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()) IN
                            (SELECT m.oid FROM pg_roles m WHERE m.rolsuper OR m.rolname = current_user)) AS safe
         FROM pg_namespace p JOIN pg_roles o ON o.oid = p.nspowner WHERE p.nspname = 'public'",
            &[],
        )
        .await?;
    if row.try_get("safe")? {
        return Ok(());
    }
    Err(ScheduleError::NotSafe { role: installation.role.clone(), owner: row.try_get("owner")? })
}
