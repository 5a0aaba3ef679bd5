//! What identifies a database, and a view in it.

use std::{fmt, sync::Arc};

/// The application's own view, which the public functions are about.
pub const PLATFORM_METRICS: &str = "platform_metrics";

/// A database: the name of its profile or, without one, `HOST/DATABASE`. Unique within a run of the program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseId(Arc<str>);

/// A managed view: its `refresh_type`, which identifies its attempts in the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId(Arc<str>);

impl DatabaseId {
    /// The database of that name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl ViewId {
    /// The view that is registered under `refresh_type`.
    pub fn new(refresh_type: &str) -> Self {
        Self(refresh_type.into())
    }

    /// Its `refresh_type`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ViewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
