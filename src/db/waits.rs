//! Who keeps a session waiting for a lock.

use crate::db::session::{Result, Session};
use crate::{
    db::service::{ask, text},
    model::diagnosis::span,
};

/// A session that holds what another one waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocker {
    /// Its backend process; 0 for a prepared transaction.
    pub pid: i32,
    /// Its role, where that may be seen, like all that follows.
    pub role: Option<String>,
    /// Its database, where that is another one: roles are the cluster's, and a migration there holds them, too.
    pub elsewhere: Option<String>,
    /// What it calls itself.
    pub application: Option<String>,
    /// What it is doing.
    pub state: Option<String>,
    /// Age of its transaction, seconds.
    pub transaction_s: Option<f64>,
}

/// Who is in the way of the sessions `pids`; nobody where none of them waits for a lock.
///
/// # Errors
/// Only the connection's: any role may ask.
pub async fn blockers(session: &mut Session, pids: &[i32]) -> Result<Vec<Blocker>> {
    let pids = pids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT DISTINCT b.pid, a.usename::text AS role, a.application_name, a.state,
                NULLIF(a.datname, pg_catalog.current_database())::text AS elsewhere,
                pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) a.xact_start) AS seconds
         FROM pg_catalog.unnest(ARRAY[{pids}]::pg_catalog.int4[]) AS w(pid)
         CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS b(pid)
         LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid OPERATOR(pg_catalog.=) b.pid
         ORDER BY 1"
    );
    let rows = ask(session, &sql).await?;
    rows.iter()
        .map(|row| {
            let some = |name: &str| text(row, name).map(|text| text.filter(|text| !text.is_empty()));
            Ok(Blocker {
                pid: row.try_get("pid")?,
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
        if self.pid == 0 {
            return f.write_str("a prepared transaction");
        }
        write!(f, "session {}", self.pid)?;
        if let Some(role) = &self.role {
            write!(f, " of role {role}")?;
        }
        if let Some(database) = &self.elsewhere {
            write!(f, " in database {database}")?;
        }
        let facts: Vec<String> = [
            self.application.clone(),
            self.state.clone(),
            self.transaction_s.map(|seconds| format!("transaction open for {}", span(seconds))),
        ]
        .into_iter()
        .flatten()
        .collect();
        if facts.is_empty() { Ok(()) } else { write!(f, " ({})", facts.join(", ")) }
    }
}

/// All of them in one phrase.
#[must_use]
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
            role: Some("app".into()),
            elsewhere: None,
            application: Some("psql".into()),
            state: Some("idle in transaction".into()),
            transaction_s: Some(125.0),
        };
        let said = "session 4711 of role app (psql, idle in transaction, transaction open for 2 min)";
        assert_eq!(blocker.to_string(), said);
        let elsewhere = Blocker { elsewhere: Some("other".into()), ..blocker.clone() };
        assert!(elsewhere.to_string().starts_with("session 4711 of role app in database other (psql"));
        let hidden = Blocker { role: None, application: None, state: None, transaction_s: None, ..blocker.clone() };
        let prepared = Blocker { pid: 0, ..hidden.clone() };
        assert_eq!(listed(&[hidden, prepared]), "session 4711 and a prepared transaction");
    }
}
