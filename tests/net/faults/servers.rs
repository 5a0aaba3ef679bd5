//! Servers that end sessions, go away, come back, or run out of something.

use super::{Fault, REFRESH, keys_answer, leave, monitor, own_server, own_server_with};
use crate::support::{client, execute, options, value};
use refreshtop_cluster::ClusterOptions;
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, os::unix::fs::chown, process::Command, time::Duration};

/// Ends sessions by the name that they have.
fn terminate(like: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '{like}'")
}

#[tokio::test]
async fn a_terminated_listener_listens_again_and_misses_nothing() {
    let (cluster, url) = own_server().await;
    let monitor = monitor(&url).live();
    // What the server says as it ends is lost if it has not read all that was sent: the poll that follows must be over.
    monitor.wait_quiet(Duration::from_millis(500));
    let mut fault = Fault::begins("pg_terminate_backend on the listener", (5, 10));
    monitor.miss_nothing();
    execute(&url, &terminate("refreshtop monitor")).await;
    fault.noticed(&monitor, &["DOWN", "terminating connection due to administrator command"]);
    execute(&url, REFRESH).await;
    fault.ends(&monitor);
    monitor.wait_text("RUNS  2 ");
    leave(monitor);
    drop(cluster);
}

#[tokio::test]
async fn every_session_terminated_at_once() {
    let (cluster, url) = own_server().await;
    let monitor = monitor(&url).live();
    let mut fault = Fault::begins("pg_terminate_backend on every session", (5, 10));
    monitor.miss_nothing();
    execute(&url, &terminate("refreshtop%")).await;
    fault.noticed(&monitor, &["DOWN"]);
    fault.ends(&monitor);
    leave(monitor);
    drop(cluster);
}

#[tokio::test]
async fn a_restart_is_over_a_moment_after_the_server_is_back() {
    let (mut cluster, url) = own_server().await;
    let mut monitor = monitor(&url).live();
    let mut fault = Fault::begins("server stopped for three seconds", (5, 10));
    cluster.stop_postgres().await.unwrap();
    fault.noticed(&monitor, &["DOWN", "OLD"]);
    keys_answer(&mut monitor);
    tokio::time::sleep(Duration::from_secs(3)).await;
    cluster.start_postgres().await.unwrap();
    fault.ends(&monitor);
    leave(monitor);
}

#[tokio::test]
async fn crash_recovery_after_a_killed_backend() {
    let (cluster, url) = own_server().await;
    let monitor = monitor(&url).live();
    let victim = client(&url).await;
    let pid: i32 = victim.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let mut fault = Fault::begins("a backend killed by the system, crash recovery", (5, 10));
    monitor.miss_nothing();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    fault.noticed(&monitor, &["DOWN"]);
    fault.ends(&monitor);
    leave(monitor);
    drop(cluster);
}

#[tokio::test]
async fn a_server_that_was_killed_and_started_again() {
    let (mut cluster, url) = own_server().await;
    execute(&url, "CHECKPOINT").await;
    let monitor = monitor(&url).live();
    let mut fault = Fault::begins("the server killed with -9", (5, 10));
    cluster.kill9();
    fault.noticed(&monitor, &["DOWN", "OLD"]);
    cluster.start_postgres().await.unwrap();
    fault.ends(&monitor);
    leave(monitor);
}

#[tokio::test]
async fn idle_session_timeout_costs_no_session() {
    if value::<i32>(&own_server().await.1, "SELECT current_setting('server_version_num')::int").await < 140_000 {
        // The setting came with PostgreSQL 14; what is tested does not exist before.
        return;
    }
    let settings = vec![("idle_session_timeout".to_owned(), "1s".to_owned())];
    let (cluster, url) = own_server_with(ClusterOptions { settings, ..options() }).await;
    let quiet = super::Launch::refreshtop(&["--poll", "4s"]).env("REFRESHTOP_URL", &url).live();
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        execute(&url, REFRESH).await;
    }
    quiet.wait_text("RUNS  5 ");
    let seen = String::from_utf8_lossy(&quiet.raw_bytes()).into_owned();
    assert!(!seen.contains("DOWN") && !seen.contains("FAILS"), "{}", quiet.screen_text());
    leave(quiet);
    drop(cluster);
}

/// Without the right to mount, the log itself says what a full disk says: the refresh can't write its row either.
const AS_IF_FULL: &str = "
    CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION public.full_disk();
    CREATE TRIGGER full_disk BEFORE INSERT ON refreshtop.log_fallback FOR EACH ROW EXECUTE FUNCTION public.full_disk()";

#[tokio::test]
async fn a_full_disk_is_reported_though_the_log_takes_no_row() {
    let (cluster, url) = own_server().await;
    let mut monitor = monitor(&url).live();
    let folder = cluster.folder().join("small");
    let mounted = small_disk(&folder, &cluster);
    if mounted {
        let sql = format!("CREATE TABLESPACE small LOCATION '{}'", folder.display());
        execute(&url, &sql).await;
        // The row is kept in the fallback if only the log takes none.
        for table in ["public.metrics_refresh_log", "refreshtop.log_fallback"] {
            execute(&url, &format!("ALTER TABLE {table} SET TABLESPACE small")).await;
        }
        fill(&url, &folder).await;
    } else {
        execute(&url, AS_IF_FULL).await;
    }
    let mut fault = Fault::begins("disk full on the server", (5, 5));
    monitor.send("r");
    fault.noticed(&monitor, &["No space left on device"]);
    keys_answer(&mut monitor);
    if mounted {
        fs::remove_file(folder.join("ballast")).unwrap();
    } else {
        for table in ["public.metrics_refresh_log", "refreshtop.log_fallback"] {
            execute(&url, &format!("DROP TRIGGER full_disk ON {table}")).await;
        }
    }
    execute(&url, REFRESH).await;
    // The attempt that could not write its row is logged by the next one.
    monitor.wait_for("both", |screen| screen.contains("LIVE") && screen.contains("ended without a trace"));
    fault.ends(&monitor);
    leave(monitor);
    drop(cluster);
    if mounted {
        let _ = Command::new("umount").arg("-l").arg(&folder).status();
        let _ = fs::remove_dir(&folder);
    }
}

/// A disk of 8 MB; false if nobody may mount one here.
fn small_disk(folder: &std::path::Path, cluster: &refreshtop_cluster::DisposableCluster) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = fs::metadata(cluster.data_dir()).unwrap();
    fs::create_dir(folder).unwrap();
    let options = format!("size=8m,uid={},gid={},mode=0700", owner.uid(), owner.gid());
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).output();
    let mounted = mounted.is_ok_and(|output| output.status.success());
    if mounted {
        chown(folder, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    mounted
}

/// Fills the disk, and then the free room within the log.
async fn fill(url: &str, folder: &std::path::Path) {
    let ballast = fs::File::create(folder.join("ballast")).unwrap();
    let block = vec![0; 64 * 1024];
    while std::io::Write::write_all(&mut &ballast, &block).is_ok() {}
    let session = client(url).await;
    // Large rows first, then small ones into what those leave.
    for length in [60, 0] {
        let row = format!(
            "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at, error_message)
             VALUES ('other', 'error', now(), repeat(md5(random()::text), {length}))"
        );
        while session.batch_execute(&row).await.is_ok() {}
    }
}
