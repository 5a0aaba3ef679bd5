//! Several hosts in one connection string: a real primary, a real standby, one where nobody listens and one that
//! never answers. psql is the judge of where each leads.

use crate::support::{
    companion::{Standby, primary_settings},
    options,
};
use futures_util::StreamExt as _;
use refreshtop_cluster::{ClusterOptions, DisposableCluster};
use refreshtop_connect::{Connected, Limits, Target, connect, environment::Environment, secret::ConnectionUrl};
use std::{
    collections::BTreeSet,
    net::TcpListener,
    process::Command,
    time::{Duration, Instant},
};

const QUERY: &str = "select inet_server_port()";

fn target(url: &str) -> Target {
    let environment = Environment::from([("HOME".to_owned(), "/nonexistent".to_owned())]);
    Target::resolve(Some(&ConnectionUrl::new(url)), &environment).unwrap()
}

/// The port of the server that the long-lived driver ends up at, and that the other one does.
async fn ours(url: &str) -> [Option<i32>; 2] {
    let target = target(url);
    let first = match connect(&target, "test", &Limits::READING).await {
        Err(_) => None,
        Ok(Connected { client, mut messages, .. }) => {
            tokio::spawn(async move { while messages.next().await.is_some() {} });
            Some(client.query_one(QUERY, &[]).await.unwrap().get(0))
        }
    };
    let second = match refreshtop_db::session::Session::open(&target, "test", &Limits::READING).await {
        Err(_) => None,
        Ok(session) => Some(session.query(QUERY, &[]).await.unwrap()[0].try_get(0).unwrap()),
    };
    [first, second]
}

fn of_psql(url: &str) -> Option<i32> {
    let mut psql = Command::new("psql");
    psql.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", "/nonexistent");
    let output = psql.args(["-X", "-w", "-At", "-c", QUERY, url]).output().expect("psql is installed");
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
}

/// A URL of several places, all of them on this machine.
fn url(cluster: &DisposableCluster, ports: &[u16], database: &str, rest: &str) -> String {
    let places: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let (user, password) = (cluster.user(), cluster.password());
    format!("postgres://{user}:{password}@{}/{database}?connect_timeout=2&{rest}", places.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_hosts_the_one_is_taken_that_psql_takes() {
    let with_senders = ClusterOptions { settings: primary_settings(), ..options() };
    let cluster = DisposableCluster::start(&with_senders, &mut |_| {}).await.unwrap();
    let boss = crate::support::client(&cluster.url("postgres")).await;
    boss.batch_execute("create database quiet").await.unwrap();
    boss.batch_execute("alter database quiet set default_transaction_read_only = on").await.unwrap();
    let standby = Standby::of(&cluster).await;
    let (first, second) = (cluster.port(), standby.port());
    // Nobody listens at port 1; one that was free a moment ago may be somebody's by now.
    let dead = 1;
    // The kernel takes connections for it, and nobody ever reads what they say.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().port();

    let (mut opened, mut refused) = (0, 0);
    for places in
        [&[first][..], &[second], &[first, second], &[second, first], &[dead, first, second], &[dead, second], &[dead]]
    {
        for attrs in ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] {
            for database in ["postgres", "quiet"] {
                let url = url(&cluster, places, database, &format!("target_session_attrs={attrs}"));
                let (found, wanted) = (ours(&url).await, of_psql(&url));
                assert_eq!(found, [wanted; 2], "{attrs} {database} primary {first} standby {second}: {places:?}");
                if wanted.is_some() { opened += 1 } else { refused += 1 }
            }
        }
    }
    assert!(opened > 40 && refused > 15, "{opened} {refused}");

    let since = Instant::now();
    let behind = url(&cluster, &[silent, second, first], "postgres", "target_session_attrs=primary");
    assert_eq!(ours(&behind).await, [Some(i32::from(first)); 2]);
    assert_eq!(of_psql(&behind), Some(i32::from(first)));
    assert!(since.elapsed() < Duration::from_secs(30), "each waits for connect_timeout once");

    let balanced = url(&cluster, &[first, second], "postgres", "load_balance_hosts=random");
    let mut met = BTreeSet::new();
    for _ in 0..40 {
        met.extend(ours(&balanced).await);
    }
    assert_eq!(met, BTreeSet::from([Some(i32::from(first)), Some(i32::from(second))]));
    drop(standby);
    cluster.stop().await.unwrap();
}
