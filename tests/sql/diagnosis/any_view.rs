//! The same checks for any managed view.

use super::{fix, of_view};
use crate::support::*;
use refreshtop_core::diagnosis::{Detail, Fix, FixKind, Verdict};
use session::Session;

/// A database with a managed view in a schema of its own.
async fn shop() -> String {
    let url = migrated_app("shop").await;
    execute(
        &url,
        r#"CREATE SCHEMA "My Shop"; CREATE TABLE "My Shop".orders AS SELECT n AS id, n % 3 AS town FROM generate_series(1, 9) n;
        CREATE MATERIALIZED VIEW "My Shop"."Towns" AS SELECT town, count(*) FROM "My Shop".orders GROUP BY town;
        CREATE UNIQUE INDEX towns_key ON "My Shop"."Towns" (town);
        SELECT refreshtop.manage('"My Shop"."Towns"');
        SELECT refreshtop.refresh('"My Shop"."Towns"');
        ANALYZE"#,
    )
    .await;
    url
}

const VIEW: &str = r#""My Shop"."Towns""#;

#[tokio::test]
async fn every_check_of_a_view_is_about_that_view() {
    let url = shop().await;
    let found = of_view(&url, VIEW).await;
    for id in ["view", "unique-index", "rights", "source-security", "blocking", "idle-in-transaction", "statistics"] {
        let check = found.check(id).unwrap_or_else(|| panic!("no {id}: {found:#?}"));
        assert_eq!((check.verdict, check.view.as_deref()), (Verdict::Good, Some(VIEW)), "{check:#?}");
    }
    for id in ["dead-rows", "wraparound", "sizes", "plan"] {
        assert_eq!(found.check(id).map(|check| check.verdict), Some(Verdict::Good), "{id}: {found:#?}");
    }
    let Detail::Table(sizes) = &found.check("sizes").unwrap().detail else { panic!() };
    let names: Vec<&str> = sizes.rows.iter().map(|row| &*row[0]).collect();
    assert!(names.contains(&VIEW) && names.contains(&r#""My Shop".orders"#) && names.len() == 2, "{names:?}");
    assert!(found.checks.iter().any(|check| check.view.is_none()), "the server is diagnosed as well");

    let holder = Session::with(&url, r#"BEGIN; LOCK TABLE "My Shop".orders"#).await;
    let waiter = Session::open(&url).await;
    let watcher = Session::open(&url).await;
    let pid = waiter.pid;
    let waiting =
        tokio::spawn(async move { waiter.client.batch_execute(r#"SELECT count(*) FROM "My Shop".orders"#).await });
    watcher.until_waiting(pid).await;
    let blocked = of_view(&url, VIEW).await.check("blocking").unwrap().clone();
    assert!(blocked.verdict == Verdict::Bad && blocked.fixes[0].kind() == FixKind::TerminateBackend, "{blocked:#?}");
    assert_eq!(of_view(&url, "platform_metrics").await.check("blocking").unwrap().verdict, Verdict::Good);
    holder.run("ROLLBACK").await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_view_that_was_renamed_gets_its_name_back() {
    let url = shop().await;
    for there in [
        r#"ALTER MATERIALIZED VIEW "My Shop"."Towns" RENAME TO "Old ""Towns"" now""#,
        r#"ALTER MATERIALIZED VIEW "My Shop"."Towns" SET SCHEMA public"#,
    ] {
        execute(&url, there).await;
        let found = of_view(&url, VIEW).await;
        let view = found.check("view").unwrap();
        assert!(view.verdict == Verdict::Bad && view.finding.contains("is missing"), "{view:#?}");
        // One voice: nothing else speaks of the missing view.
        assert_eq!(found.check("unique-index"), None, "{found:#?}");
        fix(&url, &view.fixes[0]).await.unwrap();
        assert_eq!(of_view(&url, VIEW).await.check("view").unwrap().verdict, Verdict::Good);
    }
    execute(&url, r#"DROP MATERIALIZED VIEW "My Shop"."Towns""#).await;
    let view = of_view(&url, VIEW).await.check("view").unwrap().clone();
    assert!(
        view.fixes.is_empty() && view.advice.contains("refreshtop views remove '\"My Shop\".\"Towns\"'"),
        "{view:#?}"
    );
    let nobody = of_view(&url, "nobody").await.check("view").unwrap().clone();
    assert_eq!(nobody.finding, "No view is managed as nobody.");
}

#[tokio::test]
async fn an_index_and_rights_that_were_lost_are_named() {
    let url = shop().await;
    execute(
        &url,
        r#"CREATE ROLE shop_keeper; GRANT USAGE ON SCHEMA "My Shop" TO shop_keeper;
           CREATE MATERIALIZED VIEW "My Shop".total AS SELECT count(*) AS orders FROM "My Shop".orders;
           CREATE UNIQUE INDEX total_key ON "My Shop".total (orders);
           SELECT refreshtop.manage('"My Shop".total');
           DROP INDEX "My Shop".total_key;"#,
    )
    .await;
    let view = r#""My Shop".total"#;
    let index = of_view(&url, view).await.check("unique-index").unwrap().clone();
    assert_eq!(index.verdict, Verdict::Bad, "{index:#?}");
    let sql: Vec<String> = index.fixes.iter().map(Fix::sql).collect();
    assert_eq!(sql, [r#"CREATE UNIQUE INDEX CONCURRENTLY "total_refresh_key" ON "My Shop"."total" ("orders")"#]);
    fix(&url, &index.fixes[0]).await.unwrap();
    assert_eq!(of_view(&url, view).await.check("unique-index").unwrap().verdict, Verdict::Good);

    execute(&url, r#"ALTER MATERIALIZED VIEW "My Shop".total OWNER TO shop_keeper"#).await;
    let found = of_view(&url, view).await;
    let rights = found.check("rights").unwrap();
    let finding = "role shop_keeper may not SELECT from \"My Shop\".orders";
    assert!(rights.verdict == Verdict::Bad && rights.finding.contains(finding), "{rights:#?}");
    let given = found.check("view").unwrap();
    assert!(given.verdict == Verdict::Bad && given.advice.contains("refreshtop views add"), "{given:#?}");
    execute(&url, r#"ALTER MATERIALIZED VIEW "My Shop".total OWNER TO CURRENT_USER; DROP OWNED BY shop_keeper; DROP ROLE shop_keeper"#).await;
}
