//! `refreshtop metrics`: to standard output, into a file, or over HTTP.

use crate::{
    cli::arguments::Metrics,
    command::{Failure, report, serve},
    output::{
        Output,
        openmetrics::{self, Exposed},
    },
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::{exit, health::Health};
use refreshtop_db::contract::PLATFORM_METRICS;
use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

/// Longest look: a scrape gives up after ten seconds by default.
const LOOK_LIMIT: Duration = Duration::from_secs(8);

/// Exposes the figures once, or serves them until it is stopped.
///
/// # Errors
/// The figures could not be read (what is exposed says so too), written or served.
pub async fn run(metrics: &Metrics, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    if let Some(address) = &metrics.listen {
        return serve::run(address, settings, target).await;
    }
    let (text, looked) = expose(settings, target).await;
    match &metrics.textfile {
        Some(path) => write(path, &text)
            .map_err(|error| Failure::new(exit::FAILURE, format!("cannot write {}: {error}", path.display())))?,
        None => output.print(&text)?,
    }
    looked
}

/// The exposition, and why it holds no figures where it does not.
pub async fn expose(settings: &Settings, target: &Target) -> (String, Result<(), Failure>) {
    let report = tokio::time::timeout(LOOK_LIMIT, report::read(target, settings, 1)).await.unwrap_or_else(|_| {
        let why = format!("the database did not answer within {} s", LOOK_LIMIT.as_secs());
        Err(Failure::new(exit::CANNOT_CONNECT, why))
    });
    let unknown = Health::unknown("");
    let (seen, health) = match &report {
        Ok(report) => (Some((&report.snapshot, &report.stats)), &report.health),
        Err(_) => (None, &unknown),
    };
    let (database, view, window) = (&*target.id(), PLATFORM_METRICS, settings.window);
    let exposed = Exposed { database, view, seen, health, window };
    match openmetrics::encode(exposed) {
        Ok(text) => (text, report.map(drop)),
        Err(error) => (String::new(), Err(Failure::new(exit::FAILURE, format!("cannot encode the figures: {error}")))),
    }
}

/// Writes a file beside the wanted one and renames it, so that no reader sees half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    // What is renamed over a link, a pipe or a device would take its place: who is root could lose /dev/stdout.
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let why = "it is no ordinary file; without --textfile the figures go to standard output";
        return Err(io::Error::other(why));
    }
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The collector takes every *.prom, so this one has another ending.
    let mut file = tempfile::Builder::new().prefix(".refreshtop-").suffix(".tmp").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    // It is read by another account than the one that writes it.
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
