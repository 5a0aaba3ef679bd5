//! Strings, variables, services and password files lead to the same session as with psql: the same role, the same
//! database, and the password found in the same place; or to none.

use super::{Server, prepare, program, run};
use refreshtop_connect::{Limits, Target, connect, environment::Environment, secret::ConnectionUrl};
use std::{fs, os::unix::fs::PermissionsExt as _};

const QUERY: &str = "select concat_ws('/', current_user, current_database(), inet_server_addr() is null, \
    current_setting('work_mem'), current_setting('application_name'))";

/// The properties of psql's session, or why there is none.
fn of_psql(text: &str, environment: &Environment) -> Result<String, String> {
    let mut psql = program("psql");
    psql.envs(environment).args(["-X", "-w", "-At", "-c", QUERY]);
    if !text.is_empty() {
        psql.arg(text);
    }
    let output = psql.output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The same of ours.
async fn of_ours(text: &str, environment: &Environment) -> Result<String, String> {
    let url = (!text.is_empty()).then(|| ConnectionUrl::new(text));
    let target = Target::resolve(url.as_ref(), environment).map_err(|error| error.to_string())?;
    let session = connect(&target, "test", &Limits::default()).await.map_err(|error| error.to_string())?;
    let (client, _) = run(session);
    let answer: String = client.query_one(QUERY, &[]).await.unwrap().get(0);
    // The one difference that is wanted.
    Ok(answer.replace("/refreshtop test", "/psql"))
}

/// Password files and services, for the server at `port`; readable for psql's account.
fn files(server: &Server) -> String {
    let folder = server.folder.path().join("files");
    fs::create_dir(&folder).unwrap();
    let port = server.port;
    for (name, text) in [
        ("right", format!("# of bob\nlocalhost:{port}:other:bob:wrong\nlocalhost:{port}:*:bob:hunter2\n")),
        ("wrong", format!("*:*:*:*:wrong\nlocalhost:{port}:*:bob:hunter2\n")),
        ("open", "*:*:*:*:hunter2\n".to_owned()),
        ("escaped", format!("local\\host:{port}:a\\pp:bo\\b:hunter\\2\n")),
        (
            "services",
            format!(
                "[bob]\nhost=localhost\nport={port}\nuser=bob\npassword=hunter2\ndbname=app\n\
                 [guest]\nhost=localhost\nport={port}\nuser=guest\n[open]\nhost=localhost\nport={port}\nuser=bob\n"
            ),
        ),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(if name == "open" { 0o644 } else { 0o600 })).unwrap();
        let (user, group) = super::owner();
        std::os::unix::fs::chown(&path, user, group).unwrap();
    }
    folder.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn strings_variables_and_files_lead_to_the_session_that_psql_gets() {
    let server = Server::start();
    prepare(&server).await;
    let (port, data, files) = (server.port, server.data().display().to_string(), files(&server));
    let folder = data.replace('/', "%2F");
    let here = format!("PGHOST=localhost PGPORT={port}");
    let services = format!("PGSERVICEFILE={files}/services");
    let mut opened = 0;
    for (text, variables) in [
        (format!("postgres://bob:hunter2@localhost:{port}/app"), String::new()),
        (format!("postgresql://localhost:{port}?user=bob&password=hunter2&dbname=app"), String::new()),
        (format!("postgres://b%6Fb:%68unter2@localhost:{port}/%61pp?ssl=true"), String::new()),
        (format!("postgres://boss@{folder}:{port}/app?sslmode=require"), String::new()),
        (format!("postgres://boss@/app?host={folder}&port={port}"), String::new()),
        (format!("host = localhost port={port} user='bob' password='hunter\\2' dbname=app"), String::new()),
        (format!("host='{data}' port={port} user=b\\oss dbname=postgres"), String::new()),
        (format!("postgres://bob:hun#ter2@localhost:{port}/app"), String::new()),
        (format!("postgres://bob:hunter%2@localhost:{port}/app"), String::new()),
        (format!("postgres://bob:hunter2@localhost:{port}/app?x=y"), String::new()),
        (format!("host=localhost port={port} user=bob password=hunter2 dbname"), String::new()),
        (format!("host=localhost port={port} user=bob password='hunter2"), String::new()),
        (format!("postgres://bob:hunter2@localhost:{port}/app?sslmode=verify-full"), String::new()),
        (format!("postgres://bob:hunter2@localhost:{port}/app?sslmode=maybe"), String::new()),
        (format!("postgres://bob:hunter2@localhost:{port}/app?connect_timeout=x"), String::new()),
        // Variables alone, weaker than the string, and empty.
        (String::new(), format!("{here} PGUSER=bob PGPASSWORD=hunter2 PGDATABASE=app")),
        (String::new(), format!("{here} PGUSER=bob PGPASSWORD=hunter3 PGDATABASE=app")),
        (String::new(), format!("PGHOST={data} PGPORT={port} PGUSER=boss PGDATABASE=postgres")),
        (String::new(), format!("{here} PGUSER=bob PGPASSWORD=hunter2 PGDATABASE=postgres://localhost/app")),
        ("user=bob password=hunter2 dbname=app".to_owned(), format!("{here} PGUSER=guest PGPASSWORD=wrong")),
        ("postgres:///app".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2")),
        ("postgres:///".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2 PGDATABASE=app")),
        ("dbname=app".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2 PGSSLMODE=require")),
        ("dbname=app".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2 PGSSLMODE=requir")),
        ("dbname=app sslmode=disable".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2 PGSSLMODE=require")),
        ("dbname=app".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2 PGOPTIONS=-cwork_mem=7MB")),
        ("dbname=app options=--work-mem=8MB".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2")),
        ("dbname=app options='-c work_mem=9MB'".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2")),
        ("dbname=app options='-c work_mem=lots'".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2")),
        ("dbname=app application_name=mine".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2")),
        ("dbname=app".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2 PGAPPNAME=theirs")),
        ("user=bob".to_owned(), format!("{here} PGPASSWORD=hunter2")),
        ("user= dbname=app".to_owned(), format!("{here} PGUSER=bob PGPASSWORD=hunter2")),
        // Password files.
        ("user=bob dbname=app".to_owned(), format!("{here} PGPASSFILE={files}/right")),
        ("user=bob dbname=app".to_owned(), format!("{here} PGPASSFILE={files}/wrong")),
        ("user=bob dbname=app".to_owned(), format!("{here} PGPASSFILE={files}/open")),
        ("user=bob dbname=app".to_owned(), format!("{here} PGPASSFILE={files}/escaped")),
        ("user=bob dbname=app".to_owned(), format!("{here} PGPASSFILE={files}/missing")),
        (format!("user=bob dbname=app passfile={files}/right"), format!("{here} PGPASSFILE={files}/wrong")),
        ("user=bob dbname=app password=wrong".to_owned(), format!("{here} PGPASSFILE={files}/right")),
        ("user=bob dbname=app".to_owned(), format!("{here} PGPASSWORD=hunter2 PGPASSFILE={files}/wrong")),
        (format!("host=127.0.0.1 port={port} user=bob dbname=app"), format!("PGPASSFILE={files}/right")),
        (
            format!("host=localhost hostaddr=127.0.0.1 port={port} user=bob dbname=app"),
            format!("PGPASSFILE={files}/right"),
        ),
        // Services.
        ("service=bob".to_owned(), services.clone()),
        (String::new(), format!("{services} PGSERVICE=bob")),
        ("postgres://?service=bob".to_owned(), services.clone()),
        ("service=bob user=guest".to_owned(), services.clone()),
        ("service=bob password=wrong".to_owned(), services.clone()),
        ("service=bob".to_owned(), format!("{services} PGUSER=guest PGPASSWORD=wrong")),
        ("service=bob dbname=postgres".to_owned(), services.clone()),
        ("service=nobody".to_owned(), services.clone()),
        ("service=open dbname=app".to_owned(), format!("{services} PGPASSFILE={files}/right")),
        ("service=open dbname=app".to_owned(), format!("{services} PGPASSWORD=hunter2")),
        ("service=open dbname=app".to_owned(), services.clone()),
        // Several hosts: the first that answers.
        (format!("postgres://bob:hunter2@localhost:1,localhost:{port}/app"), String::new()),
        (format!("postgres://bob:hunter2@localhost:{port},localhost:1/app"), String::new()),
        (format!("host=nosuch.invalid,localhost port=1,{port} user=bob password=hunter2 dbname=app"), String::new()),
        (format!("host=localhost,localhost port={port} user=bob dbname=app"), format!("PGPASSFILE={files}/right")),
        // A wrong password is the end, whatever comes after it.
        (format!("host=localhost,{data} port={port} user=bob password=wrong dbname=app"), String::new()),
        (format!("host=localhost,{data} port={port} user=boss dbname=nosuch"), String::new()),
    ] {
        let home = ("HOME".to_owned(), "/nonexistent".to_owned());
        let pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
        let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).chain([home]).collect();
        let (ours, theirs) = (of_ours(&text, &environment).await, of_psql(&text, &environment));
        assert_eq!(ours.clone().ok(), theirs.clone().ok(), "{text:?} {variables}: {ours:?} {theirs:?}");
        let message = ours.as_ref().err().map_or("", String::as_str);
        assert!(!message.contains("hunter2"), "{message}");
        opened += usize::from(ours.is_ok());
    }
    // The table is worth nothing if nothing connects.
    assert!(opened > 25, "{opened}");
}
