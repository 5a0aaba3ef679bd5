//! The incidents of one managed view or of all, each judged by its own limit.

use crate::{error::Result, questions::incidents::read_all, snapshot::Kept, views};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    address::ViewId,
    incident::Record,
    limits::{Overrides, ViewLimits},
    reading::Reading,
    views::OwnLimits,
};
use std::{collections::BTreeMap, time::Duration};

/// Which incidents are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Those of this view; `None` for those of every managed one.
    pub only: Option<ViewId>,
    /// The view that the log is about if none is known to be managed.
    pub otherwise: ViewId,
    /// How far back.
    pub window: Duration,
    /// What to judge by, whatever is set for a view.
    pub overrides: Overrides,
}

/// What incidents are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The server's time.
    pub at: DateTime<Utc>,
    /// A record of each view.
    pub records: Vec<(ViewId, Record)>,
    limits: BTreeMap<ViewId, Duration>,
}

impl Found {
    /// Age from which on the figures of `view` are stale.
    pub fn limit(&self, view: &ViewId) -> Duration {
        self.limits.get(view).copied().unwrap_or_default()
    }
}

/// Reads the incidents of one managed view, or of all.
pub async fn read(app: &mut Kept, wanted: &Wanted) -> Result<Reading<Found>> {
    app.read(|tx| {
        let wanted = wanted.clone();
        Box::pin(async move {
            let (all, _) = views::board(tx, Some(wanted.window), &views::Known::default()).await?;
            let managed =
                all.views.iter().filter_map(|view| Some((view.id()?.clone(), view.max_age(&wanted.overrides))));
            let mut views: Vec<(ViewId, Duration)> = match &wanted.only {
                Some(only) => managed.filter(|(view, _)| view == only).collect(),
                None => managed.collect(),
            };
            if views.is_empty() {
                let usual = ViewLimits::resolve(&OwnLimits::default(), &wanted.overrides).max_age.value;
                views.push((wanted.only.unwrap_or(wanted.otherwise), usual));
            }
            let records = read_all(tx, &views, wanted.window).await?;
            let of_views = |records: Vec<Record>| Found {
                at: all.at,
                records: views.iter().map(|(view, _)| view.clone()).zip(records).collect(),
                limits: views.iter().cloned().collect(),
            };
            Ok(records.map(of_views))
        })
    })
    .await
}
