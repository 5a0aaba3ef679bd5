//! Which sessions block others on the view and on what it reads.

use super::{Check, Detail, Fix, FixAction, Limits, Table, Verdict, fix::Backend, span};
use serde::Deserialize;

/// A session that blocks others, or waits. Its texts are the server's, cut but not cleaned.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ChainSession {
    /// Its process; 0 for a prepared transaction.
    pub pid: i32,
    /// Who.
    pub user: Option<String>,
    /// `application_name`, up to 100 characters; the name of a prepared transaction.
    pub application: Option<String>,
    /// Its address; `None` for a local socket.
    pub client: Option<String>,
    /// `active`, `idle in transaction`, …; `prepared`; `None` if it can't be seen.
    pub state: Option<String>,
    /// Kind of process, e.g. `client backend`, `autovacuum worker`.
    pub kind: Option<String>,
    /// When it began, exactly as the server writes it.
    pub backend_start: Option<String>,
    /// Age of its transaction, seconds.
    pub xact_age_s: Option<f64>,
    /// For how long it has been in its state, seconds.
    pub state_age_s: Option<f64>,
    /// Since when its query runs, seconds.
    pub query_age_s: Option<f64>,
    /// What it waits for, e.g. `Lock: relation`.
    pub wait: Option<String>,
    /// Start of its query, up to 300 characters.
    pub query: Option<String>,
    /// The processes that it waits for; 0 is a prepared transaction.
    pub blocked_by: Vec<i32>,
    /// Locks on the view and on what it reads, e.g. `public.accounts AccessExclusiveLock`; with `(waits)` if it waits
    /// for that lock.
    pub locks: Vec<String>,
    /// Everybody waits for it, and it for nobody.
    #[serde(default)]
    pub root: bool,
}

/// The locks' part of the facts.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Facts {
    pub database: String,
    pub sees_sessions: bool,
    /// Everybody in a chain.
    pub chain: Vec<ChainSession>,
    /// Sessions that are idle in a transaction with locks on the view or what it reads.
    pub idle: Vec<ChainSession>,
    /// Prepared transactions with such locks, or with an advisory lock.
    #[serde(default)]
    pub prepared: Vec<ChainSession>,
}

/// The two fixes that end a session; none if its start can't be seen, since process numbers are reused.
pub(super) fn end(session: &ChainSession, database: &str) -> Vec<Fix> {
    if session.state.as_deref() == Some("prepared") {
        let Some(name) = &session.application else { return Vec::new() };
        return vec![Fix::new(FixAction::RollbackPrepared { gid: name.clone() }, database)];
    }
    let Some(start) = &session.backend_start else { return Vec::new() };
    let backend = Backend { pid: session.pid, started_at: start.clone() };
    let mut fixes = Vec::new();
    // A session that is idle in a transaction has nothing to cancel.
    if session.state.as_deref() == Some("active") || session.kind.as_deref() == Some("autovacuum worker") {
        fixes.push(Fix::new(FixAction::CancelBackend(backend.clone()), database));
    }
    fixes.push(Fix::new(FixAction::TerminateBackend(backend), database));
    fixes
}

fn who(session: &ChainSession) -> String {
    let name = session.application.as_deref().filter(|name| !name.is_empty());
    let user = session.user.as_deref().unwrap_or("unknown");
    if session.pid == 0 {
        return format!("prepared transaction {} of {user}", name.unwrap_or_default());
    }
    format!("session {} ({user}, {})", session.pid, name.unwrap_or("no application name"))
}

/// Whether it has had an exclusive lock for longer than a short change of the table takes.
fn alone(session: &ChainSession, limits: &Limits) -> bool {
    // With `(waits)` behind it the lock is not held.
    let held = session.locks.iter().any(|lock| lock.ends_with(" AccessExclusiveLock"));
    held && session.blocked_by.is_empty() && session.xact_age_s.is_none_or(|age| age >= limits.alone_s)
}

/// Nobody waits, but a session with an exclusive lock will block the next refresh.
fn in_the_way(facts: &Facts, mut chain: Vec<ChainSession>, limits: &Limits) -> Check {
    let new = |verdict, finding: String| Check::new("blocking", "Blocked sessions", verdict, finding);
    chain.retain(|session| alone(session, limits));
    chain.sort_by(|a, b| b.xact_age_s.unwrap_or(f64::MAX).total_cmp(&a.xact_age_s.unwrap_or(f64::MAX)));
    for session in &mut chain {
        session.root = true;
    }
    let Some(first) = chain.first() else {
        let finding = format!(
            "Nobody waits for a lock on the view or on what it reads, and nobody has held one of them exclusively for more \
             than {}.",
            span(limits.alone_s)
        );
        return new(Verdict::Good, finding);
    };
    let age = first.xact_age_s.map(|age| format!(", in a transaction {} old", span(age))).unwrap_or_default();
    let relation = first.locks.iter().find_map(|lock| lock.strip_suffix(" AccessExclusiveLock")).unwrap_or_default();
    let finding = format!(
        "Nobody waits now, but {} has {relation} to itself{age}: the next refresh will wait for it, and fail.",
        who(first)
    );
    let fixes: Vec<Fix> = chain.iter().take(3).flat_map(|session| end(session, &facts.database)).collect();
    let mut check = new(Verdict::Bad, finding).advise(advice(&fixes)).detail(Detail::Chain(chain));
    check.fixes = fixes;
    check
}

fn advice(fixes: &[Fix]) -> &'static str {
    if fixes.is_empty() {
        "The blocking session can't be seen well enough to end it safely: GRANT pg_read_all_stats and pg_signal_backend to this role, or run this as a superuser."
    } else {
        "Ask its owner to commit or roll back; otherwise end the root: its transaction is rolled back, and the others go on."
    }
}

/// Which sessions block others right now.
pub fn blocking(facts: &Facts, limits: &Limits) -> Check {
    let new = |verdict, finding: String| Check::new("blocking", "Blocked sessions", verdict, finding);
    let mut chain = facts.chain.clone();
    let waited_for: Vec<i32> = chain.iter().flat_map(|session| session.blocked_by.clone()).collect();
    for session in &mut chain {
        session.root = session.blocked_by.is_empty() && waited_for.contains(&session.pid);
    }
    let waiting = chain.iter().filter(|session| !session.blocked_by.is_empty()).count();
    if waiting == 0 {
        return in_the_way(facts, chain, limits);
    }
    chain.sort_by_key(|session| (!session.root, session.blocked_by.len(), session.pid));
    let roots: Vec<&ChainSession> = chain.iter().filter(|session| session.root).collect();
    let Some(first) = roots.first() else {
        let finding =
            format!("{waiting} sessions wait for each other; PostgreSQL ends one of them within deadlock_timeout.");
        return new(Verdict::Warning, finding).advise("Look again in a few seconds.").detail(Detail::Chain(chain));
    };
    let state = first.state.as_deref().unwrap_or("in a state that can't be seen");
    let age = first.xact_age_s.map(|age| format!(", transaction {} old", span(age))).unwrap_or_default();
    let more = if roots.len() > 1 { format!(", and {} more", roots.len() - 1) } else { String::new() };
    let finding = format!("{waiting} waiting behind {} ({state}{age}){more}.", who(first));
    let fixes: Vec<Fix> = roots.iter().take(3).flat_map(|root| end(root, &facts.database)).collect();
    let mut check = new(Verdict::Bad, finding).advise(advice(&fixes)).detail(Detail::Chain(chain));
    check.fixes = fixes;
    check
}

/// Sessions that are idle with locks.
pub fn idle(facts: &Facts, limits: &Limits) -> Check {
    let new = |verdict, finding: String| Check::new("idle-in-transaction", "Idle in a transaction", verdict, finding);
    let age = |session: &ChainSession| session.state_age_s.unwrap_or(0.0);
    let mut long: Vec<&ChainSession> =
        facts.idle.iter().chain(&facts.prepared).filter(|one| age(one) >= limits.idle_in_transaction_s).collect();
    long.sort_by(|a, b| age(b).total_cmp(&age(a)));
    let Some(first) = long.first() else {
        return if facts.sees_sessions {
            new(
                Verdict::Good,
                format!(
                    "No session with locks on the view, or on what it reads, has been idle in a transaction for more than {}.",
                    span(limits.idle_in_transaction_s)
                ),
            )
        } else {
            new(
                Verdict::Unknown,
                "Whether sessions of other roles are idle in a transaction can't be seen by this role.".into(),
            )
            .advise("GRANT pg_read_all_stats to this role, or ask as a superuser.")
        };
    };
    let (who, age_of_first) = (who(first), span(age(first)));
    let finding = if first.pid != 0 {
        format!("{who} has been idle in a transaction for {age_of_first} with locks on what the view reads.")
    } else if first.locks == ["advisory lock"] {
        format!("{who} has been open for {age_of_first} with an advisory lock, which a refresh may wait for.")
    } else {
        format!("{who} has been open for {age_of_first} with locks on what the view reads.")
    };
    let advice = if first.pid == 0 {
        "It survives a restart of the server, blocks sessions that need these locks, and keeps dead rows: ask its owner to commit it; otherwise roll it back."
    } else {
        "It blocks changes of these tables, and keeps dead rows; end it, and set idle_in_transaction_session_timeout for that role."
    };
    let row = |session: &&ChainSession| {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        vec![
            if session.pid == 0 { "prepared".to_owned() } else { session.pid.to_string() },
            text(&session.user),
            text(&session.application),
            span(age(session)),
            session.locks.join(", "),
        ]
    };
    let table = Table {
        columns: vec!["pid", "user", "application", "idle for", "locks"],
        rows: long.iter().map(row).collect(),
    };
    let mut check = new(Verdict::Warning, finding).advise(advice).detail(Detail::Table(table));
    check.fixes = long.iter().take(5).flat_map(|session| end(session, &facts.database)).collect();
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::FixKind;

    fn session(pid: i32, state: &str, blocked_by: &[i32]) -> ChainSession {
        let (state, start) = (Some(state.to_owned()), Some("2026-01-01T00:00:00+00:00".to_owned()));
        ChainSession { pid, state, backend_start: start, blocked_by: blocked_by.into(), ..ChainSession::default() }
    }

    fn check(chain: Vec<ChainSession>) -> Check {
        blocking(&Facts { database: "app".into(), chain, ..Facts::default() }, &Limits::default())
    }

    #[test]
    fn an_exclusive_lock_on_a_table_blocks_the_next_refresh() {
        let mut holder = session(7, "idle in transaction", &[]);
        holder.locks = vec!["public.accounts AccessExclusiveLock".into()];
        for (age, wanted) in [(Some(1.9), Verdict::Good), (Some(2.0), Verdict::Bad), (None, Verdict::Bad)] {
            holder.xact_age_s = age;
            assert_eq!(check(vec![holder.clone()]).verdict, wanted, "{age:?}");
        }
        let found = check(vec![holder.clone()]);
        assert!(
            found.finding.contains("session 7 (unknown, no application name) has public.accounts to itself"),
            "{}",
            found.finding
        );
        assert_eq!(found.fixes[0].kind(), FixKind::TerminateBackend);
        holder.locks =
            vec!["public.accounts AccessExclusiveLock (waits)".into(), "public.assets AccessShareLock".into()];
        assert_eq!(check(vec![holder]).verdict, Verdict::Good);
    }

    #[test]
    fn the_root_is_the_session_that_waits_for_nobody() {
        let found =
            check(vec![session(3, "active", &[2]), session(2, "active", &[1]), session(1, "idle in transaction", &[])]);
        assert_eq!(found.verdict, Verdict::Bad);
        let Detail::Chain(chain) = &found.detail else { panic!("{found:?}") };
        assert_eq!(chain.iter().map(|s| (s.pid, s.root)).collect::<Vec<_>>(), [(1, true), (2, false), (3, false)]);
        let kinds: Vec<FixKind> = found.fixes.iter().map(Fix::kind).collect();
        assert_eq!(kinds, [FixKind::TerminateBackend], "an idle session has nothing to cancel");
        assert!(found.fixes[0].sql().contains("pid = 1 AND backend_start = '2026-01-01T00:00:00+00:00'"));
    }

    #[test]
    fn a_circle_has_no_root_and_an_unseen_one_no_fix() {
        assert_eq!(check(vec![session(1, "active", &[2]), session(2, "active", &[1])]).verdict, Verdict::Warning);
        let mut root = session(1, "active", &[]);
        root.backend_start = None;
        let found = check(vec![root, session(2, "active", &[1])]);
        assert_eq!((found.verdict, found.fixes.len()), (Verdict::Bad, 0));
        assert_eq!(check(Vec::new()).verdict, Verdict::Good);
    }

    #[test]
    fn a_prepared_transaction_is_rolled_back_by_its_name() {
        let mut root = session(0, "prepared", &[]);
        root.application = Some("it's".into());
        assert_eq!(check(vec![root, session(2, "active", &[0])]).fixes[0].sql(), "ROLLBACK PREPARED 'it''s'");
    }

    #[test]
    fn only_long_sleep_counts() {
        let mut sleeper = session(1, "idle in transaction", &[]);
        sleeper.state_age_s = Some(59.0);
        let mut facts = Facts { sees_sessions: true, idle: vec![sleeper], ..Facts::default() };
        assert_eq!(idle(&facts, &Limits::default()).verdict, Verdict::Good);
        facts.idle[0].state_age_s = Some(60.0);
        assert_eq!(idle(&facts, &Limits::default()).verdict, Verdict::Warning);

        let mut prepared = session(0, "prepared", &[]);
        (prepared.application, prepared.state_age_s) = (Some("it's".into()), Some(7200.0));
        prepared.locks = vec!["advisory lock".into()];
        let found =
            idle(&Facts { sees_sessions: true, prepared: vec![prepared], ..Facts::default() }, &Limits::default());
        assert!(found.finding.contains("prepared transaction it's of unknown has been open for 2 h"), "{found:?}");
        assert_eq!((found.verdict, found.fixes[0].sql()), (Verdict::Warning, "ROLLBACK PREPARED 'it''s'".into()));
    }
}
