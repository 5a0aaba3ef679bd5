//! Who keeps a session waiting for a lock.

use crate::{error::Result, parameter::Parameter, quote::literal, row::text, session::Session};
use refreshtop_core::diagnosis::span;

/// A session, or a prepared transaction, that holds what another session waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocker {
    /// Its backend process; 0 for a prepared transaction, which has none.
    pub pid: i32,
    /// The name of a prepared transaction, which is needed to end it.
    pub gid: Option<String>,
    /// Its role, if that may be seen, like all that follows.
    pub role: Option<String>,
    /// Its database, if that is another one: roles are the cluster's, and a migration there holds them, too.
    pub elsewhere: Option<String>,
    /// Its `application_name`.
    pub application: Option<String>,
    /// What it is doing.
    pub state: Option<String>,
    /// Age of its transaction, seconds.
    pub transaction_s: Option<f64>,
}

/// The sessions that block the sessions `pids`; none if none of them waits for a lock.
pub async fn blockers(session: &mut Session, pids: &[i32]) -> Result<Vec<Blocker>> {
    // A prepared transaction is 0 there, whichever it is. Which one shows in its locks: of the same thing, in a mode that
    // does not go with the one that is waited for.
    let sql = "WITH blocker AS (
             SELECT DISTINCT b.pid
             FROM unnest($1) AS w(pid) CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b(pid)
         ), lock AS MATERIALIZED (
             SELECT * FROM pg_locks WHERE EXISTS (SELECT FROM blocker WHERE blocker.pid = 0)
         ), mode (name, number, conflicts) AS (
             VALUES ('AccessShareLock', '1', '8'), ('RowShareLock', '2', '78'), ('RowExclusiveLock', '3', '5678'),
                    ('ShareUpdateExclusiveLock', '4', '45678'), ('ShareLock', '5', '34678'),
                    ('ShareRowExclusiveLock', '6', '345678'), ('ExclusiveLock', '7', '2345678'),
                    ('AccessExclusiveLock', '8', '12345678')
         ), prepared AS (
             SELECT DISTINCT p.gid, p.owner, p.database, p.prepared
             FROM lock w
             JOIN lock h ON h.pid IS NULL AND h.granted AND h.locktype = w.locktype
                        AND (h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
                            IS NOT DISTINCT FROM
                            (w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
             JOIN mode wanted ON wanted.name = w.mode
             JOIN mode held ON held.name = h.mode AND strpos(wanted.conflicts, held.number) > 0
             JOIN lock own ON own.locktype = 'transactionid' AND own.pid IS NULL AND own.virtualtransaction = h.virtualtransaction
             JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
             WHERE w.pid = ANY ($1) AND NOT w.granted
         )
         SELECT b.pid, NULL AS gid, a.usename::text AS role, a.application_name, a.state,
                nullif(a.datname, current_database())::text AS elsewhere,
                date_part('epoch', clock_timestamp() - a.xact_start) AS seconds
         FROM blocker b LEFT JOIN pg_stat_activity a ON a.pid = b.pid
         -- One that was prepared a moment ago, or is gone since, has no name here.
         WHERE b.pid <> 0 OR NOT EXISTS (SELECT FROM prepared)
         UNION ALL
         SELECT 0, p.gid, p.owner::text, NULL, NULL, nullif(p.database, current_database())::text,
                date_part('epoch', clock_timestamp() - p.prepared)
         FROM prepared p
         ORDER BY 1, 2";
    let rows = session.ask(sql, &[Parameter::Integers(pids)]).await?;
    rows.iter()
        .map(|row| {
            let some = |name: &str| text(row, name).map(|text| text.filter(|text| !text.is_empty()));
            Ok(Blocker {
                pid: row.try_get("pid")?,
                gid: some("gid")?,
                role: some("role")?,
                elsewhere: some("elsewhere")?,
                application: some("application_name")?,
                state: some("state")?,
                transaction_s: row.try_get("seconds")?,
            })
        })
        .collect()
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.gid {
            Some(gid) => write!(f, "prepared transaction {}", literal(gid))?,
            None if self.pid == 0 => f.write_str("a prepared transaction")?,
            None => write!(f, "session {}", self.pid)?,
        }
        if let Some(role) = &self.role {
            write!(f, " of role {role}")?;
        }
        if let Some(database) = &self.elsewhere {
            write!(f, " in database {database}")?;
        }
        let age = if self.pid == 0 { "open for" } else { "transaction open for" };
        let ended = self.gid.as_ref().map(|gid| {
            let there = if self.elsewhere.is_some() { ", run there," } else { "" };
            format!("ROLLBACK PREPARED {}{there} ends it", literal(gid))
        });
        let facts: Vec<String> = [
            self.application.clone(),
            self.state.clone(),
            self.transaction_s.map(|seconds| format!("{age} {}", span(seconds))),
            ended,
        ]
        .into_iter()
        .flatten()
        .collect();
        if facts.is_empty() { Ok(()) } else { write!(f, " ({})", facts.join(", ")) }
    }
}

/// All of them in one phrase.
pub fn listed(blockers: &[Blocker]) -> String {
    blockers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_by_what_may_be_seen_of_it() {
        let blocker = Blocker {
            pid: 4711,
            gid: None,
            role: Some("app".into()),
            elsewhere: None,
            application: Some("psql".into()),
            state: Some("idle in transaction".into()),
            transaction_s: Some(125.0),
        };
        let phrase = "session 4711 of role app (psql, idle in transaction, transaction open for 2 min)";
        assert_eq!(blocker.to_string(), phrase);
        let elsewhere = Blocker { elsewhere: Some("other".into()), ..blocker.clone() };
        assert!(elsewhere.to_string().starts_with("session 4711 of role app in database other (psql"));
        let hidden = Blocker { role: None, application: None, state: None, transaction_s: None, ..blocker.clone() };
        let prepared = Blocker { pid: 0, ..hidden.clone() };
        assert_eq!(listed(&[hidden, prepared]), "session 4711 and a prepared transaction");
    }

    #[test]
    fn a_prepared_transaction_is_named_with_what_ends_it() {
        let prepared = Blocker {
            pid: 0,
            gid: Some("it's".into()),
            role: Some("app".into()),
            elsewhere: None,
            application: None,
            state: None,
            transaction_s: Some(125.0),
        };
        let phrase = "prepared transaction 'it''s' of role app (open for 2 min, ROLLBACK PREPARED 'it''s' ends it)";
        assert_eq!(prepared.to_string(), phrase);
        let elsewhere = Blocker { elsewhere: Some("other".into()), ..prepared };
        assert!(elsewhere.to_string().ends_with("ROLLBACK PREPARED 'it''s', run there, ends it)"), "{elsewhere}");
    }
}
