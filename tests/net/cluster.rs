//! Disposable clusters, on the real server.

use crate::support::{
    self, client, options,
    processes::{eventually, processes_of},
};
use refreshtop_cluster::{ClusterError, ClusterOptions, Cron, DisposableCluster, leftovers};
use rustix::process::{Pid, Signal, geteuid, getpgid, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

async fn start(options: &ClusterOptions) -> DisposableCluster {
    DisposableCluster::start(options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn serves_until_it_is_stopped_and_leaves_nothing() {
    let mut steps = Vec::new();
    let cluster = DisposableCluster::start(&options(), &mut |step| steps.push(step.to_owned()))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(steps.len(), 2, "{steps:?}");

    let row = client(&cluster.url("postgres")).await;
    let row = row.query_one("SELECT current_user::text, current_setting('server_encoding'), 1", &[]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("postgres", "UTF8"));

    let (folder, pid) = (cluster.folder().to_owned(), cluster.pid().unwrap());
    assert!(processes_of(&folder).contains(&pid));
    cluster.stop().await.unwrap();
    assert!(!folder.exists());
    assert!(processes_of(&folder).is_empty());
}

#[tokio::test]
async fn the_password_is_asked_for_and_never_shown() {
    let cluster = start(&options()).await;
    let wrong = cluster.url_of("postgres", "wrong", "postgres");
    let refused = tokio_postgres::connect(&wrong, tokio_postgres::NoTls).await.err().unwrap();
    assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::INVALID_PASSWORD));

    assert!(!format!("{cluster:?}").contains(cluster.password()));
    assert!(!fs::read_to_string(cluster.log_path()).unwrap().contains(cluster.password()));
    assert!(!cluster.folder().join("password").exists());
    for pid in processes_of(cluster.folder()) {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&line).contains(cluster.password()));
    }
}

#[tokio::test]
async fn root_drops_every_privilege_and_every_group() {
    let cluster = start(&options()).await;
    for pid in [cluster.pid().unwrap(), cluster.watcher_pid()] {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert!(!field("Uid:").split_whitespace().any(|uid| uid == "0"), "{status}");
        assert!(!field("Groups:").split_whitespace().any(|group| group == "0"), "{status}");
    }
}

#[tokio::test]
async fn a_restart_keeps_port_and_data_and_ends_sessions() {
    let mut cluster = start(&options()).await;
    let url = cluster.url("postgres");
    let session = client(&url).await;
    session.batch_execute("CREATE TABLE kept AS SELECT 1 AS one").await.unwrap();
    let pid = cluster.pid();

    cluster.restart().await.unwrap();
    assert_ne!(cluster.pid(), pid);
    assert_eq!(cluster.url("postgres"), url);
    assert!(session.batch_execute("SELECT 1").await.is_err());
    client(&url).await.batch_execute("SELECT one FROM kept").await.unwrap();

    cluster.stop_postgres().await.unwrap();
    assert_eq!(cluster.pid(), None);
    assert!(tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_err());
    cluster.start_postgres().await.unwrap();
    client(&url).await.batch_execute("SELECT one FROM kept").await.unwrap();
}

#[tokio::test]
async fn comes_back_after_a_crash_under_load() {
    let mut cluster = start(&options()).await;
    let url = cluster.url("postgres");
    let busy = client(&url).await;
    let sleeping = tokio::spawn(async move { busy.batch_execute("SELECT pg_sleep(60)").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    cluster.kill9();
    cluster.start_postgres().await.unwrap_or_else(|error| panic!("{error}"));
    client(&url).await.batch_execute("SELECT 1").await.unwrap();
    assert!(sleeping.await.unwrap().is_err());
}

#[tokio::test]
async fn several_at_once_do_not_collide() {
    let options = options();
    let (a, b, c) = tokio::join!(start(&options), start(&options), start(&options));
    assert!(a.port() != b.port() && b.port() != c.port() && a.port() != c.port());
    for cluster in [&a, &b, &c] {
        client(&cluster.url("postgres")).await.batch_execute("SELECT 1").await.unwrap();
    }
    let folders = [&a, &b, &c].map(|cluster| cluster.folder().to_owned());
    drop((a, b, c));
    assert!(folders.iter().all(|folder| !folder.exists() && processes_of(folder).is_empty()));
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_and_leaves_nothing() {
    let base = reachable_base();
    let settings = vec![("shared_buffers".into(), "lots".into())];
    let options = ClusterOptions { settings, temp_dir: Some(base.path().into()), ..options() };
    let error = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_err();
    assert!(matches!(error, ClusterError::Died { .. }), "{error}");
    assert!(error.to_string().contains("shared_buffers"), "{error}");
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing() {
    let base = reachable_base();
    let options = ClusterOptions { temp_dir: Some(base.path().into()), ..options() };
    for patience in [30, 150, 400, 700] {
        let progress = &mut |_: &str| {};
        let starting = DisposableCluster::start(&options, progress);
        drop(tokio::time::timeout(Duration::from_millis(patience), starting).await);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0, "given up after {patience} ms");
    }
    eventually("no process is left", || processes_of(base.path()).is_empty());
}

#[tokio::test]
async fn a_wrong_folder_of_programs_is_named() {
    let options = ClusterOptions { pg_bin: Some("/nonexistent".into()), ..options() };
    let error = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_err().to_string();
    assert!(error.contains("/nonexistent") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn pg_cron_may_live_in_any_database() {
    let options = ClusterOptions { cron: Cron::Required("jobs".into()), ..options() };
    let cluster = start(&options).await;
    assert!(cluster.has_cron());
    client(&cluster.url("postgres")).await.batch_execute("CREATE DATABASE jobs").await.unwrap();
    let jobs = client(&cluster.url("jobs")).await;
    jobs.batch_execute("CREATE EXTENSION pg_cron").await.unwrap();
    let elsewhere = client(&cluster.url("postgres")).await.batch_execute("CREATE EXTENSION pg_cron").await;
    assert!(elsewhere.is_err(), "it lives in one database only");
    let row = jobs.query_one("SELECT current_setting('cron.use_background_workers')", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "on");
}

#[tokio::test]
async fn the_shared_cluster_gives_each_test_its_own_database() {
    let (one, other) = tokio::join!(support::fresh_app("app"), support::fresh_app("app"));
    assert_ne!(one, other);
    let (role, url) = support::fresh_role(&one, "clerk", "").await;
    let row = client(&url).await.query_one("SELECT current_user::text", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), role);
}

/// A place for folders that the server's account can get into.
fn reachable_base() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let base = tempfile::tempdir().unwrap();
    fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
    base
}

// What follows runs this test program again as the owner of a cluster, in order to kill it.

const OWNER: &str = "REFRESHTOP_TEST_OWNER";

/// Not a test: the owner in the tests below. It prints its cluster and then waits to be killed.
#[test]
#[ignore = "a helper of other tests"]
fn owner() {
    let Some(base) = std::env::var_os(OWNER) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = ClusterOptions { temp_dir: Some(base.into()), ..options() };
    let cluster = runtime.block_on(start(&options));
    runtime.block_on(async { client(&cluster.url("postgres")).await.batch_execute("SELECT 1").await.unwrap() });
    println!("\ncluster {} {} {}", cluster.watcher_pid(), cluster.pid().unwrap(), cluster.folder().display());
    thread::sleep(Duration::from_mins(2));
}

struct Owner {
    child: Child,
    watcher: i32,
    server: u32,
    folder: PathBuf,
}

impl Owner {
    fn start(base: &Path, prepare: impl FnOnce(&mut Command)) -> Self {
        // Whoever runs the tests may ignore SIGHUP (nohup does), and children inherit that.
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP,INT,TERM").arg(std::env::current_exe().unwrap());
        prepare(&mut command);
        command.args(["--ignored", "--exact", "cluster::owner", "--nocapture"]).env(OWNER, base).current_dir("/");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let line = lines.find(|line| line.starts_with("cluster ")).expect("the owner tells its cluster");
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let (watcher, server) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        Self { child, watcher, server, folder: words[3].into() }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

#[test]
fn the_watcher_ends_the_cluster_whatever_ends_its_owner() {
    let base = reachable_base();
    for signal in [Signal::KILL, Signal::TERM, Signal::HUP, Signal::INT, Signal::ABORT] {
        let mut owner = Owner::start(base.path(), |_| {});
        assert!(processes_of(&owner.folder).contains(&owner.server));
        send(owner.child.id().cast_signed(), signal);
        owner.child.wait().unwrap();
        eventually("the folder is gone", || !owner.folder.exists());
        eventually("the processes are gone", || processes_of(&owner.folder).is_empty());
    }
}

#[test]
fn an_owner_killed_while_it_starts_leaves_nothing() {
    let base = reachable_base();
    for after in [50, 150, 300, 450] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "cluster::owner"]).env(OWNER, base.path()).stdout(Stdio::null());
        let mut owner = command.spawn().unwrap();
        thread::sleep(Duration::from_millis(after));
        owner.kill().unwrap();
        owner.wait().unwrap();
        eventually("the folder is gone", || fs::read_dir(base.path()).unwrap().count() == 0);
        eventually("the processes are gone", || processes_of(base.path()).is_empty());
    }
}

/// Ctrl-C goes to the whole group in the foreground; the server must not end before the program stops it.
#[tokio::test]
async fn the_server_is_in_a_group_apart() {
    let cluster = start(&options()).await;
    let group = |pid: u32| getpgid(Pid::from_raw(pid.cast_signed())).unwrap();
    let server = group(cluster.pid().unwrap());
    assert_ne!(server, group(std::process::id()));
    assert_eq!(server, group(cluster.watcher_pid()));
}

#[test]
fn the_next_run_cleans_up_what_was_killed_with_its_watcher_and_spares_the_living() {
    let base = reachable_base();
    let mut killed = Owner::start(base.path(), |_| {});
    let mut living = Owner::start(base.path(), |_| {});
    send(killed.watcher, Signal::KILL);
    killed.kill();
    assert!(processes_of(&killed.folder).contains(&killed.server), "nobody has stopped it yet");

    let removed = leftovers::clean(Some(base.path())).unwrap();
    assert_eq!(removed, [killed.folder.clone()]);
    assert!(!killed.folder.exists());
    eventually("its processes are gone", || processes_of(&killed.folder).is_empty());
    assert!(processes_of(&living.folder).contains(&living.server));

    living.kill();
    eventually("the other ended as well", || !living.folder.exists());
}

#[test]
fn an_ordinary_user_needs_no_privilege() {
    // As an ordinary user, every other test is this test.
    if !geteuid().is_root() {
        return;
    }
    let base = reachable_base();
    // The program may lie where only root gets to.
    let program = base.path().join("program");
    // Written by another process: a child that another test starts meanwhile would hold a file open for writing that
    // is open here, and the system starts no program that somebody has open for writing.
    let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status().unwrap();
    assert!(copied.success());
    let as_nobody = |command: &mut Command| {
        *command = Command::new(&program);
        command.uid(65_534).gid(65_534);
    };
    let mut owner = Owner::start(base.path(), as_nobody);
    let status = fs::read_to_string(format!("/proc/{}/status", owner.server)).unwrap();
    assert!(status.contains("Uid:\t65534\t65534"), "{status}");
    owner.kill();
    eventually("folder and processes are gone", || !owner.folder.exists() && processes_of(&owner.folder).is_empty());
}
