//! `refreshtop views`: the list, the page of one view and the tree, with names of every kind.

use super::{Ran, app_with, run};
use crate::support::{cluster, execute, fresh_database, fresh_role};
use refreshtop_core::{exit, sanitize};
use serde_json::Value;

const SHOP: &str = include_str!("../../fixtures/views.sql");

async fn shop() -> String {
    let url = fresh_database("command_views").await;
    execute(&url, SHOP).await;
    url
}

fn good(ran: &Ran) {
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
}

fn names(ran: &Ran) -> Vec<String> {
    good(ran);
    let json = ran.json();
    let names: Vec<String> =
        json["views"].as_array().unwrap().iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect();
    assert!(json["count"].is_null() || json["count"] == names.len(), "{json}");
    names
}

#[tokio::test]
async fn the_list_can_be_filtered() {
    let url = shop().await;
    let people = run(&url, "views").await;
    good(&people);
    assert_eq!(people.out.lines().count(), 10, "{people:?}");
    let line = |start: &str| people.out.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(line("sales.daily ").contains("unmanaged") && line("sales.daily ").ends_with("yes"), "{people:?}");
    assert!(line("\"order\"").ends_with("no: not populated"), "{people:?}");
    for (arguments, wanted) in [
        ("eu.*", vec!["eu.regions"]),
        ("regions", vec!["eu.regions", "us.regions"]),
        ("'Sales.EU.*'", vec!["\"Sales.EU\".\"Top \"\"10\"\"\""]),
        ("c?stomers clocked", vec!["clocked", "customers"]),
        ("list --managed", vec![]),
        ("--unmanaged customers", vec!["customers"]),
        ("--managed --unmanaged customers", vec!["customers"]),
        ("--faults", vec!["\"Sales.EU\".\"Top \"\"10\"\"\"", "\"order\"", "clocked", "everything", "us.regions"]),
    ] {
        let mut found = names(&run(&url, &format!("views --json {arguments}")).await);
        found.sort_unstable();
        assert_eq!(found, wanted, "{arguments}");
    }
    assert_eq!(names(&run(&url, "views --json").await)[0], "\"order\"", "the worst first");
    let none = run(&url, "views --managed").await;
    assert_eq!(none.out, "No materialized view is left by these filters.\n");
    let empty = fresh_database("command_views").await;
    assert_eq!(run(&empty, "views").await.out, "There is no materialized view in this database.\n");
    assert_eq!(run(&empty, "views tree").await.out, "No materialized view reads another one.\n");
    for line in ["views 'nothing*'", "views regons", "views show regons", "views tree 'Top 11'"] {
        let ran = run(&url, line).await;
        assert_eq!(ran.code, i32::from(exit::FAILURE), "{line}: {ran:?}");
        assert!(ran.err.starts_with("refreshtop: there is no materialized view ") && ran.err.lines().count() == 1);
    }
    let close = run(&url, "views show regons").await;
    assert!(close.err.contains("the closest names are eu.regions, us.regions"), "{close:?}");
    let ambiguous = run(&url, "views show regions").await;
    assert!(ambiguous.err.contains("\"regions\" could be any of eu.regions, us.regions"), "{ambiguous:?}");
    let secret = run(&url, "views postgres://bob:hunter2@h/app").await;
    assert!(secret.code != 0 && !secret.err.contains("hunter2"), "{secret:?}");
}

#[tokio::test]
async fn a_page_says_what_a_view_reads_and_what_could_be_wrong() {
    let url = shop().await;
    for name in ["'\"Sales.EU\".\"Top \"\"10\"\"\"'", "'Top \"10\"'", "'sales.eu.top \"10\"'"] {
        let page = run(&url, &format!("views show {name}")).await;
        good(&page);
        for words in [
            "sales.daily (materialized view of ",
            "through sales.daily_big)",
            "read by         everything",
            "can't serve a concurrent refresh: it has a WHERE",
        ] {
            assert!(page.out.contains(words), "{words}: {page:?}");
        }
    }
    let page = run(&url, "views show SALES.DAILY").await;
    good(&page);
    for words in [
        "sales.orders (partitioned table of ",
        "through sales.paid)",
        "sales.orders_2026 (table of ",
        "part of sales.orders)",
        "serves the concurrent refresh",
        "column day of the unique index daily_key could hold NULLs",
    ] {
        assert!(page.out.contains(words), "{words}: {page:?}");
    }
    let json = run(&url, "views show clocked --json").await.json();
    assert_eq!(
        (&json["kind"], &json["managed"], &json["settings"]),
        (&"views_show".into(), &false.into(), &Value::Null)
    );
    let kinds: Vec<&str> =
        json["warnings"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["not_concurrently", "hidden_sources", "clock", "volatile", "clock"], "{json}");
    let clean = run(&url, "views show public.customers").await;
    assert!(clean.out.ends_with("could be wrong  nothing that the catalogs tell\n"), "{clean:?}");
}

#[tokio::test]
async fn the_tree_has_sources_and_readers() {
    let url = shop().await;
    let tree = run(&url, "views tree").await;
    good(&tree);
    let wanted = "\
everything
├─ \"Sales.EU\".\"Top \"\"10\"\"\"
│  └─ sales.daily (through sales.daily_big)
├─ customers
└─ sales.daily

Order of refreshes, sources first: sales.daily, \"Sales.EU\".\"Top \"\"10\"\"\", customers, everything
5 other views read no materialized view and are read by none.
";
    assert_eq!(tree.out, wanted);
    let below = run(&url, "views tree 'Top \"10\"' --json").await;
    assert_eq!(names(&below), ["sales.daily", "\"Sales.EU\".\"Top \"\"10\"\"\""]);
    execute(&url, "CREATE MATERIALIZED VIEW last AS SELECT 1 AS one FROM \"Sales.EU\".\"Top \"\"10\"\"\", everything")
        .await;
    let again = run(&url, "views tree").await;
    assert!(again.out.contains("│     └─ sales.daily (through") || again.out.contains("(see above)"), "{again:?}");
}

#[tokio::test]
async fn managed_views_show_settings_attempts_and_verdict() {
    let url = app_with(9, 0).await;
    let list = run(&url, "views --json").await.json();
    let own = &list["views"][0];
    assert_eq!((&own["managed"], &own["refresh_type"]), (&true.into(), &"platform_metrics".into()), "{list}");
    assert_eq!((&own["health"]["verdict"], &own["populated"]), (&"healthy".into(), &true.into()), "{list}");
    assert_eq!((&own["reads"], &own["drift"]), (&4.into(), &Value::Null), "{list}");
    let people = run(&url, "views show platform_metrics").await;
    good(&people);
    for words in [
        "managed, as platform_metrics",
        "healthy",
        "lock timeout      5 s",
        "UTC ok in",
        "1 row in, 1 row out",
        "time zone",
    ] {
        assert!(people.out.contains(words), "{words}: {people:?}");
    }
    let json = run(&url, "views show platform_metrics --json").await.json();
    assert_eq!((&json["settings"]["lock_timeout_s"], &json["settings"]["time_zone"]), (&5.0.into(), &"UTC".into()));
    assert_eq!(json["runs"].as_array().unwrap().len(), 5);
    assert_eq!(json["stats"]["successful"], 10);
    let nobody = fresh_role(&url, "nobody", "").await.1;
    let list = run(&nobody, "views").await;
    good(&list);
    assert!(list.out.contains("platform_metrics  unknown"), "{list:?}");
    assert_eq!(list.out.matches("Not known: ").count(), 2, "{list:?}");
    assert!(list.out.contains("; GRANT refreshtop_admin TO nobody_"), "{list:?}");
    let json = run(&nobody, "views --json").await.json();
    assert!(json["registry"]["unavailable"]["reason"].is_string() && json["views"][0]["managed"].is_null(), "{json}");
    good(&run(&nobody, "views show platform_metrics").await);
    let dead = cluster().await.url("app").replace(&format!(":{}/", cluster().await.port()), ":1/");
    for line in ["views", "views show x", "views tree"] {
        let ran = run(&dead, line).await;
        assert_eq!(ran.code, i32::from(exit::CANNOT_CONNECT), "{line}: {ran:?}");
    }
}

#[tokio::test]
async fn hostile_names_do_not_steer_the_terminal() {
    let url = fresh_database("command_views").await;
    execute(
        &url,
        "DO $do$
         DECLARE
             bad text := 'a' || chr(27) || '[2J' || chr(10) || 'refreshtop: all is well' || chr(8238) || '\".x';
         BEGIN
             EXECUTE format('CREATE SCHEMA %I', bad);
             EXECUTE format('CREATE TABLE %I.%I (%I int)', bad, bad, bad);
             EXECUTE format('CREATE VIEW %I.v AS SELECT * FROM %I.%I', bad, bad, bad);
             EXECUTE format('CREATE FUNCTION %I.%I() RETURNS int LANGUAGE sql AS %L', bad, bad, 'SELECT 1');
             EXECUTE format('CREATE MATERIALIZED VIEW %I.m AS SELECT *, %I.%I() AS f FROM %I.v', bad, bad, bad, bad);
             EXECUTE format('CREATE UNIQUE INDEX %I ON %I.m (%I)', bad || '3', bad, bad);
             EXECUTE format('CREATE MATERIALIZED VIEW %I.%I AS SELECT 1 AS x FROM %I.m', bad, bad || '2', bad);
         END
         $do$",
    )
    .await;
    for line in ["views", "views --json", "views show m", "views show m --json", "views tree", "views tree --json"] {
        let ran = run(&url, line).await;
        good(&ran);
        assert!(ran.out.lines().all(sanitize::is_safe), "{line}: {ran:?}");
        assert!(!ran.out.contains("\nrefreshtop: all"), "{line}: {ran:?}");
    }
    for line in ["views show '\u{1b}[2Ja\nb'", "views '\u{202e}x'", "views show ax"] {
        let ran = run(&url, line).await;
        assert_ne!(ran.code, 0);
        assert!(ran.err.lines().count() == 1 && ran.err.lines().all(sanitize::is_safe), "{line}: {ran:?}");
    }
}
