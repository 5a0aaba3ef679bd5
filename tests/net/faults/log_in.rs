//! Servers that are there but don't let us in: too many connections, another password, a certificate that expired.

use super::{Fault, keys_answer, leave, monitor, own_server};
use crate::support::{execute, target};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use refreshtop_cluster::DisposableCluster;
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::Path,
};

/// Shown with the first attempt; tried again after 5 to 10 seconds, and after 20 at most if that came too early.
const RETRY: (u64, u64) = (5, 25);

const END_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'watcher'";

/// A role that may do what the monitor needs, and its URL.
async fn watcher(cluster: &DisposableCluster, url: &str) -> String {
    execute(url, "CREATE ROLE watcher LOGIN PASSWORD 'one' IN ROLE refreshtop_admin").await;
    cluster.url_of("watcher", "one", "app")
}

#[tokio::test]
async fn no_free_connection_is_reported_and_waited_for() {
    let (cluster, url) = own_server().await;
    let there = watcher(&cluster, &url).await;
    let mut monitor = monitor(&there).live();
    execute(&url, "ALTER ROLE watcher CONNECTION LIMIT 0").await;
    let mut fault = Fault::begins("too many connections", RETRY);
    execute(&url, END_ALL).await;
    fault.noticed(&monitor, &["DOWN", "no connection is free"]);
    keys_answer(&mut monitor);
    execute(&url, "ALTER ROLE watcher CONNECTION LIMIT -1").await;
    fault.ends(&monitor);
    leave(monitor);
}

#[tokio::test]
async fn a_changed_password_is_reported_and_the_new_one_read_from_the_file() {
    let (cluster, url) = own_server().await;
    watcher(&cluster, &url).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgpass");
    let write = |password: &str| {
        fs::write(&file, format!("*:*:app:watcher:{password}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("one");
    let bare = format!("postgresql://watcher@127.0.0.1:{}/app", cluster.port());
    let mut monitor = monitor(&bare).env("PGPASSFILE", &file).live();
    execute(&url, "ALTER ROLE watcher PASSWORD 'two'").await;
    let mut fault = Fault::begins("password rotated", RETRY);
    execute(&url, END_ALL).await;
    fault.noticed(&monitor, &["DOWN", "refused the password"]);
    keys_answer(&mut monitor);
    write("two");
    fault.ends(&monitor);
    leave(monitor);
}

/// An authority in a file, and certificates of it for the server.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(file: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key) }
    }

    /// Gives the server a certificate until the first day of `year`.
    async fn certify(&self, cluster: &DisposableCluster, url: &str, year: i32) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let owner = fs::metadata(cluster.data_dir()).unwrap();
        for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            let path = cluster.data_dir().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        execute(url, "SELECT pg_reload_conf()").await;
    }
}

/// Waits until `holds`.
async fn eventually(holds: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the server shows another certificate");
}

#[tokio::test]
async fn an_expired_certificate_is_reported_and_its_renewal_noticed() {
    let (cluster, url) = own_server().await;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.crt");
    let authority = Authority::new(&root);
    authority.certify(&cluster, &url, 2090).await;
    execute(&url, "ALTER SYSTEM SET ssl = on").await;
    execute(&url, "SELECT pg_reload_conf()").await;
    let there = watcher(&cluster, &url).await.replace("127.0.0.1", "localhost");
    let there = format!("{there}?sslmode=verify-full&sslrootcert={}", root.display());
    // Its settings take a moment to be reread.
    let try_it = async || {
        let target = target(&there);
        refreshtop_connect::connect(&target, "test", &refreshtop_connect::Limits::READING).await.map(drop)
    };
    eventually(async || try_it().await.is_ok()).await;
    let mut monitor = monitor(&there).live();
    authority.certify(&cluster, &url, 2021).await;
    eventually(async || try_it().await.is_err()).await;
    // Sessions that are open go on.
    monitor.wait_text("LIVE");
    let mut fault = Fault::begins("the server's certificate expired", RETRY);
    execute(&url, END_ALL).await;
    fault.noticed(&monitor, &["DOWN", "the server's certificate has expired; renew it"]);
    keys_answer(&mut monitor);
    authority.certify(&cluster, &url, 2090).await;
    fault.ends(&monitor);
    leave(monitor);
}
