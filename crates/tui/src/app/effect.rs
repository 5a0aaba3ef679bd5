//! What comes out of the loop.

use refreshtop_core::{address::DatabaseId, request::Request};

/// Something to be done outside; never awaited by the loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask something of a database.
    Database(DatabaseId, Request),
    /// Put this text into the clipboard of the person's own machine.
    Copy(String),
    /// Leave the loop.
    Quit,
}
