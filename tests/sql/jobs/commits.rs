//! If `pg_cron` is in another database, there are two commits: the state and the message if one of them fails.

use super::{check, down, jobs, own_cluster, program, run, up, with};
use crate::support::{CRON_DATABASE, execute, session::Session, target};
use refreshtop::command::migrate;

/// Has the commit of every rollback fail, as a constraint of the application might.
const NO_COMMIT: &str = "
    CREATE TABLE public.drops (what text);
    CREATE FUNCTION public.note_drop() RETURNS event_trigger LANGUAGE plpgsql
        AS $$ BEGIN INSERT INTO public.drops VALUES (tg_tag); END $$;
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.drops DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION public.refuse();
    GRANT INSERT ON public.drops TO PUBLIC;
    CREATE EVENT TRIGGER note_drop ON sql_drop EXECUTE FUNCTION public.note_drop();";

#[tokio::test]
async fn a_rollback_whose_second_commit_fails_puts_the_jobs_back_or_says_what_they_were() {
    let (cluster, url) = own_cluster(CRON_DATABASE).await;
    let cron_url = cluster.url(CRON_DATABASE);
    up(&url).await;
    execute(
        &cron_url,
        "SELECT cron.alter_job(jobid, schedule := '*/9 * * * *', active := false) FROM cron.job WHERE jobname LIKE 'refresh%'",
    )
    .await;
    let (before, steps) = (jobs(&cron_url).await, migrate::status(&target(&url)).await.unwrap());
    execute(&url, NO_COMMIT).await;
    let message = migrate::down(&target(&url), 0).await.unwrap_err().to_string();
    assert!(message.contains("not today"), "{message}");
    assert!(message.contains("the jobs were put back as they were, so nothing was changed"), "{message}");
    assert_eq!(jobs(&cron_url).await, before);
    assert_eq!(migrate::status(&target(&url)).await.unwrap(), steps);
    let status = run(&url, &["status", "--json"]).await.json();
    assert_eq!(status["job"]["schedule"], "*/9 * * * *", "{status}");

    // Now pg_cron's database takes no job back either.
    execute(
        &cron_url,
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
         CREATE TRIGGER refuse BEFORE INSERT ON cron.job FOR EACH ROW EXECUTE FUNCTION public.refuse()",
    )
    .await;
    let message = migrate::down(&target(&url), 0).await.unwrap_err().to_string();
    assert!(message.contains("could not be put back") && message.contains("no room"), "{message}");
    let job = "refresh-platform-metrics (*/9 * * * *, paused, role refreshtop_job, database app: SELECT public.refresh";
    assert!(message.contains(job) && message.contains("cleanup-metrics-logs ("), "{message}");
    assert_eq!(jobs(&cron_url).await, Vec::<String>::new());
    assert_eq!(migrate::status(&target(&url)).await.unwrap(), steps);

    // And the next migration makes up for it.
    execute(&cron_url, "DROP TRIGGER refuse ON cron.job").await;
    execute(&url, "DROP EVENT TRIGGER note_drop").await;
    up(&url).await;
    assert_eq!(jobs(&cron_url).await.len(), 2);
    down(&url).await;
    assert_eq!(jobs(&cron_url).await, Vec::<String>::new());
    cluster.stop().await.unwrap();
}

/// A warning says that nothing is scheduled and what to do, and the next migration schedules it.
async fn made_up_for(url: &str, cron_url: &str) {
    assert_eq!(jobs(cron_url).await, Vec::<String>::new());
    let status = run(url, &["status"]).await;
    assert!(status.out.contains("no job refresh-platform-metrics"), "{status:?}");
    assert!(status.out.contains("run: refreshtop job restore"), "{status:?}");
    for id in ["refresh-job", "cleanup-job"] {
        let judged = check(url, id).await;
        assert_eq!(judged["verdict"], "problem", "{judged}");
        assert!(judged["finding"].as_str().unwrap().starts_with("No job "), "{judged}");
        assert!(judged["advice"].as_str().unwrap().contains("refreshtop job restore"), "{judged}");
    }
    let lines = up(url).await;
    assert_eq!(lines[0], "the database is up to date");
    assert_eq!(with(&lines, &["scheduled ("]).len(), 2, "{lines:#?}");
    assert_eq!(jobs(cron_url).await.len(), 2);
    let status = run(url, &["status", "--json"]).await.json();
    assert_eq!(status["job"]["schedule"], "*/5 * * * *", "{status}");
    down(url).await;
    assert_eq!(jobs(cron_url).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_migration_whose_second_commit_fails_says_so_and_the_next_one_schedules() {
    let (cluster, url) = own_cluster(CRON_DATABASE).await;
    let cron_url = cluster.url(CRON_DATABASE);
    execute(
        &cron_url,
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$;
         CREATE CONSTRAINT TRIGGER late AFTER INSERT ON cron.job DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION public.refuse()",
    )
    .await;
    let lines = up(&url).await;
    let warnings = with(&lines, &["warning: the jobs were not scheduled: ", "not today", "the migrations are applied"]);
    assert_eq!(warnings.len(), 1, "{lines:#?}");
    assert!(with(&lines, &["scheduled (*/5"]).is_empty(), "{lines:#?}");
    execute(&cron_url, "DROP TRIGGER late ON cron.job").await;
    made_up_for(&url, &cron_url).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_migration_that_is_killed_between_its_commits_is_made_up_for_by_the_next_one() {
    let (cluster, url) = own_cluster(CRON_DATABASE).await;
    let cron_url = cluster.url(CRON_DATABASE);
    let observer = Session::open(&cron_url).await;
    // The jobs can still be read, so everything is planned, and the application's part is committed.
    let holder = Session::with(&cron_url, "BEGIN; LOCK TABLE cron.job IN SHARE ROW EXCLUSIVE MODE").await;
    let mut child = program(&url, &["migrate"]).spawn().unwrap();
    let waits = "EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'cron.job'::regclass AND NOT granted)";
    observer.until(waits).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let applied = migrate::status(&target(&url)).await.unwrap();
    assert!(!applied.contains("pending"), "the first commit was made: {applied}");
    holder.run("ROLLBACK").await;
    observer.until("NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'refreshtop%')").await;
    made_up_for(&url, &cron_url).await;
    cluster.stop().await.unwrap();
}
