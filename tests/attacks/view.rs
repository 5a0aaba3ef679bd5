//! The materialized view: its creator, its owner, and decoys in its place.

use crate::{
    scene::{SOURCES, Scene},
    support::value,
};

const FIGURES: &str =
    "1::bigint AS total_accounts, 1::bigint AS total_users, 1::bigint AS total_assets, 1::bigint AS total_licenses,
    1::bigint AS new_accounts_30d, 1::bigint AS new_users_30d, 1::bigint AS new_assets_30d, now() AS last_updated";

/// 5. A view that was there before the first migration: adopted, refreshed, and put back by the rollback.
async fn adopted_view(scene: Scene, view: &str) {
    scene.attacker_creates_in_public().await;
    scene.plant(&view.replace("FIGURES", FIGURES)).await;
    scene.plant("GRANT ALL ON public.platform_metrics TO PUBLIC").await;
    scene.migrate().await;
    scene.live().await;
    scene.held().await;
}
attack!(adopted_view {
    query: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT m.evil('query')::bigint AS total_accounts",
    query_of_the_contract: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT FIGURES WHERE m.evil_true('query')",
    unpopulated: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT FIGURES WHERE m.evil_true('query') WITH NO DATA",
    index_predicate: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT FIGURES;
        CREATE INDEX ON public.platform_metrics (total_accounts) WHERE m.evil_constant(1) = 1",
    unique_index: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT FIGURES;
        CREATE UNIQUE INDEX ON public.platform_metrics (m.evil_text(total_accounts::text))",
    type_of_a_column: "CREATE TYPE m.boxed AS (value bigint);
        CREATE FUNCTION m.unboxed(m.boxed) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('cast'); RETURN 1; END $$;
        CREATE CAST (m.boxed AS numeric) WITH FUNCTION m.unboxed(m.boxed) AS IMPLICIT;
        CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT ROW(1)::m.boxed AS total_accounts",
    plain_view: "CREATE VIEW public.platform_metrics AS SELECT FIGURES WHERE m.evil_true('view')",
    table: "CREATE TABLE public.platform_metrics AS SELECT FIGURES; CREATE INDEX ON public.platform_metrics (total_accounts) WHERE m.evil_constant(1) = 1",
    dependent_view: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT FIGURES;
        CREATE VIEW m.dependent AS SELECT * FROM public.platform_metrics WHERE m.evil_true('dependent view')",
} by [superuser, owner, managed]);

/// 3 c. The owner of schema `public` drops the view, and makes something of its name.
async fn replaced_view(scene: Scene, view: &str) {
    scene.attacker_owns_public().await;
    scene.migrated().await;
    scene.refresh().await;
    scene.plant("DROP MATERIALIZED VIEW public.platform_metrics CASCADE").await;
    scene.plant(&view.replace("FIGURES", FIGURES)).await;
    scene.plant("GRANT ALL ON ALL TABLES IN SCHEMA m TO PUBLIC").await;
    scene.try_to_plant(&["GRANT ALL ON public.platform_metrics TO PUBLIC"]).await;
    scene.refresh().await;
    scene.look().await;
    scene.held().await;
    scene.no_wrong_figure().await;
    scene.live().await;
}
attack!(replaced_view {
    plain_view: "CREATE VIEW public.platform_metrics AS SELECT FIGURES WHERE m.evil_true('view')",
    materialized_view: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT FIGURES WHERE m.evil_true('query'); CREATE UNIQUE INDEX ON public.platform_metrics (last_updated)",
    unpopulated: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT FIGURES WHERE m.evil_true('query') WITH NO DATA",
    index_predicate: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT FIGURES; CREATE UNIQUE INDEX ON public.platform_metrics (last_updated);
        CREATE INDEX ON public.platform_metrics (total_accounts) WHERE m.evil_constant(1) = 1",
    table: "CREATE TABLE public.platform_metrics AS SELECT FIGURES; CREATE INDEX ON public.platform_metrics (total_accounts) WHERE m.evil_constant(1) = 1",
    table_with_policy: "CREATE TABLE public.platform_metrics AS SELECT FIGURES; ALTER TABLE public.platform_metrics ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON public.platform_metrics USING (m.evil_true('policy'))",
    partitions: "CREATE TABLE public.platform_metrics (total_accounts bigint, last_updated timestamptz) PARTITION BY LIST (m.evil_constant(total_accounts::integer));
        CREATE TABLE m.part PARTITION OF public.platform_metrics DEFAULT; CREATE INDEX ON m.part (total_accounts) WHERE m.evil_constant(1) = 1",
} by [superuser, owner, managed]);

/// The owner of the sources owns the view: what he hangs on it does not run as whoever reads or refreshes it.
async fn owned_view(scene: Scene, hung: &str) {
    scene.attacker_owns_sources(&SOURCES).await;
    scene.migrated().await;
    scene.refresh().await;
    let owner = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = 'public.platform_metrics'::regclass";
    assert_eq!(value::<String>(&scene.superuser, owner).await, scene.attacker.name);
    scene.try_to_plant(&[hung]).await;
    scene.live().await;
    scene.held().await;
}
// Not by a migrator who can't give the view to another role: then it stays his own.
attack!(owned_view {
    index_predicate: "CREATE INDEX ON public.platform_metrics (total_accounts) WHERE m.evil_constant(1) = 1",
    index_expression: "CREATE INDEX ON public.platform_metrics (m.evil_text(total_accounts::text))",
    statistics: "CREATE STATISTICS m.s ON (m.evil_constant(1) + total_accounts), (m.evil_constant(2) + total_accounts) FROM public.platform_metrics",
    all_functions: "DO $$ DECLARE f regprocedure; act text; BEGIN
        FOR f IN SELECT oid FROM pg_proc WHERE proowner = current_user::regrole AND pronamespace <> 'm'::regnamespace LOOP
            FOREACH act IN ARRAY ARRAY['SECURITY INVOKER', 'SET search_path = m', 'RENAME TO another', 'SET SCHEMA m', 'RESET ALL'] LOOP
                BEGIN EXECUTE format('ALTER FUNCTION %s %s', f, act); RAISE LOG 'attack|%|altered|the owner of %|%|%|', current_user, f, session_user, current_database();
                EXCEPTION WHEN OTHERS THEN NULL; END;
            END LOOP; END LOOP; END $$",
    functions_dropped: "DROP OWNED BY CURRENT_USER CASCADE",
    view_replaced: "DO $$ BEGIN DROP MATERIALIZED VIEW public.platform_metrics CASCADE;
        CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT m.evil('query')::bigint AS total_accounts, now() AS last_updated; END $$",
    renamed: "ALTER MATERIALIZED VIEW public.platform_metrics RENAME TO another",
    elsewhere: "ALTER MATERIALIZED VIEW public.platform_metrics SET SCHEMA m",
} by [superuser]);

/// If the sources belong to a superuser, roles that may create objects can't reach him through the view.
async fn superusers_view(scene: Scene) {
    scene.attacker_owns_public().await;
    scene.own_sources(scene.cluster.user(), &SOURCES).await;
    scene.migrate().await;
    scene
        .try_to_plant(&[
            "ALTER MATERIALIZED VIEW public.platform_metrics RENAME TO another",
            "CREATE INDEX ON public.platform_metrics (total_accounts) WHERE m.evil_constant(1) = 1",
            "CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('now'); RETURN pg_catalog.now(); END $$",
            "CREATE FUNCTION public.count() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('count'); RETURN 1; END $$",
        ])
        .await;
    scene.refresh().await;
    scene.look().await;
    scene.held().await;
    scene.no_wrong_figure().await;
}
attack!(superusers_view by [superuser]);

/// The superuser's own view uses his own domain, operator or aggregate, behind which is a function of the attacker.
async fn superusers_view_through(scene: Scene, (made, column): (&str, &str)) {
    scene
        .plant(
            "CREATE FUNCTION m.one(bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN m.evil_true('one'); END $$;
             CREATE FUNCTION m.two(bigint, bigint) RETURNS bigint LANGUAGE plpgsql AS $$
             BEGIN PERFORM m.evil('two'); RETURN 1; END $$",
        )
        .await;
    let view = format!(
        "{made}; CREATE MATERIALIZED VIEW public.platform_metrics AS
         SELECT {column} AS id, 2 AS n FROM public.accounts WITH NO DATA; CREATE UNIQUE INDEX ON public.platform_metrics (id)"
    );
    scene.own_sources(scene.cluster.user(), &SOURCES).await;
    scene.sudo(&view).await;
    scene.live().await;
    scene.held().await;
}
attack!(superusers_view_through {
    domain: ("CREATE DOMAIN public.checked AS bigint CHECK (m.one(value))", "count(*)::public.checked"),
    operator: ("CREATE OPERATOR public.@@@ (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = m.two)", "max(id)::bigint OPERATOR(public.@@@) 1::bigint"),
    aggregate: ("CREATE AGGREGATE public.combined (bigint) (SFUNC = m.two, STYPE = bigint, INITCOND = '0')", "public.combined(id::bigint)"),
} by [superuser]);

/// Names an array of a domain whose check is the attacker's: even to parse such a constant runs it.
const CONSTANT: &str = "
CREATE FUNCTION m.check_domain(integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN PERFORM m.evil('parsed constant'); RETURN true; END $$;
CREATE DOMAIN m.hostile AS integer CHECK (m.check_domain(value));
CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT 1 AS id, 2 AS n, '{1}'::m.hostile[] AS d;
CREATE UNIQUE INDEX ON public.platform_metrics (id)";

/// A view that keeps its own query is counted for its key, and nobody but its owner even parses that query.
async fn kept_view_with_a_constant(scene: Scene) {
    scene.attacker_creates_in_public().await;
    scene.plant(CONSTANT).await;
    scene.migrate().await;
    scene.live().await;
    scene.held().await;
}
attack!(kept_view_with_a_constant by [superuser, owner, managed]);

/// The owner of a view chooses its name, and what is made for it must not be written by that name.
async fn name_that_ends_a_text(scene: Scene) {
    scene.attacker_creates_in_public().await;
    scene.migrated().await;
    let name = format!("v$refresh$;$body$;SELECT m.evil('name');ALTER ROLE {};", scene.attacker.name);
    scene.plant(&format!("CREATE MATERIALIZED VIEW public.\"{name}\" AS SELECT 1 AS id")).await;
    scene.sudo("SET check_function_bodies = off; SELECT refreshtop.register_view('other', c.oid) FROM pg_class c WHERE relname LIKE 'v$refresh%'").await;
    scene.live().await;
    scene.held().await;
}
attack!(name_that_ends_a_text by [superuser, managed]);

/// All sources are a superuser's, one of them a foreign table; whoever owns its server says where that leads.
async fn foreign_server(scene: Scene) {
    let (attacker, boss) = (&scene.attacker.name, &scene.boss.name);
    scene.own_sources(boss, &crate::scene::SOURCES).await;
    scene
        .sudo(&format!(
            "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere; ALTER FOREIGN DATA WRAPPER nowhere OWNER TO {boss};
             GRANT USAGE ON FOREIGN DATA WRAPPER nowhere TO {attacker}; ALTER SERVER far OWNER TO {attacker};
             ALTER TABLE public.accounts RENAME TO near_accounts;
             CREATE FOREIGN TABLE public.accounts (id bigint, created_at timestamptz) SERVER far"
        ))
        .await;
    let ran = scene.migrate().await;
    assert!(ran.code != 0 && ran.text().contains("foreign server far"), "{ran:?}");
    let doctor = scene.run(&scene.superuser, "doctor").await;
    assert!(!doctor.text().contains("has no handler"), "it was planned: {doctor:?}");
    scene.held().await;
}
attack!(foreign_server by [superuser]);
