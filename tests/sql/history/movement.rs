//! How the view's figures moved.

use super::{DAY, REFRESH, movement};
use crate::support::{asking::Asking, execute, fresh_app, fresh_role, migrated_app, value};
use refreshtop_core::{
    address::ViewId,
    figures::Changed,
    question::{Answer, Question},
};

#[tokio::test]
async fn figures_move_from_refresh_to_refresh() {
    let url = migrated_app("moves").await;
    let still = movement(&url, DAY).await.unwrap();
    let now = still.now.as_ref().unwrap();
    assert_eq!(now[0], ("total_accounts".to_owned(), Some(10.0)));
    assert_eq!(now.len(), 7);
    assert!(still.measured.as_ref().unwrap_err().reason.contains("no refresh succeeded"), "{still:?}");

    execute(&url, REFRESH).await;
    execute(&url, "UPDATE public.metrics_refresh_log SET created_at = created_at - interval '12 hours'").await;
    for batch in 1..=3 {
        execute(&url, &format!("INSERT INTO public.accounts VALUES ({batch}00)")).await;
        execute(&url, REFRESH).await;
    }
    let read = movement(&url, DAY).await.unwrap();
    let moves = read.moves();
    let accounts = &moves[0];
    assert_eq!(
        (accounts.name, accounts.now, accounts.first, accounts.change),
        ("total_accounts", Some(13.0), Some(10.0), Some(3.0))
    );
    assert!((accounts.per_day.unwrap() - 6.0).abs() < 0.1, "{accounts:?}");
    assert_eq!(accounts.new_30d, Some(4.0));
    let points: Vec<f64> = accounts.points.iter().flatten().copied().collect();
    assert_eq!(points, [10.0, 13.0]);
    let measured = read.measured.as_ref().unwrap();
    assert_eq!(measured.deltas("total_accounts").collect::<Vec<_>>(), [Some(1.0); 3]);
    assert!(measured.recent.iter().all(|sample| sample.duration_ms.is_some()));
}

#[tokio::test]
async fn an_unmanaged_view_shows_its_own_columns_and_says_why_nothing_moves() {
    let url = fresh_app("byhand").await;
    execute(&url, "CREATE VIEW public.platform_metrics AS SELECT 7 AS total_widgets, 'NaN'::float8 AS ratio, 'x' AS name, 2.5 AS \"od\"\"d\"").await;
    // What a plain view reads may be anybody's: a superuser looks at none.
    let refused = movement(&url, DAY).await.unwrap().now.unwrap_err();
    assert!(refused.reason.contains("public.platform_metrics is a view"), "{refused:?}");
    let (name, viewer) = fresh_role(&url, "viewer", "").await;
    execute(&url, &format!("GRANT SELECT ON public.platform_metrics TO {name}")).await;
    let read = movement(&viewer, DAY).await.unwrap();
    assert_eq!(
        read.now.unwrap(),
        [("total_widgets".to_owned(), Some(7.0)), ("ratio".into(), None), ("od\"d".into(), Some(2.5))]
    );
    let missing = read.measured.unwrap_err();
    assert!(missing.fix.contains("migrate"), "{missing:?}");
}

#[tokio::test]
async fn a_role_that_may_only_read_the_view_sees_its_figures() {
    let url = migrated_app("viewonly").await;
    let (name, role) = fresh_role(&url, "viewer", "").await;
    execute(&url, &format!("GRANT SELECT ON public.platform_metrics TO {name}")).await;
    let read = movement(&role, DAY).await.unwrap();
    assert!(read.now.is_ok(), "{read:?}");
    assert!(read.measured.is_err());
    execute(&url, &format!("REVOKE ALL ON public.platform_metrics FROM {name}")).await;
    let read = movement(&role, DAY).await.unwrap();
    assert!(read.now.unwrap_err().fix.contains("SELECT"), "{:?}", read.measured);
}

#[tokio::test]
async fn a_view_of_many_rows_shows_how_many_and_what_each_refresh_changed() {
    let url = migrated_app("rows").await;
    execute(
        &url,
        "CREATE TABLE public.sales (town int PRIMARY KEY, amount int);
         INSERT INTO public.sales SELECT n, n FROM generate_series(1, 100) n;
         CREATE MATERIALIZED VIEW public.towns AS SELECT town, amount FROM public.sales;
         CREATE UNIQUE INDEX ON public.towns (town);
         SELECT refreshtop.manage('public.towns')",
    )
    .await;
    let mut asking = Asking::about(&url, ViewId::new("towns"));
    let mut read = async || match asking.ask(Question::Movement { window: DAY }).await {
        Answer::Movement(_, Ok(read)) => read,
        other => panic!("{other:?}"),
    };
    let nothing = read().await.now.unwrap_err();
    assert_eq!(nothing.reason, "no refresh of towns was measured yet");
    execute(&url, "SELECT refreshtop.refresh('towns')").await;
    execute(
        &url,
        "INSERT INTO public.sales VALUES (101, 1), (102, 2); UPDATE public.sales SET amount = 0 WHERE town < 4",
    )
    .await;
    execute(&url, "SELECT refreshtop.refresh('towns')").await;
    let read = read().await;
    assert!(read.of_rows);
    let now = read.now.as_ref().unwrap();
    assert_eq!(now[0], ("rows".to_owned(), Some(102.0)));
    let bytes: i64 = value(&url, "SELECT pg_total_relation_size('public.towns')").await;
    assert_eq!((now[1].0.as_str(), now[1].1.unwrap().to_string()), ("size", bytes.to_string()));
    let measured = read.measured.as_ref().unwrap();
    assert_eq!(measured.deltas("rows").collect::<Vec<_>>(), [Some(2.0)]);
    assert_eq!(measured.recent[0].changed, Some(Changed { inserted: 5, deleted: 3 }));
}

#[tokio::test]
async fn the_columns_of_another_view_of_one_row_are_those_of_its_last_refresh() {
    let url = migrated_app("onerow").await;
    execute(
        &url,
        "CREATE TABLE public.sales (town int PRIMARY KEY, amount int);
         INSERT INTO public.sales SELECT n, n FROM generate_series(1, 100) n;
         CREATE MATERIALIZED VIEW public.totals AS
             SELECT 1 AS only_row, sum(amount) AS revenue, 'x' AS name, count(*) AS \"a\"\"b\" FROM public.sales;
         CREATE UNIQUE INDEX ON public.totals (only_row);
         SELECT refreshtop.manage('public.totals');
         SELECT refreshtop.refresh('totals');
         DELETE FROM public.sales WHERE town = 100;
         REFRESH MATERIALIZED VIEW public.totals",
    )
    .await;
    let mut asking = Asking::about(&url, ViewId::new("totals"));
    let Answer::Movement(_, Ok(read)) = asking.ask(Question::Movement { window: DAY }).await else { panic!() };
    let expected = [("only_row", 1.0), ("revenue", 5050.0), ("a\"b", 100.0)];
    assert_eq!(read.now.unwrap(), expected.map(|(name, value)| (name.to_owned(), Some(value))));
    assert!(!read.of_rows);
}

#[tokio::test]
async fn a_record_that_is_no_object_measures_nothing() {
    let url = migrated_app("scalar").await;
    execute(
        &url,
        "CREATE TABLE public.sales (town int PRIMARY KEY);
         CREATE MATERIALIZED VIEW public.towns AS SELECT town FROM public.sales;
         CREATE UNIQUE INDEX ON public.towns (town);
         SELECT refreshtop.manage('public.towns')",
    )
    .await;
    for (view, refresh) in [("towns", "SELECT refreshtop.refresh('towns')"), ("platform_metrics", REFRESH)] {
        let mut asking = Asking::about(&url, ViewId::new(view));
        for record in ["5", "\"figures\"", "[\"figures\"]", "null"] {
            execute(&url, refresh).await;
            execute(&url, &format!("UPDATE public.metrics_refresh_log SET measured = '{record}'")).await;
            let Answer::Movement(_, Ok(read)) = asking.ask(Question::Movement { window: DAY }).await else { panic!() };
            let missing = read.measured.unwrap_err();
            assert_eq!(missing.reason, "no refresh in this window was measured", "{view}: {record}");
        }
    }
}
