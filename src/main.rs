//! The program: reads the command line and the settings, and hands over to the command.

use refreshtop::{
    argv_mask,
    cli::{self, Cli, Command, MigrateAction, arguments::ConfigAction},
    command::{self, Failure},
    log,
    output::Output,
    panic_report,
    settings::{self, Settings},
};
use refreshtop_connect::{
    Target,
    environment::{self, Environment},
};
use refreshtop_core::{exit, sanitize::printable};
use std::{ffi::OsString, io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    panic_report::install();
    let arguments = argv_mask::arguments();
    if command::complete::is_meant(&arguments) {
        return command::complete::run(&arguments, &environment::of_process());
    }
    let mut cli = match Cli::read(&arguments) {
        Ok(cli) => cli,
        Err(error) => return wrong_line(&arguments, &error),
    };
    let environment = environment::of_process();
    match start(&mut cli, &arguments, &environment) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(failure) => ExitCode::from(report(&cli, &failure)),
    }
}

/// Prints the help, the version, or what is wrong with the line. A check that is called wrongly is unknown, never critical.
fn wrong_line(arguments: &[OsString], error: &clap::Error) -> ExitCode {
    let is = |word: &str| arguments.iter().skip(1).any(|argument| argument == word);
    if !error.use_stderr() || !is("check") || is("config") {
        // Ignore the error: the output may be closed.
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK });
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let _ = Output::plain(false).print(&command::check::unknown(first));
    ExitCode::from(exit::UNKNOWN)
}

/// Prints why it failed, and returns the exit code.
fn report(cli: &Cli, failure: &Failure) -> u8 {
    if failure.is_silent() {
        return failure.code;
    }
    if matches!(cli.command, Some(Command::Check(_))) {
        let _ = Output::plain(false).print(&command::check::unknown(&failure.to_string()));
        return exit::UNKNOWN;
    }
    if cli.json() && failure.wants_answer() {
        let object = serde_json::json!({
            "error": failure.name(), "exit_code": failure.code, "message": failure.to_string(),
        });
        let _ = Output::plain(true).object("error", object);
    }
    // Ignore the error: stderr may be closed, and there is still the exit code.
    let _ = writeln!(std::io::stderr(), "refreshtop: {failure}");
    failure.code
}

/// Runs the command; `cli` gets the options of environment and config file on the way.
fn start(cli: &mut Cli, arguments: &[OsString], environment: &Environment) -> Result<(), Failure> {
    let output = Output::of_process(cli.json(), environment);
    match &cli.command {
        // These must work with wrong settings too.
        Some(Command::Config(config)) => return run_config(&config.action, cli, arguments, environment, output),
        Some(Command::Completions(completions)) => {
            return command::definitions::print_completions(completions.shell, output);
        }
        Some(Command::Options) => return output.help(&cli::options()),
        Some(Command::Man(man)) => return command::definitions::print_page(&man.command, output),
        _ => {}
    }
    let wrong = |error: settings::SettingsError| Failure::new(exit::SETTINGS, error.to_string());
    let (whole, settings) = settings::resolve(arguments, environment).map_err(wrong)?;
    *cli = whole;
    // Only a second call would fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let _log = settings
        .log
        .as_ref()
        .map(log::start)
        .transpose()
        .map_err(|error| Failure::new(exit::SETTINGS, error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // The loop has the main thread. The database tasks and the signals share another, which a terminal that takes no
        // more bytes can't block.
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::FAILURE, format!("no runtime could be started: {error}")))?;
    let ended = runtime.block_on(run(cli, &settings, environment));
    // A DNS lookup can't be interrupted, and must not be waited for.
    runtime.shutdown_background();
    ended
}

fn run_config(
    action: &ConfigAction,
    cli: &Cli,
    arguments: &[OsString],
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    match action {
        ConfigAction::Path => command::config::path(&cli.options, environment, output),
        ConfigAction::Init => command::config::init(&cli.options, environment, output),
        ConfigAction::Check => command::config::check(&cli.options, arguments, environment, output),
        ConfigAction::Show(_) => command::config::show(arguments, environment, output),
    }
}

async fn run(cli: &Cli, settings: &Settings, environment: &Environment) -> Result<(), Failure> {
    let command = cli.command();
    if let Command::Demo(demo) = command {
        return command::demo::run(settings, environment, demo.headless, demo.accounts).await;
    }
    if let Command::Migrate(migrate) = &command
        && let MigrateAction::Sql(parts) = migrate.action()
    {
        return command::migrate::print_script(parts, Output::of_process(false, environment));
    }
    let target = command::password::complete(target(settings, environment)?).await?;
    let output = Output::of_process(cli.json(), environment);
    match command {
        Command::Monitor => command::monitor::run(settings, target, environment).await,
        Command::Migrate(migrate) => command::migrate::run(&migrate.action(), &target, output).await,
        Command::Status(status) => command::status::run(&status, settings, &target, output).await,
        Command::Stats(_) => command::stats::run(settings, &target, output).await,
        Command::Runs(runs) => command::runs::run(&runs, settings, &target, output).await,
        Command::Incidents(wanted) => command::incidents::run(&wanted, settings, &target, output).await,
        Command::Trigger(trigger) => command::trigger::run(&trigger, settings, &target, output).await,
        Command::Views(views) => command::views::run(&views, settings, &target, output).await,
        Command::Job(job) => Box::pin(command::job::run(&job, settings, &target, output)).await,
        Command::Cleanup(cleanup) => command::cleanup::run(&cleanup, &target, output).await,
        Command::Check(check) => command::check::run(&check, settings, &target, output).await,
        Command::Doctor(doctor) => command::doctor::run(&doctor, settings, &target, environment, output).await,
        Command::Metrics(metrics) => command::metrics::run(&metrics, settings, &target, output).await,
        Command::Schedule(schedule) => command::schedule::run(&schedule, settings, &target, output).await,
        // Done before there was a runtime.
        Command::Demo(_) | Command::Config(_) | Command::Completions(_) | Command::Man(_) | Command::Options => Ok(()),
    }
}

fn target(settings: &Settings, environment: &Environment) -> Result<Target, Failure> {
    let mut target = Target::resolve(settings.url.as_ref(), environment)
        .map_err(|error| Failure::new(exit::SETTINGS, error.to_string()))?;
    target.name.clone_from(&settings.profile);
    for warning in settings.warnings.iter().chain(&target.warnings) {
        let _ = writeln!(std::io::stderr(), "refreshtop: warning: {}", printable(warning));
    }
    Ok(target)
}
