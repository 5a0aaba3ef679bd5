//! What goes into the clipboard: the text of what is open.

use crate::model::state::State;

/// The text of what is open or selected; `None` where nothing is.
#[must_use]
pub fn text(_state: &State) -> Option<String> {
    None
}
