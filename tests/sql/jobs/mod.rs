//! Jobs of others beside ours, releases that take jobs away, commits that fail, and roles that are no superusers: all in a
//! real `pg_cron`.

mod beside;
mod commits;
mod release;
mod roles;
mod states;
mod taken;
mod views;

use crate::support::{client, execute, small_app_in, target};
use refreshtop::command::migrate;
use refreshtop_cluster::{Cron, DisposableCluster};
use serde_json::Value;
use std::process::{Command, Stdio};

/// A cluster whose `pg_cron` is in `cron_database`, and the URL of the application's database in it.
async fn own_cluster(cron_database: &str) -> (DisposableCluster, String) {
    let options = refreshtop_cluster::ClusterOptions {
        cron: Cron::Required(cron_database.into()),
        ..refreshtop_cluster::ClusterOptions::default()
    };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = small_app_in(&cluster, "app").await;
    execute(&cluster.url(cron_database), "CREATE EXTENSION pg_cron").await;
    (cluster, url)
}

async fn up(url: &str) -> Vec<String> {
    migrate::up(&target(url)).await.unwrap_or_else(|error| panic!("{error}"))
}

async fn down(url: &str) -> Vec<String> {
    migrate::down(&target(url), 0).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Every job of database `app`, but for its number.
async fn jobs(cron_url: &str) -> Vec<String> {
    let sql = "SELECT concat_ws('|', jobname, schedule, command, username, active) FROM cron.job
               WHERE database = 'app' ORDER BY jobname, username, command";
    client(cron_url).await.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// The lines that have all of these in them.
fn with<'a>(lines: &'a [String], parts: &[&str]) -> Vec<&'a String> {
    lines.iter().filter(|line| parts.iter().all(|part| line.contains(part))).collect()
}

/// What a run of the program came to.
#[derive(Debug)]
#[expect(dead_code, reason = "what it said on standard error is only shown where a test fails")]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn program(url: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refreshtop"));
    command.env_clear().env("HOME", "/nonexistent").env("REFRESHTOP_URL", url).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn run(url: &str, words: &[&str]) -> Ran {
    let mut command = program(url, words);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The check of a diagnosis with this name.
async fn check(url: &str, id: &str) -> Value {
    let found = run(url, &["doctor", "--json"]).await.json();
    let checks = found["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("{id} in {found}")).clone()
}
