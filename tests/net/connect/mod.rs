//! Connecting to a real server, in every way that it allows and refuses.

mod auth;
mod strings;
mod tls;

use futures_util::StreamExt as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use refreshtop_connect::{
    ConnectError, Connected, Kind, Limits, Target, connect, environment::Environment, secret::ConnectionUrl,
};
use refreshtop_db::session::Session;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

const RULES: &str = "\
local     all       all            trust
host      trusting  all 127.0.0.1/32 trust
host      plain     all 127.0.0.1/32 password
host      hashed    all 127.0.0.1/32 md5
hostssl   certified all 127.0.0.1/32 cert
hostssl   doubly    all 127.0.0.1/32 scram-sha-256 clientcert=verify-full
hostssl   tlsonly   all 127.0.0.1/32 scram-sha-256
hostnossl plainonly all 127.0.0.1/32 scram-sha-256
host      app       all 127.0.0.1/32 scram-sha-256
host      nosuch    all 127.0.0.1/32 scram-sha-256
";

/// A server of our own; it goes with the value.
struct Server {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("refreshtop-connect-").tempdir_in("/tmp").unwrap();
        let path = folder.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        let data = path.join("data");
        fs::create_dir(&data).unwrap();
        let (user, group) = owner();
        std::os::unix::fs::chown(&data, user, group).unwrap();
        let status = program("initdb")
            .args(["--auth=trust", "--username=boss", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        certificates(path, &data);
        fs::write(data.join("pg_hba.conf"), RULES).unwrap();
        // Not on the command line, which nothing could change afterwards.
        let mut settings = fs::OpenOptions::new().append(true).open(data.join("postgresql.conf")).unwrap();
        writeln!(settings, "ssl = on\nssl_ca_file = 'clients.crt'").unwrap();
        let (port, process) = (0..5).find_map(|_| serve(path, &data)).unwrap();
        Self { folder, port, process }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn root(&self) -> String {
        self.folder.path().join("root.crt").display().to_string()
    }

    /// A session of the superuser, through the socket; waits until the server takes it.
    async fn boss(&self) -> Connected {
        let target = target(&format!("host={} port={} user=boss dbname=postgres", self.data().display(), self.port));
        let start = Instant::now();
        loop {
            match connect(&target, "setup", &Limits::default()).await {
                Ok(session) => return session,
                Err(error) if start.elapsed() < Duration::from_mins(1) => {
                    assert!(error.kind.may_pass(), "{error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => {
                    let log = fs::read_to_string(self.folder.path().join("server.log"));
                    panic!("{error}: {}", log.unwrap_or_default());
                }
            }
        }
    }

    /// A URL over TCP for a database, with the right password.
    fn url(&self, database: &str, rest: &str) -> String {
        format!("postgres://bob:hunter2@localhost:{}/{database}?{rest}", self.port)
    }
}

/// Starts the server on a port below those of outgoing connections; `None` if another program has it by then.
fn serve(folder: &Path, data: &Path) -> Option<(u16, Child)> {
    let mut ports = (0..50).map(|_| 12_000 + u16::try_from(uuid::Uuid::new_v4().as_u128() % 8_000).unwrap());
    let port = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
    let mut process = program("postgres")
        .arg("-D")
        .arg(data)
        .args(["-p", &port.to_string(), "-k"])
        .arg(data)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=100"])
        .stderr(fs::File::create(folder.join("server.log")).unwrap())
        .spawn()
        .unwrap();
    let ready = || {
        let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        state.lines().nth(7).is_some_and(|line| line.trim() == "ready")
    };
    while !ready() {
        if let Some(status) = process.try_wait().unwrap() {
            let log = fs::read_to_string(folder.join("server.log")).unwrap();
            assert!(log.contains("Address already in use"), "{status}: {log}");
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Some((port, process))
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(id) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(id, Signal::INT);
        }
        let _ = self.process.wait();
    }
}

/// The account that runs servers: `postgres` for root, whom they refuse; else our own.
fn owner() -> (Option<u32>, Option<u32>) {
    if !rustix::process::geteuid().is_root() {
        return (None, None);
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let line = accounts.lines().find(|line| line.starts_with("postgres:")).unwrap();
    let mut ids = line.split(':').skip(2).map(|id| id.parse().ok());
    (ids.next().flatten(), ids.next().flatten())
}

fn program(name: &str) -> Command {
    let mut command = Command::new(Path::new(PROGRAMS).join(name));
    command.current_dir("/tmp").env_clear();
    if let (Some(user), Some(group)) = owner() {
        command.uid(user).gid(group);
    }
    command
}

/// An authority, a certificate of it for `localhost` alone, and an authority that signed nothing.
fn certificates(folder: &Path, data: &Path) {
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.join(name), certificate.pem()).unwrap();
        Issuer::new(params, key)
    };
    let root = authority("root.crt");
    authority("other.crt");
    // Rules that ask for client certificates need an authority for them.
    let clients = fs::read(folder.join("other.crt")).unwrap();
    fs::write(data.join("clients.crt"), clients).unwrap();
    fs::set_permissions(data.join("clients.crt"), fs::Permissions::from_mode(0o644)).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &root).unwrap();
    let (user, group) = owner();
    for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
        let path = data.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(&path, user, group).unwrap();
    }
}

fn target(text: &str) -> Target {
    // A home without any file of ours.
    let environment = Environment::from([("HOME".to_owned(), "/nonexistent".to_owned())]);
    Target::resolve(Some(&ConnectionUrl::new(text)), &environment).unwrap()
}

async fn attempt(text: &str) -> Result<Connected, ConnectError> {
    connect(&target(text), "test", &Limits::READING).await
}

/// Runs a session beside the test.
fn run(session: Connected) -> (tokio_postgres::Client, refreshtop_connect::Canceller) {
    let Connected { client, mut messages, canceller, .. } = session;
    tokio::spawn(async move { while messages.next().await.is_some() {} });
    (client, canceller)
}

/// Makes the server read its files again, and waits until they apply to new connections.
async fn reload(server: &Server) {
    let (client, _) = run(server.boss().await);
    let before: String = client.query_one("select clock_timestamp()::text", &[]).await.unwrap().get(0);
    client.batch_execute("select pg_reload_conf()").await.unwrap();
    // Each new process has this from the one that it came from.
    let read = "select pg_conf_load_time() > $1::text::timestamptz";
    for _ in 0..1_000 {
        let (fresh, _) = run(server.boss().await);
        if fresh.query_one(read, &[&before]).await.unwrap().get(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server does not read its files");
}

async fn prepare(server: &Server) {
    let (client, _) = run(server.boss().await);
    for statement in [
        "create role bob login password 'hunter2'",
        "create role lazy login password 'x' connection limit 0",
        "create role guest login",
        "create database app",
        "create database tlsonly",
        "create database plainonly",
        "create database closed",
        "revoke connect on database plainonly from public",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    client.batch_execute("grant connect on database plainonly to bob").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_server() {
    let server = Server::start();
    prepare(&server).await;
    every_way_that_works(&server).await;
    every_way_that_fails(&server).await;
    sessions_are_set_up(&server).await;
    statements_can_be_cancelled(&server).await;
    notifications_arrive(&server).await;
    a_reading_session_reaches_the_same(&server).await;
}

async fn every_way_that_works(server: &Server) {
    let root = server.root();
    let by_address = server.url("app", "").replace("localhost", "127.0.0.1");
    for (url, tls) in [
        (server.url("app", ""), true),
        (server.url("app", "sslmode=disable"), false),
        (server.url("app", "sslmode=allow"), false),
        (server.url("app", "sslmode=require"), true),
        (server.url("app", &format!("sslmode=require&sslrootcert={root}")), true),
        (server.url("app", &format!("sslmode=verify-ca&sslrootcert={root}")), true),
        (server.url("app", &format!("sslmode=verify-full&sslrootcert={root}")), true),
        (format!("{by_address}sslmode=verify-ca&sslrootcert={root}"), true),
        (server.url("tlsonly", "sslmode=allow"), true),
        (server.url("plainonly", "sslmode=prefer"), false),
        // libpq falls back to plain here too: prefer promises nothing.
        (server.url("app", &format!("sslrootcert={}", server.folder.path().join("other.crt").display())), false),
        (
            format!("host={} port={} user=boss dbname=app sslmode=verify-full", server.data().display(), server.port),
            false,
        ),
    ] {
        let session = attempt(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!((session.tls, session.without_settings), (tls, false), "{url}");
        let (client, _) = run(session);
        let row = client.query_one("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[]).await.unwrap();
        assert_eq!(row.get::<_, bool>(0), tls, "{url}");
    }
}

async fn every_way_that_fails(server: &Server) {
    let (root, port) = (server.root(), server.port);
    let socket = server.data().display().to_string();
    let other = server.folder.path().join("other.crt").display().to_string();
    let by_address = server.url("app", "").replace("localhost", "127.0.0.1");
    for (text, kind, wanted) in [
        (server.url("app", "").replace("hunter2", "hunter3"), Kind::PasswordWrong, "role \"bob\""),
        (server.url("app", "").replace(":hunter2", ""), Kind::PasswordMissing, "PGPASSWORD or ~/.pgpass"),
        (server.url("app", "").replace("bob", "nobody"), Kind::PasswordWrong, "role \"nobody\""),
        (server.url("app", "").replace("bob:hunter2", "lazy:x"), Kind::TooManyConnections, "lazy"),
        (server.url("nosuch", ""), Kind::DatabaseMissing, "no database \"nosuch\""),
        (server.url("closed", ""), Kind::NotPermitted, "pg_hba.conf"),
        (server.url("closed", "sslmode=allow"), Kind::NotPermitted, "pg_hba.conf"),
        (server.url("tlsonly", "sslmode=disable"), Kind::NotPermitted, "pg_hba.conf"),
        (server.url("plainonly", "sslmode=require"), Kind::NotPermitted, "pg_hba.conf"),
        (server.url("plainonly", "").replace("hunter2", "hunter3"), Kind::PasswordWrong, "role \"bob\""),
        (format!("host={socket} port={port} user=nobody dbname=app"), Kind::RoleMissing, "nobody"),
        (format!("host={socket} port={port} user=guest dbname=plainonly"), Kind::NotPermitted, "CONNECT"),
        (format!("host={socket} port=1 user=bob dbname=app"), Kind::Refused, "socket"),
        ("host=localhost port=1 user=bob".into(), Kind::Refused, "listens there"),
        ("host=nosuch.invalid user=bob password=hunter2".into(), Kind::HostUnknown, "\"nosuch.invalid\" is not known"),
        (format!("{by_address}sslmode=verify-full&sslrootcert={root}"), Kind::Tls, "another host"),
        (server.url("app", &format!("sslmode=require&sslrootcert={other}")), Kind::Tls, "check sslrootcert"),
        (server.url("app", &format!("sslmode=verify-ca&sslrootcert={other}")), Kind::Tls, "check sslrootcert"),
        (server.url("app", "sslmode=verify-full&sslrootcert=/nonexistent"), Kind::Tls, "/nonexistent"),
    ] {
        let Err(error) = attempt(&text).await else { panic!("{text} connects") };
        let shown = format!("{error} {error:?}");
        assert_eq!(error.kind, kind, "{text}: {error}");
        assert!(shown.contains(wanted) && shown.contains("cannot connect to "), "{text}: {error}");
        assert!(!shown.contains("hunter"), "{text}: {error}");
    }
}

async fn sessions_are_set_up(server: &Server) {
    let url = server.url("app", "options=-c%20work_mem%3D5MB%20-c%20search_path%3Da,%5C%20b");
    let (client, _) = run(attempt(&url).await.unwrap());
    for (name, wanted) in [
        ("application_name", "refreshtop test"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("default_transaction_read_only", "on"),
        ("work_mem", "5MB"),
        ("search_path", "a, b"),
    ] {
        let row = client.query_one("select current_setting($1)", &[&name]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), wanted, "{name}");
    }
}

async fn statements_can_be_cancelled(server: &Server) {
    for mode in ["require", "disable"] {
        let (client, canceller) = run(attempt(&server.url("app", &format!("sslmode={mode}"))).await.unwrap());
        let (onlooker, _) = run(server.boss().await);
        let sleep = client.batch_execute("select pg_sleep(600)");
        let cancel = async {
            let asleep = "select exists (select from pg_stat_activity where wait_event = 'PgSleep')";
            while !onlooker.query_one(asleep, &[]).await.unwrap().get::<_, bool>(0) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            canceller.cancel().await.unwrap();
        };
        let (result, ()) = tokio::join!(sleep, cancel);
        assert_eq!(result.unwrap_err().code(), Some(&tokio_postgres::error::SqlState::QUERY_CANCELED));
    }
}

async fn notifications_arrive(server: &Server) {
    let Connected { client, mut messages, .. } = attempt(&server.url("app", "")).await.unwrap();
    tokio::spawn(async move {
        client.batch_execute("listen news; notify news, 'hello'").await.unwrap();
    });
    while let Some(message) = messages.next().await {
        if let tokio_postgres::AsyncMessage::Notification(note) = message.unwrap() {
            assert_eq!((note.channel(), note.payload()), ("news", "hello"));
            return;
        }
    }
    panic!("no notification");
}

async fn a_reading_session_reaches_the_same(server: &Server) {
    let root = server.root();
    let socket = server.data().display().to_string();
    for (text, tls) in [
        (server.url("app", ""), true),
        (server.url("app", &format!("sslmode=verify-full&sslrootcert={root}")), true),
        (server.url("plainonly", ""), false),
        (server.url("tlsonly", "sslmode=allow"), true),
        (format!("host={socket} port={} user=boss dbname=app sslmode=require", server.port), false),
    ] {
        let target = target(&text);
        let connection = Session::open(&target, "reader", &Limits::READING).await.unwrap();
        let query = "select current_setting('application_name'), current_setting('statement_timeout'), s.ssl \
                     from pg_stat_ssl s where s.pid = pg_backend_pid()";
        let rows = connection.query(query, &[]).await.unwrap();
        let got: (String, String, bool) =
            (rows[0].try_get(0).unwrap(), rows[0].try_get(1).unwrap(), rows[0].try_get(2).unwrap());
        assert_eq!(got, ("refreshtop reader".into(), "10s".into(), tls), "{text}");
    }
}

/// The installed libpq is the authority on what a connection string means. Answers each connection with an error of the
/// server's, after its start-up message.
fn false_server(answers: Vec<&'static str>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = hello(&mut stream);
            let fields = format!("SFATAL\0C{answer}\0\0");
            let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
            stream.write_all(&[b"E", &length[..], fields.as_bytes()].concat()).unwrap();
        }
    });
    port
}

/// Reads the message that opens a session; its first four bytes are its length.
fn hello(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    stream.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize - 4])
}

#[tokio::test]
async fn a_pooler_that_refuses_settings_is_asked_without() {
    let port = false_server(vec!["08P01\0Munsupported startup parameter: options", "57P03\0Mstarting up"]);
    let error = attempt(&format!("postgres://bob@127.0.0.1:{port}/app?sslmode=disable")).await.err().unwrap();
    // The second answer is to the attempt without settings.
    assert_eq!(error.kind, Kind::NotReady, "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_does_not_hang_us() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let start = Instant::now();
    let error = attempt(&format!("postgres://bob@127.0.0.1:{port}/app?connect_timeout=1")).await.err().unwrap();
    assert_eq!(error.kind, Kind::TimedOut, "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
    drop(listener);
}

#[tokio::test]
async fn a_server_that_hangs_up_is_recognised() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = hello(&mut stream);
        }
    });
    for mode in ["disable", "require"] {
        let error = attempt(&format!("postgres://bob@127.0.0.1:{port}/app?sslmode={mode}")).await.err().unwrap();
        assert_eq!(error.kind, Kind::Broken, "{mode}: {error}");
    }
}
