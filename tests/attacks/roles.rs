//! Our roles' names, taken first by somebody who may create roles and is no superuser.

use crate::{
    scene::{Migrator, Scene},
    support::{session::Session, unique, value},
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

/// What people with great rights run. Nobody calls by hand what stands in a schema that a stranger made.
async fn use_programs(scene: &Scene) {
    for line in [
        "status",
        "stats",
        "logs",
        "check",
        "metrics",
        "doctor",
        "trigger",
        "cleanup",
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

/// The roles that others use are made first, with a way in for whoever makes them.
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
    let told = |text: &str| text.lines().any(|line| line.contains(name.as_str()) && line.contains("refreshtop_admin"));
    assert!(told(&ran.text()), "{ran:?}");
    let doctor = scene.run(&scene.superuser, "doctor").await;
    assert!(told(&doctor.text()), "{doctor:?}");
    let ways = "SELECT coalesce(array_agg(way ORDER BY way), '{}') FROM (
        SELECT 'password of ' || rolname AS way FROM pg_authid
        WHERE rolname LIKE 'refreshtop\\_%' AND rolpassword IS NOT NULL
        UNION ALL SELECT 'login of ' || rolname FROM pg_roles
        WHERE rolname IN ('refreshtop_admin', 'refreshtop_view', 'refreshtop_monitor') AND rolcanlogin
        UNION ALL SELECT concat_ws(' ', 'setting of', r.rolname, c.setting) FROM pg_db_role_setting s
        JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN LATERAL unnest(s.setconfig) AS c(setting)
        WHERE r.rolname LIKE 'refreshtop\\_%' AND c.setting !~ '^log_.*_stats='
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
