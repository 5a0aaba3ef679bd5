//! Who may do what with managed views of several owners. The answers stand in docs/access.md.

use super::matrix::{Caller, Operation, act, compare, rows, tables};
use crate::support::{execute, fresh_database, fresh_role, migrate, value};

const VIEWS: &[Operation] = &[
    rows("`SELECT` from the first view", "SELECT FROM shop.first"),
    act("`REFRESH` the first view", "REFRESH MATERIALIZED VIEW shop.first"),
    act("`REFRESH … CONCURRENTLY` the first view", "REFRESH MATERIALIZED VIEW CONCURRENTLY shop.first"),
    act("`REFRESH` the second view", "REFRESH MATERIALIZED VIEW shop.second"),
    act("`REFRESH` the one that is not managed", "REFRESH MATERIALIZED VIEW shop.third"),
    act("`DROP` the first view", "DROP MATERIALIZED VIEW shop.first"),
    act("`ALTER … RENAME` the first view", "ALTER MATERIALIZED VIEW shop.first RENAME TO other"),
    act("`DROP INDEX` of the first view", "DROP INDEX shop.first_key"),
];

const REFRESHTOP: &[Operation] = &[
    rows(
        "`refresh` of the first view",
        "SELECT FROM refreshtop.refresh('shop.first', 'manual') r WHERE r ->> 'status' = 'success'",
    ),
    rows(
        "`refresh` of the second view",
        "SELECT FROM refreshtop.refresh('shop.second', 'manual') r WHERE r ->> 'status' = 'success'",
    ),
    act("`manage` the third view", "SELECT refreshtop.manage('shop.third')"),
    act("`unmanage` the first view", "SELECT refreshtop.unmanage('shop.first')"),
    act("`change_view` of the first view", "SELECT refreshtop.change_view('shop.first', '{\"max_age\": \"1 h\"}')"),
    act("`register_view` of the third view", "SELECT refreshtop.register_view('third', 'shop.third')"),
    rows("`stats` of the first view", "SELECT FROM refreshtop.stats('shop.first', NULL)"),
    rows("`stats_of_all`", "SELECT FROM refreshtop.stats_of_all(NULL)"),
    rows("`recent_of_all`", "SELECT FROM refreshtop.recent_of_all(20)"),
    rows("`SELECT` from `refreshtop.views`", "SELECT FROM refreshtop.views"),
    rows("`UPDATE` of `refreshtop.views`", "UPDATE refreshtop.views SET blocking = true"),
    rows("`SELECT` from the log", "SELECT FROM public.metrics_refresh_log"),
    act("Call the function that refreshes the first view", CALL),
    act("`ALTER` the function that refreshes the first view", ALTER),
];

const CALL: &str = "DO $$ BEGIN
    EXECUTE (SELECT format('SELECT refreshtop_definers.%I(false, ''{}'')', proname) FROM pg_proc
             WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'refreshtop_definers')
               AND prosrc LIKE '%REFRESH MATERIALIZED VIEW shop.first%');
END $$";

const ALTER: &str = "DO $$ BEGIN
    EXECUTE (SELECT format('ALTER FUNCTION refreshtop_definers.%I(boolean, jsonb) SECURITY INVOKER', proname) FROM pg_proc
             WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'refreshtop_definers')
               AND prosrc LIKE '%REFRESH MATERIALIZED VIEW shop.first%');
END $$";

const GROUPS: [(&str, &[Operation]); 2] = [("The views", VIEWS), ("refreshtop", REFRESHTOP)];

/// A database with three views of two owners, who have no right on each other's; two of them are managed.
async fn shop() -> (String, Vec<Caller>) {
    let url = fresh_database("owners").await;
    let (first, first_url) = fresh_role(&url, "first", "").await;
    let (second, second_url) = fresh_role(&url, "second", "").await;
    let (_, plain) = fresh_role(&url, "plain", "").await;
    migrate(&url).await;
    let (_, admin) = fresh_role(&url, "admin", "IN ROLE refreshtop_admin").await;
    let view = |name: &str, owner: &str| {
        format!(
            "CREATE MATERIALIZED VIEW shop.{name} AS SELECT id FROM shop.orders; CREATE UNIQUE INDEX {name}_key ON shop.{name} (id);
             ALTER MATERIALIZED VIEW shop.{name} OWNER TO {owner};"
        )
    };
    execute(
        &url,
        &format!(
            "CREATE SCHEMA shop; GRANT USAGE ON SCHEMA shop TO PUBLIC; GRANT CREATE ON SCHEMA shop TO {first}, {second};
             CREATE TABLE shop.orders (id int PRIMARY KEY); INSERT INTO shop.orders VALUES (1);
             GRANT SELECT ON shop.orders TO {first}, {second}; {} {} {}
             SELECT refreshtop.refresh(refreshtop.manage(v)) FROM unnest(ARRAY['shop.first', 'shop.second']::regclass[]) v",
            view("first", &first),
            view("second", &second),
            view("third", &first),
        ),
    )
    .await;
    let callers = vec![
        Caller::new("S", "superuser", &url, ""),
        Caller::new("J", "`refreshtop_job`", &url, "SET LOCAL SESSION AUTHORIZATION refreshtop_job"),
        Caller::new("A", "plain role", &plain, ""),
        Caller::new("D", "owner of the first view, and of the one that is not managed", &first_url, ""),
        Caller::new("D1", "owner of the second view", &second_url, ""),
        Caller::new("F", "member of `refreshtop_admin`", &admin, ""),
    ];
    (url, callers)
}

#[tokio::test]
async fn the_document_says_what_owners_of_views_may() {
    let (_, callers) = shop().await;
    compare("views", &tables(&callers, &GROUPS).await);
}

#[tokio::test]
async fn the_document_says_what_maintain_allows() {
    let (url, callers) = shop().await;
    if value::<i32>(&url, "SELECT current_setting('server_version_num')::integer").await < 170_000 {
        return;
    }
    let (maintains, maintains_url) = fresh_role(&url, "maintains", "").await;
    let (_, all_url) = fresh_role(&url, "maintains_all", "IN ROLE pg_maintain").await;
    execute(&url, &format!("GRANT MAINTAIN ON shop.first TO {maintains}")).await;
    let plain = callers.into_iter().filter(|caller| caller.column == "A");
    let callers: Vec<Caller> = plain
        .chain([
            Caller::new("A10", "`MAINTAIN` on the first view", &maintains_url, ""),
            Caller::new("A11", "`pg_maintain`", &all_url, ""),
        ])
        .collect();
    compare("maintain", &tables(&callers, &GROUPS).await);
}
