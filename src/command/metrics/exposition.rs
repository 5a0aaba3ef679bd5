//! The text that is exposed: what one read of the database found.

use crate::{
    command::{
        Failure,
        report::{self, Found, Report},
    },
    output::openmetrics::{self, Exposed, ExposedView},
    settings::Settings,
};
use refreshtop_connect::Target;
use refreshtop_core::{exit, health::Health};
use std::time::Duration;

/// Longest read: a scrape gives up after ten seconds by default.
const READ_LIMIT: Duration = Duration::from_secs(8);

/// The exposition, and the failure if it holds no figures.
pub async fn read(settings: &Settings, target: &Target) -> (String, Result<(), Failure>) {
    let found = tokio::time::timeout(READ_LIMIT, report::read(target, settings, 1)).await.unwrap_or_else(|_| {
        let why = format!("the database did not answer within {} s", READ_LIMIT.as_secs());
        Err(Failure::new(exit::CANNOT_CONNECT, why))
    });
    let unknown = Health::unknown("");
    let views = match &found {
        Ok(Found::One(report)) => vec![of(report)],
        Ok(Found::All(all)) => all.managed.iter().map(|one| of(&one.report)).collect(),
        Err(_) => vec![ExposedView { view: settings.view.as_str(), read: None, health: &unknown, limits: None }],
    };
    let exposed = Exposed { database: &target.id(), views };
    match openmetrics::encode(&exposed) {
        Ok(text) => (text, found.map(drop)),
        Err(error) => (String::new(), Err(Failure::new(exit::FAILURE, format!("cannot encode the figures: {error}")))),
    }
}

fn of(report: &Report) -> ExposedView<'_> {
    let read = Some((&report.snapshot, &report.stats));
    ExposedView { view: report.snapshot.view.as_str(), read, health: &report.health, limits: Some(&report.limits) }
}
