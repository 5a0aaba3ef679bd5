//! What a screen wants done that is not its own business.

use super::screen::Screen;
use crate::app::prompt::Prompt;
use refreshtop_core::{address::ViewId, diagnosis::Fix, question::Question};
use uuid::Uuid;

/// Something that the monitor does for a screen.
#[derive(Debug, Clone, PartialEq)]
pub enum ScreenEffect {
    /// Ask the database.
    Ask(Question),
    /// Open one run in full.
    OpenRun(Uuid),
    /// Let the person choose one of these fixes.
    ChooseFix(Vec<Fix>),
    /// Let the person type a line.
    Type(Prompt),
    /// Show this view on that screen.
    Show(ViewId, Screen),
    /// Examine the view of this oid and name, to manage it.
    Examine(i64, String),
    /// Show a note for a few seconds.
    Toast(&'static str),
}
