//! `refreshtop doctor`: what it finds, what it says if it can't look, and what it fixes.

use super::{
    run,
    table::{States, code, one_sentence},
};
use crate::support::{
    CRON_DATABASE, cluster, execute, fresh_app, fresh_role, migrated_app, session::Session, terminal::Launch, value,
    wait_out_jobs,
};
use refreshtop_core::exit;
use serde_json::Value;

fn check<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let checks = answer["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id} in {answer:#}"))
}

/// Condition that picks the jobs of this database.
fn jobs_of(url: &str, name: &str) -> String {
    format!("database = '{}' AND jobname LIKE '{name}%'", url.rsplit_once('/').unwrap().1)
}

/// A migrated database with its jobs, which have run, and the planner's statistics.
async fn sound_app() -> (String, String) {
    wait_out_jobs().await;
    // pg_cron knows a name once for each role, and other tests schedule jobs of the same name.
    let (_, url) = fresh_role(&fresh_app("doctor").await, "doctor", "SUPERUSER").await;
    let migrated = run(&url, "migrate").await;
    assert_eq!(migrated.code, 0, "{migrated:?}");
    execute(&url, "SELECT public.refresh_platform_metrics_with_logging(); ANALYZE").await;
    let cron = cluster().await.url(CRON_DATABASE);
    let ran = format!(
        "INSERT INTO cron.job_run_details (jobid, runid, database, username, command, status, return_message, start_time, end_time)
         SELECT jobid, nextval('cron.runid_seq'), database, username, command, 'succeeded', '1 row', now(), now()
         FROM cron.job WHERE {}",
        jobs_of(&url, "")
    );
    execute(&cron, &ran).await;
    (url, cron)
}

async fn remove_jobs(url: &str) {
    assert_eq!(run(url, "job remove --yes").await.code, 0);
    assert_eq!(run(url, "job remove --job cleanup --yes").await.code, 0);
}

#[tokio::test]
async fn a_missing_job_is_noticed_and_scheduled_again() {
    let (url, cron) = sound_app().await;
    let sound = run(&url, "doctor").await;
    assert_eq!((code(&sound), sound.err.as_str()), (exit::OK, ""), "{sound:?}");
    assert!(
        sound.out.starts_with("+ ok       32 checks; with --details they are listed.\n\n0 problems, "),
        "{sound:?}"
    );
    assert!(!sound.out.contains("public.assets  "), "without --details what is good is short: {sound:?}");
    let details = run(&url, "doctor --details --analyze 10s").await;
    for word in ["public.assets  ", "Seq Scan on public.accounts", "(it took "] {
        assert!(details.out.contains(word), "{word}: {details:?}");
    }

    let jobs = jobs_of(&url, "refresh");
    execute(&cron, &format!("SELECT cron.unschedule(jobid) FROM cron.job WHERE {jobs}")).await;
    let missing = run(&url, "doctor").await;
    assert_eq!((code(&missing), missing.err.as_str()), (exit::CRITICAL, ""), "{missing:?}");
    let database = url.rsplit_once('/').unwrap().1;
    for line in [
        format!("X problem  Job that refreshes: No job refresh-platform-metrics for database {database} "),
        "             SELECT cron.schedule_in_database('refresh-platform-metrics".into(),
        "1 statement is safe; to execute what is safe: refreshtop doctor --fix".into(),
    ] {
        assert!(missing.out.lines().any(|shown| shown.starts_with(&line)), "{line}: {}", missing.out);
    }

    let count = format!("SELECT count(*) FROM cron.job WHERE active AND schedule = '*/5 * * * *' AND {jobs}");
    let unasked = run(&url, "doctor --fix").await;
    assert_eq!((code(&unasked), unasked.out.as_str()), (exit::FAILURE, ""), "{unasked:?}");
    one_sentence(&unasked, "doctor --fix");
    assert_eq!(value::<i64>(&cron, &count).await, 0, "nobody agreed");

    let mut ran = run(&url, "doctor --fix --yes --json").await;
    let mut answer = ran.json();
    if answer["fixed"][0]["message"] == "nothing was done: a job of that name is there now; diagnose again" {
        // A migration of another test took the name between the question and the statement.
        ran = run(&url, "doctor --fix --yes --json").await;
        answer = ran.json();
    }
    assert_eq!((&answer["schema"], &answer["kind"]), (&"refreshtop/1".into(), &"doctor".into()), "{answer}");
    let fixed = answer["fixed"].as_array().unwrap();
    assert_eq!((fixed.len(), &fixed[0]["done"]), (1, &true.into()), "{fixed:#?}");
    assert!(fixed[0]["sql"].as_str().unwrap().starts_with("SELECT cron.schedule_in_database("), "{answer:#}");
    assert_eq!((&fixed[0]["kind"], &fixed[0]["risk"]), (&"schedule-job".into(), &"safe".into()), "{fixed:#?}");
    let undo = fixed[0]["undo"].as_str().unwrap();
    assert!(undo.starts_with("SELECT cron.unschedule(jobid) FROM cron.job WHERE jobname = "), "{undo}");
    assert_eq!(check(&answer, "refresh-job")["verdict"], "ok", "{answer:#}");
    // The new job has not run yet.
    assert_eq!((code(&ran), &answer["verdict"]), (exit::UNKNOWN, &"unknown".into()), "{answer:#}");
    assert_eq!(value::<i64>(&cron, &count).await, 1);
    let traces = "SELECT count(*) FROM refreshtop.audit WHERE action = 'fix' AND outcome = 'success'";
    assert_eq!(value::<i64>(&url, traces).await, 1);
    remove_jobs(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_and_may_say_no() {
    let (url, cron) = sound_app().await;
    let jobs = jobs_of(&url, "refresh");
    execute(&cron, &format!("SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE {jobs}")).await;
    let active = format!("SELECT active FROM cron.job WHERE {jobs}");
    for (answer, wanted, ends) in [("n\r", false, exit::FAILURE), ("y\r", true, exit::OK)] {
        let launch = Launch::refreshtop(&["doctor", "--fix"]).env("REFRESHTOP_URL", &url).size(80, 24);
        let (shown, ended) = tokio::task::block_in_place(|| {
            let mut terminal = launch.start();
            terminal.wait_text("Continue? [y/N]");
            terminal.send(answer);
            let ended = terminal.wait_exit().unwrap();
            (String::from_utf8(terminal.raw_bytes()).unwrap(), ended)
        });
        assert_eq!(ended, u32::from(ends), "{shown}");
        assert!(shown.contains("\x1b[31mproblem\x1b[0m"), "{shown}");
        assert!(shown.contains(", active := true);"), "the statement is shown: {shown}");
        let undo = shown.split_once("undo: SELECT cron.alter_job(").map(|(_, rest)| rest.lines().next().unwrap());
        assert!(undo.is_some_and(|undo| undo.trim_end().ends_with(", active := false);")), "what undoes it: {shown}");
        assert_eq!(value::<bool>(&cron, &active).await, wanted, "{shown}");
    }
    remove_jobs(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_session_ends_unless_it_is_named() {
    let url = migrated_app("doctor").await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '10 minutes'; ANALYZE").await;
    let block =
        "SET application_name = E'in\\x1b[31m the\\nway'; BEGIN; LOCK TABLE public.assets IN ACCESS EXCLUSIVE MODE";
    let blocker = Session::with(&url, block).await;
    let other = Session::open(&url).await;
    let waits = other.pid;
    let refresh = other.start::<Value>("public.refresh_platform_metrics_with_logging()");
    blocker.until_waiting(waits).await;

    let name = format!("end session {}", blocker.pid);
    let found = run(&url, "doctor").await;
    assert_eq!(code(&found), exit::CRITICAL, "{found:?}");
    assert!(!found.out.contains('\x1b') && !found.out.contains("\nway"), "{found:?}");
    let hint = format!("done only if you name it: refreshtop doctor --fix --also '{name}'");
    assert!(found.out.contains(&hint), "{found:?}");
    let answer = run(&url, "doctor --json").await.json();
    let sessions = check(&answer, "blocking")["detail"]["sessions"].as_array().unwrap();
    assert!(sessions.iter().any(|one| one["pid"] == waits && one["blocked_by"][0] == blocker.pid), "{answer:#}");
    let end = &check(&answer, "blocking")["fixes"][0];
    assert_eq!((&end["kind"], &end["risk"]), (&"terminate-backend".into(), &"disruptive".into()), "{answer:#}");
    assert_eq!((&end["safe"], &end["undo"]), (&false.into(), &Value::Null), "{answer:#}");

    let wrong = run(&url, "doctor --fix --yes --also 'end session 1'").await;
    assert_eq!(code(&wrong), exit::FAILURE, "{wrong:?}");
    one_sentence(&wrong, "an unknown name");
    let fixed = run(&url, "doctor --fix --yes").await;
    assert_eq!(code(&fixed), exit::CRITICAL, "it still blocks: {fixed:?}");
    assert!(blocker.value::<bool>("true").await);

    let ended = run(&url, &format!("doctor --fix --yes --json --also '{name}'")).await.json();
    let fixed = ended["fixed"].as_array().unwrap();
    assert!(fixed.iter().any(|one| one["name"] == name.as_str() && one["done"] == true), "{ended:#}");
    let (outcome, _) = refresh.await.unwrap();
    assert_eq!(outcome["status"], "success", "{outcome}");
}

#[tokio::test]
async fn what_cannot_be_seen_says_why() {
    let states = States::make().await;
    for (url, verdict) in [(&states.bare, "problem"), (&states.forbidden, "unknown")] {
        let people = run(url, "doctor").await;
        let json = run(url, "doctor --json").await;
        let answer = json.json();
        assert_eq!((people.err.as_str(), json.err.as_str()), ("", ""), "{people:?} {json:?}");
        // Without its jobs none of these databases is sound, but a role that may not see them can't know that.
        let found: Vec<&Value> = answer["checks"].as_array().unwrap().iter().collect();
        assert!(found.iter().any(|check| check["verdict"] == verdict), "{answer:#}");
        for check in found.iter().filter(|check| check["verdict"] == "unknown") {
            assert!(check["finding"].as_str().is_some_and(|text| text.ends_with('.')), "{check:#}");
            assert!(check["advice"].is_string(), "{check:#}");
            assert!(people.out.contains(check["finding"].as_str().unwrap()), "{check:#}");
        }
        let wanted = match answer["verdict"].as_str().unwrap() {
            "problem" => exit::CRITICAL,
            "warning" => exit::WARNING,
            "unknown" => exit::UNKNOWN,
            other => panic!("{other}: {answer:#}"),
        };
        assert_eq!((code(&people), code(&json)), (wanted, wanted), "{answer:#}");
    }
    let bare = run(&states.bare, "doctor --json").await.json();
    assert_eq!(check(&bare, "migrations")["advice"], "Run: refreshtop migrate.");
    let dead = run(&states.dead, "doctor --json").await;
    assert_eq!(code(&dead), exit::CANNOT_CONNECT, "{dead:?}");
    one_sentence(&dead, "doctor");
    assert_eq!(dead.json()["error"], "cannot_connect", "{dead:?}");
    assert_eq!(run(&states.dead, "doctor").await.out, "");
}
