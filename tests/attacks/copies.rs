//! A copy is not the original: what it does never reaches the original's jobs.

use crate::{
    scene::{Actor, Scene},
    support::{CRON_DATABASE, client, execute, unique, value},
};
use tokio::time::{Duration, sleep};

const JOBS: &str =
    "coalesce(string_agg(concat_ws('|', jobid, jobname, schedule, command, database, username, active), E'\\n'
    ORDER BY jobid), '') FROM cron.job";

/// Copies the scene's database; a session that is about to end may still be in it.
async fn copied(scene: &Scene) -> Scene {
    let name = unique("copy");
    let maintenance = client(&scene.cluster.url("postgres")).await;
    let copy = format!("CREATE DATABASE {name} TEMPLATE {} OWNER {}", scene.database, scene.boss.name);
    for attempt in 0.. {
        match maintenance.batch_execute(&copy).await {
            Ok(()) => break,
            Err(error) if attempt > 100 => panic!("{error:?}"),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
    scene.of_database(&name)
}

/// 9 a. `CREATE DATABASE … TEMPLATE` copies everything that we know about the original.
async fn template(scene: Scene) {
    scene.migrated().await;
    scene.works().await;
    let copy = copied(&scene).await;
    let before = match scene.cron() {
        Some(cron) => value::<String>(&cron, &format!("SELECT {JOBS} WHERE database = '{}'", scene.database)).await,
        None => String::new(),
    };
    // It neither refreshes nor calls itself healthy.
    let trigger = copy.run(&copy.boss.url, "trigger").await;
    assert_ne!(trigger.code, 0, "{trigger:?}");
    let refused = format!("{}", refusal(&copy).await);
    assert!(refused.contains("refused"), "{refused}");
    let check = copy.run(&copy.boss.url, "check").await;
    assert_ne!(check.code, 0, "{check:?}");
    for line in ["job pause", "job every 7m", "job remove --yes"] {
        copy.run(&copy.boss.url, line).await;
    }
    let down = copy.run(&copy.boss.url, "migrate down --yes").await;
    assert_eq!(down.code, 0, "{down:?}");
    if let Some(cron) = scene.cron() {
        let after: String = value(&cron, &format!("SELECT {JOBS} WHERE database = '{}'", scene.database)).await;
        assert_eq!(after, before);
        assert!(value::<bool>(&cron, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_cron')").await);
    }
    scene.works().await;
}
attack!(template by [superuser, owner, managed]);

async fn refusal(scene: &Scene) -> serde_json::Value {
    value(&scene.oncall.url, "SELECT refreshtop.refresh('platform_metrics')").await
}

/// The same, migrated: then it is an installation of its own with its own jobs, and the original keeps its own.
async fn template_migrated(scene: Scene) {
    scene.migrated().await;
    scene.works().await;
    let copy = copied(&scene).await;
    copy.migrated().await;
    copy.works().await;
    scene.works().await;
    if let Some(cron) = scene.cron() {
        let jobs = "SELECT string_agg(database || ' ' || n, ' ' ORDER BY database) FROM (SELECT database, count(*) AS n FROM cron.job GROUP BY 1) g";
        let jobs: String = value(&cron, jobs).await;
        for database in [&scene.database, &copy.database] {
            assert!(jobs.contains(&format!("{database} 2")), "{jobs}");
        }
    }
    let down = copy.run(&copy.boss.url, "migrate down --yes").await;
    assert_eq!(down.code, 0, "{down:?}");
    if let Some(cron) = scene.cron() {
        let left = format!("SELECT count(*) FROM cron.job WHERE database = '{}'", copy.database);
        assert_eq!(value::<i64>(&cron, &left).await, 0);
        let kept = format!("SELECT count(*) FROM cron.job WHERE database = '{}'", scene.database);
        assert_eq!(value::<i64>(&cron, &kept).await, 2);
    }
    scene.works().await;
}
attack!(template_migrated by [superuser, managed]);

/// 9 b. Restored in another cluster, whose jobs have the numbers and names that ours had there.
async fn another_cluster(scene: Scene) {
    scene.migrated().await;
    let moved = "DO $$ BEGIN IF to_regclass('refreshtop.home') IS NOT NULL THEN
        UPDATE refreshtop.home SET system_identifier = system_identifier + 1, database_oid = (database_oid::bigint + 1)::oid; END IF; END $$";
    scene.sudo(moved).await;
    let mut before = String::new();
    if let Some(cron) = scene.cron() {
        // The numbers stay; the jobs behind them are somebody else's.
        let theirs = format!(
            "UPDATE cron.job SET jobname = 'payroll-' || jobid, command = 'SELECT 1', database = 'postgres' WHERE database = '{}'",
            scene.database
        );
        before = value(&cron, &format!("WITH changed AS ({theirs} RETURNING *) SELECT coalesce(string_agg(jobname, ' ' ORDER BY jobname), '') FROM changed")).await;
    }
    let trigger = scene.run(&scene.boss.url, "trigger").await;
    assert_ne!(trigger.code, 0, "{trigger:?}");
    let down = scene.run(&scene.boss.url, "migrate down --yes").await;
    assert_eq!(down.code, 0, "{down:?}");
    if let Some(cron) = scene.cron() {
        for name in before.split_whitespace() {
            let there = format!("SELECT count(*) FROM cron.job WHERE jobname = '{name}' AND command = 'SELECT 1'");
            assert_eq!(value::<i64>(&cron, &there).await, 1, "{name}");
        }
    }
}
attack!(another_cluster by [superuser, owner, managed]);

/// 9 c. After a rename `migrate` schedules for the new name, and nothing is left for the old one.
async fn renamed(scene: Scene) {
    scene.migrated().await;
    scene.works().await;
    let name = unique("renamed");
    let maintenance = client(&scene.cluster.url("postgres")).await;
    let rename = format!("ALTER DATABASE {} RENAME TO {name}", scene.database);
    for attempt in 0.. {
        match maintenance.batch_execute(&rename).await {
            Ok(()) => break,
            Err(error) if attempt > 100 => panic!("{error:?}"),
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
    let renamed = scene.of_database(&name);
    renamed.migrated().await;
    renamed.works().await;
    if let Some(cron) = scene.cron() {
        for (database, wanted) in [(&scene.database, 0), (&renamed.database, 2)] {
            let jobs = format!("SELECT count(*) FROM cron.job WHERE database = '{database}'");
            assert_eq!(value::<i64>(&cron, &jobs).await, wanted, "{database}");
        }
    }
    let down = renamed.run(&renamed.boss.url, "migrate down --yes").await;
    assert_eq!(down.code, 0, "{down:?}");
    if let Some(cron) = scene.cron() {
        let left = format!("SELECT count(*) FROM cron.job WHERE database IN ('{}', '{name}')", scene.database);
        assert_eq!(value::<i64>(&cron, &left).await, 0);
    }
}
// Not by an owner without roles, who can't see which database pg_cron is in and schedules nothing.
attack!(renamed by [superuser, managed]);

/// The owner of another database puts a copy of everything there: whoever has great rights looks, and nothing of the
/// original's is changed from there.
async fn hostile_copy(scene: Scene) {
    scene.migrated().await;
    let copy = copied(&scene).await;
    let Actor { name, .. } = &scene.attacker;
    execute(&scene.superuser, &format!("ALTER DATABASE {} OWNER TO {name}", copy.database)).await;
    execute(&copy.superuser, &format!("ALTER SCHEMA public OWNER TO {name}")).await;
    copy.try_to_plant(&[
        "DROP TABLE public.metrics_refresh_log CASCADE",
        "DROP MATERIALIZED VIEW public.platform_metrics CASCADE",
        "CREATE VIEW public.metrics_refresh_log AS SELECT 1 AS id WHERE m.evil_true('log')",
        "CREATE VIEW public.platform_metrics AS SELECT 1::bigint AS total_accounts WHERE m.evil_true('view')",
        "DROP FUNCTION public.refresh_platform_metrics_with_logging()",
        "CREATE FUNCTION public.refresh_platform_metrics_with_logging() RETURNS integer LANGUAGE sql AS $$ SELECT m.evil('refresh') $$",
    ])
    .await;
    copy.look_as(&copy.superuser).await;
    copy.run(&copy.superuser, "trigger").await;
    copy.run(&copy.superuser, "migrate").await;
    copy.pause_jobs().await;
    copy.run(&copy.superuser, "migrate down --yes").await;
    if let Some(cron) = scene.cron() {
        let kept = format!("SELECT count(*) FROM cron.job WHERE database = '{}'", scene.database);
        assert_eq!(value::<i64>(&cron, &kept).await, 2, "jobs in {CRON_DATABASE}");
    }
    copy.held_but_as(&["refreshtop_job"]).await;
    scene.works().await;
}
attack!(hostile_copy by [superuser, managed]);
