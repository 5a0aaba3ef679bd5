//! Code of others that runs in a super administrator's session, or with the installation's rights, gains nothing by it.

use crate::support::{execute, fresh_app, fresh_role, migrate, migrated_app, session::Session, value};

/// A superuser's `ANALYZE`, like autovacuum, evaluates the functions of anybody's indexes in a superuser's session.
#[tokio::test]
async fn a_trap_for_a_superuser_reads_no_log() {
    let url = migrated_app("trap").await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (hostile, hostile_url) = fresh_role(&url, "hostile", "").await;
    execute(
        &url,
        &format!(
            "GRANT SELECT ON public.metrics_refresh_log, refreshtop.audit TO {hostile};
             GRANT USAGE ON SCHEMA refreshtop TO {hostile}; CREATE SCHEMA traps AUTHORIZATION {hostile}"
        ),
    )
    .await;
    execute(
        &hostile_url,
        "CREATE TABLE traps.loot (n bigint); CREATE TABLE traps.bait (n integer); INSERT INTO traps.bait VALUES (1);
         CREATE FUNCTION traps.take() RETURNS void LANGUAGE plpgsql AS $$
         BEGIN
             INSERT INTO traps.loot SELECT count(*) FROM public.metrics_refresh_log;
             INSERT INTO traps.loot SELECT count(*) FROM refreshtop.audit;
         END $$;
         CREATE FUNCTION traps.trap(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
         $$ BEGIN PERFORM traps.take(); RETURN n; END $$;
         CREATE INDEX ON traps.bait (traps.trap(n)); TRUNCATE traps.loot",
    )
    .await;
    execute(&url, "ANALYZE traps.bait").await;
    let looked: i64 = value(&url, "SELECT count(*) FROM traps.loot").await;
    assert!(looked >= 2, "the trap was sprung");
    let seen: i64 = value(&url, "SELECT coalesce(sum(n), 0)::bigint FROM traps.loot").await;
    assert_eq!(seen, 0, "rows of the log and of the trail in a plain role's hands");
}

#[tokio::test]
async fn a_reader_of_every_table_reads_neither_audit_trail_nor_log() {
    let url = migrated_app("trail").await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (reader, reader_url) = fresh_role(&url, "reader", "").await;
    execute(
        &url,
        &format!(
            "GRANT USAGE ON SCHEMA refreshtop TO {reader}; GRANT SELECT ON ALL TABLES IN SCHEMA refreshtop TO {reader}"
        ),
    )
    .await;
    let count = "SELECT count(*) FROM refreshtop.audit";
    assert_eq!(value::<i64>(&reader_url, count).await, 0);
    assert_eq!(value::<i64>(&reader_url, "SELECT count(*) FROM refreshtop.log_door").await, 0);
    assert_eq!(value::<i64>(&reader_url, "SELECT count(*) FROM refreshtop.log_fallback").await, 0);
    let kept = value::<i64>(&url, count).await;
    assert!(kept > 0);
    let (_, member) = fresh_role(&url, "member", "IN ROLE refreshtop_admin").await;
    assert_eq!(value::<i64>(&member, count).await, kept, "super administrators read it");
}

/// The sources belong to the application, and may be views with functions in them.
#[tokio::test]
async fn an_owner_of_the_sources_gains_no_rights_by_a_refresh() {
    let url = fresh_app("sources").await;
    let (application, application_url) = fresh_role(&url, "application", "").await;
    execute(&url, &format!("GRANT USAGE, CREATE ON SCHEMA public TO {application}")).await;
    for table in ["accounts", "accounts_memberships", "assets", "software_licenses"] {
        execute(&url, &format!("ALTER TABLE public.{table} OWNER TO {application}")).await;
    }
    execute(
        &application_url,
        "ALTER TABLE public.accounts RENAME TO real_accounts;
         CREATE VIEW public.accounts AS SELECT id, created_at FROM public.real_accounts",
    )
    .await;
    migrate(&url).await;
    execute(
        &application_url,
        &format!(
            "CREATE FUNCTION public.climb() RETURNS boolean LANGUAGE plpgsql AS
             $$ BEGIN EXECUTE 'ALTER ROLE {application} SUPERUSER'; RETURN true;
                EXCEPTION WHEN insufficient_privilege THEN RETURN true; END $$;
             CREATE OR REPLACE VIEW public.accounts AS SELECT id, created_at FROM public.real_accounts WHERE public.climb()"
        ),
    )
    .await;
    let admin = Session::open(&url).await;
    let status: String = admin.value("public.trigger_platform_metrics_refresh() ->> 'status'").await;
    assert_eq!(status, "success", "the view is refreshed all the same");
    let climbed: bool = admin.value(&format!("rolsuper FROM pg_roles WHERE rolname = '{application}'")).await;
    assert!(!climbed, "the application's role became a superuser");
}

/// What a rollback runs, it runs with a superuser's rights.
#[tokio::test]
async fn a_writer_of_every_table_decides_no_rollback_and_no_refresh() {
    let url = migrated_app("writer").await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (writer, writer_url) = fresh_role(&url, "writer", "").await;
    execute(
        &url,
        &format!(
            "GRANT USAGE ON SCHEMA refreshtop TO {writer};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, refreshtop TO {writer}"
        ),
    )
    .await;
    let session = Session::open(&writer_url).await;
    let forged_row = "(refresh_type, status, started_at) VALUES ('x', 'success', now())";
    let forged_id = "VALUES (gen_random_uuid(), now(), 'x', 'success', now())";
    // A view of the owner's would let others in with the owner's rights.
    let through_the_door = format!("INSERT INTO refreshtop.log_door {forged_row}");
    assert_ne!(session.sqlstate(&through_the_door).await, "", "{through_the_door}");
    for forged in [
        "INSERT INTO refreshtop.undo (step, kind, object_schema, object_name) VALUES (1, 'moved', 'public', 'x')"
            .to_owned(),
        "INSERT INTO refreshtop.home (system_identifier, database_oid, database_name) VALUES (1, 1, 'x')".to_owned(),
        "INSERT INTO refreshtop.inventory VALUES ('x', 'x', 'x')".to_owned(),
        "INSERT INTO refreshtop.migrations VALUES (99, 'x', now(), true, '', 0)".to_owned(),
        format!("INSERT INTO public.metrics_refresh_log {forged_row}"),
        format!("INSERT INTO refreshtop.log_fallback (id, created_at, refresh_type, status, started_at) {forged_id}"),
        "INSERT INTO refreshtop.audit (action, outcome, caller, login_role) VALUES ('x', 'x', 'x', 'x')".to_owned(),
        "INSERT INTO refreshtop.views (refresh_type, view_name) VALUES ('x', 'x')".to_owned(),
    ] {
        assert_eq!(session.sqlstate(&forged).await, "42501", "{forged}");
    }
    for change in [
        "UPDATE refreshtop.undo SET object_name = 'accounts'",
        "DELETE FROM refreshtop.undo",
        "DELETE FROM refreshtop.audit",
        "UPDATE refreshtop.log_door SET status = 'success'",
        "DELETE FROM refreshtop.log_door",
        "DELETE FROM refreshtop.log_fallback",
        "UPDATE refreshtop.home SET database_oid = 1",
        "DELETE FROM refreshtop.inventory",
        "UPDATE refreshtop.views SET lock_timeout = '1 h'",
    ] {
        assert_eq!(session.client.execute(change, &[]).await.unwrap(), 0, "{change}");
    }
    // Whoever holds that row locked keeps every refresh away.
    session.run("BEGIN; SELECT * FROM refreshtop.views FOR UPDATE").await;
    let status: String = value(&url, "SELECT public.trigger_platform_metrics_refresh() ->> 'status'").await;
    assert_eq!(status, "success");
}
