//! Systems of which a part is missing: each part that can be had is, and each other says why and what fixes it.

use super::{REFRESH, polling, snapshot};
use crate::support::{execute, fresh_app, fresh_database, fresh_role, migrate, migrated_app, options, small_app_in};
use refreshtop_cluster::DisposableCluster;
use refreshtop_core::{
    reading::Reading,
    snapshot::{Deployment, Snapshot},
};

/// What a part must say: `Ok`, or words of its reason and its fix.
type Expected<'a> = Result<(), (&'a str, &'a str)>;
const MIGRATE: &str = "run: refreshtop migrate";

/// Statistics, runs, errors, figures, job.
fn check(what: &str, snapshot: &Snapshot, expected: [Expected; 5]) {
    fn outcome<T>(reading: &Reading<T>) -> Result<(), (String, String)> {
        reading.as_ref().map(|_| ()).map_err(|why| (why.reason.clone(), why.fix.clone()))
    }
    let found = [
        ("statistics", outcome(&snapshot.stats)),
        ("runs", outcome(&snapshot.runs)),
        ("errors", outcome(&snapshot.errors)),
        ("figures", outcome(&snapshot.figures)),
        ("job", outcome(&snapshot.job)),
    ];
    for ((part, found), expected) in found.into_iter().zip(expected) {
        match (&found, expected) {
            (Ok(()), Ok(())) => {}
            (Err((reason, fix)), Err((why, how))) => {
                assert!(
                    reason.contains(why) && fix.contains(how),
                    "{what}: {part}: {found:?} without {why:?} or {how:?}"
                );
            }
            _ => panic!("{what}: {part}: {found:?}, expected {expected:?}"),
        }
    }
}

/// `pg_cron` knows no job of ours.
const NO_JOB: Expected = Err(("no job", MIGRATE));
/// The steps are there, the job is not.
const RESTORE: Expected = Err(("no job", "run: refreshtop job restore"));

#[tokio::test]
async fn nothing_and_next_to_nothing() {
    let empty = fresh_database("empty").await;
    let tables = fresh_app("tables").await;
    for url in [empty, tables] {
        let found = snapshot(&url).await;
        assert_eq!(found.deployment, Deployment::Missing);
        let no_log = Err(("there is no table public.metrics_refresh_log", MIGRATE));
        check("empty", &found, [no_log, no_log, no_log, Err(("does not exist", MIGRATE)), NO_JOB]);
        let monitor = polling(&url).start();
        monitor.wait_for("what to do", |screen| screen.contains("nothing is set up") && screen.contains(MIGRATE));
    }
}

#[tokio::test]
async fn an_older_and_a_newer_schema() {
    let url = migrated_app("older").await;
    execute(&url, REFRESH).await;
    let mut connection = crate::support::open(&url).await;
    refreshtop_db::migrate::down(&mut connection, 3).await.unwrap();
    let older = snapshot(&url).await;
    assert_eq!(older.deployment, Deployment::Older);
    // The view is the last step's; the log, and what it tells, are not.
    check("older", &older, [Ok(()), Ok(()), Ok(()), Err(("does not exist", MIGRATE)), NO_JOB]);
    assert_eq!((older.stats.unwrap().total, older.runs.unwrap()[0].origin), (1, refreshtop_core::run::Origin::Direct));

    let url = migrated_app("newer").await;
    execute(
        &url,
        "ALTER TABLE public.metrics_refresh_log ADD mood text;
         INSERT INTO refreshtop.migrations (version, description, success, checksum, execution_time) VALUES (99, 'later', true, '', 0)",
    )
    .await;
    execute(&url, REFRESH).await;
    let newer = snapshot(&url).await;
    check("newer", &newer, [Ok(()), Ok(()), Ok(()), Ok(()), RESTORE]);
    assert_eq!(newer.deployment, Deployment::Migrated);
}

#[tokio::test]
async fn roles_with_some_rights() {
    let url = migrated_app("roles").await;
    execute(&url, REFRESH).await;
    let (name, stranger) = fresh_role(&url, "stranger", "").await;
    let grant = format!("GRANT refreshtop_admin TO {name}");
    let refused = Err(("permission denied", &*grant));
    let found = snapshot(&stranger).await;
    check("a stranger", &found, [refused, refused, refused, refused, refused]);
    let monitor = polling(&stranger).start();
    monitor.wait_text("GRANT refreshtop_admin TO");

    // May see statistics, but not the activity of others, nor settings.
    let (name, admin) = fresh_role(&url, "admin", "IN ROLE refreshtop_admin").await;
    let found = snapshot(&admin).await;
    check("an administrator", &found, [Ok(()), Ok(()), Ok(()), Ok(()), Err(("schedule (database postgres)", &*name))]);
    let cron = found.job.unwrap_err();
    assert!(cron.fix.contains("GRANT USAGE ON SCHEMA cron"), "{cron:?}");

    let (name, locked_out) = fresh_role(&url, "locked", "IN ROLE refreshtop_admin").await;
    execute(&url, "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC").await;
    let found = snapshot(&locked_out).await;
    execute(&url, "GRANT CONNECT ON DATABASE postgres TO PUBLIC").await;
    let grant = format!("GRANT CONNECT ON DATABASE postgres TO {name}");
    check("locked out", &found, [Ok(()), Ok(()), Ok(()), Ok(()), Err(("permission denied for database", &*grant))]);
}

#[tokio::test]
async fn views_without_rows_and_rows_without_values() {
    let url = migrated_app("view").await;
    execute(&url, "REFRESH MATERIALIZED VIEW public.platform_metrics WITH NO DATA").await;
    let empty = Err(("has not been populated", "press r"));
    check("never populated", &snapshot(&url).await, [Ok(()), Ok(()), Ok(()), empty, RESTORE]);
    execute(&url, "DROP MATERIALIZED VIEW public.platform_metrics").await;
    let missing = Err(("does not exist", MIGRATE));
    check("no view", &snapshot(&url).await, [Ok(()), Ok(()), Ok(()), missing, RESTORE]);

    let url = migrated_app("nulls").await;
    execute(
        &url,
        "ALTER TABLE public.metrics_refresh_log ALTER started_at DROP NOT NULL;
         INSERT INTO public.metrics_refresh_log (refresh_type, status) VALUES ('platform_metrics', 'error')",
    )
    .await;
    let found = snapshot(&url).await;
    assert_eq!(found.errors.as_ref().unwrap().len(), 1);
    check("nulls", &found, [Ok(()), Ok(()), Ok(()), Ok(()), RESTORE]);
}

#[tokio::test]
async fn a_server_without_pg_cron() {
    let cluster = DisposableCluster::start(&options(), &mut |_| {}).await.unwrap();
    let url = small_app_in(&cluster, "app").await;
    let none = Err(("pg_cron is not loaded", "shared_preload_libraries"));
    let no_log = Err(("there is no table", MIGRATE));
    let before = snapshot(&url).await;
    check("not migrated", &before, [no_log, no_log, no_log, Err(("does not exist", MIGRATE)), none]);
    migrate(&url).await;
    check("migrated", &snapshot(&url).await, [Ok(()), Ok(()), Ok(()), Ok(()), none]);
    cluster.stop().await.unwrap();
}
