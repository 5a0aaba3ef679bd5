//! What the integration tests share: one PostgreSQL cluster per test program, one database per test.
//!
//! The cluster sits in a `static`, which is never dropped. It ends anyway: its watcher stops it and removes its folder
//! when the test program is gone, whether it passed, failed or was killed.
#![allow(dead_code, reason = "each test program uses its part of this")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "only tests call this")]

pub mod asking;
pub mod companion;
pub mod durations;
pub mod flood;
pub mod processes;
pub mod proxy;
pub mod schema;
pub mod session;
pub mod terminal;

use refreshtop_cluster::{ClusterOptions, Cron, DisposableCluster, programs::OVERRIDE};
use refreshtop_connect::{Limits, Target, secret::ConnectionUrl};
use refreshtop_db::read_transaction::ReadTransaction;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

/// Database of `pg_cron`, separate from those of the tests.
pub const CRON_DATABASE: &str = "postgres";

/// For clusters of many databases, in which jobs are looked at and none may run: what the scheduler starts every five
/// minutes would refresh beside a test that counts. Its sessions find no server there. Autovacuum would start a worker for
/// another database several times a second.
pub fn without_runs() -> Vec<(String, String)> {
    [("cron.host", "/nonexistent"), ("autovacuum_naptime", "1h")]
        .map(|(name, value)| (name.into(), value.into()))
        .into()
}

static CLUSTER: OnceCell<DisposableCluster> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// Options of every cluster of the tests: `REFRESHTOP_PG_BIN` chooses the server, as in the program.
pub fn options() -> ClusterOptions {
    ClusterOptions { pg_bin: std::env::var_os(OVERRIDE).map(Into::into), ..ClusterOptions::default() }
}

/// The test program's cluster; `pg_cron` is there where it is installed, and stays: if the first migration created its
/// extension, the rollback of that one test would take it away under the others. Tests that restart a server, or that
/// want to see the extension come and go, start their own.
pub async fn cluster() -> &'static DisposableCluster {
    let start = || async {
        let cron = Cron::IfInstalled(CRON_DATABASE.into());
        let options = ClusterOptions { cron, settings: without_runs(), ..options() };
        let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
        if cluster.has_cron() {
            execute(&cluster.url(CRON_DATABASE), "CREATE EXTENSION pg_cron").await;
        }
        cluster
    };
    CLUSTER.get_or_init(start).await
}

/// A name nobody else in this cluster has.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}_{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A new, empty database and the superuser's URL of it.
pub async fn fresh_database(prefix: &str) -> String {
    let cluster = cluster().await;
    let name = unique(prefix);
    execute(&cluster.url("postgres"), &format!("CREATE DATABASE {name}")).await;
    cluster.url(&name)
}

/// A new database with the application's four tables and a little data.
pub async fn fresh_app(prefix: &str) -> String {
    let url = fresh_database(prefix).await;
    execute(&url, SMALL_APP).await;
    url
}

/// Applies every migration as the role of `url`. No job is scheduled: a refresh that nobody asked for would
/// disturb the tests.
pub async fn migrate(url: &str) {
    let mut connection = open(url).await;
    refreshtop_db::migrate::up(&mut connection).await.unwrap_or_else(|error| panic!("{error}"));
}

/// Keeps `pg_cron` from running what a migration of the database of `url` has scheduled: every five minutes, whatever a
/// test counts there meanwhile.
pub async fn pause_jobs(url: &str) {
    let cluster = cluster().await;
    if cluster.has_cron() {
        let database = url.rsplit_once('/').expect("a URL with a database").1;
        let pause =
            format!("SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE database = '{database}'");
        execute(&cluster.url(CRON_DATABASE), &pause).await;
    }
}

/// Waits for the next run of `pg_cron`'s jobs to be over where it is near, for a test whose job must be active.
pub async fn wait_out_jobs() {
    let near = "SELECT extract(epoch FROM now())::bigint % 300 NOT BETWEEN 5 AND 255";
    while value::<bool>(&cluster().await.url("postgres"), near).await {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Numbers of the steps from `first` to the newest, in order.
pub fn steps(first: i64) -> Vec<i64> {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut steps: Vec<i64> =
        names.filter(|name| name.ends_with(".up.sql")).map(|name| name[..4].parse().unwrap()).collect();
    steps.sort_unstable();
    steps.retain(|step| *step >= first);
    steps
}

/// `1, 2, 3`.
pub fn listed(steps: impl IntoIterator<Item = i64>) -> String {
    steps.into_iter().map(|step| step.to_string()).collect::<Vec<_>>().join(", ")
}

/// Undoes every migration as the role of `url`.
pub async fn roll_back(url: &str) {
    let mut connection = open(url).await;
    refreshtop_db::migrate::down(&mut connection, 0).await.unwrap_or_else(|error| panic!("{error}"));
}

/// A new, migrated database with the application's four tables and a little data: a copy of one that was migrated once,
/// which takes a quarter of the time, and that knows itself as what it is.
pub async fn migrated_app(prefix: &str) -> String {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let cluster = cluster().await;
    let template = TEMPLATE.get_or_init(|| async {
        // The roles and memberships that the first migration of a cluster makes are not the template's.
        migrate(&fresh_app("first").await).await;
        let url = fresh_app("template").await;
        migrate(&url).await;
        // No job is made along, and so none is missed.
        execute(&url, "UPDATE refreshtop.views SET schedule = NULL").await;
        let name = url.rsplit_once('/').expect("a URL with a database").1.to_owned();
        // A session that is just ending counts, and nobody may copy a database that has sessions.
        let close = format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS false;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        execute(&cluster.url("postgres"), &close).await;
        name
    });
    let (template, name) = (template.await, unique(prefix));
    execute(&cluster.url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let url = cluster.url(&name);
    let at_home = "UPDATE refreshtop.home SET (database_oid, database_name) =
         (SELECT d.oid, d.datname FROM pg_database d WHERE d.datname = current_database())";
    execute(&url, at_home).await;
    url
}

/// Gives the database of `url` and its tables to a new role without superuser's rights, who migrates it: the role's
/// name, and its URL.
pub async fn owned_app(url: &str) -> (String, String) {
    owned(url, "CREATEROLE").await
}

/// The same, where the new owner is a member of role `former`, whose objects it may adopt.
pub async fn owned_app_adopting(url: &str, former: &str) -> (String, String) {
    owned(url, &format!("CREATEROLE IN ROLE {former}")).await
}

async fn owned(url: &str, options: &str) -> (String, String) {
    let (owner, owner_url) = fresh_role(url, "owner", options).await;
    hand_over(url, &owner).await;
    migrate(&owner_url).await;
    (owner, owner_url)
}

/// Gives the application's database and its tables to `owner`.
pub async fn hand_over(url: &str, owner: &str) {
    let database = url.rsplit_once('/').expect("a URL with a database").1;
    execute(url, &format!("ALTER DATABASE {database} OWNER TO {owner}")).await;
    for table in ["accounts", "accounts_memberships", "assets", "software_licenses"] {
        execute(url, &format!("ALTER TABLE public.{table} OWNER TO {owner}")).await;
    }
}

/// A new database with the same in a cluster of the test's own: the superuser's URL of it.
pub async fn small_app_in(cluster: &DisposableCluster, database: &str) -> String {
    execute(&cluster.url("postgres"), &format!("CREATE DATABASE {database}")).await;
    let url = cluster.url(database);
    execute(&url, SMALL_APP).await;
    url
}

/// A new role that may log in, with `options` such as `SUPERUSER` or `IN ROLE x`: its name, and its URL of the
/// database that `url` names.
pub async fn fresh_role(url: &str, prefix: &str, options: &str) -> (String, String) {
    if options.contains("CREATEROLE") {
        keep_our_roles().await;
    }
    let name = unique(prefix);
    execute(url, &format!("CREATE ROLE {name} LOGIN PASSWORD 'secret-of-{name}' {options}")).await;
    let database = url.rsplit_once('/').expect("a URL with a database").1;
    let role_url = cluster().await.url_of(&name, &format!("secret-of-{name}"), database);
    (name, role_url)
}

/// Has a superuser make our roles, and keeps them in the cluster. From release 16 on a superuser refuses roles that nobody
/// but a role with `CREATEROLE` has made, and so would other tests' migrations, if that one came first.
async fn keep_our_roles() {
    static KEPT: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    KEPT.get_or_init(|| migrated_app("keeper")).await;
}

/// Gives role `name` what it takes to migrate the database of `url`, besides `CREATEROLE`.
pub async fn let_migrate(url: &str, name: &str) {
    let database = url.rsplit_once('/').expect("a URL with a database").1;
    let grants = format!(
        "GRANT CREATE ON DATABASE {database} TO {name}; GRANT USAGE, CREATE ON SCHEMA public TO {name};
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"
    );
    execute(url, &grants).await;
}

/// A session, driven by the test's runtime.
pub async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// Runs statements in a session of their own.
pub async fn execute(url: &str, sql: &str) {
    client(url).await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{error:?} in {sql}"));
}

/// The server that a URL names, with nothing from this process's environment.
pub fn target(url: &str) -> Target {
    Target::resolve(Some(&ConnectionUrl::new(url)), &BTreeMap::new()).expect("a URL")
}

/// A session as the program opens its own, without limits.
pub async fn open(url: &str) -> refreshtop_db::session::Session {
    let opened = refreshtop_db::session::Session::open(&target(url), "test", &Limits::default()).await;
    opened.unwrap_or_else(|error| panic!("{error}"))
}

/// One consistent look, as the program takes it.
pub async fn look(session: &mut refreshtop_db::session::Session) -> ReadTransaction<'_> {
    ReadTransaction::begin(session).await.unwrap_or_else(|error| panic!("{error}"))
}

/// One value of one row, in a session of its own.
pub async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(url: &str, sql: &str) -> T {
    client(url).await.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{error:?} in {sql}")).get(0)
}

/// Ten accounts; eleven people with fifteen memberships; thirty assets; five licences. Of each, one is younger
/// than 30 days, but person 1 only joined another account lately and isn't new.
pub const SMALL_APP: &str = "
CREATE TABLE public.accounts (id bigint PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE public.accounts_memberships (
    user_id bigint NOT NULL, account_id bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, account_id));
CREATE TABLE public.assets (id bigint PRIMARY KEY, account_id bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE public.software_licenses (id bigint PRIMARY KEY, account_id bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO public.accounts SELECT n, now() - CASE WHEN n = 1 THEN 3 ELSE 90 END * interval '1 day' FROM generate_series(1, 10) n;
INSERT INTO public.accounts_memberships SELECT n, 1, now() - CASE WHEN n = 11 THEN 3 ELSE 90 END * interval '1 day' FROM generate_series(1, 11) n;
INSERT INTO public.accounts_memberships SELECT n, 2, now() - CASE WHEN n = 1 THEN 3 ELSE 90 END * interval '1 day' FROM generate_series(1, 4) n;
INSERT INTO public.assets SELECT n, 1 + n % 10, now() - CASE WHEN n = 1 THEN 3 ELSE 90 END * interval '1 day' FROM generate_series(1, 30) n;
INSERT INTO public.software_licenses SELECT n, 1 + n % 10, now() - CASE WHEN n = 1 THEN 3 ELSE 90 END * interval '1 day' FROM generate_series(1, 5) n;
";
