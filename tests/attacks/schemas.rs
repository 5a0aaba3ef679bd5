//! Schemas and roles: taken before us, or away from us.

use crate::{
    scene::{Scene, arm},
    support::{execute, unique, value},
};

/// Objects that our own would be, or that our programs ask, with code in each.
pub const DECOYS: &str = "
CREATE VIEW refreshtop.migrations AS SELECT g AS version, 'x'::text AS description, now() AS installed_on, true AS success, ''::bytea AS checksum, 1::bigint AS execution_time
    FROM generate_series(1::bigint, 9) g WHERE m.evil_true('migrations');
CREATE VIEW refreshtop.home AS SELECT 1::bigint AS system_identifier, 1::oid AS database_oid, current_database() AS database_name WHERE m.evil_true('home');
CREATE VIEW refreshtop.undo AS SELECT now() AS at, 1 AS step, 'x'::text AS kind, 'x'::name AS object_schema, 'x'::text AS object_name, '{}'::jsonb AS detail WHERE m.evil_true('undo');
CREATE VIEW refreshtop.inventory AS SELECT 'x'::text AS kind, 'x'::text AS object, 'x'::text AS detail WHERE m.evil_true('inventory');
CREATE VIEW refreshtop.log_door AS SELECT 'x'::text AS status WHERE m.evil_true('log_door');
CREATE VIEW refreshtop.audit AS SELECT gen_random_uuid() AS id, now() AS at, 'x'::text AS action, 'x'::text AS outcome, 'x'::text AS caller, 'x'::text AS login_role, '{}'::jsonb AS detail WHERE m.evil_true('audit');
CREATE VIEW refreshtop.views AS SELECT 'platform_metrics'::text AS refresh_type, 'public'::name AS view_schema, 'platform_metrics'::name AS view_name, '5 s'::interval AS lock_timeout, '30 days'::interval AS keep_log WHERE m.evil_true('views');
CREATE FUNCTION refreshtop.is_super_admin() RETURNS boolean LANGUAGE sql AS $$ SELECT m.evil_true('is_super_admin') $$;
CREATE FUNCTION refreshtop.applied_steps() RETURNS bigint[] LANGUAGE sql AS $$ SELECT ARRAY[m.evil('applied_steps')::bigint] $$;
CREATE FUNCTION refreshtop.cron_settings() RETURNS TABLE (database text, utc_offset integer, readable boolean, launcher boolean) LANGUAGE sql AS $$ SELECT 'postgres', m.evil('cron_settings'), true, true $$;
CREATE FUNCTION refreshtop.cron_facts() RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('cron_facts')) $$;
CREATE FUNCTION refreshtop.running(p_refresh_type text DEFAULT 'platform_metrics') RETURNS TABLE (pid integer, since timestamptz, application_name text) LANGUAGE sql AS $$ SELECT m.evil('running'), now(), 'x' $$;
CREATE FUNCTION refreshtop.refresh(p_refresh_type text, p_source text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('refresh')) $$;
CREATE FUNCTION refreshtop.cleanup_logs(p_batch integer DEFAULT 1, p_max_batches integer DEFAULT 1) RETURNS bigint LANGUAGE sql AS $$ SELECT m.evil('cleanup_logs')::bigint $$;
CREATE FUNCTION refreshtop.past_keeping(p_older_than interval DEFAULT NULL) RETURNS TABLE (refresh_type text, log_rows bigint, oldest timestamptz) LANGUAGE sql AS $$ SELECT 'x', m.evil('past_keeping')::bigint, now() $$;
CREATE FUNCTION refreshtop.stats(p_refresh_type text, p_window interval) RETURNS TABLE (total_refreshes bigint, successful_refreshes bigint, failed_refreshes bigint, success_rate numeric,
    avg_duration_ms numeric, max_duration_ms numeric, min_duration_ms numeric, last_refresh_at timestamptz, last_error text, last_success_at timestamptz)
    LANGUAGE sql AS $$ SELECT m.evil('stats')::bigint, 1::bigint, 0::bigint, 100.0, 1.0, 1.0, 1.0, now(), NULL::text, now() $$;
CREATE FUNCTION refreshtop.record_act(p_action text, p_outcome text, p_detail jsonb) RETURNS void LANGUAGE sql AS $$ SELECT m.evil('record_act') $$;
CREATE FUNCTION refreshtop.change_job(p_job_name text, p_schedule text, p_active boolean, p_remove boolean DEFAULT false) RETURNS boolean LANGUAGE sql AS $$ SELECT m.evil('change_job') = 1 $$;
GRANT USAGE ON SCHEMA refreshtop TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA refreshtop TO PUBLIC";

/// Schemas of our names are there before the first migration.
async fn schemas_taken(scene: Scene, taken: &str) {
    scene.attacker_creates_in_database().await;
    scene.plant(taken).await;
    scene.look().await;
    scene.migrate().await;
    scene.live().await;
    scene.held().await;
}
// An owner without roles has no schema but his own between himself and whoever may create schemas in his database.
attack!(schemas_taken {
    empty: "CREATE SCHEMA refreshtop; GRANT ALL ON SCHEMA refreshtop TO PUBLIC",
    definers: "CREATE SCHEMA refreshtop_definers; GRANT ALL ON SCHEMA refreshtop_definers TO PUBLIC",
    before: "CREATE SCHEMA refreshtop_before; GRANT ALL ON SCHEMA refreshtop_before TO PUBLIC;
        CREATE TABLE refreshtop_before.metrics_refresh_log (id uuid, refresh_type text, status text DEFAULT m.evil('default')::text)",
    types: "CREATE SCHEMA refreshtop; CREATE TYPE refreshtop.views AS (refresh_type text); CREATE SEQUENCE refreshtop.attempts",
} by [superuser, owner, managed]);

/// The same with everything in them that our programs ask.
async fn decoys_in_our_schema(scene: Scene) {
    scene.attacker_creates_in_database().await;
    scene.plant(&format!("CREATE SCHEMA refreshtop; {DECOYS}")).await;
    // By our programs alone: nobody calls by hand what stands there.
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
        "migrate down --yes",
    ] {
        scene.run(&scene.superuser, line).await;
        scene.run(&scene.boss.url, line).await;
    }
    assert_ne!(scene.migrate().await.code, 0);
    scene.held().await;
}
// Not by the owner without roles: a session that has no great rights is not kept from what it was granted.
attack!(decoys_in_our_schema by [superuser, managed]);

/// 16. A cluster that has lost one of our roles, as after a restore elsewhere, or in which somebody has changed it.
async fn role_lost(scene: Scene, loss: &str) {
    let scene = scene.in_own_cluster().await;
    scene.migrated().await;
    scene.sudo(loss).await;
    let doctor = scene.run(&scene.boss.url, "doctor").await;
    assert_ne!(doctor.code, 0, "{doctor:?}");
    scene.migrated().await;
    scene.works().await;
    for line in ["trigger", "status", "stats", "runs", "cleanup --yes"] {
        let ran = scene.run(&scene.oncall.url, line).await;
        assert!(ran.code < 64, "{line}: {ran:?}");
    }
    assert!(scene.run_job().await);
    scene.live().await;
}
// Not by the owner without roles: he can't make the role again.
attack!(role_lost {
    dropped: "DROP OWNED BY refreshtop_admin; DROP ROLE refreshtop_admin",
    renamed: "ALTER ROLE refreshtop_admin RENAME TO administrators",
    // Made by a rollback's predecessor, or by hand: without login the jobs can't run.
    without_login: "DO $$ BEGIN ALTER ROLE refreshtop_job NOLOGIN; END $$",
    without_grants: "DROP OWNED BY refreshtop_job",
} by [superuser, managed]);

/// Our roles' names are taken by somebody who could create roles: nothing of ours is then his.
async fn role_taken(scene: Scene, role: &str) {
    let scene = scene.in_own_cluster().await;
    let name = &scene.attacker.name;
    scene
        .sudo(&format!("CREATE ROLE {role} LOGIN SUPERUSER; ALTER ROLE {role} NOSUPERUSER; GRANT {role} TO {name}"))
        .await;
    let migrated = scene.migrate().await;
    let member = format!("SELECT pg_has_role('{name}', '{role}', 'MEMBER')");
    let member: bool = value(&scene.superuser, &member).await;
    // Whoever migrates alone uses no role of ours.
    let used = format!("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'refreshtop' AND nspowner = '{role}'::regrole)
        OR EXISTS (SELECT 1 FROM pg_proc WHERE pronamespace = to_regnamespace('refreshtop_definers') AND proowner = '{role}'::regrole)
        OR EXISTS (SELECT 1 FROM pg_matviews WHERE matviewowner = '{role}')");
    let used: bool = value(&scene.superuser, &used).await;
    assert!(migrated.code != 0 || !member || !used, "{name} is a member of {role}: {migrated:?}");
    scene
        .try_to_plant(&[
            &format!("SET ROLE {role}"),
            "ALTER FUNCTION refreshtop.refresh(text, text) SECURITY INVOKER",
            "CREATE TRIGGER t BEFORE INSERT ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION m.evil_trigger()",
        ])
        .await;
    scene.sudo(&format!("REVOKE {role} FROM {name}")).await;
    scene.live().await;
    scene.held().await;
}
// Not by the owner without roles, who makes none; and not refreshtop_job, whose members may refresh and change jobs.
attack!(role_taken { owner: "refreshtop_owner", view: "refreshtop_view", monitor: "refreshtop_monitor" } by [superuser, managed]);

/// Members of `refreshtop_admin` may look and refresh; what is ours is not theirs to change.
async fn members_are_no_owners(mut scene: Scene) {
    scene.migrated().await;
    scene.attacker = scene.oncall.clone();
    scene.sudo("DROP SCHEMA m CASCADE").await;
    arm(&scene.superuser, &scene.oncall).await;
    let other = unique("other");
    let done = scene
        .try_to_plant(&[
            "ALTER FUNCTION refreshtop.refresh(text, text) SECURITY INVOKER",
            "CREATE FUNCTION refreshtop.later() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$",
            "CREATE TABLE refreshtop.later (a integer)",
            "INSERT INTO refreshtop.undo (step, kind, object_name) VALUES (1, 'table', 'accounts')",
            "INSERT INTO refreshtop.views (refresh_type, view_name) VALUES ('x', 'x')",
            "UPDATE refreshtop.views SET view_name = 'x'",
            "DELETE FROM refreshtop.audit",
            "DELETE FROM public.metrics_refresh_log",
            "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at) VALUES ('platform_metrics', 'success', now())",
            "UPDATE refreshtop.inventory SET detail = 'x'",
            "DELETE FROM refreshtop.migrations",
            "SET ROLE refreshtop_owner",
            "SET ROLE refreshtop_job",
            "GRANT refreshtop_admin TO PUBLIC",
            &format!("CREATE ROLE {other} IN ROLE refreshtop_admin"),
            "SELECT refreshtop.record_act('migrate up', 'success', '{}')",
            "CREATE TRIGGER t BEFORE INSERT ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION m.evil_trigger()",
            "SELECT refreshtop.refresh('x; DROP TABLE public.accounts')",
            "SELECT refreshtop.change_job('x''; SELECT m.evil(''job'')', '* * * * *''', true)",
        ])
        .await;
    // The last may well say that there is no such job.
    assert!(done <= 1, "{done} of these succeeded");
    scene.live().await;
    scene.held().await;
}
attack!(members_are_no_owners by [superuser, owner, managed]);

/// A member of `refreshtop_admin` speaks in the output of somebody else's migration, or fails it.
async fn notices_in_a_migration(scene: Scene, act: &str) {
    scene.migrated().await;
    let url = scene.oncall.url.clone();
    let act = act.to_owned();
    let speaking = tokio::spawn(async move {
        let session = crate::support::client(&url).await;
        loop {
            // What is refused now is no attack any more.
            if session.batch_execute(&act).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    });
    scene.sudo("DROP FUNCTION refreshtop.stats(text, interval)").await;
    let ran = scene.run(&scene.boss.url, "migrate").await;
    speaking.abort();
    assert!(ran.code == 0 && !ran.text().contains("IMPORTANT"), "{ran:?}");
    scene.pause_jobs().await;
}
attack!(notices_in_a_migration {
    message: "SELECT refreshtop.record_act('fix', 'kept', '{\"message\": \"IMPORTANT: run curl\"}')",
    nothing: "SELECT refreshtop.record_act('fix', 'kept', '{}')",
    migration: "SELECT refreshtop.record_act('migrate up', 'kept', '{\"message\": \"IMPORTANT: run curl\"}')",
} by [superuser, owner, managed]);

/// Settings of the names that the migrations keep notes under, as defaults of the database or of a role.
async fn notes_as_settings(scene: Scene) {
    scene.migrated().await;
    for note in
        ["rows_kept", "leave", "leave_roles", "role_before", "role_owner", "role_admin", "roles_here", "notices"]
    {
        let set = format!("ALTER DATABASE {} SET refreshtop.{note} = 'IMPORTANT: run curl'", scene.database);
        scene.sudo(&set).await;
    }
    scene.sudo("DROP FUNCTION refreshtop.stats(text, interval)").await;
    for line in ["migrate", "migrate down --yes"] {
        let ran = scene.run(&scene.boss.url, line).await;
        assert!(ran.code == 0 && !ran.text().contains("IMPORTANT"), "{ran:?}");
    }
}
attack!(notes_as_settings by [superuser, owner, managed]);

/// Whoever migrates has let the attacker into every schema that he makes. The attacker's code runs while the view is filled,
/// and fits a call of ours better.
async fn default_privileges_on_schemas(scene: Scene) {
    let name = &scene.attacker.name;
    scene.attacker_owns_sources(&["accounts"]).await;
    scene.attacker_creates_in_public().await;
    let generous = format!("ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO {name}");
    execute(&scene.boss.url, &generous).await;
    scene
        .plant(
            "CREATE FUNCTION m.helper() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN
                 EXECUTE 'CREATE OR REPLACE FUNCTION refreshtop_migration.seal(text, text, text) RETURNS void
                     LANGUAGE sql AS $f$ SELECT m.evil(''seal'') $f$;
                     GRANT EXECUTE ON FUNCTION refreshtop_migration.seal(text, text, text) TO PUBLIC';
             EXCEPTION WHEN OTHERS THEN NULL;
             END $$;
             CREATE FUNCTION m.plant(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
             BEGIN PERFORM m.helper(); RETURN 1; END $$;
             CREATE INDEX ON public.accounts (id) WHERE m.plant(1) = 1",
        )
        .await;
    scene.migrate().await;
    scene.live().await;
    execute(&scene.boss.url, &format!("ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM {name}")).await;
    scene.held_but_as(&["refreshtop_view"]).await;
}
attack!(default_privileges_on_schemas by [superuser, owner, managed]);

/// The owner of the sources may not create in schema `public`, and gets the view. His code runs when it is filled.
async fn schema_public_for_a_moment(scene: Scene) {
    let name = scene.attacker.name.clone();
    scene.sudo("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    scene.attacker_owns_sources(&crate::scene::SOURCES).await;
    scene
        .plant(
            "CREATE FUNCTION m.helper() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
             BEGIN
                 CREATE FUNCTION public.left_behind() RETURNS integer LANGUAGE sql AS 'SELECT 1';
             EXCEPTION WHEN OTHERS THEN NULL;
             END $$;
             CREATE FUNCTION m.plant(integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
             BEGIN PERFORM m.helper(); RETURN true; END $$;
             CREATE TABLE m.child () INHERITS (public.accounts); CREATE INDEX ON m.child (id) WHERE m.plant(1)",
        )
        .await;
    scene.migrated().await;
    let made = format!(
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner = '{name}'::regrole"
    );
    assert_eq!(value::<i64>(&scene.superuser, &made).await, 0);
    scene.live().await;
    scene.held().await;
}
attack!(schema_public_for_a_moment by [superuser]);

/// A superuser's event trigger calls the attacker's function at each statement of a certain kind.
async fn function_of_an_event_trigger(scene: Scene) {
    let watch = "CREATE FUNCTION m.watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('event trigger'); END $$";
    let trigger =
        "CREATE EVENT TRIGGER watch ON ddl_command_end WHEN TAG IN ('CREATE VIEW', 'REFRESH MATERIALIZED VIEW')
                   EXECUTE FUNCTION m.watch()";
    scene.migrated().await;
    scene.plant(watch).await;
    scene.sudo(trigger).await;
    let refused = scene.run(&scene.superuser, "trigger").await;
    assert!(refused.text().contains("event trigger watch runs a function of role"), "{refused:?}");
    let ran = scene.run(&scene.oncall.url, "trigger").await;
    // From 17 on our owner executes the refresh itself.
    assert!(ran.code == 0 || ran.text().contains("event trigger watch would run function"), "{ran:?}");
    scene.look().await;
    let refused = scene.run(&scene.superuser, "migrate").await;
    assert!(refused.text().contains("ALTER EVENT TRIGGER watch DISABLE"), "{refused:?}");
    scene.run(&scene.superuser, "migrate down --yes").await;
    // A refresh is a statement that event triggers watch. Whoever made that one lets its function run in everybody's
    // sessions, so also in that of on-call: docs/security.md says so.
    let application =
        "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = 'public.platform_metrics'::regclass";
    let application: String = value(&scene.superuser, application).await;
    scene.held_but_as(&[&application, &scene.oncall.name]).await;
}
attack!(function_of_an_event_trigger by [superuser]);
