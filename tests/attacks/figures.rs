//! Figures: no wrong one is called fresh, whatever prevents the refresh.

use crate::{
    scene::{SOURCES, Scene},
    support::{self, execute, value},
};
use tokio::time::{Duration, sleep};

/// 10. Row security that is switched on after the migration, by the owner of the sources.
async fn row_security_later(scene: Scene, change: &str) {
    scene.migrated().await;
    scene.works().await;
    scene.sudo(change).await;
    scene.refresh().await;
    let doctor = scene.run(&scene.boss.url, "doctor").await;
    scene.no_wrong_figure().await;
    let last = "SELECT status::text FROM public.metrics_refresh_log ORDER BY created_at DESC LIMIT 1";
    if value::<String>(&scene.superuser, last).await != "success" {
        assert!(doctor.code != 0 && doctor.text().to_lowercase().contains("row security"), "{doctor:?}");
    }
}
attack!(row_security_later {
    enabled: "ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY",
    forced: "ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY; ALTER TABLE public.accounts FORCE ROW LEVEL SECURITY",
    policy: "ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY; ALTER TABLE public.accounts FORCE ROW LEVEL SECURITY;
        CREATE POLICY half ON public.accounts USING (id <= 5)",
} by [superuser, owner, managed]);

/// The owner of the view may use every schema, as `pg_read_all_data` lets him, and has the function that refreshes with
/// his rights leave out what row security hides. From PostgreSQL 17 on there is the right MAINTAIN, and no such function
/// is called.
async fn altered_definer(scene: Scene) {
    scene.attacker_owns_sources(&SOURCES).await;
    scene.migrated().await;
    scene.works().await;
    scene.sudo(&format!("GRANT USAGE ON SCHEMA refreshtop_definers TO {}", scene.attacker.name)).await;
    scene
        .plant(
            "ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY; ALTER TABLE public.accounts FORCE ROW LEVEL SECURITY;
             CREATE POLICY half ON public.accounts USING (id <= 5)",
        )
        .await;
    let definer = "SELECT coalesce(min(p.oid::regprocedure::text), '') FROM pg_proc p
                   JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner
                   WHERE n.nspname = 'refreshtop_definers' AND p.proname LIKE 'refresh%' AND r.rolname = ";
    let definer: String = value(&scene.superuser, &format!("{definer}'{}'", scene.attacker.name)).await;
    assert_ne!(definer, "", "the view belongs to the attacker");
    scene.plant(&format!("ALTER FUNCTION {definer} SET row_security = on")).await;
    scene.refresh().await;
    scene.no_wrong_figure().await;
    scene.held().await;
}
// The others may not make a view of this owner.
attack!(altered_definer by [superuser]);

/// The same if only the migrator may read the sources.
async fn row_security_of_another_owner(scene: Scene) {
    scene.attacker_owns_sources(&["accounts"]).await;
    if scene.migrate().await.code != 0 {
        // Not managed at all is not wrong either.
        return;
    }
    scene.refresh().await;
    scene.plant("ALTER TABLE public.accounts ENABLE ROW LEVEL SECURITY").await;
    scene.refresh().await;
    scene.no_wrong_figure().await;
    scene.held().await;
}
attack!(row_security_of_another_owner by [superuser, owner, managed]);

/// 11. `created_at` without a time zone: the figures do not depend on who refreshes from where.
async fn time_zones(scene: Scene) {
    for table in SOURCES {
        let change =
            format!("ALTER TABLE public.{table} ALTER created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC'");
        scene.sudo(&change).await;
    }
    let around = "INSERT INTO public.assets SELECT 1000 + n, 1, now() AT TIME ZONE 'UTC' - interval '30 days' + (n - 20) * interval '1 hour'
                  FROM generate_series(1, 40) n";
    scene.sudo(around).await;
    if scene.migrate().await.code != 0 {
        return;
    }
    let mut figures = Vec::new();
    for zone in ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"] {
        for url in [&scene.boss.url, &scene.oncall.url] {
            let call = format!("SET TimeZone = '{zone}'; SELECT refreshtop.refresh('platform_metrics')");
            execute(url, &call).await;
            let figure: i64 =
                value(&scene.superuser, "SELECT new_assets_30d::bigint FROM public.platform_metrics").await;
            figures.push(figure);
        }
    }
    figures.dedup();
    assert_eq!(figures.len(), 1, "{figures:?}");
}
attack!(time_zones by [superuser, owner, managed]);

/// 12. A success from the future does not hide that nothing is refreshed any more.
async fn row_from_the_future(scene: Scene) {
    scene.migrated().await;
    scene.works().await;
    scene.works().await;
    scene
        .sudo(
            "UPDATE public.metrics_refresh_log SET started_at = started_at - interval '2 hours',
                 completed_at = completed_at - interval '2 hours', created_at = created_at - interval '2 hours';
             UPDATE public.metrics_refresh_log SET started_at = now() + interval '3 days', completed_at = now() + interval '3 days',
                 created_at = now() + interval '3 days'
             WHERE id = (SELECT id FROM public.metrics_refresh_log ORDER BY created_at DESC LIMIT 1)",
        )
        .await;
    let check = scene.run(&scene.boss.url, "check --critical age=1h").await;
    assert!(check.code != 0, "{check:?}");
    for line in ["check", "status"] {
        let ran = scene.run(&scene.boss.url, line).await;
        let text = ran.text().to_lowercase();
        assert!(
            !text.contains("0s ago") && !text.contains("verdict healthy") && !text.contains("refresh ok"),
            "{ran:?}"
        );
    }
    let doctor = scene.run(&scene.boss.url, "doctor").await;
    assert!(doctor.code != 0 && doctor.text().contains("future"), "{doctor:?}");
}
attack!(row_from_the_future by [superuser, owner, managed]);

/// 20. A setting of the database that PostgreSQL's own refresh does not survive.
async fn quoted_identifiers(scene: Scene) {
    scene.migrated().await;
    scene.sudo(&format!("ALTER DATABASE {} SET quote_all_identifiers = on", scene.database)).await;
    scene.works().await;
    scene.works().await;
    assert!(scene.run_job().await);
    let errors = "SELECT count(*) FROM public.metrics_refresh_log WHERE status = 'error'";
    assert_eq!(value::<i64>(&scene.superuser, errors).await, 0);
}
attack!(quoted_identifiers by [superuser, owner, managed]);

/// 21. A caller whose snapshot is older than another's refresh is no failed attempt.
async fn older_snapshot(scene: Scene, level: &str) {
    scene.migrated().await;
    scene.works().await;
    let session = support::client(&scene.oncall.url).await;
    session.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM pg_class")).await.unwrap();
    scene.works().await;
    // Refused or not: it only must not count as a failure of the view's.
    let _ = session.batch_execute("SELECT refreshtop.refresh('platform_metrics'); COMMIT").await;
    let failed = "SELECT count(*) FROM public.metrics_refresh_log WHERE status = 'error'";
    assert_eq!(value::<i64>(&scene.superuser, failed).await, 0);
}
attack!(older_snapshot { repeatable_read: "REPEATABLE READ", serializable: "SERIALIZABLE" } by [superuser, owner, managed]);

/// 27. A refresh by hand that calls itself scheduled leaves a trace.
async fn forged_source(scene: Scene) {
    scene.migrated().await;
    let before: i64 = value(&scene.superuser, "SELECT count(*) FROM refreshtop.audit").await;
    scene.try_as(&scene.oncall.url, &["SELECT refreshtop.refresh('platform_metrics', 'schedule')"]).await;
    let traces = format!(
        "SELECT (SELECT count(*) FROM refreshtop.audit) > {before}
             OR NOT EXISTS (SELECT 1 FROM public.metrics_refresh_log WHERE trigger_source = 'schedule')"
    );
    assert!(value::<bool>(&scene.superuser, &traces).await);
}
attack!(forged_source by [superuser, owner, managed]);

/// 29. A rollback beside refreshes takes its locks in their order.
async fn rollback_beside_refreshes(scene: Scene) {
    for _ in 0..3 {
        scene.migrated().await;
        let url = scene.oncall.url.clone();
        let refreshing = tokio::spawn(async move {
            let session = support::client(&url).await;
            for _ in 0..200 {
                if session.batch_execute("SELECT refreshtop.refresh('platform_metrics')").await.is_err() {
                    break;
                }
                sleep(Duration::from_millis(2)).await;
            }
        });
        sleep(Duration::from_millis(200)).await;
        let down = scene.run(&scene.boss.url, "migrate down --yes").await;
        assert_eq!(down.code, 0, "{down:?}");
        refreshing.abort();
    }
    let log = std::fs::read(scene.cluster.log_path()).unwrap();
    let mark = format!("@{} ", scene.database);
    let log = String::from_utf8_lossy(&log);
    let deadlocks: Vec<&str> =
        log.lines().filter(|line| line.contains(&mark) && line.contains("deadlock detected")).collect();
    assert!(deadlocks.is_empty(), "{deadlocks:?}");
}
attack!(rollback_beside_refreshes by [superuser, owner, managed]);

/// The log is gone with all that writes it, and what has its name now says that all is well.
async fn decoy_of_the_log(scene: Scene) {
    scene.attacker_owns_public().await;
    scene.migrated().await;
    scene
        .plant(
            "DROP TABLE public.metrics_refresh_log CASCADE;
             CREATE TABLE public.metrics_refresh_log AS
                 SELECT gen_random_uuid() AS id, 'platform_metrics'::text AS refresh_type, 'success'::text AS status, 5::numeric AS duration_ms,
                        NULL::text AS error_message, now() AS started_at, now() AS completed_at, now() AS created_at
                 FROM generate_series(1, 20);
             GRANT SELECT ON public.metrics_refresh_log TO PUBLIC",
        )
        .await;
    for url in [&scene.superuser, &scene.oncall.url] {
        let check = scene.run(url, "check").await;
        assert!(check.code == 3 && check.text().contains("UNKNOWN"), "{check:?}");
        let status = scene.run(url, "status").await;
        assert!(status.code != 0 && !status.text().contains("healthy"), "{status:?}");
    }
    scene.held().await;
}
attack!(decoy_of_the_log by [superuser, owner, managed]);

/// A transaction that began long ago does not see what came since, and its figures would pass for new ones.
async fn figures_of_an_old_snapshot(scene: Scene, level: &str) {
    scene.migrated().await;
    scene.works().await;
    let session = support::client(&scene.oncall.url).await;
    session.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM pg_class")).await.unwrap();
    scene.sudo("INSERT INTO public.accounts SELECT max(id) + 1 FROM public.accounts").await;
    sleep(Duration::from_millis(2_200)).await;
    let answer = "SELECT refreshtop.refresh('platform_metrics') ->> 'status'";
    let status: String = session.query_one(answer, &[]).await.unwrap().get(0);
    session.batch_execute("COMMIT").await.unwrap();
    assert_eq!(status, "refused");
    // One that has just begun sees all.
    let whole = format!("BEGIN ISOLATION LEVEL {level}; SELECT refreshtop.refresh('platform_metrics'); COMMIT");
    session.batch_execute(&whole).await.unwrap();
    let right = "SELECT total_accounts = (SELECT count(*) FROM public.accounts) FROM public.platform_metrics";
    assert!(value::<bool>(&scene.superuser, right).await);
}
attack!(figures_of_an_old_snapshot { repeatable_read: "REPEATABLE READ", serializable: "SERIALIZABLE" } by [superuser, owner, managed]);

/// The refreshing session has other settings than the one that created the view.
async fn settings_of_the_session(scene: Scene, setting: &str) {
    scene
        .sudo(&format!(
            "CREATE TABLE public.docs AS SELECT n, 'the boxes are running, word' || n % 7 AS body FROM generate_series(1, 3000) n;
             CREATE INDEX ON public.docs USING gin (to_tsvector('pg_catalog.english', body)); ANALYZE public.docs;
             CREATE FUNCTION public.listed() RETURNS bigint LANGUAGE plpgsql AS $$
                 BEGIN RETURN cardinality(array_remove('{{NULL,a}}'::text[], NULL)) + CASE WHEN NULL = NULL THEN 10 ELSE 0 END; END $$;
             CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT 1 AS id,
                 (SELECT count(*) FROM public.docs WHERE to_tsvector(body) @@ to_tsquery('box'))
                 + (SELECT count(*) FROM public.docs WHERE to_tsvector('pg_catalog.english', body)
                        @@ to_tsquery('pg_catalog.english', 'word3'))
                 + public.listed() AS total_accounts, now() AS last_updated;
             CREATE UNIQUE INDEX ON public.platform_metrics (id);
             ALTER TABLE public.docs OWNER TO {0}; ALTER FUNCTION public.listed() OWNER TO {0};
             ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO {0}",
            scene.boss.name
        ))
        .await;
    scene.migrated().await;
    let figure = "SELECT total_accounts::bigint FROM public.platform_metrics";
    assert_eq!(scene.run(&scene.boss.url, "trigger").await.code, 0);
    let right: i64 = value(&scene.superuser, figure).await;
    let call = format!("SET {setting}; SELECT refreshtop.refresh('platform_metrics')");
    for url in [&scene.oncall.url, &scene.boss.url] {
        execute(url, &call).await;
        assert_eq!(value::<i64>(&scene.superuser, figure).await, right, "{setting}");
    }
}
attack!(settings_of_the_session {
    text_search: "default_text_search_config = 'pg_catalog.simple'",
    fuzzy_search: "gin_fuzzy_search_limit = 20",
    nulls_in_arrays: "array_nulls = off",
    comparison_with_null: "transform_null_equals = on",
} by [superuser, owner, managed]);
