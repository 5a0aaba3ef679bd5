//! Jobs in `pg_cron`: whose they are, and who decides what a rollback takes away.

use crate::{
    scene::{Actor, Running, Scene, arm},
    support::{self, execute, unique, value},
};
use std::process::Command;
use tokio::time::{Duration, sleep};

/// Everything in a schema `cron` that is nobody's extension.
const DECOY_FUNCTIONS: &str = "
CREATE FUNCTION cron.unschedule(bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT m.evil('unschedule') = 1 $$;
CREATE FUNCTION cron.unschedule(text) RETURNS boolean LANGUAGE sql AS $$ SELECT m.evil('unschedule') = 1 $$;
CREATE FUNCTION cron.schedule(text, text, text) RETURNS bigint LANGUAGE sql AS $$ SELECT m.evil('schedule')::bigint $$;
CREATE FUNCTION cron.schedule_in_database(text, text, text, text, text DEFAULT NULL, boolean DEFAULT true) RETURNS bigint
LANGUAGE sql AS $$ SELECT m.evil('schedule_in_database')::bigint $$;
CREATE FUNCTION cron.alter_job(job_id bigint, schedule text DEFAULT NULL, command text DEFAULT NULL, database text DEFAULT NULL,
    username text DEFAULT NULL, active boolean DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$ SELECT m.evil('alter_job') $$;
GRANT USAGE ON SCHEMA cron TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA cron TO PUBLIC";

fn decoy(jobs: &str, database: &str) -> String {
    let columns = format!(
        "1::bigint AS jobid, 'refresh-platform-metrics'::text AS jobname, '* * * * *'::text AS schedule,
         'SELECT public.refresh_platform_metrics_with_logging();'::text AS command, '{database}'::text AS database,
         'refreshtop_job'::text AS username, true AS active, 'localhost'::text AS nodename, 5432 AS nodeport"
    );
    let runs = "1::bigint AS jobid, 1::bigint AS runid, 1 AS job_pid, 'x'::text AS database, 'x'::text AS username,
                'x'::text AS command, 'failed'::text AS status, 'x'::text AS return_message, now() AS start_time, now() AS end_time";
    let jobs = jobs.replace("COLUMNS", &columns).replace("RUNS", runs);
    format!("CREATE SCHEMA cron; {jobs}; {DECOY_FUNCTIONS}")
}

const TABLE: &str = "CREATE TABLE cron.job AS SELECT COLUMNS; CREATE TABLE cron.job_run_details AS SELECT RUNS";
const VIEW: &str = "CREATE VIEW cron.job AS SELECT COLUMNS WHERE m.evil_true('cron.job');
                    CREATE VIEW cron.job_run_details AS SELECT RUNS WHERE m.evil_true('cron.job_run_details')";
const INDEX: &str = "CREATE TABLE cron.job AS SELECT COLUMNS; CREATE INDEX ON cron.job (jobid) WHERE m.evil_constant(1) = 1;
                     CREATE TABLE cron.child () INHERITS (cron.job); CREATE INDEX ON cron.child (jobid) WHERE m.evil_constant(1) = 1;
                     CREATE TABLE cron.job_run_details AS SELECT RUNS;
                     CREATE INDEX ON cron.job_run_details (jobid) WHERE m.evil_constant(1) = 1";
const POLICY: &str = "CREATE TABLE cron.job AS SELECT COLUMNS; ALTER TABLE cron.job ENABLE ROW LEVEL SECURITY;
                      CREATE POLICY p ON cron.job USING (m.evil_true('policy')); CREATE TABLE cron.job_run_details AS SELECT RUNS";

/// What a member of `refreshtop_admin` may hope to have believed about another database, or another job.
fn forgeries(database: &str, job: i64) -> Vec<String> {
    let detail = format!("'{{\"database\": \"{database}\", \"cron_database\": \"{database}\", \"jobid\": {job}}}'");
    let mut all = vec![
        format!(
            "INSERT INTO refreshtop.undo (step, kind, object_schema, object_name, detail) VALUES (0, 'job', 'cron', 'refresh-platform-metrics', {detail})"
        ),
        format!(
            "INSERT INTO refreshtop.undo (step, kind, object_name, detail) VALUES (0, 'extension', 'pg_cron', {detail})"
        ),
        format!("UPDATE refreshtop.undo SET detail = {detail}"),
        format!("SELECT refreshtop.note_act('job remove', 'success', {detail})"),
        "DELETE FROM refreshtop.undo".to_owned(),
        format!("UPDATE refreshtop.home SET database_name = '{database}'"),
        format!("SELECT refreshtop.change_job({job}::text, '* * * * *', true, true)"),
    ];
    for act in ["fix", "job pause", "job resume", "job every", "job remove", "schedule", "migrate up"] {
        all.push(format!("SELECT refreshtop.record_act('{act}', 'success', {detail})"));
    }
    all
}

/// Tries each of these. One that names what does not exist would prove nothing.
async fn forge(url: &str, statements: &[String]) {
    let session = support::client(url).await;
    for statement in statements {
        if let Err(failure) = session.batch_execute(statement).await {
            let code = failure.code().map(|code| code.code().to_owned()).unwrap_or_default();
            assert!(!["42P01", "42883", "42703", "42601"].contains(&&*code), "{failure:?} in {statement}");
        }
    }
}

/// 1 a, b. A member of `refreshtop_admin` owns another database, and has it taken for `pg_cron`'s.
async fn decoy_database(mut scene: Scene, jobs: &str) {
    scene.migrated().await;
    scene.attacker = scene.oncall.clone();
    let database = unique("evil");
    scene.sudo(&format!("CREATE DATABASE {database} OWNER {}", scene.oncall.name)).await;
    arm(&scene.cluster.url(&database), &scene.oncall).await;
    let there = scene.cluster.url_of(&scene.oncall.name, &scene.oncall.name, &database);
    execute(&there, &decoy(jobs, &scene.database)).await;
    forge(&scene.attacker.url, &forgeries(&database, 1)).await;
    scene.live().await;
    scene.held().await;
}
attack!(decoy_database { table: TABLE, view: VIEW } by [superuser, owner, managed]);

/// 2. Schema `cron` is free in every database but one.
async fn decoy_schema(scene: Scene, jobs: &str) {
    scene.attacker_creates_in_database().await;
    scene.migrated().await;
    scene.plant(&decoy(jobs, &scene.database)).await;
    scene.live().await;
    scene.held().await;
}
attack!(decoy_schema { view: VIEW, index: INDEX, policy: POLICY } by [superuser, owner, managed]);

/// The same, found by the first migration.
async fn decoy_schema_first(scene: Scene) {
    scene.attacker_creates_in_database().await;
    scene.plant(&decoy(VIEW, &scene.database)).await;
    scene.migrate().await;
    scene.live().await;
    scene.held().await;
}
attack!(decoy_schema_first by [superuser, owner, managed]);

/// 3 b. The owner of schema `public` replaces what the jobs call.
async fn replaced_functions(scene: Scene, replacement: &str) {
    scene.attacker_owns_public().await;
    scene.migrated().await;
    scene.try_to_plant(&["DROP FUNCTION public.refresh_platform_metrics_with_logging()"]).await;
    scene.try_to_plant(&["DROP FUNCTION public.cleanup_old_metrics_logs()"]).await;
    scene.try_to_plant(&["DROP FUNCTION public.trigger_platform_metrics_refresh()"]).await;
    scene.try_to_plant(&["DROP FUNCTION public.get_metrics_refresh_stats(integer)"]).await;
    scene.plant(replacement).await;
    scene.live().await;
    // The contract names a function in schema public; the role that calls it has nothing to lose.
    scene.held_but_as(&["refreshtop_job"]).await;
}
const REPLACED: &str = "
CREATE FUNCTION public.refresh_platform_metrics_with_logging() RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('refresh')) $$;
CREATE FUNCTION public.cleanup_old_metrics_logs() RETURNS bigint LANGUAGE sql AS $$ SELECT m.evil('cleanup')::bigint $$;
CREATE FUNCTION public.trigger_platform_metrics_refresh() RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('trigger')) $$;
CREATE FUNCTION public.get_metrics_refresh_stats(p_hours integer DEFAULT 24) RETURNS bigint LANGUAGE sql AS $$ SELECT m.evil('stats')::bigint $$";
const OVERLOADED: &str = "
CREATE FUNCTION public.refresh_platform_metrics_with_logging(x integer DEFAULT 1) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('refresh')) $$;
CREATE FUNCTION public.cleanup_old_metrics_logs(x integer DEFAULT 1) RETURNS bigint LANGUAGE sql AS $$ SELECT m.evil('cleanup')::bigint $$;
CREATE FUNCTION public.trigger_platform_metrics_refresh(x integer DEFAULT 1) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('trigger')) $$";
const RENAMED: &str = "
ALTER SCHEMA public RENAME TO before; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC;
CREATE FUNCTION public.refresh_platform_metrics_with_logging() RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('refresh')) $$;
CREATE FUNCTION public.cleanup_old_metrics_logs() RETURNS bigint LANGUAGE sql AS $$ SELECT m.evil('cleanup')::bigint $$";
attack!(replaced_functions { replaced: REPLACED, overloaded: OVERLOADED } by [superuser, owner, managed]);

/// The same by way of the schema's own name, which takes the right to create schemas.
async fn renamed_schema(scene: Scene) {
    scene.attacker_creates_in_database().await;
    replaced_functions(scene, RENAMED).await;
}
attack!(renamed_schema by [superuser, owner, managed]);

const JOBS: &str = "coalesce(string_agg(concat_ws('|', jobname, schedule, command, database, username, active), E'\\n'
    ORDER BY jobname, username), '') FROM cron.job";

/// Every job of the scene's database, but for its number.
async fn jobs(cron: &str, scene: &Scene) -> String {
    value(cron, &format!("SELECT {JOBS} WHERE database = '{}'", scene.database)).await
}

/// 1 c. A member of `refreshtop_admin` has a stranger's job taken for ours.
async fn strangers_job(scene: Scene) {
    let Some(cron) = scene.cron() else { return };
    let name = unique("payroll");
    let job: i64 = value(&cron, &format!("SELECT cron.schedule('{name}', '0 0 1 1 *', 'SELECT 1')")).await;
    scene.migrated().await;
    let before: String = value(&cron, &format!("SELECT {JOBS} WHERE jobname = '{name}'")).await;
    for database in ["postgres", &scene.database] {
        forge(&scene.oncall.url, &forgeries(database, job)).await;
    }
    for change in [format!("'{name}', '* * * * *', true"), format!("'{name}', NULL, false, true")] {
        scene.try_as(&scene.oncall.url, &[&format!("SELECT refreshtop.change_job({change})")]).await;
    }
    scene.live().await;
    let after: String = value(&cron, &format!("SELECT {JOBS} WHERE jobname = '{name}'")).await;
    assert_eq!(after, before);
    scene.held().await;
}
// An owner of the database alone, who may not see the server's settings, schedules nothing if pg_cron is in another
// database.
attack!(strangers_job by [superuser, owner, managed]);

/// Somebody else has scheduled a job of our name for our database: neither is it taken for ours, nor is ours missing.
async fn decoy_job(scene: Scene, command: &str) {
    let Some(cron) = scene.cron() else { return };
    let Actor { name, .. } = &scene.attacker;
    let there = scene.cluster.url_of(name, name, support::CRON_DATABASE);
    let schedule = format!(
        "SELECT cron.schedule_in_database('refresh-platform-metrics', '0 0 1 1 *', $${command}$$, '{}')",
        scene.database
    );
    execute(&there, &schedule).await;
    let theirs = format!("SELECT {JOBS} WHERE username = '{name}'");
    let before: String = value(&cron, &theirs).await;
    let ran = scene.run(&scene.boss.url, "migrate").await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(value::<String>(&cron, &theirs).await, before);
    let ours = format!(
        "SELECT count(*) FROM cron.job WHERE database = '{}' AND username <> '{name}' AND active
         AND command = 'SELECT public.refresh_platform_metrics_with_logging();'",
        scene.database
    );
    assert_eq!(value::<i64>(&cron, &ours).await, 1, "{ran:?}");
    scene.pause_jobs().await;
    for line in ["job every 7m", "job pause", "job resume", "job remove --yes", "job restore", "migrate down --yes"] {
        scene.run(&scene.boss.url, line).await;
    }
    let left = format!("SELECT {JOBS} WHERE database = '{}'", scene.database);
    assert_eq!(value::<String>(&cron, &left).await.replace("|f", "|t"), before.replace("|f", "|t"));
    scene.held().await;
}
// Not by an owner without roles, who can't see which database pg_cron is in and schedules nothing.
attack!(decoy_job { same_command: "SELECT public.refresh_platform_metrics_with_logging();", own_command: "SELECT m.evil('job')" } by [superuser, managed]);

/// 14. A rollback that does not come to its end leaves the jobs as they were.
///
/// In a cluster of its own: one that waits for its time limit holds the roles, and migrations of other databases wait for it.
async fn broken_rollback(scene: Scene, signal: Option<&str>) {
    let scene = scene.in_own_cluster().await;
    let Some(cron) = scene.cron() else { return };
    scene.migrated().await;
    let change = format!(
        "SELECT cron.alter_job(jobid, schedule := '*/7 * * * *', active := false) FROM cron.job WHERE database = '{}'",
        scene.database
    );
    execute(&cron, &change).await;
    let before = jobs(&cron, &scene).await;
    assert_eq!(before.lines().count(), 2);
    let holder =
        support::session::Session::with(&scene.superuser, "BEGIN; SELECT * FROM public.metrics_refresh_log").await;
    let mut down = Running::start(&scene.boss.url, "migrate down --yes");
    if let Some(signal) = signal {
        let waits = format!(
            "EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock')",
            scene.database
        );
        // In a session of its own: inside a transaction the activity that was seen first stays.
        support::session::Session::open(&scene.superuser).await.until(&waits).await;
        Command::new("kill").args([signal, &down.0.id().to_string()]).status().unwrap();
    }
    assert_ne!(down.ended().await, Some(0));
    holder.run("ROLLBACK").await;
    // What was cancelled is over in a moment.
    sleep(Duration::from_millis(500)).await;
    assert_eq!(jobs(&cron, &scene).await, before);
    scene.works().await;
    let down = scene.run(&scene.boss.url, "migrate down --yes").await;
    assert_eq!(down.code, 0, "{down:?}");
    assert_eq!(jobs(&cron, &scene).await, "");
}
attack!(broken_rollback { interrupted: Some("-INT"), terminated: Some("-TERM"), timed_out: None } by [superuser, managed]);

/// 31. A database of the same name takes another's jobs neither over nor leaves them behind.
async fn database_made_again(scene: Scene) {
    let Some(cron) = scene.cron() else { return };
    scene.migrated().await;
    let maintenance = scene.cluster.url("postgres");
    let Scene { database, boss, .. } = &scene;
    execute(&maintenance, &format!("DROP DATABASE {database} WITH (FORCE)")).await;
    execute(&maintenance, &format!("CREATE DATABASE {database} OWNER {}", boss.name)).await;
    execute(&boss.url, support::SMALL_APP).await;
    scene.migrated().await;
    scene.works().await;
    assert_eq!(jobs(&cron, &scene).await.lines().count(), 2);
    let down = scene.run(&boss.url, "migrate down --yes").await;
    assert_eq!(down.code, 0, "{down:?}");
    assert_eq!(jobs(&cron, &scene).await, "");
}
attack!(database_made_again by [superuser, managed]);

/// A member of `refreshtop_admin` changes our jobs if `pg_cron` is in the application's database, and no other's.
async fn jobs_of_others_here(scene: Scene) {
    let Some(scene) = scene.in_cron_database().await else { return };
    scene.migrated().await;
    let own: i64 = value(&scene.superuser, "SELECT count(*) FROM cron.job WHERE database = current_database()").await;
    assert_eq!(own, 2);
    scene
        .sudo(
            "SELECT cron.schedule('payroll', '0 0 1 1 *', 'SELECT 1');
             SELECT cron.schedule_in_database('refresh-platform-metrics@other', '0 0 1 1 *',
                 'SELECT public.refresh_platform_metrics_with_logging();', 'postgres')",
        )
        .await;
    let others = format!("SELECT {JOBS} WHERE schedule = '0 0 1 1 *'");
    let before: String = value(&scene.superuser, &others).await;
    let mut tries: Vec<String> = Vec::new();
    for name in ["payroll", "refresh-platform-metrics@other", "refresh-platform-metrics@postgres", "%", ""] {
        tries.push(format!("SELECT refreshtop.change_job('{name}', '* * * * *', true)"));
        tries.push(format!("SELECT refreshtop.change_job('{name}', NULL, NULL, true)"));
    }
    tries.push("UPDATE cron.job SET command = 'SELECT 2'".into());
    tries.push("SELECT cron.unschedule(jobid) FROM cron.job".into());
    scene.try_as(&scene.oncall.url, &tries.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let ours: bool =
        value(&scene.oncall.url, "SELECT refreshtop.change_job('refresh-platform-metrics', '*/7 * * * *', false)")
            .await;
    assert!(ours);
    scene.live().await;
    // The scene itself pauses what is active, so that nothing runs meanwhile.
    let after = value::<String>(&scene.superuser, &others).await;
    assert_eq!(after.replace("|f", "|t"), before.replace("|f", "|t"));
    scene.held().await;
}
attack!(jobs_of_others_here by [superuser, managed]);

/// Somebody may create in schema `cron`, and makes a function that fits a call of ours better.
async fn open_cron_schema(scene: Scene) {
    let scene = scene.in_own_cluster().await;
    let Some(cron) = scene.cron() else { return };
    arm(&cron, &scene.attacker).await;
    execute(&cron, &format!("GRANT ALL ON SCHEMA cron TO {}", scene.attacker.name)).await;
    let database = &scene.database;
    execute(
        &cron,
        &format!(
            "SELECT cron.schedule_in_database('refresh-platform-metrics', '0 0 1 1 *',
                 'REFRESH MATERIALIZED VIEW CONCURRENTLY public.platform_metrics', '{database}')"
        ),
    )
    .await;
    let Actor { name, .. } = &scene.attacker;
    let there = format!("{}/{}", scene.attacker.url.rsplit_once('/').unwrap().0, support::CRON_DATABASE);
    execute(
        &there,
        "CREATE FUNCTION cron.alter_job(job_id integer, command text, username text) RETURNS void LANGUAGE sql AS $$ SELECT m.evil('alter_job') $$;
         CREATE FUNCTION cron.unschedule(integer) RETURNS boolean LANGUAGE sql AS $$ SELECT m.evil('unschedule') = 1 $$",
    )
    .await;
    let ran = scene.migrate().await;
    assert!(ran.text().contains("others may create objects in schema cron"), "{name}: {ran:?}");
    scene.live().await;
    scene.held().await;
}
attack!(open_cron_schema by [superuser]);

/// The owner of the database of `pg_cron` makes sessions act as him: missing rights must not be granted to him then.
async fn role_of_the_cron_database(scene: Scene) {
    let scene = scene.in_own_cluster().await;
    let Some(cron) = scene.cron() else { return };
    let (database, name) = (support::CRON_DATABASE, &scene.attacker.name);
    let own = format!(
        "ALTER DATABASE {database} OWNER TO {name}; GRANT USAGE ON SCHEMA cron TO {name};
         ALTER DATABASE {database} SET role = '{name}'"
    );
    execute(&cron, &own).await;
    let ran = scene.run(&scene.boss.url, "migrate").await;
    assert!(ran.text().contains(&format!("ALTER DATABASE {database} RESET role")), "{ran:?}");
    assert!(!ran.text().contains("GRANT"), "{ran:?}");
    scene.sudo(&format!("ALTER DATABASE {database} RESET role")).await;
    let ran = scene.migrated().await;
    assert!(ran.text().contains("scheduled"), "{ran:?}");
}
attack!(role_of_the_cron_database by [superuser]);
