//! `refreshtop demo`.

use crate::{
    command::{Failure, migrate, monitor, signals::StopSignals},
    demo::{Demo, DemoOptions},
    settings::Settings,
};
use refreshtop_cluster::programs;
use refreshtop_connect::{
    Target, TargetError,
    environment::{self, Environment},
    secret::ConnectionUrl,
};
use refreshtop_core::{exit, sanitize::printable};
use std::{io::Write as _, path::PathBuf};

/// Runs the demo: a disposable PostgreSQL that is refreshed, and fails, for real. With `headless` it prints the
/// connection URL and stays until it is stopped; otherwise it opens the monitor on it. However it ends, the server
/// is stopped and its folder removed.
///
/// # Errors
/// PostgreSQL is missing, or a step of the demo failed.
pub async fn run(settings: &Settings, environment: &Environment, headless: bool, accounts: u32) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let options = DemoOptions {
        accounts,
        pg_bin: environment::get(environment, programs::OVERRIDE).map(PathBuf::from),
        ..DemoOptions::default()
    };
    let mut progress = |step: &str| eprintln!("demo: {}", printable(step));
    let start = Demo::start(&options, async |url: &str| migrate_demo(url, environment).await, &mut progress);
    let demo = tokio::select! {
        demo = start => demo.map_err(failure)?,
        // Dropping the unfinished start removes what it made.
        () = stop.recv() => return Ok(()),
    };
    let shown = if headless { wait(&demo, &mut stop).await } else { show(settings, environment, &demo).await };
    demo.stop().await.map_err(failure)?;
    shown
}

async fn migrate_demo(url: &str, environment: &Environment) -> Result<(), Failure> {
    let target = target(url, environment)?;
    migrate::up(&target).await.map(|_| ()).map_err(failure)
}

/// The demo's own server; `PG*` variables are ignored.
fn target(url: &str, environment: &Environment) -> Result<Target, Failure> {
    let without_others = environment.iter().filter(|(name, _)| !name.starts_with("PG"));
    let environment = without_others.map(|(name, value)| (name.clone(), value.clone())).collect();
    Target::resolve(Some(&ConnectionUrl::new(url)), &environment)
        .map_err(|error: TargetError| Failure::new(exit::FAILURE, error.to_string()))
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure::new(exit::FAILURE, error.to_string())
}

async fn wait(demo: &Demo, stop: &mut StopSignals) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{}", demo.url()).and_then(|()| out.flush()).map_err(failure)?;
    stop.recv().await;
    Ok(())
}

async fn show(settings: &Settings, environment: &Environment, demo: &Demo) -> Result<(), Failure> {
    let settings = Settings { profile: Some("demo".into()), ..settings.clone() };
    monitor::run(&settings, target(&demo.url(), environment)?, environment).await
}
