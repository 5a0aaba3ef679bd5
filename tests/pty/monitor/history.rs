//! The views of the history and of the figures, fed by real refreshes.

use super::{REFRESH, live};
use crate::support::{execute, migrated_app};

/// Refreshes that took place so many hours ago, as far as the log goes.
async fn earlier(url: &str, hours: u32) {
    execute(url, &format!("UPDATE public.metrics_refresh_log SET created_at = created_at - interval '{hours} hours', completed_at = completed_at - interval '{hours} hours', started_at = started_at - interval '{hours} hours'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grew_and_what_moved_is_shown_and_follows_the_refreshes() {
    let url = migrated_app("histview").await;
    execute(&url, "ANALYZE public.assets").await;
    execute(&url, REFRESH).await;
    earlier(&url, 5).await;
    let mut monitor = live(&url);

    monitor.send("4");
    let shown = monitor.wait_text("public.software_licenses");
    assert!(shown.contains("last 24 h") && shown.contains("by 1 h") && shown.contains("public.assets"), "{shown}");

    // The answer follows the next refresh by itself.
    execute(
        &url,
        "INSERT INTO public.assets SELECT n, 1, now() FROM generate_series(31, 6000) n; ANALYZE public.assets",
    )
    .await;
    execute(&url, REFRESH).await;
    monitor.wait_text("30 to 6,000 rows");
    monitor.wait_text("while public.assets grew 200.0x");

    monitor.send("+");
    monitor.wait_for("a week", |screen| screen.contains("last 7 d") && screen.contains("by 6 h"));
    monitor.send("--");
    let shown = monitor.wait_for("six hours", |screen| screen.contains("last 6 h") && screen.contains("by 15 min"));
    assert!(shown.contains("30 to 6,000 rows"), "{shown}");

    monitor.send("6");
    let shown = monitor.wait_text("LAST REFRESHES");
    assert!(shown.contains("in 6 h"), "{shown}");
    monitor.wait_for("the figures", |screen| {
        let assets = screen.lines().find(|line| line.trim_start().starts_with("assets "));
        assets.is_some_and(|line| line.contains("6,000") && line.contains("+5,970"))
    });
    execute(&url, "INSERT INTO public.accounts VALUES (1000), (1001)").await;
    monitor.send("r");
    monitor.wait_for("what it changed", |screen| screen.contains("12") && screen.matches("+2").count() >= 2);
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn before_anything_was_measured_the_views_say_so_and_what_fixes_it() {
    let url = migrated_app("nohist").await;
    execute(&url, REFRESH).await;
    // Like an unmanaged log; refreshtop's functions don't answer about such a one either.
    execute(&url, "ALTER TABLE public.metrics_refresh_log DROP COLUMN measured CASCADE").await;
    let mut monitor = live(&url);
    monitor.send("4");
    let shown = monitor.wait_text("keeps no measurements");
    assert!(shown.contains("run: refreshtop migrate") && shown.contains("✓ 100.0 %"), "{shown}");
    monitor.send("6");
    let shown = monitor
        .wait_for("the figures", |screen| screen.contains("COLUMNS") && screen.contains("keeps no measurements"));
    assert!(shown.contains("assets") && shown.contains("30"), "{shown}");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}
