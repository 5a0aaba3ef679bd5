//! Refreshes that really fail, for each kind of reason: what the diagnosis says first, and what it offers.

use super::{fix, of_view};
use crate::support::*;
use refreshtop_core::diagnosis::{Check, Detail, Diagnosis, Fix, FixKind, Verdict};
use serde_json::Value;
use session::Session;

const VIEW: &str = "shop.sales";

/// A database with a view whose query calls a function that each test replaces.
async fn shop(prefix: &str) -> String {
    let url = migrated_app(prefix).await;
    execute(
        &url,
        "CREATE SCHEMA shop; CREATE TABLE shop.orders AS SELECT n AS id, n % 3 AS town FROM generate_series(1, 9) n;
         CREATE TABLE shop.rates AS SELECT 1 AS rate;
         CREATE FUNCTION shop.f(x integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN x; END';
         CREATE MATERIALIZED VIEW shop.sales AS SELECT id, shop.f(id) AS r FROM shop.orders;
         CREATE UNIQUE INDEX ON shop.sales (id);
         SELECT refreshtop.manage('shop.sales');
         SELECT refreshtop.refresh('shop.sales')",
    )
    .await;
    url
}

async fn refresh_with(url: &str, before: &str) {
    let session = Session::with(url, before).await;
    let outcome: Value = session.value(&format!("refreshtop.refresh('{VIEW}')")).await;
    assert_eq!(outcome["status"], "error", "{outcome}");
}

/// Replaces the function's body, and refreshes.
async fn failing(url: &str, body: &str) -> Diagnosis {
    let sql = format!(
        "CREATE OR REPLACE FUNCTION shop.f(x integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN {body}; END $$"
    );
    execute(url, &sql).await;
    refresh_with(url, "SELECT").await;
    of_view(url, VIEW).await
}

/// Puts the function in order again, and refreshes.
async fn sound(url: &str) {
    execute(
        url,
        "CREATE OR REPLACE FUNCTION shop.f(x integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN x; END';
         SELECT refreshtop.refresh('shop.sales')",
    )
    .await;
    assert_eq!(of_view(url, VIEW).await.check("attempts").unwrap().verdict, Verdict::Good);
}

fn attempts(found: &Diagnosis) -> &Check {
    let first = found.checks.iter().find(|check| check.view.is_some()).unwrap();
    assert_eq!(first.id, "attempts", "it comes first: {found:#?}");
    assert!(first.verdict > Verdict::Unknown && !first.advice.is_empty(), "{first:#?}");
    first
}

fn lines(check: &Check) -> &[String] {
    let Detail::Lines(lines) = &check.detail else { panic!("{check:#?}") };
    lines
}

/// Whether the finding has `finding`, and one of the lines `line`.
fn says(check: &Check, finding: &str, line: &str) {
    assert!(check.finding.contains(finding), "{finding}: {check:#?}");
    assert!(lines(check).iter().any(|one| one.contains(line)), "{line}: {check:#?}");
}

#[tokio::test]
async fn an_error_in_a_function_names_it_its_line_and_its_last_change() {
    let url = shop("failing").await;
    let found = failing(&url, "IF x > 3 THEN\nRETURN 1 / (x - x);\nEND IF;\nRETURN x").await;
    let check = attempts(&found);
    assert_eq!(check.verdict, Verdict::Bad);
    says(check, "The last refresh failed, at ", "last changed between the last success and the first failure");
    says(check, "22012 division by zero, in function shop.f(integer) line 2.", "function shop.f(integer) of role ");
    assert!(check.advice.starts_with("SQLSTATE 22012: An expression of the query fails"), "{}", check.advice);
    let changes = found.check("changes").unwrap();
    assert_eq!(changes.verdict, Verdict::Warning);
    says(changes, "function shop.f(integer) was created or changed (between the last success", "shop.f(integer)");

    refresh_with(&url, "SELECT").await;
    execute(&url, "ALTER TABLE shop.orders ADD note text").await;
    let found = of_view(&url, VIEW).await;
    says(attempts(&found), "The last 2 refreshes failed, since ", "the last success was at ");
    let changes = found.check("changes").unwrap();
    says(changes, "function shop.f", "column shop.orders.note was added or changed (after the first failure)");
    sound(&url).await;
    let changes = of_view(&url, VIEW).await.check("changes").unwrap().clone();
    assert!(changes.finding.starts_with("Nothing that can be seen was changed"), "{changes:#?}");

    for (body, finding, line) in [
        (
            "RAISE EXCEPTION 'no rate' USING HINT = 'ask Anna'",
            "P0001 no rate, in function shop.f(integer) line 1",
            "HINT: ask Anna",
        ),
        ("RETURN (SELECT town FROM shop.orders)", "21000 more than one row returned", "CONTEXT: "),
        ("RETURN shop.f(x + 1)", "54001 stack depth limit exceeded", "HINT: "),
        // These can't be had without taking the server's memory, its disk or its connections from the other tests.
        ("RAISE EXCEPTION 'out of memory' USING ERRCODE = '53200'", "53200 out of memory", "shop.f"),
        (
            "RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'",
            "53100 No space left on device",
            "shop.f",
        ),
        ("RAISE EXCEPTION 'too many' USING ERRCODE = '53300'", "53300 too many", "shop.f"),
        ("RAISE EXCEPTION 'conflict with recovery' USING ERRCODE = '40001'", "40001 conflict with recovery", "shop.f"),
    ] {
        says(attempts(&failing(&url, body).await), finding, line);
    }
    let found = of_view(&url, VIEW).await;
    let lines = lines(attempts(&found));
    assert!(lines[0].starts_with("not all for one reason: ") && lines[0].contains("1 with 21000"), "{lines:?}");
}

#[tokio::test]
async fn what_a_function_does_not_find_is_looked_for() {
    let url = shop("missing").await;
    execute(&url, "CREATE FUNCTION shop.twice(x integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * x'").await;
    for (body, finding, line) in [
        (
            "RETURN (SELECT count(*) FROM rates)",
            "42P01 relation \"rates\" does not exist",
            "there is shop.rates of role ",
        ),
        ("RETURN twice(x)", "42883 function twice(integer) does not exist", "there is shop.twice(integer) of role "),
    ] {
        let found = failing(&url, body).await;
        let check = attempts(&found);
        says(check, finding, line);
        let path = &check.fixes[0];
        assert_eq!(path.sql(), "ALTER FUNCTION shop.f(integer) SET search_path = \"shop\", pg_temp");
        fix(&url, path).await.unwrap();
        assert_eq!(value::<Value>(&url, &format!("SELECT refreshtop.refresh('{VIEW}')")).await["status"], "success");
        execute(&url, &path.undo().unwrap()).await;
    }
    // Others may create in this schema, and would get what the function calls.
    execute(&url, "GRANT CREATE ON SCHEMA shop TO PUBLIC").await;
    assert_eq!(attempts(&failing(&url, "RETURN twice(x)").await).fixes, []);

    sound(&url).await;
    execute(&url, "ALTER TABLE shop.rates RENAME rate TO value").await;
    let found = failing(&url, "RETURN (SELECT max(rate) FROM shop.rates)").await;
    says(attempts(&found), "42703 column \"rate\" does not exist", "shop.f(integer)");
    says(found.check("changes").unwrap(), "column shop.rates.value was added or changed", "shop.f(integer)");
}

#[tokio::test]
async fn a_lock_names_who_held_it() {
    let url = shop("locked").await;
    execute(&url, "SELECT refreshtop.change_view('shop.sales', '{\"lock_timeout\": \"200 ms\"}')").await;
    let before = "SET application_name = 'rails console'; BEGIN; LOCK TABLE shop.orders";
    let holder = Session::with(&url, before).await;
    refresh_with(&url, "SELECT").await;
    let found = of_view(&url, VIEW).await;
    let check = attempts(&found);
    assert_eq!(check.verdict, Verdict::Warning, "once is no problem yet: {check:#?}");
    says(check, "55P03 canceling statement due to lock timeout", "in the way: rails console, pid ");
    assert_eq!(check.fixes[0].kind(), FixKind::TerminateBackend, "it is still there");
    holder.run("ROLLBACK").await;
    let found = of_view(&url, VIEW).await;
    let again = &attempts(&found).fixes[0];
    assert_eq!(again.sql(), "SELECT refreshtop.refresh('shop.sales', 'manual')");
    fix(&url, again).await.unwrap();
    assert_eq!(of_view(&url, VIEW).await.check("attempts").unwrap().verdict, Verdict::Good);

    // A deadlock, of which the refresh is the victim.
    execute(&url, "SELECT refreshtop.change_view('shop.sales', '{\"lock_timeout\": \"60 s\"}')").await;
    holder.run("SET deadlock_timeout = '60 s'; BEGIN; LOCK TABLE shop.orders").await;
    let refreshing = Session::with(&url, "SET deadlock_timeout = '2 s'").await;
    let pid = refreshing.pid;
    let refresh = refreshing.start::<Value>("refreshtop.refresh('shop.sales')");
    Session::open(&url).await.until_waiting(pid).await;
    holder.run("ALTER MATERIALIZED VIEW shop.sales SET (fillfactor = 90); ROLLBACK").await;
    assert_eq!(refresh.await.unwrap().0["status"], "error");
    let found = of_view(&url, VIEW).await;
    says(attempts(&found), "40P01 deadlock detected", "DETAIL: ");
}

#[tokio::test]
async fn a_timeout_says_whose_it_was() {
    let url = shop("timeout").await;
    execute(
        &url,
        "CREATE OR REPLACE FUNCTION shop.f(x integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN x; END'",
    )
    .await;
    refresh_with(&url, "SET statement_timeout = 300").await;
    let found = of_view(&url, VIEW).await;
    assert!(attempts(&found).advice.contains("which is not the view's own time_limit"), "{found:#?}");

    execute(&url, "SELECT refreshtop.change_view('shop.sales', '{\"time_limit\": \"300 ms\"}')").await;
    execute(&url, "SELECT refreshtop.limit_time('shop.sales'); SELECT refreshtop.refresh('shop.sales')").await;
    let found = of_view(&url, VIEW).await;
    let check = attempts(&found);
    assert!(check.finding.contains("57014 ended by the view's time limit of 00:00:00.3"), "{check:#?}");
    assert!(check.advice.contains("refreshtop views set shop.sales time_limit=0.6s"), "{check:#?}");

    let refreshing = Session::open(&url).await;
    let pid = refreshing.pid;
    let refresh = refreshing.start::<Value>("refreshtop.refresh('shop.sales')");
    let watcher = Session::open(&url).await;
    watcher.until(&format!("EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep')")).await;
    watcher.run(&format!("SELECT pg_cancel_backend({pid})")).await;
    assert_eq!(refresh.await.unwrap().0["status"], "error");
    let found = of_view(&url, VIEW).await;
    assert!(attempts(&found).advice.contains("Somebody cancelled the refresh"), "{found:#?}");
}

#[tokio::test]
async fn rights_that_were_lost_are_offered_again_and_no_others() {
    let url = shop("rights").await;
    let (owner, _) = fresh_role(&url, "keeper", "").await;
    execute(
        &url,
        &format!(
            "GRANT USAGE ON SCHEMA shop TO {owner}; GRANT SELECT ON shop.orders TO {owner};
             CREATE VIEW shop.through AS SELECT id FROM shop.orders;
             ALTER VIEW shop.through OWNER TO {owner};
             CREATE MATERIALIZED VIEW shop.mine AS SELECT o.id FROM shop.orders o JOIN shop.through t USING (id);
             CREATE UNIQUE INDEX ON shop.mine (id);
             ALTER MATERIALIZED VIEW shop.mine OWNER TO {owner};
             SELECT refreshtop.manage('shop.mine'); SELECT refreshtop.refresh('shop.mine');
             REVOKE SELECT ON shop.orders FROM {owner};
             SELECT refreshtop.refresh('shop.mine')"
        ),
    )
    .await;
    let found = of_view(&url, "shop.mine").await;
    let check = attempts(&found);
    assert!(check.finding.contains("42501 permission denied for table orders"), "{check:#?}");
    let sql: Vec<String> = check.fixes.iter().map(Fix::sql).collect();
    assert_eq!(sql, [format!("GRANT SELECT ON shop.orders TO \"{owner}\"")]);
    fix(&url, &check.fixes[0]).await.unwrap();
    execute(&url, "SELECT refreshtop.refresh('shop.mine')").await;
    assert_eq!(of_view(&url, "shop.mine").await.check("attempts").unwrap().verdict, Verdict::Good);

    // He writes a table into his own view that he never could read, and waits for somebody to grant it.
    execute(
        &url,
        &format!(
            "CREATE TABLE shop.salaries AS SELECT 1 AS id; CREATE OR REPLACE VIEW shop.through AS SELECT id FROM shop.salaries;
             ALTER VIEW shop.through OWNER TO {owner}; SELECT refreshtop.refresh('shop.mine')"
        ),
    )
    .await;
    let found = of_view(&url, "shop.mine").await;
    let check = attempts(&found);
    assert!(check.finding.contains("permission denied for table salaries"), "{check:#?}");
    assert_eq!(check.fixes, []);
    // Nor by a view that he drops and makes again.
    execute(
        &url,
        &format!(
            "DROP MATERIALIZED VIEW shop.mine; CREATE MATERIALIZED VIEW shop.mine AS SELECT id FROM shop.salaries WITH NO DATA;
             CREATE UNIQUE INDEX ON shop.mine (id); ALTER MATERIALIZED VIEW shop.mine OWNER TO {owner};
             SELECT refreshtop.refresh('shop.mine')"
        ),
    )
    .await;
    let found = of_view(&url, "shop.mine").await;
    assert!(attempts(&found).finding.contains("42501"), "{found:#?}");
    assert_eq!(attempts(&found).fixes, []);

    execute(
        &url,
        &format!(
            "GRANT SELECT ON shop.salaries TO {owner}; ALTER TABLE shop.salaries ENABLE ROW LEVEL SECURITY;
             SELECT refreshtop.refresh('shop.mine')"
        ),
    )
    .await;
    let found = of_view(&url, "shop.mine").await;
    assert!(attempts(&found).advice.contains("Row security would hide rows"), "{found:#?}");
}

#[tokio::test]
async fn duplicates_and_temporary_files_and_a_lost_index_are_told_apart() {
    let url = shop("several").await;
    execute(&url, "INSERT INTO shop.orders VALUES (1, 1)").await;
    refresh_with(&url, "SELECT").await;
    let found = of_view(&url, VIEW).await;
    says(attempts(&found), "duplicate rows", "DETAIL: Row: (1,1)");
    assert!(attempts(&found).advice.contains("Two rows of the result have the same key"), "{found:#?}");
    execute(&url, "SELECT refreshtop.change_view('shop.sales', '{\"blocking\": \"on\"}')").await;
    refresh_with(&url, "SELECT").await;
    let found = of_view(&url, VIEW).await;
    says(attempts(&found), "23505 could not create unique index", "DETAIL: Key (id)=(1) is duplicated.");
    execute(
        &url,
        "SELECT refreshtop.change_view('shop.sales', '{\"blocking\": \"off\", \"work_mem\": \"64kB\"}');
         DELETE FROM shop.orders WHERE ctid = (SELECT max(ctid) FROM shop.orders WHERE id = 1);
         CREATE OR REPLACE FUNCTION shop.f(x integer) RETURNS integer LANGUAGE plpgsql AS
             'BEGIN RETURN (SELECT count(*) FROM (SELECT g FROM generate_series(1, 100000) g ORDER BY -g OFFSET 1) s); END'",
    )
    .await;
    refresh_with(&url, "SET temp_file_limit = '100kB'").await;
    let found = of_view(&url, VIEW).await;
    says(attempts(&found), "53400 temporary file size exceeds", "shop.f(integer)");
    assert!(attempts(&found).advice.contains("work_mem"), "{found:#?}");
    sound(&url).await;

    execute(&url, "DROP INDEX shop.sales_id_idx").await;
    refresh_with(&url, "SELECT").await;
    let found = of_view(&url, VIEW).await;
    says(attempts(&found), "55000 cannot refresh materialized view \"shop.sales\" concurrently", "HINT: ");
    assert_eq!(found.check("unique-index").unwrap().verdict, Verdict::Bad);
}
