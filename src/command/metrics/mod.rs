//! `refreshtop metrics`: to standard output, into a file, or over HTTP.

mod exposition;
mod serve;
mod textfile;

use crate::{
    cli::arguments::Metrics,
    command::Failure,
    output::{Output, clean},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::exit;
use std::io::{self, IsTerminal as _};

/// Prints or writes the metrics once, or serves them until it is stopped.
///
/// # Errors
/// The database could not be read (the metric `up` is 0 then), or the metrics not be written or served.
pub async fn run(metrics: &Metrics, settings: &Settings, target: &Target, output: Output) -> Result<(), Failure> {
    if let Some(address) = &metrics.listen {
        return serve::run(address, settings, target).await;
    }
    let (text, read) = exposition::read(settings, target).await;
    match &metrics.textfile {
        Some(path) => textfile::write(path, &text)
            .map_err(|error| Failure::new(exit::FAILURE, format!("cannot write {}: {error}", path.display())))?,
        // Monitoring gets names as they are; a terminal would obey what is in them.
        None if io::stdout().is_terminal() => output.print(&harmless(&text))?,
        None => output.print(&text)?,
    }
    read
}

fn harmless(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}
