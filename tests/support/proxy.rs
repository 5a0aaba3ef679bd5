//! A TCP proxy before a server, with the faults of bad links.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Runtime,
    sync::watch,
    time::{Instant, sleep_until},
};

/// What the link is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Link {
    /// Time that every byte takes, each way.
    pub delay: Duration,
    /// Bytes a second, each way; 0 is no limit.
    pub rate: u64,
    /// Of a thousand chunks so many wait for a retransmission.
    pub lost: u64,
    /// Nothing gets through any more, and no end of a connection either: packets vanish.
    pub frozen: bool,
    /// Connections are accepted and closed at once.
    pub closes: bool,
}

/// The first packet of each connection.
type Greetings = Arc<Mutex<Vec<Vec<u8>>>>;

/// The proxy; it ends with the value.
pub struct Proxy {
    port: u16,
    link: watch::Sender<Link>,
    accepted: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
    greetings: Greetings,
    // Of its own, so that a test that blocks its runtime does not stop the link.
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Listens on `address` (port 0 takes a free one) and forwards to `server`.
    pub fn on(address: &str, server: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (link, links) = watch::channel(Link::default());
        let (accepted, bytes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let listener = std::net::TcpListener::bind(address).expect("an address to listen on");
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let greetings = Greetings::default();
        let (count, sum, heard) = (accepted.clone(), bytes.clone(), greetings.clone());
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                if links.borrow().closes {
                    continue;
                }
                tokio::spawn(carry(client, server, links.clone(), sum.clone(), heard.clone()));
            }
        });
        Self { port, link, accepted, bytes, greetings, runtime: Some(runtime) }
    }

    /// Listens on the loopback address.
    pub fn before(server: u16) -> Self {
        Self::on("127.0.0.1:0", server)
    }

    /// `url` of the server, by way of this proxy.
    pub fn url(&self, url: &str) -> String {
        let (before, after) = url.rsplit_once("@127.0.0.1:").expect("a URL of a cluster");
        let (_, database) = after.split_once('/').unwrap();
        format!("{before}@127.0.0.1:{}/{database}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the link, for connections that are open too.
    pub fn set(&self, link: Link) {
        self.link.send_replace(link);
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The start-up message of each unencrypted session, as names and values.
    pub fn sessions(&self) -> Vec<BTreeMap<String, String>> {
        let startup = |packet: &Vec<u8>| {
            // Its length, the version of the protocol, and pairs; a request to cancel has another "version".
            let text = packet.get(8..).filter(|_| packet[4..8] == [0, 3, 0, 0])?;
            let text = String::from_utf8(text.to_vec()).expect("text");
            let words: Vec<&str> = text.trim_end_matches('\0').split('\0').collect();
            Some(words.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect())
        };
        self.greetings.lock().unwrap().iter().filter_map(startup).collect()
    }

    /// Bytes carried so far, both ways.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Waiting for its tasks is not allowed within a test's own runtime, nor needed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn carry(
    client: TcpStream,
    server: u16,
    links: watch::Receiver<Link>,
    bytes: Arc<AtomicUsize>,
    greetings: Greetings,
) {
    // Clients of PostgreSQL speak first.
    let mut greeting = vec![0; 4096];
    let Ok(length) = client.peek(&mut greeting).await else { return };
    greeting.truncate(length);
    greetings.lock().unwrap().push(greeting);
    let Ok(server) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], server))).await else { return };
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        one_way(from_client, to_server, links.clone(), bytes.clone()),
        one_way(from_server, to_client, links, bytes)
    );
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut links: watch::Receiver<Link>,
    bytes: Arc<AtomicUsize>,
) {
    let (sender, mut queue) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = links.clone();
    let read = async move {
        let (mut free, mut number) = (Instant::now(), 0_u64);
        let mut buf = vec![0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buf).await {
            bytes.fetch_add(count, Ordering::Relaxed);
            let link = *reading.borrow();
            number += 1;
            let mut due = Instant::now().max(free);
            due += Duration::from_micros((count as u64 * 1_000_000).checked_div(link.rate).unwrap_or_default());
            free = due;
            // Spread over the chunks without chance, so that a test that fails fails again.
            if link.lost > 0 && (number * 389) % 1_000 < link.lost {
                free += Duration::from_millis(400);
            }
            let _ = sender.send((free + link.delay, buf[..count].to_vec()));
        }
        // The end of the stream takes its time too, and does not get through a frozen link.
        let link = *reading.borrow();
        let _ = sender.send((free + link.delay, Vec::new()));
    };
    let write = async move {
        while let Some((due, chunk)) = queue.recv().await {
            sleep_until(due).await;
            let _ = links.wait_for(|link| !link.frozen).await;
            if chunk.is_empty() || to.write_all(&chunk).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}
