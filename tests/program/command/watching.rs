//! `refreshtop status --watch`, on a terminal and elsewhere; and questions that only a terminal can ask.

use super::{add_runs, app_with, code, program, run, streams::Running};
use crate::support::{
    execute,
    processes::eventually,
    session::Session,
    terminal::{Launch, TerminalProgram},
    value,
};
use refreshtop_core::exit;
use rustix::process::Signal;
use tokio::task::block_in_place;

const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name IN ('refreshtop report', 'refreshtop schedule')";

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_gets_an_object_with_every_poll_from_one_session() {
    let url = app_with(1, 0).await;
    let watch = Running::start(program(&url, "status --watch --json --poll 1s"));
    let first = watch.json();
    assert_eq!((&first["kind"], &first["stats"]["total"]), (&"status".into(), &2.into()), "{first}");
    let pid = "SELECT pid FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'refreshtop report'";
    let session: i32 = value(&url, pid).await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    while watch.json()["stats"]["total"] != 3 {}
    assert_eq!(value::<i32>(&url, pid).await, session, "the session is kept");
    // It is replaced if it is lost, and said once.
    execute(&url, &format!("SELECT pg_terminate_backend({session})")).await;
    watch.json();
    assert_ne!(value::<i32>(&url, pid).await, session);
    watch.signal(Signal::INT);
    let ended = watch.end();
    assert_eq!((ended.code, ended.err.lines().count()), (0, 1), "{ended:?}");
    assert!(ended.err.contains("; trying again"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_read_must_succeed() {
    let ran = run("postgres://nobody@127.0.0.1:1/none", "status --watch").await;
    assert_eq!((code(&ran), ran.out.as_str()), (exit::CANNOT_CONNECT, ""), "{ran:?}");
}

fn watched(url: &str, arguments: &[&str]) -> TerminalProgram {
    Launch::refreshtop(arguments).env("REFRESHTOP_URL", url).size(100, 30).start()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_drawn_on_in_place() {
    let url = app_with(1, 0).await;
    let observer = Session::open(&url).await;
    block_in_place(|| {
        let mut terminal = watched(&url, &["status", "--watch", "--poll", "1s"]);
        terminal.wait_text("2 of 2 ok in 24 h");
        let screen = terminal.wait_text("every 1 s; Ctrl-C ends it");
        assert!(screen.trim_start().starts_with("HEALTHY: all checks pass, refreshed "), "{screen}");
        tokio::runtime::Handle::current().block_on(execute(&url, "SELECT public.trigger_platform_metrics_refresh()"));
        let screen = terminal.wait_text("3 of 3 ok in 24 h");
        assert_eq!(screen.matches("verdict").count(), 1, "drawn over: {screen}");
        // What was drawn on another size is cleared.
        terminal.resize(60, 12);
        let cleared = |bytes: &[u8]| bytes.windows(4).any(|bytes| bytes == b"\x1b[2J");
        terminal.wait_for_bytes("a whole frame", |bytes, screen| cleared(bytes) && screen.contains("every 1 s"));
        let screen = terminal.screen_text();
        assert!(screen.starts_with("HEALTHY") && screen.matches("verdict").count() == 1, "{screen}");
        let frames = String::from_utf8_lossy(&terminal.raw_bytes()).into_owned();
        assert_eq!(frames.matches("\x1b[2J").count(), 1, "cleared once, for the new size: {frames:?}");
        assert!(!frames.contains("\x1b[?1049h"), "the last status stays: {frames:?}");
        assert_eq!(frames.matches("\x1b[?7l").count(), frames.matches("\x1b[?7h").count());
        terminal.signal(Signal::INT);
        assert_eq!(terminal.wait_exit(), Ok(0));
    });
    observer.until(&format!("({SESSIONS}) = 0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_before_rows_are_deleted() {
    let url = app_with(1, 0).await;
    add_runs(&url, 1200, "success", "NULL").await;
    execute(&url, "UPDATE public.metrics_refresh_log SET created_at = created_at - interval '40 days' WHERE trigger_source = 'direct'")
        .await;
    let rows = "SELECT count(*) FROM public.metrics_refresh_log";
    let before: i64 = value(&url, rows).await;
    for (answer, wanted_code, wanted) in
        [("n\r", u32::from(exit::FAILURE), "nothing was changed"), ("y\r", 0, "deleted 1,201 rows of the log")]
    {
        block_in_place(|| {
            let mut terminal = watched(&url, &["cleanup"]);
            let asked = terminal.wait_text("Continue? [y/N]");
            assert!(asked.contains("This deletes 1,201 rows of the log"), "{asked}");
            terminal.send(answer);
            assert_eq!(terminal.wait_exit(), Ok(wanted_code));
            eventually("the answer is on the screen", || terminal.screen_text().contains(wanted));
        });
    }
    assert_eq!(value::<i64>(&url, rows).await, before - 1201);
}

/// What takes something away asks, or refuses where nobody can be asked; whatever is in its way comes first.
#[tokio::test]
async fn nothing_is_taken_away_without_a_word() {
    let url = app_with(1, 0).await;
    execute(
        &url,
        "CREATE MATERIALIZED VIEW public.v AS SELECT 1 AS one; CREATE UNIQUE INDEX ON v (one); SELECT refreshtop.manage('v')",
    )
    .await;
    for (line, wanted) in [
        ("views remove v", "ends the management of 1 view, with schedules and jobs: v; their logs stay"),
        ("migrate down", "deleting 2 rows of the refresh log"),
    ] {
        let refused = run(&url, line).await;
        assert_eq!((code(&refused), refused.out.as_str()), (exit::USAGE, ""), "{line}: {refused:?}");
        assert!(refused.err.contains(wanted) && refused.err.contains("add --yes"), "{line}: {refused:?}");
    }
    assert_eq!(value::<i64>(&url, "SELECT count(*) FROM refreshtop.views").await, 2);
    let unknown = run(&url, "views remove w").await;
    assert!(unknown.err.contains("no managed view is named \"w\""), "{unknown:?}");
    let down = run(&url, "migrate down --yes").await;
    assert!(code(&down) == 0 && down.out.contains("deleted 2 rows of the refresh log\nundid steps "), "{down:?}");
}
