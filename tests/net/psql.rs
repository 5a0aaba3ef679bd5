//! Compares the targets of connection strings, services and variables with the installed psql.
//!
//! Nobody listens at any of these places: psql's errors name the places it tried.

use refreshtop_connect::{Target, environment::Environment, secret::ConnectionUrl};
use std::process::Command;

const SERVICES: &str = "[a]\nhost=127.0.0.1\nport=7\n[b]\nhost=127.0.0.1\nhost=127.0.0.8\n[empty]\nport=\nhost=127.0.0.1\n\
    [bad]\npass=hunter2\n[spaced]\nhost = 127.0.0.1\n[nested]\nservice=a\n[shape]\nhunter2\n";

/// The addresses that psql tried, or `None` if it refused to connect at all.
fn of_psql(text: &str, environment: &Environment) -> Option<Vec<(String, u16)>> {
    let output = Command::new("psql")
        .args(["-X", "-w", "-c", "select 1", text])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("LC_ALL", "C")
        .envs(environment)
        .output()
        .expect("psql is installed");
    assert!(!output.status.success(), "somebody listens: {text}");
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let places: Vec<_> = printed
        .lines()
        // psql checks numbers late, but connects nowhere with a wrong one.
        .filter(|line| !line.contains("invalid integer value"))
        .filter_map(|line| line.split_once("connection to server at \"")?.1.split_once("\", port "))
        .map(|(host, rest)| (host.to_owned(), rest.split(' ').next().unwrap().parse().unwrap()))
        .collect();
    (!places.is_empty()).then_some(places)
}

fn of_ours(text: &str, environment: &Environment) -> Option<Vec<(String, u16)>> {
    let target = Target::resolve(Some(&ConnectionUrl::new(text)), environment).ok()?;
    let host = |place: &refreshtop_connect::Endpoint| match (&place.address, &place.host) {
        (Some(address), _) => address.ip().to_string(),
        (None, host) => match host {
            refreshtop_connect::Host::Tcp(name) => name.clone(),
            refreshtop_connect::Host::Unix(folder) => folder.display().to_string(),
        },
    };
    Some(target.endpoints.iter().map(|place| (host(place), place.port)).collect())
}

#[test]
fn strings_services_and_variables_lead_where_psql_goes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services");
    std::fs::write(&file, SERVICES).unwrap();
    let strings = [
        ("port=7", true),
        ("host=127.0.0.1 port=8", true),
        ("postgres://127.0.0.1:7,127.0.0.2:8/x", true),
        ("host=127.0.0.1,127.0.0.2 port=7,8", true),
        ("host=127.0.0.1,127.0.0.2 port=7", true),
        ("host=127.0.0.1,127.0.0.2 port=7,8,9", false),
        ("host=x,127.0.0.3 hostaddr=127.0.0.1, port=7", true),
        ("host=x,y hostaddr=127.0.0.1 port=7", false),
        ("host=127.0.0.1 port=0", false),
        ("service=a", true),
        ("service=a port=8", true),
        ("service=b port=8", true),
        ("service=b host=127.0.0.5 port=8", true),
        ("postgres:///?service=a", true),
        ("service=bad", false),
        ("service=spaced", false),
        ("service=nested", false),
        ("service=shape", false),
        ("service=missing", false),
        ("host=127.0.0.1 port=7 keepalives=x", false),
        ("host=127.0.0.1 port=7 channel_binding=maybe", false),
        ("host=127.0.0.1 port=7 target_session_attrs=master", false),
        ("host=127.0.0.1 port=7 ssl_min_protocol_version=tlsv1.2", true),
    ];
    let mut wrong = Vec::new();
    for variables in [&[("PGHOST", "127.0.0.9")][..], &[("PGHOST", "127.0.0.9"), ("PGPORT", "9"), ("PGSERVICE", "b")]] {
        let mut environment: Environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        environment.insert("HOME".into(), folder.path().to_str().unwrap().into());
        environment.insert("PGSERVICEFILE".into(), file.to_str().unwrap().into());
        environment.insert("PGUSER".into(), "nobody".into());
        for (text, leads) in strings {
            let (theirs, ours) = (of_psql(text, &environment), of_ours(text, &environment));
            if theirs != ours || theirs.is_some() != leads {
                wrong.push(format!("{text} {variables:?}: psql {theirs:?}, ours {ours:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
