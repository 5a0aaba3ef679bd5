//! What one refresh does, whatever becomes of it.

use crate::support::{self, execute, fresh_app, fresh_role, migrate, migrated_app, session::Session};
use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DIRECT: &str = "public.refresh_platform_metrics_with_logging()";
const TRIGGER: &str = "public.trigger_platform_metrics_refresh()";

/// Replaces the view by one over `public.hazard()`, which gives 1 so far.
const HAZARD: &str = "
CREATE FUNCTION public.hazard() RETURNS integer LANGUAGE sql AS 'SELECT 1';
DROP MATERIALIZED VIEW public.platform_metrics;
CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT public.hazard() AS total_accounts, now() AS last_updated;
CREATE UNIQUE INDEX ON public.platform_metrics (last_updated);
";

/// Makes `public.hazard()` run `body`.
fn hazard(body: &str) -> String {
    format!(
        "{HAZARD}
         CREATE OR REPLACE FUNCTION public.hazard() RETURNS integer LANGUAGE plpgsql AS $f$ BEGIN {body} END $f$;"
    )
}

/// How long the view's refreshes wait for a lock from now on.
fn lock_timeout(limit: &str) -> String {
    format!("UPDATE refreshtop.views SET lock_timeout = '{limit}'")
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// The sessions in the black box of the newest row.
async fn black_box(session: &Session) -> Vec<Value> {
    let row = session.log().await.pop().expect("a row");
    row["black_box"]["sessions"].as_array().unwrap_or_else(|| panic!("{row}")).clone()
}

// Success.

#[tokio::test]
async fn a_success_leaves_one_row_with_everything() {
    let url = migrated_app("success").await;
    let session = Session::with(&url, "SET application_name = 'night shift'").await;
    let reply: Value = session.value(TRIGGER).await;
    let log = session.log().await;
    assert_eq!(log.len(), 1);
    let row = &log[0];
    for (column, expected) in [
        ("refresh_type", json!("platform_metrics")),
        ("status", json!("success")),
        ("error_message", json!(null)),
        ("sqlstate", json!(null)),
        ("error_detail", json!(null)),
        ("error_hint", json!(null)),
        ("error_context", json!(null)),
        ("black_box", json!(null)),
        ("trigger_source", json!("manual")),
        ("triggered_by", json!("postgres")),
        ("login_role", json!("postgres")),
        ("application_name", json!("night shift")),
        ("client_addr", json!("127.0.0.1")),
        ("backend_pid", json!(session.pid)),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    assert!(row["duration_ms"].as_f64().unwrap() > 0.0, "{row}");
    let in_order: bool = session
        .value(
            "started_at < completed_at AND created_at = completed_at AND completed_at <= clock_timestamp()
                AND duration_ms = round(extract(epoch FROM completed_at - started_at)::numeric * 1000, 3)
                FROM public.metrics_refresh_log",
        )
        .await;
    assert!(in_order, "{row}");

    assert_eq!((&reply["success"], &reply["status"]), (&json!(true), &json!("success")));
    for field in ["id", "duration_ms", "started_at", "completed_at"] {
        assert_eq!(reply[field], row[field], "{field}");
    }
    assert!(!reply["message"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn figures_count_people_once_and_by_their_first_membership() {
    let url = migrated_app("figures").await;
    let session = Session::open(&url).await;
    let before: Value = session.value("to_jsonb(m) FROM public.platform_metrics m").await;
    session
        .run(
            "INSERT INTO public.accounts VALUES (11);
              ALTER TABLE public.accounts_memberships
                  DROP CONSTRAINT accounts_memberships_pkey, ALTER user_id DROP NOT NULL;
              -- One new person in two accounts; an invitation that nobody took; an old person in one more account.
              INSERT INTO public.accounts_memberships VALUES (12, 1), (12, 2), (NULL, 3), (2, 3);
              INSERT INTO public.assets VALUES (31, 1), (32, 1);
              DELETE FROM public.software_licenses WHERE id = 5",
        )
        .await;
    session.value::<Value>(DIRECT).await;
    let after: Value = session.value("to_jsonb(m) FROM public.platform_metrics m").await;
    for (figure, old, new) in [
        ("total_accounts", 10, 11),
        ("total_users", 11, 12),
        ("total_assets", 30, 32),
        ("total_licenses", 5, 4),
        ("new_accounts_30d", 1, 2),
        ("new_users_30d", 1, 2),
        ("new_assets_30d", 1, 3),
    ] {
        assert_eq!((&before[figure], &after[figure]), (&json!(old), &json!(new)), "{figure}");
    }
    let moved: bool = session
        .value(&format!("last_updated > {} FROM public.platform_metrics", literal(&before["last_updated"])))
        .await;
    assert!(moved, "{before} {after}");
}

fn literal(value: &Value) -> String {
    format!("timestamptz '{}'", value.as_str().expect("a text"))
}

#[tokio::test]
async fn a_success_is_notified_with_ids_status_and_timings_only() {
    let url = migrated_app("notified").await;
    let mut listener = Session::with(&url, "LISTEN metrics_refresh").await;
    let session = Session::open(&url).await;
    let reply: Value = session.value(DIRECT).await;
    let payload = listener.payload().await;
    let expected = ["completed_at", "duration_ms", "id", "refresh_type", "source", "started_at", "status"];
    assert_eq!(keys(&payload), BTreeSet::from(expected));
    for field in ["completed_at", "duration_ms", "id", "refresh_type", "started_at", "status"] {
        assert_eq!(payload[field], reply[field], "{field}");
    }
    assert_eq!(payload["source"], "direct");
}

#[tokio::test]
async fn any_role_may_listen() {
    let url = migrated_app("listen").await;
    let (_, plain) = fresh_role(&url, "listener", "").await;
    let mut listener = Session::with(&plain, "LISTEN metrics_refresh").await;
    execute(&url, &format!("SELECT {DIRECT}")).await;
    assert_eq!(listener.payload().await["status"], "success");
}

#[tokio::test]
async fn a_view_without_data_is_filled() {
    let url = migrated_app("unpopulated").await;
    let session = Session::with(&url, "REFRESH MATERIALIZED VIEW public.platform_metrics WITH NO DATA").await;
    assert_eq!(session.sqlstate("SELECT * FROM public.platform_metrics").await, "55000");
    assert_eq!(session.value::<Value>(DIRECT).await["status"], "success");
    assert_eq!(session.value::<i64>("total_users FROM public.platform_metrics").await, 11);
}

#[tokio::test]
async fn the_source_shows_what_triggered_it() {
    let url = migrated_app("source").await;
    for (application, call, expected) in [
        ("psql", DIRECT, "direct"),
        ("psql", TRIGGER, "manual"),
        ("refreshtop schedule", DIRECT, "schedule"),
        ("refreshtop schedule 1.2", "refreshtop.refresh('platform_metrics')", "schedule"),
        ("refreshtop schedule", TRIGGER, "manual"),
        ("my refreshtop schedule", DIRECT, "direct"),
        ("", DIRECT, "direct"),
    ] {
        let session = Session::with(&url, &format!("SET application_name = '{application}'")).await;
        session.value::<Value>(call).await;
        let row = session.log().await.pop().unwrap();
        assert_eq!(row["trigger_source"], expected, "{call} in {application:?}");
    }
}

// Failure.

/// A way to fail.
struct Failure {
    sqlstate: &'static str,
    /// Part of the message.
    message: &'static str,
    /// What breaks it.
    setup: String,
    /// What the caller's own session runs first.
    session: &'static str,
}

impl Failure {
    fn new(sqlstate: &'static str, message: &'static str, setup: impl Into<String>) -> Self {
        Self { sqlstate, message, setup: setup.into(), session: "" }
    }

    /// Breaks a new database and calls `call`: one row, one notification, no exception.
    async fn happens(&self, call: &str) {
        let url = migrated_app("failure").await;
        execute(&url, &self.setup).await;
        let mut listener = Session::with(&url, "LISTEN metrics_refresh").await;
        let caller = Session::with(&url, self.session).await;
        let reply: Value = caller.value(call).await;
        check_failure(&mut listener, &reply, self.sqlstate, self.message).await;
    }
}

/// One row, one notification and one answer, all about the same failure.
async fn check_failure(listener: &mut Session, reply: &Value, sqlstate: &str, message: &str) {
    assert_eq!((&reply["success"], &reply["status"]), (&json!(false), &json!("error")), "{reply}");
    assert_eq!(reply["sqlstate"], sqlstate, "{reply}");
    let log = listener.log().await;
    assert_eq!(log.len(), 1, "{log:?}");
    let row = &log[0];
    assert_eq!((&row["status"], &row["sqlstate"]), (&json!("error"), &json!(sqlstate)), "{row}");
    assert!(row["error_message"].as_str().unwrap().contains(message), "{row}");
    assert_eq!(row["error_message"], reply["message"]);
    assert!(row["black_box"]["sessions"].is_array() && row["black_box"]["captured_at"].is_string(), "{row}");
    assert_eq!(row["black_box"].get("error"), None, "{row}");
    assert!(row["completed_at"].is_string() && row["duration_ms"].is_number(), "{row}");
    let payload = listener.payload().await;
    assert_eq!((&payload["id"], &payload["status"]), (&row["id"], &json!("error")));
    assert!(!payload.to_string().contains(message), "{payload}");
}

#[tokio::test]
async fn each_failure_leaves_one_row_and_is_not_raised() {
    let failures = [
        Failure::new(
            "55000",
            "cannot refresh materialized view \"public.platform_metrics\" concurrently",
            "DROP INDEX public.platform_metrics_refresh_key",
        ),
        Failure::new("42P01", "does not exist", "DROP MATERIALIZED VIEW public.platform_metrics"),
        Failure::new("22012", "division by zero", hazard("RETURN 1 / 0;")),
        Failure::new("P0004", "figures do not add up", hazard("ASSERT false, 'figures do not add up'; RETURN 1;")),
        Failure::new("23505", "duplicate", hazard("RAISE unique_violation USING MESSAGE = 'duplicate';")),
        Failure {
            // Enough to get as far as the view.
            session: "SET statement_timeout = '2s'",
            ..Failure::new("57014", "statement timeout", hazard("PERFORM pg_sleep(60); RETURN 1;"))
        },
    ];
    for failure in failures {
        failure.happens(DIRECT).await;
        failure.happens(TRIGGER).await;
    }
}

#[tokio::test]
async fn detail_hint_and_context_are_kept() {
    let url = migrated_app("detail").await;
    execute(&url, &hazard("RAISE 'broken' USING ERRCODE = 'XX999', DETAIL = 'the detail', HINT = 'the hint';")).await;
    let session = Session::open(&url).await;
    session.value::<Value>(DIRECT).await;
    let row = session.log().await.pop().unwrap();
    assert_eq!(
        (&row["error_message"], &row["error_detail"], &row["error_hint"], &row["sqlstate"]),
        (&json!("broken"), &json!("the detail"), &json!("the hint"), &json!("XX999"))
    );
    assert!(row["error_context"].as_str().unwrap().contains("function public.hazard()"), "{row}");
}

#[tokio::test]
async fn a_lock_wait_is_bounded_by_the_view_and_logged() {
    let url = migrated_app("lock").await;
    execute(&url, &lock_timeout("100 ms")).await;
    let mut listener = Session::with(&url, "LISTEN metrics_refresh").await;
    let _holder = Session::with(&url, "BEGIN; LOCK TABLE public.assets").await;
    // A caller that would wait for ever, and the server's own word that this one did not.
    let caller = Session::with(&url, "SET lock_timeout = 0; SET statement_timeout = '20s'").await;
    let reply: Value = caller.value(TRIGGER).await;
    check_failure(&mut listener, &reply, "55P03", "lock timeout").await;
}

#[tokio::test]
async fn a_cancelled_refresh_is_logged() {
    let url = migrated_app("cancel").await;
    execute(&url, &lock_timeout("5 min")).await;
    let mut listener = Session::with(&url, "LISTEN metrics_refresh").await;
    let _holder = Session::with(&url, "BEGIN; LOCK TABLE public.accounts").await;
    let caller = Session::open(&url).await;
    let pid = caller.pid;
    let running = caller.start::<Value>(TRIGGER);
    listener.until_waiting(pid).await;
    assert!(listener.value::<bool>(&format!("pg_cancel_backend({pid})")).await);
    let (reply, _) = running.await.unwrap();
    check_failure(&mut listener, &reply, "57014", "user request").await;
}

#[tokio::test]
async fn an_error_text_of_any_length_is_kept_and_never_notified() {
    let url = migrated_app("long").await;
    execute(&url, &hazard("RAISE '%', repeat('secret ', 15000);")).await;
    let mut listener = Session::with(&url, "LISTEN metrics_refresh").await;
    let caller = Session::open(&url).await;
    assert_eq!(caller.value::<Value>(DIRECT).await["status"], "error");
    assert!(caller.value::<bool>("error_message = repeat('secret ', 15000) FROM public.metrics_refresh_log").await);
    let notification = listener.notification().await;
    assert!(notification.payload().len() < 1000, "{}", notification.payload());
    assert!(!notification.payload().contains("secret"), "{}", notification.payload());
}

#[tokio::test]
async fn a_refresh_works_again_after_a_failure() {
    let url = migrated_app("again").await;
    execute(&url, &hazard("RETURN 1 / 0;")).await;
    let session = Session::open(&url).await;
    assert_eq!(session.value::<Value>(DIRECT).await["status"], "error");
    session.run("CREATE OR REPLACE FUNCTION public.hazard() RETURNS integer LANGUAGE sql AS 'SELECT 7'").await;
    assert_eq!(session.value::<Value>(DIRECT).await["status"], "success");
    assert_eq!(session.value::<i32>("total_accounts FROM public.platform_metrics").await, 7);
}

// The black box.

#[tokio::test]
async fn the_session_in_the_way_is_named() {
    let url = migrated_app("named").await;
    execute(&url, &lock_timeout("100 ms")).await;
    let holder = Session::with(&url, "SET application_name = 'forgotten psql'; BEGIN; LOCK TABLE public.assets").await;
    let caller = Session::open(&url).await;
    caller.value::<Value>(DIRECT).await;
    let sessions = black_box(&caller).await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let found = &sessions[0];
    for (field, expected) in [
        ("pid", json!(holder.pid)),
        ("user", json!("postgres")),
        ("application", json!("forgotten psql")),
        ("client", json!("127.0.0.1")),
        ("state", json!("idle in transaction")),
        ("blocked_by", json!([])),
        ("locks", json!([{"relation": "public.assets", "mode": "AccessExclusiveLock", "granted": true}])),
    ] {
        assert_eq!(found[field], expected, "{field}");
    }
    assert!(found["xact_age_s"].as_f64().unwrap() >= 0.1, "at least as old as the wait: {found}");
    assert!(found["query_start"].is_string(), "{found}");
    assert!(found["query"].as_str().unwrap().contains("LOCK TABLE public.assets"), "{found}");
}

#[tokio::test]
async fn a_chain_is_named_from_its_head() {
    let url = migrated_app("chain").await;
    execute(&url, &lock_timeout("100 ms")).await;
    let caller = Session::open(&url).await;
    let reader = Session::with(&url, "BEGIN; SELECT count(*) FROM public.assets").await;
    let altering = Session::open(&url).await;
    let altering_pid = altering.pid;
    let waiting = tokio::spawn(async move { altering.run("ALTER TABLE public.assets ADD COLUMN colour text").await });
    caller.until_waiting(altering_pid).await;
    assert_eq!(caller.value::<Value>(DIRECT).await["sqlstate"], "55P03");
    let sessions = black_box(&caller).await;
    let reported: Vec<_> = sessions.iter().map(|s| (&s["pid"], &s["blocked_by"])).collect();
    let (head, tail) = (json!(reader.pid), json!(altering_pid));
    assert_eq!(reported, [(&head, &json!([])), (&tail, &json!([reader.pid]))], "{sessions:?}");
    assert_eq!(sessions[1]["locks"][0]["granted"], false, "{sessions:?}");
    reader.run("COMMIT").await;
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_source_behind_views_and_partitions_is_seen() {
    let url = migrated_app("behind").await;
    execute(&url, &lock_timeout("100 ms")).await;
    execute(
        &url,
        "CREATE TABLE public.events (id bigint, at date NOT NULL) PARTITION BY RANGE (at);
         CREATE TABLE public.events_new PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
         CREATE VIEW public.recent_events AS SELECT * FROM public.events;
         CREATE VIEW public.events_and_assets AS SELECT (SELECT count(*) FROM public.recent_events) AS events,
             (SELECT count(*) FROM public.assets) AS assets;
         DROP MATERIALIZED VIEW public.platform_metrics;
         CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT *, now() AS last_updated
             FROM public.events_and_assets;
         CREATE UNIQUE INDEX ON public.platform_metrics (last_updated)",
    )
    .await;
    let caller = Session::open(&url).await;
    for source in ["public.events_new", "public.events", "public.assets"] {
        let holder = Session::with(&url, &format!("BEGIN; LOCK TABLE {source}")).await;
        assert_eq!(caller.value::<Value>(DIRECT).await["sqlstate"], "55P03", "{source}");
        let sessions = black_box(&caller).await;
        assert_eq!(sessions[0]["pid"], holder.pid, "{source}: {sessions:?}");
        let locks = sessions[0]["locks"].as_array().unwrap();
        assert!(locks.iter().any(|lock| lock["relation"] == source), "{sessions:?}");
        holder.run("ROLLBACK").await;
    }
}

#[tokio::test]
async fn a_prepared_transaction_is_named_without_a_session() {
    let settings = vec![("max_prepared_transactions".into(), "2".into())];
    let options = ClusterOptions { settings, ..support::options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = cluster.url("postgres");
    execute(&url, support::SMALL_APP).await;
    migrate(&url).await;
    execute(&url, &lock_timeout("100 ms")).await;
    execute(&url, "BEGIN; LOCK TABLE public.accounts; PREPARE TRANSACTION 'left over'").await;
    let caller = Session::open(&url).await;
    assert_eq!(caller.value::<Value>(DIRECT).await["sqlstate"], "55P03");
    let sessions = black_box(&caller).await;
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    let found = &sessions[0];
    assert_eq!((&found["pid"], &found["state"], &found["user"]), (&json!(0), &json!("prepared"), &json!("postgres")));
    assert!(found["application"].as_str().unwrap().contains("left over"), "{found}");
    assert_eq!(
        found["locks"],
        json!([{"relation": "public.accounts", "mode": "AccessExclusiveLock", "granted": true}])
    );
}

#[tokio::test]
async fn a_query_of_a_megabyte_is_cut() {
    let url = migrated_app("megabyte").await;
    execute(&url, &lock_timeout("100 ms")).await;
    let long = format!("BEGIN; LOCK TABLE public.assets; SELECT length('{}')", "x".repeat(1 << 20));
    let _holder = Session::with(&url, &long).await;
    let caller = Session::open(&url).await;
    caller.value::<Value>(DIRECT).await;
    let sessions = black_box(&caller).await;
    let query = sessions[0]["query"].as_str().unwrap();
    assert!(query.starts_with("BEGIN; LOCK TABLE public.assets") && query.len() <= 1000, "{query}");
}

/// PostgreSQL hides what other roles' sessions do from an owner without rights on statistics.
#[tokio::test]
async fn a_plain_owner_names_what_it_may_see() {
    let url = fresh_app("plain_owner").await;
    // One who can't create roles owns everything himself, so that no role is changed that other tests share.
    let (owner, owner_url) = fresh_role(&url, "owner", "").await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(&url, &format!("ALTER DATABASE {database} OWNER TO {owner}")).await;
    for table in ["accounts", "accounts_memberships", "assets", "software_licenses"] {
        execute(&url, &format!("ALTER TABLE public.{table} OWNER TO {owner}")).await;
    }
    migrate(&owner_url).await;
    execute(&url, &lock_timeout("100 ms")).await;
    let holder = Session::with(&url, "SET application_name = 'deploy'; BEGIN; LOCK TABLE public.assets").await;
    let caller = Session::open(&owner_url).await;
    for (grant, state) in
        [(String::new(), json!(null)), (format!("GRANT pg_read_all_stats TO {owner}"), json!("idle in transaction"))]
    {
        execute(&url, &grant).await;
        assert_eq!(caller.value::<Value>(DIRECT).await["sqlstate"], "55P03");
        let sessions = black_box(&caller).await;
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        let found = &sessions[0];
        let reported = [&found["pid"], &found["user"], &found["application"], &found["state"]];
        assert_eq!(reported, [&json!(holder.pid), &json!("postgres"), &json!("deploy"), &state], "{grant}");
        assert_eq!(found["locks"][0]["mode"], "AccessExclusiveLock", "{found}");
    }
}

/// A second cancel stops the collection of evidence, but the attempt is logged.
#[tokio::test]
async fn evidence_that_is_cancelled_costs_no_row() {
    let url = migrated_app("evidence").await;
    execute(
        &url,
        "DROP INDEX public.platform_metrics_refresh_key;
         CREATE OR REPLACE FUNCTION refreshtop_definers.black_box(p_view oid, p_relations oid[]) RETURNS jsonb
         LANGUAGE sql AS $$ SELECT '{}'::jsonb FROM pg_catalog.pg_sleep(60) $$",
    )
    .await;
    let caller = Session::open(&url).await;
    let onlooker = Session::open(&url).await;
    let pid = caller.pid;
    let running = caller.start::<Value>(DIRECT);
    onlooker
        .until(&format!("EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND wait_event = 'PgSleep')"))
        .await;
    onlooker.value::<bool>(&format!("pg_cancel_backend({pid})")).await;
    let (reply, _) = running.await.unwrap();
    assert_eq!(reply["sqlstate"], "55000", "what failed first: {reply}");
    let row = onlooker.log().await.pop().unwrap();
    assert!(row["black_box"]["error"].as_str().unwrap().contains("cancel"), "{row}");
}

/// One request to cancel reaches the server's process as two signals, and the second may hit the gathering of evidence.
#[tokio::test]
async fn the_second_signal_of_a_cancel_costs_no_evidence() {
    let url = migrated_app("signals").await;
    execute(
        &url,
        "ALTER FUNCTION refreshtop.evidence(oid) RENAME TO evidence_itself;
         CREATE SEQUENCE refreshtop.calls;
         CREATE FUNCTION refreshtop.evidence(p_view oid) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN
             IF nextval('refreshtop.calls') = 1 THEN
                 PERFORM pg_catalog.pg_cancel_backend(pg_catalog.pg_backend_pid());
                 PERFORM pg_catalog.pg_sleep(1);
             END IF;
             RETURN refreshtop.evidence_itself(p_view);
         EXCEPTION WHEN query_canceled THEN
             RETURN jsonb_build_object('error', SQLERRM);
         END $$;
         ALTER SEQUENCE refreshtop.calls OWNER TO refreshtop_owner",
    )
    .await;
    let (refresh, holder, onlooker) = running(&url, DIRECT).await;
    onlooker
        .value::<bool>(
            "pg_cancel_backend((SELECT pid FROM pg_locks WHERE relation = 'accounts'::regclass AND NOT granted))",
        )
        .await;
    refresh.await.unwrap();
    let row = onlooker.log().await.pop().unwrap();
    assert_eq!(row["sqlstate"], "57014", "{row}");
    assert_eq!(row["black_box"]["sessions"][0]["pid"], holder.pid, "{row}");
}

/// It may also come later, when the attempt is about to be noted. What asks twice looks on closely enough to hit the
/// fiftieth of a second in which it is waited for, or else tries again.
#[tokio::test]
async fn the_second_signal_of_a_cancel_costs_no_row() {
    let url = migrated_app("signal").await;
    execute(
        &url,
        "CREATE FUNCTION public.cancel_twice(p_pid integer) RETURNS integer LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM pg_cancel_backend(p_pid);
             FOR look IN 1..100000 LOOP
                 PERFORM pg_stat_clear_snapshot();
                 IF EXISTS (SELECT FROM pg_stat_activity WHERE pid = p_pid AND wait_event = 'PgSleep') THEN
                     PERFORM pg_cancel_backend(p_pid);
                     RETURN 1;
                 END IF;
                 EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE pid = p_pid AND state = 'idle');
             END LOOP;
             RETURN 0;
         END $$",
    )
    .await;
    let mut hits = 0;
    for round in 1..=5 {
        let (refresh, holder, onlooker) = running(&url, DIRECT).await;
        let waiting = "SELECT pid FROM pg_locks WHERE relation = 'accounts'::regclass AND NOT granted";
        let hit: i32 = onlooker.value(&format!("public.cancel_twice(({waiting}))")).await;
        hits += hit;
        let (reply, _) = refresh.await.unwrap();
        assert_eq!((&reply["status"], &reply["sqlstate"]), (&json!("error"), &json!("57014")), "{reply}");
        assert_eq!(onlooker.log().await.len(), round);
        drop(holder);
        if hits > 0 {
            return;
        }
    }
    panic!("nothing waits for the second signal");
}

// Two at once.

/// A refresh that waits for a lock, so that it surely runs; the lock's holder; and somebody who looks on.
async fn running(url: &str, call: &str) -> (tokio::task::JoinHandle<(Value, Session)>, Session, Session) {
    execute(url, &lock_timeout("5 min")).await;
    let onlooker = Session::open(url).await;
    let holder = Session::with(url, "BEGIN; LOCK TABLE public.accounts").await;
    let first = Session::with(url, "SET application_name = 'the first'").await;
    let pid = first.pid;
    let running = first.start(call);
    onlooker.until_waiting(pid).await;
    (running, holder, onlooker)
}

#[tokio::test]
async fn a_second_refresh_returns_at_once_and_says_so() {
    for (first, second) in [(TRIGGER, TRIGGER), (DIRECT, TRIGGER), (TRIGGER, DIRECT), (DIRECT, DIRECT)] {
        let url = migrated_app("second").await;
        let (running, holder, onlooker) = running(&url, first).await;
        // Who waits would wait for minutes: that would be cancelled, logged or raised.
        let impatient = Session::with(&url, "SET statement_timeout = '15s'; SET application_name = 'the second'").await;
        let reply: Value = impatient.value(second).await;
        assert_eq!((&reply["success"], &reply["status"]), (&json!(false), &json!("running")), "{reply}");
        assert!(reply["message"].as_str().unwrap().contains("the first"), "{reply}");
        assert!(onlooker.log().await.is_empty());
        let audit = onlooker.rows("SELECT * FROM refreshtop.audit WHERE outcome = 'running'").await;
        assert_eq!(audit.len(), 1, "{audit:?}");
        assert_eq!(
            (&audit[0]["application_name"], &audit[0]["detail"]["running_pid"]),
            (&json!("the second"), &reply["pid"])
        );

        holder.run("COMMIT").await;
        let (reply, _) = running.await.unwrap();
        assert_eq!(reply["status"], "success", "{reply}");
        assert_eq!(impatient.value::<Value>(second).await["status"], "success");
        assert_eq!(onlooker.log().await.len(), 2);
    }
}

#[tokio::test]
async fn the_running_one_can_be_asked_for() {
    let url = migrated_app("asked").await;
    let (running, holder, onlooker) = running(&url, DIRECT).await;
    let found = onlooker.rows("SELECT * FROM refreshtop.running()").await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["application_name"], "the first");
    assert!(found[0]["since"].is_string(), "{found:?}");
    holder.run("COMMIT").await;
    running.await.unwrap();
    onlooker.until("NOT EXISTS (SELECT 1 FROM refreshtop.running())").await;
}

#[tokio::test]
async fn twenty_at_once_leave_one_row_for_each_that_ran() {
    let url = migrated_app("twenty").await;
    let mut sessions = Vec::new();
    for _ in 0..20 {
        sessions.push(Session::open(&url).await);
    }
    let calls: Vec<_> = sessions.into_iter().map(|session| session.start::<Value>(TRIGGER)).collect();
    let mut ran = BTreeSet::new();
    for call in calls {
        let (reply, _) = call.await.unwrap();
        match reply["status"].as_str().unwrap() {
            "running" => assert_eq!(reply["success"], false),
            "success" => assert!(ran.insert(reply["id"].as_str().unwrap().to_owned())),
            other => panic!("{other}: {reply}"),
        }
    }
    let log = Session::open(&url).await.log().await;
    let logged: BTreeSet<String> = log.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert!(!ran.is_empty());
    assert_eq!((logged, log.len()), (ran.clone(), ran.len()));
}

// What a caller may rely on.

#[tokio::test]
async fn the_callers_lock_timeout_stays() {
    let url = migrated_app("setting").await;
    let session = Session::with(&url, "SET lock_timeout = '1234ms'").await;
    session.value::<Value>(DIRECT).await;
    assert_eq!(session.value::<String>("current_setting('lock_timeout')").await, "1234ms");
    session.run("DROP INDEX public.platform_metrics_refresh_key; BEGIN; SET LOCAL lock_timeout = '77ms'").await;
    assert_eq!(session.value::<Value>(TRIGGER).await["status"], "error");
    assert_eq!(session.value::<String>("current_setting('lock_timeout')").await, "77ms");
    session.run("COMMIT").await;
    assert_eq!(session.value::<String>("current_setting('lock_timeout')").await, "1234ms");
}

#[tokio::test]
async fn a_transaction_keeps_or_drops_everything() {
    let url = migrated_app("transaction").await;
    let mut listener = Session::with(&url, "LISTEN metrics_refresh").await;
    let session = Session::open(&url).await;
    session.run("BEGIN").await;
    session.value::<Value>(TRIGGER).await;
    session.run("ROLLBACK").await;
    assert!(session.log().await.is_empty());
    assert_eq!(session.value::<i64>("count(*) FROM refreshtop.audit WHERE action = 'trigger'").await, 0);

    session.run("BEGIN").await;
    let kept: Value = session.value(TRIGGER).await;
    assert!(listener.log().await.is_empty());
    session.run("COMMIT").await;
    // What was rolled back is logged as a lost attempt; it sent nothing by itself.
    let log = listener.log().await;
    assert_eq!(log.len(), 2);
    assert_eq!(listener.payload().await["id"], log[0]["id"]);
    assert_eq!(listener.payload().await["id"], kept["id"]);
}

#[tokio::test]
async fn readers_are_never_blocked() {
    let url = migrated_app("readers").await;
    let reader = Session::with(&url, "SET lock_timeout = '20ms'").await;
    let refresher = Session::open(&url).await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let reading = tokio::spawn(async move {
        let mut reads = 0;
        while stopped.try_recv().is_err() || reads < 50 {
            assert_eq!(reader.sqlstate("SELECT * FROM public.platform_metrics").await, "");
            reads += 1;
        }
        reads
    });
    for _ in 0..50 {
        assert_eq!(refresher.value::<Value>(DIRECT).await["status"], "success");
    }
    stop.send(()).unwrap();
    assert!(reading.await.unwrap() >= 50);
}

// Other views.

const OTHER: &str = "
CREATE MATERIALIZED VIEW public.other_metrics AS SELECT count(*) AS assets, now() AS last_updated FROM public.assets;
CREATE UNIQUE INDEX ON public.other_metrics (last_updated);
SELECT refreshtop.register_view('other', 'public.other_metrics');
";

#[tokio::test]
async fn another_view_is_refreshed_and_counted_for_itself() {
    let url = migrated_app("other").await;
    let session = Session::with(&url, OTHER).await;
    session.run("DELETE FROM public.assets WHERE id > 7").await;
    assert_eq!(session.value::<Value>("refreshtop.refresh('other')").await["status"], "success");
    assert_eq!(session.value::<i64>("assets FROM public.other_metrics").await, 7);
    assert_eq!(session.value::<i64>("total_assets FROM public.platform_metrics").await, 30);
    for (refresh_type, expected) in [("other", 1), ("platform_metrics", 0)] {
        let total = format!("total_refreshes FROM refreshtop.stats('{refresh_type}', '1 day')");
        assert_eq!(session.value::<i64>(&total).await, expected, "{refresh_type}");
    }
    assert_eq!(session.value::<i64>("total_refreshes FROM public.get_metrics_refresh_stats()").await, 0);
}

#[tokio::test]
async fn views_do_not_wait_for_each_other() {
    let url = migrated_app("beside").await;
    execute(&url, OTHER).await;
    let (running, holder, onlooker) = running(&url, DIRECT).await;
    assert_eq!(onlooker.value::<Value>("refreshtop.refresh('other')").await["status"], "success");
    holder.run("COMMIT").await;
    assert_eq!(running.await.unwrap().0["status"], "success");
}

#[tokio::test]
async fn an_unknown_view_is_refused() {
    let url = migrated_app("unknown").await;
    let session = Session::open(&url).await;
    for name in ["'nothing'", "NULL", "''"] {
        assert_eq!(session.sqlstate(&format!("SELECT refreshtop.refresh({name})")).await, "22023", "{name}");
    }
    assert!(session.log().await.is_empty());
}

#[tokio::test]
async fn an_unknown_source_is_refused() {
    let url = migrated_app("sources").await;
    let session = Session::open(&url).await;
    for source in ["''", "'somebody'", "repeat('x', 9000)"] {
        let call = format!("SELECT refreshtop.refresh('platform_metrics', {source})");
        assert_eq!(session.sqlstate(&call).await, "22023", "{source}");
    }
    assert!(session.log().await.is_empty());
}

#[tokio::test]
async fn a_session_without_a_name_is_told_by_its_process_alone() {
    let url = migrated_app("nameless").await;
    execute(&url, &lock_timeout("5 min")).await;
    let onlooker = Session::open(&url).await;
    let holder = Session::with(&url, "BEGIN; LOCK TABLE public.accounts").await;
    let first = Session::with(&url, "SET application_name = ''").await;
    let pid = first.pid;
    let running = first.start::<Value>(DIRECT);
    onlooker.until_waiting(pid).await;
    let reply: Value = onlooker.value(TRIGGER).await;
    let message = format!("a refresh of platform_metrics is already running (pid {pid})");
    assert_eq!(reply["message"], message, "{reply}");
    holder.run("ROLLBACK").await;
    running.await.unwrap();
}
