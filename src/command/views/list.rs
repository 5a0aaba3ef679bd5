//! `refreshtop views list`: lists every materialized view of the database.

use crate::{cli::views::ViewsList, command::Failure, output::Output, settings::Settings};
use refreshtop_connect::Target;
use refreshtop_core::exit;

/// Reads and prints it.
pub async fn run(_: &ViewsList, _: &Settings, _: &Target, _: Output) -> Result<(), Failure> {
    Err(Failure::new(exit::FAILURE, "not there yet"))
}
