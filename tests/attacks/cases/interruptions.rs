//! `migrate` and `migrate down`, ended at a random moment by a signal, by force, or by a server that goes down: afterwards
//! the database, its jobs and the roles are as before or as after, and the server has no statement of it left.

use crate::support::{client, options, schema::catalogs, small_app_in};
use refreshtop_cluster::{ClusterOptions, Cron, DisposableCluster};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How many; 200 take some minutes.
const ROUNDS: &str = "REFRESHTOP_INTERRUPTIONS";

fn program(url: &str, words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refreshtop"));
    command.env_clear().env("HOME", "/nonexistent").env("REFRESHTOP_URL", url).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    format!(
        "{:?}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// All that may not be between: what the catalogues, `pg_cron` and the cluster's roles say.
async fn state(url: &str) -> String {
    let session = client(url).await;
    let mut text = catalogs(url).await;
    let more = [
        "SELECT string_agg(concat_ws('|', rolname, rolsuper, rolcanlogin), E'\\n' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_'",
        "SELECT string_agg(concat_ws('|', r.rolname, m.rolname), E'\\n' ORDER BY 1) FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid
         JOIN pg_roles m ON m.oid = a.member WHERE r.rolname !~ '^pg_' OR m.rolname !~ '^pg_'",
        "SELECT string_agg(extname, E'\\n' ORDER BY extname) FROM pg_extension",
    ];
    for sql in more {
        let part: Option<String> =
            session.query_one(&sql.replace("ORDER BY 1)", "ORDER BY r.rolname, m.rolname)"), &[]).await.unwrap().get(0);
        text.push_str(&part.unwrap_or_default());
        text.push('\n');
    }
    let has_jobs: bool = session.query_one("SELECT to_regclass('cron.job') IS NOT NULL", &[]).await.unwrap().get(0);
    if has_jobs {
        let jobs = "SELECT string_agg(concat_ws('|', jobname, schedule, command, username, database, active), E'\\n' ORDER BY jobname) FROM cron.job";
        let part: Option<String> = session.query_one(jobs, &[]).await.unwrap().get(0);
        text.push_str(&part.unwrap_or_default());
    }
    text
}

/// Waits until the server has no session of the program any more.
async fn quiet(url: &str) {
    let since = Instant::now();
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'refreshtop%'";
    while client(url).await.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(since.elapsed() < Duration::from_secs(5), "its statement is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_migration_that_is_ended_leaves_everything_as_before_or_as_after() {
    let rounds: u32 = std::env::var(ROUNDS).ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    // With pg_cron in the application's database, so that all is one transaction.
    let cron = Cron::IfInstalled("app".into());
    // A worker of release 13 that sleeps does not notice that its server was killed, and keeps the next one from starting.
    let settings = vec![("autovacuum".into(), "off".into())];
    let wanted = ClusterOptions { cron, settings, ..options() };
    let mut cluster = DisposableCluster::start(&wanted, &mut |_| {}).await.unwrap();
    let url = small_app_in(&cluster, "app").await;
    let before = state(&url).await;
    let since = Instant::now();
    ended(program(&url, &["migrate"]));
    let takes = since.elapsed().max(Duration::from_millis(100));
    let after = state(&url).await;
    assert_ne!(before, after);
    let (mut is_up, mut seen) = (true, [0_u32; 2]);
    for round in 0..rounds {
        let words: &[&str] = if is_up { &["migrate", "down", "--yes"] } else { &["migrate"] };
        let delay = takes.mul_f64(fastrand::f64() * 1.2);
        let child = program(&url, words);
        tokio::time::sleep(delay).await;
        let how = round % 4;
        #[expect(clippy::single_match_else, reason = "four ways to end it")]
        match how {
            0..3 => {
                let signal = [Signal::INT, Signal::TERM, Signal::KILL][how as usize];
                // It may have ended by itself; nobody has waited for it yet, so its number is still its own.
                kill_process(Pid::from_child(&child), signal).ok();
            }
            _ => {
                cluster.kill9();
                cluster.start_postgres().await.unwrap();
            }
        }
        let printed = ended(child);
        quiet(&url).await;
        let now = state(&url).await;
        let was_up = is_up;
        is_up = now == after;
        assert!(is_up || now == before, "round {round} ({words:?}, {how}, {delay:?}) ended between: {printed}\n{now}");
        seen[usize::from(was_up != is_up)] += 1;
        // What it says of itself is true.
        if printed.contains("nothing was changed") {
            assert_eq!(is_up, was_up, "{printed}");
        }
    }
    println!("{} stopped, {} were through", seen[0], seen[1]);
}
