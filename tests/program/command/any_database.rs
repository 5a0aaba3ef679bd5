//! A database without the tables of `platform_metrics`: what each command says before a view is managed, with one and
//! with several.

use super::{code, run};
use crate::support::{execute, fresh_database};
use refreshtop_core::exit;

const NOTHING: &str = "no view is managed in this database yet: refreshtop views add NAME";
const SEVERAL: &str = "several views are managed: choose one with --view: sales, stock";

async fn add(url: &str, name: &str) {
    let sql = format!(
        "CREATE MATERIALIZED VIEW public.{name} AS SELECT 1 AS sold;
         CREATE UNIQUE INDEX ON public.{name} (sold);
         SELECT refreshtop.register_view('{name}', 'public.{name}', 'UTC')"
    );
    execute(url, &sql).await;
}

#[tokio::test]
async fn every_command_has_an_answer_without_platform_metrics() {
    let url = fresh_database("any").await;
    let up = run(&url, "migrate").await;
    assert_eq!(code(&up), exit::OK, "{up:?}");
    assert!(up.out.contains("platform_metrics is left out: tables public.accounts, "), "{up:?}");
    let status = run(&url, "migrate status --json").await.json();
    let step = status["steps"].as_array().unwrap().iter().find(|step| step["version"] == 11).unwrap();
    assert!(step["applied_at"].is_null() && step["left_out"].as_str().unwrap().ends_with(" are missing"), "{status}");
    let asked = run(&url, "migrate --with platform-metrics").await;
    assert_eq!(code(&asked), exit::FAILURE, "{asked:?}");
    assert!(asked.err.contains("table public.accounts is missing"), "{asked:?}");

    let of_a_view = ["status", "stats", "runs", "runs --follow", "trigger", "metrics", "schedule"];
    for line in of_a_view {
        let ran = run(&url, line).await;
        assert_eq!(
            (code(&ran), ran.err.trim_start_matches("refreshtop: ").trim_end()),
            (exit::NOT_MIGRATED, NOTHING),
            "{line}"
        );
    }
    let check = run(&url, "check").await;
    assert_eq!((code(&check), check.out), (exit::UNKNOWN, format!("REFRESH UNKNOWN - {NOTHING}\n")));
    assert_eq!(run(&url, "cleanup").await.out, "deleted 0 rows of the log\n");
    let doctor = run(&url, "doctor --json").await.json();
    let ids: Vec<&str> =
        doctor["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert!(!ids.contains(&"unique-index") && !ids.contains(&"refresh-job"), "{ids:?}");
    assert_eq!(doctor["checks"][0]["verdict"], "ok", "{doctor:#}");

    add(&url, "sales").await;
    for line in ["trigger", "status", "stats", "runs"] {
        let ran = run(&url, &format!("{line} --json")).await;
        assert_eq!((code(&ran), &ran.json()["view"]), (exit::OK, &"sales".into()), "{line}: {ran:?}");
    }
    assert!(run(&url, "check").await.out.starts_with("REFRESH OK - last successful refresh "));
    assert!(run(&url, "metrics").await.out.contains("view=\"sales\""));
    let wrong = run(&url, "status --view platform_metrics").await;
    assert!(wrong.err.contains("no materialized view is registered as \"platform_metrics\""), "{wrong:?}");

    add(&url, "stock").await;
    // What changes something is about one view; what only tells is about all of them.
    for line in ["trigger", "schedule"] {
        let ran = run(&url, line).await;
        assert_eq!(
            (code(&ran), ran.err.trim_start_matches("refreshtop: ").trim_end()),
            (exit::USAGE, SEVERAL),
            "{line}"
        );
    }
    assert_eq!(run(&url, "trigger --view stock --json").await.json()["view"], "stock");
}

#[tokio::test]
async fn the_jobs_of_a_database_without_platform_metrics_are_shown_in_pg_cron() {
    let url = fresh_database("any_job").await;
    run(&url, "migrate").await;
    let jobs = run(&url, "job --json").await.json();
    let names: Vec<&str> = jobs["jobs"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cleanup-metrics-logs"], "{jobs}");
    let refused = run(&url, "job pause").await;
    assert!(refused.err.contains("platform_metrics is not installed in this database"), "{refused:?}");
    for line in ["job pause --job cleanup", "job resume --job cleanup", "job remove --job cleanup --yes", "job restore"]
    {
        let ran = run(&url, line).await;
        assert_eq!(code(&ran), exit::OK, "{line}: {ran:?}");
    }
    assert_eq!(run(&url, "job --json").await.json()["jobs"][0]["active"], true);
}

#[tokio::test]
async fn the_script_needs_no_database() {
    let script = run("postgres://nobody@127.0.0.1:1/nothing", "migrate sql").await;
    assert_eq!((code(&script), script.err.as_str()), (exit::OK, ""), "{script:?}");
    assert!(script.out.starts_with("-- refreshtop ") && !script.out.contains("-- step 11: "));
    let all = run("postgres://nobody@127.0.0.1:1/nothing", "migrate sql --with platform-metrics").await;
    assert!(all.out.contains("-- step 11: platform metrics"));
}
