//! Statements that fix what a check found.

/// How much a fix can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    /// Worth one confirmation at most.
    Safe,
    /// It ends somebody's work or takes something away: ask twice.
    AsksTwice,
}

/// What a fix does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixKind {
    /// Cancels what a session is doing.
    Cancel,
    /// Ends a session; its transaction is rolled back.
    Terminate,
    /// Rolls back a prepared transaction.
    RollBackPrepared,
    /// Creates an index.
    CreateIndex,
    /// Drops an index that is of no use.
    DropIndex,
    /// Collects the planner's statistics.
    Analyze,
    /// Removes dead rows.
    Vacuum,
    /// Deletes old rows of the log.
    CleanUp,
    /// Fills the view.
    Refresh,
    /// Turns on the log's row security.
    RowSecurity,
    /// Creates the extension `pg_cron`.
    Extension,
    /// Schedules a job.
    Schedule,
    /// Changes a job: its activity, command or interval.
    AlterJob,
    /// Removes a job.
    Unschedule,
    /// Takes a right away from everybody who has it by being anybody.
    Revoke,
}

/// A statement that fixes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words.
    pub label: String,
    /// Exactly what is executed: one statement.
    pub sql: String,
    /// The database in which it must run.
    pub database: String,
    /// How much it can break.
    pub danger: Danger,
    /// What it does.
    pub kind: FixKind,
}

impl Fix {
    pub fn safe(kind: FixKind, label: impl Into<String>, database: &str, sql: impl Into<String>) -> Self {
        Self { label: label.into(), sql: sql.into(), database: database.into(), danger: Danger::Safe, kind }
    }

    pub fn risky(kind: FixKind, label: impl Into<String>, database: &str, sql: impl Into<String>) -> Self {
        Self { danger: Danger::AsksTwice, ..Self::safe(kind, label, database, sql) }
    }

    /// Sets another interval for job `id` of the `pg_cron` in `database`. `pg_cron` itself judges the schedule.
    pub fn interval(id: i64, database: &str, schedule: &str) -> Self {
        let sql = format!("SELECT cron.alter_job({id}, schedule := {})", literal(schedule));
        Self::safe(FixKind::AlterJob, format!("run job {id} at {schedule}"), database, sql)
    }

    /// Lets job `id` of the `pg_cron` in `database` run, or pauses it.
    pub fn activity(id: i64, database: &str, active: bool) -> Self {
        let label = format!("{} job {id}", if active { "activate" } else { "pause" });
        Self::safe(FixKind::AlterJob, label, database, format!("SELECT cron.alter_job({id}, active := {active})"))
    }

    /// Gives job `id` of the `pg_cron` in `database` another command.
    pub fn command(id: i64, database: &str, command: &str) -> Self {
        let sql = format!("SELECT cron.alter_job({id}, command := {})", literal(command));
        Self::safe(FixKind::AlterJob, format!("give job {id} the right command"), database, sql)
    }

    /// The same, where somebody may want what it runs now.
    pub fn replace_command(id: i64, database: &str, command: &str) -> Self {
        Self { danger: Danger::AsksTwice, ..Self::command(id, database, command) }
    }

    /// Pauses job `id`, which is somebody else's.
    pub fn pause(id: i64, database: &str) -> Self {
        Self { danger: Danger::AsksTwice, ..Self::activity(id, database, false) }
    }

    /// Keeps everybody from calling a function, but for those who were let in by name.
    pub fn revoke(function: &str, database: &str) -> Self {
        let sql = format!("REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC");
        Self::risky(FixKind::Revoke, format!("keep the public from {function}"), database, sql)
    }

    /// Removes job `id` of the `pg_cron` in `database`.
    pub fn unschedule(id: i64, database: &str) -> Self {
        let sql = format!("SELECT cron.unschedule({id}::bigint)");
        Self::risky(FixKind::Unschedule, format!("unschedule job {id}"), database, sql)
    }
}

/// A string constant, whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', r"\\")) } else { format!("'{quoted}'") }
}

/// A name in double quotes.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_escapes_its_quotes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'; DROP"), r"E'\\''; DROP'");
        assert_eq!(identifier("a\"; DROP"), "\"a\"\"; DROP\"");
    }

    #[test]
    fn what_takes_something_away_asks_twice() {
        assert_eq!(Fix::unschedule(3, "d").danger, Danger::AsksTwice);
        assert_eq!(Fix::interval(3, "d", "*/2 * * * *").sql, "SELECT cron.alter_job(3, schedule := '*/2 * * * *')");
        assert_eq!(Fix::activity(3, "d", true).sql, "SELECT cron.alter_job(3, active := true)");
    }
}
