//! `refreshtop migrate`, as a script and as a person calls it.

use super::REFRESH;
use crate::support::{
    execute, fresh_app, listed, options, pause_jobs, small_app_in, steps,
    terminal::{Launch, REFRESHTOP},
};
use refreshtop_cluster::DisposableCluster;
use refreshtop_core::exit;
use std::process::{Command, Stdio};

/// Runs it on `url`; its exit code, standard output and standard error.
fn migrate(url: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(REFRESHTOP);
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    let output = command.args(["migrate", "--url", url]).args(arguments).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Two databases of one cluster share its roles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_databases_of_a_cluster_are_migrated_at_once() {
    let cluster = DisposableCluster::start(&options(), &mut |_| {}).await.unwrap();
    let mut running = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let url = small_app_in(&cluster, name).await;
        running.push(move || migrate(&url, &[]));
    }
    let running: Vec<_> = running.into_iter().map(std::thread::spawn).collect();
    for migration in running {
        let (code, printed, why) = migration.join().unwrap();
        assert_eq!(code, Some(exit::OK.into()), "{printed}{why}");
    }
    cluster.stop().await.unwrap();
}

/// Runs it, which must succeed; its output.
fn migrated(url: &str, arguments: &[&str]) -> String {
    let (code, printed, _) = migrate(url, arguments);
    assert_eq!(code, Some(exit::OK.into()), "{arguments:?}: {printed}");
    printed
}

#[tokio::test]
async fn migrates_up_shows_the_status_and_migrates_down() {
    let url = fresh_app("commands").await;
    assert_eq!(migrated(&url, &["status"]).matches("pending").count(), steps(1).len());
    let up = migrated(&url, &[]);
    assert!(up.starts_with(&format!("applied steps {}\n", listed(steps(1)))), "{up}");
    let status = migrated(&url, &["status"]);
    assert!(status.matches(" applied ").count() == steps(1).len() && !status.contains("pending"), "{status}");
    assert!(migrated(&url, &["up"]).starts_with("the database is up to date\n"));
    execute(&url, REFRESH).await;

    let down = migrated(&url, &["down", "--yes"]);
    assert!(down.ends_with(&format!("undid steps {}\n", listed(steps(1).into_iter().rev()))), "{down}");
    assert_eq!(migrated(&url, &["down", "--yes"]), "there is nothing to undo\n");
    assert_eq!(migrated(&url, &["status"]).matches("pending").count(), steps(1).len());
}

#[tokio::test]
async fn asks_a_person_before_it_undoes() {
    let url = fresh_app("asks").await;
    migrated(&url, &[]);
    pause_jobs(&url).await;
    execute(&url, REFRESH).await;
    let all = listed(steps(1).into_iter().rev());
    let undone = format!("undid steps {all}");
    for (answer, code, printed) in [("n", exit::FAILURE, "nothing was changed"), ("y", exit::OK, &undone)] {
        let mut down = Launch::refreshtop(&["migrate", "down"]).env("REFRESHTOP_URL", &url).start();
        down.wait_for("the question", |screen| {
            screen.contains(&format!("This undoes steps {all}, dropping public.platform_metrics"))
                && screen.contains("Continue? [y/N]")
        });
        down.send(&format!("{answer}\r"));
        assert_eq!(down.wait_exit(), Ok(code.into()));
        assert!(down.screen_text().contains(printed), "{}", down.screen_text());
    }
}

#[tokio::test]
async fn what_can_not_connect_says_why_in_a_sentence() {
    let url = fresh_app("refused").await;
    let (rest, database) = url.rsplit_once('/').unwrap();
    let (user, place) = rest.rsplit_once('@').unwrap();
    let user = user.rsplit_once(':').unwrap().0;
    for (url, reason) in [
        (format!("{rest}/missing"), "no database \"missing\""),
        (format!("{user}:wrong-word@{place}/{database}"), "refused the password"),
        (format!("{user}:wrong-word@127.0.0.1:1/{database}"), "refused the connection"),
    ] {
        for arguments in [&[][..], &["status"], &["down", "--yes"]] {
            let (code, out, printed) = migrate(&url, arguments);
            assert_eq!(code, Some(exit::CANNOT_CONNECT.into()), "{printed}");
            let sentences = printed.lines().filter(|line| !line.starts_with("refreshtop: warning: ")).count();
            assert!(printed.contains(reason) && sentences == 1 && out.is_empty(), "{printed:?} {out:?}");
            assert!(!printed.contains("wrong-word"), "{printed}");
        }
    }
}
