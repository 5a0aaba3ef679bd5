//! Each command against each state of the database: exit code, standard error, JSON.

use super::{Ran, app_with, run};
use crate::support::{cluster, execute, fresh_app, fresh_database, fresh_role, migrated_app, value};
use refreshtop_core::exit;

/// A state of the database, and the URL by which it is reached.
pub struct States {
    pub healthy: String,
    pub failing: String,
    /// Migrated, and nothing was ever refreshed.
    pub empty: String,
    pub bare: String,
    pub forbidden: String,
    pub dead: String,
}

impl States {
    pub async fn make() -> Self {
        let failing = app_with(1, 9).await;
        let forbidden = fresh_role(&failing, "nobody", "").await.1;
        Self {
            healthy: app_with(9, 0).await,
            failing,
            empty: migrated_app("command_empty").await,
            bare: fresh_app("command_bare").await,
            forbidden,
            // Nobody listens at port 1.
            dead: cluster().await.url("app").replace(&format!(":{}/", cluster().await.port()), ":1/"),
        }
    }
}

pub fn code(ran: &Ran) -> u8 {
    u8::try_from(ran.code).unwrap()
}

/// One sentence, one line, without a password or a trace of one.
pub fn one_sentence(ran: &Ran, what: &str) {
    assert_eq!(ran.err.lines().count(), 1, "{what}: {ran:?}");
    assert!(ran.err.starts_with("refreshtop: "), "{what}: {ran:?}");
    for secret in ["secret-of-", "postgres://", "postgresql://"] {
        assert!(!ran.err.contains(secret) && !ran.out.contains(secret), "{what}: {ran:?}");
    }
}

#[tokio::test]
async fn every_command_in_every_state() {
    let states = States::make().await;
    // The command, and the kind of its JSON.
    let commands = [
        ("status", "status"),
        ("stats", "stats"),
        ("runs", "runs"),
        ("cleanup", "cleanup"),
        ("trigger", "trigger"),
        ("job", "jobs"),
        ("job show", "jobs"),
        ("migrate status", "migrate_status"),
        // What goes on is in tests/program/command/streams.rs.
        ("runs --follow", ""),
        // What changes a job that is there is in tests/program/command/jobs.rs.
        ("job runs", "job_runs"),
        ("job pause", ""),
        ("job resume", ""),
        ("job every '*/10 * * * *'", ""),
        ("job remove", ""),
        ("job restore", ""),
    ];
    for (line, kind) in commands {
        for url in [&states.healthy, &states.failing, &states.empty].into_iter().filter(|_| !kind.is_empty()) {
            let people = run(url, line).await;
            assert_eq!((code(&people), people.err.as_str()), (exit::OK, ""), "{line}: {people:?}");
            assert!(!people.out.is_empty() && !people.out.contains('\x1b'), "{line}: {people:?}");
            let json = run(url, &format!("{line} --json")).await;
            assert_eq!((code(&json), json.err.as_str()), (exit::OK, ""), "{line}: {json:?}");
            assert_eq!(
                (&json.json()["schema"], &json.json()["kind"]),
                (&"refreshtop/1".into(), &kind.into()),
                "{line}"
            );
        }
        for (url, wanted, name, fix) in [
            (&states.bare, exit::NOT_MIGRATED, "not_migrated", "run: refreshtop migrate"),
            (&states.forbidden, exit::NOT_PERMITTED, "not_permitted", fix_of_rights(line)),
            (&states.dead, exit::CANNOT_CONNECT, "cannot_connect", "check that the server runs"),
        ] {
            if line == "migrate status" && wanted == exit::NOT_MIGRATED {
                // That is its answer, and no failure.
                continue;
            }
            let people = run(url, line).await;
            assert_eq!((code(&people), people.out.as_str()), (wanted, ""), "{line}, {name}: {people:?}");
            one_sentence(&people, line);
            assert!(people.err.contains(fix), "{line}, {name}: {people:?}");
            let json = run(url, &format!("{line} --json")).await;
            assert_eq!(code(&json), wanted, "{line}, {name}: {json:?}");
            one_sentence(&json, line);
            let object = json.json();
            if object["kind"] == "trigger" {
                assert_eq!(object["status"], "refused", "{object}");
                continue;
            }
            assert_eq!(object["kind"], "error", "{line}: {object}");
            assert_eq!((&object["error"], &object["exit_code"]), (&name.into(), &wanted.into()), "{line}: {object}");
        }
    }
}

/// Who may not put jobs in place, or see the steps, has not migrated; everybody else lacks the role.
fn fix_of_rights(line: &str) -> &'static str {
    match line {
        "job restore" | "migrate status" => "migrate as the role that migrated this database before",
        _ => "; GRANT refreshtop_admin TO nobody_",
    }
}

#[tokio::test]
async fn migrating_answers_in_every_state() {
    let states = States::make().await;
    let empty = fresh_database("command_empty").await;
    let stranger = fresh_role(&states.bare, "nobody", "").await.1;
    for (url, wanted, name, fix) in [
        (&empty, exit::FAILURE, "failed", "create the application's tables first"),
        (&stranger, exit::NOT_PERMITTED, "not_permitted", "GRANT CREATE ON DATABASE"),
        (&states.forbidden, exit::NOT_PERMITTED, "not_permitted", "as the role that migrated this database before"),
        (&states.dead, exit::CANNOT_CONNECT, "cannot_connect", "check that the server runs"),
    ] {
        let people = run(url, "migrate --with platform-metrics").await;
        assert_eq!((code(&people), people.out.as_str()), (wanted, ""), "{people:?}");
        assert!(people.err.starts_with("refreshtop: ") && people.err.contains(fix), "{people:?}");
        let json = run(url, "migrate --with platform-metrics --json").await;
        let object = json.json();
        assert_eq!((code(&json), &object["error"]), (wanted, &name.into()), "{object}");
        assert!(object["message"].as_str().unwrap().contains(fix), "{object}");
    }
    let steps = |answer: &Ran| answer.json()["steps"].as_array().unwrap().clone();
    let pending = steps(&run(&states.bare, "migrate status --json").await);
    assert!(pending.iter().all(|step| step["applied_at"].is_null()), "{pending:?}");
    let people = run(&states.bare, "migrate status").await;
    assert_eq!((code(&people), people.out.lines().count()), (exit::OK, pending.len()), "{people:?}");
    assert!(people.out.lines().all(|line| line.starts_with("00") && line.ends_with("  pending")), "{people:?}");

    for (line, kind, beginning) in [
        ("migrate --json", "migrate", "applied steps 1, 2"),
        ("migrate up --json", "migrate", "the database is up to date"),
        ("migrate down --yes --json", "migrate_down", "undid steps "),
        ("migrate down --json", "migrate_down", "there is nothing to undo"),
    ] {
        let ran = run(&states.bare, line).await;
        assert_eq!((code(&ran), ran.err.as_str()), (exit::OK, ""), "{line}: {ran:?}");
        let object = ran.json();
        assert_eq!((&object["schema"], &object["kind"]), (&"refreshtop/1".into(), &kind.into()), "{object}");
        let done = object["done"].as_array().unwrap();
        assert!(done.iter().any(|sentence| sentence.as_str().unwrap().starts_with(beginning)), "{line}: {object}");
    }
    let applied = steps(&run(&states.healthy, "migrate status --json").await);
    assert!(applied.iter().all(|step| step["applied_at"].is_string()), "{applied:?}");
}

#[tokio::test]
async fn a_check_says_its_verdict_and_everything_else_is_unknown() {
    let states = States::make().await;
    for (url, line, wanted, start) in [
        (&states.healthy, "check", exit::OK, "REFRESH OK - last successful refresh "),
        (&states.failing, "check", exit::CRITICAL, "REFRESH CRITICAL - success rate "),
        (&states.empty, "check", exit::CRITICAL, "REFRESH CRITICAL - no refresh in the window"),
        (&states.failing, "check -w rate=10: -c rate=5:", exit::OK, "REFRESH OK - "),
        (&states.failing, "check --warning rate=90:", exit::CRITICAL, "REFRESH CRITICAL - success rate "),
        (&states.failing, "check -w rate=90: -c rate=~:", exit::WARNING, "REFRESH WARNING - success rate "),
        (&states.healthy, "check -t 60 -w age=3600 -c age=7200", exit::OK, "REFRESH OK - last successful refresh "),
        (&states.healthy, "check --critical duration=@0:10", exit::CRITICAL, "REFRESH CRITICAL - average duration "),
        (&states.bare, "check", exit::UNKNOWN, "REFRESH UNKNOWN - cannot read the statistics: "),
        (&states.forbidden, "check", exit::UNKNOWN, "REFRESH UNKNOWN - cannot read the statistics: "),
        (&states.dead, "check", exit::UNKNOWN, "REFRESH UNKNOWN - cannot connect to 127.0.0.1:"),
        (&states.healthy, "check --warning speed=1", exit::UNKNOWN, "REFRESH UNKNOWN - invalid value 'speed=1'"),
        (&states.healthy, "check --nonsense", exit::UNKNOWN, "REFRESH UNKNOWN - unexpected argument '--nonsense'"),
        (&states.healthy, "check --profile x", exit::UNKNOWN, "REFRESH UNKNOWN - there is no profile \"x\""),
    ] {
        let ran = run(url, line).await;
        assert_eq!((code(&ran), ran.err.as_str()), (wanted, ""), "{line}: {ran:?}");
        assert_eq!(ran.out.lines().count(), 1, "{line}: {ran:?}");
        assert!(ran.out.starts_with(start), "{line}: {ran:?}");
        assert_eq!(ran.out.matches('|').count(), usize::from(wanted != exit::UNKNOWN), "{line}: {ran:?}");
    }
}

/// 2 is what a problem found means; a script that asks wrongly must not read that.
#[tokio::test]
async fn a_wrong_line_is_no_verdict() {
    for line in
        ["doctor --nonsense", "doctor --analyze never", "status --nonsense", "nonsense", "config", "man nonsense"]
    {
        let ran = run("postgres://h/d", line).await;
        assert_eq!((code(&ran), ran.out.as_str()), (64, ""), "{line}: {ran:?}");
        assert!(!ran.err.is_empty(), "{line}: {ran:?}");
    }
}

#[tokio::test]
async fn people_and_programs_get_the_same_answer() {
    let url = app_with(1, 9).await;
    let status = run(&url, "status --json").await.json();
    assert_eq!(status["health"]["verdict"], "critical", "{status}");
    assert_eq!((&status["stats"]["total"], &status["stats"]["failed"]), (&11.into(), &9.into()), "{status}");
    assert_eq!(status["figures"]["total_users"], 11, "{status}");
    assert_eq!(status["window_s"], 86_400, "{status}");
    let people = run(&url, "status").await.out;
    for word in ["verdict       critical", "2 of 11 ok in 24 h", "success rate 18.1 % is below 80 %"] {
        assert!(people.contains(word), "{people}");
    }
    let hour = run(&url, "stats --window 1h --json").await.json();
    assert_eq!((&hour["window_s"], &hour["stats"]["successful"]), (&3600.into(), &2.into()), "{hour}");
}

#[tokio::test]
async fn a_log_is_listed_by_outcome_age_and_number() {
    let url = app_with(5, 3).await;
    for (line, wanted) in [
        ("runs --json", 9),
        ("runs --limit 2 --json", 2),
        ("runs --failed --json", 3),
        ("runs --since 170s --json", 5),
        ("runs --since 170s --failed --json", 2),
    ] {
        let ran = run(&url, line).await.json();
        assert_eq!((&ran["count"], ran["runs"].as_array().unwrap().len()), (&wanted.into(), wanted), "{line}: {ran}");
    }
    let errors = run(&url, "runs --failed --json").await;
    assert_eq!(errors.json()["runs"][0]["error"], "no\u{1b}[31m luck\nat all");
    assert!(!errors.out.contains('\x1b'));
    let people = run(&url, "runs --failed").await.out;
    assert_eq!(people.lines().count(), 4, "{people}");
    assert!(people.contains("luck | at all") && !people.contains('\x1b'), "{people}");
}

async fn add_old(url: &str, age: &str, count: u32) {
    let sql = format!(
        "INSERT INTO public.metrics_refresh_log (id, refresh_type, status, started_at, created_at)
         SELECT gen_random_uuid(), 'platform_metrics', 'success', t, t
         FROM (SELECT now() - interval '{age}' AS t) AS old, generate_series(1, {count})"
    );
    execute(url, &sql).await;
}

#[tokio::test]
async fn clean_up_counts_what_it_deletes() {
    let url = app_with(1, 0).await;
    add_old(&url, "31 days", 4).await;
    let counted = run(&url, "cleanup --dry-run --json").await.json();
    assert_eq!((&counted["deleted"], &counted["would_delete"]), (&0.into(), &4.into()), "{counted}");
    assert_eq!(counted["views"][0]["view"], "platform_metrics", "{counted}");
    let shown = run(&url, "cleanup --dry-run").await.out;
    assert!(shown.starts_with("would delete 4 rows of the log\n  platform_metrics: 4 rows, the oldest of "), "{shown}");
    // Nobody can be asked.
    let refused = run(&url, "cleanup").await;
    assert_eq!((code(&refused), refused.out.as_str()), (exit::USAGE, ""), "{refused:?}");
    let wanted = "this deletes 4 rows of the log, past their retention (platform_metrics 4); it needs confirmation";
    assert!(refused.err.contains(wanted) && refused.err.contains("--yes"), "{refused:?}");
    assert_eq!(run(&url, "cleanup --yes --json").await.json()["deleted"], 4);
    assert_eq!(run(&url, "cleanup").await.out, "deleted 0 rows of the log\n");
    // A younger limit, which spares what is in the window of the statistics.
    add_old(&url, "2 days", 3).await;
    assert_eq!(run(&url, "cleanup").await.out, "deleted 0 rows of the log\n");
    assert_eq!(run(&url, "cleanup --older-than 3d --yes").await.out, "deleted 0 rows of the log\n");
    assert_eq!(run(&url, "cleanup --older-than 1h --yes").await.out, "deleted 3 rows of the log\n");
    assert_eq!(run(&url, "runs --json").await.json()["count"], 2);
    let noted = "SELECT string_agg(coalesce(detail ->> 'older_than', 'none'), ', ' ORDER BY at) FROM refreshtop.audit
                 WHERE action = 'cleanup'";
    assert_eq!(value::<String>(&url, noted).await, "none, 01:00:00");
}

#[tokio::test]
async fn another_view_is_chosen_by_its_name() {
    let url = app_with(3, 1).await;
    let sales = "CREATE MATERIALIZED VIEW daily_sales AS SELECT 1 AS sold;
        CREATE UNIQUE INDEX ON daily_sales (sold);
        SELECT refreshtop.register_view('daily_sales', 'daily_sales', 'UTC');
        SELECT refreshtop.refresh('daily_sales')";
    execute(&url, sales).await;
    for (line, total) in [("status --view platform_metrics", 5), ("status --view daily_sales", 1)] {
        let status = run(&url, &format!("{line} --json")).await;
        assert_eq!(code(&status), exit::OK, "{status:?}");
        assert_eq!(status.json()["stats"]["total"], total, "{line}: {status:?}");
    }
    let refreshed = run(&url, "trigger --view daily_sales --json").await.json();
    assert_eq!((&refreshed["status"], &refreshed["view"]), (&"success".into(), &"daily_sales".into()), "{refreshed}");
    let logs = run(&url, "runs --view daily_sales --json").await.json();
    assert_eq!((&logs["count"], &logs["view"]), (&2.into(), &"daily_sales".into()), "{logs}");
    let metrics = run(&url, "metrics --view daily_sales").await.out;
    assert!(metrics.contains("view=\"daily_sales\"") && !metrics.contains("platform_metrics\""), "{metrics}");
    for line in ["status", "stats", "runs", "runs --follow", "trigger", "metrics"] {
        let refused = run(&url, &format!("{line} --view daily_sale")).await;
        assert_eq!(code(&refused), exit::FAILURE, "{line}: {refused:?}");
        assert!(refused.err.contains("no materialized view is registered as \"daily_sale\""), "{line}: {refused:?}");
    }
    let unknown = run(&url, "check --view daily_sale").await;
    assert_eq!(code(&unknown), exit::UNKNOWN, "{unknown:?}");
}

/// Watched before it is migrated: what can be read is read, as in the monitor.
#[tokio::test]
async fn an_unmanaged_deployment_is_answered_for() {
    let url = fresh_app("command_unmanaged").await;
    execute(&url, include_str!("../../fixtures/unmanaged.sql")).await;
    let status = run(&url, "status --json").await;
    assert_eq!((code(&status), status.err.as_str()), (exit::OK, ""), "{status:?}");
    let status = status.json();
    assert_eq!((&status["kind"], &status["deployment"]), (&"status".into(), &"unmanaged".into()), "{status}");
    assert_eq!(status["health"]["verdict"], "warning", "every tenth attempt failed: {status}");
    assert_eq!(status["runs"].as_array().unwrap().len(), 5, "{status}");
    assert!(status["figures"]["total_accounts"].is_u64() && status["running"].is_null(), "{status}");
    assert_eq!(status["job"]["unavailable"]["fix"], "run: refreshtop migrate", "{status}");
    let people = run(&url, "status").await.out;
    assert!(people.contains("unmanaged (installed by hand); run: refreshtop migrate"), "{people}");

    let figures = run(&url, "stats --json").await.json();
    let total = figures["stats"]["total"].as_u64().unwrap();
    // The fixture has a row for each five minutes; the oldest may just have left the window.
    assert!((287..=288).contains(&total), "{figures}");
    assert!(figures["stats"]["last_error"].as_str().unwrap().starts_with("older error "), "{figures}");

    for (line, wanted) in [("runs --json", 20), ("runs --failed --limit 3 --json", 3), ("runs --since 19m --json", 3)] {
        let logs = run(&url, line).await;
        assert_eq!((code(&logs), logs.err.as_str()), (exit::OK, ""), "{logs:?}");
        let logs = logs.json();
        assert_eq!((&logs["count"], &logs["runs"][0]["source"]), (&wanted.into(), &"unknown".into()), "{line}: {logs}");
    }
    let check = run(&url, "check").await;
    assert!(check.out.starts_with("REFRESH WARNING - success rate "), "{check:?}");
    // What only refreshtop's own functions can do still says what to do.
    let doctor = run(&url, "doctor --json").await.json();
    assert_eq!(doctor["verdict"], "problem", "{doctor:#}");
    assert_eq!(doctor["checks"][0]["advice"], "Run: refreshtop migrate.", "{doctor:#}");

    // A role that may not read that log gets the advice to migrate.
    execute(&url, "REVOKE ALL ON public.metrics_refresh_log FROM PUBLIC").await;
    let (_, nobody) = fresh_role(&url, "nobody", "").await;
    for line in ["status --json", "runs --json"] {
        let refused = run(&nobody, line).await;
        assert_eq!(code(&refused), exit::NOT_MIGRATED, "{refused:?}");
        one_sentence(&refused, line);
    }
}
