//! How the view's own figures moved with recent refreshes.

use crate::{figures::Changed, reading::Reading, slices::Slices};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Least time between two measurements for which a change per day is computed, seconds.
const LEAST_SPAN: f64 = 600.0;

/// How many rows a view has, in the place of a column.
pub const ROWS: &str = "rows";
/// How many bytes it takes, in the place of a column.
pub const SIZE: &str = "size";

/// The figures now, and as refreshes left them before.
#[derive(Debug, Clone, PartialEq)]
pub struct Movement {
    /// How the window is cut.
    pub slices: Slices,
    /// The view's columns of numbers in their order, with their values. Those of `platform_metrics` were read just now, and
    /// those of other views are as the last refresh left them.
    pub now: Reading<Vec<(String, Option<f64>)>>,
    /// Whether it has many rows, so that [`ROWS`] and [`SIZE`] are in the place of its columns.
    pub of_rows: bool,
    /// What refreshes measured in the window.
    pub measured: Reading<Measured>,
}

/// Figures by their columns' names.
pub type Figures = BTreeMap<String, f64>;

/// What one refresh measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// How long the refresh took, milliseconds.
    pub duration_ms: Option<f64>,
    /// What it found.
    pub figures: Figures,
    /// Rows that it changed.
    pub changed: Option<Changed>,
}

/// Measurements of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The oldest one.
    pub first: Sample,
    /// The newest of each slice, the oldest slice first; `None` if nothing was measured in it.
    pub at_ends: Vec<Option<Figures>>,
    /// The newest ones, newest first.
    pub recent: Vec<Sample>,
}

/// How one figure moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Move<'a> {
    /// Its column.
    pub name: &'a str,
    /// Its value now.
    pub now: Option<f64>,
    /// What came to it in 30 days, if another column has that.
    pub new_30d: Option<f64>,
    /// Its value in the beginning of the window.
    pub first: Option<f64>,
    /// The change since.
    pub change: Option<f64>,
    /// The same for a day; `None` if too little time lies between.
    pub per_day: Option<f64>,
    /// Its value at the end of each slice.
    pub points: Vec<Option<f64>>,
}

impl Movement {
    /// Every figure of the view, in its order.
    pub fn moves(&self) -> Vec<Move<'_>> {
        let Ok(now) = &self.now else { return Vec::new() };
        let measured = self.measured.as_ref().ok();
        now.iter()
            .map(|(name, value)| {
                let first = measured.and_then(|measured| measured.first.figures.get(name).copied());
                let change = value.zip(first).map(|(now, first)| now - first);
                let span = measured.map(span_of).filter(|span| *span >= LEAST_SPAN);
                Move {
                    name,
                    now: *value,
                    new_30d: self.new_of(name),
                    first,
                    change,
                    per_day: change.zip(span).map(|(change, span)| change * 86_400.0 / span),
                    points: measured.map(|measured| points(measured, name)).unwrap_or_default(),
                }
            })
            .collect()
    }

    /// The value of `new_things_30d` for `total_things`.
    fn new_of(&self, total: &str) -> Option<f64> {
        let things = total.strip_prefix("total_")?;
        let column = format!("new_{things}_30d");
        self.now.as_ref().ok()?.iter().find(|(name, _)| *name == column)?.1
    }
}

impl Measured {
    /// What each recent refresh changed against the one before it, newest first; the oldest has none before it.
    pub fn deltas<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Option<f64>> + 'a {
        self.recent.windows(2).map(move |pair| Some(pair[0].figures.get(name)? - pair[1].figures.get(name)?))
    }
}

fn points(measured: &Measured, name: &str) -> Vec<Option<f64>> {
    measured.at_ends.iter().map(|figures| figures.as_ref()?.get(name).copied()).collect()
}

/// Seconds between the oldest and the newest measurement.
fn span_of(measured: &Measured) -> f64 {
    let newest = measured.recent.first().map_or(measured.first.at, |sample| sample.at);
    (newest - measured.first.at).to_std().unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Unavailable;
    use chrono::TimeDelta;

    fn sample(minutes_ago: i64, users: f64) -> Sample {
        let until: DateTime<Utc> = "2026-11-23T03:00:00Z".parse().unwrap();
        Sample {
            at: until - TimeDelta::minutes(minutes_ago),
            duration_ms: Some(100.0),
            figures: BTreeMap::from([("total_users".to_owned(), users)]),
            changed: None,
        }
    }

    fn movement(measured: Reading<Measured>) -> Movement {
        let until = sample(0, 0.0).at;
        Movement {
            slices: Slices { since: until - TimeDelta::hours(24), until, step: 3_600 },
            now: Ok(vec![
                ("total_users".into(), Some(150.0)),
                ("new_users_30d".into(), Some(50.0)),
                ("odd".into(), None),
            ]),
            of_rows: false,
            measured,
        }
    }

    #[test]
    fn a_change_is_shown_for_the_window_and_for_a_day() {
        let measured = Measured {
            first: sample(720, 100.0),
            at_ends: vec![Some(sample(720, 100.0).figures), None, Some(sample(0, 150.0).figures)],
            recent: vec![sample(0, 150.0), sample(5, 149.0), sample(720, 100.0)],
        };
        let deltas: Vec<_> = measured.deltas("total_users").collect();
        assert_eq!(deltas, [Some(1.0), Some(49.0)]);
        let movement = movement(Ok(measured));
        let moves = movement.moves();
        let users = &moves[0];
        assert_eq!((users.now, users.new_30d, users.first), (Some(150.0), Some(50.0), Some(100.0)));
        assert_eq!((users.change, users.per_day), (Some(50.0), Some(100.0)));
        assert_eq!(users.points, [Some(100.0), None, Some(150.0)]);
        assert_eq!((moves[2].name, moves[2].now, moves[2].change), ("odd", None, None));
    }

    #[test]
    fn without_measurements_there_are_values_and_no_movement() {
        let movement = movement(Err(Unavailable::new("not measured", "")));
        let moves = movement.moves();
        assert_eq!((moves[0].now, moves[0].change, moves[0].points.len()), (Some(150.0), None, 0));
    }

    #[test]
    fn a_minute_says_nothing_of_a_day() {
        let measured =
            Measured { first: sample(1, 100.0), at_ends: vec![], recent: vec![sample(0, 150.0), sample(1, 100.0)] };
        let movement = movement(Ok(measured));
        assert_eq!((movement.moves()[0].change, movement.moves()[0].per_day), (Some(50.0), None));
    }
}
