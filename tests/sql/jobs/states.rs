//! Whether the job of each view is there and runs, as every poll reads it.

use super::{own_cluster, run, up};
use crate::support::{execute, target};
use refreshtop_core::{
    address::ViewId,
    job::{Job, JobState},
    views::Views,
};
use refreshtop_db::poller::Poller;
use serde_json::Value;
use std::collections::BTreeMap;

/// All views, as the monitor reads them.
async fn polled(url: &str) -> Views {
    let mut poller = Poller::open(&target(url), &ViewId::new("platform_metrics")).await.unwrap();
    poller.poll(None, |_| {}).await.unwrap().board.unwrap().unwrap()
}

/// The state of a view's job, in a word.
fn state(views: &Views, view: &str) -> &'static str {
    match &views.managed(&ViewId::new(view)).unwrap().job {
        JobState::Unscheduled => "unscheduled",
        JobState::WithoutCron => "without pg_cron",
        JobState::Missing => "missing",
        JobState::NotOurs(_) => "not ours",
        JobState::Paused(_) => "paused",
        JobState::Active(_) => "active",
        JobState::Unknown(_) => "unknown",
    }
}

fn states(views: &Views) -> [&'static str; 7] {
    ["platform_metrics", "active", "paused", "missing", "changed", "byhand", &long()].map(|view| state(views, view))
}

/// A name that `pg_cron` would cut.
fn long() -> String {
    "l".repeat(60)
}

async fn prepare(url: &str, cron_url: &str) {
    up(url).await;
    let scheduled = ["active", "paused", "missing", "changed", &long()];
    let names: Vec<&str> = scheduled.into_iter().chain(["byhand"]).collect();
    for name in &names {
        execute(url, &format!("CREATE MATERIALIZED VIEW {name} AS SELECT 1 AS id; CREATE UNIQUE INDEX ON {name} (id)"))
            .await;
    }
    let words: Vec<&str> = ["views", "add", "--yes"].into_iter().chain(names).collect();
    assert_eq!(run(url, &words).await.code, Some(0));
    for name in scheduled {
        let set = run(url, &["views", "set", name, "--schedule", "*/5 * * * *"]).await;
        assert_eq!(set.code, Some(0), "{set:?}");
    }
    let paused = run(url, &["job", "pause", "--view", "paused"]).await;
    assert_eq!(paused.code, Some(0), "{paused:?}");
    execute(cron_url, "SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = 'refresh-view-missing'").await;
    execute(cron_url, "UPDATE cron.job SET command = 'SELECT 1' WHERE jobname = 'refresh-view-changed'").await;
}

/// What `status` says of the job of each view, by its name.
async fn told(url: &str) -> BTreeMap<String, Value> {
    let answer = run(url, &["status", "--json"]).await;
    let lines = answer.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|one| (one["view"].as_str().unwrap().to_owned(), one["job"].clone())).collect()
}

/// The same as in [`SEEN`], as `status` says it.
async fn is_told(url: &str) {
    let told = told(url).await;
    for name in ["platform_metrics", "active", &long()] {
        assert_eq!(told[name]["active"], true, "{told:?}");
    }
    assert_eq!(told["paused"]["active"], false, "{told:?}");
    for (name, part) in
        [("missing", "no job in pg_cron"), ("changed", "does not refresh it"), ("byhand", "no schedule")]
    {
        let reason = told[name]["unavailable"]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(part), "{name}: {told:?}");
    }
    // Alone it is told the same.
    let byhand = run(url, &["status", "--view", "byhand"]).await;
    assert!(byhand.out.contains("views set byhand --schedule"), "{byhand:?}");
    assert!(!byhand.out.contains("no job"), "{byhand:?}");
}

const SEEN: [&str; 7] = ["active", "active", "paused", "missing", "not ours", "unscheduled", "active"];

#[tokio::test]
async fn each_poll_knows_the_job_of_each_view() {
    let (cluster, url) = own_cluster("app").await;
    prepare(&url, &url).await;
    let views = polled(&url).await;
    assert_eq!(states(&views), SEEN);
    let JobState::Active(Job { launcher, schedule, .. }) = &views.managed(&ViewId::new("active")).unwrap().job else {
        unreachable!()
    };
    assert_eq!((*launcher, &**schedule), (Some(true), "*/5 * * * *"));
    is_told(&url).await;
    // So does a role that only reads.
    execute(&url, "CREATE ROLE oncall LOGIN PASSWORD 'oncall' IN ROLE refreshtop_admin").await;
    assert_eq!(states(&polled(&cluster.url_of("oncall", "oncall", "app")).await), SEEN);

    // A superuser sees the job that a role that counts has scheduled, and not that of any other role.
    execute(&url, "GRANT USAGE ON SCHEMA cron TO oncall").await;
    let schedule =
        "SELECT cron.schedule('refresh-view-missing', '7 * * * *', 'SELECT refreshtop.refresh(''missing'')')";
    execute(&cluster.url_of("oncall", "oncall", "app"), schedule).await;
    assert_eq!(states(&polled(&url).await), SEEN);
    execute(&url, schedule).await;
    assert_eq!(state(&polled(&url).await, "missing"), "active");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn and_in_another_database_of_pg_cron() {
    let (cluster, url) = own_cluster("postgres").await;
    prepare(&url, &cluster.url("postgres")).await;
    assert_eq!(states(&polled(&url).await), SEEN);
    is_told(&url).await;
    // There pg_cron shows each role only its own jobs, and what is not seen need not be missing.
    execute(&url, "CREATE ROLE oncall LOGIN PASSWORD 'oncall' IN ROLE refreshtop_admin").await;
    let seen = states(&polled(&cluster.url_of("oncall", "oncall", "app")).await);
    assert_eq!(seen, ["unknown", "unknown", "unknown", "unknown", "unknown", "unscheduled", "unknown"]);
    execute(&cluster.url("postgres"), "GRANT USAGE ON SCHEMA cron TO oncall").await;
    let seen = states(&polled(&cluster.url_of("oncall", "oncall", "app")).await);
    assert_eq!(seen, ["unknown", "unknown", "unknown", "unknown", "unknown", "unscheduled", "unknown"]);
    cluster.stop().await.unwrap();
}
