//! `refreshtop views show`: one page about one view.

use crate::{cli::views::ViewsShow, command::Failure, output::Output, settings::Settings};
use refreshtop_connect::Target;
use refreshtop_core::exit;

/// Reads and prints it.
pub async fn run(_: &ViewsShow, _: &Settings, _: &Target, _: Output) -> Result<(), Failure> {
    Err(Failure::new(exit::FAILURE, "not there yet"))
}
