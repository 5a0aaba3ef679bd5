//! The data of incidents, read from logs on a real server: migrated, unmanaged, and hostile.

use crate::support::{self, asking::Asking, execute, fresh_app, fresh_role, migrated_app, session::Session};
use refreshtop_core::{
    address::ViewId,
    incident::{Incident, Record, shared::shared},
    question::{Answer, Question},
    reading::{Reading, Unavailable},
    run::Origin,
};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const LIMIT: Duration = Duration::from_mins(10);

/// Asks as the monitor does, in a session of its own.
async fn ask(url: &str, window: Duration) -> Reading<Record> {
    match Asking::new(url).ask(Question::Incidents { window, limit: LIMIT }).await {
        Answer::Incidents(of, read) if of == window => read,
        other => panic!("{other:?}"),
    }
}

async fn record(url: &str, window: Duration) -> Record {
    ask(url, window).await.unwrap_or_else(|why| panic!("{why:?}"))
}

fn incidents(record: &Record) -> Vec<Incident> {
    record.incidents(LIMIT, record.read_at)
}

/// Minutes, rounded.
fn minutes(duration: Duration) -> u64 {
    (duration.as_secs() + 30) / 60
}

/// A summary: when it began and ended in minutes before the read, stale minutes, failures.
fn listed(record: &Record) -> Vec<(u64, Option<u64>, u64, u64)> {
    let ago = |at: chrono::DateTime<chrono::Utc>| minutes((record.read_at - at).to_std().unwrap_or_default());
    let line = |i: &Incident| (ago(i.began), i.ended.map(|end| ago(end.at)), minutes(i.stale_for), i.failures);
    incidents(record).iter().map(line).collect()
}

/// Statement that logs attempts: `s` or `e`, minutes ago.
fn rows(attempts: &[(char, u32)]) -> String {
    let row = |(status, ago): &(char, u32)| {
        let (status, message) = if *status == 's' { ("success", "NULL") } else { ("error", "'it failed'") };
        format!("('platform_metrics', '{status}', {message}, now() - interval '{ago} minutes')")
    };
    format!(
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, error_message, started_at, completed_at, created_at)
         SELECT t, s, m, a - interval '2 seconds', a, a FROM (VALUES {}) v (t, s, m, a);",
        attempts.iter().map(row).collect::<Vec<_>>().join(", ")
    )
}

/// A log in which everything happened.
const DAY_OF_TROUBLE: &[(char, u32)] = &[
    // Before the window: failures that go on into it.
    ('s', 1_500),
    ('e', 1_495),
    ('e', 1_490),
    ('e', 1_430),
    ('s', 1_400),
    // Close enough.
    ('s', 1_391),
    // A silence of half an hour, and exactly one failure that cost nothing.
    ('s', 1_361),
    ('e', 1_356),
    ('s', 1_352),
    // A silence that ends in failures.
    ('e', 1_300),
    ('e', 1_295),
    ('s', 1_290),
    // Up to the present, in steps of at most ten minutes.
    ('s', 1_281),
];

/// Success every nine minutes up to 3 minutes ago.
fn quiet() -> Vec<(char, u32)> {
    (3..=1_272).rev().step_by(9).map(|ago| ('s', ago)).collect()
}

#[tokio::test]
async fn a_day_of_trouble_is_reported_as_it_was() {
    let url = migrated_app("trouble").await;
    execute(&url, &rows(&[DAY_OF_TROUBLE, &quiet()].concat())).await;
    let read = record(&url, DAY).await;
    assert_eq!(
        listed(&read),
        [
            (1_342, Some(1_290), 52, 2),
            (1_356, Some(1_352), 0, 1),
            (1_381, Some(1_361), 20, 0),
            (1_495, Some(1_400), 90, 3),
        ]
    );
    assert!(!read.cut);
    assert_eq!(minutes((read.read_at - read.from.unwrap()).to_std().unwrap()), 1_440, "cut at the window's edge");
    let summary = read.summary(LIMIT, read.read_at).unwrap();
    assert_eq!(minutes(summary.stale), 52 + 20 + 40);
    // An hour's window has the open gap alone, and nothing happened in it.
    let hour = record(&url, Duration::from_hours(1)).await;
    assert_eq!((listed(&hour), hour.gaps.len()), (vec![], 1));
}

#[tokio::test]
async fn an_open_incident_and_a_silent_stop() {
    let url = migrated_app("open").await;
    assert_eq!(record(&url, DAY).await.from, None, "an empty log");
    execute(&url, &rows(&[('e', 30), ('e', 20)])).await;
    let never = record(&url, DAY).await;
    assert_eq!(listed(&never), [(30, None, 30, 2)], "no success on record");
    assert_eq!(minutes((never.read_at - never.from.unwrap()).to_std().unwrap()), 30);

    execute(&url, &rows(&[('s', 15), ('e', 5)])).await;
    assert_eq!(listed(&record(&url, DAY).await), [(5, None, 5, 1), (30, Some(15), 15, 2)]);

    // Nothing for three days: seen from a window of an hour as well.
    execute(&url, "TRUNCATE public.metrics_refresh_log").await;
    execute(&url, &rows(&[('s', 4_320)])).await;
    for window in [Duration::from_hours(1), DAY, Duration::from_hours(30 * 24)] {
        assert_eq!(listed(&record(&url, window).await), [(4_310, None, 4_310, 0)]);
    }
}

#[tokio::test]
async fn the_first_failure_and_what_ended_it_are_described() {
    let url = migrated_app("described").await;
    execute(&url, &rows(&[('s', 60), ('e', 55), ('e', 50), ('s', 45), ('s', 36), ('s', 27), ('s', 18), ('s', 9)]))
        .await;
    execute(
        &url,
        "UPDATE public.metrics_refresh_log SET sqlstate = '55P03', error_message = 'first of them' || repeat('x', 1000000)
         WHERE created_at = (SELECT min(created_at) FROM public.metrics_refresh_log WHERE status = 'error');
         UPDATE public.metrics_refresh_log SET trigger_source = 'manual'
         WHERE created_at = (SELECT created_at FROM public.metrics_refresh_log WHERE status = 'success'
                             ORDER BY created_at OFFSET 1 LIMIT 1)",
    )
    .await;
    let read = record(&url, DAY).await;
    let [incident] = &incidents(&read)[..] else { panic!("{read:?}") };
    let first = incident.first.as_ref().unwrap();
    assert_eq!(first.sqlstate.as_deref(), Some("55P03"));
    assert!(first.message.as_ref().unwrap().starts_with("first of themxxx"));
    assert_eq!(first.message.as_ref().unwrap().len(), 2_000);
    let id =
        support::value::<uuid::Uuid>(&url, "SELECT id FROM public.metrics_refresh_log WHERE sqlstate = '55P03'").await;
    assert_eq!(first.id, Some(id));
    assert_eq!(incident.ended.unwrap().origin, Origin::Manual);
    let began = support::value::<chrono::DateTime<chrono::Utc>>(
        &url,
        "SELECT started_at FROM public.metrics_refresh_log WHERE sqlstate = '55P03'",
    )
    .await;
    assert_eq!(incident.began, began, "it began when the attempt did");
}

#[tokio::test]
async fn a_real_blocker_is_named() {
    let url = migrated_app("blocker").await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '100ms'").await;
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    let lock = "SET application_name = 'month end report'; BEGIN; LOCK TABLE public.accounts IN ACCESS EXCLUSIVE MODE";
    let session = Session::with(&url, lock).await;
    for _ in 0..3 {
        execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    }
    let read = record(&url, DAY).await;
    let [incident] = &incidents(&read)[..] else { panic!("{read:?}") };
    assert!(incident.is_open() && incident.failures == 3);
    let blocker = &incident.blockers[0];
    assert_eq!((blocker.pid, blocker.named, blocker.root), (Some(session.pid), 3, true));
    assert!(incident.cause().starts_with("blocked by month end report (pid "), "{}", incident.cause());
    assert!(blocker.sentence().contains("held AccessExclusiveLock on "), "{}", blocker.sentence());

    session.run("ROLLBACK").await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let read = record(&url, DAY).await;
    assert_eq!(incidents(&read)[0].ended.unwrap().sentence(), "a manual refresh succeeded");
}

/// Whoever may write the log may write nonsense into it.
#[tokio::test]
async fn black_boxes_full_of_nonsense_cost_nothing_else() {
    let url = migrated_app("nonsense").await;
    execute(&url, &rows(&[('s', 200)])).await;
    let boxes = [
        "'null'",
        "'7'",
        "'\"x\"'",
        "'[]'",
        "'{}'",
        "'{\"sessions\": 5}'",
        "'{\"sessions\": {}}'",
        "'{\"sessions\": [1, null, \"x\", [], {}]}'",
        "'{\"sessions\": [{\"pid\": \"no number\", \"user\": {}, \"locks\": 3, \"blocked_by\": \"x\"}]}'",
        "'{\"sessions\": [{\"pid\": 1e300, \"locks\": [1, null, {\"granted\": \"yes\"}], \"blocked_by\": [[]]}]}'",
        "jsonb_build_object('sessions', (SELECT jsonb_agg(jsonb_build_object('pid', n)) FROM generate_series(1, 100000) n))",
        "jsonb_build_object('sessions', jsonb_build_array(jsonb_build_object('application', repeat('y', 1000000), 'blocked_by', '[]'::jsonb)))",
        "(repeat('[', 3000) || repeat(']', 3000))::jsonb",
    ];
    for (index, black_box) in boxes.iter().enumerate() {
        let at = format!("now() - interval '{} minutes'", 190 - 2 * index);
        let insert = format!(
            "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, created_at, black_box)
             VALUES ('platform_metrics', 'error', {at}, {at}, {black_box});
             INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, created_at, completed_at)
             VALUES ('platform_metrics', 'success', {at}, {at} + interval '1 minute', 'infinity')"
        );
        execute(&url, &insert).await;
    }
    let read = record(&url, DAY).await;
    let found = incidents(&read);
    assert_eq!(found.iter().filter(|incident| incident.failures == 1).count(), boxes.len(), "{found:?}");
    for blocker in found.iter().flat_map(|incident| &incident.blockers) {
        assert!(blocker.application.as_ref().is_none_or(|name| name.len() <= 100), "{blocker:?}");
    }
    assert!(found.iter().all(|incident| incident.blockers.len() <= 3));
}

#[tokio::test]
async fn an_unmanaged_log_is_read_in_whatever_shape_it_has() {
    for (name, columns) in [
        (
            "hand_full",
            "id uuid DEFAULT gen_random_uuid(), refresh_type varchar(100), status varchar(20), duration_ms numeric,
                       error_message text, started_at timestamptz, completed_at timestamptz, created_at timestamptz",
        ),
        (
            "hand_bare",
            "refresh_type text, status text, error_message text, started_at timestamp, completed_at timestamp,
                       created_at timestamp",
        ),
    ] {
        let url = fresh_app(name).await;
        execute(&url, &format!("CREATE TABLE public.metrics_refresh_log ({columns})")).await;
        execute(
            &url,
            &format!("SET TimeZone = 'UTC'; {}", rows(&[('s', 60), ('e', 55), ('e', 50), ('s', 45), ('s', 4)])),
        )
        .await;
        // What no calendar has, and what no version of ours writes.
        execute(
            &url,
            "INSERT INTO public.metrics_refresh_log (refresh_type, status, created_at) VALUES
                 ('platform_metrics', 'running', now()), ('platform_metrics', 'success', 'infinity'),
                 ('platform_metrics', 'error', '-infinity'), ('platform_metrics', NULL, now()),
                 ('platform_metrics', 'error', NULL), ('another_view', 'error', now() - interval '1 minute')",
        )
        .await;
        let read = record(&url, DAY).await;
        assert_eq!(listed(&read), [(35, Some(4), 31, 0), (55, Some(45), 5, 2)], "{name}");
        let first = incidents(&read)[1].first.clone().unwrap();
        assert_eq!((first.message.as_deref(), first.id.is_some()), (Some("it failed"), true));
    }
}

#[tokio::test]
async fn a_role_that_may_not_read_the_log_gets_the_reason() {
    let url = migrated_app("rights").await;
    execute(&url, &rows(&[('s', 60), ('e', 55)])).await;
    let (name, nobody) = fresh_role(&url, "nobody", "").await;
    let why = ask(&nobody, DAY).await.unwrap_err();
    assert_eq!(why.fix, format!("GRANT refreshtop_admin TO {name}"), "{why:?}");
    // Row security answers with fewer rows, not with an error.
    execute(&url, &format!("GRANT SELECT ON public.metrics_refresh_log TO {name}")).await;
    let why = ask(&nobody, DAY).await.unwrap_err();
    assert!(why.reason.contains("not a super administrator"), "{why:?}");
    execute(&url, &format!("GRANT refreshtop_admin TO {name}")).await;
    assert_eq!(record(&nobody, DAY).await.gaps.len(), 1);
    // An empty log is empty, not hidden.
    execute(&url, "TRUNCATE public.metrics_refresh_log").await;
    assert_eq!(record(&nobody, DAY).await.from, None);

    let hand = fresh_app("rights_by_hand").await;
    assert!(ask(&hand, DAY).await.unwrap_err().reason.contains("there is no table"));
    execute(&hand, "CREATE TABLE public.metrics_refresh_log (status text, created_at timestamptz)").await;
    let (name, nobody) = fresh_role(&hand, "nobody", "").await;
    let Unavailable { fix, .. } = ask(&nobody, DAY).await.unwrap_err();
    assert_eq!(fix, format!("GRANT SELECT ON public.metrics_refresh_log TO {name}"));
}

/// A job that runs every few seconds for a month, and fails every other time: a bounded answer, in little time.
#[tokio::test]
async fn half_a_million_rows_are_read_in_part() {
    let url = migrated_app("many").await;
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, error_message, started_at, completed_at, created_at)
         SELECT 'platform_metrics', CASE WHEN n % 2 = 0 THEN 'success' ELSE 'error' END, repeat('m', 200), at, at, at
         FROM (SELECT n, now() - n * interval '5 seconds' AS at FROM generate_series(1, 500000) n) t;
         ANALYZE public.metrics_refresh_log",
    )
    .await;
    for window in [Duration::from_hours(1), DAY, Duration::from_hours(30 * 24)] {
        let since = std::time::Instant::now();
        let read = record(&url, window).await;
        eprintln!("{window:?}: {:?}", since.elapsed());
        assert!((read.gaps.len(), read.cut) == (300, true));
        // What is summed up is what is listed.
        let from = read.from.unwrap();
        assert!(read.gaps.last().unwrap().after == Some(from), "{from}");
    }
}

#[tokio::test]
async fn views_that_fail_on_one_lock_are_one_incident() {
    let url = migrated_app("shared").await;
    let set_up = "CREATE TABLE public.sales (town int PRIMARY KEY);
         CREATE TABLE public.towns (town int PRIMARY KEY);
         CREATE MATERIALIZED VIEW public.a AS SELECT town FROM public.sales;
         CREATE MATERIALIZED VIEW public.b AS SELECT town FROM public.sales;
         CREATE MATERIALIZED VIEW public.c AS SELECT town FROM public.towns;
         CREATE UNIQUE INDEX ON public.a (town);
         CREATE UNIQUE INDEX ON public.b (town);
         CREATE UNIQUE INDEX ON public.c (town);
         SELECT refreshtop.manage(v) FROM unnest('{public.a,public.b,public.c}'::regclass[]) v;
         UPDATE refreshtop.views SET lock_timeout = '100 ms'";
    execute(&url, set_up).await;
    let views = ["a", "b", "c"].map(ViewId::new);
    let refresh_all = "SELECT refreshtop.refresh('a'); SELECT refreshtop.refresh('b'); SELECT refreshtop.refresh('c')";
    execute(&url, refresh_all).await;
    let export = Session::open(&url).await;
    export.run("SET application_name = 'export'; BEGIN; LOCK TABLE public.sales IN ACCESS EXCLUSIVE MODE").await;
    execute(&url, refresh_all).await;
    let pid: i32 = export.value("pg_backend_pid()").await;
    let wanted: Vec<_> = views.iter().map(|view| (view.clone(), LIMIT)).collect();
    let question = Question::IncidentsOfAll { window: DAY, views: wanted };
    let Answer::IncidentsOfAll(_, Ok(records)) = Asking::new(&url).ask(question).await else { panic!("no answer") };
    assert_eq!(records.iter().map(|(view, _)| view.clone()).collect::<Vec<_>>(), views);
    let found = shared(&records, |_| LIMIT, records[0].1.read_at);
    let [one] = &found[..] else { panic!("{found:?}") };
    let of: Vec<&str> = one.views.iter().map(|(view, _)| view.as_str()).collect();
    assert_eq!(of, ["a", "b"]);
    assert!(one.cause().starts_with(&format!("blocked by export (pid {pid}, ")), "{}", one.cause());
    // Each has the record that it has alone.
    for (view, record) in &records {
        let Answer::Incidents(_, Ok(alone)) =
            Asking::about(&url, view.clone()).ask(Question::Incidents { window: DAY, limit: LIMIT }).await
        else {
            panic!("no answer")
        };
        assert_eq!(alone.gaps, record.gaps, "{view}");
    }
}
