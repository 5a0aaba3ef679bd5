//! Limits of a check, as monitoring plugins write them.
//!
//! | range | alerts where the value is |
//! |---|---|
//! | `10` | below 0 or above 10 |
//! | `10:` | below 10 |
//! | `~:10` | above 10 |
//! | `10:20` | below 10 or above 20 |
//! | `@10:20` | from 10 to 20 |

use std::{fmt, str::FromStr};

/// A range of good values (with `@`: of bad ones), both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    start: f64,
    end: f64,
    inside: bool,
}

impl Range {
    /// From 0 to `end`.
    pub fn up_to(end: f64) -> Self {
        Self { start: 0.0, end, inside: false }
    }

    /// `start` or more.
    pub fn from(start: f64) -> Self {
        Self { start, end: f64::INFINITY, inside: false }
    }

    /// The least value that is good, if every higher one is good as well.
    pub fn least(&self) -> Option<f64> {
        (!self.inside && self.end.is_infinite()).then_some(self.start)
    }

    /// This range's end, if what is breached is twice that.
    pub fn half_of(&self, breach: Breach) -> Option<f64> {
        matches!(breach, Breach::Above(end) if (end - 2.0 * self.end).abs() < f64::EPSILON * end).then_some(self.end)
    }

    /// Why `value` alerts; `None` if it does not.
    pub fn breach(&self, value: f64) -> Option<Breach> {
        match (self.inside, (self.start..=self.end).contains(&value)) {
            (true, true) => Some(Breach::Within(self.start, self.end)),
            (false, false) if value < self.start => Some(Breach::Below(self.start)),
            (false, false) => Some(Breach::Above(self.end)),
            _ => None,
        }
    }

    fn parse(text: &str, number: impl Fn(&str) -> Option<f64>) -> Option<Self> {
        let (inside, text) = text.strip_prefix('@').map_or((false, text), |rest| (true, rest));
        let (start, end) = match text.split_once(':') {
            Some((start, end)) => (Some(start), end),
            None => (None, text),
        };
        let start = match start {
            None | Some("") => 0.0,
            Some("~") => f64::NEG_INFINITY,
            Some(start) => number(start)?,
        };
        let end = if end.is_empty() && text.ends_with(':') { f64::INFINITY } else { number(end)? };
        (start <= end).then_some(Self { start, end, inside })
    }
}

/// How a value is out of what a range allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Breach {
    /// Below its start.
    Below(f64),
    /// Above its end.
    Above(f64),
    /// Inside a range of bad values.
    Within(f64, f64),
}

impl Breach {
    /// In words, such as `above 5 %`, with the words for above and below and a way to show a limit.
    pub fn words(self, above: &str, below: &str, shown: impl Fn(f64) -> String) -> String {
        match self {
            Self::Above(limit) => format!("{above} {}", shown(limit)),
            Self::Below(limit) => format!("{below} {}", shown(limit)),
            Self::Within(start, end) => match (start.is_finite(), end.is_finite()) {
                (true, true) => format!("between {} and {}", shown(start), shown(end)),
                (true, false) => format!("at least {}", shown(start)),
                (false, true) => format!("at most {}", shown(end)),
                (false, false) => "no good whatever it is".into(),
            },
        }
    }
}

/// As performance data has it.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside {
            f.write_str("@")?;
        }
        if self.start == f64::NEG_INFINITY {
            f.write_str("~:")?;
        } else if self.start != 0.0 || self.end.is_infinite() {
            write!(f, "{}:", self.start)?;
        }
        if self.end.is_finite() { write!(f, "{}", self.end) } else { Ok(()) }
    }
}

/// What a check measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Figure {
    /// Age of the last successful refresh, seconds.
    Age,
    /// Average duration of the successful refreshes, seconds.
    Duration,
    /// Success rate, per cent.
    Rate,
}

/// A range for a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Which figure.
    pub figure: Figure,
    /// Its range.
    pub range: Range,
}

impl Limit {
    /// Reads `age=10m`, `duration=0:5`, `rate=95:`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let usage =
            "not a limit: write age=RANGE, duration=RANGE or rate=RANGE, such as age=10m, duration=5 or rate=95:";
        let (figure, range) = text.split_once('=').ok_or(usage)?;
        let (figure, range) = match figure {
            "age" => (Figure::Age, Range::parse(range, seconds)),
            "duration" => (Figure::Duration, Range::parse(range, seconds)),
            "rate" => (Figure::Rate, Range::parse(range, |text| number(text.strip_suffix('%').unwrap_or(text)))),
            _ => return Err(usage.into()),
        };
        let range = range.ok_or(
            "not a range: write 10 (0 to 10), 10: (10 or more), ~:10 (10 or less), 10:20, or @10:20 (outside of it)",
        )?;
        Ok(Self { figure, range })
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Plain seconds, or a duration with units.
fn seconds(text: &str) -> Option<f64> {
    number(text).or_else(|| humantime::parse_duration(text).ok().map(|duration| duration.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Range {
        Limit::parse(&format!("duration={text}")).unwrap().range
    }

    #[test]
    fn ranges_alert_as_the_plugins_guidelines_say() {
        for (text, good, bad) in [
            ("10", &[0.0, 10.0][..], &[-0.1, 10.1][..]),
            ("10:", &[10.0, 1e9], &[9.9, -1.0]),
            ("~:10", &[-1e9, 10.0], &[10.1]),
            ("10:20", &[10.0, 20.0], &[9.9, 20.1]),
            ("@10:20", &[9.9, 20.1], &[10.0, 20.0]),
            (":5", &[0.0, 5.0], &[5.1]),
            ("10m", &[600.0], &[600.1]),
            ("1m:1h", &[60.0, 3600.0], &[59.0]),
        ] {
            let range = range(text);
            assert!(good.iter().all(|value| range.breach(*value).is_none()), "{text}");
            assert!(bad.iter().all(|value| range.breach(*value).is_some()), "{text}");
        }
    }

    #[test]
    fn a_range_prints_as_it_is_read() {
        for (text, wanted) in [
            ("10", "10"),
            ("0:10", "10"),
            ("10:", "10:"),
            ("~:10", "~:10"),
            ("10:20", "10:20"),
            ("@10:20", "@10:20"),
            ("0:", "0:"),
            ("~:", "~:"),
        ] {
            assert_eq!(range(text).to_string(), wanted);
            assert_eq!(range(wanted), range(text), "{text}");
        }
    }

    #[test]
    fn anything_else_says_what_is_allowed() {
        for text in ["", "age", "age=", "age=x", "age=20:10", "rate=~", "pressure=1", "age=inf", "rate=5s", "=1"] {
            assert!(Limit::parse(text).unwrap_err().starts_with("not a "), "{text}");
        }
        assert_eq!(Limit::parse("rate=95%:").unwrap(), Limit { figure: Figure::Rate, range: Range::from(95.0) });
    }
}
