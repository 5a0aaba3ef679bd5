//! Sessions for sqlx.
//!
//! sqlx can only dial by itself, and knows less of libpq's rules than we do: no several hosts, other certificates
//! trusted than were asked for, no channel binding, no time limit. So it is given a private socket, at whose other end
//! a session stands that was opened by our rules. Folder and socket are gone as soon as sqlx has connected.

use super::{Canceller, ConnectError, Kind, Session, Target, open::open};
use sqlx::{
    ConnectOptions as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use std::{io, path::Path, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
};

/// How long a pool waits for its session, which somebody else may be using.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(10);
/// Port in the name of the private socket.
const PORT: u16 = 5432;

/// A session for sqlx, and whether a pooler refused its settings.
pub struct Bridged<T> {
    /// A connection, or a pool of one.
    pub session: T,
    /// Whether the session runs without its settings.
    pub without_settings: bool,
    /// Which of the target's endpoints was reached, for people.
    pub place: String,
    /// Stops the statement that is running.
    pub canceller: Canceller,
}

/// Opens a pool of one session. It does not open another when that one is lost: the next statement fails, and the
/// caller opens a new pool.
///
/// # Errors
/// Why not, and what to do about it.
pub async fn pool(target: &Target, purpose: &str, session: &Session) -> Result<Bridged<PgPool>, ConnectError> {
    let options = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_LIMIT)
        // A round trip for each use, to learn a moment earlier what the statement itself will tell.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);
    bridged(target, purpose, session, |socket| options.connect_with(socket)).await
}

/// Opens a single session.
///
/// # Errors
/// Why not, and what to do about it.
pub async fn session(target: &Target, purpose: &str, session: &Session) -> Result<Bridged<PgConnection>, ConnectError> {
    bridged(target, purpose, session, async |socket: PgConnectOptions| socket.connect().await).await
}

async fn bridged<T, F>(
    target: &Target,
    purpose: &str,
    session: &Session,
    connect: impl FnOnce(PgConnectOptions) -> F,
) -> Result<Bridged<T>, ConnectError>
where
    F: Future<Output = sqlx::Result<T>>,
{
    let opened = open(target, purpose, session).await?;
    let (endpoint, without_settings) = (opened.endpoint().clone(), opened.without_settings);
    let canceller = opened.canceller(target);
    let failed = |why: &dyn std::fmt::Display| {
        let why = format!("the session could not be handed over ({why}); check that temporary files can be written");
        ConnectError::new(&endpoint, Kind::Other, &why)
    };
    let folder = private_folder().map_err(|error| failed(&error))?;
    let listener = UnixListener::bind(socket_in(folder.path())).map_err(|error| failed(&error))?;
    let accept = async {
        let (driver, _) = listener.accept().await?;
        tokio::spawn(carry(driver, opened.into_stream()));
        io::Result::Ok(())
    };
    let (accepted, connected) = tokio::join!(accept, connect(options(target, folder.path())));
    accepted.map_err(|error| failed(&error))?;
    let session = connected.map_err(|error| failed(&error))?;
    Ok(Bridged { session, without_settings, place: endpoint.place(), canceller })
}

/// Carries bytes both ways until one side ends.
async fn carry(mut driver: UnixStream, mut server: super::replay::Replay) {
    // How it ended shows at the driver, whose stream closes.
    let _ = copy_bidirectional(&mut driver, &mut server).await;
}

/// A folder that only we can enter. `XDG_RUNTIME_DIR` is not used: it may be missing, and what is gone after a moment
/// needs no tidy place.
fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("refreshtop-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

fn socket_in(folder: &Path) -> std::path::PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// What sqlx needs to know of a session that is open already. It fills in what is not set from the process's own `PG*`
/// variables, so everything is set here.
fn options(target: &Target, folder: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host("localhost")
        .socket(folder)
        .port(PORT)
        .username(&target.user)
        .password("")
        .database(&target.database)
        .ssl_mode(PgSslMode::Disable)
        .extra_float_digits(None)
        .disable_statement_logging()
}
