//! Completion of the names of views and the ids of runs, by the program and through bash.

use super::{Ran, code, program, ran};
use crate::support::{execute, fresh_database, fresh_role, migrate};
use refreshtop::command::definitions;
use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

async fn names() -> String {
    let url = fresh_database("completing").await;
    migrate(&url).await;
    execute(
        &url,
        r#"CREATE SCHEMA shop;
        CREATE MATERIALIZED VIEW shop.daily AS SELECT 1 AS a; CREATE MATERIALIZED VIEW shop.weekly AS SELECT 1 AS a;
        CREATE MATERIALIZED VIEW "$(touch pwned)`touch pwned` it's 2" AS SELECT 1 AS a;
        CREATE MATERIALIZED VIEW "line
        break" AS SELECT 1 AS a;
        SELECT refreshtop.manage('shop.daily', true)"#,
    )
    .await;
    url
}

const HOSTILE: &str = "\"$(touch pwned)`touch pwned` it's 2\"";

fn asked(url: &str, shell: &str, line: &str) -> Ran {
    let mut command = program(url, &format!("__complete {shell}"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    ran(child.wait_with_output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_that_fit_are_offered() {
    let url = names().await;
    for (line, wanted) in [
        ("refreshtop views show ", format!("{HOSTILE}\nshop.daily\nshop.weekly\n")),
        ("refreshtop views add ", format!("{HOSTILE}\nshop.weekly\n")),
        ("refreshtop refresh ", "shop.daily\n".into()),
        ("refreshtop status --view ", "shop.daily\n".into()),
    ] {
        let found = asked(&url, "zsh", line);
        assert_eq!((code(&found), found.out, found.err.as_str()), (0, wanted, ""), "{line}");
    }
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (id, refresh_type, status, started_at, created_at)
                   VALUES ('0123abcd-0000-4000-8000-000000000000', 'x', 'success', now(), now())",
    )
    .await;
    let found = asked(&url, "zsh", "refreshtop runs show ");
    assert_eq!(found.out, "0123abcd-0000-4000-8000-000000000000\n", "{found:?}");
    let (_, nobody) = fresh_role(&url, "completing", "").await;
    let found = asked(&nobody, "zsh", "refreshtop refresh ");
    assert_eq!((code(&found), found.err.as_str()), (0, ""), "{found:?}");
    assert!(found.out.contains("shop.weekly\n"), "{found:?}");
    // No name is wanted here.
    assert_eq!(code(&asked(&url, "zsh", "refreshtop job ")), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_silent_and_quick() {
    // Nobody listens at port 1, and nobody answers at the other address.
    for url in ["postgres://nobody@127.0.0.1:1/none", "postgres://nobody@192.0.2.1/none", "not a url"] {
        let since = Instant::now();
        let found = asked(url, "bash", "refreshtop refresh ");
        assert_eq!((code(&found), found.out.as_str(), found.err.as_str()), (0, "", ""), "{url}");
        assert!(since.elapsed() < Duration::from_secs(10), "{url}: {:?}", since.elapsed());
    }
    let typed = asked("", "zsh", "refreshtop --url postgres://bob:hunter2@127.0.0.1:1/none refresh ");
    assert_eq!((code(&typed), typed.out.as_str(), typed.err.as_str()), (0, "", ""));
}

/// What bash offers for a line, as it would stand in the line.
fn by_bash(url: &str, folder: &Path, line: &str) -> Vec<String> {
    let script = definitions::completions(clap_complete::Shell::Bash);
    let words = "read -ra COMP_WORDS <<< \"$COMP_LINE\"; [[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')";
    let call = format!(
        "{script}\n{words}\nCOMP_WORDS[0]=$PROGRAM; COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_POINT=${{#COMP_LINE}}
         _refreshtop \"$PROGRAM\" \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = Command::new("bash");
    bash.current_dir(folder).env("COMP_LINE", line).env("REFRESHTOP_URL", url);
    bash.env("PROGRAM", env!("CARGO_BIN_EXE_refreshtop")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = bash.arg("/dev/stdin").spawn().unwrap();
    child.stdin.take().unwrap().write_all(call.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_name_reaches_the_program_through_bash_and_runs_nothing() {
    let url = names().await;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(by_bash(&url, folder.path(), "refreshtop views show shop."), ["shop.daily", "shop.weekly"]);
    for begun in ["", "\\\"", "'\"", "\"\\\""] {
        let found = by_bash(&url, folder.path(), &format!("refreshtop views add {begun}"));
        // readline leaves the quote with which the word began, and closes it.
        let quote = begun.chars().next().filter(|c| *c != '\\').map(String::from).unwrap_or_default();
        let word = format!("{quote}{}{quote}", found[0]);
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("printf %s {word}")]).current_dir(folder.path());
        assert_eq!(String::from_utf8(bash.output().unwrap().stdout).unwrap(), HOSTILE, "{begun}: {word}");
    }
    // Where no name is wanted, the rest is completed as before.
    assert_eq!(by_bash(&url, folder.path(), "refreshtop sta"), ["status", "stats"]);
    execute(
        &url,
        "INSERT INTO public.metrics_refresh_log (id, refresh_type, status, started_at, created_at)
                   VALUES ('0123abcd-0000-4000-8000-000000000000', 'x', 'success', now(), now())",
    )
    .await;
    let id = "0123abcd-0000-4000-8000-000000000000";
    assert_eq!(by_bash(&url, folder.path(), "refreshtop runs show 0123"), [id]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a name was executed");
}
