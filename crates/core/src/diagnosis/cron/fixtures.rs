//! Facts for the tests: everything is as it should be.

use super::facts::{Cron, ExpectedJob, Job, Role, Run, Settings, Work};

pub(super) fn expected() -> ExpectedJob {
    ExpectedJob {
        id: "refresh-job",
        runs_id: "refresh-job-runs",
        title: "",
        runs_title: "",
        name: "refresh-platform-metrics".into(),
        schedule: Some("*/5 * * * *".into()),
        command: Some("SELECT public.f();".into()),
        work: Work::Function { function: "f".into(), view: "v".into() },
    }
}

/// The job of a view of its own.
pub(super) fn of_a_view() -> ExpectedJob {
    ExpectedJob {
        name: "refresh-view-shop.sales".into(),
        schedule: Some("0 6 * * *".into()),
        command: None,
        work: Work::View { id: "shop.sales".into(), schema: "shop".into(), name: "sales".into() },
        ..expected()
    }
}

pub(super) fn settings() -> Settings {
    let mut settings = Settings { database: "app".into(), may_read: true, sees_sessions: true, ..Settings::default() };
    settings.preload = Some("auto_explain, pg_cron".into());
    settings.launcher = true;
    settings
}

pub(super) fn run(status: &str, message: &str) -> Run {
    let start = Some("2026-01-01T00:00:00Z".parse().unwrap());
    Run { status: status.into(), message: Some(message.into()), start, end: None, pid: Some(7) }
}

pub(super) fn cron(runs: Vec<Run>) -> Cron {
    let expected = expected();
    let (schedule, command) = (expected.schedule.unwrap_or_default(), expected.command.unwrap_or_default());
    let job = Job {
        id: 1,
        name: Some(expected.name),
        schedule,
        command,
        database: "app".into(),
        role: "r".into(),
        active: true,
        runs,
    };
    let roles = vec![Role { name: "r".into(), can_log_in: true, may_refresh: true, superuser: false }];
    let now = "2026-01-01T00:20:00Z".parse().unwrap();
    Cron {
        database: "postgres".into(),
        superuser: true,
        hidden: false,
        extension: Some("1.4".into()),
        jobs: vec![job],
        roles,
        now,
        alive: Vec::new(),
    }
}
