//! What each `sslmode` means, held against the installed libpq: certificates that are good, self-signed, for another
//! host, expired, revoked, or not there at all.

use super::{ConnectionUrl, Environment, Server, Target, owner, prepare, program, reload, run, target};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use refreshtop_connect::{Kind, Limits, connect};
use refreshtop_db::session::Session;
use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
    time::Duration,
};

const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
const ENCRYPTED: &str = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

/// What the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Good,
    SelfSigned,
    OtherHost,
    Expired,
    Nothing,
}

/// An authority of the test's own.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(file: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL considers a certificate self-signed if its own name is that of the authority.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        fs::write(file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key) }
    }
}

/// Gives the server's files to it.
fn put(server: &Server, name: &str, text: &str) {
    let path = server.data().join(name);
    let (user, group) = owner();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    chown(&path, user, group).unwrap();
}

/// Makes the server show something else, and waits until it does.
async fn show(server: &Server, authority: &Authority, shown: Shown) {
    let host = if shown == Shown::OtherHost { "other.example" } else { "localhost" };
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = if shown == Shown::Expired { date_time_ymd(2021, 1, 1) } else { date_time_ymd(2090, 1, 1) };
    let serial = u64::from_str_radix(&uuid::Uuid::new_v4().simple().to_string()[..12], 16).unwrap();
    params.serial_number = Some(SerialNumber::from(serial));
    let key = KeyPair::generate().unwrap();
    let certificate = match shown {
        Shown::SelfSigned => params.self_signed(&key).unwrap(),
        _ => params.signed_by(&key, &authority.issuer).unwrap(),
    };
    put(server, "server.crt", &certificate.pem());
    put(server, "server.key", &key.serialize_pem());
    fs::write(server.folder.path().join("shown.crt"), certificate.pem()).unwrap();
    let (client, _) = run(server.boss().await);
    let ssl = if shown == Shown::Nothing { "off" } else { "on" };
    client.batch_execute(&format!("alter system set ssl = {ssl}")).await.unwrap();
    reload(server).await;
}

/// Whether a session comes about, and whether it is encrypted: by the long-lived driver, by the other one, by psql.
async fn three_ways(url: &str) -> [Option<bool>; 3] {
    let target = target(url);
    let first = match connect(&target, "test", &Limits::READING).await {
        Err(_) => None,
        Ok(session) => {
            let tls = session.tls;
            let (client, _) = run(session);
            assert_eq!(client.query_one(ENCRYPTED, &[]).await.unwrap().get::<_, bool>(0), tls, "{url}");
            Some(tls)
        }
    };
    let second = match Session::open(&target, "test", &Limits::READING).await {
        Err(_) => None,
        Ok(session) => Some(session.query(ENCRYPTED, &[]).await.unwrap()[0].try_get(0).unwrap()),
    };
    let output =
        program("psql").env("HOME", "/nonexistent").args(["-w", "-At", "-c", ENCRYPTED, url]).output().unwrap();
    let third = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim() == "t");
    [first, second, third]
}

/// What libpq's manual says: `Some(true)` is an encrypted session, `None` is none.
fn meant(mode: &str, shown: Shown, root: Option<&str>) -> Option<bool> {
    let signed = match root {
        None => true,
        Some("authority") => matches!(shown, Shown::Good | Shown::OtherHost),
        // A certificate that is itself the root.
        Some("itself") => shown == Shown::SelfSigned,
        Some(other) => panic!("{other}"),
    };
    let verified = signed && shown != Shown::Nothing;
    match mode {
        "disable" | "allow" => Some(false),
        // Falls back to a plain session if TLS fails for any reason.
        "prefer" => Some(verified),
        // Verifies as soon as there is a root certificate.
        "require" | "verify-ca" if root.is_some() || mode == "require" => verified.then_some(true),
        "verify-full" if root.is_some() => (verified && shown != Shown::OtherHost).then_some(true),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_means_what_it_means_to_libpq() {
    let server = Server::start();
    prepare(&server).await;
    let authority = Authority::new(&server.folder.path().join("authority.crt"));
    let file = |name: &str| server.folder.path().join(name).display().to_string();
    let mut rows = 0;
    for shown in [Shown::Good, Shown::SelfSigned, Shown::OtherHost, Shown::Expired, Shown::Nothing] {
        show(&server, &authority, shown).await;
        for root in [None, Some("authority"), Some("itself")] {
            for mode in MODES {
                let wanted = meant(mode, shown, root);
                let trusted = match root {
                    None => String::new(),
                    Some("authority") => format!("&sslrootcert={}", file("authority.crt")),
                    Some(_) => format!("&sslrootcert={}", file("shown.crt")),
                };
                // What can't be resolved is refused before anything is sent, as by libpq.
                let url = server.url("app", &format!("sslmode={mode}{trusted}"));
                if root.is_none() && mode.starts_with("verify") {
                    let refused = std::panic::catch_unwind(|| target(&url)).is_err();
                    assert!(refused, "{url}");
                    rows += 1;
                    continue;
                }
                let expired_root = shown == Shown::Expired && root == Some("itself");
                let got = three_ways(&url).await;
                // OpenSSL takes an expired or foreign-signed certificate for its own root no more than we do.
                if expired_root || (root == Some("itself") && shown != Shown::SelfSigned) {
                    assert_eq!([got[0], got[1]], [got[0]; 2], "{mode} {shown:?} {root:?}");
                    assert!(got[0] == got[2] || partial_chain(mode, shown), "{mode} {shown:?} {root:?}: {got:?}");
                } else {
                    assert_eq!(got, [wanted; 3], "{mode} {shown:?} {root:?}");
                }
                rows += 1;
            }
        }
    }
    assert_eq!(rows, 5 * 3 * 6);
}

/// The table of the documents, which people read.
#[test]
fn the_document_says_what_each_mode_means() {
    let document = include_str!("../../../docs/supported.md");
    let columns = [Shown::Good, Shown::SelfSigned, Shown::OtherHost, Shown::Expired, Shown::Nothing];
    let mut wanted = Vec::new();
    for (mode, root, name) in [
        ("disable", None, "`disable`"),
        ("allow", None, "`allow`"),
        ("prefer", None, "`prefer`"),
        ("prefer", Some("authority"), "`prefer`, with the authority as root certificate"),
        ("require", None, "`require`"),
        ("require", Some("authority"), "`require`, with the authority as root certificate"),
        ("verify-ca", Some("authority"), "`verify-ca`, with the authority"),
        ("verify-full", Some("authority"), "`verify-full`, with the authority"),
    ] {
        let cells = columns.map(|shown| match meant(mode, shown, root) {
            Some(true) => "yes",
            Some(false) => "plain",
            None => "no",
        });
        wanted.push(format!("| {name} | {} |", cells.join(" | ")));
    }
    for row in wanted {
        assert!(document.lines().any(|line| line.starts_with(&row)), "{row}");
    }
}

/// Where we differ from OpenSSL on purpose: a certificate that is named as the root is trusted for itself, whoever
/// signed it; libpq wants the whole chain. Nothing is accepted that was not named.
fn partial_chain(mode: &str, shown: Shown) -> bool {
    mode != "disable" && mode != "allow" && matches!(shown, Shown::Good | Shown::OtherHost)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_certificate_is_reported() {
    let server = Server::start();
    prepare(&server).await;
    let authority = Authority::new(&server.folder.path().join("authority.crt"));
    let root = server.folder.path().join("authority.crt").display().to_string();
    for (shown, wanted) in [
        (Shown::SelfSigned, "check sslrootcert"),
        (Shown::OtherHost, "the certificate is for another host"),
        (Shown::Expired, "has expired; renew it"),
        (Shown::Nothing, "switch TLS on at the server"),
    ] {
        show(&server, &authority, shown).await;
        let url = server.url("app", &format!("sslmode=verify-full&sslrootcert={root}"));
        let Err(error) = connect(&target(&url), "test", &Limits::READING).await else { panic!("{shown:?}") };
        assert!(error.kind == Kind::Tls && error.to_string().contains(wanted), "{shown:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_and_a_version_too_old_are_refused() {
    let server = Server::start();
    prepare(&server).await;
    let authority = Authority::new(&server.folder.path().join("authority.crt"));
    show(&server, &authority, Shown::Good).await;
    let root = server.folder.path().join("authority.crt").display().to_string();
    let serial = {
        let text = fs::read(server.folder.path().join("shown.crt")).unwrap();
        let der = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(&text);
        let parsed = <x509_cert::Certificate as x509_cert::der::Decode>::from_der(&der.unwrap()).unwrap();
        SerialNumber::from_slice(parsed.tbs_certificate.serial_number.as_bytes())
    };
    let list = |revoked: Vec<SerialNumber>| {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2090, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .into_iter()
                .map(|serial_number| RevokedCertParams {
                    serial_number,
                    revocation_time: date_time_ymd(2024, 1, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&authority.issuer).unwrap().pem().unwrap()
    };
    let file = server.folder.path().join("revoked.crl");
    for (revoked, wanted) in [(Vec::new(), Some(true)), (vec![serial], None)] {
        fs::write(&file, list(revoked)).unwrap();
        let url = server.url("app", &format!("sslmode=verify-full&sslrootcert={root}&sslcrl={}", file.display()));
        assert_eq!(three_ways(&url).await, [wanted; 3], "{url}");
    }
    let (client, _) = run(server.boss().await);
    client.batch_execute("alter system set ssl_max_protocol_version = 'TLSv1.2'").await.unwrap();
    reload(&server).await;
    for (least, wanted) in [("TLSv1.2", Some(true)), ("TLSv1.3", None)] {
        let url = server.url("app", &format!("sslmode=require&ssl_min_protocol_version={least}"));
        assert_eq!(three_ways(&url).await, [wanted; 3], "{url}");
    }
}

/// The files in `~/.postgresql`, and what psql makes of them.
#[tokio::test(flavor = "multi_thread")]
async fn the_usual_files_are_used_as_psql_uses_them() {
    let server = Server::start();
    prepare(&server).await;
    let (client, _) = run(server.boss().await);
    client.batch_execute("create database certified").await.unwrap();
    let authority = Authority::new(&server.folder.path().join("authority.crt"));
    show(&server, &authority, Shown::Good).await;
    let home = server.folder.path().join("home");
    let files = home.join(".postgresql");
    fs::create_dir_all(&files).unwrap();
    let environment = Environment::from([("HOME".to_owned(), home.display().to_string())]);
    let both = async |url: &str| {
        let ours = match Target::resolve(Some(&ConnectionUrl::new(url)), &environment) {
            Ok(target) => connect(&target, "test", &Limits::READING).await.is_ok(),
            Err(_) => false,
        };
        let mut psql = program("psql");
        psql.envs(&environment).args(["-X", "-w", "-At", "-c", ENCRYPTED, url]);
        assert_eq!(ours, psql.output().unwrap().status.success(), "{url}");
        ours
    };
    let (full, certified) = (server.url("app", "sslmode=verify-full"), server.url("certified", "sslmode=require"));
    assert!(!both(&full).await && !both(&certified).await, "there is no file yet");
    fs::copy(server.folder.path().join("authority.crt"), files.join("root.crt")).unwrap();
    assert!(both(&full).await);
    super::auth::client_certificates(server.folder.path(), &server.data());
    reload(&server).await;
    for kind in ["crt", "key"] {
        let path = files.join(format!("postgresql.{kind}"));
        fs::rename(server.folder.path().join(format!("bob.{kind}")), &path).unwrap();
    }
    assert!(both(&certified).await);
    // Somebody else's authority.
    fs::copy(server.folder.path().join("other.crt"), files.join("root.crt")).unwrap();
    assert!(!both(&full).await);
}

/// The installed psql is too old for this one; where the system's authorities are, `SSL_CERT_FILE` says.
#[tokio::test(flavor = "multi_thread")]
async fn the_systems_authorities_are_trusted_on_request() {
    let server = Server::start();
    prepare(&server).await;
    let authority = server.folder.path().join("authority.crt");
    let other = server.folder.path().join("other.crt");
    show(&server, &Authority::new(&authority), Shown::Good).await;
    let url = server.url("app", "sslrootcert=system");
    for (url, system, trusted) in [
        (url.clone(), &authority, true),
        (url.clone(), &other, false),
        // It goes with verify-full only, and the host counts.
        (url.replace("localhost", "127.0.0.1"), &authority, false),
        // Whoever names a file trusts nobody else.
        (server.url("app", &format!("sslmode=verify-full&sslrootcert={}", other.display())), &authority, false),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_refreshtop"));
        command.env_clear().env("HOME", "/nonexistent").env("REFRESHTOP_URL", &url).env("SSL_CERT_FILE", system);
        let output = command.args(["migrate", "status"]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), trusted, "{url}: {printed}");
        assert!(trusted || printed.contains("TLS failed"), "{url}: {printed}");
    }
}

/// No server of these tests is new enough for TLS without asking, so this one plays it: TLS from the first byte, then a
/// log-in without a password. Tells which host it was asked for.
fn direct_server(folder: &Path) -> (u16, std::sync::mpsc::Receiver<Option<String>>) {
    use std::io::{Read as _, Write as _};
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(folder.join("direct.crt"), certificate.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    let config = std::sync::Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            if stream.read(&mut [0; 4096]).is_err() {
                continue;
            }
            let _ = sender.send(stream.conn.server_name().map(str::to_owned));
            let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    (port, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_without_asking_and_the_name_of_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let (port, asked) = direct_server(folder.path());
    let root = folder.path().join("direct.crt").display().to_string();
    for (rest, wanted) in [("", Some("localhost")), ("&sslsni=0", None)] {
        let url =
            format!("postgres://bob@localhost:{port}/app?sslnegotiation=direct&sslmode=verify-full&sslrootcert={root}");
        let session = connect(&target(&format!("{url}{rest}")), "test", &Limits::READING).await.unwrap();
        assert!(session.tls);
        assert_eq!(asked.recv_timeout(Duration::from_secs(20)).unwrap().as_deref(), wanted, "{rest}");
    }
    // A server that wants to be asked first.
    let server = Server::start();
    prepare(&server).await;
    let direct = server.url("app", "sslmode=require&sslnegotiation=direct");
    let Err(error) = connect(&target(&direct), "test", &Limits::READING).await else { panic!("{direct}") };
    assert!(matches!(error.kind, Kind::Tls | Kind::Broken), "{error}");
}
