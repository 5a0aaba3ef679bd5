//! The check of several views: the worst one decides.

use super::{FIGURES, datum, judged, name, noted, word};
use crate::{command::report::OfView, output::clean};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    health::{self, Facts, Limits, Verdict},
    range::Figure,
    stats::RefreshStats,
};

/// Bytes of performance data. Nagios cuts what a plugin prints at 8 KiB.
const LONGEST: usize = 5000;
/// Views that get a line of their own.
const LISTED: usize = 10;

/// A view and the verdict on it.
pub(super) struct Judged<'a> {
    name: String,
    verdict: Verdict,
    reasons: String,
    limits: Limits,
    stats: &'a RefreshStats,
    now: DateTime<Utc>,
}

impl<'a> Judged<'a> {
    /// Judges a view by `limits`.
    pub(super) fn new(one: &'a OfView, limits: Limits, now: DateTime<Utc>) -> Self {
        Self::of(one.name(), limits, &one.report.known.of(&one.report.stats), now)
    }

    fn of(name: &str, limits: Limits, facts: &Facts<'a>, now: DateTime<Utc>) -> Self {
        let (verdict, reasons) = judged(&limits, facts, now);
        Self { name: clean(name), verdict, reasons: clean(&reasons), limits, stats: facts.stats, now }
    }

    /// Text after a | would be read as performance data.
    fn words(&self) -> String {
        format!("{}: {}", self.name, self.reasons).replace('|', "/")
    }

    /// How bad it is. A view of which nothing is known must not hide one that is critical.
    fn badness(&self) -> u8 {
        match self.verdict {
            Verdict::Healthy => 0,
            Verdict::Unknown => 1,
            Verdict::Warning => 2,
            Verdict::Critical => 3,
        }
    }

    fn age(&self) -> Option<f64> {
        health::measure(Figure::Age, self.stats, self.now).filter(|age| age.is_finite())
    }

    fn data(&self, figures: &[Figure]) -> String {
        let label = |figure| format!("'{}::{}'", name(figure), label(&self.name));
        let data = figures.iter().map(|figure| datum(&label(*figure), *figure, &self.limits, self.stats, self.now));
        data.flat_map(|datum| [" ".to_owned(), datum]).collect()
    }
}

/// The worst verdict, and what is printed, with a `note` on the limits.
pub(super) fn text(mut views: Vec<Judged<'_>>, note: Option<String>) -> (Verdict, String) {
    // The figures of a view keep their place whatever their values are.
    views.sort_by(|a, b| a.name.cmp(&b.name));
    let data = performance(&views);
    views.sort_by_key(|view| std::cmp::Reverse(view.badness()));
    let bad = views.iter().filter(|view| view.verdict != Verdict::Healthy).count();
    let Some(worst) = views.first() else { return (Verdict::Unknown, "REFRESH UNKNOWN - no view is managed".into()) };
    let head = match bad {
        0 => summary(&views),
        1 if views.len() == 2 => format!("{}; the other view is healthy", worst.words()),
        1 => format!("{}; the other {} views are healthy", worst.words(), views.len() - 1),
        2 => format!("{}; 1 of the other {} views is not healthy", worst.words(), views.len() - 1),
        _ => format!("{}; {} of the other {} views are not healthy", worst.words(), bad - 1, views.len() - 1),
    };
    let mut lines = vec![format!("REFRESH {} - {head}{} | {data}", word(worst.verdict), noted(note))];
    let others = views.iter().take(bad).skip(1);
    lines.extend(others.clone().take(LISTED).map(|view| format!("{} {}", word(view.verdict), view.words())));
    let more = others.count().saturating_sub(LISTED);
    if more > 0 {
        lines.push(format!("{more} more are not healthy"));
    }
    (worst.verdict, lines.join("\n"))
}

fn summary(views: &[Judged<'_>]) -> String {
    let oldest = views.iter().filter_map(|view| Some((view.age()?, view))).max_by(|a, b| a.0.total_cmp(&b.0));
    let oldest = oldest.map(|(_, view)| format!("; oldest data: {}", view.words())).unwrap_or_default();
    format!("all {} views are healthy{oldest}", views.len())
}

/// Each view's figures, or at least the age of its data; if even that is too long, the first ones by name.
fn performance(views: &[Judged<'_>]) -> String {
    let bad = views.iter().filter(|view| view.verdict != Verdict::Healthy).count();
    let mut data = format!("views={};;;0; unhealthy={bad};;;0;{}", views.len(), views.len());
    let all: String = views.iter().map(|view| view.data(&FIGURES)).collect();
    if data.len() + all.len() <= LONGEST {
        return data + &all;
    }
    for view in views {
        let age = view.data(&[Figure::Age]);
        if data.len() + age.len() > LONGEST {
            break;
        }
        data += &age;
    }
    data
}

/// A name within the quotes of a label: what parsers take for the end of a label or of a value is written as in URLs.
fn label(name: &str) -> String {
    let mut label = String::new();
    for c in name.chars() {
        match c {
            '\'' => label.push_str("%27"),
            '=' => label.push_str("%3D"),
            '|' => label.push_str("%7C"),
            ';' => label.push_str("%3B"),
            '%' => label.push_str("%25"),
            c => label.push(c),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use refreshtop_core::health::Thresholds;

    fn now() -> DateTime<Utc> {
        "2026-01-02T12:00:00Z".parse().unwrap()
    }

    fn stats(failed: u64) -> RefreshStats {
        RefreshStats {
            total: 100,
            successful: 100 - failed,
            failed,
            avg_duration_ms: Some(80.0),
            last_success_at: Some(now() - TimeDelta::seconds(120)),
            ..RefreshStats::default()
        }
    }

    fn checked(views: &[(&str, u64)]) -> (Verdict, String) {
        let limits = Limits::from(&Thresholds::default());
        let stats: Vec<RefreshStats> = views.iter().map(|(_, failed)| stats(*failed)).collect();
        let judged = views
            .iter()
            .zip(&stats)
            .map(|((name, _), stats)| Judged::of(name, limits.clone(), &Facts::of(stats), now()));
        text(judged.collect(), None)
    }

    #[test]
    fn the_worst_view_is_named_first_and_decides() {
        let (verdict, text) = checked(&[("c", 0), ("a", 10), ("b", 50)]);
        assert_eq!(verdict, Verdict::Critical);
        let (first, rest) = text.split_once('\n').unwrap();
        let (head, data) = first.split_once(" | ").unwrap();
        assert_eq!(
            head,
            "REFRESH CRITICAL - b: success rate 50 % is below 80 % (50 of 100 failed); 1 of the other 2 views is not \
             healthy"
        );
        assert_eq!(
            data,
            "views=3;;;0; unhealthy=2;;;0;3 'age::a'=120s;600;1200;0; 'duration::a'=0.08s;5;;0; 'rate::a'=90%;95:;80:;0;100 \
             'age::b'=120s;600;1200;0; 'duration::b'=0.08s;5;;0; 'rate::b'=50%;95:;80:;0;100 'age::c'=120s;600;1200;0; \
             'duration::c'=0.08s;5;;0; 'rate::c'=100%;95:;80:;0;100"
        );
        assert_eq!(rest, "WARNING a: success rate 90 % is below 95 % (10 of 100 failed)");
        let (verdict, text) = checked(&[("a", 0), ("b", 0)]);
        assert_eq!(verdict, Verdict::Healthy);
        assert!(text.starts_with("REFRESH OK - all 2 views are healthy; oldest data: "), "{text}");
        assert!(!text.contains('\n'));
    }

    #[test]
    fn no_name_ends_a_label_or_the_text() {
        let (_, text) = checked(&[("\"it's=a|b;c%\n\u{1b}[2J\"", 50), ("x", 0)]);
        assert_eq!((text.lines().count(), text.matches('|').count()), (1, 1), "{text}");
        assert!(text.contains("'age::\"it%27s%3Da%7Cb%3Bc%25"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_thousand_views_fit_into_what_a_plugin_may_print() {
        let names: Vec<String> = (0..1000).map(|number| format!("{number:04}{}", "x".repeat(96))).collect();
        let views: Vec<(&str, u64)> = names.iter().map(|name| (&**name, 50)).collect();
        let (_, text) = checked(&views);
        assert!(text.len() < 8192, "{}", text.len());
        assert_eq!(text.lines().count(), 1 + LISTED + 1);
        assert!(text.ends_with("\n989 more are not healthy"), "{text}");
        assert!(text.contains("'age::0000") && !text.contains("'rate::"));
    }
}
