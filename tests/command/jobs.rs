//! `refreshtop job` on a real `pg_cron`, in another database than the application's.

use super::run;
use crate::support::{CRON_DATABASE, cluster, execute, fresh_role, migrated_app, value};
use refreshtop::exit;
use serde_json::Value;

async fn jobs(url: &str) -> Vec<Value> {
    let ran = run(url, "job show --json").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()["jobs"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_job_is_restored_paused_resumed_moved_and_removed() {
    assert!(cluster().await.has_cron(), "this needs pg_cron: scripts/setup test installs it");
    let url = migrated_app("command_jobs").await;
    let missing = run(&url, "job pause").await;
    assert_eq!(missing.code, i32::from(exit::FAILURE), "{missing:?}");
    assert!(missing.err.contains("put it back with: refreshtop job restore"), "{missing:?}");
    let show = run(&url, "job show").await;
    assert!(show.code != 0 || show.out.contains("missing"), "{show:?}");

    let restored = run(&url, "job restore").await;
    assert!(restored.code == 0 && restored.out.contains("job refresh-platform-metrics"), "{restored:?}");
    let state = |jobs: Vec<Value>| (jobs[0]["schedule"].as_str().unwrap().to_owned(), jobs[0]["active"].clone());
    assert_eq!(state(jobs(&url).await), ("*/5 * * * *".into(), true.into()));
    assert_eq!(jobs(&url).await[1]["schedule"], "0 2 * * *");
    for (line, wanted, active) in [
        ("job pause", "*/5 * * * *", false),
        ("job every '*/10 * * * *'", "*/10 * * * *", false),
        ("job resume", "*/10 * * * *", true),
    ] {
        let ran = run(&url, line).await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}: {ran:?}");
        assert_eq!(state(jobs(&url).await), (wanted.into(), active.into()), "{line}");
    }
    assert_eq!(run(&url, "job runs --json").await.json()["kind"], "job_runs");
    assert_eq!(run(&url, "status --json").await.json()["job"]["schedule"], "*/10 * * * *");
    let removed = run(&url, "job remove --job cleanup --json").await;
    assert_eq!(removed.json()["change"], "job remove", "{removed:?}");
    assert_eq!(jobs(&url).await[1]["schedule"], Value::Null);
    assert_eq!(run(&url, "job remove").await.code, 0);
    let acts: i64 = value(&url, "SELECT count(*) FROM refreshtop.audit WHERE action LIKE 'job %'").await;
    assert_eq!(acts, 5, "every change leaves a trace");
    let left = format!("SELECT count(*) FROM cron.job WHERE database = '{}'", url.rsplit_once('/').unwrap().1);
    assert_eq!(value::<i64>(&cluster().await.url(CRON_DATABASE), &left).await, 0);
}

#[tokio::test]
async fn only_the_role_that_scheduled_it_may_change_it() {
    let url = migrated_app("command_jobs").await;
    assert_eq!(run(&url, "job restore").await.code, 0);
    let seconds = run(&url, "job every '30 seconds'").await;
    // Debian 12 has 1.4.
    let known = seconds.code == 0 || seconds.err.contains("which needs pg_cron 1.5 or newer: ");
    assert!(known, "{seconds:?}");
    let (name, admin) = fresh_role(&url, "admin", "IN ROLE refreshtop_admin").await;
    execute(&cluster().await.url(CRON_DATABASE), &format!("GRANT USAGE ON SCHEMA cron TO {name}")).await;
    let ran = run(&admin, "job pause").await;
    assert_eq!(ran.code, i32::from(exit::NOT_PERMITTED), "{ran:?}");
    assert!(ran.err.contains("only the role that migrated and superusers may"), "{ran:?}");
    assert_eq!(jobs(&url).await[0]["active"], true);
    assert_eq!(run(&url, "job remove").await.code, 0);
    assert_eq!(run(&url, "job remove --job cleanup").await.code, 0);
}
