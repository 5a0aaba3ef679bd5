//! Unmanaged deployments, watched without migrating them.

use super::{polling, snapshot};
use crate::support::{asking::Asking, execute, fresh_app, fresh_role, migrate, session::Session, value};
use refreshtop_core::{event::Event, run::RunStatus, snapshot::Deployment};

const UNMANAGED: &str = include_str!("../../fixtures/unmanaged.sql");

/// Rows of every sort, those that a migration's table would refuse too.
const ODD_ROWS: &str = "
    ALTER TABLE public.metrics_refresh_log ALTER started_at DROP NOT NULL, ALTER created_at DROP NOT NULL;
    INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, error_message, started_at, completed_at, created_at) VALUES
        ('platform_metrics', 'success', NULL, NULL, NULL, NULL, now()),
        ('platform_metrics', 'error', NULL, NULL, NULL, NULL, now()),
        ('platform_metrics', 'success', 7.25, NULL, now(), now(), NULL),
        ('other', 'error', 1, 'not of this view', now(), now(), now())";

async fn unmanaged(prefix: &str) -> String {
    let url = fresh_app(prefix).await;
    execute(&url, UNMANAGED).await;
    url
}

#[tokio::test]
async fn statistics_without_migrations_are_those_of_the_migrated_function() {
    let url = unmanaged("same").await;
    execute(&url, ODD_ROWS).await;
    let before = snapshot(&url).await;
    assert_eq!(before.deployment, Deployment::Unmanaged);
    // The function needs a log that takes its own rows.
    execute(&url, "DELETE FROM public.metrics_refresh_log WHERE created_at IS NULL").await;
    migrate(&url).await;
    let after = snapshot(&url).await;
    assert_eq!(after.deployment, Deployment::Migrated);
    let (mut by_hand, function) = (before.stats.unwrap(), after.stats.unwrap());
    // The window moves on between the two looks; its oldest row may leave it.
    assert!(by_hand.total - function.total <= 1, "{by_hand:?} {function:?}");
    if by_hand.total == function.total {
        by_hand.last_error.clone_from(&function.last_error);
        assert_eq!(by_hand, function);
    }
    assert_eq!((function.total > 280, by_hand.last_success_at), (true, function.last_success_at));
    let (runs, again) = (before.runs.unwrap(), after.runs.unwrap());
    assert_eq!(runs.len(), 288);
    assert_eq!(runs[2..], again[2..]);
    assert_eq!(before.errors.unwrap().len(), 50);
}

#[tokio::test]
async fn the_empty_window_has_no_rate() {
    let url = unmanaged("window").await;
    execute(&url, "UPDATE public.metrics_refresh_log SET created_at = created_at - interval '3 days'").await;
    let stats = snapshot(&url).await.stats.unwrap();
    assert_eq!((stats.total, stats.success_rate, stats.avg_duration_ms, stats.last_error), (0, None, None, None));
    assert!(stats.last_success_at.is_some());
}

#[tokio::test]
async fn columns_that_are_missing_read_as_nothing() {
    let url = unmanaged("columns").await;
    execute(
        &url,
        "ALTER TABLE public.metrics_refresh_log DROP id, DROP duration_ms, DROP completed_at, DROP created_at, DROP error_message;
         ALTER TABLE public.metrics_refresh_log ADD id bigint GENERATED ALWAYS AS IDENTITY",
    )
    .await;
    let snapshot = snapshot(&url).await;
    let (stats, runs) = (snapshot.stats.unwrap(), snapshot.runs.unwrap());
    assert!(stats.total > 280 && stats.avg_duration_ms.is_none(), "{stats:?}");
    assert_eq!((runs[9].status, &runs[9].error, runs[9].duration_ms), (RunStatus::Error, &None, None));
    // The keys identify the rows.
    let mut asking = Asking::new(&url);
    asking.reader.read_run(runs[9].id);
    match asking.event().await {
        Event::RunRead(id, read) => {
            assert_eq!((id, read.unwrap().run), (runs[9].id, runs[9].clone()));
        }
        other => panic!("{other:?}"),
    }
    assert_ne!(runs[0].id, runs[1].id);
}

#[tokio::test]
async fn rights_still_hold() {
    let url = unmanaged("rights").await;
    execute(&url, "REVOKE ALL ON public.metrics_refresh_log FROM PUBLIC").await;
    let (name, role) = fresh_role(&url, "reader", "").await;
    let refused = snapshot(&role).await;
    let grant = format!("GRANT SELECT ON public.metrics_refresh_log TO {name}");
    assert_eq!(refused.stats.unwrap_err().fix, grant);
    assert_eq!(refused.runs.unwrap_err().fix, grant);
    assert_eq!(refused.figures.unwrap().total_accounts, 10);
    let schedule = refused.job.unwrap_err();
    assert_eq!(schedule.fix, format!("GRANT pg_read_all_settings TO {name}"), "{schedule:?}");

    execute(&url, &grant).await;
    assert!(snapshot(&role).await.stats.unwrap().total > 280);
    execute(&url, "ALTER TABLE public.metrics_refresh_log ENABLE ROW LEVEL SECURITY").await;
    let hidden = snapshot(&role).await;
    for why in [hidden.stats.unwrap_err(), hidden.runs.unwrap_err()] {
        assert!(why.reason.contains("row security"), "{why:?}");
    }
}

#[tokio::test]
async fn the_screen_says_that_it_is_read_without_migrations() {
    let url = unmanaged("screen").await;
    let mut monitor = polling(&url).start();
    monitor.wait_for("the figures and the note", |screen| {
        screen.contains("read without migrations")
            && screen.contains("run: refreshtop migrate")
            && screen.contains("licenses")
            && screen.contains("older error")
    });
    monitor.send("r");
    monitor.wait_text("refused:");
    let session = Session::open(&url).await;
    session.run("INSERT INTO public.metrics_refresh_log (refresh_type, status, error_message) VALUES ('platform_metrics', 'error', 'by hand')").await;
    monitor.wait_text("by hand");
    assert!(!value::<bool>(&url, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'refreshtop')").await);
}
