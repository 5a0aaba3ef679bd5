//! Our roles' names, taken first by somebody who may create roles and is no superuser; and what code that runs as a role of
//! ours can leave in it.

use crate::{
    scene::{Migrator, Scene},
    support::{self, execute, session::Session, unique, value},
};

/// The scene in a cluster of its own, whose attacker may create roles; none up to release 15, where a role that may do that
/// is as good as a superuser.
async fn with_creator(scene: &Scene) -> Option<Scene> {
    if value::<i32>(&scene.superuser, "SELECT current_setting('server_version_num')::integer").await < 160_000 {
        return None;
    }
    let scene = scene.in_own_cluster().await;
    let name = &scene.attacker.name;
    let right = format!(
        "ALTER ROLE {name} CREATEROLE; GRANT CREATE ON DATABASE {} TO {name} WITH GRANT OPTION",
        scene.database
    );
    scene.sudo(&right).await;
    Some(scene)
}

/// A role of the attacker's makes our owner, and becomes it.
fn make_owner(scene: &Scene, helper: &str) -> String {
    format!(
        "CREATE ROLE {helper} CREATEROLE; GRANT {helper} TO {} WITH INHERIT TRUE, SET TRUE;
         GRANT CREATE ON DATABASE {} TO {helper}; SET ROLE {helper};
         CREATE ROLE refreshtop_owner NOLOGIN NOINHERIT; GRANT refreshtop_owner TO {helper} WITH INHERIT TRUE, SET TRUE",
        scene.attacker.name, scene.database
    )
}

/// Nobody is a member of the owner any more.
fn drop_helper(scene: &Scene, helper: &str) -> String {
    format!(
        "RESET ROLE; REASSIGN OWNED BY {helper} TO {}; DROP OWNED BY {helper}; DROP ROLE {helper}",
        scene.attacker.name
    )
}

/// Run as `refreshtop_owner`, whose schema it is.
const TABLES: &str = "
CREATE SCHEMA refreshtop AUTHORIZATION refreshtop_owner; SET ROLE refreshtop_owner;
CREATE FUNCTION refreshtop.default_id() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN PERFORM m.evil('default of audit'); RETURN (random() * 1e9)::bigint; END $$;
CREATE TABLE refreshtop.audit (id bigint DEFAULT refreshtop.default_id() PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(), action text NOT NULL, outcome text NOT NULL, caller name NOT NULL,
    login_role name NOT NULL, application_name text, client_addr inet, detail jsonb)";
const QUESTIONS: &str = "
CREATE SCHEMA refreshtop AUTHORIZATION refreshtop_owner; SET ROLE refreshtop_owner;
CREATE FUNCTION refreshtop.planned(integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
CREATE TABLE refreshtop.home (only_row boolean, system_identifier bigint, database_oid oid, database_name name);
CREATE TABLE refreshtop.inventory (kind text, object text, detail text);
CREATE TABLE refreshtop.migrations (version bigint, description text, installed_on timestamptz, success boolean,
    checksum bytea, execution_time bigint);
CREATE INDEX ON refreshtop.home (only_row) WHERE refreshtop.planned(1);
CREATE INDEX ON refreshtop.inventory (kind) WHERE refreshtop.planned(1);
CREATE INDEX ON refreshtop.migrations (version) WHERE refreshtop.planned(1);
CREATE OR REPLACE FUNCTION refreshtop.planned(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM m.evil('planner'); RETURN true; END $$;
CREATE FUNCTION refreshtop.stats(p_refresh_type text, p_window interval) RETURNS TABLE (total_refreshes bigint,
    successful_refreshes bigint, failed_refreshes bigint, success_rate numeric, avg_duration_ms numeric,
    max_duration_ms numeric, min_duration_ms numeric, last_refresh_at timestamptz, last_error text, last_success_at timestamptz)
    LANGUAGE sql SECURITY DEFINER
    AS $$ SELECT m.evil('stats')::bigint, 1::bigint, 0::bigint, 100.0, 1.0, 1.0, 1.0, now(), NULL::text, now() $$";

/// What people with great rights run. Nobody calls by hand what is in a schema that a stranger created.
async fn use_programs(scene: &Scene) {
    for line in [
        "status",
        "stats",
        "runs",
        "check",
        "metrics",
        "doctor",
        "trigger",
        "cleanup --yes",
        "job show",
        "migrate status",
        "migrate --dry-run",
        "migrate",
        "migrate down --yes",
    ] {
        for url in [&scene.superuser, &scene.boss.url] {
            scene.run(url, line).await;
        }
    }
}

/// Whoever may create roles makes our owner before us, has it own code in a schema of our name, and takes every trace of
/// himself away.
async fn owner_made_first(scene: Scene, planted: &str) {
    let Some(scene) = with_creator(&scene).await else { return };
    let helper = unique("helper");
    let make = make_owner(&scene, &helper);
    scene.plant(&format!("{make}; {planted}; {}", drop_helper(&scene, &helper))).await;
    let refused = scene.migrate().await;
    assert_ne!(refused.code, 0, "{refused:?}");
    use_programs(&scene).await;
    scene.held().await;
    if scene.migrator == Migrator::Superuser {
        assert!(refused.err.contains("DROP OWNED BY refreshtop_owner"), "{refused:?}");
        scene.sudo("DROP OWNED BY refreshtop_owner CASCADE; DROP ROLE refreshtop_owner").await;
        scene.migrated().await;
        scene.works().await;
        scene.live().await;
        scene.held().await;
    }
}
attack!(owner_made_first { tables: TABLES, questions: QUESTIONS } by [superuser, managed]);

/// The same, and somebody stays a member: to take only that away would make what he left look like ours.
async fn owner_made_first_by_a_member(scene: Scene) {
    let Some(scene) = with_creator(&scene).await else { return };
    let helper = unique("helper");
    scene.plant(&format!("{}; {TABLES}", make_owner(&scene, &helper))).await;
    let refused = scene.migrate().await;
    assert!(refused.code != 0 && !refused.text().contains("REVOKE"), "{refused:?}");
    let doctor = scene.run(&scene.superuser, "doctor").await;
    assert!(!doctor.text().contains("REVOKE refreshtop_owner"), "{doctor:?}");
    scene.sudo(&format!("REVOKE refreshtop_owner FROM {helper} CASCADE")).await;
    scene.migrate().await;
    use_programs(&scene).await;
    scene.held().await;
}
attack!(owner_made_first_by_a_member by [superuser, managed]);

/// A session goes on as a role that its own role is no member of any more.
async fn owner_made_first_and_kept_open(scene: Scene) {
    let Some(scene) = with_creator(&scene).await else { return };
    let helper = unique("helper");
    scene.plant(&make_owner(&scene, &helper)).await;
    let open = Session::with(&scene.attacker.url, "SET ROLE refreshtop_owner").await;
    scene.plant(&drop_helper(&scene, &helper)).await;
    scene.migrated().await;
    for sql in [
        "ALTER FUNCTION refreshtop.refresh(text, text) SECURITY INVOKER",
        "CREATE TRIGGER t BEFORE INSERT ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION m.evil_trigger()",
        "CREATE TRIGGER t BEFORE INSERT ON refreshtop.audit FOR EACH ROW EXECUTE FUNCTION m.evil_trigger()",
    ] {
        assert!(open.client.batch_execute(sql).await.is_err(), "{sql}");
    }
    scene.works().await;
    scene.live().await;
    scene.held().await;
}
attack!(owner_made_first_and_kept_open by [superuser, managed]);

/// The roles that others use are created first, with access for their creator.
async fn roles_made_first(scene: Scene) {
    let Some(scene) = with_creator(&scene).await else { return };
    scene
        .plant(
            "CREATE ROLE refreshtop_admin LOGIN PASSWORD 'x'; CREATE ROLE refreshtop_view LOGIN PASSWORD 'x';
             CREATE ROLE refreshtop_monitor LOGIN PASSWORD 'x'; CREATE ROLE refreshtop_job LOGIN PASSWORD 'x';
             ALTER ROLE refreshtop_admin SET statement_timeout = '1ms';
             ALTER ROLE refreshtop_job SET default_transaction_read_only = on",
        )
        .await;
    let name = &scene.attacker.name;
    let ran = scene.migrated().await;
    let names_role =
        |text: &str| text.lines().any(|line| line.contains(name.as_str()) && line.contains("refreshtop_admin"));
    assert!(names_role(&ran.text()), "{ran:?}");
    let doctor = scene.run(&scene.superuser, "doctor").await;
    assert!(names_role(&doctor.text()), "{doctor:?}");
    let ways = "SELECT coalesce(array_agg(way ORDER BY way), '{}') FROM (
        SELECT 'password of ' || rolname AS way FROM pg_authid
        WHERE rolname LIKE 'refreshtop\\_%' AND rolpassword IS NOT NULL
        UNION ALL SELECT 'login of ' || rolname FROM pg_roles
        WHERE rolname IN ('refreshtop_admin', 'refreshtop_view', 'refreshtop_monitor') AND rolcanlogin
        UNION ALL SELECT concat_ws(' ', 'setting of', r.rolname, c.setting) FROM pg_db_role_setting s
        JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN LATERAL unnest(s.setconfig) AS c(setting)
        WHERE r.rolname LIKE 'refreshtop\\_%' AND NOT (s.setdatabase = 0 AND (
            c.setting ~ '^log_.*_stats=' OR c.setting IN (
                'default_transaction_isolation=read committed', 'default_transaction_read_only=off', 'exit_on_error=off',
                'statement_timeout=0', 'transaction_timeout=0')))
        UNION ALL SELECT concat_ws(' ', m.rolname, 'is a member of', r.rolname) FROM pg_auth_members a
        JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
        WHERE r.rolname IN ('refreshtop_view', 'refreshtop_monitor', 'refreshtop_job') AND NOT m.rolsuper) ways";
    assert_eq!(value::<Vec<String>>(&scene.superuser, ways).await, Vec::<String>::new());
    scene.works().await;
    assert!(scene.run_job().await);
    scene.live().await;
    scene.held().await;
}
attack!(roles_made_first by [superuser]);

/// What code that runs as the jobs' role can do to that role, for all databases of the cluster.
const LEFT_IN_THE_ROLE: [&str; 6] = [
    "ALTER ROLE CURRENT_USER PASSWORD 'stolen'",
    "ALTER ROLE CURRENT_USER SET local_preload_libraries = 'nosuch'",
    "ALTER ROLE CURRENT_USER SET default_transaction_read_only = on",
    "ALTER ROLE CURRENT_USER SET statement_timeout = '1ms'",
    "ALTER ROLE CURRENT_USER SET role = 'none'",
    "ALTER ROLE CURRENT_USER IN DATABASE postgres SET search_path = evil, public",
];

/// The owner of one database's schema `public` has code run as the jobs' role, and leaves traps in it for the other
/// databases: settings that fail every login, a password, a function with that role's rights.
async fn traps_in_the_job_role(scene: Scene) {
    let scene = scene.in_own_cluster().await;
    // Where public is somebody else's, a role that is no superuser makes no roles.
    if scene.migrator == Migrator::Superuser {
        scene.attacker_owns_public().await;
    }
    scene.migrated().await;
    let job = scene.cluster.url_of("refreshtop_job", "stolen", &scene.database);
    scene.plant("GRANT USAGE, CREATE ON SCHEMA m TO refreshtop_job").await;
    let code = "CREATE FUNCTION m.back(sql text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE answer text; BEGIN EXECUTE sql INTO answer; RETURN answer; END $$";
    // In one session: what is set here keeps the next from logging in.
    let mut left = vec![code];
    left.extend(LEFT_IN_THE_ROLE);
    assert_eq!(scene.try_as(&job, &left).await, left.len());
    assert!(tokio_postgres::connect(&job, tokio_postgres::NoTls).await.is_err(), "the trap is none");

    // Another database of the cluster, which the attacker has no rights in.
    let other = scene.of_database(&unique("other"));
    scene.sudo(&format!("CREATE DATABASE {} OWNER {}", other.database, other.boss.name)).await;
    execute(&other.boss.url, support::SMALL_APP).await;
    for there in [&scene, &other] {
        let ran = there.migrated().await;
        let doctor = there.run(&there.boss.url, "doctor").await;
        println!("{ran:?}\n{doctor:?}");
        let settings =
            "SELECT coalesce(string_agg(concat_ws(' ', c.setting, s.setdatabase), ', ' ORDER BY c.setting), '')
            FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS c(setting)
            WHERE s.setrole = 'refreshtop_job'::regrole AND c.setting !~ '^(log_.*_stats|transaction_timeout)='";
        let own = "default_transaction_isolation=read committed 0, default_transaction_read_only=off 0, exit_on_error=off 0, statement_timeout=0 0";
        assert_eq!(value::<String>(&there.superuser, settings).await, own);
        assert!(there.run_job().await);
        there.works().await;
    }
    let again = scene.run(&scene.boss.url, "migrate").await;
    assert!(again.text().contains("up to date"), "{again:?}");

    // Noticed if nothing else is to be done, and before anybody migrates.
    let mut acts = vec!["SET default_transaction_read_only = on"];
    if scene.migrator == Migrator::Superuser {
        // Only the creator of the role knows that it must have some.
        acts.push("RESET statement_timeout");
    }
    for act in acts {
        scene.sudo(&format!("ALTER ROLE refreshtop_job {act}")).await;
        let setting = act.split(' ').nth(1).expect("a setting");
        for there in [&scene, &other] {
            let doctor = there.run(&there.boss.url, "doctor").await;
            assert!(doctor.text().contains("setting of role refreshtop_job"), "{doctor:?}");
        }
        let fixed = other.migrated().await;
        assert!(fixed.text().contains(&format!("setting {setting} of refreshtop_job")), "{fixed:?}");
    }

    // A password opens nothing if one is asked for.
    scene.sudo("ALTER ROLE refreshtop_job PASSWORD 'stolen'").await;
    let asked = "host all refreshtop_job 127.0.0.1/32 scram-sha-256\n";
    for (rule, opens) in [(asked, false), ("", true)] {
        let trust = "host all all 127.0.0.1/32 trust\n";
        std::fs::write(scene.cluster.data_dir().join("pg_hba.conf"), format!("{rule}{trust}")).unwrap();
        scene.sudo("SELECT pg_reload_conf()").await;
        let mut opened = !opens;
        for _ in 0..100 {
            opened = tokio_postgres::connect(&job, tokio_postgres::NoTls).await.is_ok();
            if opened == opens {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(opened, opens, "{rule}");
    }

    // Nobody sees from outside what belongs to whom: it is named, with the statement that drops it.
    let doctor = scene.run(&scene.boss.url, "doctor").await;
    assert!(doctor.text().contains("DROP FUNCTION m.back(pg_catalog.text)"), "{doctor:?}");
    scene.sudo("DROP FUNCTION m.back(text)").await;
    let doctor = scene.run(&scene.boss.url, "doctor").await;
    assert!(!doctor.text().contains("m.back"), "{doctor:?}");
    scene.live().await;
    // What he had run as that role is what the contract lets him.
    scene.held_but_as(&["refreshtop_job"]).await;
}
attack!(traps_in_the_job_role by [superuser, managed]);
