//! What is found before a view is managed.

use super::{add, added, examined, refresh, refreshed, refused, shop};
use crate::support::{execute, migrate, value};
use refreshtop_core::manage::Outcome;

#[tokio::test]
async fn an_owner_who_may_not_read_a_source_is_named() {
    let (url, role) = shop("unreadable").await;
    let other = crate::support::fresh_role(&url, "other", "").await.0;
    execute(
        &url,
        &format!(
            "CREATE SCHEMA theirs AUTHORIZATION {other}; CREATE TABLE theirs.secret (id integer); ALTER TABLE theirs.secret OWNER TO {other};
             CREATE VIEW theirs.shown AS SELECT id FROM theirs.secret; ALTER VIEW theirs.shown OWNER TO {other};
             GRANT USAGE ON SCHEMA theirs TO {role}; GRANT SELECT ON theirs.secret, theirs.shown TO {role};
             SET ROLE {role};
             CREATE MATERIALIZED VIEW shop.direct AS SELECT id FROM theirs.secret; CREATE UNIQUE INDEX ON shop.direct (id);
             CREATE MATERIALIZED VIEW shop.behind AS SELECT id FROM theirs.shown; CREATE UNIQUE INDEX ON shop.behind (id);
             RESET ROLE; REVOKE SELECT ON theirs.secret FROM {role}"
        ),
    )
    .await;
    migrate(&url).await;
    let problem = format!("role {role} may not read theirs.secret");
    assert!(refused(&url, "shop.direct").await.contains(&problem));
    let found = examined(&url, "shop.direct", false).await.obstacles;
    assert!(found.iter().any(|found| found.fix == format!("GRANT SELECT ON theirs.secret TO {role}")), "{found:?}");
    // A plain view reads with the rights of its own owner.
    added(&url, "shop.behind", false).await;
    execute(
        &url,
        &format!("ALTER TABLE theirs.secret ENABLE ROW LEVEL SECURITY; GRANT SELECT ON theirs.secret TO {role}"),
    )
    .await;
    assert!(refused(&url, "shop.direct").await.contains("row security hides rows of theirs.secret"));
}

#[tokio::test]
async fn a_key_that_loses_rows_is_refused() {
    let (url, role) = shop("lost").await;
    execute(
        &url,
        &format!(
            "SET ROLE {role}; CREATE TABLE shop.notes (id integer, note text);
             INSERT INTO shop.notes VALUES (1, NULL), (2, 'x');
             CREATE MATERIALIZED VIEW shop.all_notes AS SELECT id, note FROM shop.notes; CREATE UNIQUE INDEX ON shop.all_notes (id);
             INSERT INTO shop.notes VALUES (1, NULL)"
        ),
    )
    .await;
    migrate(&url).await;
    let reason = refused(&url, "shop.all_notes").await;
    assert!(reason.contains("gives 1 row more") && reason.contains("without an error"), "{reason}");
    let left: i64 = value(&url, "SELECT count(*) FROM refreshtop.views WHERE view_schema = 'shop'").await;
    assert_eq!(left, 0);
    let left: i64 = value(&url, "SELECT count(*) FROM pg_class WHERE relname LIKE 'refreshtop\\_%'").await;
    assert_eq!(left, 0);
    // Plainly all rows are there.
    execute(&url, "DROP INDEX shop.all_notes_id_idx").await;
    assert!(matches!(add(&url, "shop.all_notes", true).await, Outcome::Managed { concurrently: false, .. }));
    refreshed(&url, "shop.all_notes").await;
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM shop.all_notes").await, 3);
}

#[tokio::test]
async fn a_query_that_needs_a_search_path_gets_it_or_is_named() {
    let (url, role) = shop("path").await;
    execute(
        &url,
        &format!(
            "SET ROLE {role};
             CREATE FUNCTION shop.orders_of(text) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM orders o WHERE o.town = $1); END $$;
             CREATE MATERIALIZED VIEW shop.by_path AS SELECT id, shop.orders_of(town) AS n FROM shop.orders WITH NO DATA;
             CREATE UNIQUE INDEX ON shop.by_path (id)"
        ),
    )
    .await;
    migrate(&url).await;
    let notes = examined(&url, "shop.by_path", false).await.notes;
    assert!(
        notes.iter().any(|note| note.contains("search path") && note.contains("shop.orders_of(text)")),
        "{notes:?}"
    );
    let release: i32 = value(&url, "SELECT current_setting('server_version_num')::integer").await;
    if release >= 170_000 {
        let reason = refused(&url, "shop.by_path").await;
        assert!(
            reason.contains("relation \"orders\" does not exist") && reason.contains("function shop.orders_of(text)"),
            "{reason}"
        );
        assert!(reason.contains("ALTER FUNCTION shop.orders_of(text) SET search_path"), "{reason}");
    } else {
        let outcome = add(&url, "shop.by_path", false).await;
        let Outcome::Managed { search_path, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(search_path.as_deref(), Some("shop"));
        assert_eq!(refresh(&url, "shop.by_path").await["status"], "success");
        // In a schema where others may create, their functions would run as the owner of the view.
        let session = crate::support::session::Session::open(&url).await;
        session.run("CREATE SCHEMA open; GRANT CREATE ON SCHEMA open TO PUBLIC").await;
        let open = "SELECT refreshtop.change_view('shop.by_path', '{\"search_path\": \"shop, open\"}')";
        assert_eq!(session.sqlstate(open).await, "42501");
    }
    execute(&url, "ALTER FUNCTION shop.orders_of(text) SET search_path = shop").await;
    if release >= 170_000 {
        added(&url, "shop.by_path", false).await;
    }
    assert_eq!(refresh(&url, "shop.by_path").await["status"], "success");
}

#[tokio::test]
async fn who_else_refreshes_a_view_is_named() {
    let (url, role) = shop("others").await;
    execute(
        &url,
        &format!(
            "SET ROLE {role};
             CREATE FUNCTION shop.refresh_all() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN REFRESH MATERIALIZED VIEW shop.by_town; RETURN NULL; END $$;
             CREATE TRIGGER each_order AFTER INSERT ON shop.orders FOR EACH STATEMENT EXECUTE FUNCTION shop.refresh_all();
             CREATE MATERIALIZED VIEW shop.now AS SELECT 1 AS id, now() AS at, random() AS chance; CREATE UNIQUE INDEX ON shop.now (id) WHERE id > 0"
        ),
    )
    .await;
    migrate(&url).await;
    let notes = examined(&url, "shop.by_town", false).await.notes.join("\n");
    for wanted in ["function shop.refresh_all() refreshes it too", "trigger each_order on shop.orders refreshes it too"]
    {
        assert!(notes.contains(wanted), "{notes}");
    }
    let found = examined(&url, "shop.now", false).await;
    let notes = found.notes.join("\n");
    for wanted in ["asks for the time", "volatile functions", "it has a WHERE"] {
        assert!(notes.contains(wanted), "{notes}");
    }
    let proposal = found.proposal.unwrap();
    assert!(proposal.starts_with("CREATE UNIQUE INDEX CONCURRENTLY ON shop.now (id);"), "{proposal}");
    execute(&url, "DROP INDEX shop.by_town_key").await;
    let proposal = examined(&url, "shop.by_town", false).await.proposal.unwrap();
    assert!(proposal.starts_with("CREATE UNIQUE INDEX CONCURRENTLY ON shop.by_town (town);"), "{proposal}");
}
