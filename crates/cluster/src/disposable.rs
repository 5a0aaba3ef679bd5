//! The disposable cluster as its users see it.

use crate::{
    ClusterError, Programs, Progress,
    account::Account,
    folder::{self, Folder},
    initdb::{self, SUPERUSER},
    leftovers, pg_cron,
    server::{Server, StartError},
    watcher::Watcher,
};
use std::{
    fmt::Write as _,
    fs::File,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::task::spawn_blocking;
use uuid::Uuid;

const HOST: &str = "127.0.0.1";

/// How long a restart waits for what the last server still holds.
const RESTART_LIMIT: Duration = Duration::from_secs(10);

/// Settings of every disposable cluster: nothing survives it, so nothing needs to survive a power cut.
const SETTINGS: [(&str, &str); 13] = [
    ("listen_addresses", HOST),
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "128MB"),
    ("min_wal_size", "32MB"),
    ("shared_buffers", "64MB"),
    // Room for pg_cron's workers beside those of parallel queries.
    ("max_worker_processes", "16"),
    ("jit", "off"),
    ("log_checkpoints", "off"),
    ("log_line_prefix", "%m [%p] %q%u@%d %a "),
];

/// Whether the server preloads `pg_cron`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cron {
    /// No.
    #[default]
    Off,
    /// If it is installed, with `cron.database_name` set to this database.
    IfInstalled(String),
    /// Yes, with `cron.database_name` set to this database; not being installed is an error.
    Required(String),
}

/// How a disposable cluster is made.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Folder of the server programs; `None` searches for them.
    pub pg_bin: Option<PathBuf>,
    /// `pg_cron`.
    pub cron: Cron,
    /// Further server settings, which override the cluster's own.
    pub settings: Vec<(String, String)>,
    /// Where the cluster's folder goes; `None` means the system's folder for temporary files.
    pub temp_dir: Option<PathBuf>,
}

/// A PostgreSQL cluster on a loopback port that exists as long as this value, and no longer than this process.
///
/// The value belongs to no async runtime: it may sit in a `static` and be used from several.
pub struct DisposableCluster {
    server: Option<Server>,
    home: Home,
    account: Account,
    programs: Programs,
    has_cron: bool,
    port: u16,
    password: String,
}

/// The order of the fields is the order in which they end: files first, then the one who watches over them.
struct Home {
    folder: Folder,
    watcher: Watcher,
}

impl std::fmt::Debug for DisposableCluster {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DisposableCluster")
            .field("folder", &self.folder())
            .field("port", &self.port)
            .field("pid", &self.pid())
            .finish_non_exhaustive()
    }
}

impl DisposableCluster {
    /// Makes a cluster and starts its server. Dropping the future midway leaves nothing behind either.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or can't be started here.
    pub async fn start(options: &ClusterOptions, progress: Progress<'_>) -> Result<Self, ClusterError> {
        let (programs, has_cron) = find_programs(options).await?;
        let account = Account::of_server()?;
        clean_leftovers(options.temp_dir.clone()).await;

        progress(&format!("creating a PostgreSQL {} cluster", programs.major()));
        // Watched before it exists: a kill in between would leave an empty folder.
        let path = folder::fresh_path(&folder::base(options.temp_dir.as_deref(), account));
        let watcher = Watcher::start(&path, account)?;
        let home = Home { folder: Folder::create(path, account)?, watcher };
        let password = Uuid::new_v4().simple().to_string();
        initdb::run(&programs, &home.folder, account, &home.watcher, &password).await?;
        configure(&home.folder, options, has_cron)?;

        progress("starting PostgreSQL");
        let mut cluster = Self { server: None, home, account, programs, has_cron, port: 0, password };
        cluster.start_on_free_port().await?;
        Ok(cluster)
    }

    /// A port that is free now may be taken when the server gets there.
    async fn start_on_free_port(&mut self) -> Result<(), ClusterError> {
        let mut attempts = 0;
        loop {
            self.port = free_port().map_err(ClusterError::files("looking for a free port"))?;
            match self.launch().await {
                Err(StartError::PortTaken(_)) if attempts < 5 => attempts += 1,
                done => return Ok(done?),
            }
        }
    }

    async fn launch(&mut self) -> Result<(), StartError> {
        let Home { folder, watcher } = &self.home;
        self.server = Some(Server::start(&self.programs, folder, self.account, watcher, self.port).await?);
        Ok(())
    }

    /// Starts the server again, on the same port; does nothing while it runs.
    ///
    /// # Errors
    /// The server ends instead, or another program has taken the port.
    pub async fn start_postgres(&mut self) -> Result<(), ClusterError> {
        if self.server.is_some() {
            return Ok(());
        }
        let since = Instant::now();
        loop {
            match self.launch().await {
                Err(StartError::PortTaken(_) | StartError::StillEnding(_)) if since.elapsed() < RESTART_LIMIT => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                done => return Ok(done?),
            }
        }
    }

    /// Stops the server, ending its sessions (fast shutdown), and keeps the files.
    ///
    /// # Errors
    /// The server outlives every signal.
    pub async fn stop_postgres(&mut self) -> Result<(), ClusterError> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        let stopped = spawn_blocking(move || server.stop()).await;
        stopped.unwrap_or(Ok(()))
    }

    /// Stops the server and starts it again on the same port.
    ///
    /// # Errors
    /// As [`Self::stop_postgres`] and [`Self::start_postgres`].
    pub async fn restart(&mut self) -> Result<(), ClusterError> {
        self.stop_postgres().await?;
        self.start_postgres().await
    }

    /// Ends the server process as a crash would; [`Self::start_postgres`] then goes through recovery.
    pub fn kill9(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Stops the server and removes the folder. `Drop` does the same, but blocks its thread and reports no error.
    ///
    /// # Errors
    /// The server outlives every signal.
    pub async fn stop(mut self) -> Result<(), ClusterError> {
        let stopped = self.stop_postgres().await;
        spawn_blocking(move || drop(self)).await.ok();
        stopped
    }

    /// URL of `database` for the superuser. It holds the password: not for a log, a message or a command line.
    pub fn url(&self, database: &str) -> String {
        self.url_of(self.user(), &self.password, database)
    }

    /// URL of `database` for another role.
    pub fn url_of(&self, user: &str, password: &str, database: &str) -> String {
        let [user, password, database] = [user, password, database].map(percent_encoded);
        format!("postgresql://{user}:{password}@{HOST}:{}/{database}", self.port)
    }

    /// The address it listens on.
    pub fn host(&self) -> &str {
        HOST
    }

    /// The port it listens on; the same for the lifetime of the cluster.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser.
    pub fn user(&self) -> &str {
        SUPERUSER
    }

    /// The superuser's password, random for each cluster.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The folder that holds everything.
    pub fn folder(&self) -> &Path {
        self.home.folder.path()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.home.folder.data()
    }

    /// The server's log.
    pub fn log_path(&self) -> PathBuf {
        self.home.folder.log()
    }

    /// The server's process; `None` while it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// The process that ends the cluster when this one is gone.
    pub fn watcher_pid(&self) -> u32 {
        self.home.watcher.pid()
    }

    /// Whether `pg_cron` is preloaded.
    pub fn has_cron(&self) -> bool {
        self.has_cron
    }

    /// The programs it was made with.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }
}

/// The programs, and whether `pg_cron` is to be preloaded.
async fn find_programs(options: &ClusterOptions) -> Result<(Programs, bool), ClusterError> {
    let (pg_bin, cron) = (options.pg_bin.clone(), options.cron.clone());
    let found = spawn_blocking(move || {
        let programs = Programs::find(pg_bin.as_deref())?;
        let has_cron = cron != Cron::Off && pg_cron::is_installed(&programs);
        if matches!(cron, Cron::Required(_)) && !has_cron {
            return Err(ClusterError::NoCron { major: programs.major() });
        }
        Ok((programs, has_cron))
    });
    match found.await {
        Ok(found) => found,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// What can't be cleaned is no reason not to start.
async fn clean_leftovers(temp_dir: Option<PathBuf>) {
    match spawn_blocking(move || leftovers::clean(temp_dir.as_deref())).await {
        Ok(Ok(removed)) if removed.is_empty() => {}
        Ok(Ok(removed)) => tracing::info!(?removed, "abandoned clusters were removed"),
        Ok(Err(error)) => tracing::warn!("{error}"),
        Err(error) => tracing::warn!("{error}"),
    }
}

/// Appends to `postgresql.conf`: the last line for a setting wins, and `ALTER SYSTEM` still overrides it.
fn configure(folder: &Folder, options: &ClusterOptions, has_cron: bool) -> Result<(), ClusterError> {
    let sockets = folder.sockets().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    let mut settings = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    settings.push(("unix_socket_directories".into(), sockets));
    if let (true, Cron::IfInstalled(database) | Cron::Required(database)) = (has_cron, &options.cron) {
        let cron = [
            ("shared_preload_libraries", "pg_cron"),
            ("cron.database_name", database),
            // Else its jobs connect through libpq and would need a password file.
            ("cron.use_background_workers", "on"),
            ("cron.log_statement", "off"),
        ];
        settings.extend(cron.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    let mut lines = String::from("\n");
    for (name, value) in settings.iter().chain(&options.settings) {
        // Writing to a String can't fail.
        writeln!(lines, "{name} = '{}'", value.replace('\'', "''")).ok();
    }
    let file = File::options().append(true).open(folder.data().join("postgresql.conf"));
    let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
    written.map_err(ClusterError::files("writing postgresql.conf"))
}

/// A free loopback port, below the ranges from which systems pick the ports of outgoing connections: a stopped
/// server's port would otherwise be somebody else's before it starts again.
fn free_port() -> std::io::Result<u16> {
    for _ in 0..50 {
        let random = Uuid::new_v4().as_u128() % 12_000;
        let port = 20_000 + u16::try_from(random).unwrap_or_default();
        if TcpListener::bind((HOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind((HOST, 0))?.local_addr()?.port())
}

fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) { encoded.push(char::from(byte)) } else { write!(encoded, "%{byte:02X}").unwrap_or_default() }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_urls_are_encoded() {
        assert_eq!(percent_encoded("app_1-x"), "app_1-x");
        assert_eq!(percent_encoded("a/b @ü"), "a%2Fb%20%40%C3%BC");
    }
}
