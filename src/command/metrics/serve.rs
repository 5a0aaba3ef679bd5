//! `refreshtop metrics --listen`: a small HTTP server that reads the database for each scrape.

use super::exposition;
use crate::{
    command::{Failure, signals::StopSignals},
    output::openmetrics::CONTENT_TYPE,
    settings::{Settings, value::Listen},
};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE as TYPE, HOST, HeaderValue},
    http::uri::Authority,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use refreshtop_connect::Target;
use refreshtop_core::exit;
use std::{
    convert::Infallible,
    io::Write as _,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, Semaphore},
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

/// Connections at a time. One more replaces the oldest one that has not sent its request, so that slow or silent clients
/// keep no scrape waiting.
const CONNECTIONS: usize = 256;
/// How long a client may take to send its request.
const HEADER_LIMIT: Duration = Duration::from_secs(3);
/// Longest header of a request, in bytes.
const HEADER_SIZE: usize = 16 * 1024;
/// How long a connection may live.
const CONNECTION_LIMIT: Duration = Duration::from_mins(1);

struct Shared {
    settings: Settings,
    target: Target,
    /// The host of `--listen`.
    host: String,
    /// The last text, and when its read began. One read at a time: many scrapers must not become many sessions. It answers
    /// every request that came before it began.
    latest: Mutex<Option<(Instant, String)>>,
}

/// A connection that is served.
struct Open {
    task: AbortHandle,
    /// The database is being read for it.
    reading: Arc<AtomicBool>,
}

/// Serves until a signal stops it.
pub async fn run(address: &Listen, settings: &Settings, target: &Target) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let failed = |error| Failure::new(exit::FAILURE, format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind((address.host.as_str(), address.port)).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    print(&format!("serving http://{local}/metrics"));
    if !local.ip().is_loopback() {
        print(
            "warning: anybody who can connect to this address can read the metrics, without a password and without encryption",
        );
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let shared = Arc::new(Shared {
        settings: settings.clone(),
        target: target.clone(),
        host: address.host.clone(),
        latest: Mutex::default(),
    });
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    tokio::select! {
        () = stop.recv() => Ok(()),
        () = accept(&listener, &shared, &free) => Ok(()),
    }
}

/// Ignore the error: stderr may be closed.
fn print(text: &str) {
    let _ = writeln!(std::io::stderr(), "refreshtop: {text}");
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>, free: &Arc<Semaphore>) {
    let mut open: Vec<Open> = Vec::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                open.retain(|open| !open.task.is_finished());
                if free.available_permits() == 0 {
                    let slow = open.iter().position(|open| !open.reading.load(Ordering::SeqCst));
                    // If there is none, all of them will be answered, and this one waits for that.
                    slow.map(|at| open.remove(at)).inspect(|slow| slow.task.abort());
                }
                // The semaphore is never closed.
                let Ok(permit) = Arc::clone(free).acquire_owned().await else { return };
                let reading = Arc::new(AtomicBool::new(false));
                let (shared, flag) = (Arc::clone(shared), Arc::clone(&reading));
                let task = tokio::spawn(async move {
                    let _permit = permit;
                    let _ = timeout(CONNECTION_LIMIT, connection(stream, &shared, &flag)).await;
                });
                open.push(Open { task: task.abort_handle(), reading });
            }
            Err(error) => {
                // Such as too many open files, which passes.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, shared: &Shared, reading: &AtomicBool) {
    let service =
        service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(answer(&request, shared, reading).await));
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .max_buf_size(HEADER_SIZE)
        // A client that scrapes rarely must not hold a connection in between.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Whether a request names this machine. A stranger's page in somebody's browser can use a host name of its own that
/// resolves to this machine, and would get the figures; it can't send an address, or a name that is not its own.
fn is_for_us(request: &Request<Incoming>, host: &str) -> bool {
    let hosts = request.headers().get_all(HOST).into_iter().map(|value| Authority::try_from(value.as_bytes()).ok());
    // A browser always sends one.
    hosts
        .chain(request.uri().authority().cloned().map(Some))
        .all(|name| name.is_some_and(|name| is_our_name(&name, host)))
}

fn is_our_name(name: &Authority, host: &str) -> bool {
    let (whole, name) = (name.as_str(), name.host());
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let address = name.parse::<IpAddr>().is_ok() || literal.is_some_and(|name| name.parse::<Ipv6Addr>().is_ok());
    let named = ["localhost", host].iter().any(|own| name.trim_end_matches('.').eq_ignore_ascii_case(own));
    !whole.contains('@') && (address || named)
}

/// The figures, from a read that began after the request came.
async fn figures(shared: &Shared) -> String {
    let requested = Instant::now();
    let mut latest = shared.latest.lock().await;
    if let Some((began, text)) = &*latest
        && *began > requested
    {
        return text.clone();
    }
    let began = Instant::now();
    let (text, read) = exposition::read(&shared.settings, &shared.target).await;
    if let Err(failure) = read {
        // The exposition says that the database is down; the reason is for the log only.
        tracing::warn!(%failure, "a scrape found no figures");
    }
    *latest = Some((began, text.clone()));
    text
}

async fn answer(request: &Request<Incoming>, shared: &Shared, reading: &AtomicBool) -> Response<Full<Bytes>> {
    const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        _ if !is_for_us(request, &shared.host) => {
            let text = "this host name is not served here: use an IP address, localhost, or the name in --listen\n";
            (StatusCode::MISDIRECTED_REQUEST, PLAIN, text.to_owned())
        }
        (&Method::GET | &Method::HEAD, "/metrics") => {
            reading.store(true, Ordering::SeqCst);
            let text = figures(shared).await;
            reading.store(false, Ordering::SeqCst);
            (StatusCode::OK, HeaderValue::from_static(CONTENT_TYPE), text)
        }
        (&Method::GET | &Method::HEAD, "/") => (StatusCode::OK, PLAIN, "refreshtop: see /metrics\n".to_owned()),
        (&Method::GET | &Method::HEAD, _) => (StatusCode::NOT_FOUND, PLAIN, "there is only /metrics\n".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, PLAIN, "only GET\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(TYPE, kind);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_the_listeners_own_name_are_ours() {
        for (name, wanted) in [
            ("127.0.0.1", true),
            ("192.0.2.7:9899", true),
            ("[::1]", true),
            ("[fd00::2]:9899", true),
            ("localhost", true),
            ("LocalHost.:80", true),
            ("db.example:9899", true),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("127.0.0.1@evil.example", false),
            ("evil.example@127.0.0.1", false),
            ("2130706433", false),
        ] {
            assert_eq!(is_our_name(&Authority::try_from(name).unwrap(), "db.example"), wanted, "{name}");
        }
    }
}
