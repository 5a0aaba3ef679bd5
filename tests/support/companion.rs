//! Programs beside the test's server: a pooler, a standby. Each ends with the test program, however that ends.

use refreshtop_cluster::DisposableCluster;
use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tokio_postgres::NoTls;
use uuid::Uuid;

/// Longest wait for a program to be ready; only a failing test ever waits so long.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs `"$@"` until its own input ends, which is when the test is gone.
const GUARD: &str =
    r#""$@" >"$FOLDER/out" 2>&1 & program=$!; cat >/dev/null; kill -s "$ENDING" $program; wait $program"#;

/// A folder of the account that runs the cluster's server, and the ways to run programs as it.
struct Home {
    folder: PathBuf,
    uid: u32,
    gid: u32,
}

impl Home {
    fn new(cluster: &DisposableCluster) -> Self {
        let owner = fs::metadata(cluster.data_dir()).unwrap();
        // Where the server's account gets to.
        let folder =
            cluster.folder().parent().unwrap().join(format!("rt-{}", &Uuid::new_v4().simple().to_string()[..8]));
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let home = Self { folder, uid: owner.uid(), gid: owner.gid() };
        chown(&home.folder, Some(home.uid), Some(home.gid)).unwrap();
        home
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env_clear().env("PATH", env::var_os("PATH").unwrap_or_default());
        if rustix::process::geteuid().is_root() {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        chown(&path, Some(self.uid), Some(self.gid)).unwrap();
        path
    }

    /// Starts `program`, which `signal` ends.
    fn guarded(&self, program: &Path, args: &[&str], signal: &str) -> Guarded {
        let mut command = self.command("sh");
        command.args(["-c", GUARD, "sh"]).arg(program).args(args);
        command.env("FOLDER", &self.folder).env("ENDING", signal).stdin(Stdio::piped());
        Guarded(command.spawn().expect("the program starts"))
    }

    fn out(&self) -> String {
        fs::read_to_string(self.folder.join("out")).unwrap_or_default()
    }

    fn wait_for_port(&self, port: u16) {
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(since.elapsed() < PATIENCE, "nothing listens: {}", self.out());
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // The guard reads to the end of its input.
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

/// Below the ports of outgoing connections.
fn free_port() -> u16 {
    let ports = (0..50).map(|_| 12_000 + u16::try_from(Uuid::new_v4().as_u128() % 8_000).unwrap());
    ports.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// `url` with another port.
fn at_port(url: &str, port: u16) -> String {
    let (login, place) = url.rsplit_once('@').unwrap();
    let (host, database) = place.split_once('/').unwrap();
    format!("{login}@{}:{port}/{database}", host.rsplit_once(':').unwrap().0)
}

/// `PgBouncer` before a cluster.
pub struct Pooler {
    running: Option<Guarded>,
    port: u16,
    home: Home,
}

impl Pooler {
    /// `mode` is its `pool_mode`; `settings` are further lines of its configuration.
    pub fn start(cluster: &DisposableCluster, mode: &str, pool_size: u32, settings: &str) -> Self {
        let home = Home::new(cluster);
        let port = free_port();
        let users = home.write("users", &format!("\"{}\" \"{}\"\n", cluster.user(), cluster.password()));
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\nadmin_users = {}\npool_mode = {mode}\n\
             default_pool_size = {pool_size}\nserver_login_retry = 1\n{settings}\n",
            cluster.port(),
            users.display(),
            cluster.user(),
        );
        home.write("config", &config);
        let mut pooler = Self { running: None, port, home };
        pooler.resume();
        pooler
    }

    /// Ends the program; the port stays its own.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it again.
    pub fn resume(&mut self) {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let program = program.map(Path::new).into_iter().find(|path| path.exists());
        let program = program.expect("pgbouncer is not installed: scripts/setup test installs it");
        let config = self.home.folder.join("config");
        self.running = Some(self.home.guarded(program, &[config.to_str().unwrap()], "TERM"));
        self.home.wait_for_port(self.port);
    }

    /// `url` of the cluster, by way of the pooler.
    pub fn url(&self, url: &str) -> String {
        at_port(url, self.port)
    }

    /// Runs a command of its console, such as `PAUSE`.
    pub async fn command(&self, url: &str, command: &str) {
        let url = self.url(url);
        let console = format!("{}/pgbouncer", url.rsplit_once('/').unwrap().0);
        let client = super::client(&console).await;
        client.simple_query(command).await.unwrap_or_else(|error| panic!("{error:?} in {command}"));
    }
}

/// A streaming standby of a cluster.
pub struct Standby {
    _running: Guarded,
    port: u16,
    _home: Home,
}

/// Settings that a primary needs.
pub fn primary_settings() -> Vec<(String, String)> {
    [("wal_level", "replica"), ("max_wal_senders", "5")].map(|(name, value)| (name.into(), value.into())).to_vec()
}

impl Standby {
    /// Copies the cluster, and starts to follow it.
    pub async fn of(primary: &DisposableCluster) -> Self {
        let home = Home::new(primary);
        let bin = primary.programs().bin();
        let data = home.folder.join("data");
        let copied = home
            .command(bin.join("pg_basebackup"))
            .args(["-h", "127.0.0.1", "-p", &primary.port().to_string(), "-U", primary.user()])
            .args(["-R", "-X", "stream", "-c", "fast", "-D"])
            .arg(&data)
            .env("PGPASSWORD", primary.password())
            .output()
            .unwrap();
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let port = free_port();
        let args = ["-D", data.to_str().unwrap(), "-p", &port.to_string(), "-c", "unix_socket_directories="];
        let running = home.guarded(&bin.join("postgres"), &args, "INT");
        let url = at_port(&primary.url("postgres"), port);
        let since = Instant::now();
        // It listens before it can be read.
        while tokio_postgres::connect(&url, NoTls).await.is_err() {
            assert!(since.elapsed() < PATIENCE, "the standby can't be read: {}", home.out());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { _running: running, port, _home: home }
    }

    /// The port that it listens at.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `url` of the primary, on the standby.
    pub fn url(&self, url: &str) -> String {
        at_port(url, self.port)
    }
}
