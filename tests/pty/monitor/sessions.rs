//! What the server sees of a monitor: few sessions, each with a name and limits of its own.

use super::{blocker, patience};
use crate::support::{
    client, cluster, execute, fresh_role, migrated_app, proxy::Proxy, session::Session, terminal::Launch,
};
use std::{collections::BTreeSet, fs, time::Duration};

/// These write the limits of the calling session to the server's log; one is called in each poll, one in each refresh.
const TELLING: &str = "
    CREATE FUNCTION refreshtop.tell() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        RAISE LOG 'limits of % : % % % %', current_setting('application_name'), current_setting('statement_timeout'),
            current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
            current_setting('default_transaction_read_only'); END $$;
    CREATE OR REPLACE FUNCTION refreshtop.cron_settings() RETURNS TABLE (database text, utc_offset integer, readable boolean, launcher boolean)
        LANGUAGE plpgsql AS $$ BEGIN PERFORM refreshtop.tell(); RETURN QUERY SELECT NULL::text, 0, true, NULL::boolean; END $$;
    CREATE OR REPLACE FUNCTION refreshtop.caller() RETURNS name
        LANGUAGE plpgsql AS $$ BEGIN PERFORM refreshtop.tell(); RETURN session_user; END $$";

#[tokio::test]
async fn one_session_and_one_more_for_a_refresh_each_with_its_name_and_limits() {
    let url = migrated_app("few").await;
    execute(&url, TELLING).await;
    let (name, role_url) = fresh_role(&url, "few", "IN ROLE refreshtop_admin").await;
    // What the role was given elsewhere is not what we run with.
    execute(&url, &format!("ALTER ROLE {name} SET statement_timeout = '7min'")).await;
    execute(&url, &format!("ALTER ROLE {name} SET idle_in_transaction_session_timeout = '7min'")).await;
    let sampler = client(&url).await;
    let mut monitor = Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", &role_url).live();
    // The server may still be ending the session that tried whether notifications arrive.
    let tried = format!(
        "NOT EXISTS (SELECT FROM pg_stat_activity
                     WHERE usename = '{name}' AND application_name = 'refreshtop listen check')"
    );
    Session::open(&url).await.until(&tried).await;
    let (mut names, mut most) = (BTreeSet::new(), 0);
    // For three seconds at least, and until a refresh, which is over soon, was seen.
    for round in 0..6_000 {
        if round >= 300 && names.len() >= 2 {
            break;
        }
        if round % 50 == 10 {
            monitor.send("r");
        }
        // A session that the server is just about to begin or to end shows without a name; that each has one is tested
        // below.
        let sql = "SELECT application_name FROM pg_stat_activity
            WHERE usename = $1 AND datname = current_database() AND application_name <> ''";
        let rows = sampler.query(sql, &[&name]).await.unwrap();
        most = most.max(rows.len());
        names.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    assert!(most <= 2, "{most}: {names:?}");
    assert_eq!(names, BTreeSet::from(["refreshtop monitor", "refreshtop refresh"].map(String::from)));
    let left = format!("NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = '{name}')");
    Session::open(&url).await.until(&left).await;

    let log = fs::read_to_string(cluster().await.log_path()).unwrap();
    let marked = |purpose: &str| {
        let mark = format!("limits of refreshtop {purpose} : ");
        let found = log.lines().filter_map(|line| line.split_once(&mark)).map(|(_, limits)| limits.to_owned());
        found.collect::<BTreeSet<_>>()
    };
    assert_eq!(marked("monitor"), BTreeSet::from(["10s 2s 30s on".to_owned()]));
    // Inside the refresh, which has a wait of its own for locks.
    assert_eq!(marked("refresh"), BTreeSet::from(["0 5s 5min off".to_owned()]));
}

/// By the start-up messages, which no sampling misses.
#[tokio::test]
async fn each_session_says_as_it_begins_what_limits_it_has() {
    let url = migrated_app("limits").await;
    let proxy = Proxy::before(cluster().await.port());
    let there = format!("{}?sslmode=disable", proxy.url(&url));
    let mut monitor = Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", &there).live();
    monitor.send("r");
    monitor.wait_text("refreshed in");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
    let mut names = BTreeSet::new();
    for session in proxy.sessions() {
        let name = session["application_name"].as_str();
        let options = session.get("options").map_or("", String::as_str);
        for limit in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
            assert!(options.contains(&format!("-c {limit}=")), "{limit}: {session:?}");
        }
        let access = if name == "refreshtop refresh" { "off" } else { "on" };
        assert!(options.contains(&format!("-c default_transaction_read_only={access}")), "{session:?}");
        assert!(name.starts_with("refreshtop ") && names.insert(name.to_owned()), "twice or nameless: {session:?}");
    }
    for wanted in ["refreshtop monitor", "refreshtop refresh"] {
        assert!(names.contains(wanted), "{names:?}");
    }
}

#[tokio::test]
async fn a_listener_that_comes_back_during_a_refresh_makes_no_fourth_session() {
    let url = migrated_app("fourth").await;
    patience(&url, "10 min").await;
    let (name, role_url) = fresh_role(&url, "fourth", "IN ROLE refreshtop_admin").await;
    let in_the_way = blocker(&url, "deploy").await;
    let mut monitor = Launch::refreshtop(&["--poll", "1s"]).env("REFRESHTOP_URL", &role_url).live();
    monitor.send("r");
    let asking = Session::open(&url).await;
    let ours = format!("pg_stat_activity WHERE usename = '{name}' AND datname = current_database()");
    asking.until(&format!("EXISTS (SELECT FROM {ours} AND wait_event_type = 'Lock')")).await;
    for _ in 0..5 {
        let first: i32 = asking.value(&format!("pid FROM {ours} AND application_name = 'refreshtop monitor'")).await;
        asking.value::<bool>(&format!("pg_terminate_backend({first})")).await;
        let back =
            format!("EXISTS (SELECT FROM {ours} AND application_name = 'refreshtop monitor' AND pid <> {first})");
        let mut most = Vec::<String>::new();
        let mut samples_after = 0;
        while samples_after < 100 {
            // The one that was ended takes a moment to be gone.
            let seen: Vec<String> =
                asking.value(&format!("array_agg(application_name) FROM {ours} AND pid <> {first}")).await;
            if seen.len() > most.len() {
                most = seen;
            }
            samples_after += i32::from(asking.value::<bool>(&back).await);
        }
        assert!(most.len() <= 3, "{most:?}");
        asking.until(&format!("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {first})")).await;
    }
    in_the_way.run("ROLLBACK").await;
    monitor.wait_text("refreshed in");
    // What could not be tried before is, by itself.
    monitor.wait_text("LIVE");
    monitor.send("q");
    assert_eq!(monitor.wait_exit(), Ok(0));
}
