//! `pg_cron` on the server.

use super::{
    facts::{Cron, Settings},
    times::{in_seconds, knows_seconds},
};
use crate::diagnosis::{Check, Fix, FixAction, Verdict};

/// Whether the server loads `pg_cron`, and which database it serves.
pub fn loaded(settings: &Settings) -> Check {
    let new = |verdict, finding: String| Check::new("cron-loaded", "pg_cron on the server", verdict, finding);
    if !settings.may_read {
        return match &settings.cron_database {
            Some(database) => new(Verdict::Good, format!("pg_cron is in database {database}.")),
            None => new(Verdict::Unknown, "Whether pg_cron is loaded can't be seen by this role.".into())
                .advise("GRANT pg_read_all_settings to this role, or ask as a superuser."),
        };
    }
    let preloaded = settings.preload.as_deref().unwrap_or_default().split(',');
    let preloaded = preloaded.map(|name| name.trim().trim_matches('"')).any(|name| name.ends_with("pg_cron"));
    match (preloaded, &settings.cron_database, &settings.available) {
        (true, database, _) => {
            new(Verdict::Good, format!("pg_cron is loaded, in database {}.", database.as_deref().unwrap_or("postgres")))
        }
        (false, _, Some(version)) => {
            new(Verdict::Bad, format!("pg_cron {version} is installed, but the server does not load it, so no job runs."))
                .advise("Add pg_cron to shared_preload_libraries, set cron.database_name, and restart the server.")
        }
        (false, _, None) => new(Verdict::Bad, "pg_cron is not installed on the server, so no job runs.".into())
            .advise("Install its package, add pg_cron to shared_preload_libraries and restart, or refresh without it: refreshtop schedule."),
    }
}

/// Whether the process that starts jobs is there.
pub fn launcher(settings: &Settings) -> Check {
    let new = |verdict, finding: &str| Check::new("cron-launcher", "pg_cron's worker", verdict, finding);
    if settings.standby {
        new(Verdict::Good, "This server is a standby: pg_cron rests here and works on the primary.")
    } else if settings.launcher {
        new(Verdict::Good, "The process that starts jobs is running.")
    } else if !settings.sees_sessions {
        new(
            Verdict::Unknown,
            "Whether pg_cron's worker runs can't be seen, because this role may not see other sessions.",
        )
        .advise("GRANT pg_read_all_stats to this role, or ask as a superuser.")
    } else {
        new(Verdict::Bad, "The process that starts jobs is not running, so no job starts.").advise(
            "Look for \"pg_cron\" in the server's log (commonly cron.database_name names a database that does not exist, or max_worker_processes is used up), then restart the server.",
        )
    }
}

/// Whether the extension exists in the database of the jobs, and is new enough.
pub fn extension(cron: &Cron) -> Check {
    let new = |verdict, finding: String| Check::new("cron-extension", "pg_cron's extension", verdict, finding);
    let database = &cron.database;
    let Some(version) = &cron.extension else {
        return new(
            Verdict::Bad,
            format!("Extension pg_cron is missing in database {database}, so nothing can be scheduled."),
        )
        .advise("A superuser creates it there; then run: refreshtop migrate.")
        .fix(Fix::new(FixAction::CreateExtension, database));
    };
    let seconds = cron.jobs.iter().any(|job| in_seconds(&job.schedule).is_some());
    match (knows_seconds(version), seconds) {
        (true, _) => new(Verdict::Good, format!("pg_cron {version} takes schedules to the second.")),
        (false, false) => new(Verdict::Good, format!("pg_cron {version} takes whole minutes; seconds need 1.5.")),
        (false, true) => {
            new(Verdict::Bad, format!("pg_cron {version} is too old for a schedule in seconds, which a job has."))
                .advise("Give the job a schedule of whole minutes, or update pg_cron to 1.5.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::cron::fixtures::settings;

    #[test]
    fn the_server_must_load_it_and_its_worker_must_run() {
        assert_eq!(loaded(&settings()).verdict, Verdict::Good);
        assert_eq!(loaded(&Settings { preload: Some(String::new()), ..settings() }).verdict, Verdict::Bad);
        assert_eq!(loaded(&Settings { may_read: false, ..settings() }).verdict, Verdict::Unknown);
        assert_eq!(launcher(&settings()).verdict, Verdict::Good);
        assert_eq!(launcher(&Settings { launcher: false, ..settings() }).verdict, Verdict::Bad);
        assert_eq!(
            launcher(&Settings { launcher: false, sees_sessions: false, ..settings() }).verdict,
            Verdict::Unknown
        );
    }
}
