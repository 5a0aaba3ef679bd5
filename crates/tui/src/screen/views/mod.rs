//! The views beside the overview, one file each.

pub mod diagnose;
pub mod history;
pub mod incidents;
pub mod metrics;
pub mod runs;
mod sheet;
mod timeline;
pub mod wall;
