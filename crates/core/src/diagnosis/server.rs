//! Migrations, the notifications' queue, connections, replication, and who reads the log.

use super::{Check, Detail, Fix, FixAction, Limits, Table, Verdict, bytes, span, sql::advised};
use serde::Deserialize;

/// The state of the server.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Facts {
    pub database: String,
    pub standby: bool,
    /// Share of the notifications' queue that is full, 0 to 1; `None` on a standby.
    pub queue: Option<f64>,
    pub connections: i64,
    pub max_connections: i64,
    pub reserved: i64,
    /// Connections of each role, most first.
    pub by_role: Vec<ByRole>,
    pub slots: Vec<Slot>,
    /// Seconds since the newest transaction that a standby has replayed.
    pub replay_age_s: Option<f64>,
    /// A standby has replayed all that it has got.
    pub caught_up: Option<bool>,
    /// The log; `None` if it is missing.
    pub log: Option<LogSecurity>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct ByRole {
    pub role: Option<String>,
    pub count: i64,
}

/// A replication slot.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Slot {
    pub name: String,
    pub active: bool,
    pub status: Option<String>,
    /// Bytes of WAL that it holds back.
    pub bytes: Option<i64>,
}

/// Row security of the log.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct LogSecurity {
    pub enabled: bool,
    /// Our policy that lets super administrators read.
    pub lets_in: bool,
    /// Policies that are not ours and let others in.
    pub others: Vec<String>,
    /// Rights that every role has.
    pub public_rights: bool,
}

/// Whether every step is applied: `known` by this program, `applied` here.
pub fn migrations(known: &[i64], applied: &[i64]) -> Check {
    let new = |verdict, finding: String| Check::new("migrations", "Migrations", verdict, finding);
    let list = |steps: &[i64]| steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let missing: Vec<i64> = known.iter().copied().filter(|step| !applied.contains(step)).collect();
    let foreign: Vec<i64> = applied.iter().copied().filter(|step| !known.contains(step)).collect();
    if applied.is_empty() {
        return new(Verdict::Bad, "This database is not migrated.".into()).advise("Run: refreshtop migrate.");
    }
    if !foreign.is_empty() {
        let finding =
            format!("Steps {} were applied by another refreshtop, which this one does not know.", list(&foreign));
        return new(Verdict::Warning, finding).advise("Use that version of refreshtop, or a newer one.");
    }
    if missing.is_empty() {
        return new(Verdict::Good, format!("All {} steps are applied.", known.len()));
    }
    new(Verdict::Warning, format!("Steps {} are not applied.", list(&missing))).advise("Run: refreshtop migrate.")
}

/// The same of an installation without `platform_metrics`, which `needed` is without, too.
pub fn without_platform_metrics(needed: &[i64], applied: &[i64]) -> Check {
    let mut check = migrations(needed, applied);
    check.finding.push_str(" platform_metrics is left out: its tables are not here.");
    check
}

/// Whether notifications still find room.
pub fn queue(facts: &Facts) -> Check {
    let new = |verdict, finding: String| Check::new("notify-queue", "Queue of notifications", verdict, finding);
    let Some(queue) = facts.queue else { return new(Verdict::Good, "A standby has no queue of notifications.".into()) };
    let verdict = match queue {
        q if q >= 0.9 => Verdict::Bad,
        q if q >= 0.5 => Verdict::Warning,
        _ => Verdict::Good,
    };
    let check = new(verdict, format!("{:.1} % of the notifications' queue is in use.", queue * 100.0));
    if verdict == Verdict::Good {
        return check;
    }
    check.advise("A session that listens sits in a long transaction: find it among those idle in a transaction, and end it; when the queue is full, every commit that notifies fails.")
}

/// Whether there is room for more sessions.
#[expect(clippy::cast_precision_loss, reason = "connections are few")]
pub fn connections(facts: &Facts, limits: &Limits) -> Check {
    let new = |verdict, finding: String| Check::new("connections", "Connections", verdict, finding);
    let usable = (facts.max_connections - facts.reserved).max(1);
    let share = facts.connections as f64 / usable as f64;
    let verdict = match share {
        s if s >= 0.95_f64.max(limits.connections) => Verdict::Bad,
        s if s >= limits.connections => Verdict::Warning,
        _ => Verdict::Good,
    };
    let finding = format!(
        "{} of {usable} connections are in use ({} more are reserved for superusers).",
        facts.connections, facts.reserved
    );
    let row = |by: &ByRole| vec![by.role.clone().unwrap_or_else(|| "(server)".into()), by.count.to_string()];
    let table = Table { columns: vec!["role", "sessions"], rows: facts.by_role.iter().map(row).collect() };
    let check = new(verdict, finding).detail(Detail::Table(table));
    if verdict == Verdict::Good {
        return check;
    }
    check.advise("Find who holds most of them; put a pooler in front, or raise max_connections and restart: without a free one, pg_cron's jobs fail as well.")
}

/// Whether replication holds something back, or lags.
pub fn replication(facts: &Facts, limits: &Limits) -> Check {
    let new = |verdict, finding: String| Check::new("replication", "Replication", verdict, finding);
    let row = |slot: &Slot| {
        let state = if slot.active { "active" } else { "inactive" };
        vec![
            slot.name.clone(),
            state.into(),
            slot.status.clone().unwrap_or_default(),
            slot.bytes.map(bytes).unwrap_or_default(),
        ]
    };
    let detail = match facts.slots.len() {
        0 => Detail::None,
        _ => Detail::Table(Table {
            columns: vec!["slot", "state", "WAL", "holds back"],
            rows: facts.slots.iter().map(row).collect(),
        }),
    };
    let is_bad = |slot: &&Slot| {
        slot.bytes.is_some_and(|held| held > limits.slot_bytes)
            || matches!(slot.status.as_deref(), Some("lost" | "unreserved"))
    };
    if let Some(slot) = facts.slots.iter().find(is_bad) {
        let held = slot.bytes.map_or_else(|| "an unknown amount".into(), bytes);
        let finding = format!(
            "Replication slot {} holds back {held} of WAL ({}).",
            slot.name,
            slot.status.as_deref().unwrap_or("unknown")
        );
        return new(Verdict::Bad, finding)
            .advise(format!("Let its reader catch up; if there is none any more: {}.", advised::DROP_SLOT))
            .detail(detail);
    }
    if let Some(slot) = facts.slots.iter().find(|slot| !slot.active) {
        let finding = format!("Nobody reads replication slot {}, which keeps WAL and dead rows.", slot.name);
        return new(Verdict::Warning, finding).advise("Start its reader, or drop the slot.").detail(detail);
    }
    if !facts.standby {
        let finding = format!("This is a primary with {} replication slots in use.", facts.slots.len());
        return new(Verdict::Good, finding).detail(detail);
    }
    match facts.replay_age_s {
        Some(age) if age > limits.replay_lag_s && facts.caught_up != Some(true) => {
            new(Verdict::Warning, format!("This standby is {} behind its primary.", span(age)))
                .advise("What is shown is that old; look at the primary, or at the network between them.")
        }
        _ => new(Verdict::Good, "This is a standby, and it follows: refresh and fix on its primary.".into()),
    }
    .detail(detail)
}

/// Whether only super administrators read the log.
pub fn row_security(facts: &Facts) -> Check {
    let new = |verdict, finding: &str| Check::new("row-security", "Who reads the log", verdict, finding);
    let Some(log) = &facts.log else {
        return new(Verdict::Bad, "Table public.metrics_refresh_log is missing.").advise("Run: refreshtop migrate.");
    };
    if !log.enabled {
        return new(Verdict::Bad, "Row security of the log is off, so whoever has SELECT on it reads every error.")
            .advise("Turn it on; that waits for sessions that are reading the log.")
            .fix(Fix::new(FixAction::EnableRowSecurity, &facts.database));
    }
    if !log.lets_in {
        return new(Verdict::Bad, "The policy of the log is missing that lets super administrators read it.")
            .advise("Run: refreshtop migrate, which puts it back.");
    }
    if let Some(first) = log.others.first() {
        let finding = format!("Policy {first} of the log, which is not refreshtop's, lets others read it.");
        return new(Verdict::Warning, &finding)
            .advise(format!("Check what it is for: {}.", advised::drop_log_policy(first)));
    }
    if log.public_rights {
        return new(Verdict::Warning, "Every role has rights on the log; row security alone keeps them out.")
            .advise(format!("{}.", advised::REVOKE_LOG));
    }
    new(Verdict::Good, "Row security is on: only super administrators read the log.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_compared() {
        assert_eq!(migrations(&[1, 2], &[1, 2]).verdict, Verdict::Good);
        assert_eq!(migrations(&[1, 2], &[1]).verdict, Verdict::Warning);
        assert_eq!(migrations(&[1, 2], &[]).verdict, Verdict::Bad);
        assert_eq!(migrations(&[1], &[1, 2]).verdict, Verdict::Warning);
    }

    #[test]
    fn a_queue_fills_up() {
        let verdict = |full: Option<f64>| queue(&Facts { queue: full, ..Facts::default() }).verdict;
        assert_eq!(
            [None, Some(0.4), Some(0.5), Some(0.9)].map(verdict),
            [Verdict::Good, Verdict::Good, Verdict::Warning, Verdict::Bad]
        );
    }

    #[test]
    fn connections_run_out() {
        let verdict = |connections| {
            let facts = Facts { connections, max_connections: 103, reserved: 3, ..Facts::default() };
            super::connections(&facts, &Limits::default()).verdict
        };
        assert_eq!([79, 80, 94, 95].map(verdict), [Verdict::Good, Verdict::Warning, Verdict::Warning, Verdict::Bad]);
    }

    #[test]
    fn slots_and_lag_count() {
        let verdict = |facts: Facts| replication(&facts, &Limits::default()).verdict;
        let slot = |active, held: i64, status: &str| Slot {
            name: "s".into(),
            active,
            status: Some(status.into()),
            bytes: Some(held),
        };
        let with = |slot| verdict(Facts { slots: vec![slot], ..Facts::default() });
        assert_eq!(with(slot(true, 1, "reserved")), Verdict::Good);
        assert_eq!(with(slot(false, 1, "reserved")), Verdict::Warning);
        assert_eq!(with(slot(true, 1, "lost")), Verdict::Bad);
        assert_eq!(with(slot(true, (10 << 30) + 1, "extended")), Verdict::Bad);
        let standby = |age, caught_up| {
            verdict(Facts { standby: true, replay_age_s: Some(age), caught_up: Some(caught_up), ..Facts::default() })
        };
        assert_eq!(
            [standby(61.0, false), standby(61.0, true), standby(1.0, false)],
            [Verdict::Warning, Verdict::Good, Verdict::Good]
        );
    }

    #[test]
    fn the_log_is_for_super_administrators() {
        let good = LogSecurity { enabled: true, lets_in: true, others: Vec::new(), public_rights: false };
        let verdict = |log| row_security(&Facts { log, ..Facts::default() }).verdict;
        assert_eq!(verdict(Some(good.clone())), Verdict::Good);
        assert_eq!(verdict(Some(LogSecurity { enabled: false, ..good.clone() })), Verdict::Bad);
        assert_eq!(verdict(Some(LogSecurity { lets_in: false, ..good.clone() })), Verdict::Bad);
        assert_eq!(verdict(Some(LogSecurity { others: vec!["p".into()], ..good.clone() })), Verdict::Warning);
        assert_eq!(verdict(Some(LogSecurity { public_rights: true, ..good })), Verdict::Warning);
        assert_eq!(verdict(None), Verdict::Bad);
    }
}
