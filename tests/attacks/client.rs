//! The program itself, on a database that is not what it seems to be.

use crate::{
    scene::{Migrator, Scene},
    schemas::DECOYS,
    support::{execute, value},
};

const LOOKS: [&str; 16] = [
    "trigger",
    "cleanup --yes",
    "job pause",
    "job resume",
    "job every 7m",
    "job remove --yes",
    "job restore",
    "migrate --dry-run",
    "migrate status",
    "migrate down --yes",
    "status",
    "doctor",
    "runs",
    "stats",
    "check",
    "metrics",
];

/// 8. A database that was never migrated, with decoys of what one that was would have.
async fn never_migrated(scene: Scene, decoys: &str) {
    scene.attacker_creates_in_public().await;
    scene.attacker_creates_in_database().await;
    scene.plant(decoys).await;
    scene.try_to_plant(&["GRANT ALL ON public.metrics_refresh_log, public.platform_metrics TO PUBLIC"]).await;
    for url in [&scene.superuser, &scene.boss.url] {
        scene.look_at(url).await;
    }
    scene.held().await;
}
const LOG_AND_VIEW: &str = "
CREATE VIEW public.metrics_refresh_log AS SELECT gen_random_uuid() AS id, 'platform_metrics'::text AS refresh_type, 'success'::text AS status, 1.0 AS duration_ms,
    NULL::text AS error_message, now() AS started_at, now() AS completed_at, now() AS created_at, NULL::text AS sqlstate, NULL::text AS error_detail, NULL::text AS error_hint,
    NULL::text AS error_context, 'x'::text AS trigger_source, 'x'::text AS triggered_by, 'x'::text AS login_role, 'x'::text AS application_name, NULL::inet AS client_addr,
    1 AS backend_pid, '{}'::jsonb AS black_box, '{}'::jsonb AS measured WHERE m.evil_true('log');
CREATE VIEW public.platform_metrics AS SELECT 1::bigint AS total_accounts, now() AS last_updated WHERE m.evil_true('view')";
const TABLES: &str = "
CREATE TABLE public.metrics_refresh_log (id uuid DEFAULT gen_random_uuid(), refresh_type text, status text, duration_ms numeric, error_message text, started_at timestamptz,
    completed_at timestamptz, created_at timestamptz, sqlstate text, error_detail text, error_hint text, error_context text, trigger_source text, triggered_by text, login_role text,
    application_name text, client_addr inet, backend_pid integer, black_box jsonb, measured jsonb);
INSERT INTO public.metrics_refresh_log (refresh_type, status, created_at) VALUES ('platform_metrics', 'success', now());
CREATE INDEX ON public.metrics_refresh_log (id) WHERE m.evil_constant(1) = 1;
CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT 1::bigint AS total_accounts, now() AS last_updated;
CREATE INDEX ON public.platform_metrics (total_accounts) WHERE m.evil_constant(1) = 1";
const PUBLIC_FUNCTIONS: &str = "
CREATE FUNCTION public.refresh_platform_metrics_with_logging() RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('refresh')) $$;
CREATE FUNCTION public.cleanup_old_metrics_logs() RETURNS bigint LANGUAGE sql AS $$ SELECT m.evil('cleanup')::bigint $$;
CREATE FUNCTION public.trigger_platform_metrics_refresh() RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(m.evil('trigger')) $$;
CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql AS $$ SELECT m.evil_true('is_super_admin') $$";
// Not by an owner without roles: a session that has no great rights is not kept from what it was granted.
attack!(never_migrated {
    views: LOG_AND_VIEW,
    tables: TABLES,
    functions: PUBLIC_FUNCTIONS,
    everything: &format!("{LOG_AND_VIEW}; {PUBLIC_FUNCTIONS}; CREATE SCHEMA refreshtop; {DECOYS}"),
} by [superuser, managed]);

/// What the owner of an installation puts into it before somebody greater looks.
const OWN_FUNCTIONS: &str = "
DO $$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT p.oid::regprocedure AS called, p.proname, pg_get_function_identity_arguments(p.oid) AS arguments,
                    pg_get_function_arguments(p.oid) AS declared, pg_get_function_result(p.oid) AS result, p.proretset, n.nspname
             FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname IN ('refreshtop', 'public', 'refreshtop_definers') AND p.prokind = 'f'
               AND pg_has_role(current_user, p.proowner, 'USAGE') LOOP
        -- What can't be replaced stays.
        BEGIN EXECUTE format('CREATE OR REPLACE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE plpgsql VOLATILE SECURITY INVOKER AS %L',
            f.nspname, f.proname, f.declared, f.result, format(
            'BEGIN PERFORM m.evil(%L); %s END', f.proname, CASE WHEN f.proretset OR f.result = 'void' THEN 'RETURN;'
            WHEN f.result = 'trigger' THEN 'RETURN new;' ELSE 'RETURN NULL;' END));
        EXCEPTION WHEN OTHERS THEN NULL; END;
    END LOOP;
END $$";
const OWN_TABLES: &str = "
DO $$
DECLARE
    t regclass;
BEGIN
    FOR t IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE (n.nspname = 'refreshtop' OR c.relname = 'metrics_refresh_log') AND c.relkind = 'r' AND pg_has_role(current_user, c.relowner, 'USAGE') LOOP
        EXECUTE format('ALTER TABLE %s ADD CHECK (m.evil_true(%L))', t, 'check on ' || t);
        EXECUTE format('CREATE TRIGGER hostile BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION m.evil_trigger()', t);
        EXECUTE format('CREATE INDEX ON %s ((1)) WHERE m.evil_constant(1) = 1', t);
    END LOOP;
    BEGIN CREATE INDEX ON public.platform_metrics (total_accounts) WHERE m.evil_constant(1) = 1; EXCEPTION WHEN OTHERS THEN NULL; END;
END $$";
const OWN_NOTES: &str = "
DO $$
BEGIN
    -- What can't be written stays as it was; a name that does not exist would prove nothing.
    BEGIN
        INSERT INTO refreshtop.undo (step, kind, object_schema, object_name, detail)
        VALUES (1, 'owner', 'm', 'evil(text)', '{\"owner\": \"refreshtop_owner; SELECT m.evil(''undo'')\"}'),
               (1, 'moved', 'refreshtop_before', 'platform_metrics; SELECT m.evil(''undo'')', '{\"sql\": \"SELECT m.evil(''undo'')\"}'),
               (1, 'grant', 'm', 'evil(text)', '{\"sql\": \"SELECT m.evil(''undo'')\"}');
    EXCEPTION WHEN insufficient_privilege THEN NULL; END;
    BEGIN
        INSERT INTO refreshtop.inventory VALUES ('function', 'm.evil(text)', 'SELECT m.evil(''inventory'')');
        UPDATE refreshtop.views SET view_schema = 'm', view_name = 'evil';
    EXCEPTION WHEN insufficient_privilege THEN NULL; END;
END $$";

/// 8 b. An installation of a lesser role, which changes it before a superuser comes by.
async fn lesser_installation(mut scene: Scene, change: &str) {
    scene.migrated().await;
    scene.refresh().await;
    scene.sudo("DROP SCHEMA m CASCADE").await;
    scene.attacker = scene.boss.clone();
    crate::scene::arm(&scene.superuser, &scene.boss).await;
    let session = crate::support::client(&scene.boss.url).await;
    // A role that may create roles gets at ours: by itself up to 15, by what it made from 16 on.
    for become_owner in ["GRANT refreshtop_owner TO CURRENT_USER", "SET ROLE refreshtop_owner"] {
        let _ = session.batch_execute(become_owner).await;
    }
    session.batch_execute(change).await.unwrap();
    drop(session);
    scene.look_at(&scene.superuser).await;
    scene.run(&scene.superuser, "migrate").await;
    scene.pause_jobs().await;
    scene.look_at(&scene.superuser).await;
    // Whose roles these are runs as them anyway; what counts is who else came by.
    scene.held_but_as(&["refreshtop_owner", "refreshtop_job", "refreshtop_view", "refreshtop_monitor"]).await;
}
attack!(lesser_installation { functions: OWN_FUNCTIONS, tables: OWN_TABLES, notes: OWN_NOTES } by [owner, managed]);

/// The owner of the database has every session in it look for its names in his schema first.
async fn search_path(mut scene: Scene) {
    if scene.migrator == Migrator::Superuser {
        scene.attacker_owns_public().await;
    } else {
        scene.sudo("DROP SCHEMA m CASCADE").await;
        scene.attacker = scene.boss.clone();
        crate::scene::arm(&scene.superuser, &scene.boss).await;
    }
    scene.migrated().await;
    scene.plant(SHADOWS).await;
    let database = &scene.database;
    scene.plant(&format!("ALTER DATABASE {database} SET search_path = m, pg_catalog, public")).await;
    scene.look_at(&scene.superuser).await;
    scene.run(&scene.superuser, "migrate").await;
    scene.run(&scene.superuser, "migrate down --yes").await;
    execute(&scene.cluster.url("postgres"), &format!("ALTER DATABASE {database} RESET search_path")).await;
    // The managed service's role has made refreshtop_owner, and can become it; other attacks in its cluster do.
    scene.held_but_as(&["refreshtop_owner"]).await;
}
const SHADOWS: &str = "
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pg_class', 'pg_namespace', 'pg_roles', 'pg_proc', 'pg_stat_activity', 'pg_locks', 'pg_database', 'pg_extension',
                                'pg_depend', 'pg_index', 'pg_settings', 'pg_matviews', 'pg_auth_members'] LOOP
        EXECUTE format('CREATE VIEW m.%1$I AS SELECT * FROM pg_catalog.%1$I WHERE m.evil_true(%1$L)', name);
        EXECUTE format('GRANT SELECT ON m.%I TO PUBLIC', name);
    END LOOP;
END $$;
CREATE FUNCTION m.current_database() RETURNS name LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('current_database'); RETURN pg_catalog.current_database(); END $$;
CREATE FUNCTION m.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('now'); RETURN pg_catalog.now(); END $$;
CREATE FUNCTION m.to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('to_regclass'); RETURN pg_catalog.to_regclass($1); END $$;
CREATE FUNCTION m.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('current_setting'); RETURN pg_catalog.current_setting($1, $2); END $$;
CREATE FUNCTION m.pg_backend_pid() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('pg_backend_pid'); RETURN pg_catalog.pg_backend_pid(); END $$;
CREATE FUNCTION m.same(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('operator'); RETURN pg_catalog.texteq($1, $2); END $$;
CREATE OPERATOR m.= (LEFTARG = text, RIGHTARG = text, FUNCTION = m.same);
CREATE FUNCTION m.same(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('operator'); RETURN pg_catalog.nameeqtext($1, $2); END $$;
CREATE OPERATOR m.= (LEFTARG = name, RIGHTARG = text, FUNCTION = m.same)";
attack!(search_path by [superuser, owner, managed]);

impl Scene {
    /// Every command that asks the database anything, as the role of `url`.
    async fn look_at(&self, url: &str) {
        for line in LOOKS {
            self.run(url, line).await;
        }
    }
}

/// What the attacker lays under the name of ours in a database of his own.
const OWN_INSTALLATION: &str = "
CREATE SCHEMA refreshtop;
CREATE TABLE refreshtop.migrations (version bigint PRIMARY KEY, description text NOT NULL,
    installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
CREATE INDEX ON refreshtop.migrations (version) WHERE m.evil_constant(1) = 1";

/// A database's owner sets the role that sessions act as, so that what is his looks like the migrator's own.
async fn role_of_the_database(scene: Scene) {
    let (database, name) = (&scene.database, &scene.attacker.name);
    scene.sudo(&format!("ALTER DATABASE {database} OWNER TO {name}")).await;
    scene.plant(OWN_INSTALLATION).await;
    scene.plant(&format!("ALTER DATABASE {database} SET role = '{name}'")).await;
    for line in ["migrate status", "migrate", "migrate --dry-run", "migrate down --yes"] {
        let ran = scene.run(&scene.boss.url, line).await;
        assert!(line.contains("dry") || ran.code != 0, "{line}: {ran:?}");
    }
    scene.look_as(&scene.boss.url).await;
    scene.sudo(&format!("ALTER DATABASE {database} RESET role")).await;
    scene.held().await;
}
attack!(role_of_the_database by [superuser, managed]);

/// A database's owner sets a search path on which his functions, operators and types come before PostgreSQL's.
async fn search_path_of_the_database(scene: Scene) {
    let (database, name) = (&scene.database, &scene.attacker.name);
    scene.sudo(&format!("ALTER DATABASE {database} OWNER TO {name}")).await;
    scene
        .plant(
            // The trap itself must not meet the shadows.
            "ALTER FUNCTION m.climb(text) SET search_path = pg_catalog, pg_temp;
             ALTER FUNCTION m.evil(text) SET search_path = pg_catalog, pg_temp;
             CREATE SCHEMA evil;
             GRANT USAGE ON SCHEMA evil TO PUBLIC;
             CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE plpgsql AS $$
             BEGIN PERFORM m.evil('current_setting'); RETURN pg_catalog.current_setting($1); END $$;
             CREATE FUNCTION evil.current_database() RETURNS name LANGUAGE plpgsql AS $$
             BEGIN PERFORM m.evil('current_database'); RETURN pg_catalog.current_database(); END $$;
             CREATE FUNCTION evil.is_text(value pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$
             BEGIN PERFORM m.evil('cast to text'); RETURN true; END $$;
             CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.is_text(value));
             CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS $$
             BEGIN PERFORM m.evil('to_regclass'); RETURN pg_catalog.to_regclass($1); END $$;
             CREATE FUNCTION evil.to_regnamespace(text) RETURNS regnamespace LANGUAGE plpgsql AS $$
             BEGIN PERFORM m.evil('to_regnamespace'); RETURN pg_catalog.to_regnamespace($1); END $$;
             CREATE FUNCTION evil.pg_is_in_recovery() RETURNS boolean LANGUAGE plpgsql AS $$
             BEGIN PERFORM m.evil('pg_is_in_recovery'); RETURN false; END $$;
             CREATE FUNCTION evil.same(name, text) RETURNS boolean LANGUAGE plpgsql AS $$
             BEGIN PERFORM m.evil('operator'); RETURN $1::text OPERATOR(pg_catalog.=) $2; END $$;
             CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.same)",
        )
        .await;
    scene.plant(&format!("ALTER DATABASE {database} SET search_path = evil, pg_catalog, public")).await;
    for line in ["migrate status", "migrate --dry-run", "migrate"] {
        scene.run(&scene.boss.url, line).await;
    }
    scene.pause_jobs().await;
    for line in ["doctor --fix", "job every 7m", "job pause", "trigger", "cleanup --yes"] {
        scene.run(&scene.boss.url, line).await;
    }
    scene.look_as(&scene.boss.url).await;
    scene.run(&scene.boss.url, "migrate down --yes").await;
    // The scene's own sessions would meet the shadows.
    scene.sudo(&format!("SET search_path = pg_catalog; ALTER DATABASE {database} RESET search_path")).await;
    scene.held().await;
}
attack!(search_path_of_the_database by [superuser, managed]);

/// The owner of the database forbids views in every session, the log's view `log_door` among them: the program names the
/// reason.
async fn forbidden_views(scene: Scene) {
    let known = "SELECT count(*) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'";
    scene.migrated().await;
    scene.works().await;
    if value::<i64>(&scene.superuser, known).await == 0 {
        return;
    }
    let set = format!("ALTER DATABASE {} SET restrict_nonsystem_relation_kind = 'view'", scene.database);
    scene.sudo(&set).await;
    for url in [&scene.boss.url, &scene.oncall.url] {
        for line in ["status", "stats"] {
            let ran = scene.run(url, line).await;
            println!("{line}: {ran:?}");
            assert!(ran.text().contains("RESET restrict_nonsystem_relation_kind"), "{line}: {ran:?}");
        }
    }
    let again = scene.run(&scene.boss.url, "migrate").await;
    assert!(again.text().contains("up to date"), "{again:?}");
}
attack!(forbidden_views by [superuser, owner, managed]);

/// A schema of our name, before the owner of the database has migrated it: nothing in it is called for refreshtop's.
async fn schema_of_a_stranger(scene: Scene) {
    scene.attacker_creates_in_database().await;
    scene
        .plant(
            "CREATE SCHEMA refreshtop; GRANT USAGE ON SCHEMA refreshtop TO PUBLIC;
             CREATE FUNCTION refreshtop.stats(text, interval) RETURNS TABLE (total_refreshes bigint) LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM m.evil('stats'); END $$;
             CREATE FUNCTION refreshtop.refresh(text, text) RETURNS jsonb LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM m.evil('refresh'); RETURN '{\"success\": true, \"status\": \"success\"}'; END $$;
             CREATE FUNCTION refreshtop.cleanup_logs() RETURNS bigint LANGUAGE plpgsql
                 AS $$ BEGIN PERFORM m.evil('cleanup'); RETURN 0; END $$",
        )
        .await;
    for url in [&scene.boss.url, &scene.oncall.url] {
        scene.look_at(url).await;
    }
    let trigger = scene.run(&scene.boss.url, "trigger").await;
    assert!(trigger.code != 0 && trigger.text().contains("schema refreshtop belongs to"), "{trigger:?}");
    scene.held().await;
}
attack!(schema_of_a_stranger by [owner, managed, superuser]);

/// The owner of the database puts code of his own into the place of the log, for whoever watches with no more rights
/// than `refreshtop_admin` gives.
async fn decoy_of_the_log_for_on_call(scene: Scene) {
    scene.attacker_owns_public().await;
    scene.migrated().await;
    scene.plant("DROP TABLE public.metrics_refresh_log CASCADE").await;
    scene.plant(LOG_AND_VIEW.split_once("CREATE VIEW public.platform_metrics").expect("two views").0).await;
    scene.plant("GRANT SELECT ON public.metrics_refresh_log TO PUBLIC").await;
    scene.look_at(&scene.oncall.url).await;
    let status = scene.run(&scene.oncall.url, "runs").await;
    assert!(status.code != 0 && status.text().contains("is not refreshtop's"), "{status:?}");
    scene.held().await;
    // The object there is no table: it is named, and left to its owner.
    let refused = scene.migrate().await;
    assert!(refused.text().contains("not a plain table (rename or drop it)"), "{refused:?}");
    scene.plant("DROP VIEW public.metrics_refresh_log").await;
    scene.migrated().await;
    scene.works().await;
}
attack!(decoy_of_the_log_for_on_call by [superuser, owner, managed]);
