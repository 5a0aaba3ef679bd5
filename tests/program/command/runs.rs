//! `refreshtop runs`: what is searched for, in every format, and one run in full.

use super::{add_runs, app_with, code, program, run, streams::Running};
use crate::support::{execute, migrated_app, session::Session};
use refreshtop_core::exit;
use rustix::process::Signal;
use serde_json::Value;

/// A run that a session has blocked, whose name would end a code span, a fence, a line and a link.
const HOSTILE: &str = "`nightly`[x](http://evil)";

async fn blocked() -> String {
    let url = app_with(2, 0).await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '100 ms'").await;
    let sql = format!("SET application_name = '{HOSTILE}'; BEGIN; LOCK TABLE public.assets IN ACCESS EXCLUSIVE MODE");
    let _blocker = Session::with(&url, &sql).await;
    let failed = run(&url, "refresh").await;
    assert_eq!(code(&failed), exit::FAILURE, "{failed:?}");
    assert!(failed.err.contains("refreshtop runs --failed"), "{failed:?}");
    url
}

#[tokio::test]
async fn the_session_that_blocked_is_named_and_the_run_is_shown_whole() {
    let url = blocked().await;
    let listed = run(&url, "runs").await.out;
    let rows: Vec<&str> = listed.lines().collect();
    assert!(
        rows[0].starts_with("id        started (UTC)        status  source  duration  sqlstate  blocked by "),
        "{listed}"
    );
    assert_eq!(rows.len(), 5, "{listed}");
    let last = rows[4];
    assert!(last.contains(" failed  manual ") && last.contains("  55P03 "), "the newest comes last: {listed}");
    let name = last.split("55P03     ").nth(1).unwrap();
    assert!(name.starts_with("`nightly`[x](h") && name.contains("(pid ") && name.ends_with("lock timeout"), "{listed}");
    let wide = run(&url, "runs -o wide --error 55").await.out;
    let wide: Vec<&str> = wide.lines().collect();
    assert!(wide.len() == 2 && wide[0].contains("application") && wide[1].contains(HOSTILE), "{wide:?}");
    let answer = run(&url, "runs --error 55p03 --json").await.json();
    let (found, id) = (&answer["runs"][0], answer["runs"][0]["id"].as_str().unwrap());
    assert_eq!((&answer["count"], &found["status"]), (&1.into(), &"error".into()), "{answer}");
    assert_eq!(found["blocked_by"]["application"], HOSTILE, "{answer}");
    assert!(wide[1].starts_with(id) && last.starts_with(&id[..8]), "{listed}");

    let text = run(&url, &format!("runs show {}", &id[..8])).await;
    for part in [
        id,
        "status       failed, SQLSTATE 55P03",
        "\nmessage\n  canceling statement due to lock timeout\n",
        "black box of ",
        "  holds        AccessExclusiveLock on public.assets",
        "  state        idle in transaction",
        "LOCK TABLE public.assets",
    ] {
        assert!(text.out.contains(part), "{part}: {text:?}");
    }
    // Without hyphens, and with capitals, it is the same.
    let again = run(&url, &format!("runs show {}", id.replace('-', "").to_uppercase())).await;
    assert_eq!(again.out, text.out);
    let whole = run(&url, &format!("runs show {id} --json")).await.json();
    assert_eq!((&whole["kind"], &whole["view"]), (&"runs_show".into(), &"platform_metrics".into()), "{whole}");
    assert_eq!(whole["black_box"]["sessions"][0]["application"], HOSTILE, "{whole}");
    let page = run(&url, &format!("runs show {id} --markdown")).await.out;
    let head = format!("### Refresh of `platform_metrics` failed: SQLSTATE `55P03`, blocked by `` {HOSTILE} ``, pid ");
    assert!(page.starts_with(&head) && page.contains(&format!("- **run**: `{id}`\n")), "{page}");
}

#[tokio::test]
async fn a_run_is_shown_only_if_it_is_meant() {
    let url = migrated_app("command_runs").await;
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (id, refresh_type, status, started_at, created_at)
         SELECT ('0123abc' || n || '-0000-4000-8000-000000000000')::uuid, 'platform_metrics', 'success', now(), now()
         FROM generate_series(0, 5) AS n",
    )
    .await;
    for (id, wanted_code, wanted) in [
        ("0123abc3", exit::OK, "  0123abc3-0000-4000-8000-000000000000\nview "),
        ("0123abc", exit::USAGE, "several runs begin with 0123abc: 0123abc"),
        ("0123abcf", exit::FAILURE, "the log has no run 0123abcf; list them with: refreshtop runs"),
        ("012", exit::USAGE, "not the id of a run: write at least its first 4 digits"),
        ("postgres://bob:hunter2@h/d", exit::USAGE, "not the id of a run"),
    ] {
        let ran = run(&url, &format!("runs show {id}")).await;
        assert_eq!(code(&ran), wanted_code, "{id}: {ran:?}");
        let text = ran.out + &ran.err;
        assert!(text.contains(wanted) && !text.contains("hunter2"), "{id}: {text}");
    }
}

#[tokio::test]
async fn runs_are_found_by_time_and_text() {
    let url = app_with(5, 0).await;
    add_runs(&url, 1, "error", "'Division by ZERO, \"x\"'").await;
    add_runs(&url, 3, "error", "'=1+1'").await;
    let count = async |line: &str| run(&url, &format!("runs {line} --json")).await.json()["count"].clone();
    for (line, wanted) in [
        ("", 10),
        ("--since 170s", 6),
        ("--since '170s ago' --until 90s", 2),
        ("--until 150s", 4),
        ("--since '2000-01-01 10:00' --until 2000-01-02", 0),
        ("--grep 'by zero'", 1),
        ("--grep '%'", 0),
        ("--failed --grep 1+1 --since 150s", 2),
        ("--error 22", 0),
    ] {
        assert_eq!(count(line).await, wanted, "{line}");
    }
    let wrong = run(&url, "runs --since 1h --until 2h").await;
    assert_eq!(code(&wrong), exit::USAGE, "{wrong:?}");
    assert!(wrong.err.contains("there is no time from "), "{wrong:?}");
    for line in ["runs --since noon", "runs --error 5", "runs --until 2h -f"] {
        assert_eq!(code(&run(&url, line).await), exit::USAGE, "{line}");
    }
    let csv = run(&url, "runs -o csv --failed").await.out;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 5, "{csv}");
    assert!(lines[0].starts_with("id,view,status,source,duration_ms,"), "{csv}");
    assert!(csv.contains(",\"Division by ZERO, \"\"x\"\"\",") && csv.contains(",'=1+1,"), "{csv}");
    assert!(lines[1..].iter().all(|line| line.contains(",platform_metrics,error,direct,12.5,")), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_follow_have_the_same_heading_and_order() {
    let url = app_with(3, 0).await;
    let listed = run(&url, "runs --limit 2").await.out;
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let listed: Vec<Vec<String>> = listed.lines().map(words).collect();
    let follower = Running::start(program(&url, "runs --follow --limit 2 --poll 1s"));
    for wanted in &listed {
        assert_eq!(&words(&follower.line()), wanted);
    }
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    assert!(follower.line().contains("  ok      manual "), "{listed:?}");
    follower.signal(Signal::TERM);
    let ended = follower.end();
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{ended:?}");
    let csv = Running::start(program(&url, "runs -f -o csv --limit 1"));
    assert!(csv.line().starts_with("id,view,"));
    assert!(csv.line().contains(",platform_metrics,success,manual,"));
    csv.signal(Signal::INT);
    assert_eq!(csv.end().code, 0);
}

/// Roles that may write to the log may write whatever they like.
#[tokio::test]
async fn odd_evidence_hides_no_run() {
    let url = migrated_app("command_runs").await;
    let boxes = [
        "null",
        "[]",
        "{\"sessions\": 5}",
        "{\"sessions\": [null, 5, {\"blocked_by\": 7}, {\"blocked_by\": [], \"pid\": \"many\", \"user\": [1]}]}",
        "{\"sessions\": [{\"blocked_by\": [], \"pid\": 99999999999, \"application\": \"\\u001b[2Jx\"}]}",
        "{\"sessions\": [{\"blocked_by\": []}]}",
    ];
    for black_box in boxes {
        let sql = format!(
            "INSERT INTO public.metrics_refresh_log (id, refresh_type, status, started_at, created_at, black_box)
             VALUES (gen_random_uuid(), 'platform_metrics', 'error', now(), now(), '{black_box}')"
        );
        execute(&url, &sql).await;
    }
    for line in ["runs", "runs -o wide", "runs -o csv"] {
        let ran = run(&url, line).await;
        assert_eq!((code(&ran), ran.out.lines().count()), (exit::OK, boxes.len() + 1), "{line}: {ran:?}");
        assert!(!ran.out.contains('\x1b') && ran.out.contains("[2Jx"), "{line}: {ran:?}");
    }
    let answer = run(&url, "runs --json").await.json();
    let named = answer["runs"].as_array().unwrap().iter().filter(|run| run["blocked_by"] != Value::Null);
    assert_eq!(named.count(), 2, "{answer}");
    for found in answer["runs"].as_array().unwrap() {
        let id = found["id"].as_str().unwrap();
        for form in ["", "--json", "--markdown"] {
            let ran = run(&url, &format!("runs show {id} {form}")).await;
            assert_eq!(code(&ran), exit::OK, "{form}: {ran:?}");
            assert!(!ran.out.contains('\x1b'), "{form}: {ran:?}");
        }
    }
}
