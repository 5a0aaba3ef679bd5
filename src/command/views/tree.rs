//! `refreshtop views tree`: which materialized views read which.

use crate::{cli::views::ViewsTree, command::Failure, output::Output, settings::Settings};
use refreshtop_connect::Target;
use refreshtop_core::exit;

/// Reads and prints it.
pub async fn run(_: &ViewsTree, _: &Settings, _: &Target, _: Output) -> Result<(), Failure> {
    Err(Failure::new(exit::FAILURE, "not there yet"))
}
