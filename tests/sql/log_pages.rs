//! Pages of the log from a real server, managed or not.

use crate::support::{self, asking::Asking, execute, fresh_app, fresh_role, migrated_app, value};
use refreshtop_core::{
    question::{Answer, OriginFilter, PageStart, Question, RunsFilter, RunsPage, RunsRead},
    reading::Reading,
};
use std::collections::HashSet;
use uuid::Uuid;

const UNMANAGED: &str = include_str!("../fixtures/unmanaged.sql");

/// Ten thousand rows, always 25 in the same moment; every 40th failed, every 1,000th was triggered by hand.
const ROWS: &str = "
    INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, sqlstate, trigger_source,
        triggered_by, application_name, started_at, completed_at, created_at)
    SELECT 'platform_metrics', CASE WHEN n % 40 = 0 THEN 'error' ELSE 'success' END, n,
           CASE WHEN n % 40 = 0 THEN 'Could not extend file ' || n END, CASE WHEN n % 40 = 0 THEN '53100' END,
           CASE WHEN n % 1000 = 0 THEN 'manual' ELSE 'schedule' END,
           CASE WHEN n % 1000 = 0 THEN 'Anna' ELSE 'cron' END, CASE WHEN n % 1000 = 0 THEN 'psql' ELSE 'pg_cron' END,
           at, at, at
    FROM generate_series(1, 10000) n
    CROSS JOIN LATERAL (SELECT timestamptz '2026-01-01 00:00:00.123456+00' + n / 25 * interval '5 minutes' AS at) t;
    INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, created_at)
    VALUES ('other', 'error', now(), now()), ('platform_metrics', 'success', now(), 'infinity')";

/// Asks for pages.
struct Pages(Asking);

impl Pages {
    fn new(url: &str) -> Self {
        Self(Asking::new(url))
    }

    async fn page(&mut self, page: RunsPage) -> Reading<RunsRead> {
        match self.0.ask(Question::Runs(page.clone())).await {
            Answer::Runs(answered, read) => {
                assert_eq!(answered, page);
                read
            }
            other => panic!("{other:?}"),
        }
    }

    async fn from(&mut self, filter: &RunsFilter, start: PageStart) -> RunsRead {
        let page = RunsPage { filter: filter.clone(), start, limit: 200, background: false };
        let read = self.page(page).await.unwrap_or_else(|why| panic!("{why:?}"));
        assert!(read.runs.is_sorted_by(|a, b| a.cursor > b.cursor), "newest first");
        read
    }

    /// Keys of all rows that pass, page by page, newest first; down or up.
    async fn walk(&mut self, filter: &RunsFilter, up: bool) -> Vec<Uuid> {
        let (mut seen, mut start) = (Vec::new(), if up { PageStart::Oldest } else { PageStart::Newest });
        loop {
            let read = self.from(filter, start).await;
            let ids = read.runs.iter().map(|row| row.run.id);
            if up {
                seen.extend(ids.rev());
            } else {
                seen.extend(ids);
            }
            match read.next {
                Some(cursor) if up => start = PageStart::After(cursor),
                Some(cursor) => start = PageStart::Before(cursor),
                None => break,
            }
        }
        if up {
            seen.reverse();
        }
        seen
    }
}

fn text(text: &str) -> RunsFilter {
    RunsFilter { text: text.into(), ..RunsFilter::default() }
}

/// Keys in the order of the log, as the server sorts them.
async fn keys(url: &str, condition: &str) -> Vec<Uuid> {
    let sql = format!(
        "SELECT coalesce(array_agg(id::text ORDER BY created_at DESC, id DESC), '{{}}') FROM public.metrics_refresh_log
         WHERE refresh_type = 'platform_metrics' AND created_at < 'infinity' AND {condition}"
    );
    value::<Vec<String>>(url, &sql).await.iter().map(|key| key.parse().unwrap()).collect()
}

#[tokio::test]
async fn paging_sees_each_row_once_in_both_directions() {
    let url = migrated_app("pages").await;
    execute(&url, ROWS).await;
    let mut asking = Pages::new(&url);
    let wanted = keys(&url, "true").await;
    assert_eq!(wanted.len(), 10_000);
    for up in [false, true] {
        assert_eq!(asking.walk(&RunsFilter::default(), up).await, wanted, "up: {up}");
    }
    let newest = asking.from(&RunsFilter::default(), PageStart::Newest).await;
    let first = &newest.runs[0];
    assert_eq!((newest.newest, newest.runs.len()), (Some(first.cursor), 200));
    assert_eq!((first.by.as_deref(), first.application.as_deref()), (Some("Anna"), Some("psql")));
    assert_eq!(first.run.error.as_deref(), Some("Could not extend file 10000"));
}

#[tokio::test]
async fn filters_hold_and_a_search_goes_through_the_whole_log() {
    let url = migrated_app("filters").await;
    execute(&url, ROWS).await;
    let mut asking = Pages::new(&url);
    let failures = RunsFilter { failures: true, ..RunsFilter::default() };
    let manual = RunsFilter { origin: OriginFilter::Manual, ..RunsFilter::default() };
    let scheduled = RunsFilter { origin: OriginFilter::Scheduled, ..failures.clone() };
    for (filter, condition) in [
        (failures.clone(), "status = 'error'"),
        (manual.clone(), "trigger_source = 'manual'"),
        (scheduled, "status = 'error' AND trigger_source = 'schedule'"),
        (text("EXTEND file 4"), "error_message LIKE '%extend file 4%'"),
        (text("53100"), "sqlstate = '53100'"),
        (text("anna"), "triggered_by = 'Anna'"),
        (text("PSQL"), "application_name = 'psql'"),
        (RunsFilter { text: "psql".into(), ..failures }, "application_name = 'psql' AND status = 'error'"),
    ] {
        let wanted = keys(&url, condition).await;
        assert!(!wanted.is_empty());
        for up in [false, true] {
            assert_eq!(asking.walk(&filter, up).await, wanted, "{filter:?} up: {up}");
        }
    }
    // A page that nobody waits for looks at a known number of rows, and says how far it came.
    let page = RunsPage { filter: manual.clone(), start: PageStart::Newest, limit: 200, background: true };
    let background = asking.page(page).await.unwrap();
    assert!((2..=3).contains(&background.runs.len()), "{}", background.runs.len());
    assert_eq!(background.next.map(|cursor| cursor.id), keys(&url, "true").await.get(1_999).copied());
    assert!(background.newest > background.next);
}

#[tokio::test]
async fn a_text_is_taken_as_it_is() {
    let url = migrated_app("literal").await;
    let mut asking = Pages::new(&url);
    let texts = [
        "100% sure",
        "a_b",
        r"C:\temp\x",
        "it's \"quoted\"",
        "'; DROP TABLE public.metrics_refresh_log; --",
        "ÄÖÜ straße",
        "日本語 שלום",
        "$$ $1 {} %s",
        "E'\\'",
    ];
    for (number, text) in texts.iter().enumerate() {
        let sql = "INSERT INTO public.metrics_refresh_log (refresh_type, status, error_message, started_at, created_at)
                   VALUES ('platform_metrics', 'error', $1, now(), now() - $2 * interval '1 minute')";
        let client = support::client(&url).await;
        client
            .execute(sql, &[&format!("before {text} after"), &f64::from(u32::try_from(number).unwrap())])
            .await
            .unwrap();
    }
    for wanted in texts {
        let found = asking.from(&text(wanted), PageStart::Newest).await;
        let found: Vec<_> = found.runs.iter().map(|row| row.run.error.clone().unwrap()).collect();
        assert_eq!(found, [format!("before {wanted} after")]);
    }
    for pattern in ["%", "_b", "100_", ".*", r"\", "a%b"] {
        let found = asking.from(&text(pattern), PageStart::Newest).await;
        assert!(found.runs.iter().all(|row| row.run.error.as_ref().unwrap().contains(pattern)), "{pattern}");
    }
    assert_eq!(asking.from(&text("SURE"), PageStart::Newest).await.runs.len(), 1, "in any case");
    // Letters beyond ASCII as the locale of the database has it.
    let folds = value::<bool>(&url, "SELECT lower('Ä' COLLATE \"default\") = 'ä'").await;
    assert_eq!(asking.from(&text("äöü"), PageStart::Newest).await.runs.len(), usize::from(folds));
    assert_eq!(asking.from(&text("a%b"), PageStart::Newest).await.runs.len(), 0);
}

#[tokio::test]
async fn odd_rows_cost_nothing_but_themselves() {
    let url = migrated_app("odd").await;
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, sqlstate, black_box,
             started_at, created_at) VALUES
         ('platform_metrics', 'error', 'NaN', repeat(E'\\x1b[2J', 400000), 'far too long', '[1, 2]', 'infinity', now()),
         ('platform_metrics', 'error', 1e300, NULL, NULL, '{\"sessions\": {\"a\": 1}}', '-infinity', '0044-03-15 BC'),
         ('platform_metrics', 'success', -5, NULL, NULL, '\"x\"', now(), '2020-01-01')",
    )
    .await;
    let mut asking = Pages::new(&url);
    let read = asking.from(&RunsFilter::default(), PageStart::Newest).await;
    // A year before Christ has no cursor in the list.
    assert_eq!((read.runs.len(), read.next), (2, None));
    assert!(read.runs.iter().all(|row| row.run.duration_ms.is_none() && row.run.blockers == 0), "{read:?}");
    assert_eq!(read.runs[0].run.error.as_ref().unwrap().chars().count(), 500);
    assert_eq!(asking.from(&text("[2J"), PageStart::Newest).await.runs.len(), 1);
}

#[tokio::test]
async fn an_unmanaged_log_is_paged_as_well() {
    let url = fresh_app("handpages").await;
    execute(&url, UNMANAGED).await;
    let mut asking = Pages::new(&url);
    let wanted = keys(&url, "true").await;
    for up in [false, true] {
        assert_eq!(asking.walk(&RunsFilter::default(), up).await, wanted);
    }
    let failures = RunsFilter { failures: true, ..RunsFilter::default() };
    assert_eq!(asking.walk(&failures, false).await, keys(&url, "status = 'error'").await);
    assert_eq!(
        asking.walk(&text("OLDER error 4"), true).await,
        keys(&url, "error_message LIKE 'older error 4%'").await
    );
    let scheduled = RunsFilter { origin: OriginFilter::Scheduled, ..RunsFilter::default() };
    assert!(asking.walk(&scheduled, false).await.is_empty(), "nobody has written down what set them off");
    let manual = RunsFilter { origin: OriginFilter::Manual, ..RunsFilter::default() };
    assert_eq!(asking.walk(&manual, false).await, wanted);
    // Other keys, other times, fewer columns.
    execute(
        &url,
        "ALTER TABLE public.metrics_refresh_log DROP id, DROP completed_at, DROP refresh_type;
         ALTER TABLE public.metrics_refresh_log ADD id bigint GENERATED ALWAYS AS IDENTITY;
         ALTER TABLE public.metrics_refresh_log ALTER created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC'",
    )
    .await;
    let seen = asking.walk(&RunsFilter::default(), false).await;
    assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len()), (500, 500));
    execute(&url, "ALTER TABLE public.metrics_refresh_log DROP id, DROP created_at").await;
    for up in [false, true] {
        let seen = asking.walk(&RunsFilter::default(), up).await;
        assert_eq!((seen.len(), seen.iter().collect::<HashSet<_>>().len()), (500, 500));
    }
    execute(&url, "DROP TABLE public.metrics_refresh_log").await;
    let page = RunsPage { filter: failures, start: PageStart::Newest, limit: 200, background: false };
    assert!(asking.page(page).await.unwrap_err().reason.contains("no table"));
}

#[tokio::test]
async fn without_rights_it_says_so() {
    let url = migrated_app("norights").await;
    execute(&url, ROWS).await;
    let page = |start| RunsPage { filter: RunsFilter::default(), start, limit: 200, background: false };
    let (name, role) = fresh_role(&url, "stranger", "").await;
    let why = Pages::new(&role).page(page(PageStart::Newest)).await.unwrap_err();
    assert_eq!(why.fix, format!("GRANT refreshtop_admin TO {name}"), "{why:?}");
    // Row security shows nothing, which is not to say that there is nothing.
    execute(&url, &format!("GRANT SELECT ON public.metrics_refresh_log TO {name}")).await;
    for start in [PageStart::Newest, PageStart::Oldest] {
        let why = Pages::new(&role).page(page(start)).await.unwrap_err();
        assert!(why.reason.contains("row security"), "{why:?}");
    }
}

#[tokio::test]
async fn a_log_that_is_locked_fails_its_page_only() {
    let url = migrated_app("locked").await;
    execute(&url, ROWS).await;
    let mut asking = Pages::new(&url);
    let holder = support::session::Session::with(&url, "BEGIN; LOCK TABLE public.metrics_refresh_log").await;
    let page = || RunsPage { filter: RunsFilter::default(), start: PageStart::Newest, limit: 200, background: false };
    let why = asking.page(page()).await.unwrap_err();
    assert!(why.reason.contains("lock timeout"), "{why:?}");
    holder.run("ROLLBACK").await;
    assert_eq!(asking.page(page()).await.unwrap().runs.len(), 200);
}
