//! The history of a window, against what a plain reckoning of the same rows says.

use super::{DAY, HOUR, LIMIT, REFRESH, history};
use crate::support::{execute, fresh_app, fresh_role, migrated_app, session::Session, value};
use chrono::{DateTime, TimeDelta, Utc};
use refreshtop_core::history::{History, Part};
use std::time::{Duration, Instant};

/// One row of the log: when it was logged, when it ended, whether it succeeded, how long it took.
struct Row {
    at: DateTime<Utc>,
    ended: DateTime<Utc>,
    success: bool,
    ms: Option<f64>,
}

async fn rows(url: &str) -> Vec<Row> {
    let session = Session::open(url).await;
    let rows = session
        .client
        .query(
            "SELECT created_at, coalesce(completed_at, created_at), status = 'success', duration_ms::float8
             FROM public.metrics_refresh_log WHERE refresh_type = 'platform_metrics' ORDER BY created_at",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| Row { at: row.get(0), ended: row.get(1), success: row.get(2), ms: row.get(3) }).collect()
}

/// The value below which the share `p` of the sorted values lies, between two of them in proportion.
fn percentile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    #[expect(clippy::cast_precision_loss, reason = "few rows")]
    let place = p * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few rows")]
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

/// What holds from `begin` up to `end`.
fn naive(rows: &[Row], begin: DateTime<Utc>, end: DateTime<Utc>, last: bool) -> Part {
    let inside: Vec<&Row> = rows.iter().filter(|row| begin <= row.at && (row.at < end || last)).collect();
    let mut sorted: Vec<f64> = inside.iter().filter(|row| row.success).filter_map(|row| row.ms).collect();
    sorted.sort_by(f64::total_cmp);
    let successes: Vec<DateTime<Utc>> = rows.iter().filter(|row| row.success).map(|row| row.ended).collect();
    let (mut fresh, mut known) = (0, 0);
    // Second by second, in the middle of each.
    let mut at = begin + TimeDelta::milliseconds(500);
    while at < end {
        let newest = successes.iter().filter(|success| **success <= at).max();
        known += u64::from(newest.is_some());
        fresh += u64::from(newest.is_some_and(|success| at - *success <= TimeDelta::from_std(LIMIT).unwrap()));
        at += TimeDelta::seconds(1);
    }
    Part {
        successes: inside.iter().filter(|row| row.success).count() as u64,
        failures: inside.iter().filter(|row| !row.success).count() as u64,
        p50: percentile(&sorted, 0.5),
        p95: percentile(&sorted, 0.95),
        p99: percentile(&sorted, 0.99),
        max: sorted.last().copied(),
        fresh: Duration::from_secs(fresh),
        known: Duration::from_secs(known),
    }
}

/// The fresh time from `begin` up to `end`, to the microsecond.
fn exactly_fresh(rows: &[Row], begin: DateTime<Utc>, end: DateTime<Utc>) -> Duration {
    let mut successes: Vec<DateTime<Utc>> = rows.iter().filter(|row| row.success).map(|row| row.ended).collect();
    successes.sort();
    let ends = |index: usize| {
        let stale = successes[index] + TimeDelta::from_std(LIMIT).unwrap();
        successes.get(index + 1).map_or(stale, |next| stale.min(*next))
    };
    let inside = |index: usize| (ends(index).min(end) - successes[index].max(begin)).to_std().unwrap_or_default();
    (0..successes.len()).map(inside).sum()
}

fn assert_same(found: &Part, wanted: &Part, where_: &str) {
    assert_eq!((found.successes, found.failures), (wanted.successes, wanted.failures), "{where_}");
    for (found, wanted) in
        [(found.p50, wanted.p50), (found.p95, wanted.p95), (found.p99, wanted.p99), (found.max, wanted.max)]
    {
        assert_eq!(found.is_some(), wanted.is_some(), "{where_}");
        assert!((found.unwrap_or_default() - wanted.unwrap_or_default()).abs() < 1e-6, "{found:?} {wanted:?} {where_}");
    }
    for (found, wanted) in [(found.fresh, wanted.fresh), (found.known, wanted.known)] {
        assert!(found.abs_diff(wanted) <= Duration::from_secs(8), "{found:?} {wanted:?} {where_}");
    }
}

fn assert_covers(history: &History, window: Duration) {
    let slices = history.slices;
    assert_eq!((slices.until - slices.since).to_std().unwrap(), window);
    assert_eq!(history.parts.len(), slices.len());
    let successes: u64 = history.parts.iter().map(|part| part.successes).sum();
    let failures: u64 = history.parts.iter().map(|part| part.failures).sum();
    assert_eq!((successes, failures), (history.whole.successes, history.whole.failures));
}

#[tokio::test]
async fn every_slice_agrees_with_a_plain_calculation() {
    let url = migrated_app("naive").await;
    // Forty hours, with gaps, failures, odd durations and rows of another type.
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at, created_at)
         SELECT CASE WHEN n % 11 = 0 THEN 'other' ELSE 'platform_metrics' END, CASE WHEN n % 7 = 3 OR n % 50 > 44 THEN 'error' ELSE 'success' END,
                CASE WHEN n % 29 = 0 THEN NULL WHEN n % 31 = 0 THEN -5 WHEN n % 37 = 0 THEN 'NaN'::numeric ELSE 100 + n * 7919 % 1000 END,
                at, at, at + interval '40 ms'
         FROM (SELECT n, now() - n * interval '5 minutes' - n % 5 * interval '17 seconds' AS at FROM generate_series(0, 480) n WHERE n % 100 < 70) t",
    )
    .await;
    let mut rows = rows(&url).await;
    for row in &mut rows {
        row.ms = row.ms.filter(|ms| *ms >= 0.0);
    }
    for window in [HOUR, 6 * HOUR, DAY, 7 * DAY] {
        let history = history(&url, window).await.unwrap();
        assert_covers(&history, window);
        let slices = history.slices;
        for (index, part) in history.parts.iter().enumerate() {
            let (begin, end) = slices.get(index);
            let wanted = naive(&rows, begin, end, index + 1 == slices.len());
            assert_same(part, &wanted, &format!("slice {index} of {window:?}"));
            let exact = exactly_fresh(&rows, begin, end);
            assert!(part.fresh.abs_diff(exact) < Duration::from_micros(10), "{:?} {exact:?}", part.fresh);
        }
        let stats: (i64, i64) = {
            let session = Session::open(&url).await;
            let hours = window.as_secs() / 3_600;
            (
                session.value(&format!("total_refreshes FROM public.get_metrics_refresh_stats({hours})")).await,
                session.value(&format!("failed_refreshes FROM public.get_metrics_refresh_stats({hours})")).await,
            )
        };
        let whole = history.whole;
        assert_eq!(stats, ((whole.successes + whole.failures).cast_signed(), whole.failures.cast_signed()));
    }
}

/// Statement that logs a success so long ago.
fn success(ago: &str) -> String {
    format!(
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at, created_at)
         SELECT 'platform_metrics', 'success', 100, at, at, at FROM (SELECT now() - interval '{ago}' AS at) t;"
    )
}

#[tokio::test]
async fn freshness_counts_to_the_moment_and_from_the_first_success_on() {
    for (rows, fresh, known) in [
        // Never a success: nothing is known.
        (String::new(), 0, 0),
        // One in the window: fresh for the limit, stale ever since, unknown before.
        (success("30 minutes"), 600, 1_800),
        // One before the window that is stale by now, and one that still counts in its beginning.
        (success("3 hours"), 0, 3_600),
        (success("65 minutes"), 300, 3_600),
        // Those that overlap count once; a gap of exactly the limit is none.
        (
            ["70 minutes", "60 minutes", "50 minutes", "45 minutes", "1 minute"].map(success).concat(),
            600 + 300 + 600 + 60,
            3_600,
        ),
        // Dated in the future, by a clock that was set back.
        (success("-5 minutes") + &success("20 minutes"), 600, 1_200),
    ] {
        let url = migrated_app("fresh").await;
        execute(&url, &rows).await;
        let history = history(&url, HOUR).await.unwrap();
        let whole = history.whole;
        let near =
            |found: Duration, wanted: u64| found.abs_diff(Duration::from_secs(wanted)) <= Duration::from_secs(20);
        assert!(near(whole.fresh, fresh) && near(whole.known, known), "{rows}: {whole:?}");
    }
}

#[tokio::test]
async fn growth_comes_from_what_refreshes_measured() {
    let url = migrated_app("growth").await;
    let missing = history(&url, DAY).await.unwrap().growth.unwrap_err();
    assert!(missing.reason.contains("no refresh succeeded"), "{missing:?}");
    execute(&url, "ANALYZE public.assets").await;
    // Hours begin with the clock's; a busy machine needs a minute or two for what follows.
    let left: i64 = Session::open(&url).await.value("3600 - extract(epoch FROM now())::bigint % 3600").await;
    if left < 120 {
        tokio::time::sleep(Duration::from_secs(left.unsigned_abs() + 1)).await;
    }
    execute(&url, REFRESH).await;
    execute(&url, "UPDATE public.metrics_refresh_log SET created_at = created_at - interval '5 hours', completed_at = completed_at - interval '5 hours'").await;
    execute(
        &url,
        "INSERT INTO public.assets SELECT n, 1, now() FROM generate_series(100, 30000) n; ANALYZE public.assets",
    )
    .await;
    execute(&url, REFRESH).await;
    let history = history(&url, DAY).await.unwrap();
    let growth = history.growth.unwrap();
    let assets = growth.grown()[0].clone();
    assert_eq!(assets.name, "public.assets");
    assert_eq!((assets.from.unwrap().rows, assets.to.rows), (Some(30), Some(29_931)));
    let at_ends: Vec<usize> =
        growth.at_ends.iter().enumerate().filter(|(_, end)| end.is_some()).map(|(index, _)| index).collect();
    assert_eq!(at_ends, [growth.at_ends.len() - 6, growth.at_ends.len() - 1]);
}

#[tokio::test]
async fn an_unmanaged_log_has_a_history_and_says_what_is_missing() {
    let url = fresh_app("unmanaged").await;
    execute(
        &url,
        "CREATE TABLE public.metrics_refresh_log (status text, duration_ms integer, completed_at timestamptz);
         INSERT INTO public.metrics_refresh_log SELECT 'success', 100 + n, now() - n * interval '5 minutes' FROM generate_series(1, 12) n",
    )
    .await;
    let history = history(&url, 6 * HOUR).await.unwrap();
    assert_eq!((history.whole.successes, history.whole.max, history.whole.p50), (12, Some(112.0), Some(106.5)));
    let missing = history.growth.unwrap_err();
    assert!(missing.fix.contains("refreshtop migrate"), "{missing:?}");
}

#[tokio::test]
async fn a_role_that_may_not_read_the_log_learns_why() {
    let url = migrated_app("refused").await;
    let (name, role) = fresh_role(&url, "plain", "").await;
    let missing = history(&role, DAY).await.unwrap_err();
    assert!(missing.fix.contains("refreshtop_admin"), "{missing:?}");
    // Row security hides rows without an error.
    execute(&url, REFRESH).await;
    execute(&url, &format!("GRANT SELECT ON public.metrics_refresh_log TO {name}")).await;
    let missing = history(&role, DAY).await.unwrap_err();
    assert!(missing.reason.contains("row security") && missing.fix.contains("GRANT refreshtop_admin"), "{missing:?}");
    execute(&url, &format!("GRANT refreshtop_admin TO {name}")).await;
    assert_eq!(history(&role, DAY).await.unwrap().whole.successes, 1);
}

/// How often the whole log was read.
const SCANS: &str = "SELECT coalesce(seq_scan, 0) FROM pg_stat_user_tables WHERE relname = 'metrics_refresh_log'";

#[tokio::test]
async fn a_month_beside_a_million_other_rows_is_read_by_its_index() {
    let url = migrated_app("million").await;
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at, created_at, measured)
             SELECT 'platform_metrics', 'success', 100 + n % 50, at, at, at, '{\"figures\": {\"total_users\": 1}, \"sources\": {\"public.assets\": {\"rows\": 5, \"bytes\": 9}}}'
             FROM (SELECT n, now() - n * interval '5 minutes' AS at FROM generate_series(0, 8640) n) t;
         INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at, created_at)
             SELECT CASE WHEN n % 2 = 0 THEN 'platform_metrics' ELSE 'other' END, 'success', 1, at, at, at
             FROM (SELECT n, now() - (CASE WHEN n % 2 = 0 THEN 31 ELSE 3 END) * interval '1 day' - n * interval '1 second' AS at FROM generate_series(1, 1000000) n) t;
         ANALYZE public.metrics_refresh_log",
    )
    .await;
    let before: i64 = value(&url, SCANS).await;
    let began = Instant::now();
    let month = history(&url, 30 * DAY).await.unwrap();
    let took = began.elapsed();
    assert_eq!(month.parts.len(), 31);
    assert!((8_639..=8_641).contains(&month.whole.successes), "{}", month.whole.successes);
    assert!(month.growth.is_ok());
    eprintln!("a month: {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // A session reports its scans to the statistics with a delay.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let after: i64 = value(&url, SCANS).await;
    assert_eq!(after, before, "the whole log was read");
}
