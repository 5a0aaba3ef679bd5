//! The part that a database may do without: `platform_metrics`, for which the application's four tables are needed.

use super::MigrateError;
use crate::preflight::Problem;

/// The step that installs it.
pub(super) const PLATFORM_METRICS: i64 = 11;

/// When `platform_metrics` is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum With {
    /// If its tables are there and can be read, or if it is installed already.
    #[default]
    WhatIsPossible,
    /// In any case: a missing table is an error.
    PlatformMetrics,
}

/// What the preflight means for a migration.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    /// Why `platform_metrics` can't be installed: its tables.
    sources: Vec<Problem>,
    /// What has its names.
    view: Vec<Problem>,
    /// What stops every migration.
    others: Vec<Problem>,
}

impl Findings {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        let mut findings = Self::default();
        for problem in problems {
            let kind = if problem.of_sources {
                &mut findings.sources
            } else if problem.of_view {
                &mut findings.view
            } else {
                &mut findings.others
            };
            kind.push(problem);
        }
        findings
    }

    /// Whether the part is installed, or has to be.
    pub(super) fn includes(&self, with: With, installed: bool) -> bool {
        with == With::PlatformMetrics || installed || self.sources.is_empty()
    }

    /// Fails if something stops the migration.
    pub(super) fn check(&self, with: With, installed: bool) -> Result<(), MigrateError> {
        let included = self.includes(with, installed);
        let mut problems = self.others.clone();
        // Somebody who must ask for rights anyway wants to know of all that are missing.
        let rights_only = self.sources.iter().all(|problem| problem.is_privilege);
        if included || (!problems.is_empty() && rights_only) {
            problems.extend(self.sources.iter().cloned());
        }
        if included {
            problems.extend(self.view.iter().cloned());
        }
        if problems.is_empty() { Ok(()) } else { Err(MigrateError::Preflight(problems)) }
    }

    /// Why the part is left out; `None` if it is not.
    pub(super) fn left_out(&self, with: With, installed: bool) -> Option<String> {
        (!self.includes(with, installed)).then(|| reason(&self.sources))
    }
}

/// The reasons in one phrase: missing tables are listed, and of everything else the first is enough.
fn reason(sources: &[Problem]) -> String {
    let table = |problem: &Problem| {
        problem.problem.strip_prefix("table ").and_then(|rest| rest.strip_suffix(" is missing")).map(str::to_owned)
    };
    let missing: Vec<String> = sources.iter().filter_map(table).collect();
    match missing.as_slice() {
        [] => sources.first().map(|problem| problem.problem.clone()).unwrap_or_default(),
        [only] => format!("table {only} is missing"),
        [most @ .., last] => format!("tables {} and {last} are missing", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Problem {
        Problem {
            problem: text.to_owned(),
            fix: String::new(),
            is_privilege: text.starts_with("role"),
            of_trust: false,
            in_the_way: false,
            of_sources: true,
            of_view: false,
        }
    }

    #[test]
    fn the_part_is_left_out_unless_it_is_asked_for_or_installed() {
        let findings = Findings::new(vec![source("table public.accounts is missing")]);
        let why = Some("table public.accounts is missing".to_owned());
        assert_eq!(findings.left_out(With::WhatIsPossible, false), why);
        assert!(findings.check(With::WhatIsPossible, false).is_ok());
        for (with, installed) in [(With::PlatformMetrics, false), (With::WhatIsPossible, true)] {
            assert_eq!(findings.left_out(with, installed), None);
            assert!(findings.check(with, installed).is_err());
        }
        assert_eq!(Findings::default().left_out(With::WhatIsPossible, false), None);
    }

    #[test]
    fn what_has_its_names_is_in_the_way_of_the_part_alone() {
        let view = Problem { of_sources: false, of_view: true, ..source("public.platform_metrics is a table") };
        let mut problems = vec![view];
        assert!(Findings::new(problems.clone()).check(With::WhatIsPossible, false).is_err());
        problems.push(source("table public.accounts is missing"));
        assert!(Findings::new(problems).check(With::WhatIsPossible, false).is_ok());
    }

    #[test]
    fn the_reason_is_one_phrase() {
        let reason = |texts: &[&str]| reason(&texts.iter().map(|text| source(text)).collect::<Vec<_>>());
        assert_eq!(
            reason(&["table a is missing", "table b is missing", "table c is missing"]),
            "tables a, b and c are missing"
        );
        assert_eq!(reason(&["table a has no column id", "role x may not read b"]), "table a has no column id");
    }
}
