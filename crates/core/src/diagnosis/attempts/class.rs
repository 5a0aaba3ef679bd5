//! What a SQLSTATE means for a refresh.

/// The kinds of failures that need different help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It waited too long for a lock.
    Lock,
    /// It was the victim of a deadlock.
    Deadlock,
    /// The view's own limit ended it.
    TimeLimit,
    /// `statement_timeout` of the session, its role or the database ended it.
    StatementTimeout,
    /// `transaction_timeout` (17) ended its session.
    TransactionTimeout,
    /// Somebody cancelled it.
    Cancelled,
    /// Its session ended in the middle.
    Lost,
    /// The disk is full.
    DiskFull,
    /// It wrote more temporary files than `temp_file_limit` allows.
    TempFiles,
    /// It exceeds a limit of the program.
    ProgramLimit,
    /// Memory was not enough.
    Memory,
    /// There was no connection left.
    Connections,
    /// Another limit of the server.
    Resources,
    /// A right is missing.
    Permission,
    /// Row security would hide rows.
    RowSecurity,
    /// An expression failed on the data.
    Data,
    /// A subquery gave several rows.
    SeveralRows,
    /// Two rows have the same key.
    Duplicates,
    /// Something that the query or a function names is not there.
    Missing,
    /// Another error in the code.
    Code,
    /// A function raised it.
    Raised,
    /// A conflict with another transaction.
    Conflict,
    /// No index for a concurrent refresh, or another state that is not right.
    State,
    /// Another server.
    Foreign,
    /// Data on the disk, or PostgreSQL itself.
    Corruption,
    /// Nothing special is known.
    Other,
}

impl Class {
    /// The class of a failure. Texts decide only where PostgreSQL has one SQLSTATE for several causes.
    pub fn of(sqlstate: Option<&str>, message: &str) -> Self {
        let Some(state) = sqlstate else { return Self::Lost };
        let has = |words: &str| message.to_lowercase().contains(words);
        match state {
            "55P03" => Self::Lock,
            "40P01" => Self::Deadlock,
            "57014" if has("time limit") => Self::TimeLimit,
            "57014" if has("statement timeout") => Self::StatementTimeout,
            "57014" => Self::Cancelled,
            "25P04" => Self::TransactionTimeout,
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Self::Lost,
            "53100" => Self::DiskFull,
            "53400" => Self::TempFiles,
            "53200" => Self::Memory,
            "53300" => Self::Connections,
            "42501" if has("row-level security") => Self::RowSecurity,
            "42501" => Self::Permission,
            "21000" if has("duplicate rows") => Self::Duplicates,
            "21000" => Self::SeveralRows,
            "23505" | "23P01" => Self::Duplicates,
            "42P01" | "42883" | "42703" | "42704" | "3F000" => Self::Missing,
            "40001" => Self::Conflict,
            "55000" => Self::State,
            "P0001" => Self::Raised,
            _ => match state.get(..2) {
                Some("53") => Self::Resources,
                Some("54") => Self::ProgramLimit,
                Some("22") => Self::Data,
                Some("42") => Self::Code,
                Some("40") => Self::Conflict,
                Some("P0") => Self::Raised,
                Some("08" | "HV") => Self::Foreign,
                Some("58" | "XX") => Self::Corruption,
                _ => Self::Other,
            },
        }
    }

    /// Whether the next attempt may succeed although nothing is changed.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::Lock
                | Self::Deadlock
                | Self::Cancelled
                | Self::Lost
                | Self::Conflict
                | Self::Connections
                | Self::TransactionTimeout
        )
    }

    /// What it means, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Lock => "The refresh waited for a lock longer than the view's lock_timeout.",
            Self::Deadlock => {
                "The refresh and another transaction waited for each other, and PostgreSQL ended the refresh."
            }
            Self::TimeLimit => "The refresh took longer than the view's own time_limit.",
            Self::StatementTimeout => {
                "The refresh took longer than the statement_timeout of its session, of its role or of the database, which is \
                 not the view's own time_limit."
            }
            Self::TransactionTimeout => {
                "The transaction took longer than transaction_timeout, which ends the whole session."
            }
            Self::Cancelled => {
                "Somebody cancelled the refresh (pg_cancel_backend, c in the monitor), or a statement_timeout did whose \
                 message is in another language."
            }
            Self::Lost => {
                "The session of the refresh ended before it could write its row: it was terminated, the server went down, or \
                 the transaction around it was rolled back."
            }
            Self::DiskFull => "The disk of the server is full: neither a lock nor the query.",
            Self::TempFiles => {
                "The refresh wrote more temporary files than temp_file_limit allows; a concurrent one writes a copy of the \
                 view as well."
            }
            Self::ProgramLimit => {
                "The query exceeds a fixed limit of PostgreSQL (columns, size of a row, depth of a statement)."
            }
            Self::Memory => "The server could not get the memory that the refresh asked for.",
            Self::Connections => "No connection was free.",
            Self::Resources => "The server was short of something: see the message.",
            Self::Permission => "A right is missing; it is checked for the view's owner, whoever refreshes.",
            Self::RowSecurity => {
                "Row security would hide rows from the role that reads for the view; the refresh fails so that no wrong \
                 figure is shown."
            }
            Self::Data => "An expression of the query fails on some row of the data: neither a lock nor space.",
            Self::SeveralRows => {
                "A subquery that must give one row gives several: the data has changed, or a join is missing."
            }
            Self::Duplicates => "Two rows of the result have the same key, and the unique index allows one.",
            Self::Missing => {
                "The query, or a function that it calls, names something that is not there, or not on its search path."
            }
            Self::Code => "There is an error in the code of the query, or of a function that it calls.",
            Self::Raised => "A function that the query calls raised this error itself.",
            Self::Conflict => {
                "The refresh met a conflict with another transaction; that is nobody's fault, and passes."
            }
            Self::State => "The view, or something that it needs, is not in the state that a refresh needs.",
            Self::Foreign => "Another server that the query reads from could not be reached, or refused.",
            Self::Corruption => "PostgreSQL met damaged data or an internal error.",
            Self::Other => "PostgreSQL refused the refresh: see the message.",
        }
    }

    /// Where to look; `VIEW` stands for the view's name.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Lock => {
                "Find out who held the lock, below; if it is a nightly job or a migration, move one of both in time."
            }
            Self::Deadlock => {
                "Look which statement took locks on the view or its sources in another order: VACUUM FULL, a migration, or a \
                 transaction that refreshes several views."
            }
            Self::TimeLimit => {
                "Find out why it takes longer than usual (plan, sizes, locks, below), or give it longer: refreshtop views set VIEW time_limit=…"
            }
            Self::StatementTimeout => {
                "Take the limit off the role that refreshes (ALTER ROLE … SET statement_timeout), or find out why the refresh \
                 takes longer than usual."
            }
            Self::TransactionTimeout => {
                "Take the limit off the role that refreshes: ALTER ROLE … SET transaction_timeout = 0."
            }
            Self::Cancelled => "Ask who did it; the server's log names the session if log_min_error_statement is on.",
            Self::Lost => {
                "Look into the server's log at that time: a restart, an administrator's command, or out of memory."
            }
            Self::DiskFull => {
                "Free space: look at the slots that hold WAL back, at temporary files, and at the largest tables (Sizes, \
                 Replication). A concurrent refresh needs room for a copy of the view, and for its WAL."
            }
            Self::TempFiles => {
                "Give the query more memory, so that it writes fewer: refreshtop views set VIEW work_mem=…; or raise \
                 temp_file_limit of the role that refreshes (superuser)."
            }
            Self::ProgramLimit => "Change the query: fewer columns, or shorter values.",
            Self::Memory => {
                "Lower work_mem for this view (refreshtop views set VIEW work_mem=…), or look what else uses memory."
            }
            Self::Connections => "See under Connections who holds them.",
            Self::Resources => "Look into the server's log.",
            Self::Permission => "Grant the right again, or find out who took it away.",
            Self::RowSecurity => "See under row security of the sources.",
            Self::Data => {
                "Find the row with the query itself, or make the expression bear it (NULLIF, a cast that checks)."
            }
            Self::SeveralRows => "Find the rows with the subquery, and make it choose one.",
            Self::Duplicates => {
                "The example below says which. Remove the duplicate in the sources, or create the unique index on columns \
                 that tell the rows apart."
            }
            Self::Missing => {
                "Find out what was dropped or renamed. If the object is in another schema, give the function a search path: \
                 a refresh runs with none of its own from PostgreSQL 17 on, and with a pinned one before."
            }
            Self::Code | Self::Raised => "Read the function; see below when it was changed.",
            Self::Conflict => "Wait for the next attempt, or refresh again.",
            Self::State => "See the checks of the view and its index.",
            Self::Foreign => "Look whether that server answers, and whether the user mapping is still right.",
            Self::Corruption => "Look into the server's log at once; do not restart before you have a copy.",
            Self::Other => "The log of the refreshes has the whole message, DETAIL, HINT and CONTEXT.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_class() {
        for (state, message, wanted) in [
            ("55P03", "canceling statement due to lock timeout", Class::Lock),
            ("40P01", "deadlock detected", Class::Deadlock),
            ("57014", "ended by the view's time limit of 00:00:01", Class::TimeLimit),
            ("57014", "canceling statement due to statement timeout", Class::StatementTimeout),
            ("57014", "canceling statement due to user request", Class::Cancelled),
            ("25P04", "", Class::TransactionTimeout),
            ("53100", "", Class::DiskFull),
            ("53400", "", Class::TempFiles),
            ("53200", "", Class::Memory),
            ("53300", "", Class::Connections),
            ("54000", "", Class::ProgramLimit),
            ("54001", "", Class::ProgramLimit),
            ("42501", "permission denied for table t", Class::Permission),
            ("42501", "query would be affected by row-level security policy for table \"t\"", Class::RowSecurity),
            ("22012", "", Class::Data),
            ("22P02", "", Class::Data),
            ("21000", "more than one row returned by a subquery used as an expression", Class::SeveralRows),
            ("21000", "new data for materialized view \"v\" contains duplicate rows", Class::Duplicates),
            ("23505", "", Class::Duplicates),
            ("42P01", "", Class::Missing),
            ("42883", "", Class::Missing),
            ("42703", "", Class::Missing),
            ("42601", "", Class::Code),
            ("P0001", "", Class::Raised),
            ("40001", "", Class::Conflict),
            ("55000", "", Class::State),
            ("HV00N", "", Class::Foreign),
            ("XX001", "", Class::Corruption),
            ("0A000", "", Class::Other),
            ("ü", "", Class::Other),
        ] {
            assert_eq!(Class::of(Some(state), message), wanted, "{state} {message}");
        }
        assert_eq!(Class::of(None, "ended without a trace"), Class::Lost);
    }
}
