//! What `--help` shows: a command's own options, and of those that every command has the ones that matter to it. The others
//! are listed by `refreshtop options`.

use crate::settings::layer::Layer;
use clap::{Args as _, builder::StyledStr};

/// Options of every command that stand below a command's own, and whether below those of its subcommands too.
const SHOWN: [(&str, &[&str], bool); 10] = [
    ("monitor", &["view", "poll", "window", "screen", "theme", "ascii", "mouse"], false),
    ("status", &["view", "window", "poll"], false),
    ("stats", &["view", "window"], false),
    ("runs", &["view", "poll"], false),
    ("refresh", &["view"], false),
    ("job", &["view"], true),
    ("check", &["view", "window"], false),
    ("doctor", &["view"], false),
    ("metrics", &["view"], false),
    ("schedule", &["view"], false),
];

/// Where they stand: behind all others.
const LAST: usize = 900;

const REST: &str = "Use \"refreshtop options\" for the options that every command has, such as --url and --profile.";

/// What holds for the settings.
const PRECEDENCE: &str = "\
Flags override the environment, and the environment overrides the config file. The strongest of them that gives a URL \
or a profile names the database; if none does, PGHOST, PGPORT, PGUSER, PGDATABASE and the other PG* variables apply, as \
in psql.

Passwords belong in REFRESHTOP_URL, PGPASSWORD or ~/.pgpass, never on the command line, which every process on \
the machine can read.";

/// The definition with short help.
pub(super) fn short(command: clap::Command) -> clap::Command {
    let shared: Vec<String> = shared().get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let command = SHOWN.iter().fold(command, |command, (name, shown, deep)| {
        let own = command.get_arguments().filter(|arg| shown.contains(&arg.get_id().as_str()));
        let own: Vec<clap::Arg> =
            own.map(|arg| arg.clone().help_heading(None::<&'static str>).display_order(LAST)).collect();
        let hidden: Vec<clap::Arg> = own.iter().filter(|_| !deep).map(|arg| arg.clone().hide(true)).collect();
        command.mut_subcommand(name, |child| child.args(own).mut_subcommands(|inner| inner.args(hidden.clone())))
    });
    let command = shared.into_iter().fold(command, |command, id| command.mut_arg(id, |arg| arg.hide(true)));
    pointing(command)
}

/// Each help ends by saying where the other options are.
fn pointing(command: clap::Command) -> clap::Command {
    let long = match command.get_after_long_help() {
        Some(text) => format!("{REST}\n\n{text}"),
        None => REST.to_owned(),
    };
    command.after_help(REST).after_long_help(long).mut_subcommands(pointing)
}

fn shared() -> clap::Command {
    Layer::augment_args(clap::Command::new("refreshtop"))
}

/// The text of `refreshtop options`.
pub fn options() -> StyledStr {
    let options = super::command().get_arguments().filter(|arg| arg.is_global_set()).cloned().collect::<Vec<_>>();
    clap::Command::new("refreshtop")
        .args(options)
        .disable_help_flag(true)
        .help_template("{all-args}{after-help}")
        .after_long_help(PRECEDENCE)
        .render_long_help()
}
