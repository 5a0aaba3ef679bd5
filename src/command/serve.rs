//! `refreshtop metrics --listen`: a small HTTP server that looks at the database for each scrape.

use crate::{
    command::{Failure, metrics, signals::StopSignals},
    connect::Target,
    exit,
    output::openmetrics::CONTENT_TYPE,
    settings::Settings,
};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE as TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io::Write as _, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, Semaphore},
    time::{sleep, timeout},
};

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 16;
/// How long a client may take to ask.
const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// How long a connection may live; scrapers open a new one.
const CONNECTION_LIMIT: Duration = Duration::from_mins(1);

struct Shared {
    settings: Settings,
    target: Target,
    /// One look at a time: many scrapers must not become many sessions.
    looking: Mutex<()>,
}

/// Serves until a signal stops it.
///
/// # Errors
/// The address can't be listened on.
pub async fn run(address: SocketAddr, settings: &Settings, target: &Target) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::new(exit::FAILURE, format!("cannot listen on {address}: {error}")))?;
    let local = listener.local_addr().unwrap_or(address);
    say(&format!("serving http://{local}/metrics"));
    if !local.ip().is_loopback() {
        say("warning: whoever reaches this address can read the figures, without a password and without encryption");
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let shared = Arc::new(Shared { settings: settings.clone(), target: target.clone(), looking: Mutex::default() });
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    tokio::select! {
        () = stop.recv() => Ok(()),
        () = accept(&listener, &shared, &free) => Ok(()),
    }
}

/// Where even standard error is gone, there is nobody to tell.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "refreshtop: {text}");
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>, free: &Arc<Semaphore>) {
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(shared);
                tokio::spawn(async move {
                    let _ = timeout(CONNECTION_LIMIT, connection(stream, &shared)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors, say: it passes.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, shared: &Shared) {
    let service = service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(answer(&request, shared).await));
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

async fn answer(request: &Request<Incoming>, shared: &Shared) -> Response<Full<Bytes>> {
    const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let _turn = shared.looking.lock().await;
            let (text, looked) = metrics::expose(&shared.settings, &shared.target).await;
            if let Err(failure) = looked {
                // The exposition says that it is down; why is nobody's business out there.
                tracing::warn!(%failure, "a scrape found no figures");
            }
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
