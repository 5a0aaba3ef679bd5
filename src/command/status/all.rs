//! The status of several views: one sentence, and a line for each, the worst first.

use crate::{
    command::report::{All, OfView},
    output::{Output, clean, overridden, table::Table},
};
use chrono::{DateTime, Utc};
use refreshtop_core::{
    age,
    health::{self, Verdict},
    run::RunStatus,
    views::Managed,
};

/// Views that the sentence names.
const NAMED: usize = 3;
/// For what is not known.
const UNKNOWN: &str = "-";

/// The page.
pub(super) fn text(all: &All, output: Output) -> String {
    let mut table = Table::new(&["state", "view", "data age", "limit", "last run", "success", "next run", "cause"]);
    for one in &all.managed {
        table.row(row(one, all.views.at, output));
    }
    let note = all.managed.first().and_then(|one| overridden(&one.report.limits));
    let note = note.map(|note| format!("\n{note}")).unwrap_or_default();
    format!("{}{note}\n\n{}", sentence(all), table.render(output))
}

/// How many are not healthy, and which.
fn sentence(all: &All) -> String {
    let (count, bad) = (all.managed.len(), all.unhealthy());
    let unmanaged = all.views.views.iter().filter(|view| view.managed == Managed::No).count();
    let unmanaged = match unmanaged {
        0 => String::new(),
        1 => "; 1 more view is not managed".to_owned(),
        more => format!("; {more} more views are not managed"),
    };
    if bad == 0 {
        return format!("All {count} managed views are healthy{unmanaged}.");
    }
    let unhealthy = all.managed.iter().filter(|one| one.report.health.verdict != Verdict::Healthy);
    let mut named: Vec<String> = unhealthy.take(NAMED).map(|one| clean(one.name())).collect();
    if bad > NAMED {
        named.push(format!("{} more", bad - NAMED));
    }
    let last = if named.len() > 1 { named.pop() } else { None };
    let named = named.join(", ") + &last.map(|last| format!(" and {last}")).unwrap_or_default();
    let are = if bad == 1 { "is" } else { "are" };
    format!("{bad} of {count} managed views {are} not healthy: {named}{unmanaged}.")
}

fn row(one: &OfView, now: DateTime<Utc>, output: Output) -> [String; 8] {
    let report = &one.report;
    let unknown = || UNKNOWN.to_owned();
    let ago = |at: DateTime<Utc>| health::age(at, now).map_or_else(|| "in the future".into(), age::label);
    let last = one.view.recent.as_ref().and_then(|recent| recent.last.as_ref());
    let last = match (&report.snapshot.running, last) {
        (Some(_), _) => "running".to_owned(),
        (None, None) => "never".to_owned(),
        (None, Some(last)) if last.status == RunStatus::Success => format!("{} ago", ago(last.at)),
        (None, Some(last)) => format!("{} ago, failed", ago(last.at)),
    };
    let next = report.snapshot.job.as_ref().ok().and_then(|job| job.next_run(now));
    let next = next.map(|next| format!("in {}", age::countdown((next - now).to_std().unwrap_or_default())));
    [
        output.judged(report.health.word(), report.health.verdict),
        clean(one.name()),
        report.stats.last_success_at.map_or_else(unknown, ago),
        age::label(report.limits.max_age.value),
        last,
        report.stats.success_rate.map_or_else(unknown, |rate| format!("{rate} %")),
        next.unwrap_or_else(unknown),
        clean(&one.causes().join("; ")),
    ]
}
