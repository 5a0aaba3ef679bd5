//! Several managed views: without `--view` the commands speak of all of them.

use super::{Ran, code, program, run, streams::Running};
use crate::support::{execute, fresh_database, fresh_role, migrate, migrated_app};
use openmetrics_parser::openmetrics::parse_openmetrics;
use refreshtop_core::exit;
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;

/// A database with three managed views of a shop, of which one has failed and another one lost its index, and an unmanaged
/// one.
async fn shop() -> String {
    let url = fresh_database("several").await;
    migrate(&url).await;
    execute(
        &url,
        r#"CREATE SCHEMA shop; CREATE TABLE shop.orders AS SELECT n AS id, n % 3 AS town FROM generate_series(1, 9) AS n;
        CREATE MATERIALIZED VIEW shop.by_town AS SELECT town, count(*) FROM shop.orders GROUP BY town;
        CREATE UNIQUE INDEX ON shop.by_town (town);
        CREATE MATERIALIZED VIEW "it's=|{x}" AS SELECT id FROM shop.orders;
        CREATE UNIQUE INDEX ON "it's=|{x}" (id);
        CREATE MATERIALIZED VIEW shop.ratio AS SELECT id, 1 / town AS r FROM shop.orders WHERE town > 0;
        CREATE UNIQUE INDEX ratio_key ON shop.ratio (id);
        CREATE MATERIALIZED VIEW shop.unmanaged AS SELECT 1 AS one;
        SELECT refreshtop.manage(v) FROM (VALUES ('shop.by_town'::regclass), ('"it''s=|{x}"'), ('shop.ratio')) AS views(v);
        SELECT refreshtop.refresh(refresh_type) FROM refreshtop.views;
        DROP INDEX shop.ratio_key"#,
    )
    .await;
    // An error of the log's own statement must not roll back what is above.
    execute(&url, "SELECT refreshtop.refresh('shop.ratio')").await;
    url
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn named(answers: &[Value]) -> Vec<&str> {
    answers.iter().map(|answer| answer["view"].as_str().unwrap()).collect()
}

const OTHER: &str = "\"it's=|{x}\"";

#[tokio::test]
async fn status_and_stats_are_about_all_the_worst_first() {
    let url = shop().await;
    let status = run(&url, "status").await;
    assert_eq!((code(&status), status.err.as_str()), (exit::OK, ""), "{status:?}");
    let mut text = status.out.lines();
    assert_eq!(
        text.next(),
        Some("1 of 3 managed views is not healthy: shop.ratio; 1 more view is not managed."),
        "{status:?}"
    );
    let rows: Vec<&str> = text.skip(2).collect();
    assert!(rows[0].starts_with("stopped  shop.ratio") && rows[0].contains("last attempt failed: "), "{status:?}");
    assert_eq!(rows.len(), 3, "{status:?}");
    for line in ["status", "stats"] {
        let answers = lines(&run(&url, &format!("{line} --json")).await);
        assert_eq!(named(&answers)[0], "shop.ratio", "{line}");
        assert_eq!(named(&answers).into_iter().collect::<BTreeSet<_>>(), ["shop.ratio", OTHER, "shop.by_town"].into());
        // The members are those of one view.
        let one = run(&url, &format!("{line} --json --view shop.by_town")).await.json();
        let members = |answer: &Value| answer.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let among = answers.iter().find(|answer| answer["view"] == "shop.by_town").unwrap();
        assert_eq!(members(among), members(&one), "{line}");
        assert_eq!(among["stats"], one["stats"], "{line}");
    }
    let answers = lines(&run(&url, "status --json").await);
    assert_eq!(answers[0]["runs"].as_array().unwrap().len(), 2, "{}", answers[0]);
    assert_eq!(answers[0]["runs"][0]["status"], "error", "{}", answers[0]);
    let stats = run(&url, "stats").await;
    assert!(stats.out.starts_with("3 views\n\nview "), "{stats:?}");

    // A view that is gone is not refreshed, however good its past is.
    execute(&url, "DROP MATERIALIZED VIEW shop.by_town").await;
    let status = run(&url, "status").await;
    assert!(
        status.out.starts_with("2 of 3 managed views are not healthy: shop.ratio and shop.by_town; "),
        "{status:?}"
    );
    let answer = &lines(&run(&url, "status --json").await)[1];
    assert_eq!(
        (&answer["health"]["verdict"], &answer["health"]["findings"][0]["rule"]),
        (&"warning".into(), &"nothing_refreshes".into()),
        "{answer}"
    );
}

#[tokio::test]
async fn a_check_of_several_views_is_that_of_the_worst() {
    let url = shop().await;
    let check = run(&url, "check").await;
    assert_eq!((code(&check), check.err.as_str()), (exit::CRITICAL, ""), "{check:?}");
    assert!(
        check.out.starts_with(
            "REFRESH CRITICAL - shop.ratio: success rate 50 % is below 80 % (1 of 2 failed), no unique index, so every \
             refresh fails: refreshtop views add shop.ratio proposes one, the last attempt failed, 0s ago; the other 2 \
             views are healthy | views=3;;;0; \
             unhealthy=1;;;0;3 "
        ),
        "{check:?}"
    );
    assert_eq!((check.out.lines().count(), check.out.matches('|').count()), (1, 1), "{check:?}");
    assert!(check.out.contains("'age::\"it%27s%3D%7C{x}\"'="), "{check:?}");
    execute(&url, "CREATE UNIQUE INDEX ratio_key ON shop.ratio (id); SELECT refreshtop.refresh('shop.ratio')").await;
    let fine = run(&url, "check --warning rate=~: --critical rate=~:").await;
    assert_eq!(code(&fine), exit::OK, "{fine:?}");
    assert!(fine.out.starts_with("REFRESH OK - all 3 views are healthy; oldest data: "), "{fine:?}");
    let one = run(&url, "check --view shop.by_town").await;
    assert!(one.out.starts_with("REFRESH OK - last successful refresh "), "{one:?}");
}

#[tokio::test]
async fn metrics_have_each_view_in_one_family() {
    let url = shop().await;
    let ran = run(&url, "metrics").await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let parsed = parse_openmetrics(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out));
    let family = &parsed.families["refreshtop_health"];
    let labels = |sample: &openmetrics_parser::OpenMetricsSample| -> Vec<String> {
        sample.get_labelset().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect()
    };
    let holds = |sample: &&openmetrics_parser::OpenMetricsSample| match &sample.value {
        openmetrics_parser::OpenMetricsValue::Gauge(value) => value.as_f64() > 0.5,
        other => panic!("{other:?}"),
    };
    let critical: Vec<String> = family.iter_samples().filter(holds).map(|sample| labels(sample).join(" ")).collect();
    assert_eq!(critical.len(), 3, "{critical:?}");
    assert!(critical.iter().any(|labels| labels.contains("verdict=critical view=shop.ratio")), "{critical:?}");
    assert_eq!(ran.out.matches("# TYPE refreshtop_health ").count(), 1);
}

#[tokio::test]
async fn doctor_names_the_view_of_each_problem_and_counts_the_others() {
    let url = shop().await;
    let found = run(&url, "doctor").await;
    assert_eq!(code(&found), exit::CRITICAL, "{found:?}");
    for wanted in [
        "Index for concurrent refreshes (shop.ratio): PostgreSQL can't refresh the view concurrently",
        "Health (shop.ratio): ",
    ] {
        assert!(found.out.contains(wanted), "{wanted}: {}", found.out);
    }
    let views = |answer: &Value| -> Vec<String> {
        let checks = answer["checks"].as_array().unwrap();
        checks.iter().filter_map(|check| check["view"].as_str().map(str::to_owned)).collect()
    };
    let all: BTreeSet<String> = views(&run(&url, "doctor --json").await.json()).into_iter().collect();
    assert!(all.contains("shop.ratio") && all.contains("shop.by_town") && all.len() == 3, "{all:?}");
    let one = views(&run(&url, "doctor --json --view shop.by_town").await.json());
    assert!(one.len() > 10 && one.iter().all(|view| view == "shop.by_town"), "{one:?}");
    let none = run(&url, "doctor --view nobody").await;
    assert!(none.out.contains("No view is managed as nobody."), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_those_of_all_views_in_the_order_of_time() {
    let url = shop().await;
    let logs = run(&url, "runs --json").await.json();
    assert!(logs["view"].is_null(), "{logs}");
    let runs = logs["runs"].as_array().unwrap();
    assert_eq!(
        (runs.len(), &runs[3]["view"], &runs[3]["status"]),
        (4, &"shop.ratio".into(), &"error".into()),
        "{logs}"
    );
    let times: Vec<&str> = runs.iter().map(|run| run["completed_at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let text = run(&url, "runs --failed").await;
    assert!(text.out.starts_with("id        started (UTC)") && text.out.contains("  shop.ratio  failed "), "{text:?}");
    assert_eq!(text.out.lines().count(), 2, "{text:?}");
    let one = run(&url, "runs --json --view shop.by_town").await.json();
    assert_eq!((&one["view"], &one["count"]), (&"shop.by_town".into(), &1.into()), "{one}");

    let follower = Running::start(program(&url, "runs --follow --limit 1 --json --poll 1s"));
    assert_eq!(follower.json()["view"], "shop.ratio");
    for view in ["shop.by_town", OTHER] {
        execute(&url, &format!("SELECT refreshtop.refresh('{}')", view.replace('\'', "''"))).await;
        assert_eq!(follower.json()["view"], view);
    }
    follower.signal(Signal::TERM);
    assert_eq!(follower.end().code, 0);
}

#[tokio::test]
async fn who_may_not_see_the_views_is_told_so_as_with_one() {
    let url = shop().await;
    let (_, nobody) = fresh_role(&url, "nobody", "").await;
    for line in ["status", "stats", "metrics"] {
        let ran = run(&nobody, line).await;
        assert_eq!(code(&ran), exit::NOT_PERMITTED, "{line}: {ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{line}: {ran:?}");
    }
    assert_eq!(code(&run(&nobody, "check").await), exit::UNKNOWN);
}

#[tokio::test]
async fn the_view_of_the_application_keeps_its_figures_among_others() {
    let url = migrated_app("several").await;
    execute(
        &url,
        "SELECT public.refresh_platform_metrics_with_logging(); CREATE MATERIALIZED VIEW v AS SELECT 1 AS one;
         CREATE UNIQUE INDEX ON v (one); SELECT refreshtop.manage('v'); SELECT refreshtop.refresh('v')",
    )
    .await;
    let answers = lines(&run(&url, "status --json").await);
    let own = answers.iter().find(|answer| answer["view"] == "platform_metrics").unwrap();
    let alone = run(&url, "status --json --view platform_metrics").await.json();
    for member in ["figures", "job", "stats", "runs", "deployment"] {
        let (mut own, mut alone) = (own[member].clone(), alone[member].clone());
        for value in [&mut own, &mut alone] {
            // The next run may have come meanwhile.
            value.as_object_mut().map(|members| members.remove("next_run_at"));
        }
        assert_eq!(own, alone, "{member}");
    }
    assert!(run(&url, "metrics").await.out.contains("refreshtop_platform{"));
}
