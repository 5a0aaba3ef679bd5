//! How the view's figures moved.

use super::{DAY, REFRESH, movement};
use crate::support::{execute, fresh_app, fresh_role, migrated_app};

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
