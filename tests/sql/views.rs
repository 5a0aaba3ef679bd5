//! The list of materialized views, managed or not, and the page of one, on databases as they are found.

use crate::support::{
    client, execute, fresh_app, fresh_database, fresh_role, look, migrate, migrated_app, open, unique, value,
};
use chrono::TimeDelta;
use refreshtop_core::{
    health::Verdict,
    limits::Overrides,
    run::RunStatus,
    views::{
        Drift, LastBlocker, Managed, Recent, View, Views,
        details::{Catalog, Details, SourceKind},
    },
};
use refreshtop_db::{
    snapshot::Kept,
    views::{self, details},
};
use std::time::{Duration, Instant};

const SHOP: &str = include_str!("../fixtures/views.sql");

async fn shop(prefix: &str) -> String {
    let url = fresh_database(prefix).await;
    execute(&url, SHOP).await;
    url
}

async fn read(url: &str) -> Views {
    views::read(&mut Kept::of(open(url).await), None).await.unwrap()
}

fn find<'a>(views: &'a Views, name: &str) -> &'a View {
    views.find(name).unwrap_or_else(|failure| panic!("{name}: {failure:?}"))
}

async fn show(url: &str, name: &str) -> (View, Details) {
    let mut session = open(url).await;
    let tx = look(&mut session).await;
    let all = views::views(&tx, None).await.unwrap();
    let view = find(&all, name).clone();
    let details = details(&tx, &view, 5).await.unwrap();
    (view, details)
}

/// Kinds and reasons of what could be wrong.
fn warnings(view: &View, catalog: &Catalog) -> Vec<(&'static str, String)> {
    catalog.warnings(view).into_iter().map(|warning| (warning.kind, warning.reason)).collect()
}

fn has(warnings: &[(&'static str, String)], kind: &str, words: &str) -> bool {
    warnings.iter().any(|(found, reason)| *found == kind && reason.contains(words))
}

#[tokio::test]
async fn the_view_of_an_older_deployment_that_a_rollback_puts_back_is_not_listed() {
    let url = fresh_app("views").await;
    execute(
        &url,
        "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT count(*) AS total_accounts FROM accounts",
    )
    .await;
    migrate(&url).await;
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM pg_matviews WHERE schemaname = 'refreshtop_before'").await, 1);
    let all = read(&url).await.views;
    assert!(matches!(all.as_slice(), [view] if view.name.sql == "platform_metrics"), "{all:?}");
}

#[tokio::test]
async fn every_view_is_listed_without_an_installation_to_any_role() {
    let url = shop("views").await;
    let (_, plain) = fresh_role(&url, "plain", "").await;
    for url in [&url, &plain] {
        let all = read(url).await;
        assert_eq!((&all.registry, &all.statistics), (&Ok(()), &Ok(())));
        assert!(all.views.iter().all(|view| view.managed == Managed::No && view.stats.is_none()), "{all:?}");
        let mut names: Vec<&str> = all.views.iter().map(|view| &*view.name.sql).collect();
        names.sort_unstable();
        let wanted = [
            "\"Sales.EU\".\"Top \"\"10\"\"\"",
            "\"order\"",
            "clocked",
            "customers",
            "eu.regions",
            "everything",
            "sales.daily",
            "sales.joined",
            "us.regions",
        ];
        assert_eq!(names, wanted);
        let why = |name: &str| find(&all, name).relation.as_ref().unwrap().not_concurrently();
        assert_eq!((why("sales.daily"), why("customers"), why("eu.regions")), (None, None, None));
        assert_eq!(why("\"order\"").as_deref(), Some("not populated"));
        assert_eq!(why("clocked").as_deref(), Some("no unique index"));
        assert_eq!(why("us.regions").as_deref(), Some("its unique index regions_key has an expression"));
        assert_eq!(why("Top \"10\"").as_deref(), Some("its unique index \"Top Key\" has a WHERE"));
        let daily = find(&all, "sales.daily").relation.as_ref().unwrap();
        assert_eq!((daily.populated, daily.rows, daily.reads), (true, Some(210), 1));
        assert!(daily.size.is_some_and(|size| size > 8192), "{daily:?}");
        let empty = find(&all, "order").relation.as_ref().unwrap();
        assert_eq!((empty.populated, empty.rows), (false, None));
        let readers = |name: &str| {
            let oid = find(&all, name).relation.as_ref().unwrap().oid;
            all.readers().get(&oid).map_or(0, std::collections::BTreeSet::len)
        };
        assert_eq!((readers("sales.daily"), readers("customers"), readers("clocked")), (2, 1, 0));
        assert_eq!(find(&all, "everything").relation.as_ref().unwrap().reads, 3, "plain views don't count");
        let top = find(&all, "top \"10\"").relation.as_ref().unwrap();
        assert_eq!(top.reads_views[0].through.as_deref(), Some("sales.daily_big"));
    }
    let all = read(&url).await;
    let first = all.worst_first(&Overrides::default())[0];
    assert_eq!(first.name.name, "order", "nobody can read a view without data");
    let order: Vec<&str> = all.tree(None).order.iter().map(|view| &*view.name.sql).collect();
    assert_eq!(order, ["sales.daily", "\"Sales.EU\".\"Top \"\"10\"\"\"", "customers", "everything"]);
}

#[tokio::test]
async fn an_index_that_cannot_serve_is_named_with_its_reason() {
    let url = fresh_database("views").await;
    execute(&url, "CREATE MATERIALIZED VIEW v AS SELECT n AS id, n % 2 AS k FROM generate_series(1, 9) n").await;
    let why = async || read(&url).await.views[0].relation.as_ref().unwrap().not_concurrently();
    execute(&url, "CREATE INDEX plain ON v (id)").await;
    assert_eq!(why().await.as_deref(), Some("no unique index"));
    // Fails, and leaves an invalid index.
    let failed = client(&url).await.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON v (k)").await;
    assert!(failed.is_err());
    assert_eq!(why().await.as_deref(), Some("its unique index broken is invalid"));
    execute(&url, "CREATE UNIQUE INDEX good ON v (id) INCLUDE (k)").await;
    assert_eq!(why().await, None);
    let (_, details) = show(&url, "v").await;
    let catalog = details.catalog;
    assert_eq!(catalog.serving_index().unwrap().index.name, "good");
    let columns: Vec<&str> = catalog.serving_index().unwrap().columns.iter().map(|column| &*column.name).collect();
    assert_eq!(columns, ["id"], "included columns are no keys");
    assert_eq!(catalog.indexes.len(), 3);
}

#[tokio::test]
async fn key_columns_that_could_hold_nulls_are_named() {
    let url = shop("views").await;
    let of = async |name: &str| {
        let (view, details) = show(&url, name).await;
        warnings(&view, &details.catalog)
    };
    let sure = of("public.customers").await;
    assert!(!has(&sure, "nullable_key", ""), "{sure:?}");
    let regions = of("eu.regions").await;
    assert!(has(&regions, "nullable_key", "column region of the unique index regions_key holds NULLs"), "{regions:?}");
    let joined = of("sales.joined").await;
    assert!(has(&joined, "nullable_key", "column customer_id"), "the outer join makes it NULL: {joined:?}");
    let daily = of("sales.daily").await;
    assert!(has(&daily, "nullable_key", "column day of the unique index daily_key could hold NULLs"), "{daily:?}");
    execute(
        &url,
        "CREATE MATERIALIZED VIEW known AS
             SELECT 1 AS one, NULL::int AS none, now() AS at, count(*) AS n, max(id) AS most FROM sales.customers;
         CREATE UNIQUE INDEX known_key ON known (one, none, at, n, most)",
    )
    .await;
    let (_, details) = show(&url, "known").await;
    let columns = &details.catalog.indexes[0].columns;
    assert_eq!(columns.iter().map(|column| column.not_null).collect::<Vec<_>>(), [true, false, true, true, false]);
    // A constraint that is dropped later counts at once.
    execute(&url, "ALTER TABLE sales.customers DROP CONSTRAINT customers_pkey; ALTER TABLE sales.customers ALTER id DROP NOT NULL")
        .await;
    let unsure = of("public.customers").await;
    assert!(has(&unsure, "nullable_key", "column id of the unique index customers_key could hold"), "{unsure:?}");
}

#[tokio::test]
async fn sources_are_found_behind_views_and_in_partitions() {
    let url = shop("views").await;
    let (_, plain) = fresh_role(&url, "plain", "").await;
    for url in [&url, &plain] {
        let (_, details) = show(url, "sales.daily").await;
        let sources: Vec<(&str, SourceKind, Option<&str>, Option<&str>)> = details
            .catalog
            .sources
            .iter()
            .map(|source| (&*source.name, source.kind, source.through.as_deref(), source.part_of.as_deref()))
            .collect();
        assert_eq!(
            sources,
            [
                ("sales.orders", SourceKind::Partitioned, Some("sales.paid"), None),
                ("sales.paid", SourceKind::View, None, None),
                ("sales.orders_2025", SourceKind::Table, None, Some("sales.orders")),
                ("sales.orders_2026", SourceKind::Table, None, Some("sales.orders")),
            ]
        );
        let (_, details) = show(url, "everything").await;
        let names: Vec<&str> = details.catalog.sources.iter().map(|source| &*source.name).collect();
        let wanted =
            ["\"Sales.EU\".\"Top \"\"10\"\"\"", "public.customers", "sales.daily", "sales.daily", "sales.daily_big"];
        let mut sorted = wanted.to_vec();
        sorted.dedup();
        assert_eq!(names, sorted, "what a materialized view reads is its own matter");
    }
}

#[tokio::test]
async fn the_clock_chance_and_hidden_sources_are_named() {
    let url = shop("views").await;
    let (view, details) = show(&url, "clocked").await;
    let found = warnings(&view, &details.catalog);
    for (kind, words) in [
        ("hidden_sources", "sales.latest()"),
        ("clock", "now()"),
        ("clock", "CURRENT_DATE"),
        ("volatile", "random()"),
        ("not_concurrently", ""),
    ] {
        assert!(has(&found, kind, words), "{kind} {words}: {found:?}");
    }
    let (view, details) = show(&url, "public.customers").await;
    assert_eq!(warnings(&view, &details.catalog), []);
    // From release 14 on a function can be kept as a query, which hides nothing.
    if value::<i32>(&url, "SELECT current_setting('server_version_num')::int").await >= 140_000 {
        execute(
            &url,
            "CREATE FUNCTION sales.open() RETURNS bigint LANGUAGE sql STABLE
             BEGIN ATOMIC SELECT max(id) FROM sales.customers; END;
             CREATE MATERIALIZED VIEW opened AS SELECT sales.open() AS last",
        )
        .await;
        let (view, details) = show(&url, "opened").await;
        let found = warnings(&view, &details.catalog);
        assert!(!has(&found, "hidden_sources", ""), "{found:?}");
    }
    execute(
        &url,
        "CREATE MATERIALIZED VIEW words AS
         SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', name) FROM sales.customers')",
    )
    .await;
    let (view, details) = show(&url, "words").await;
    let found = warnings(&view, &details.catalog);
    assert!(has(&found, "hidden_sources", "ts_stat(text) runs a query that it is given as a string"), "{found:?}");
    // The clock behind a plain view; a name that looks like a part of a stored query is none.
    execute(
        &url,
        "CREATE VIEW today AS SELECT id, localtimestamp AS at FROM sales.customers;
         CREATE MATERIALIZED VIEW behind AS SELECT id AS \"{SQLVALUEFUNCTION :op 0 \" FROM today",
    )
    .await;
    let (_, details) = show(&url, "behind").await;
    assert_eq!(details.catalog.clock_words, [7]);
}

#[tokio::test]
async fn what_the_owner_may_not_read_or_call_is_named() {
    let url = fresh_database("views").await;
    let (owner, _) = fresh_role(&url, "owner", "").await;
    let (app, _) = fresh_role(&url, "app", "").await;
    execute(
        &url,
        &format!(
            "CREATE TABLE hidden (id int PRIMARY KEY); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
             CREATE TABLE denied (id int PRIMARY KEY, secret text);
             CREATE TABLE partly (id int PRIMARY KEY, secret text);
             CREATE VIEW behind AS SELECT id FROM hidden;
             ALTER TABLE hidden OWNER TO {app}; ALTER TABLE denied OWNER TO {app}; ALTER TABLE partly OWNER TO {app};
             ALTER VIEW behind OWNER TO {app};
             GRANT SELECT ON hidden, denied, behind TO {owner}; GRANT SELECT (id) ON partly TO {owner};
             CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
             CREATE MATERIALIZED VIEW direct AS SELECT h.id FROM hidden h JOIN denied d ON d.id = h.id WITH NO DATA;
             CREATE MATERIALIZED VIEW indirect AS SELECT id FROM behind WITH NO DATA;
             CREATE MATERIALIZED VIEW columns AS SELECT twice(id) FROM partly WITH NO DATA;
             CREATE MATERIALIZED VIEW more_columns AS SELECT id, secret FROM partly WITH NO DATA;
             ALTER MATERIALIZED VIEW direct OWNER TO {owner}; ALTER MATERIALIZED VIEW indirect OWNER TO {owner};
             ALTER MATERIALIZED VIEW columns OWNER TO {owner}; ALTER MATERIALIZED VIEW more_columns OWNER TO {owner};
             REVOKE SELECT ON denied FROM {owner}; REVOKE EXECUTE ON FUNCTION twice(int) FROM PUBLIC"
        ),
    )
    .await;
    let (_, plain) = fresh_role(&url, "plain", "").await;
    for url in [&url, &plain] {
        let of = async |name: &str| {
            let (view, details) = show(url, name).await;
            warnings(&view, &details.catalog)
        };
        let direct = of("direct").await;
        assert!(has(&direct, "row_security", &format!("public.hidden hides rows from role {owner}")), "{direct:?}");
        assert!(has(&direct, "no_select", &format!("role {owner} may not SELECT from public.denied")), "{direct:?}");
        let indirect = of("indirect").await;
        assert!(!has(&indirect, "row_security", "") && !has(&indirect, "no_select", ""), "{indirect:?}");
        let columns = of("columns").await;
        assert!(!has(&columns, "no_select", ""), "the right on the column is enough: {columns:?}");
        assert!(has(&columns, "no_execute", "may not EXECUTE public.twice(integer)"), "{columns:?}");
        let more = of("more_columns").await;
        assert!(has(&more, "no_select", "public.partly"), "{more:?}");
    }
    execute(&url, "ALTER TABLE hidden FORCE ROW LEVEL SECURITY").await;
    let (view, details) = show(&url, "indirect").await;
    let forced = warnings(&view, &details.catalog);
    assert!(has(&forced, "row_security", &format!("hides rows from role {app}")), "{forced:?}");
}

#[tokio::test]
async fn foreign_tables_are_named_with_their_server() {
    let url = fresh_database("views").await;
    let wrapper = "SELECT name::text FROM pg_available_extensions WHERE name IN ('postgres_fdw', 'file_fdw') LIMIT 1";
    let found = client(&url).await.query_opt(wrapper, &[]).await.unwrap();
    let Some(wrapper) = found.map(|row| row.get::<_, String>(0)) else {
        eprintln!("not tried: this server has neither postgres_fdw nor file_fdw");
        return;
    };
    let server = unique("far");
    execute(
        &url,
        &format!(
            "CREATE EXTENSION {wrapper}; CREATE SERVER {server} FOREIGN DATA WRAPPER {wrapper};
             CREATE FOREIGN TABLE far_away (id int NOT NULL) SERVER {server} {};
             CREATE MATERIALIZED VIEW near AS SELECT id FROM far_away WITH NO DATA;
             CREATE UNIQUE INDEX near_key ON near (id)",
            if wrapper == "file_fdw" { "OPTIONS (filename '/dev/null')" } else { "" }
        ),
    )
    .await;
    let (view, details) = show(&url, "near").await;
    assert_eq!(details.catalog.sources[0].kind, SourceKind::Foreign);
    assert_eq!(details.catalog.sources[0].server.as_deref(), Some(&*server));
    let found = warnings(&view, &details.catalog);
    assert!(has(&found, "foreign_table", &format!("on server {server}")), "{found:?}");
    assert!(has(&found, "nullable_key", "column id"), "nothing enforces it over there: {found:?}");
}

/// Registers a view as it is, without a look at it.
fn register(refresh_type: &str, schema: &str, view: &str) -> String {
    format!(
        "INSERT INTO refreshtop.views (refresh_type, view_schema, view_name, view_oid, view_owner)
         SELECT '{refresh_type}', '{schema}', '{view}', c.oid, pg_get_userbyid(c.relowner)
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = '{schema}' AND c.relname = '{view}';"
    )
}

fn attempts(refresh_type: &str, status: &str, count: u32, ago: &str) -> String {
    format!(
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, started_at,
             completed_at, created_at)
         SELECT '{refresh_type}', '{status}', 10 + n, CASE '{status}' WHEN 'error' THEN 'no ' || n END, at, at, at
         FROM (SELECT n, now() - interval '{ago}' - n * interval '1 minute' AS at FROM generate_series(1, {count}) n) t;"
    )
}

#[tokio::test]
async fn managed_views_have_their_statistics_and_the_judges_verdict() {
    let url = migrated_app("views").await;
    execute(&url, SHOP).await;
    execute(
        &url,
        &[
            register("sales.daily", "sales", "daily"),
            register("eu.regions", "eu", "regions"),
            register("customers", "public", "customers"),
            attempts("sales.daily", "success", 20, "0"),
            attempts("eu.regions", "success", 2, "1 day"),
            attempts("eu.regions", "error", 30, "5 minutes"),
            "SELECT public.refresh_platform_metrics_with_logging();".to_owned(),
        ]
        .concat(),
    )
    .await;
    let (_, admin) = fresh_role(&url, "oncall", "IN ROLE refreshtop_admin").await;
    let (_, plain) = fresh_role(&url, "plain", "").await;
    for url in [&url, &admin] {
        let all = read(url).await;
        assert_eq!((&all.registry, &all.statistics), (&Ok(()), &Ok(())));
        let managed: Vec<&str> = all.views.iter().filter_map(|view| Some(view.registered()?.id.as_str())).collect();
        assert_eq!(managed.len(), 4, "{managed:?}");
        let verdict = |name: &str| find(&all, name).health(all.at, &Overrides::default()).map(|health| health.verdict);
        assert_eq!(verdict("platform_metrics"), Some(Verdict::Healthy));
        assert_eq!(verdict("sales.daily"), Some(Verdict::Healthy));
        assert_eq!(verdict("eu.regions"), Some(Verdict::Critical));
        assert_eq!(verdict("customers"), Some(Verdict::Critical), "never refreshed");
        assert_eq!(verdict("us.regions"), None, "nobody promised anything");
        let regions = find(&all, "eu.regions");
        let age = regions.data_age(all.at).unwrap();
        let wanted = TimeDelta::days(1) + TimeDelta::minutes(1);
        assert!(age >= wanted.to_std().unwrap() && age < Duration::from_hours(25), "{age:?}");
        assert_eq!(regions.stats.as_ref().unwrap().last_error.as_deref(), Some("no 1"));
        let order: Vec<&str> = all.worst_first(&Overrides::default()).iter().map(|view| &*view.name.sql).collect();
        assert!(order[..2].contains(&"eu.regions") && order[..2].contains(&"customers"), "{order:?}");
        let (view, details) = show(url, "platform_metrics").await;
        let own = warnings(&view, &details.catalog);
        assert!(!has(&own, "nullable_key", ""), "the time is never NULL: {own:?}");
        let (_, details) = show(url, "eu.regions").await;
        let runs = details.runs.unwrap();
        assert_eq!((runs.len(), runs[0].error.as_deref()), (5, Some("no 1")));
    }
    // Who may not read the registry sees the views, and that it is not known which are managed.
    let all = read(&plain).await;
    assert_eq!(all.views.len(), 10);
    assert!(all.views.iter().all(|view| view.managed == Managed::Unknown && view.stats.is_none()));
    let missing = all.registry.unwrap_err();
    assert!(missing.reason.contains("may not read refreshtop.views"), "{missing:?}");
    assert!(missing.fix.starts_with("GRANT refreshtop_admin TO plain_"), "{missing:?}");
}

#[tokio::test]
async fn the_statistics_of_all_are_those_of_each() {
    let url = migrated_app("views").await;
    execute(&url, SHOP).await;
    let set_up = [
        register("sales.daily", "sales", "daily"),
        register("eu.regions", "eu", "regions"),
        register("us.regions", "us", "regions"),
        attempts("sales.daily", "success", 30, "0"),
        attempts("sales.daily", "error", 3, "30 seconds"),
        attempts("eu.regions", "success", 2, "3 days"),
        attempts("eu.regions", "error", 1, "2 days"),
        attempts("nobody.registered", "success", 5, "0"),
        // From the future, and so not there.
        attempts("us.regions", "success", 1, "-2 hours"),
    ];
    execute(&url, &set_up.concat()).await;
    execute(&url, "UPDATE refreshtop.views SET run_every = '20 days' WHERE refresh_type = 'eu.regions'").await;
    for window in ["'1 hour'", "'1 day'", "'30 days'", "'1000000 years'", "NULL"] {
        let differing = format!(
            "SELECT count(*) FROM refreshtop.views v
             LEFT JOIN refreshtop.stats_of_all({window}) a ON a.refresh_type = v.refresh_type
             CROSS JOIN LATERAL refreshtop.stats(v.refresh_type, {window}) s
             WHERE to_jsonb(a) - 'refresh_type' IS DISTINCT FROM to_jsonb(s) - 'limits'"
        );
        assert_eq!(value::<i64>(&url, &differing).await, 0, "{window}");
    }
    let rows = "SELECT count(*) FROM refreshtop.stats_of_all('1 day')";
    assert_eq!(value::<i64>(&url, rows).await, 4, "one row for each registered view");
    let own = "SELECT total_refreshes FROM refreshtop.stats_of_all(NULL) WHERE refresh_type = 'eu.regions'";
    assert_eq!(value::<i64>(&url, own).await, 3, "each view has its own window");
    for wrong in ["'0 s'", "'-1 day'"] {
        let failure =
            client(&url).await.simple_query(&format!("SELECT refreshtop.stats_of_all({wrong})")).await.unwrap_err();
        assert_eq!(failure.code().unwrap().code(), "22023", "{wrong}");
    }
}

#[tokio::test]
async fn an_installation_without_a_part_lists_what_it_can() {
    let url = migrated_app("views").await;
    execute(&url, "DROP FUNCTION refreshtop.stats_of_all(interval)").await;
    let all = read(&url).await;
    assert_eq!(all.registry, Ok(()));
    let missing = all.statistics.unwrap_err();
    assert_eq!(missing.fix, "run: refreshtop migrate", "{missing:?}");
    assert!(all.views[0].registered().is_some() && all.views[0].stats.is_none(), "{:?}", all.views);
    // A registry that is somebody else's says nothing.
    let (name, stranger) = fresh_role(&url, "stranger", "").await;
    let foreign = fresh_database("views").await;
    let database = foreign.rsplit_once('/').unwrap().1;
    execute(
        &foreign,
        &format!("GRANT CREATE ON DATABASE {database} TO {name}; CREATE MATERIALIZED VIEW v AS SELECT 1 AS a"),
    )
    .await;
    let there = stranger.replace(url.rsplit_once('/').unwrap().1, database);
    execute(
        &there,
        "CREATE SCHEMA refreshtop; GRANT USAGE ON SCHEMA refreshtop TO PUBLIC;
         CREATE FUNCTION refreshtop.trap() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'sprung'; END$$;
         CREATE VIEW refreshtop.views AS SELECT refreshtop.trap() AS refresh_type; GRANT SELECT ON refreshtop.views TO PUBLIC",
    )
    .await;
    let (_, plain) = fresh_role(&foreign, "plain", "").await;
    for url in [&foreign, &plain] {
        let all = read(url).await;
        assert_eq!(all.views[0].managed, Managed::Unknown, "{all:?}");
        let missing = all.registry.unwrap_err();
        assert!(missing.reason.contains(&name), "{missing:?}");
    }
}

#[tokio::test]
async fn what_changed_since_a_view_was_registered_is_noticed() {
    let url = migrated_app("views").await;
    execute(&url, SHOP).await;
    let set_up = [
        register("sales.joined", "sales", "joined"),
        register("eu.regions", "eu", "regions"),
        register("us.regions", "us", "regions"),
        register("clocked", "public", "clocked"),
    ];
    execute(&url, &set_up.concat()).await;
    let (other, _) = fresh_role(&url, "other", "").await;
    execute(
        &url,
        &format!(
            "DROP MATERIALIZED VIEW sales.joined;
             DROP MATERIALIZED VIEW eu.regions; CREATE MATERIALIZED VIEW eu.regions AS SELECT 1 AS region;
             ALTER MATERIALIZED VIEW us.regions RENAME TO areas;
             ALTER MATERIALIZED VIEW clocked OWNER TO {other}"
        ),
    )
    .await;
    let all = read(&url).await;
    let drift = |name: &str| find(&all, name).drift();
    assert_eq!(drift("sales.joined"), Some(Drift::Gone));
    assert_eq!(drift("eu.regions"), Some(Drift::Replaced));
    assert!(matches!(drift("us.areas"), Some(Drift::Renamed(before)) if before.sql == "us.regions"));
    assert!(matches!(drift("clocked"), Some(Drift::OwnerChanged(_))));
    assert_eq!(drift("platform_metrics"), None);
    assert_eq!(find(&all, "us.regions").name.sql, "us.areas", "known by its identity, too");
    let (view, details) = show(&url, "sales.joined").await;
    let found = warnings(&view, &details.catalog);
    assert!(has(&found, "gone", "no such materialized view"), "{found:?}");
}

#[tokio::test]
async fn a_refresh_that_locks_a_view_does_not_keep_the_list_waiting() {
    let url = shop("views").await;
    let other = client(&url).await;
    other.batch_execute("BEGIN; LOCK TABLE sales.orders; REFRESH MATERIALIZED VIEW sales.daily").await.unwrap();
    let began = Instant::now();
    let all = read(&url).await;
    assert!(began.elapsed() < Duration::from_secs(2), "a lock was waited for: {:?}", began.elapsed());
    let size = |name: &str| find(&all, name).relation.as_ref().unwrap().size;
    assert_eq!(size("sales.daily"), None);
    assert!(size("customers").is_some());
    let (_, details) = show(&url, "sales.daily").await;
    assert_eq!(details.catalog.indexes[0].definition, None);
    other.batch_execute("ROLLBACK").await.unwrap();
    assert!(find(&read(&url).await, "sales.daily").relation.as_ref().unwrap().size.is_some());
}

#[tokio::test]
async fn nothing_of_the_owners_is_run() {
    let url = fresh_database("views").await;
    let (name, owner) = fresh_role(&url, "owner", "").await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(&url, &format!("GRANT CREATE ON DATABASE {database} TO {name}; GRANT CREATE ON SCHEMA public TO {name}"))
        .await;
    execute(
        &owner,
        &format!(
            "CREATE FUNCTION trap(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN $1; END$$;
             CREATE TABLE source (id int NOT NULL); INSERT INTO source VALUES (1);
             CREATE VIEW between AS SELECT id, trap(1) AS t FROM source;
             CREATE MATERIALIZED VIEW v AS SELECT id, trap(2) AS t FROM between;
             CREATE INDEX ON source (id) WHERE trap(3) > 0; CREATE INDEX ON v (trap(id)); CREATE INDEX ON v (id) WHERE trap(4) > 0;
             CREATE STATISTICS s ON id, t FROM v;
             CREATE OR REPLACE FUNCTION trap(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
             $$BEGIN IF current_user <> '{name}' THEN RAISE 'sprung'; END IF; RETURN $1; END$$"
        ),
    )
    .await;
    let real = client(&url).await.simple_query("EXPLAIN SELECT * FROM v WHERE id = 1").await;
    assert!(real.is_err(), "planning alone springs the trap");
    let all = read(&url).await;
    assert_eq!(all.views.len(), 1);
    let (_, details) = show(&url, "v").await;
    assert_eq!(details.catalog.indexes.len(), 2);
}

#[tokio::test]
async fn the_newest_attempts_of_all_views_come_in_one_row_each() {
    let url = migrated_app("views").await;
    let box_of_two = r#"{"captured_at": "2026-01-01T00:00:00Z", "sessions": [
        {"pid": 11, "user": "u", "application": "waits", "blocked_by": [12]},
        {"pid": 12, "user": "batch", "application": "", "blocked_by": []}]}"#;
    let set_up = [
        SHOP.to_owned(),
        register("sales.daily", "sales", "daily"),
        register("eu.regions", "eu", "regions"),
        attempts("sales.daily", "success", 30, "1 hour"),
        attempts("sales.daily", "error", 1, "30 seconds"),
        format!(
            "UPDATE public.metrics_refresh_log SET black_box = '{box_of_two}', sqlstate = '55P03' WHERE status = 'error';"
        ),
        // From the future, and so not there.
        attempts("eu.regions", "success", 1, "-2 hours"),
    ];
    execute(&url, &set_up.concat()).await;
    let all = read(&url).await;
    let of = |name: &str| {
        let view = all.views.iter().find(|view| view.name.sql == name).unwrap();
        view.recent.clone().unwrap()
    };
    let daily = of("sales.daily");
    let last = daily.last.unwrap();
    assert_eq!((last.status, last.sqlstate.as_deref()), (RunStatus::Error, Some("55P03")));
    assert_eq!(last.blocker, Some(LastBlocker { pid: 12, name: Some("batch".into()) }), "the one that all wait for");
    assert_eq!(daily.attempts.len(), 20);
    assert_eq!(daily.attempts.iter().filter(|(failed, _)| *failed).count(), 1);
    assert!(daily.attempts.last().unwrap().0, "oldest first");
    assert_eq!(of("eu.regions"), Recent::default());
}
