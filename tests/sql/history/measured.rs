//! What a successful refresh leaves behind in its row.

use super::REFRESH;
use crate::support::{
    execute, fresh_app, fresh_role, let_migrate, migrated_app, owned_app, session::Session, target, value,
};
use refreshtop::command::migrate;
use serde_json::{Value, json};

/// What the newest run measured.
async fn newest(session: &Session) -> Value {
    session.rows("SELECT status, measured FROM public.metrics_refresh_log ORDER BY created_at DESC LIMIT 1").await[0]
        .clone()
}

#[tokio::test]
async fn a_refresh_measures_the_figures_and_its_sources() {
    let url = migrated_app("measured").await;
    let session = Session::open(&url).await;
    execute(&url, "ANALYZE public.accounts, public.assets; INSERT INTO public.assets SELECT n, 1, now() FROM generate_series(31, 40) n").await;
    session.run(REFRESH).await;
    let row = newest(&session).await;
    assert_eq!(row["status"], "success");
    let measured = &row["measured"];
    assert_eq!(
        measured["figures"],
        json!({"total_accounts": 10, "total_users": 11, "total_assets": 40, "total_licenses": 5, "new_accounts_30d": 1,
               "new_users_30d": 1, "new_assets_30d": 11})
    );
    let sources = measured["sources"].as_object().unwrap();
    let names: Vec<&str> = sources.keys().map(String::as_str).collect();
    assert_eq!(names, ["public.accounts", "public.accounts_memberships", "public.assets", "public.software_licenses"]);
    assert_eq!(sources["public.accounts"]["rows"], 10);
    let bytes: i64 = value(&url, "SELECT pg_total_relation_size('public.accounts')").await;
    assert_eq!(sources["public.accounts"]["bytes"], bytes);
    assert_eq!(sources["public.software_licenses"].get("rows"), None, "never analyzed: not known");
    let bytes: i64 = value(&url, "SELECT pg_total_relation_size('public.platform_metrics')").await;
    assert_eq!(measured["view"], json!({"rows": 1, "bytes": bytes}));
    let length: i32 = value(&url, "SELECT octet_length(measured::text) FROM public.metrics_refresh_log").await;
    assert!(length < 1_000, "{length}");
}

#[tokio::test]
async fn failures_and_rows_from_elsewhere_measure_nothing() {
    let url = migrated_app("elsewhere").await;
    let session = Session::open(&url).await;
    execute(&url, "DROP INDEX public.platform_metrics_refresh_key").await;
    session.run(REFRESH).await;
    let row = newest(&session).await;
    assert_eq!(row["status"], json!("error"));
    let measured = row["measured"].as_object().unwrap();
    assert_eq!(measured.keys().collect::<Vec<_>>(), ["server_wal_bytes"], "neither figures nor sizes");
    // A script, and a restored dump that brings its own.
    session
        .run(
            "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, backend_pid)
                 VALUES ('platform_metrics', 'success', now(), pg_backend_pid());
             INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, measured)
                 VALUES ('platform_metrics', 'success', now(), '{\"figures\": {}}')",
        )
        .await;
    let kept: i64 = session.value("count(*) FROM public.metrics_refresh_log WHERE measured ? 'figures'").await;
    assert_eq!(kept, 1);
}

/// What the refresh does not hold is reckoned from the catalog.
#[tokio::test]
async fn partitions_count_together_and_views_are_looked_through() {
    let url = fresh_app("parts").await;
    execute(
        &url,
        "DROP TABLE public.assets;
         CREATE TABLE public.asset_parts (id bigint, account_id bigint, created_at timestamptz NOT NULL) PARTITION BY RANGE (created_at);
         CREATE TABLE public.asset_old PARTITION OF public.asset_parts FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
         CREATE TABLE public.asset_new PARTITION OF public.asset_parts FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
         CREATE INDEX ON public.asset_parts (id);
         CREATE VIEW public.assets AS SELECT * FROM public.asset_parts WHERE created_at >= '2020-01-01';
         INSERT INTO public.asset_parts SELECT n, 1, CASE WHEN n % 3 = 0 THEN now() ELSE '2019-01-01' END FROM generate_series(1, 3000) n;
         ANALYZE public.asset_parts",
    )
    .await;
    crate::support::migrate(&url).await;
    let session = Session::open(&url).await;
    // The old partition isn't read, and somebody holds it.
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.asset_old IN ACCESS EXCLUSIVE MODE").await;
    session.run(REFRESH).await;
    let row = newest(&session).await;
    let source = &row["measured"]["sources"]["public.asset_parts"];
    assert_eq!(source["rows"], 3_000, "{row}");
    assert!(source["bytes"].as_i64().unwrap() > 100_000, "{row}");
    assert_eq!(row["measured"]["figures"]["total_assets"], 1_000);
    holder.run("ROLLBACK").await;
}

/// Somebody stands in line for a source that the refresh holds: whoever asks again for what he holds need not queue.
#[tokio::test]
async fn a_queue_for_a_source_holds_up_no_measurement() {
    let url = migrated_app("queue").await;
    let session = Session::with(&url, "BEGIN; SELECT count(*) FROM public.accounts").await;
    let waiting = Session::with(&url, "BEGIN").await;
    let lock = waiting.client.batch_execute("LOCK TABLE public.accounts IN ACCESS EXCLUSIVE MODE; ROLLBACK");
    let refresh = async {
        session.until_waiting(waiting.pid).await;
        session.run(REFRESH).await;
        session.run("COMMIT").await;
    };
    let (locked, ()) = tokio::join!(lock, refresh);
    locked.unwrap();
    let row = newest(&session).await;
    assert_eq!(row["status"], "success");
    assert!(row["measured"]["sources"].get("public.accounts").is_some(), "{row}");
}

#[tokio::test]
async fn a_measurement_that_fails_says_so_and_never_costs_the_refresh() {
    let url = migrated_app("unmeasured").await;
    let session = Session::open(&url).await;
    execute(
        &url,
        "ALTER FUNCTION refreshtop.relations(oid) RENAME TO relations_itself;
         CREATE FUNCTION refreshtop.relations(p_view oid) RETURNS SETOF oid LANGUAGE plpgsql AS $$
         DECLARE v_context text;
         BEGIN
             GET DIAGNOSTICS v_context = PG_CONTEXT;
             IF v_context LIKE '%measure(%' THEN RAISE 'no relations today'; END IF;
             RETURN QUERY SELECT refreshtop.relations_itself(p_view);
         END $$;
         ALTER FUNCTION refreshtop.relations(oid) OWNER TO refreshtop_owner",
    )
    .await;
    session.run(REFRESH).await;
    let row = newest(&session).await;
    assert_eq!((&row["status"], &row["measured"]["error"]), (&json!("success"), &json!("no relations today")));
}

#[tokio::test]
async fn columns_of_other_kinds_run_nobodys_code() {
    let url = fresh_app("kinds").await;
    let (role, _) = fresh_role(&url, "crafty", "").await;
    // A cast to json is used wherever a value of the type is turned into JSON.
    execute(
        &url,
        &format!(
            "CREATE TYPE public.craft AS (n integer);
             CREATE TABLE public.caught (who text);
             GRANT INSERT ON public.caught TO PUBLIC;
             CREATE FUNCTION public.tell(public.craft) RETURNS json LANGUAGE sql AS
                 $$ INSERT INTO public.caught VALUES (current_user) RETURNING '1'::json $$;
             ALTER TYPE public.craft OWNER TO {role}; ALTER FUNCTION public.tell(public.craft) OWNER TO {role};
             CREATE CAST (public.craft AS json) WITH FUNCTION public.tell(public.craft);
             CREATE MATERIALIZED VIEW public.platform_metrics AS
                 SELECT 7 AS total_things, 2.50::numeric AS ratio, 'Infinity'::float8 AS endless, 'NaN'::numeric AS nothing, 'text'::text AS note,
                        ROW(1)::public.craft AS crafted, 1e100::numeric AS huge, NULL::integer AS none, 3 AS \"odd \"\"name\"\" %s\";
             CREATE UNIQUE INDEX ON public.platform_metrics (total_things);
             ALTER MATERIALIZED VIEW public.platform_metrics OWNER TO {role}"
        ),
    )
    .await;
    crate::support::migrate(&url).await;
    let session = Session::open(&url).await;
    session.run(REFRESH).await;
    let row = newest(&session).await;
    assert_eq!(row["measured"]["figures"], json!({"total_things": 7, "ratio": 2.5, "odd \"name\" %s": 3}), "{row}");
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM public.caught").await, 0);
}

#[tokio::test]
async fn another_registered_view_of_many_rows_has_sizes_only() {
    let url = migrated_app("many").await;
    execute(
        &url,
        "CREATE MATERIALIZED VIEW public.per_account AS SELECT account_id, count(*) AS n FROM public.assets GROUP BY 1;
         CREATE UNIQUE INDEX ON public.per_account (account_id);
         SELECT refreshtop.register_view('per_account', 'public.per_account')",
    )
    .await;
    let session = Session::open(&url).await;
    session.run("SELECT refreshtop.refresh('per_account')").await;
    let measured = &newest(&session).await["measured"];
    assert_eq!(measured.get("figures"), None);
    assert!(measured["sources"].get("public.assets").is_some(), "{measured}");
}

#[tokio::test]
async fn an_owner_without_a_superusers_rights_measures_too_and_no_advice_drops_the_trigger() {
    let url = fresh_app("owned").await;
    let (_, owner) = owned_app(&url).await;
    let session = Session::open(&owner).await;
    session.run(REFRESH).await;
    assert_eq!(newest(&session).await["measured"]["figures"]["total_users"], 11);
    let mut superuser = crate::support::open(&url).await;
    let problems = refreshtop_db::preflight::problems(&mut superuser).await.unwrap();
    assert!(!problems.iter().any(|problem| problem.problem.contains("trigger")), "{problems:?}");
}

#[tokio::test]
async fn a_log_with_a_column_of_that_name_gets_it_back() {
    let log = "CREATE TABLE public.metrics_refresh_log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), refresh_type varchar(100) NOT NULL,
        status varchar(20) NOT NULL, started_at timestamptz, created_at timestamptz NOT NULL DEFAULT now(), measured";
    for kind in ["integer", "jsonb"] {
        let url = fresh_app("taken").await;
        execute(&url, &format!("{log} {kind})")).await;
        migrate::up(&target(&url)).await.unwrap();
        let session = Session::open(&url).await;
        session.run(REFRESH).await;
        let row = newest(&session).await;
        assert_eq!((row["status"] == "success", row["measured"].is_null()), (true, false), "{row}");
        migrate::down(&target(&url), 0).await.unwrap();
        let left: String = value(&url, "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'public.metrics_refresh_log'::regclass AND attname = 'measured'").await;
        assert_eq!(left, kind);
    }
}

/// Its function is the owner's alone.
#[tokio::test]
async fn nobody_else_may_use_its_function() {
    let url = migrated_app("alone").await;
    let (name, role) = fresh_role(&url, "curious", "IN ROLE refreshtop_admin").await;
    let_migrate(&url, &name).await;
    let session = Session::open(&role).await;
    assert_eq!(session.sqlstate("SELECT refreshtop.measure(v) FROM refreshtop.views v").await, "42501");
}
