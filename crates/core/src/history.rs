//! How refreshes went over hours or days, and how the tables grew that they read.

use crate::{age, reading::Reading, slices::Slices};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, time::Duration};

/// Share of the time in which data should be fresh, per cent. Exactly that much is enough.
pub const FRESH_TARGET: f64 = 99.0;

/// From this change on a duration has risen or fallen: so much more, relative to the lesser of the two.
const MOVED: f64 = 1.2;
/// The same for a table that has grown or shrunk.
const GREW: f64 = 1.05;

/// A window, as a whole and in slices.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// How the window is cut.
    pub slices: Slices,
    /// The whole of it.
    pub whole: Part,
    /// Each slice, the oldest first; as many as `slices` has.
    pub parts: Vec<Part>,
    /// The tables that a refresh reads.
    pub growth: Reading<Growth>,
}

/// What happened in some span of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Part {
    /// Refreshes that succeeded.
    pub successes: u64,
    /// Refreshes that failed.
    pub failures: u64,
    /// Half of the successful refreshes took at most this, milliseconds.
    pub p50: Option<f64>,
    /// Nineteen in twenty of them.
    pub p95: Option<f64>,
    /// Ninety-nine in a hundred.
    pub p99: Option<f64>,
    /// All of them.
    pub max: Option<f64>,
    /// How much of the time data was fresh: at most so old as the limit of freshness says.
    pub fresh: Duration,
    /// Of how much of the time that is known: before the first success on record it is not.
    pub known: Duration,
}

impl Part {
    /// Share of the known time in which data was fresh, per cent.
    pub fn fresh_share(&self) -> Option<f64> {
        (!self.known.is_zero()).then(|| self.fresh.min(self.known).as_secs_f64() * 100.0 / self.known.as_secs_f64())
    }

    /// Whether it was fresh for long enough.
    pub fn is_fresh_enough(&self) -> Option<bool> {
        self.fresh_share().map(|share| share >= FRESH_TARGET)
    }

    /// Share of the refreshes that succeeded, per cent.
    pub fn success_rate(&self) -> Option<f64> {
        let total = self.successes + self.failures;
        #[expect(clippy::cast_precision_loss, reason = "counts of log rows stay far below 2^52")]
        (total > 0).then(|| self.successes as f64 * 100.0 / total as f64)
    }
}

/// How large a table was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Estimated rows; `None` if the table was never analyzed.
    pub rows: Option<u64>,
    /// Bytes, with indexes and all.
    pub bytes: u64,
}

/// Tables by their qualified names.
pub type Sources = BTreeMap<String, Size>;

/// What successful refreshes measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// When the oldest measurement of the window was logged.
    pub since: DateTime<Utc>,
    /// That measurement.
    pub first: Sources,
    /// The newest of each slice, the oldest slice first; `None` if nothing was measured in it.
    pub at_ends: Vec<Option<Sources>>,
}

/// How a table grew in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown<'a> {
    /// Its qualified name.
    pub name: &'a str,
    /// Its size in the beginning; `None` if it was not there.
    pub from: Option<Size>,
    /// Its size in the end.
    pub to: Size,
}

impl Grown<'_> {
    /// How many times as large it is now: by rows if they are known at both ends, else by bytes. `None` if it was
    /// empty or absent in the beginning.
    pub fn factor(&self) -> Option<f64> {
        let from = self.from?;
        let (from, to) = match (from.rows, self.to.rows) {
            (Some(from), Some(to)) => (from, to),
            _ => (from.bytes, self.to.bytes),
        };
        #[expect(clippy::cast_precision_loss, reason = "estimates")]
        (from > 0).then(|| to as f64 / from as f64)
    }
}

impl Grown<'_> {
    /// How many times as many bytes it takes for as many rows, if those are clearly more: dead rows, mostly.
    pub fn swollen(&self) -> Option<f64> {
        let from = self.from?;
        from.rows.zip(self.to.rows)?;
        #[expect(clippy::cast_precision_loss, reason = "estimates")]
        let factor = self.to.bytes as f64 / from.bytes.max(1) as f64;
        (factor >= GREW && self.factor()? < GREW).then_some(factor)
    }
}

impl Growth {
    /// The newest measurement.
    pub fn last(&self) -> &Sources {
        self.at_ends.iter().rev().flatten().next().unwrap_or(&self.first)
    }

    /// Every table that is read now, the largest first.
    pub fn grown(&self) -> Vec<Grown<'_>> {
        let mut all: Vec<Grown<'_>> =
            self.last().iter().map(|(name, to)| Grown { name, from: self.first.get(name).copied(), to: *to }).collect();
        all.sort_by_key(|grown| (std::cmp::Reverse(grown.to.bytes), grown.name));
        all
    }

    /// All of them together.
    pub fn total(&self) -> Grown<'static> {
        Grown { name: "all sources", from: Some(total(&self.first)), to: total(self.last()) }
    }
}

/// Sum of the sizes; rows only if those of every table are known.
pub fn total(sources: &Sources) -> Size {
    let bytes = sources.values().fold(0_u64, |sum, size| sum.saturating_add(size.bytes));
    let rows = sources.values().try_fold(0_u64, |sum, size| Some(sum.saturating_add(size.rows?)));
    Size { rows, bytes }
}

/// How many times as much, in words: `2.4x`, or `by 12 %` below the double.
pub fn times(factor: f64) -> String {
    if factor >= 1.95 { format!("{factor:.1}x") } else { format!("by {:.0} %", (factor - 1.0).abs() * 100.0) }
}

/// Where the durations went, and what grew meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Whether refreshes got slower.
    pub slower: bool,
    /// One sentence.
    pub text: String,
}

impl History {
    /// Where the durations went, and what grew meanwhile. `None` if there is too little to compare.
    pub fn explanation(&self) -> Option<Explanation> {
        let (from, to) = self.trend()?;
        let (from_said, to_said) = (age::duration_ms(from), age::duration_ms(to));
        let rose = to > from * MOVED && from_said != to_said;
        let fell = from > to * MOVED && from_said != to_said;
        let moved = if rose {
            format!("p95 rose from {from_said} to {to_said}")
        } else if fell {
            format!("p95 fell from {from_said} to {to_said}")
        } else {
            format!("p95 stayed near {to_said}")
        };
        let text = match &self.growth {
            // What is known of the end only explains nothing.
            Ok(growth) if !self.is_measured_throughout(growth) => {
                if rose {
                    format!("{moved}; how the sources grew was not measured long enough")
                } else {
                    moved
                }
            }
            Ok(growth) => match (most_moved(growth), rose) {
                (Some((name, factor)), _) if factor >= GREW => format!("{moved} while {name} grew {}", times(factor)),
                (Some((name, factor)), _) => format!("{moved} while {name} shrank {}", times(factor)),
                (None, rose) => match (swollen(growth), rose) {
                    (Some((name, factor)), _) => {
                        let times = times(factor);
                        format!("{moved} while the bytes of {name} grew {times}, its rows did not: look for dead rows")
                    }
                    (None, true) => format!("{moved}, though no source grew: look for locks, dead rows and the plan"),
                    (None, false) => format!("{moved}, and no source grew"),
                },
            },
            Err(_) if rose => format!("{moved}; how the sources grew was not measured"),
            Err(_) => moved,
        };
        Some(Explanation { slower: rose, text })
    }

    /// Whether the sizes are known for most of the time for which durations are.
    pub fn is_measured_throughout(&self, growth: &Growth) -> bool {
        let slices = self.slices;
        let first = self.parts.iter().position(|part| part.p95.is_some()).unwrap_or_default();
        let begin = slices.get(first).0;
        growth.since <= begin + (slices.until - begin) / 2
    }

    /// p95 in the first and in the last quarter of the slices that have one, milliseconds: the medians, so that one bad
    /// slice makes no trend.
    fn trend(&self) -> Option<(f64, f64)> {
        let known: Vec<f64> = self.parts.iter().filter_map(|part| part.p95).collect();
        if known.len() < 2 {
            return None;
        }
        let quarter = (known.len() / 4).max(1);
        Some((median(&known[..quarter]), median(&known[known.len() - quarter..])))
    }
}

/// The table that grew most, or else the one that shrank most.
fn most_moved(growth: &Growth) -> Option<(&str, f64)> {
    let all: Vec<(&str, f64)> =
        growth.grown().into_iter().filter_map(|grown| Some((grown.name, grown.factor()?))).collect();
    let most = all.iter().copied().filter(|(_, factor)| *factor >= GREW).max_by(|a, b| a.1.total_cmp(&b.1));
    most.or_else(|| all.into_iter().filter(|(_, factor)| *factor <= 1.0 / GREW).min_by(|a, b| a.1.total_cmp(&b.1)))
}

/// The table that takes the most times as many bytes as before for as many rows.
fn swollen(growth: &Growth) -> Option<(&str, f64)> {
    let all = growth.grown().into_iter().filter_map(|grown| Some((grown.name, grown.swollen()?)));
    all.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Unavailable;

    fn history(p95: &[Option<f64>], growth: Reading<Growth>) -> History {
        let until = DateTime::from_timestamp(1_795_402_800, 0).unwrap();
        let since = until - Duration::from_secs(3_600 * (p95.len() as u64 - 1));
        History {
            slices: Slices { since, until, step: 3_600 },
            whole: Part::default(),
            parts: p95.iter().map(|p95| Part { p95: *p95, ..Part::default() }).collect(),
            growth,
        }
    }

    fn sources(sizes: &[(&str, Option<u64>, u64)]) -> Sources {
        sizes.iter().map(|(name, rows, bytes)| ((*name).to_owned(), Size { rows: *rows, bytes: *bytes })).collect()
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a history has")]
    fn grew(from: &[(&str, Option<u64>, u64)], to: &[(&str, Option<u64>, u64)]) -> Reading<Growth> {
        Ok(Growth { since: DateTime::UNIX_EPOCH, first: sources(from), at_ends: vec![None, Some(sources(to)), None] })
    }

    fn missing() -> Reading<Growth> {
        Err(Unavailable::new("not measured", ""))
    }

    #[test]
    fn what_grew_is_named_beside_what_got_slower() {
        let slower = [Some(118.0), Some(122.0), None, Some(330.0), Some(340.0)];
        let (small, large) = (
            [("public.assets", Some(100), 8_192), ("public.users", Some(10), 99)],
            [("public.assets", Some(240), 16_384), ("public.users", Some(11), 99)],
        );
        for (p95, growth, wanted) in [
            (&slower[..], grew(&small, &large), "p95 rose from 118 ms to 340 ms while public.assets grew 2.4x"),
            (
                &slower,
                grew(&small, &small),
                "p95 rose from 118 ms to 340 ms, though no source grew: look for locks, dead rows and the plan",
            ),
            (
                &slower,
                grew(&[("a", Some(100), 8_192), ("b", Some(5), 10)], &[("a", Some(100), 16_384), ("b", Some(5), 10)]),
                "p95 rose from 118 ms to 340 ms while the bytes of a grew 2.0x, its rows did not: look for dead rows",
            ),
            (&slower, missing(), "p95 rose from 118 ms to 340 ms; how the sources grew was not measured"),
            (&slower, grew(&large, &small), "p95 rose from 118 ms to 340 ms while public.assets shrank by 58 %"),
            (&[Some(340.0), Some(118.0)], grew(&small, &small), "p95 fell from 340 ms to 118 ms, and no source grew"),
            (&[Some(118.0), Some(120.0)], missing(), "p95 stayed near 120 ms"),
            (
                &[Some(118.0), Some(120.0)],
                grew(&[("a", None, 100)], &[("a", Some(5), 112)]),
                "p95 stayed near 120 ms while a grew by 12 %",
            ),
        ] {
            let found = history(p95, growth).explanation().unwrap();
            assert_eq!((found.slower, found.text.as_str()), (wanted.contains("rose"), wanted));
        }
    }

    #[test]
    fn sizes_of_the_end_only_explain_nothing() {
        let mut growth = grew(&[("a", Some(1), 1)], &[("a", Some(9), 1)]);
        if let Ok(growth) = &mut growth {
            growth.since = DateTime::from_timestamp(1_795_402_800, 0).unwrap();
        }
        let found = history(&[Some(100.0), Some(300.0)], growth).explanation().unwrap();
        assert_eq!(found.text, "p95 rose from 100 ms to 300 ms; how the sources grew was not measured long enough");
    }

    #[test]
    fn one_slice_is_no_trend_and_one_bad_slice_neither() {
        assert_eq!(history(&[None, Some(118.0), None], missing()).explanation(), None);
        let mut slices = vec![Some(100.0); 12];
        slices[11] = Some(9_000.0);
        assert_eq!(history(&slices, missing()).explanation().unwrap().text, "p95 stayed near 100 ms");
    }

    #[test]
    fn the_target_itself_is_enough() {
        let part = |fresh, known| Part {
            fresh: Duration::from_millis(fresh),
            known: Duration::from_millis(known),
            ..Part::default()
        };
        assert_eq!(part(0, 0).is_fresh_enough(), None);
        assert_eq!(part(99_000, 100_000).is_fresh_enough(), Some(true));
        assert_eq!(part(98_999, 100_000).is_fresh_enough(), Some(false));
        assert_eq!(part(200, 100).fresh_share(), Some(100.0));
    }

    #[test]
    fn tables_that_came_or_were_never_analyzed_have_no_factor_by_rows() {
        let Ok(growth) = grew(
            &[("a", Some(0), 0), ("b", None, 50), ("gone", Some(1), 1)],
            &[("a", Some(9), 9), ("b", Some(9), 100), ("new", Some(1), 1)],
        ) else {
            panic!()
        };
        let factors: Vec<_> = growth.grown().iter().map(|grown| (grown.name.to_owned(), grown.factor())).collect();
        assert_eq!(factors, [("b".to_owned(), Some(2.0)), ("a".into(), None), ("new".into(), None)]);
        assert_eq!(growth.total().to, Size { rows: Some(19), bytes: 110 });
        assert_eq!(growth.total().from, Some(Size { rows: None, bytes: 51 }));
        assert_eq!((times(2.44), times(1.5), times(0.5)), ("2.4x".into(), "by 50 %".into(), "by 50 %".into()));
    }
}
