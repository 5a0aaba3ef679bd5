//! What goes into the loop.

use crate::app::{
    action::{Action, Pointer},
    prompt::Edit,
};
use refreshtop_core::{address::DatabaseId, event::Event};

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The person asked for something.
    Action(Action),
    /// A key was pressed: what it asks for, and what it would do to a text that is being typed.
    Key {
        /// By the key map; `None` if the key is not bound.
        action: Option<Action>,
        /// `None` if no text knows the key.
        edit: Option<Edit>,
    },
    /// The pointer was used. The loop turns it into an [`Action`] by what is drawn there.
    Pointer(Pointer),
    /// The terminal has another size, or must be painted again.
    Resized,
    /// A moment computed by [`crate::app::next_redraw::next`] has come.
    Tick,
    /// An event of a database.
    Database(DatabaseId, Event),
    /// Stop the program until SIGCONT, as other programs do at Ctrl-Z.
    Suspend,
    /// A signal asked for the end, or the terminal is gone.
    Terminate,
}
