//! What is wrong with the managed views, one by one.

use super::{Check, Detail, Verdict};
use crate::{
    health::{self, Health, Rule},
    views::{
        Last, Registered, View,
        details::{Catalog, Warning},
        names,
    },
};

const ID: &str = "view";
const TITLE: &str = "View";
/// How these views were looked at.
const IN_SHORT: &str = "They were looked at in short; refreshtop doctor --view NAME asks everything about one.";

/// A check of each view that something is wrong with, the worst first, and one of all others.
pub fn checks(found: Vec<Check>) -> Vec<Check> {
    let (mut bad, good): (Vec<_>, Vec<_>) = found.into_iter().partition(|check| check.verdict != Verdict::Good);
    bad.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    let names: Vec<String> = good.into_iter().filter_map(|check| check.view).collect();
    let others = match (names.len(), bad.is_empty()) {
        (0, _) => None,
        (1, _) => Some(format!("{} has no problem that is known.", names[0])),
        (count, true) => Some(format!("None of {count} other managed views has a problem that is known.")),
        (count, false) => Some(format!("{count} other managed views have no problem that is known.")),
    };
    let others = others.map(|text| format!("{text} {IN_SHORT}"));
    let others = others.map(|text| Check::new("views", "Views", Verdict::Good, text).detail(Detail::Lines(names)));
    bad.into_iter().chain(others).collect()
}

/// The check of a view's health, whose other checks are made one by one.
pub fn health(registered: &Registered, health: Option<&Health>) -> Check {
    let new = |verdict, finding: String| Check {
        view: Some(registered.id.to_string()),
        ..Check::new("health", "Health", verdict, finding)
    };
    let Some(health) = health else { return new(Verdict::Unknown, "Its statistics can't be read.".into()) };
    let reasons: Vec<&str> = health.findings.iter().map(|finding| &*finding.reason).collect();
    if reasons.is_empty() {
        return new(of_health(health.verdict), "Every limit of its health is kept.".into());
    }
    new(of_health(health.verdict), format!("{}.", reasons.join("; "))).advise(format!(
        "{} has the figures; {} has the attempts.",
        command("status --view", registered),
        command("logs --view", registered)
    ))
}

/// The check of a managed view that is not looked at in full.
pub fn check(view: &View, registered: &Registered, health: Option<&Health>, catalog: Option<&Catalog>) -> Check {
    let mut found: Vec<(Verdict, String)> = Vec::new();
    let mut advice: Vec<String> = Vec::new();
    let warnings = catalog.map(|catalog| catalog.warnings(view)).unwrap_or_default();
    for warning in warnings {
        if let Some((verdict, what)) = judged(&warning, view, registered) {
            found.push((verdict, warning.reason));
            advice.extend(what);
        }
    }
    let known = !found.is_empty();
    for finding in health.iter().flat_map(|health| &health.findings) {
        // The catalog has said why nothing refreshes it, and the last run says why it failed.
        let said = match finding.rule {
            Rule::NothingRefreshes => known,
            Rule::FailuresInARow => finding.verdict == health::Verdict::Warning,
            _ => false,
        };
        if !said {
            found.push((of_health(finding.verdict), finding.reason.clone()));
        }
    }
    if let Some(cause) = view.recent.as_ref().and_then(|recent| recent.last.as_ref()).and_then(Last::cause) {
        found.push((Verdict::Warning, cause));
        advice.push(format!("{} lists the runs.", command("runs --view", registered)));
    }
    found.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    advice.dedup();
    let worst = found.first().map_or(Verdict::Good, |(verdict, _)| *verdict);
    let reasons: Vec<String> = found.into_iter().map(|(_, reason)| reason).collect();
    let finding = format!("{}: {}", registered.id, reasons.join("; "));
    let check = Check::new(ID, TITLE, worst, finding).advise(advice.join(" "));
    Check { view: Some(registered.id.to_string()), ..check }
}

/// How bad it is for a view that is refreshed, and what helps; `None` for what is only good to know.
fn judged(warning: &Warning, view: &View, registered: &Registered) -> Option<(Verdict, Option<String>)> {
    let again = || {
        let add = view.register_again()?;
        Some(if registered.by_migration {
            format!("Register it again: {add}.")
        } else {
            format!("Register it again: {add}; or: {}.", command("views remove", registered))
        })
    };
    match warning.kind {
        "gone" => {
            Some((Verdict::Bad, Some(format!("If that is as it should be: {}.", command("views remove", registered)))))
        }
        "renamed" | "owner_changed" => Some((Verdict::Bad, again())),
        "no_select" | "no_execute" | "row_security" => {
            Some((Verdict::Bad, Some(format!("{} has the details.", command("views show", registered)))))
        }
        "not_populated" => Some((Verdict::Warning, Some(format!("Refresh it: {}.", command("refresh", registered))))),
        "not_concurrently" if registered.blocking => None,
        "not_concurrently" => {
            let advice = format!(
                "Create a unique index on columns that tell its rows apart, or let its readers wait: {} blocking=on.",
                command("views set", registered)
            );
            Some((Verdict::Bad, Some(advice)))
        }
        _ => None,
    }
}

fn of_health(verdict: health::Verdict) -> Verdict {
    match verdict {
        health::Verdict::Healthy => Verdict::Good,
        health::Verdict::Warning => Verdict::Warning,
        health::Verdict::Critical => Verdict::Bad,
        health::Verdict::Unknown => Verdict::Unknown,
    }
}

fn command(words: &str, registered: &Registered) -> String {
    names::command(words, registered.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::ViewId,
        health::Finding,
        job::JobState,
        views::{Managed, Relation, UniqueIndex, names::ViewName},
    };

    fn registered(name: &str) -> Registered {
        let name_of = ViewName { sql: name.into(), schema: "public".into(), name: name.into() };
        Registered {
            id: ViewId::new(name),
            name: name_of,
            oid: Some(1),
            owner: None,
            lock_timeout: std::time::Duration::from_secs(5),
            keep_log: std::time::Duration::from_hours(24),
            time_zone: "UTC".into(),
            settings: std::collections::BTreeMap::new(),
            blocking: false,
            by_migration: false,
            schedule: None,
            limits: crate::views::OwnLimits::default(),
        }
    }

    fn view(registered: &Registered) -> View {
        let index = UniqueIndex {
            name: "key".into(),
            valid: true,
            ready: true,
            immediate: true,
            partial: false,
            expressions: false,
        };
        let relation = Relation {
            oid: 1,
            owner: "shop".into(),
            populated: true,
            rows: None,
            size: None,
            unique_indexes: vec![index],
            reads: 0,
            reads_views: Vec::new(),
        };
        View {
            name: registered.name.clone(),
            relation: Some(relation),
            managed: Managed::Yes(Box::new(registered.clone())),
            stats: None,
            recent: None,
            job: JobState::Unscheduled,
        }
    }

    #[test]
    fn views_without_a_problem_are_one_line() {
        let good = |name| {
            let registered = registered(name);
            check(&view(&registered), &registered, None, None)
        };
        let critical = Finding { rule: Rule::NoRefresh, verdict: health::Verdict::Critical, reason: "none".into() };
        let health = Health { verdict: health::Verdict::Critical, findings: vec![critical], ..Health::unknown("") };
        let late = registered("late");
        let found = checks(vec![good("a"), check(&view(&late), &late, Some(&health), None), good("b")]);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].verdict, &*found[0].finding), (Verdict::Bad, "late: none"));
        assert!(found[1].finding.starts_with("2 other managed views have no problem that is known."));
        assert!(checks(vec![good("a")])[0].finding.starts_with("a has no problem that is known."));
        assert_eq!(checks(Vec::new()), []);
    }

    #[test]
    fn a_lost_index_is_a_problem_unless_readers_may_wait() {
        let mut sales = registered("it's \"Sales\"");
        let without = |registered: &Registered| {
            let mut view = view(registered);
            view.relation.iter_mut().for_each(|relation| relation.unique_indexes.clear());
            check(&view, registered, None, Some(&Catalog::default()))
        };
        let lost = without(&sales);
        assert_eq!(lost.verdict, Verdict::Bad);
        assert!(lost.advice.contains(r#"refreshtop views set 'it'\''s "Sales"' blocking=on"#), "{}", lost.advice);
        sales.blocking = true;
        assert_eq!(without(&sales).verdict, Verdict::Good);
    }
}
