//! How long things stay on the screen.

use std::time::Duration;

/// The outcome of a refresh, or of a fix, that was started here.
pub const OUTCOME_SHOWN: Duration = Duration::from_secs(20);

/// A note on what a key did.
pub const TOAST_SHOWN: Duration = Duration::from_secs(6);

/// A frozen screen: it must not show old figures for ever if the person has left.
pub const PAUSE_LIMIT: Duration = Duration::from_mins(15);
