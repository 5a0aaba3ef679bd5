//! The demo: a disposable cluster with the data of an application and of a shop, a day of history, and a workload that
//! goes wrong now and then.
//!
//! The caller migrates, in a closure.

pub mod history;
pub mod seed;
pub mod session;
pub mod shop;
pub mod workload;

use refreshtop_cluster::{ClusterError, ClusterOptions, Cron, DisposableCluster, Progress};
use session::{Session, SessionError};
use std::{error::Error, path::PathBuf};
use workload::{Workload, WorkloadOptions};

/// The application's database.
pub const DATABASE: &str = "app";

/// How the demo is made.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Folder of the PostgreSQL server programs; found by itself if `None`.
    pub pg_bin: Option<PathBuf>,
    /// Where the cluster's folder goes; the system's folder for temporary files if `None`.
    pub temp_dir: Option<PathBuf>,
    /// Number of accounts; everything else scales with it.
    pub accounts: u32,
    /// The workload.
    pub workload: WorkloadOptions,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { pg_bin: None, temp_dir: None, accounts: 10_000, workload: WorkloadOptions::default() }
    }
}

/// Why there is no demo, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no server.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The server refused something.
    #[error("{step} failed: {source}")]
    Session {
        /// What was being done.
        step: &'static str,
        /// Why not.
        source: SessionError,
    },
    /// The closure that migrates failed.
    #[error("migrating the demo's database failed: {0}")]
    Migrate(Box<dyn Error + Send + Sync>),
    /// The migrated database does not refresh.
    #[error("the demo's first refresh failed: {0}")]
    Refresh(String),
}

/// A running demo. Dropping it ends all of it: the workload, the server, the folder.
#[derive(Debug)]
pub struct Demo {
    // Before the cluster: fields are dropped in this order.
    workload: Workload,
    /// The server; tests restart it under the monitor.
    pub cluster: DisposableCluster,
}

impl Demo {
    /// Makes the cluster, fills it, migrates it with `migrate` (which gets the database's URL), and starts the
    /// workload. Dropping the future midway leaves nothing behind.
    ///
    /// # Errors
    /// PostgreSQL is missing or refuses a step, or `migrate` fails.
    pub async fn start<E>(
        options: &DemoOptions,
        migrate: impl AsyncFnOnce(&str) -> Result<(), E>,
        progress: Progress<'_>,
    ) -> Result<Self, DemoError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let cluster = start_cluster(options, progress).await?;
        let url = cluster.url(DATABASE);
        let session = connect(&cluster, DATABASE).await?;
        seed::run(&session, options.accounts, progress).await.map_err(at("filling the demo's tables"))?;
        progress("opening a shop");
        shop::seed(&session, options.accounts).await.map_err(at("filling the shop's tables"))?;
        progress("migrating");
        migrate(&url).await.map_err(|error| DemoError::Migrate(error.into()))?;
        progress("refreshing for the first time");
        let first_ms = first_refresh(&session).await?;
        shop::manage(&session).await.map_err(at("managing the shop's views"))?;
        progress("filling in a day of history");
        history::run(&session, first_ms).await.map_err(at("filling in the demo's history"))?;
        shop::history(&session).await.map_err(at("filling in the shop's history"))?;
        let workload = Workload::start(url, options.workload.clone());
        Ok(Self { workload, cluster })
    }

    /// URL of the application's database for the superuser. It holds the password.
    pub fn url(&self) -> String {
        self.cluster.url(DATABASE)
    }

    /// Ends the demo. Dropping does the same, but blocks its thread and reports no error.
    pub async fn stop(self) -> Result<(), DemoError> {
        self.workload.stop().await;
        Ok(self.cluster.stop().await?)
    }
}

async fn start_cluster(options: &DemoOptions, progress: Progress<'_>) -> Result<DisposableCluster, DemoError> {
    let cluster_options = ClusterOptions {
        pg_bin: options.pg_bin.clone(),
        temp_dir: options.temp_dir.clone(),
        cron: Cron::IfInstalled(DATABASE.into()),
        ..ClusterOptions::default()
    };
    let cluster = DisposableCluster::start(&cluster_options, progress).await?;
    let session = connect(&cluster, "postgres").await?;
    session.run(&format!("CREATE DATABASE {DATABASE}")).await.map_err(at("creating the demo's database"))?;
    Ok(cluster)
}

async fn connect(cluster: &DisposableCluster, database: &str) -> Result<Session, DemoError> {
    let url = cluster.url(database);
    Session::connect(&url, "refreshtop demo").await.map_err(at("connecting to the demo's server"))
}

/// Refreshes, and returns how long it took in milliseconds. An error is in the log only.
async fn first_refresh(session: &Session) -> Result<f64, DemoError> {
    session.run(workload::REFRESH).await.map_err(at("the demo's first refresh"))?;
    let newest = "SELECT duration_ms::float8, error_message FROM public.metrics_refresh_log \
                  ORDER BY started_at DESC LIMIT 1";
    let row = session.optional_row(newest).await.map_err(at("reading the demo's log"))?;
    let row = row.ok_or_else(|| DemoError::Refresh("it left no row in the log".into()))?;
    match row.get::<_, Option<String>>(1) {
        Some(message) => Err(DemoError::Refresh(message)),
        None => Ok(row.get::<_, Option<f64>>(0).unwrap_or(100.0)),
    }
}

fn at(step: &'static str) -> impl FnOnce(SessionError) -> DemoError {
    move |source| DemoError::Session { step, source }
}
