//! The text that is exposed: what one read of the database found.

use crate::{
    command::{Failure, report},
    output::openmetrics::{self, Exposed},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::{exit, health::Health};
use std::time::Duration;

/// Longest read: a scrape gives up after ten seconds by default.
const READ_LIMIT: Duration = Duration::from_secs(8);

/// The exposition, and the failure if it holds no figures.
pub async fn read(settings: &Settings, target: &Target) -> (String, Result<(), Failure>) {
    let report = tokio::time::timeout(READ_LIMIT, report::read(target, settings, 1)).await.unwrap_or_else(|_| {
        let why = format!("the database did not answer within {} s", READ_LIMIT.as_secs());
        Err(Failure::new(exit::CANNOT_CONNECT, why))
    });
    let unknown = Health::unknown("");
    let (read, health) = match &report {
        Ok(report) => (Some((&report.snapshot, &report.stats)), &report.health),
        Err(_) => (None, &unknown),
    };
    let view = report.as_ref().map_or(&settings.view, |report| &report.snapshot.view).clone();
    let (database, view) = (&*target.id(), view.as_str());
    let limits = report.as_ref().ok().map(|report| &report.limits);
    let exposed = Exposed { database, view, read, health, limits };
    match openmetrics::encode(exposed) {
        Ok(text) => (text, report.map(drop)),
        Err(error) => (String::new(), Err(Failure::new(exit::FAILURE, format!("cannot encode the figures: {error}")))),
    }
}
