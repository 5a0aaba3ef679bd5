//! What the server sees of a monitor: few sessions, each with a name and limits of its own.

use crate::support::{client, execute, fresh_role, migrated_app, terminal::Launch, value};
use std::{collections::BTreeSet, fs, time::Duration};

/// Whoever asks it tells the server's log what limits its session has.
const TELLING: &str =
    "CREATE OR REPLACE FUNCTION refreshtop.is_super_admin() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    RAISE LOG 'limits of % : % % % %', current_setting('application_name'), current_setting('statement_timeout'),
        current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
        current_setting('default_transaction_read_only');
    RETURN true; END $$";

#[tokio::test]
async fn at_most_three_sessions_each_with_its_name_and_limits() {
    let url = migrated_app("few").await;
    execute(&url, TELLING).await;
    let (name, role_url) = fresh_role(&url, "few", "IN ROLE refreshtop_admin").await;
    // What the role was given elsewhere is not what we run with.
    execute(&url, &format!("ALTER ROLE {name} SET statement_timeout = '7min'")).await;
    execute(&url, &format!("ALTER ROLE {name} SET idle_in_transaction_session_timeout = '7min'")).await;
    let sampler = client(&url).await;
    let mut monitor = Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", &role_url).live();
    let (mut names, mut most) = (BTreeSet::new(), 0);
    for round in 0..300 {
        if round % 50 == 10 {
            monitor.send("r");
        }
        let sql = "SELECT application_name FROM pg_stat_activity
            WHERE usename = $1 AND datname = current_database()";
        let rows = sampler.query(sql, &[&name]).await.unwrap();
        most = most.max(rows.len());
        names.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    assert!(most <= 3, "{most}: {names:?}");
    let purposes = ["refreshtop listen", "refreshtop poll", "refreshtop refresh"];
    assert!(names.iter().all(|name| purposes.contains(&name.as_str())) && names.len() == 3, "{names:?}");
    assert_eq!(value::<i64>(&url, &format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}'")).await, 0);

    let log = fs::read_to_string(crate::support::cluster().await.log_path()).unwrap();
    let marked = |purpose: &str| {
        let mark = format!("limits of refreshtop {purpose} : ");
        let said = log.lines().filter_map(|line| line.split_once(&mark)).map(|(_, limits)| limits.to_owned());
        said.collect::<BTreeSet<_>>()
    };
    assert_eq!(marked("poll"), BTreeSet::from(["10s 2s 30s on".to_owned()]));
    // Inside the refresh, which has a wait of its own for locks.
    assert_eq!(marked("refresh"), BTreeSet::from(["0 5s 5min off".to_owned()]));
}
