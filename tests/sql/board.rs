//! What a poll reads of all views only if it has changed is never older than the poll.

use crate::support::{client, execute, migrated_app, session::Session, target, value};
use refreshtop_core::{address::ViewId, views::Views};
use refreshtop_db::poller::Poller;
use std::time::Duration;

/// Three managed views, one of them with a window of its own, and one that nobody manages.
const VIEWS: &str = "
    CREATE SCHEMA shop;
    CREATE MATERIALIZED VIEW shop.a AS SELECT 1 AS id;
    CREATE UNIQUE INDEX a_id ON shop.a (id);
    CREATE MATERIALIZED VIEW shop.b AS SELECT 1 AS id;
    CREATE MATERIALIZED VIEW shop.c AS SELECT 1 AS id WITH NO DATA;
    CREATE MATERIALIZED VIEW shop.unmanaged AS SELECT 1 AS id;
    INSERT INTO refreshtop.views (refresh_type, view_schema, view_name, view_oid, view_owner)
    SELECT 'shop.' || v.name, 'shop', v.name, ('shop.' || v.name)::regclass, current_user
    FROM unnest('{a,b,c}'::text[]) AS v(name);
    UPDATE refreshtop.views SET stats_window = interval '2 days' WHERE refresh_type = 'shop.b';
    CREATE FUNCTION public.attempt(p_type text, p_status text, p_age interval) RETURNS void LANGUAGE sql AS $$
        INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, started_at, created_at)
        SELECT p_type, p_status, 10, CASE p_status WHEN 'error' THEN 'no' END, at, at
        FROM (SELECT clock_timestamp() - p_age AS at) run
    $$;
    SELECT public.attempt('shop.' || (ARRAY['a', 'b'])[1 + n % 2],
                          CASE WHEN n % 7 = 0 THEN 'error' ELSE 'success' END, n * interval '37 minutes')
    FROM generate_series(100, 1, -1) n;";

async fn poller(url: &str) -> Poller {
    Poller::open(&target(url), &ViewId::new("shop.a")).await.unwrap()
}

/// All views, by a poller that may know them.
async fn polled(poller: &mut Poller, window: Option<Duration>) -> Views {
    poller.poll(window, |_| {}).await.unwrap().board.unwrap().unwrap()
}

/// All views, and that a poller that knows nothing reads the same.
async fn current(kept: &mut Poller, url: &str, window: Option<Duration>, after: &str) -> Views {
    let known = polled(kept, window).await;
    let mut fresh = polled(&mut poller(url).await, window).await;
    fresh.at = known.at;
    assert_eq!(known, fresh, "after {after}");
    known
}

#[tokio::test]
async fn a_poll_shows_every_change_of_the_log() {
    let url = migrated_app("board").await;
    execute(&url, VIEWS).await;
    let (mut own, mut day) = (poller(&url).await, poller(&url).await);
    let hours = Some(Duration::from_hours(24));
    let changes = [
        "SELECT",
        "SELECT public.attempt('shop.a', 'success', '0')",
        "SELECT public.attempt('shop.c', 'error', '0')",
        "DO $$ BEGIN PERFORM public.attempt('shop.b', 'success', '0'); EXCEPTION WHEN division_by_zero THEN END $$",
        // Late, and older than every window.
        "SELECT public.attempt('shop.b', 'success', '30 hours')",
        "SELECT public.attempt('shop.a', 'error', '90 days')",
        "SELECT public.attempt('shop.a', 'success', '-1 hour')",
        "SELECT public.attempt(t, 'success', '0') FROM unnest('{shop.a,shop.b}'::text[]) t",
        "UPDATE public.metrics_refresh_log SET status = 'error', error_message = 'changed'
         WHERE id = (SELECT id FROM public.metrics_refresh_log WHERE refresh_type = 'shop.b' LIMIT 1)",
        "DELETE FROM public.metrics_refresh_log WHERE refresh_type = 'shop.a' AND created_at > now()",
        "DELETE FROM public.metrics_refresh_log WHERE refresh_type = 'shop.c'",
        "SELECT refreshtop.sum_all_again()",
        "ALTER TABLE public.metrics_refresh_log DISABLE TRIGGER USER; SELECT public.attempt('shop.a', 'success', '0');
         ALTER TABLE public.metrics_refresh_log ENABLE TRIGGER USER",
        "SELECT public.attempt('shop.b', 'error', '0')",
        "TRUNCATE public.metrics_refresh_log",
        "SELECT public.attempt('shop.c', 'success', '0')",
    ];
    for change in changes {
        execute(&url, change).await;
        current(&mut own, &url, None, change).await;
        current(&mut day, &url, hours, change).await;
    }
    // Another window is another question.
    current(&mut day, &url, Some(Duration::from_hours(1)), "a change of the window").await;
}

#[tokio::test]
async fn a_poll_shows_what_was_committed_late() {
    let url = migrated_app("board").await;
    execute(&url, VIEWS).await;
    let mut kept = poller(&url).await;
    // One holds all transactions after it back; the other writes in a subtransaction, and others end meanwhile.
    let (oldest, late) = (Session::open(&url).await, Session::open(&url).await);
    oldest.run("BEGIN; CREATE TABLE public.of_nobody ()").await;
    late.run("BEGIN; SAVEPOINT s; SELECT public.attempt('shop.a', 'error', '0'); RELEASE s").await;
    for _ in 0..2 {
        execute(&url, "SELECT public.attempt('shop.b', 'success', '0')").await;
        current(&mut kept, &url, None, "an attempt of another view").await;
    }
    late.run("COMMIT").await;
    let views = current(&mut kept, &url, None, "the commit").await;
    let view = views.views.iter().find(|view| view.name.name == "a").unwrap();
    assert!(view.recent.as_ref().unwrap().attempts.last().unwrap().0, "the failure is there");
    oldest.run("COMMIT").await;
    current(&mut kept, &url, None, "the end of the oldest").await;
}

#[tokio::test]
async fn a_poll_shows_what_leaves_a_window() {
    let url = migrated_app("board").await;
    execute(&url, VIEWS).await;
    execute(&url, "UPDATE refreshtop.views SET stats_window = '3 hours' WHERE refresh_type = 'shop.c'").await;
    execute(&url, "SELECT public.attempt('shop.c', 'error', '2:59:57')").await;
    let (mut own, mut three) = (poller(&url).await, poller(&url).await);
    let window = Some(Duration::from_hours(3));
    let failures = |views: &Views| {
        let view = views.views.iter().find(|view| view.name.name == "c").unwrap();
        view.stats.as_ref().unwrap().failed
    };
    polled(&mut own, None).await;
    polled(&mut three, window).await;
    let gone = "NOT EXISTS (SELECT 1 FROM public.metrics_refresh_log
                WHERE refresh_type = 'shop.c' AND created_at > clock_timestamp() - interval '3 hours')";
    Session::open(&url).await.until(gone).await;
    assert_eq!(failures(&current(&mut own, &url, None, "three hours").await), 0);
    assert_eq!(failures(&current(&mut three, &url, window, "three hours").await), 0);
}

#[tokio::test]
async fn a_poll_shows_every_change_of_a_view() {
    let url = migrated_app("board").await;
    execute(&url, VIEWS).await;
    let owner = format!("owner_{}", url.rsplit_once('/').unwrap().1);
    let mut kept = poller(&url).await;
    let mut before = current(&mut kept, &url, None, "nothing").await;
    let changes = [
        "ALTER MATERIALIZED VIEW shop.a RENAME TO \"A,b\"".to_owned(),
        "CREATE UNIQUE INDEX b_id ON shop.b (id)".to_owned(),
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shop.b_id'::regclass".to_owned(),
        "ALTER INDEX shop.b_id RENAME TO not_valid".to_owned(),
        "DROP INDEX shop.a_id".to_owned(),
        "REFRESH MATERIALIZED VIEW shop.c".to_owned(),
        "ALTER SCHEMA shop RENAME TO store".to_owned(),
        format!("CREATE ROLE {owner}; ALTER MATERIALIZED VIEW store.c OWNER TO {owner}"),
        format!("ALTER ROLE {owner} RENAME TO {owner}_x"),
        "DROP MATERIALIZED VIEW store.c; CREATE MATERIALIZED VIEW store.c AS SELECT 2 AS id".to_owned(),
        "DROP MATERIALIZED VIEW store.unmanaged".to_owned(),
        "UPDATE refreshtop.views SET max_age = '1 hour' WHERE refresh_type = 'shop.b'".to_owned(),
        "DELETE FROM refreshtop.views WHERE refresh_type = 'shop.b'".to_owned(),
    ];
    for change in changes {
        execute(&url, &change).await;
        let after = current(&mut kept, &url, None, &change).await;
        assert_ne!(before.views, after.views, "{change}");
        before = after;
    }
    execute(&url, &format!("DROP ROLE {owner}_x")).await;
}

#[tokio::test]
async fn what_has_changed_is_read_alone() {
    let url = migrated_app("board").await;
    execute(&url, VIEWS).await;
    let session = client(&url).await;
    let sql = "SELECT coalesce(known::text, ''), is_all, refresh_type
               FROM refreshtop.changed_stats('1 day', 20, $1::text::jsonb)";
    let mut known: Option<String> = None;
    for (change, changed) in [
        ("SELECT", None),
        ("SELECT", Some(vec![])),
        ("SELECT public.attempt('shop.a', 'success', '0')", Some(vec!["shop.a"])),
        ("UPDATE refreshtop.views SET max_age = '1 hour' WHERE refresh_type = 'shop.b'", Some(vec!["shop.b"])),
        ("SELECT", Some(vec![])),
    ] {
        execute(&url, change).await;
        let rows = session.query(sql, &[&known]).await.unwrap();
        known = Some(rows[0].get(0));
        assert_eq!(rows[0].get::<_, bool>(1), changed.is_none(), "{change}");
        let read: Vec<&str> = rows[1..].iter().map(|row| row.get(2)).collect();
        assert_eq!(read, changed.unwrap_or_else(|| read.clone()), "{change}");
    }
    // What it knows of another server, or from too long ago, is no use.
    for (member, wrong) in [("place", "[1, 2, 3]"), ("now", "\"2020-01-01T00:00:00+00:00\"")] {
        let stale = format!("SELECT jsonb_set('{}', '{{{member}}}', '{wrong}')::text", known.as_ref().unwrap());
        let stale: String = value(&url, &stale).await;
        let rows = session.query(sql, &[&Some(stale)]).await.unwrap();
        assert!(rows[0].get::<_, bool>(1), "{member}");
    }
    // A transaction that writes the log itself may write a view's row once more.
    session.batch_execute("BEGIN; SELECT public.attempt('shop.a', 'success', '0')").await.unwrap();
    let rows = session.query(sql, &[&known]).await.unwrap();
    let rows = session.query(sql, &[&rows[0].get::<_, String>(0)]).await.unwrap();
    assert!(rows[0].get::<_, bool>(1));
}
