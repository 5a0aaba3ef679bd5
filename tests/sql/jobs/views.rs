//! A job of its own for each view that has a schedule.

use super::{down, jobs, own_cluster, run, up, with};
use crate::support::{client, execute, session::Session, value};
use std::{collections::BTreeSet, time::Duration};

/// Views of the database, with a row each, and the program's answer to `views add`.
async fn views(url: &str, names: &[&str]) {
    for name in names {
        let sql = format!("CREATE MATERIALIZED VIEW {name} AS SELECT 1 AS id; CREATE UNIQUE INDEX ON {name} (id)");
        execute(url, &sql).await;
    }
    let mut words = vec!["views", "add", "--yes"];
    words.extend(names);
    let added = run(url, &words).await;
    assert_eq!(added.code, Some(0), "{added:?}");
}

/// The same jobs without their offsets.
async fn plain(cron_url: &str) -> Vec<String> {
    let sql =
        "SELECT concat_ws('|', jobname, schedule, regexp_replace(command, 'pg_sleep[(][0-9.]+[)]', 'pg_sleep(…)'),
                                username, active)
               FROM cron.job WHERE database = 'app' AND jobname LIKE 'refresh-view-%' ORDER BY jobname";
    client(cron_url).await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

fn job(name: &str, schedule: &str, active: bool) -> String {
    let t = if active { 't' } else { 'f' };
    format!(
        "refresh-view-{name}|{schedule}|SELECT pg_catalog.pg_sleep(…); \
         SELECT refreshtop.limit_time('{name}'); SELECT refreshtop.refresh('{name}');|refreshtop_job|{t}"
    )
}

#[tokio::test]
async fn a_schedule_makes_a_job_and_the_job_refreshes() {
    let (cluster, url) = own_cluster("app").await;
    up(&url).await;
    execute(&url, "CREATE SCHEMA shop").await;
    let long = format!("shop.{}", "l".repeat(60));
    views(&url, &["sales", "shop.\"It's, Top\"", &long]).await;
    let top = "shop.\"It''s, Top\"";
    execute(&url, "SELECT refreshtop.change_view('sales', '{\"schedule\": \" * * * * * \"}')").await;
    execute(&url, &format!("SELECT refreshtop.change_view('{top}', '{{\"schedule\": \"0 6 1 * *\"}}')")).await;
    execute(&url, &format!("SELECT refreshtop.change_view('{long}', '{{\"schedule\": \"0 6 * * mon\"}}')")).await;
    let made = plain(&url).await;
    assert_eq!(made.len(), 3, "{made:?}");
    assert_eq!(made[0], job("sales", "* * * * *", true));
    assert!(
        made[1].contains(&format!(
            "|0 6 1 * *|SELECT pg_catalog.pg_sleep(…); SELECT refreshtop.limit_time('{top}'); \
             SELECT refreshtop.refresh('{top}');|"
        )),
        "{made:?}"
    );
    let session = Session::open(&url).await;
    let every =
        session.rows("SELECT refresh_type, schedule, run_every::text AS every FROM refreshtop.views ORDER BY 1").await;
    let every: Vec<&str> = every.iter().map(|row| row["every"].as_str().unwrap()).collect();
    assert_eq!(every.len(), 4, "platform_metrics has one too: {every:?}");
    assert!(every.contains(&"00:01:00") && every.contains(&"744:00:00") && every.contains(&"168:00:00"), "{every:?}");
    // The longest name has 63 bytes, in every text that a person meets.
    let shown = run(&url, &["job", "--json", "--view", &long]).await.json();
    assert_eq!(shown["jobs"][0]["schedule"], "0 6 * * mon", "{shown}");
    assert_eq!(run(&url, &["job", "pause", "--view", &long]).await.code, Some(0));
    assert_eq!(session.value::<i64>("(SELECT count(*) FROM cron.job WHERE NOT active)").await, 1);
    // Read together with all other views.
    let status = run(&url, &["status", "--json"]).await;
    let jobs_of_all: Vec<serde_json::Value> = status
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["job"].clone())
        .collect();
    let of = |schedule: &str| jobs_of_all.iter().find(|job| job["schedule"] == schedule).unwrap();
    assert_eq!((jobs_of_all.len(), &of("0 6 * * mon")["active"]), (4, &false.into()), "{status:?}");
    assert_eq!(of("* * * * *")["active"], true);
    assert!(of("* * * * *")["next_run_at"].is_string(), "{status:?}");

    // Migrating and restoring again changes nothing.
    let before = jobs(&url).await;
    for words in [&["migrate"][..], &["job", "restore"]] {
        assert_eq!(run(&url, words).await.code, Some(0));
        assert_eq!(jobs(&url).await, before);
    }
    let refreshed = "EXISTS (SELECT FROM public.metrics_refresh_log WHERE refresh_type = 'sales' AND status = 'success'
                              AND trigger_source = 'schedule' AND triggered_by = 'refreshtop_job')";
    for _ in 0..400 {
        if session.value::<bool>(refreshed).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(session.value::<bool>(refreshed).await, "a refresh by pg_cron within 200 seconds");
    let all = session.rows("SELECT refresh_type, schedule, active FROM refreshtop.jobs_of_views() ORDER BY 1").await;
    assert_eq!(all.len(), 4, "{all:?}");

    execute(&url, "SELECT refreshtop.change_view('sales', '{\"schedule\": null}')").await;
    execute(&url, &format!("SELECT refreshtop.unmanage('{top}')")).await;
    assert_eq!(plain(&url).await.len(), 1);
    let lines = down(&url).await;
    assert_eq!(with(&lines, &["unscheduled job"]).len(), 3, "{lines:?}");
    assert!(jobs(&url).await.is_empty());
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn jobs_of_views_are_made_and_changed_in_another_database() {
    let (cluster, url) = own_cluster("postgres").await;
    let cron = cluster.url("postgres");
    up(&url).await;
    views(&url, &["a", "b"]).await;
    // In SQL alone the registry has it, and the program makes the job.
    execute(&url, "SELECT refreshtop.change_view('a', '{\"schedule\": \"*/5 * * * *\"}')").await;
    assert!(plain(&cron).await.is_empty());
    let set = run(&url, &["views", "set", "b", "--schedule", "*/10 * * * *"]).await;
    assert!(set.out.contains("job refresh-view-b scheduled (*/10 * * * *)"), "{set:?}");
    assert_eq!(plain(&cron).await, [job("a", "*/5 * * * *", true), job("b", "*/10 * * * *", true)]);
    for words in [&["job", "pause", "--view", "a"][..], &["job", "every", "7 * * * *", "--view", "a"]] {
        let ran = run(&url, words).await;
        assert_eq!(ran.code, Some(0), "{words:?} {ran:?}");
    }
    assert_eq!(plain(&cron).await[0], job("a", "7 * * * *", false));
    let kept: String =
        value(&url, "SELECT schedule || ' ' || run_every FROM refreshtop.views WHERE refresh_type = 'a'").await;
    assert_eq!(kept, "7 * * * * 01:00:00");
    let every = run(&url, &["job", "every", "*/7 * * * *", "--view", "platform_metrics"]).await;
    assert_eq!(every.code, Some(0), "{every:?}");
    let own = "SELECT schedule FROM refreshtop.views WHERE refresh_type = 'platform_metrics'";
    assert_eq!(value::<String>(&url, own).await, "*/7 * * * *");
    let set = run(&url, &["views", "set", "platform_metrics", "--schedule", "*/9 * * * *"]).await;
    assert_eq!((set.code, set.out.lines().count()), (Some(0), 1), "{set:?}");
    assert_eq!(value::<String>(&url, own).await, "*/9 * * * *");
    assert!(jobs(&cron).await.iter().any(|job| job.starts_with("refresh-platform-metrics|*/9 * * * *|")));
    // What somebody has changed in pg_cron is put right; the pause stays.
    execute(&cron, "UPDATE cron.job SET schedule = '1 1 1 1 *' WHERE jobname = 'refresh-view-a'").await;
    let restored = run(&url, &["job", "restore"]).await;
    assert!(
        restored.out.contains("job refresh-view-a runs at 7 * * * * instead of 1 1 1 1 * (paused)"),
        "{restored:?}"
    );
    assert_eq!(plain(&cron).await[0], job("a", "7 * * * *", false));
    let none = run(&url, &["views", "set", "b", "--schedule", "none"]).await;
    assert!(none.out.contains("unscheduled job refresh-view-b"), "{none:?}");
    let removed = run(&url, &["views", "remove", "a", "--yes"]).await;
    assert!(removed.out.contains("  unscheduled job refresh-view-a"), "{removed:?}");
    assert!(plain(&cron).await.is_empty());
    assert_eq!(jobs(&cron).await.len(), 2, "the jobs of the contract stay");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn offsets_are_stable_differ_and_stay_within_the_interval() {
    let url = crate::support::migrated_app("offsets").await;
    let session = Session::open(&url).await;
    let offsets = |every: &str| {
        format!("ARRAY(SELECT refreshtop.job_offset('view_' || n, '{every}')::float8 FROM generate_series(1, 50) n)")
    };
    let five: Vec<f64> = session.value(&offsets("5 min")).await;
    assert_eq!(session.value::<Vec<f64>>(&offsets("5 min")).await, five);
    let starts: BTreeSet<u64> = five.iter().map(|offset| offset.to_bits()).collect();
    assert!(starts.len() > 40, "{five:?}");
    let most_in_a_second = (0..30)
        .map(|second| five.iter().filter(|at| (f64::from(second)..f64::from(second + 1)).contains(*at)).count())
        .max();
    assert!(most_in_a_second < Some(8), "{five:?}");
    for (every, longest) in [("5 min", 30.0), ("1 day", 30.0), ("1 min", 12.0), ("10 s", 2.0)] {
        let offsets: Vec<f64> = session.value(&offsets(every)).await;
        assert!(offsets.iter().all(|offset| (0.0..=longest).contains(offset)), "{every}: {offsets:?}");
    }
}

#[tokio::test]
async fn the_longest_pause_of_a_schedule_is_known() {
    let url = crate::support::migrated_app("pauses").await;
    let session = Session::open(&url).await;
    for (schedule, pause) in [
        ("* * * * *", "00:01:00"),
        ("*/5 * * * *", "00:05:00"),
        ("*/7 * * * *", "00:07:00"),
        ("0,1 * * * *", "00:59:00"),
        ("0 6 * * *", "24:00:00"),
        ("0 6,18 * * *", "12:00:00"),
        ("*/10 9-17 * * 1-5", "63:10:00"),
        ("0 9 * * mon-fri", "72:00:00"),
        ("0 9 * * 7", "168:00:00"),
        ("0 0 1 * *", "744:00:00"),
        ("0 0 $ * *", "744:00:00"),
        ("0 0 1 1 *", "8784:00:00"),
        ("0 0 29 2 *", "35064:00:00"),
        // With a day and a weekday, one of both is enough.
        ("0 0 1 * mon", "168:00:00"),
        ("30 seconds", "00:00:30"),
        ("1 second", "00:00:01"),
    ] {
        let found: String = session.value(&format!("refreshtop.longest_pause('{schedule}')::text")).await;
        assert_eq!(found, pause, "{schedule}");
    }
    for wrong in [
        "",
        "hourly",
        "@daily",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "5/10 * * * *",
        "*/0 * * * *",
        "9-5 * * * *",
        "1,,2 * * * *",
        "0 0 30 2 *",
        "0 seconds",
        "60 seconds",
        "* * 0 * *",
        "* * * foo *",
        "-1 * * * *",
    ] {
        let state = session.sqlstate(&format!("SELECT refreshtop.longest_pause('{wrong}')")).await;
        assert_eq!(state, "22023", "{wrong}");
    }
}

#[tokio::test]
async fn who_is_no_administrator_can_schedule_nothing() {
    let (cluster, url) = own_cluster("app").await;
    up(&url).await;
    execute(&url, "CREATE ROLE owner LOGIN PASSWORD 'owner'").await;
    let owner_url = cluster.url_of("owner", "owner", "app");
    execute(&url, "GRANT USAGE ON SCHEMA cron TO owner; GRANT CREATE ON SCHEMA public TO owner").await;
    execute(&owner_url, "CREATE MATERIALIZED VIEW mine AS SELECT 1 AS id; CREATE UNIQUE INDEX ON mine (id)").await;
    let added = run(&url, &["views", "add", "mine", "--yes"]).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    let session = Session::open(&owner_url).await;
    for sql in [
        "SELECT refreshtop.change_view('mine', '{\"schedule\": \"* * * * *\"}')",
        "SELECT refreshtop.change_job('refresh-view-mine', '* * * * *', true)",
        "SELECT refreshtop.keep_schedule('refresh-view-mine', '* * * * *')",
        "SELECT refreshtop_definers.put_job('x', '* * * * *', 'SELECT 1', 'x')",
        "SELECT refreshtop.jobs_of_views()",
    ] {
        assert_eq!(session.sqlstate(sql).await, "42501", "{sql}");
    }
    let set = run(&owner_url, &["views", "set", "mine", "--schedule", "* * * * *"]).await;
    assert_eq!(set.code, Some(i32::from(refreshtop_core::exit::NOT_PERMITTED)), "{set:?}");
    // A job of theirs under our name is not ours, and stays what it is.
    execute(&owner_url, "SELECT cron.schedule('refresh-view-mine', '* * * * *', 'SELECT 1')").await;
    let set = run(&url, &["views", "set", "mine", "--schedule", "0 3 * * *"]).await;
    assert!(set.code == Some(0) && set.out.contains("has the name of our job"), "{set:?}");
    let found = jobs(&url).await;
    assert!(found.contains(&"refresh-view-mine|* * * * *|SELECT 1|owner|t".to_owned()), "{found:?}");
    assert_eq!(plain(&url).await.len(), 2, "{found:?}");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_administrator_keeps_no_text_that_is_no_schedule() {
    let (cluster, url) = own_cluster("app").await;
    up(&url).await;
    views(&url, &["sales", "idle"]).await;
    execute(&url, "SELECT refreshtop.change_view('sales', '{\"schedule\": \"0 6 * * *\"}')").await;
    execute(&url, "CREATE ROLE admin LOGIN PASSWORD 'admin' IN ROLE refreshtop_admin").await;
    let admin = Session::open(&cluster.url_of("admin", "admin", "app")).await;
    for text in ["'garbage'", "NULL", "'0 0 31 2 *'", "repeat('* ', 5000)", "E'0 6 * * * \\x1b[31m'"] {
        admin.run(&format!("SELECT refreshtop.keep_schedule('refresh-view-sales', {text})")).await;
    }
    admin.run("SELECT refreshtop.keep_schedule('refresh-view-idle', '0 7 * * *')").await;
    let kept = "SELECT string_agg(concat_ws('|', refresh_type, schedule, run_every), ' ' ORDER BY refresh_type)
                FROM refreshtop.views WHERE refresh_type IN ('sales', 'idle')";
    assert_eq!(value::<String>(&url, kept).await, "idle sales|0 6 * * *|24:00:00");
    admin.run("SELECT refreshtop.keep_schedule('refresh-view-sales', '0 7 * * *')").await;
    let noted = "SELECT string_agg(concat_ws(' ', caller, detail ->> 'schedule'), ', ')
                 FROM refreshtop.audit WHERE action = 'keep schedule' AND caller = 'admin'";
    assert_eq!(value::<String>(&url, noted).await, "admin 0 7 * * *");
    up(&url).await;
    cluster.stop().await.unwrap();
}
