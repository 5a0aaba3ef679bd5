//! The program: reads the command line and the settings, and hands over to the command.

use refreshtop::{
    cli::{Cli, Command, MigrateAction},
    command::{self, Failure},
    connect::Target,
    crash,
    environment::{self, Environment},
    exit, log,
    sanitize::printable,
    settings::{self, Settings},
};
use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

fn main() -> ExitCode {
    crash::install();
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match start(&cli) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(failure) => {
            // Where even standard error is gone, the code still tells.
            let _ = writeln!(std::io::stderr(), "refreshtop: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn start(cli: &Cli) -> Result<(), Failure> {
    // Both drivers use this one; a second call would fail, and there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let environment = environment::of_process();
    let settings = settings::resolve(&cli.options, &environment)
        .map_err(|error| Failure::new(exit::SETTINGS, error.to_string()))?;
    let _log = settings
        .log
        .as_ref()
        .map(log::start)
        .transpose()
        .map_err(|error| Failure::new(exit::SETTINGS, error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // The loop has the main thread; the database tasks and the signals share one that a terminal which takes no
        // more bytes can't hold up.
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::FAILURE, format!("no runtime could be started: {error}")))?;
    let ended = runtime.block_on(run(cli, &settings, &environment));
    // A host name that is being looked up can't be interrupted, and nobody should wait for it.
    runtime.shutdown_background();
    ended
}

async fn run(cli: &Cli, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
    match cli.command() {
        Command::Demo(demo) => command::demo::run(settings, environment, demo.headless, demo.accounts).await,
        Command::Monitor => {
            let target = target(settings, environment)?;
            command::monitor::run(settings, target, environment).await
        }
        Command::Migrate(migrate) => {
            let target = target(settings, environment)?;
            run_migrate(&migrate.action(), &target).await
        }
    }
}

fn target(settings: &Settings, environment: &Environment) -> Result<Target, Failure> {
    let target = Target::resolve(settings.url.as_ref(), environment)
        .map_err(|error| Failure::new(exit::SETTINGS, error.to_string()))?;
    for warning in settings.warnings.iter().chain(&target.warnings) {
        let _ = writeln!(std::io::stderr(), "refreshtop: warning: {}", printable(warning));
    }
    Ok(target)
}

async fn run_migrate(action: &MigrateAction, target: &Target) -> Result<(), Failure> {
    match action {
        MigrateAction::Up => print(&command::migrate::up(target).await?),
        MigrateAction::Status => print(&[command::migrate::status(target).await?.trim_end().to_owned()]),
        MigrateAction::Down(down) => {
            let to = down.to.unwrap_or(0);
            let Some(announced) = command::migrate::announce_down(target, to).await? else {
                return print(&["there is nothing to undo".into()]);
            };
            if !down.yes && std::io::stdin().is_terminal() && !confirmed(&announced)? {
                return Err(Failure::new(exit::FAILURE, "nothing was changed"));
            }
            print(&command::migrate::down(target, to).await?)
        }
    }
}

/// Asks the person at the terminal.
fn confirmed(announced: &str) -> Result<bool, Failure> {
    let failure = |error: std::io::Error| Failure::new(exit::FAILURE, error.to_string());
    eprint!("This {}. Go on? [y/N] ", printable(announced));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(failure)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Prints lines, which may name what others named; a reader that went away (`| head`) is not an error.
fn print(lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        match writeln!(out, "{}", printable(line)) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::new(exit::FAILURE, error.to_string())),
            Ok(()) => {}
        }
    }
    Ok(())
}
