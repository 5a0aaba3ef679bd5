//! The metrics, read by a parser of the format.

use super::{
    Guarded, PATIENCE, app_with, program, run,
    table::{States, code, one_sentence},
};
use openmetrics_parser::openmetrics::parse_openmetrics;
use refreshtop_core::exit;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    time::{Duration, Instant},
};

/// What the database itself is measured by; all else is of a view.
const OF_THE_DATABASE: [&str; 2] = ["refreshtop_build_info", "refreshtop_up"];

/// Samples by name and labels, without those that say which database and which view, which all must have. The parser
/// refuses what is not OpenMetrics.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let parsed = parse_openmetrics(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut samples = BTreeMap::new();
    for (name, family) in &parsed.families {
        for sample in family.iter_samples() {
            let labels = sample.get_labelset().unwrap();
            let mut labels: BTreeMap<&str, &str> =
                labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert!(labels.remove("database").is_some_and(|database| database.contains('/')), "{name}: {text}");
            let view = if OF_THE_DATABASE.contains(&name.as_str()) { None } else { Some("platform_metrics") };
            assert_eq!(labels.remove("view"), view, "{name}: {text}");
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let key = format!("{name}{{{}}}", labels.join(",")).replace("{}", "");
            let value = match &sample.value {
                openmetrics_parser::OpenMetricsValue::Gauge(value) => value.as_f64(),
                other => panic!("{key} is {other:?}"),
            };
            samples.insert(key, value);
        }
    }
    samples
}

#[tokio::test]
async fn the_text_is_open_metrics_and_its_values_are_those_of_the_database() {
    let url = app_with(2, 1).await;
    let ran = run(&url, "metrics").await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.ends_with("# EOF\n"));
    let samples = samples(&ran.out);
    for (name, wanted) in [
        ("refreshtop_up", 1.0),
        ("refreshtop_health{verdict=critical}", 1.0),
        ("refreshtop_health{verdict=healthy}", 0.0),
        ("refreshtop_window_seconds", 86_400.0),
        ("refreshtop_window_refreshes{status=success}", 3.0),
        ("refreshtop_window_refreshes{status=error}", 1.0),
        ("refreshtop_window_success_ratio", 0.75),
        ("refreshtop_running", 0.0),
        ("refreshtop_platform{figure=total_users}", 11.0),
    ] {
        assert_eq!(samples.get(name), Some(&wanted), "{name}: {samples:#?}");
    }
    let age = samples["refreshtop_server_timestamp_seconds"] - samples["refreshtop_last_success_timestamp_seconds"];
    assert!((0.0..PATIENCE.as_secs_f64()).contains(&age), "{age}");
}

#[tokio::test]
async fn a_database_without_figures_is_down_and_not_healthy() {
    let states = States::make().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("refreshtop.prom");
    for (url, wanted) in [
        (&states.bare, exit::NOT_MIGRATED),
        (&states.forbidden, exit::NOT_PERMITTED),
        (&states.dead, exit::CANNOT_CONNECT),
    ] {
        let ran = run(url, "metrics").await;
        assert_eq!(code(&ran), wanted, "{ran:?}");
        one_sentence(&ran, "metrics");
        // The collector must learn it too: an old file would look alive.
        let written = run(url, &format!("metrics --textfile {}", path.display())).await;
        assert_eq!((code(&written), written.out.as_str(), &written.err), (wanted, "", &ran.err), "{written:?}");
        for text in [&ran.out, &fs::read_to_string(&path).unwrap()] {
            let samples = samples(text);
            assert_eq!((samples["refreshtop_up"], samples["refreshtop_health{verdict=unknown}"]), (0.0, 1.0));
            assert!(!samples.contains_key("refreshtop_window_success_ratio"));
        }
    }
}

#[tokio::test]
async fn a_textfile_is_whole_and_readable_and_nothing_is_left_beside_it() {
    let url = app_with(2, 0).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("refreshtop.prom");
    fs::write(&path, "old").unwrap();
    let ran = run(&url, &format!("metrics --textfile {}", path.display())).await;
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""), "{ran:?}");
    assert_eq!(samples(&fs::read_to_string(&path).unwrap()).get("refreshtop_up"), Some(&1.0));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // A link stays one, and what is no file is not replaced by one.
    let link = folder.path().join("link.prom");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    fs::write(&path, "old").unwrap();
    let ran = run(&url, &format!("metrics --textfile {}", link.display())).await;
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&path).unwrap().ends_with("# EOF\n"));
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let ran = run(&url, &format!("metrics --textfile {}", socket.display())).await;
    assert_eq!(ran.code, i32::from(exit::FAILURE), "{ran:?}");
    assert!(ran.err.contains("it is no ordinary file") && fs::File::open(&socket).is_err(), "{ran:?}");
    let ran = run(&url, "metrics --textfile /nonexistent/x.prom").await;
    assert_eq!(ran.code, i32::from(exit::FAILURE), "{ran:?}");
    assert!(ran.err.starts_with("refreshtop: cannot write /nonexistent/x.prom: "), "{ran:?}");
}

fn get(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    answer(stream)
}

fn answer(mut stream: TcpStream) -> (String, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// A server for `url`, and its address.
fn serving(url: &str) -> (Guarded, String) {
    let mut command = program(url, "metrics --listen 127.0.0.1:0");
    let mut server = Guarded(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut err = BufReader::new(server.0.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    let address = line.trim().trim_start_matches("refreshtop: serving http://").trim_end_matches("/metrics").to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{line}");
    (server, address)
}

/// No database is needed to learn that there is none.
const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/none";

#[test]
fn only_requests_for_this_machine_are_answered() {
    let (_server, address) = serving(NOWHERE);
    let port = address.rsplit_once(':').unwrap().1;
    for (request, wanted) in [
        (format!("GET / HTTP/1.1\r\nHost: {address}"), "200"),
        (format!("GET / HTTP/1.1\r\nHost: localhost:{port}"), "200"),
        ("GET / HTTP/1.1\r\nHost: [::1]".into(), "200"),
        ("GET / HTTP/1.0".into(), "200"),
        ("GET / HTTP/1.1\r\nHost: evil.example".into(), "421"),
        (format!("GET /metrics HTTP/1.1\r\nHost: evil.example:{port}"), "421"),
        ("GET / HTTP/1.0\r\nHost: evil.example".into(), "421"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example".into(), "421"),
        ("GET http://evil.example/ HTTP/1.1\r\nHost: localhost".into(), "421"),
        ("GET / HTTP/1.1\r\nHost: ".into(), "421"),
    ] {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "{request}\r\nConnection: close\r\n\r\n").unwrap();
        let (head, body) = answer(stream);
        assert!(head.split(' ').nth(1) == Some(wanted), "{request}: {head}");
        assert_eq!(body.lines().count(), 1, "{body}");
    }
}

#[test]
fn clients_that_never_finish_asking_keep_no_scrape_waiting() {
    let (_server, address) = serving(NOWHERE);
    let since = Instant::now();
    let slow = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nX-Slow: ").unwrap();
        stream
    };
    let mut clients: Vec<TcpStream> = (0..300).map(|_| slow()).collect();
    for round in 0..5 {
        clients.extend((0..20).map(|_| slow()));
        let (head, body) = get(&address, "GET /metrics");
        assert!(
            head.starts_with("HTTP/1.1 200 ") && samples(&body).get("refreshtop_up") == Some(&0.0),
            "{round}: {head}"
        );
    }
    // Sixteen places, and five seconds for each of them, would be two minutes.
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_over_http_looks_anew_and_sigterm_ends_it() {
    let url = app_with(2, 0).await;
    let (mut server, address) = serving(&url);
    let child = &mut server.0;
    for wanted in [3.0, 4.0] {
        let (head, body) = tokio::task::block_in_place(|| get(&address, "GET /metrics"));
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
        assert_eq!(samples(&body).get("refreshtop_window_refreshes{status=success}"), Some(&wanted));
        crate::support::execute(&url, "SELECT public.refresh_platform_metrics_with_logging()").await;
    }
    for (request, wanted) in [("GET /etc/passwd", "404"), ("POST /metrics", "405"), ("HEAD /metrics", "200")] {
        let (head, _) = tokio::task::block_in_place(|| get(&address, request));
        assert!(head.starts_with(&format!("HTTP/1.1 {wanted} ")), "{request}: {head}");
    }
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
    let mut out = String::new();
    tokio::task::block_in_place(|| child.stdout.take().unwrap().read_to_string(&mut out)).unwrap();
    assert_eq!((child.wait().unwrap().code(), out.as_str()), (Some(0), ""));
}
