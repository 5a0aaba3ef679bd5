//! Jobs of others that refresh a view: left alone, or taken over and given back.

use super::{down, jobs, own_cluster, run, up};
use crate::support::{execute, value};

/// Views, and jobs of a superuser in `pg_cron`'s database that refresh them; the names are NULL where they are in case 02.
const VIEWS: &str = "
    CREATE SCHEMA stats;
    CREATE MATERIALIZED VIEW public.mix AS SELECT 1 AS id; CREATE UNIQUE INDEX ON public.mix (id);
    CREATE MATERIALIZED VIEW stats.debt AS SELECT 1 AS id; CREATE UNIQUE INDEX ON stats.debt (id);
    CREATE MATERIALIZED VIEW stats.crm AS SELECT 1 AS id; CREATE UNIQUE INDEX ON stats.crm (id);
    CREATE FUNCTION stats.refresh_views() RETURNS void LANGUAGE sql AS
        'REFRESH MATERIALIZED VIEW stats.crm; REFRESH MATERIALIZED VIEW stats.debt'";

async fn theirs(cron: &str) {
    for (name, schedule, command) in [
        ("mixed", "*/7 * * * *", "REFRESH MATERIALIZED VIEW CONCURRENTLY mix"),
        ("debt", "13 5 * * 1", "refresh materialized view stats.debt;"),
        ("paused", "1 * * * *", "REFRESH MATERIALIZED VIEW stats.debt"),
        ("never", "0 0 31 2 *", "REFRESH MATERIALIZED VIEW stats.debt"),
        ("several", "0 0 * * *", "SET statement_timeout = '1h'; REFRESH MATERIALIZED VIEW stats.crm"),
        ("function", "0 1 * * *", "SELECT stats.refresh_views()"),
    ] {
        let command = command.replace('\'', "''");
        let sql = format!("SELECT cron.schedule_in_database('{name}', '{schedule}', '{command}', 'app')");
        execute(cron, &sql).await;
    }
    execute(cron, "SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE jobname = 'paused'").await;
    // pg_cron schedules a job without a name in its own database.
    let nameless =
        "SELECT cron.alter_job(cron.schedule('0 * * * *', 'REFRESH MATERIALIZED VIEW mix'), database := 'app')";
    execute(cron, nameless).await;
}

async fn taken_and_given_back(cron_database: &str) {
    let (cluster, url) = own_cluster(cron_database).await;
    let cron = cluster.url(cron_database);
    execute(&url, VIEWS).await;
    theirs(&cron).await;
    execute(&cron, "CREATE ROLE stranger LOGIN PASSWORD 'stranger'").await;
    execute(
        &cron,
        "GRANT USAGE ON SCHEMA cron TO stranger; GRANT EXECUTE ON FUNCTION cron.schedule_in_database TO stranger",
    )
    .await;
    let foreign =
        "SELECT cron.schedule_in_database('foreign', '* * * * *', 'REFRESH MATERIALIZED VIEW stats.crm', 'app')";
    execute(&cluster.url_of("stranger", "stranger", cron_database), foreign).await;
    let before = jobs(&cron).await;
    up(&url).await;
    let migrated = jobs(&cron).await;

    // --yes alone takes nothing over, and says what there is.
    let added = run(&url, &["views", "add", "--yes", "mix", "stats.debt", "stats.crm"]).await;
    assert!(added.code == Some(0) && added.out.contains("--take-over pauses it"), "{added:?}");
    assert_eq!(jobs(&cron).await, migrated);

    let taken = run(&url, &["views", "add", "--yes", "--take-over", "mix", "stats.debt", "stats.crm"]).await;
    assert_eq!(taken.code, Some(0), "{taken:?}");
    for line in
        ["job mixed (", "job debt (", "its role stranger", "it does other things too", "its schedule 0 0 31 2 *"]
    {
        assert!(taken.out.contains(line), "{line}: {taken:?}");
    }
    let now = jobs(&cron).await;
    for paused in [
        "mixed|*/7 * * * *|REFRESH MATERIALIZED VIEW CONCURRENTLY mix|postgres|f",
        "debt|13 5 * * 1|refresh materialized view stats.debt;|postgres|f",
        "0 * * * *|REFRESH MATERIALIZED VIEW mix|postgres|f",
    ] {
        assert!(now.iter().any(|job| job == paused), "{paused}: {now:?}");
    }
    let has = |start: &str| now.iter().any(|job| job.starts_with(start) && job.ends_with("|refreshtop_job|t"));
    assert!(has("refresh-view-mix|*/7 * * * *|") && has("refresh-view-stats.debt|13 5 * * 1|"), "{now:?}");
    assert!(!has("refresh-view-stats.crm"), "{now:?}");
    let active = |name: &str| now.iter().any(|job| job.starts_with(name) && job.ends_with("|t"));
    assert!(active("never|") && active("several|") && active("function|") && active("foreign|"), "{now:?}");

    let removed = run(&url, &["views", "remove", "mix", "--yes"]).await;
    assert!(removed.out.contains("  job mixed (*/7 * * * *) runs again"), "{removed:?}");
    let mixed = jobs(&cron).await.into_iter().filter(|job| job.contains("mix")).collect::<Vec<_>>();
    assert_eq!(mixed, before.iter().filter(|job| job.contains("mix")).cloned().collect::<Vec<_>>());
    // SQL alone resumes what it reaches; the program's next run does the rest.
    execute(&url, "SELECT refreshtop.unmanage('stats.debt')").await;
    let debt = |jobs: Vec<String>| jobs.into_iter().filter(|job| job.starts_with("debt|")).collect::<Vec<_>>();
    if cron_database == "app" {
        assert_eq!(debt(jobs(&cron).await), debt(before.clone()));
    } else {
        assert_ne!(debt(jobs(&cron).await), debt(before.clone()));
        let restored = run(&url, &["job", "restore"]).await;
        assert!(restored.out.contains("job debt (13 5 * * 1) runs again"), "{restored:?}");
        assert_eq!(debt(jobs(&cron).await), debt(before.clone()));
    }
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.undo WHERE detail ? 'paused'").await, 0);
    assert!(!jobs(&cron).await.iter().any(|job| job.starts_with("refresh-view-")), "our jobs are gone");
    down(&url).await;
    assert_eq!(jobs(&cron).await, before);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn jobs_in_the_same_database_are_taken_over_and_given_back() {
    taken_and_given_back("app").await;
}

#[tokio::test]
async fn jobs_in_another_database_are_taken_over_and_given_back() {
    taken_and_given_back("postgres").await;
}
