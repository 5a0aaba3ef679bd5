//! Ways to log in, held against the installed libpq: trust, plain, MD5, SCRAM with and without channel binding,
//! certificates; right ones, wrong ones and none. And servers that lie.

use super::{Server, owner, prepare, program, reload, run, target};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use refreshtop_connect::{Kind, Limits, connect};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

/// How an attempt ends; psql must agree whether it succeeds.
async fn attempt(url: &str) -> Result<(), (Kind, String)> {
    let target = target(url);
    let first = connect(&target, "test", &Limits::READING).await.map(drop);
    let shown = url.replace("hunter2", "***");
    let psql = program("psql").env("HOME", "/nonexistent").args(["-w", "-At", "-c", "select 1", url]).output().unwrap();
    let printed = String::from_utf8_lossy(&psql.stderr).into_owned();
    assert_eq!(first.is_ok(), psql.status.success(), "{shown}: {first:?} {printed}");
    first.map_err(|error| (error.kind, error.to_string()))
}

/// An authority for clients, a certificate of it for bob and one for eve, and one of nobody.
pub(super) fn client_certificates(folder: &Path, data: &Path) {
    let authority = |file: Option<&Path>| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        if let Some(file) = file {
            fs::write(file, params.self_signed(&key).unwrap().pem()).unwrap();
        }
        Issuer::new(params, key)
    };
    let known = authority(Some(&data.join("clients.crt")));
    let unknown = authority(None);
    for (file, name, issuer) in [("bob", "bob", &known), ("eve", "eve", &known), ("nobody", "bob", &unknown)] {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join(format!("{file}.crt")), params.signed_by(&key, issuer).unwrap().pem()).unwrap();
        let path = folder.join(format!("{file}.key"));
        fs::write(&path, key.serialize_pem()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        // psql runs as that account.
        let (user, group) = owner();
        std::os::unix::fs::chown(&path, user, group).unwrap();
    }
}

async fn with_every_method() -> Server {
    let server = Server::start();
    prepare(&server).await;
    client_certificates(server.folder.path(), &server.data());
    let (client, _) = run(server.boss().await);
    for statement in [
        "create database trusting",
        "create database plain",
        "create database hashed",
        "create database certified",
        "create database doubly",
        "set password_encryption = 'md5'",
        "create role old login password 'hunter2'",
    ] {
        client.batch_execute(statement).await.unwrap();
    }
    reload(&server).await;
    server
}

/// Role that may be `old`, whose password is kept as MD5.
fn url(server: &Server, user: &str, database: &str, rest: &str) -> String {
    server.url(database, rest).replace("bob:", &format!("{user}:"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_log_in() {
    let server = with_every_method().await;
    for (user, database, rest, wanted) in [
        ("bob", "trusting", "", None),
        ("bob", "plain", "", None),
        ("old", "plain", "", None),
        ("old", "hashed", "", None),
        // A password stored as SCRAM is requested as SCRAM even if the rules specify md5.
        ("bob", "hashed", "", None),
        ("bob", "app", "", None),
        ("bob", "app", "sslmode=disable", None),
        ("old", "app", "", Some(Kind::PasswordWrong)),
        ("bob", "app", "channel_binding=disable", None),
        ("bob", "app", "channel_binding=prefer", None),
        ("bob", "app", "channel_binding=require", None),
        ("bob", "app", "channel_binding=require&sslmode=disable", Some(Kind::LoginUnsupported)),
        ("bob", "trusting", "channel_binding=require", Some(Kind::LoginUnsupported)),
        ("bob", "plain", "channel_binding=require", Some(Kind::LoginUnsupported)),
        ("old", "hashed", "channel_binding=require", Some(Kind::LoginUnsupported)),
    ] {
        let ended = attempt(&url(&server, user, database, rest)).await;
        assert_eq!(ended.as_ref().err().map(|(kind, _)| *kind), wanted, "{user} {database} {rest}: {ended:?}");
    }
    for (user, database) in [("bob", "plain"), ("old", "hashed"), ("bob", "app")] {
        let right = url(&server, user, database, "");
        let (kind, message) = attempt(&right.replace("hunter2", "hunter3")).await.unwrap_err();
        assert_eq!(kind, Kind::PasswordWrong, "{user} {database}: {message}");
        let (kind, message) = attempt(&right.replace(":hunter2", "")).await.unwrap_err();
        assert_eq!(kind, Kind::PasswordMissing, "{user} {database}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_let_in_those_that_they_name() {
    let server = with_every_method().await;
    let shown = |name: &str| {
        let file = |kind: &str| server.folder.path().join(format!("{name}.{kind}")).display().to_string();
        format!("sslmode=require&sslcert={}&sslkey={}", file("crt"), file("key"))
    };
    for (database, rest, lets_in) in [
        ("certified", shown("bob"), true),
        ("certified", shown("eve"), false),
        ("certified", shown("nobody"), false),
        ("certified", "sslmode=require".to_owned(), false),
        ("certified", "sslmode=disable".to_owned(), false),
        ("doubly", shown("bob"), true),
        ("doubly", shown("eve"), false),
        ("doubly", "sslmode=require".to_owned(), false),
        // Shown if nobody asks for it.
        ("app", shown("bob"), true),
    ] {
        let ended = attempt(&server.url(database, &rest)).await;
        assert_eq!(ended.is_ok(), lets_in, "{database} {rest}: {ended:?}");
    }
    // The password alone is right, the certificate alone is too.
    let wrong = server.url("doubly", &shown("bob")).replace("hunter2", "hunter3");
    assert_eq!(attempt(&wrong).await.unwrap_err().0, Kind::PasswordWrong);
}

/// Answers each connection with `answer`, after having read something.
fn liar(answer: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            answer(&mut stream);
        }
    });
    format!("postgres://bob:hunter2@127.0.0.1:{port}/app?sslmode=disable&connect_timeout=3")
}

/// A message as servers send it.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[kind], &length[..], body].concat()
}

const SCRAM_OFFER: &[u8] = b"\0\0\0\x0aSCRAM-SHA-256\0\0";
const OK: &[u8] = b"\0\0\0\0";

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_lie_are_refused_in_a_sentence() {
    let refused = async |what: &str, url: String| {
        let since = Instant::now();
        let Err(error) = connect(&target(&url), "test", &Limits::READING).await else { panic!("{what}") };
        let text = error.to_string();
        assert!(since.elapsed() < Duration::from_secs(20), "{what}: {text}");
        assert!(text.len() < 1_000 && text.starts_with("cannot connect to 127.0.0.1:"), "{what}: {text}");
        assert!(!text.contains("hunter2") && !text.contains('\x1b'), "{what}: {text}");
        text
    };
    let half_way = liar(|stream| {
        let _ = stream.write_all(&message(b'R', SCRAM_OFFER));
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&message(b'R', OK));
    });
    let text = refused("lets us in half way through SCRAM", half_way).await;
    assert!(text.contains("SCRAM"), "{text}");
    let unproven = liar(|stream| {
        let _ = stream.write_all(&message(b'R', SCRAM_OFFER));
        let mut buf = [0; 4096];
        let read = stream.read(&mut buf).unwrap_or(0);
        let sent = String::from_utf8_lossy(&buf[..read]).into_owned();
        let nonce = sent.rsplit("r=").next().unwrap_or_default().to_owned();
        let first = format!("r={nonce}server,s=c2FsdHNhbHRzYWx0c2E=,i=4096");
        let _ = stream.write_all(&message(b'R', &[b"\0\0\0\x0b", first.as_bytes()].concat()));
        let _ = stream.read(&mut buf);
        let last = b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let _ = stream.write_all(&message(b'R', &[b"\0\0\0\x0c", &last[..]].concat()));
        let _ = stream.write_all(&message(b'R', OK));
        std::thread::sleep(Duration::from_secs(1));
    });
    refused("does not know the password", unproven).await;
    refused("speaks HTTP", liar(|stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")))).await;
    refused(
        "stops in the middle",
        liar(|stream| {
            let _ = stream.write_all(&message(b'R', OK)[..5]);
            std::thread::sleep(Duration::from_secs(10));
        }),
    )
    .await;
    let long = format!("C28000\0M{}\x1b]0;pwned\x07\0\0", "x".repeat(500_000));
    refused("has much to say", liar(move |stream| drop(stream.write_all(&message(b'E', long.as_bytes()))))).await;
    let endless = liar(|stream| {
        let _ = stream.write_all(&message(b'R', OK));
        let setting = message(b'S', &[b"name\0", &vec![b'v'; 60_000][..], b"\0"].concat());
        while stream.write_all(&setting).is_ok() {}
    });
    refused("never comes to an end", endless).await;
    refused("claims gigabytes", liar(|stream| drop(stream.write_all(b"R\xff\xff\xff\xff\0\0\0\0")))).await;
    // Whatever comes before TLS began must not pass for encrypted.
    let early = liar(|stream| {
        let _ = stream.write_all(&[b"S", &message(b'R', OK)[..], &message(b'Z', b"I")[..]].concat());
        std::thread::sleep(Duration::from_secs(2));
    });
    refused("speaks before TLS", early.replace("sslmode=disable", "sslmode=require")).await;
}
