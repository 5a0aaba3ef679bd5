//! What the application decides with its own `is_super_admin()`: which function is called, and as which role.

use crate::{
    scene::{Actor, Migrator, Scene},
    support::{self, client, execute, unique, value},
};
use tokio_postgres::SimpleQueryMessage;

/// The application's own answer, from a JWT's claims.
const FROM_JWT: &str = "
CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT coalesce(current_setting('request.jwt.claims', true)::jsonb ->> 'app_role' = 'super_admin', false) $$";
const HOSTILE: &str = "CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE plpgsql
    AS $$ BEGIN RETURN m.evil_true('is_super_admin'); END $$";
const ADMITTED: &str = "SET request.jwt.claims = '{\"app_role\": \"super_admin\"}'";
const PUBLIC: [&str; 5] = [
    "SELECT count(*) FROM public.metrics_refresh_log",
    "SELECT public.trigger_platform_metrics_refresh()",
    "SELECT public.get_metrics_refresh_stats(24)",
    "SELECT public.cleanup_old_metrics_logs()",
    "SELECT public.refresh_platform_metrics_with_logging()",
];

/// Somebody who uses the application: he logs in himself, and is `authenticated`.
async fn end_user(scene: &Scene) -> Actor {
    let name = unique("user");
    scene.sudo(&format!("CREATE ROLE {name} LOGIN PASSWORD '{name}' IN ROLE authenticated")).await;
    Actor { url: scene.cluster.url_of(&name, &name, &scene.database), name }
}

/// 7. The owner of `is_super_admin()`, an administrator himself, changes everything that is his.
async fn asked_as_somebody_else(scene: Scene, change: &str) {
    scene.attacker_creates_in_public().await;
    // Who owns a part of the application is whom its answers are believed of. An owner without roles migrates no table of
    // another's.
    if scene.migrator != Migrator::Owner {
        scene.attacker_owns_sources(&["software_licenses"]).await;
    }
    scene.plant(HOSTILE).await;
    scene.migrated().await;
    scene.sudo(&format!("GRANT refreshtop_admin TO {}", scene.attacker.name)).await;
    let user = end_user(&scene).await;
    scene.refresh().await;
    scene.try_to_plant(&[change]).await;
    scene.try_as(&user.url, &PUBLIC).await;
    // Somebody greater looks how it is for the application's users.
    for url in [&scene.superuser, &scene.boss.url] {
        let mut statements = vec!["SET ROLE authenticated"];
        statements.extend(PUBLIC);
        scene.try_as(url, &statements).await;
    }
    scene.try_as(&scene.superuser, &PUBLIC).await;
    scene.live().await;
    // Whoever asks is a user of the application, whose owner asks; a cursor of his outlives the answer as the login.
    scene.held_but_as(&[&user.name, "authenticated"]).await;
}
attack!(asked_as_somebody_else {
    nothing: "SELECT 1",
    all_functions: "DO $$ DECLARE f regprocedure; act text; BEGIN
        FOR f IN SELECT oid FROM pg_proc WHERE proowner = current_user::regrole AND pronamespace NOT IN ('m'::regnamespace, 'public'::regnamespace) LOOP
            FOREACH act IN ARRAY ARRAY['SET search_path = m', 'SECURITY INVOKER', 'RESET ALL'] LOOP
                BEGIN EXECUTE format('ALTER FUNCTION %s %s', f, act);
                EXCEPTION WHEN OTHERS THEN NULL; END;
            END LOOP; END LOOP; END $$",
    ask_application: "ALTER FUNCTION refreshtop.ask_application() SECURITY INVOKER",
    functions_given_away: "DO $$ DECLARE f regprocedure; BEGIN
        FOR f IN SELECT oid FROM pg_proc WHERE proowner = current_user::regrole AND pronamespace NOT IN ('m'::regnamespace, 'public'::regnamespace) LOOP
            BEGIN EXECUTE format('ALTER FUNCTION %s OWNER TO refreshtop_admin', f); EXCEPTION WHEN OTHERS THEN NULL; END;
            END LOOP; END $$",
    made_again: "DROP FUNCTION public.is_super_admin(); CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE plpgsql
        SECURITY INVOKER AS $$ BEGIN RETURN m.evil_true('is_super_admin, made again'); END $$",
    dropped: "DROP OWNED BY CURRENT_USER CASCADE",
} by [superuser, owner, managed]);

/// Another role makes the function again after the migration: the new one is asked as its own owner, or not at all.
async fn made_by_another(scene: Scene) {
    scene.sudo(FROM_JWT).await;
    scene.attacker_owns_public().await;
    scene.migrated().await;
    let user = end_user(&scene).await;
    scene.plant(&format!("DROP FUNCTION public.is_super_admin(); {HOSTILE}")).await;
    scene.refresh().await;
    scene.try_as(&user.url, &PUBLIC).await;
    let mut statements = vec!["SET ROLE authenticated"];
    statements.extend(PUBLIC);
    scene.try_as(&scene.superuser, &statements).await;
    scene.live().await;
    // PostgreSQL runs whatever stands in schema public as whoever calls it there; it is only for whom the attacker's role
    // could serve anyway.
    scene.held_but_as(&[&user.name, "authenticated"]).await;
}
attack!(made_by_another by [superuser, owner, managed]);

/// 13. A denied user of the application makes the role that maintains the tables call for him.
async fn asked_by_maintenance(scene: Scene, maintenance: &str) {
    scene.sudo(FROM_JWT).await;
    scene.migrated().await;
    scene.refresh().await;
    scene.sudo(&format!("GRANT authenticated TO {}", scene.attacker.name)).await;
    let mut calls = String::new();
    for call in PUBLIC.into_iter().chain([
        "SELECT refreshtop.stats('platform_metrics', '1 day')",
        "SELECT refreshtop.refresh('platform_metrics')",
        "SELECT refreshtop.refresh_for_application('platform_metrics', NULL)",
        "SELECT refreshtop.stats_for_application('platform_metrics', '1 day')",
        "SELECT refreshtop.cleanup_logs_for_application()",
        "SELECT refreshtop.cleanup_logs()",
        "SELECT max(started_at) FROM public.metrics_refresh_log",
    ]) {
        let name = &scene.attacker.name;
        let asked = format!(
            "BEGIN EXECUTE $q${call}$q$ INTO found; IF found <> '0' THEN RAISE LOG 'attack|{name}|%|%|%|%|', $q${call}$q$, 'the answer ' || found, session_user, current_database(); END IF;
             EXCEPTION WHEN OTHERS THEN NULL; END;\n"
        );
        calls.push_str(&asked);
    }
    let loot = format!(
        "CREATE FUNCTION m.loot(value integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $f$
         DECLARE found text; BEGIN
             IF session_user = '{0}' THEN RETURN value; END IF;
             PERFORM m.climb('maintenance'); PERFORM m.loot_all(); RETURN value; END $f$;
         CREATE FUNCTION m.loot_all() RETURNS void LANGUAGE plpgsql AS $f$ DECLARE found text; BEGIN {calls} END $f$;
         CREATE TABLE m.loot (value integer); INSERT INTO m.loot SELECT generate_series(1, 10);
         CREATE INDEX ON m.loot (m.loot(value))",
        scene.attacker.name
    );
    scene.plant(&loot).await;
    let before: i64 = value(&scene.superuser, "SELECT count(*) FROM public.metrics_refresh_log").await;
    for url in [&scene.superuser, &scene.boss.url] {
        scene.try_as(url, &[maintenance]).await;
    }
    let ran = scene.hits().iter().any(|hit| hit.how == "maintenance");
    assert!(ran, "the trap was not even met");
    scene.held().await;
    assert_eq!(value::<i64>(&scene.superuser, "SELECT count(*) FROM public.metrics_refresh_log").await, before);
}
attack!(asked_by_maintenance { analyze: "ANALYZE m.loot", reindex: "REINDEX TABLE m.loot" } by [superuser, owner, managed]);

/// Another function of the name lets nobody in (number 32). It makes the call ambiguous, and that is no yes: the
/// application's administrators are locked out until it is dropped, which docs/security.md says.
async fn overloaded(scene: Scene, overload: &str) {
    scene.sudo(FROM_JWT).await;
    scene.attacker_creates_in_public().await;
    scene.migrated().await;
    scene.refresh().await;
    let user = end_user(&scene).await;
    scene.plant(overload).await;
    scene.try_as(&user.url, &PUBLIC).await;
    let session = client(&user.url).await;
    let read = async || -> u64 {
        let messages = session.simple_query("SELECT * FROM public.metrics_refresh_log").await.unwrap_or_default();
        let rows = messages.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count();
        rows as u64
    };
    assert_eq!(read().await, 0);
    session.batch_execute(ADMITTED).await.unwrap();
    read().await;
    scene.live().await;
    scene.held_but_as(&[&user.name, "authenticated"]).await;
}
attack!(overloaded {
    default_argument: "CREATE FUNCTION public.is_super_admin(x integer DEFAULT 1) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN m.evil_true('overload'); END $$",
    variadic: "CREATE FUNCTION public.is_super_admin(VARIADIC x integer[] DEFAULT '{}') RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN m.evil_true('overload'); END $$",
} by [superuser, owner, managed]);

/// A user that the application denies, or who is not a user of it, sees and does nothing; nor do the web's other roles.
async fn denied(scene: Scene) {
    scene.sudo(FROM_JWT).await;
    scene.migrated().await;
    scene.refresh().await;
    let user = end_user(&scene).await;
    let before: i64 = value(&scene.superuser, "SELECT count(*) FROM public.metrics_refresh_log").await;
    for url in [&user.url, &scene.attacker.url] {
        for call in &PUBLIC[1..] {
            assert!(client(url).await.batch_execute(call).await.is_err(), "{call}");
        }
        let rows = client(url).await.query_one(PUBLIC[0], &[]).await.map_or(0, |row| row.get::<_, i64>(0));
        assert_eq!(rows, 0);
    }
    if scene.migrator == Migrator::Managed {
        for role in ["anon", "service_role"] {
            let session = client(&scene.superuser).await;
            session.batch_execute(&format!("SET ROLE {role}")).await.unwrap();
            for call in &PUBLIC[1..] {
                assert!(session.batch_execute(call).await.is_err(), "{role}: {call}");
            }
            let rows = session.query_one(PUBLIC[0], &[]).await.map_or(0, |row| row.get::<_, i64>(0));
            assert_eq!(rows, 0, "{role}");
        }
    }
    assert_eq!(value::<i64>(&scene.superuser, "SELECT count(*) FROM public.metrics_refresh_log").await, before);
    execute(&user.url, ADMITTED).await;
    support::client(&user.url).await;
}
attack!(denied by [superuser, owner, managed]);

/// Runs with the rights of the attacker while a step fills the view, and would put a function beside those that our owner
/// calls.
const PLANTER: &str = "
CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql STABLE AS 'SELECT false';
CREATE FUNCTION m.plant() RETURNS integer SECURITY DEFINER LANGUAGE plpgsql AS $$
BEGIN
    CREATE FUNCTION refreshtop_definers.refresh_2af2787c18863c511a3fc991a4ecd557(text) RETURNS void
    LANGUAGE plpgsql AS 'BEGIN PERFORM m.evil(''overload''); END';
    RETURN 1;
EXCEPTION WHEN OTHERS THEN
    RETURN 1;
END $$;
CREATE FUNCTION m.plant(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN m.plant(); END';
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA m TO PUBLIC";

/// The owner of the application's function, who owns a source as well, puts nothing into the schema of the functions that
/// run with the rights of others.
async fn overload_of_a_definer(scene: Scene) {
    scene.attacker_creates_in_public().await;
    scene.attacker_owns_sources(&["software_licenses"]).await;
    scene.plant(PLANTER).await;
    scene.plant("CREATE INDEX ON public.software_licenses (id) WHERE m.plant(1) = 1").await;
    scene.migrate().await;
    let planted = "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                   WHERE n.nspname = 'refreshtop_definers' AND p.proargtypes = '25'::oidvector AND p.proname LIKE 'refresh%'";
    assert_eq!(value::<i64>(&scene.superuser, planted).await, 0);
    scene.live().await;
    scene.held().await;
}
attack!(overload_of_a_definer by [superuser, managed]);

/// The owner of the application's function may use every schema, as `pg_read_all_data` lets him, and has it run with
/// the rights of whoever asks. What is checked before a call can have changed by the call, so our owner calls it here.
async fn altered_by_its_owner(scene: Scene) {
    scene.attacker_creates_in_public().await;
    scene.attacker_owns_sources(&["software_licenses"]).await;
    scene.plant("CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql AS 'SELECT true'").await;
    scene.migrated().await;
    let ours: String =
        value(&scene.superuser, "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'refreshtop'").await;
    let asked = "SELECT refreshtop_definers.ask_application()";
    let session = client(&scene.superuser).await;
    session.batch_execute(&format!("SET ROLE {ours}")).await.unwrap();
    assert!(session.query_one(asked, &[]).await.unwrap().get::<_, bool>(0), "it is the application's");
    scene.sudo(&format!("GRANT USAGE ON SCHEMA refreshtop_definers TO {}", scene.attacker.name)).await;
    scene
        .plant(
            "ALTER FUNCTION refreshtop_definers.ask_application() SECURITY INVOKER;
             CREATE FUNCTION m.unequal(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT false';
             CREATE OPERATOR m.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = m.unequal);
             ALTER FUNCTION refreshtop_definers.ask_application() SET search_path = m, pg_catalog",
        )
        .await;
    assert!(!session.query_one(asked, &[]).await.unwrap().get::<_, bool>(0), "it was asked with the rights of {ours}");
    scene.live().await;
    scene.held().await;
}
// The others may not make a function of this owner.
attack!(altered_by_its_owner by [superuser]);
