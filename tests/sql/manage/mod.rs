//! Managing views: which can be, how each is refreshed then, and that all of it can be taken back.

mod examined;
mod rights;

use crate::support::{execute, fresh_app, migrate, open, roll_back, schema::schema, session::Session, value};
use refreshtop_core::manage::{Candidate, Examination, Outcome, Registered};
use refreshtop_db::{
    manage::{self, candidates, examine},
    migrate::begin_jobs,
};
use serde_json::Value;

/// A shop of a role of its own, in a schema of its own: the database's URL, and the role.
async fn shop(prefix: &str) -> (String, String) {
    let url = fresh_app(prefix).await;
    let role = crate::support::fresh_role(&url, "shop", "").await.0;
    execute(
        &url,
        &format!(
            "CREATE SCHEMA shop AUTHORIZATION {role}; SET ROLE {role};
             CREATE TABLE shop.orders (id integer PRIMARY KEY, town text, total numeric);
             INSERT INTO shop.orders SELECT n, 'town ' || n % 3, n FROM generate_series(1, 30) n;
             CREATE MATERIALIZED VIEW shop.by_town AS SELECT town, count(*) AS orders, sum(total) AS total FROM shop.orders GROUP BY town;
             CREATE UNIQUE INDEX by_town_key ON shop.by_town (town)"
        ),
    )
    .await;
    (url, role)
}

/// What is found about the view that is named so.
async fn examined(url: &str, id: &str, blocking: bool) -> Examination {
    let mut session = open(url).await;
    let mut pending = begin_jobs(&mut session).await.unwrap_or_else(|error| panic!("{error}"));
    let known = candidates(pending.connection()).await.unwrap();
    let view = known.into_iter().find(|view| view.id.as_str() == id).unwrap_or_else(|| panic!("no view {id}"));
    examine(pending.connection(), &view, blocking).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Examines the view, and manages it.
async fn add(url: &str, id: &str, blocking: bool) -> Outcome {
    let found = examined(url, id, blocking).await;
    manage::manage(&mut open(url).await, &found, blocking).await.unwrap_or_else(|error| panic!("{error}"))
}

/// The same, which must succeed: whether the first refresh was concurrent.
async fn added(url: &str, id: &str, blocking: bool) -> bool {
    match add(url, id, blocking).await {
        Outcome::Managed { concurrently, .. } => concurrently,
        other => panic!("{id}: {other:?}"),
    }
}

/// The same, which must be refused: why.
async fn refused(url: &str, id: &str) -> String {
    match add(url, id, false).await {
        Outcome::Refused { reason } => reason,
        other => panic!("{id}: {other:?}"),
    }
}

/// Refreshes the view: what that answers.
async fn refresh(url: &str, id: &str) -> Value {
    Session::open(url).await.value(&format!("refreshtop.refresh('{}', 'manual')", id.replace('\'', "''"))).await
}

/// Refreshes the view, which must succeed, and compares its rows with those of its query.
async fn refreshed(url: &str, id: &str) -> Value {
    let reply = refresh(url, id).await;
    assert_eq!(reply["status"], "success", "{reply}");
    let query: String = value(url, &format!("SELECT rtrim(pg_get_viewdef('{id}'::regclass), ';')")).await;
    let sql = format!(
        "SELECT count(*) FROM ((TABLE {id} EXCEPT ALL ({query})) UNION ALL (({query}) EXCEPT ALL TABLE {id})) d"
    );
    assert_eq!(value::<i64>(url, &sql).await, 0, "{id}");
    reply
}

#[tokio::test]
async fn a_view_of_somebody_elses_schema_is_managed_and_let_go() {
    let (url, role) = shop("manage").await;
    let before = schema(&url).await;
    migrate(&url).await;
    assert!(added(&url, "shop.by_town", false).await);
    execute(
        &url,
        "INSERT INTO shop.orders VALUES (1000, 'elsewhere', 5); UPDATE shop.orders SET total = 0 WHERE id = 1",
    )
    .await;
    let reply = refreshed(&url, "shop.by_town").await;
    // A changed row is deleted and inserted.
    assert_eq!(
        (&reply["concurrently"], &reply["rows_inserted"], &reply["rows_deleted"]),
        (&true.into(), &2.into(), &1.into())
    );
    let session = Session::open(&url).await;
    let row = session.log().await.pop().unwrap();
    assert_eq!((&row["refresh_type"], &row["measured"]["rows_inserted"]), (&"shop.by_town".into(), &2.into()), "{row}");
    assert_eq!(row["measured"].get("error"), None, "{row}");
    let audit = session.rows("SELECT detail FROM refreshtop.audit WHERE action = 'views add'").await;
    assert_eq!(audit[0]["detail"]["view"], "shop.by_town");

    // What the owner's own sessions lose or gain: nothing.
    let rights: bool = session.value(&format!("pg_has_role('refreshtop_owner', '{role}', 'MEMBER')")).await;
    assert!(!rights);

    execute(&url, "SELECT refreshtop.unmanage('shop.by_town')").await;
    assert_eq!(session.sqlstate("SELECT refreshtop.refresh('shop.by_town')").await, "22023");
    let kept: i64 = session.value("(SELECT count(*) FROM public.metrics_refresh_log)").await;
    assert_eq!(kept, 2);
    let left = session
        .rows(
            "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relacl::text LIKE '%refreshtop%' AND c.relname = 'by_town'
             UNION ALL SELECT n.nspname FROM pg_namespace n WHERE n.nspacl::text LIKE '%refreshtop%' AND n.nspname = 'shop'
             UNION ALL SELECT u.object_name FROM refreshtop.undo u WHERE u.step = 12",
        )
        .await;
    assert!(left.is_empty(), "{left:?}");
    // Migrating again finds everything as it was left.
    let again = refreshtop_db::migrate::up(&mut open(&url).await).await.unwrap();
    assert!(again.is_empty(), "{again:?}");

    // A rollback takes back what was given, and a migration after another migration too.
    assert!(added(&url, "shop.by_town", false).await);
    roll_back(&url).await;
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn views_of_every_kind_are_refreshed_and_put_back() {
    let (url, role) = shop("kinds").await;
    execute(
        &url,
        &format!(
            r#"SET ROLE {role};
            CREATE SCHEMA "My Shop";
            CREATE MATERIALIZED VIEW "My Shop"."Top "" Ten" AS SELECT id, total FROM shop.orders ORDER BY total DESC LIMIT 10;
            CREATE UNIQUE INDEX ON "My Shop"."Top "" Ten" (id);
            CREATE MATERIALIZED VIEW shop.empty AS SELECT town, count(*) FROM shop.orders GROUP BY town WITH NO DATA;
            CREATE UNIQUE INDEX ON shop.empty (town);
            CREATE MATERIALIZED VIEW shop.keyless AS SELECT town, total FROM shop.orders;
            CREATE MATERIALIZED VIEW shop.chain AS SELECT count(*) AS towns FROM shop.by_town;
            CREATE UNIQUE INDEX ON shop.chain (towns);
            CREATE VIEW shop.behind AS SELECT id, town FROM shop.orders;
            CREATE TABLE shop.parts (id integer, at date) PARTITION BY RANGE (at);
            CREATE TABLE shop.parts_1 PARTITION OF shop.parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
            INSERT INTO shop.parts VALUES (1, '2026-02-03'), (2, '2026-03-04');
            CREATE MATERIALIZED VIEW shop.over_parts AS SELECT p.id, b.town FROM shop.parts p LEFT JOIN shop.behind b USING (id);
            CREATE UNIQUE INDEX ON shop.over_parts (id);
            CREATE MATERIALIZED VIEW shop.nulls AS SELECT nullif(id, 3) AS id, town FROM shop.orders;
            CREATE UNIQUE INDEX ON shop.nulls (id)"#
        )
        .replace("CREATE SCHEMA \"My Shop\"", &format!("RESET ROLE; CREATE SCHEMA \"My Shop\" AUTHORIZATION {role}; SET ROLE {role}")),
    )
    .await;
    execute(&url, "ANALYZE shop.nulls").await;
    let before = schema(&url).await;
    migrate(&url).await;
    let reason = examined(&url, "shop.keyless", false).await.obstacles.pop().unwrap();
    assert!(reason.problem.contains("no unique index") && reason.fix.contains("blocking"), "{reason:?}");
    assert!(refused(&url, "shop.keyless").await.contains("no unique index"));
    let nulls = examined(&url, "shop.nulls", false).await.notes;
    assert!(nulls.iter().any(|note| note.contains("has NULLs in id")), "{nulls:?}");
    let views = [
        (r#""My Shop"."Top "" Ten""#, false, true),
        ("shop.empty", false, false),
        ("shop.keyless", true, false),
        ("shop.chain", false, true),
        ("shop.over_parts", false, true),
        ("shop.nulls", false, true),
        ("shop.by_town", false, true),
    ];
    for (id, blocking, concurrently) in views {
        assert_eq!(added(&url, id, blocking).await, concurrently, "{id}");
    }
    execute(
        &url,
        "INSERT INTO shop.orders VALUES (2000, 'far away', 99); INSERT INTO shop.parts VALUES (2000, '2026-05-06')",
    )
    .await;
    for (id, blocking, _) in views.into_iter().rev() {
        let reply = refreshed(&url, id).await;
        assert_eq!(reply["concurrently"], !blocking, "{id}: {reply}");
        assert_eq!(reply.get("rows_inserted").is_some(), !blocking, "{id}: {reply}");
    }
    let mut known = open(&url).await;
    let mut pending = begin_jobs(&mut known).await.unwrap();
    let known = candidates(pending.connection()).await.unwrap();
    drop(pending);
    let managed = |view: &&Candidate| view.registered == Registered::Managed;
    assert_eq!(known.iter().filter(managed).count(), views.len());
    let ordered = refreshtop_core::manage::chosen(&known, &["shop.chain".into(), "shop.by_town".into()]).unwrap();
    assert_eq!(ordered[0].id.as_str(), "shop.by_town");
    for (id, _, _) in views {
        execute(&url, &format!("SELECT refreshtop.unmanage('{id}')")).await;
    }
    roll_back(&url).await;
    assert_eq!(schema(&url).await, before);
}

#[tokio::test]
async fn a_view_that_its_owner_makes_anew_is_refreshed_and_one_that_is_renamed_is_not() {
    let (url, role) = shop("anew").await;
    migrate(&url).await;
    assert!(added(&url, "shop.by_town", false).await);
    let anew = format!(
        "SET ROLE {role}; DROP MATERIALIZED VIEW shop.by_town;
         CREATE MATERIALIZED VIEW shop.by_town AS SELECT town, max(total) AS most FROM shop.orders GROUP BY town;
         CREATE UNIQUE INDEX ON shop.by_town (town)"
    );
    execute(&url, &anew).await;
    refreshed(&url, "shop.by_town").await;
    refreshed(&url, "shop.by_town").await;

    // The old one is kept under another name: it is a view like others, and has nothing of ours in the end.
    let swapped = format!(
        "SET ROLE {role}; ALTER MATERIALIZED VIEW shop.by_town RENAME TO kept;
         CREATE MATERIALIZED VIEW shop.by_town AS SELECT town, min(total) AS least FROM shop.orders GROUP BY town;
         CREATE UNIQUE INDEX ON shop.by_town (town)"
    );
    execute(&url, &swapped).await;
    assert!(added(&url, "shop.kept", false).await);
    refreshed(&url, "shop.by_town").await;
    refreshed(&url, "shop.kept").await;
    execute(&url, "SELECT refreshtop.unmanage('shop.kept'); SELECT refreshtop.unmanage('shop.by_town')").await;
    let given = "SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a
                 WHERE c.relnamespace = 'shop'::regnamespace AND c.relkind = 'm' AND a.grantee <> c.relowner";
    assert_eq!(value::<i64>(&url, given).await, 0);
    execute(&url, "DROP MATERIALIZED VIEW shop.kept").await;
    assert!(added(&url, "shop.by_town", false).await);

    execute(&url, "SELECT refreshtop.change_view('shop.by_town', '{\"lock_timeout\": \"7 s\"}'); ALTER MATERIALIZED VIEW shop.by_town RENAME TO by_city").await;
    let reply = refresh(&url, "shop.by_town").await;
    assert_eq!(reply["status"], "error");
    assert_eq!(reply["message"], "materialized view shop.by_town is named shop.by_city now");
    assert!(reply["hint"].as_str().unwrap().contains("refreshtop views add 'shop.by_city'"), "{reply}");
    assert!(added(&url, "shop.by_city", false).await);
    let session = Session::open(&url).await;
    let views =
        session.rows("SELECT refresh_type, lock_timeout::text FROM refreshtop.views WHERE view_schema = 'shop'").await;
    assert_eq!(views, [serde_json::json!({"refresh_type": "shop.by_city", "lock_timeout": "00:00:07"})]);

    // Given to somebody else, it must be added again.
    execute(&url, "ALTER MATERIALIZED VIEW shop.by_city OWNER TO CURRENT_USER").await;
    let reply = refresh(&url, "shop.by_city").await;
    assert!(reply["hint"].as_str().unwrap().contains("refreshtop views add"), "{reply}");
    // And then it would run the code of its former owner as a superuser.
    assert!(refused(&url, "shop.by_city").await.contains("belongs to superuser"));
}

#[tokio::test]
async fn settings_are_checked_kept_and_used() {
    let (url, _) = shop("settings").await;
    migrate(&url).await;
    assert!(added(&url, "shop.by_town", false).await);
    let session = Session::open(&url).await;
    let change = |changes: &str| format!("SELECT refreshtop.change_view('shop.by_town', '{changes}')");
    session
        .run(&change(
            r#"{"lock_timeout": "2 s", "work_mem": "65536kB", "blocking": "on", "time_zone": "Europe/Berlin"}"#,
        ))
        .await;
    let rows = session.rows("SELECT lock_timeout::text, settings ->> 'work_mem' AS work_mem, blocking, time_zone FROM refreshtop.views WHERE refresh_type = 'shop.by_town'").await;
    let wanted = serde_json::json!({"lock_timeout": "00:00:02", "work_mem": "64MB", "blocking": true, "time_zone": "Europe/Berlin"});
    assert_eq!(rows, [wanted]);
    assert_eq!(refreshed(&url, "shop.by_town").await["concurrently"], false);
    session.run(&change(r#"{"blocking": null, "work_mem": null}"#)).await;
    assert_eq!(refreshed(&url, "shop.by_town").await["concurrently"], true);
    for (wrong, state) in [
        (r#"{"nonsense": "1"}"#, "22023"),
        (r#"{"lock_timeout": "soon"}"#, "22023"),
        (r#"{"lock_timeout": "2 h"}"#, "22023"),
        (r#"{"keep_log": "1 s"}"#, "22023"),
        (r#"{"blocking": "perhaps"}"#, "22023"),
        (r#"{"work_mem": "much"}"#, "22023"),
        (r#"{"time_zone": "Mars"}"#, "22023"),
        (r#"{"session_preload_libraries": "x"}"#, "22023"),
    ] {
        assert_eq!(session.sqlstate(&change(wrong)).await, state, "{wrong}");
    }
    session.run("DROP INDEX shop.by_town_key; ").await;
    session.run(&change(r#"{"blocking": "on"}"#)).await;
    assert_eq!(session.sqlstate(&change(r#"{"blocking": "off"}"#)).await, "55000");
    let noted: i64 = session.value("(SELECT count(*) FROM refreshtop.audit WHERE action = 'views set')").await;
    assert_eq!(noted, 3);
}
