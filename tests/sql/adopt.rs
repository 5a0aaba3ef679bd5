//! Deployments that exist already, and the people in them: nobody gains rights by what was there before, what can't
//! be adopted is refused before anything is changed, and what can is put back by a rollback.

use crate::support::{self, execute, fresh_app, fresh_role, session::Session, target, value};
use refreshtop::command::migrate;
use refreshtop_db::migrate::MigrateError;

const LOG: &str = "CREATE TABLE public.metrics_refresh_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), refresh_type varchar(100) NOT NULL, status varchar(20) NOT NULL,
    duration_ms numeric, error_message text, started_at timestamptz, completed_at timestamptz,
    created_at timestamptz DEFAULT now())";

async fn up(url: &str) -> Vec<String> {
    migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn refusal(url: &str) -> String {
    let error = migrate::up(&target(url)).await.expect_err("a refusal");
    assert!(matches!(error, MigrateError::Preflight(_) | MigrateError::Step { .. }), "{error:?}");
    let left: i64 =
        value(url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'refreshtop' AND nspowner = 10").await;
    assert_eq!(left, 0, "nothing was changed");
    error.to_string()
}

/// An application's role without any special right, which owns the source tables and may create in `public`.
async fn application_role(url: &str) -> (String, String) {
    let (name, role_url) = fresh_role(url, "app_owner", "").await;
    execute(url, &format!("GRANT USAGE, CREATE ON SCHEMA public TO {name}")).await;
    for table in ["accounts", "accounts_memberships", "assets", "software_licenses"] {
        execute(url, &format!("ALTER TABLE public.{table} OWNER TO {name}")).await;
    }
    (name, role_url)
}

async fn is_superuser(url: &str, role: &str) -> bool {
    value(url, &format!("SELECT rolsuper FROM pg_roles WHERE rolname = '{role}'")).await
}

#[tokio::test]
async fn the_applications_function_is_asked_with_its_owners_rights_only() {
    let url = fresh_app("climb").await;
    let (name, role) = application_role(&url).await;
    execute(
        &role,
        &format!(
            "CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE plpgsql AS
             $$ BEGIN EXECUTE 'ALTER ROLE {name} SUPERUSER'; RETURN true; END $$"
        ),
    )
    .await;
    up(&url).await;
    execute(&url, &format!("SELECT public.refresh_platform_metrics_with_logging(); GRANT SELECT ON public.metrics_refresh_log TO {name}"))
        .await;
    let rows: i64 = value(&role, "SELECT count(*) FROM public.metrics_refresh_log").await;
    assert_eq!(rows, 0, "what fails is no yes");
    assert!(!is_superuser(&url, &name).await);
}

#[tokio::test]
async fn the_applications_function_is_honoured_whoever_owns_it_and_with_default_arguments() {
    for signature in ["", "claim text DEFAULT 'role'"] {
        let url = fresh_app("honour").await;
        let (_, role) = application_role(&url).await;
        execute(
            &role,
            &format!(
                "CREATE FUNCTION public.is_super_admin({signature}) RETURNS boolean LANGUAGE sql STABLE AS
                 $$ SELECT current_setting('request.jwt.claims', true)::jsonb ->> 'role' = 'super_admin' $$"
            ),
        )
        .await;
        up(&url).await;
        let (name, caller) = fresh_role(&url, "api", "").await;
        let grants = format!(
            "GRANT USAGE ON SCHEMA refreshtop TO {name};
             GRANT EXECUTE ON FUNCTION public.get_metrics_refresh_stats(integer),
                 refreshtop.stats_for_application(text, interval) TO {name}"
        );
        execute(&url, &grants).await;
        let session = Session::open(&caller).await;
        let statement = "SELECT * FROM public.get_metrics_refresh_stats(24)";
        assert_eq!(session.sqlstate(statement).await, "42501");
        session.run(r#"SET request.jwt.claims = '{"role": "super_admin"}'"#).await;
        assert_eq!(session.sqlstate(statement).await, "");
        session.run(r#"SET request.jwt.claims = '{"role": "user"}'"#).await;
        assert_eq!(session.sqlstate(statement).await, "42501");
    }
}

#[tokio::test]
async fn the_former_owner_of_the_log_cannot_run_code_with_the_installations_rights() {
    let url = fresh_app("owner").await;
    let (name, role) = application_role(&url).await;
    execute(&role, LOG).await;
    up(&url).await;
    let session = Session::open(&role).await;
    for statement in [
        "CREATE TRIGGER t BEFORE INSERT ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "ALTER TABLE public.metrics_refresh_log ALTER duration_ms SET DEFAULT random()",
    ] {
        assert_eq!(session.sqlstate(statement).await, "42501", "{statement}");
    }
    migrate::down(&target(&url), 0).await.unwrap();
    let owner: String =
        value(&url, "SELECT tableowner::text FROM pg_tables WHERE tablename = 'metrics_refresh_log'").await;
    assert_eq!(owner, name);
}

#[tokio::test]
async fn what_could_run_with_more_rights_is_refused() {
    let url = fresh_app("planted").await;
    let (name, role) = application_role(&url).await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(&url, &format!("GRANT CREATE ON DATABASE {database} TO {name}")).await;
    execute(&role, "CREATE SCHEMA refreshtop").await;
    assert!(refusal(&url).await.contains(&format!("schema refreshtop belongs to role {name}")));
    execute(&role, "DROP SCHEMA refreshtop").await;

    // A log with code of that role on it goes aside, and none of it runs; a rollback doesn't run it either.
    execute(&role, LOG).await;
    execute(
        &role,
        &format!(
            "CREATE FUNCTION public.sneak() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER AS
                 $$ BEGIN EXECUTE 'ALTER ROLE {name} SUPERUSER'; RETURN new; END $$;
             CREATE TRIGGER sneaky BEFORE INSERT ON public.metrics_refresh_log
                 FOR EACH ROW EXECUTE FUNCTION public.sneak()"
        ),
    )
    .await;
    up(&url).await;
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    let lines = migrate::down(&target(&url), 0).await.unwrap();
    assert!(lines.iter().any(|line| line.contains("trigger sneaky")), "{lines:?}");
    let kept: i64 = value(&url, "SELECT count(*) FROM public.metrics_refresh_log_refreshtop").await;
    assert_eq!(kept, 1, "the row that came since stays beside the log that can't take it");
    assert!(!is_superuser(&url, &name).await);
}

#[tokio::test]
async fn a_log_in_any_shape_gives_its_rows_and_takes_those_that_came_since() {
    for (prefix, log) in [
        ("serial", LOG.replace("id uuid PRIMARY KEY DEFAULT gen_random_uuid()", "id bigserial PRIMARY KEY")),
        ("extra", LOG.replace("duration_ms numeric", "tenant bigint NOT NULL DEFAULT 1, duration_ms numeric")),
        ("short", LOG.replace("error_message text", "error_message varchar(20)")),
        ("strict", LOG.replace("completed_at timestamptz", "completed_at timestamptz NOT NULL")),
    ] {
        let url = fresh_app(prefix).await;
        let row = "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at)
                   VALUES ('platform_metrics', 'success', 7, now(), now())";
        execute(&url, &format!("{log}; {row}")).await;
        up(&url).await;
        execute(&url, "DROP INDEX public.platform_metrics_refresh_key").await;
        execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
        let count = "SELECT count(*) FROM public.metrics_refresh_log";
        assert_eq!(value::<i64>(&url, count).await, 2, "{prefix}");
        migrate::down(&target(&url), 0).await.unwrap_or_else(|error| panic!("{prefix}: {error}"));
        assert_eq!(value::<i64>(&url, count).await, 2, "{prefix}");
    }
}

#[tokio::test]
async fn rows_that_the_older_log_refuses_stay_beside_it() {
    for (prefix, log) in [
        ("tenant", LOG.replace("duration_ms numeric", "tenant bigint NOT NULL, duration_ms numeric")),
        ("clash", LOG.replace("duration_ms numeric", "triggered_by uuid, duration_ms numeric")),
        (
            "status",
            LOG.replace("status varchar(20) NOT NULL", "status varchar(20) CHECK (status IN ('success', 'failed'))"),
        ),
    ] {
        let url = fresh_app(prefix).await;
        execute(&url, &log).await;
        up(&url).await;
        execute(&url, "DROP INDEX public.platform_metrics_refresh_key").await;
        execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
        let lines = migrate::down(&target(&url), 0).await.unwrap();
        assert!(lines.iter().any(|line| line.contains("metrics_refresh_log_refreshtop")), "{prefix}: {lines:?}");
        let kept: i64 = value(&url, "SELECT count(*) FROM public.metrics_refresh_log_refreshtop").await;
        assert_eq!(kept, 1, "{prefix}");
    }
}

#[tokio::test]
async fn a_log_that_is_no_plain_table_is_refused() {
    let url = fresh_app("parts").await;
    execute(&url, &format!("{} PARTITION BY RANGE (created_at)", LOG.replace("PRIMARY KEY ", ""))).await;
    let message = refusal(&url).await;
    assert!(message.contains("not a plain table"), "{message}");
}

#[tokio::test]
async fn a_log_under_forced_row_security_takes_rows_and_is_forced_again_after_a_rollback() {
    let url = fresh_app("forced").await;
    let (name, owner) = fresh_role(&url, "owner", "CREATEROLE").await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(&url, &format!("ALTER DATABASE {database} OWNER TO {name}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}; GRANT CREATE ON SCHEMA public TO {name}")).await;
    execute(
        &owner,
        &format!("{LOG}; ALTER TABLE public.metrics_refresh_log ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"),
    )
    .await;
    up(&owner).await;
    let status: String = value(&owner, "SELECT public.refresh_platform_metrics_with_logging() ->> 'status'").await;
    assert_eq!(status, "success");
    migrate::down(&target(&owner), 0).await.unwrap();
    let forced: bool =
        value(&url, "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'metrics_refresh_log'").await;
    assert!(forced);
}

#[tokio::test]
async fn rows_without_a_time_do_not_hide_the_others() {
    let url = fresh_app("timeless").await;
    execute(&url, &format!("{LOG}; INSERT INTO public.metrics_refresh_log (refresh_type, status, created_at) VALUES ('platform_metrics', 'success', NULL)")).await;
    up(&url).await;
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    let fresh: bool = value(
        &url,
        "SELECT last_success_at > now() - interval '1 minute' FROM refreshtop.stats('platform_metrics', '1 hour')",
    )
    .await;
    assert!(fresh);
}

#[tokio::test]
async fn row_security_on_a_source_table_is_refused_if_it_would_hide_rows() {
    let url = fresh_app("hidden").await;
    let (name, owner) = fresh_role(&url, "owner", "CREATEROLE").await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(
        &url,
        &format!(
            "ALTER DATABASE {database} OWNER TO {name}; GRANT CREATE ON SCHEMA public TO {name};
             GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}; ALTER TABLE public.assets ENABLE ROW LEVEL SECURITY"
        ),
    )
    .await;
    let message = refusal(&owner).await;
    assert!(message.contains("row security hides rows of public.assets"), "{message}");
    up(&url).await;
}

#[tokio::test]
async fn default_privileges_open_neither_the_view_nor_what_a_rollback_puts_back() {
    let url = fresh_app("defaults").await;
    execute(&url, include_str!("../fixtures/unmanaged.sql")).await;
    let (name, role) = fresh_role(&url, "anon", "").await;
    execute(&url, "REVOKE ALL ON public.platform_metrics FROM PUBLIC").await;
    execute(
        &url,
        &format!("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {name}; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO {name}"),
    )
    .await;
    let readable = "SELECT has_table_privilege(current_user, 'public.platform_metrics', 'SELECT')";
    let callable = "SELECT has_function_privilege(current_user, 'public.cleanup_old_metrics_logs()', 'EXECUTE')";
    up(&url).await;
    assert!(!value::<bool>(&role, readable).await && !value::<bool>(&role, callable).await);
    migrate::down(&target(&url), 0).await.unwrap();
    assert!(!value::<bool>(&role, readable).await && !value::<bool>(&role, callable).await);
}

#[tokio::test]
async fn what_depends_on_the_view_keeps_it_and_other_overloads_stay() {
    let url = fresh_app("depends").await;
    execute(&url, include_str!("../fixtures/unmanaged.sql")).await;
    execute(
        &url,
        "CREATE FUNCTION public.get_platform_metrics() RETURNS SETOF public.platform_metrics LANGUAGE sql AS
             'SELECT * FROM public.platform_metrics';
         CREATE FUNCTION public.get_metrics_refresh_stats(since timestamptz, until timestamptz) RETURNS bigint LANGUAGE sql AS
             'SELECT 42::bigint'",
    )
    .await;
    let lines = up(&url).await;
    support::pause_jobs(&url).await;
    assert!(lines.iter().any(|line| line.contains("keeps its own query")), "{lines:?}");
    assert_eq!(value::<i64>(&url, "SELECT total_users FROM public.get_platform_metrics()").await, 11);
    assert_eq!(value::<i64>(&url, "SELECT public.get_metrics_refresh_stats(now(), now())").await, 42);
    assert_eq!(value::<i64>(&url, "SELECT total_refreshes FROM public.get_metrics_refresh_stats()").await, 287);
}
