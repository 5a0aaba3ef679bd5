//! The state of a view in a word and a sentence: the same on the screen, in `status` and in `check`.

use super::{Facts, Health, Now, Rule, Verdict, age};
use crate::{age as label, range::Figure, views::Last};
use chrono::{DateTime, Utc};

impl Health {
    /// The word for the state: that of now, or the verdict's if all is well now and the budget is not.
    pub fn word(&self) -> &'static str {
        match (self.now, self.verdict) {
            (Now::Healthy | Now::Refreshing, Verdict::Healthy) => "healthy",
            (Now::Healthy | Now::Refreshing, Verdict::Warning) => "warning",
            (Now::Healthy | Now::Refreshing, Verdict::Critical) => "critical",
            (now, _) => now.word(),
        }
    }

    /// Why it is in that state, as of the server's time `now`: one line, without what blocks it at this moment. Its texts
    /// can be the server's and untrusted.
    pub fn sentence(&self, facts: &Facts<'_>, now: DateTime<Utc>) -> String {
        let reason = |rule| self.finding(rule).map(|finding| finding.reason.clone());
        let first = || self.findings.first().map(|finding| finding.reason.clone());
        let sentence = match self.now {
            Now::Paused | Now::Stopped => facts.obstacle.map(|obstacle| obstacle.reason.clone()),
            Now::Failing { in_a_row, since } => Some(failing(in_a_row, since, facts, now)),
            Now::Stale => reason(Rule::NoRefresh).or_else(|| reason(Rule::Freshness)),
            Now::Recovered { in_a_row, since } => Some(self.recovered(in_a_row, since, facts, now)),
            Now::Unknown | Now::Healthy | Now::Refreshing => first(),
        };
        sentence.unwrap_or_else(|| refreshed(facts, now))
    }

    /// The word and the sentence in one.
    pub fn headline(&self, facts: &Facts<'_>, now: DateTime<Utc>) -> String {
        let (word, sentence) = (self.word(), self.sentence(facts, now));
        match sentence.strip_prefix(word) {
            Some(rest) => word.to_uppercase() + rest,
            None => format!("{}: {sentence}", word.to_uppercase()),
        }
    }

    fn recovered(&self, in_a_row: u32, since: DateTime<Utc>, facts: &Facts<'_>, now: DateTime<Utc>) -> String {
        let today = since.date_naive() == now.date_naive();
        let at = since.format(if today { "%H:%M" } else { "%m-%d %H:%M" });
        format!("recovered {at} UTC, {in_a_row} in a row{}", self.budget_left(facts))
    }

    /// The budget of failures, for the end of a sentence.
    fn budget_left(&self, facts: &Facts<'_>) -> String {
        let Some(left) = self.budget.failures_left else { return String::new() };
        // From the counts, as the finding beside it.
        let rate = super::measure(Figure::Rate, facts.stats, DateTime::default());
        let rate = rate.map(|rate| format!("{} %, ", super::floor_one_decimal(rate)));
        let failures = if left == 1 { "failure" } else { "failures" };
        format!("; budget {}{left} {failures} left", rate.unwrap_or_default())
    }
}

/// What failed, for how long.
fn failing(in_a_row: u32, since: Option<DateTime<Utc>>, facts: &Facts<'_>, now: DateTime<Utc>) -> String {
    let times = if in_a_row > 1 { format!(", {in_a_row} in a row") } else { String::new() };
    let since = since.and_then(|since| age(since, now)).map(|age| format!("failing for {}", label::coarse(age)));
    let cause = facts.recent.and_then(|recent| recent.last.as_ref()).and_then(cause);
    let since = since.unwrap_or_else(|| "failing".into());
    cause.map_or_else(|| format!("{since}{times}"), |cause| format!("{since}{times}: {cause}"))
}

/// Why the last attempt failed.
fn cause(last: &Last) -> Option<String> {
    let blocker = last.blocker.as_ref().map(|blocker| {
        let name = blocker.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        format!("blocked by {name}pid {}", blocker.pid)
    });
    let error = [last.sqlstate.clone(), last.error.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    match (blocker, &last.sqlstate) {
        (Some(blocker), Some(state)) => Some(format!("{state}, {blocker}")),
        (Some(blocker), None) => Some(blocker),
        (None, _) => Some(error).filter(|error| !error.is_empty()),
    }
}

fn refreshed(facts: &Facts<'_>, now: DateTime<Utc>) -> String {
    let ago = facts.stats.last_success_at.and_then(|at| age(at, now));
    ago.map_or_else(|| "all checks pass".into(), |ago| format!("all checks pass, refreshed {} ago", label::coarse(ago)))
}

#[cfg(test)]
mod tests {
    use super::super::{AgeStyle, Limits, Obstacle, Thresholds};
    use crate::{
        run::RunStatus,
        stats::RefreshStats,
        views::{Last, LastBlocker, Recent},
    };
    use chrono::{DateTime, TimeDelta, Utc};

    fn now() -> DateTime<Utc> {
        "2026-01-02T23:57:08Z".parse().unwrap()
    }

    fn said(failed: u64, age: i64, recent: &Recent, obstacle: Option<&Obstacle>) -> String {
        let stats = RefreshStats {
            total: 290,
            successful: 290 - failed,
            failed,
            #[expect(clippy::cast_precision_loss, reason = "small")]
            success_rate: Some((290 - failed) as f64 / 2.9),
            last_success_at: Some(now() - TimeDelta::seconds(age)),
            ..RefreshStats::default()
        };
        let facts = super::Facts { recent: Some(recent), obstacle, ..super::Facts::of(&stats) };
        let health = Limits::from(&Thresholds::default()).judge(&facts, now(), AgeStyle::Coarse);
        health.headline(&facts, now())
    }

    fn recent(status: RunStatus, streak: u32, seconds: i64) -> Recent {
        let failed = status == RunStatus::Error;
        Recent {
            last: Some(Last {
                at: now(),
                status,
                sqlstate: failed.then(|| "55P03".into()),
                error: failed.then(|| "canceling statement due to lock timeout".into()),
                blocker: failed.then(|| LastBlocker { pid: 8782, name: Some("rails-console".into()) }),
            }),
            streak,
            streak_since: Some(now() - TimeDelta::seconds(seconds)),
            ..Recent::default()
        }
    }

    #[test]
    fn each_state_has_its_sentence() {
        let fine = recent(RunStatus::Success, 200, 60_000);
        assert_eq!(said(0, 130, &fine, None), "HEALTHY: all checks pass, refreshed 2m ago");
        assert_eq!(
            said(3, 500, &recent(RunStatus::Error, 3, 730), None),
            "FAILING for 12m, 3 in a row: 55P03, blocked by rails-console, pid 8782"
        );
        let mut without_blocker = recent(RunStatus::Error, 1, 730);
        without_blocker.last.as_mut().unwrap().blocker = None;
        assert_eq!(
            said(1, 500, &without_blocker, None),
            "FAILING for 12m: 55P03 canceling statement due to lock timeout"
        );
        assert_eq!(
            said(16, 10, &recent(RunStatus::Success, 12, 1_028), None),
            "RECOVERED 23:40 UTC, 12 in a row; budget 94.4 %, 0 failures left"
        );
        assert_eq!(said(0, 700, &fine, None), "STALE: last successful refresh 11m ago, more than 10m");
        assert_eq!(said(0, 10, &fine, Some(&Obstacle::paused())), "PAUSED: its job is paused: refreshtop job resume");
        assert_eq!(said(16, 10, &fine, None), "RECOVERED 07:17 UTC, 200 in a row; budget 94.4 %, 0 failures left");
    }
}
