//! Who may do what, and what nobody can do to others.

mod invoker_rights;
mod matrix;
mod views;

use crate::support::{self, execute, fresh_app, fresh_role, migrate, migrated_app, session::Session};
use refreshtop_cluster::DisposableCluster;
use serde_json::{Value, json};
use tokio_postgres::SimpleQueryMessage;

/// Makes a role of the cluster, which other tests may be making too.
fn make_role(name: &str) -> String {
    format!(
        "DO $$ BEGIN CREATE ROLE {name} NOLOGIN;
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
}

/// The application's own answer, from a JWT's claims.
const FROM_JWT: &str = "
CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql STABLE
AS $$ SELECT coalesce(current_setting('request.jwt.claims', true)::jsonb ->> 'app_role' = 'super_admin', false) $$";

/// What a statement is about; rights go by these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Log,
    Public,
    Own,
    /// Of these two, what the job calls.
    JobPublic,
    JobOwn,
    Audit,
    Write,
}

/// Every operation. Each returns or changes at least one row if it works.
const OPERATIONS: [(Area, &str); 14] = [
    (Area::Log, "SELECT * FROM public.metrics_refresh_log ORDER BY created_at DESC LIMIT 50"),
    (Area::Public, "SELECT * FROM public.get_metrics_refresh_stats(24)"),
    (Area::Public, "SELECT * FROM public.trigger_platform_metrics_refresh() r WHERE r ->> 'status' = 'success'"),
    (
        Area::JobPublic,
        "SELECT * FROM public.refresh_platform_metrics_with_logging() r WHERE r ->> 'status' = 'success'",
    ),
    (Area::JobPublic, "SELECT public.cleanup_old_metrics_logs()"),
    (Area::JobOwn, "SELECT * FROM refreshtop.refresh('platform_metrics') r WHERE r ->> 'status' = 'success'"),
    (Area::Own, "SELECT * FROM refreshtop.stats('platform_metrics', '1 day')"),
    (Area::Own, "SELECT count(*) FROM refreshtop.running()"),
    (Area::Own, "SELECT count(*) FROM refreshtop.cron_job()"),
    (Area::JobOwn, "SELECT refreshtop.cleanup_logs()"),
    (Area::Audit, "SELECT * FROM refreshtop.audit"),
    (
        Area::Write,
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at) VALUES ('forged', 'success', now())",
    ),
    (Area::Write, "UPDATE public.metrics_refresh_log SET status = 'success'"),
    (Area::Write, "DELETE FROM public.metrics_refresh_log"),
];

/// What becomes of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Works,
    NoRows,
    Refused,
    Fails(String),
}
use Outcome::{NoRows, Refused, Works};

/// A session, what it does before the operation, and what it may.
struct Caller {
    name: &'static str,
    url: String,
    enter: String,
    /// Areas where it does not come to [`Refused`].
    may: Vec<(Area, Outcome)>,
}

impl Caller {
    fn new(name: &'static str, url: &str, enter: impl Into<String>, may: &[(Area, Outcome)]) -> Self {
        Self { name, url: url.to_owned(), enter: enter.into(), may: may.to_vec() }
    }

    /// Runs `operation` in a transaction that leaves nothing.
    async fn tries(&self, session: &Session, operation: &str) -> Outcome {
        session.run(&format!("BEGIN; {}", self.enter)).await;
        let outcome = match session.client.simple_query(operation).await {
            Ok(messages) => {
                let rows = messages.iter().find_map(|message| match message {
                    SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                    _ => None,
                });
                if rows == Some(0) { NoRows } else { Works }
            }
            Err(error) => match error.code().map(tokio_postgres::error::SqlState::code) {
                Some("42501") => Refused,
                _ => Outcome::Fails(format!("{error:?}")),
            },
        };
        session.run("ROLLBACK").await;
        outcome
    }

    /// Tries everything and compares it with what it may.
    async fn check(&self) {
        let session = Session::open(&self.url).await;
        for (area, operation) in OPERATIONS {
            let expected =
                self.may.iter().find(|(may, _)| *may == area).map_or(Refused, |(_, outcome)| outcome.clone());
            assert_eq!(self.tries(&session, operation).await, expected, "{}: {operation}", self.name);
        }
    }
}

const ALL: [(Area, Outcome); 7] = [
    (Area::Log, Works),
    (Area::Public, Works),
    (Area::Own, Works),
    (Area::JobPublic, Works),
    (Area::JobOwn, Works),
    (Area::Audit, Works),
    (Area::Write, Works),
];
/// Super administrators do everything but forge the log.
const ADMIN: [(Area, Outcome); 6] = [
    (Area::Log, Works),
    (Area::Public, Works),
    (Area::Own, Works),
    (Area::JobPublic, Works),
    (Area::JobOwn, Works),
    (Area::Audit, Works),
];
/// Whom the application admits calls what the application knows.
const ADMITTED: [(Area, Outcome); 3] = [(Area::Log, Works), (Area::Public, Works), (Area::JobPublic, Works)];
/// `pg_cron`'s job refreshes and cleans up, and reads nothing.
const JOB: [(Area, Outcome); 2] = [(Area::JobPublic, Works), (Area::JobOwn, Works)];
/// Row security hides what a right shows.
const BLIND: [(Area, Outcome); 1] = [(Area::Log, NoRows)];

/// Everything that may be granted without making somebody a super administrator, given by mistake. EXECUTE on the
/// admins' functions in schema refreshtop is no mistake that could be caught: it is how somebody is made one.
fn mistaken_grants(role: &str) -> String {
    format!(
        "GRANT USAGE ON SCHEMA refreshtop TO {role};
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role};
         GRANT EXECUTE ON FUNCTION {FOR_APPLICATION}, refreshtop.is_super_admin() TO {role};
         GRANT SELECT ON public.metrics_refresh_log TO {role}"
    )
}

/// What the application's roles call.
const FOR_APPLICATION: &str = "refreshtop.refresh_for_application(text, text),
    refreshtop.stats_for_application(text, interval), refreshtop.cleanup_logs_for_application(),
    refreshtop.application_says_yes()";

/// A role that the mistaken grants are made to: its name and URL.
async fn mistaken(url: &str) -> (String, String) {
    let (role, role_url) = fresh_role(url, "mistaken", "").await;
    execute(url, &mistaken_grants(&role)).await;
    (role, role_url)
}

/// Everybody in the migrated database of `url`, a superuser's.
async fn everybody(url: &str) -> Vec<Caller> {
    let (_, plain) = fresh_role(url, "plain", "").await;
    let (other, _) = fresh_role(url, "other", "").await;
    let (_, switching) = fresh_role(url, "switching", &format!("IN ROLE {other}")).await;
    let (_, member) = fresh_role(url, "member", "IN ROLE refreshtop_admin").await;
    let (_, leaving) = fresh_role(url, "leaving", &format!("IN ROLE refreshtop_admin, {other}")).await;
    let (_, noinherit) = fresh_role(url, "noinherit", "NOINHERIT IN ROLE refreshtop_admin").await;
    let (_, authenticator) = fresh_role(url, "authenticator", "NOINHERIT IN ROLE authenticated").await;
    let (_, mistaken) = mistaken(url).await;
    let become_other = format!("SET LOCAL ROLE {other}");
    let become_session = format!("SET LOCAL SESSION AUTHORIZATION {other}");
    let end_user = |app_role| {
        format!("SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{{\"app_role\": \"{app_role}\"}}'")
    };
    vec![
        Caller::new("superuser", url, "", &ALL),
        Caller::new("superuser as a plain role", url, &become_other, &[]),
        Caller::new("superuser's session as a plain role's", url, &become_session, &[]),
        Caller::new("member", &member, "", &ADMIN),
        Caller::new("member as a plain role", &leaving, &become_other, &[]),
        Caller::new("NOINHERIT member", &noinherit, "", &[]),
        Caller::new("NOINHERIT member as refreshtop_admin", &noinherit, "SET LOCAL ROLE refreshtop_admin", &ADMIN),
        Caller::new("plain role", &plain, "", &[]),
        Caller::new("plain role as another", &switching, &become_other, &[]),
        Caller::new("plain role with mistaken grants", &mistaken, "", &BLIND),
        Caller::new("end user whom the application admits", &authenticator, end_user("super_admin"), &ADMITTED),
        Caller::new("end user whom the application denies", &authenticator, end_user("editor"), &BLIND),
        Caller::new("end user without claims", &authenticator, "SET LOCAL ROLE authenticated", &BLIND),
    ]
}

#[tokio::test]
async fn every_role_has_its_rights_if_a_superuser_migrated() {
    let url = fresh_app("matrix").await;
    execute(&url, &make_role("authenticated")).await;
    execute(&url, FROM_JWT).await;
    migrate(&url).await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    for caller in everybody(&url).await {
        caller.check().await;
    }
}

#[tokio::test]
async fn every_role_has_its_rights_if_a_managed_services_role_migrated() {
    let managed = Managed::start().await;
    let service = &managed.service_url;
    let plain = managed.role("plain", "").await;
    let heir = managed.role("heir", "IN ROLE service").await;
    let member = managed.role("member", "IN ROLE refreshtop_admin").await;
    let noinherit = managed.role("noinherit", "NOINHERIT IN ROLE refreshtop_admin").await;
    let authenticator = managed.role("authenticator", "NOINHERIT IN ROLE authenticated").await;
    let mistaken = managed.role("mistaken", "").await;
    execute(&managed.url, &mistaken_grants("mistaken")).await;
    let end_user = |app_role| {
        format!("SET LOCAL ROLE authenticated; SET LOCAL request.jwt.claims = '{{\"app_role\": \"{app_role}\"}}'")
    };
    for caller in [
        Caller::new("superuser", &managed.url, "", &ALL),
        // Whoever migrates owns nothing of the installation, and goes on as a super administrator.
        Caller::new("migrating role", service, "", &ADMIN),
        Caller::new("migrating role as the job's", service, "SET LOCAL ROLE refreshtop_job", &JOB),
        Caller::new("member of the migrating role", &heir, "", &ADMIN),
        Caller::new("member", &member, "", &ADMIN),
        Caller::new("NOINHERIT member", &noinherit, "", &[]),
        Caller::new("NOINHERIT member as refreshtop_admin", &noinherit, "SET LOCAL ROLE refreshtop_admin", &ADMIN),
        Caller::new("plain role", &plain, "", &[]),
        Caller::new("plain role with mistaken grants", &mistaken, "", &BLIND),
        Caller::new("end user whom the application admits", &authenticator, end_user("super_admin"), &ADMITTED),
        Caller::new("end user whom the application denies", &authenticator, end_user("editor"), &BLIND),
        Caller::new("end user without claims", &authenticator, "SET LOCAL ROLE authenticated", &BLIND),
    ] {
        caller.check().await;
    }
}

/// A database that a role like a managed service's has migrated, with CREATEROLE and no more, in a cluster of its own: from
/// PostgreSQL 16 on that role may pass on the roles that it made, and superusers then trust them in no database.
struct Managed {
    cluster: DisposableCluster,
    url: String,
    service_url: String,
}

impl Managed {
    async fn start() -> Self {
        let options = support::options();
        let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
        let url = support::small_app_in(&cluster, "managed").await;
        execute(&url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE ROLE authenticated NOLOGIN").await;
        execute(&url, FROM_JWT).await;
        let mut managed = Self { cluster, url, service_url: String::new() };
        managed.service_url = managed.role("service", "CREATEROLE").await;
        own_app(&managed.url, "service").await;
        migrate(&managed.service_url).await;
        let owners = "SELECT array_agg(DISTINCT proowner::regrole::text) FROM pg_proc
                      WHERE pronamespace = 'refreshtop'::regnamespace";
        assert_eq!(support::value::<Vec<String>>(&managed.url, owners).await, ["refreshtop_owner"], "with roles");
        execute(&managed.service_url, "SELECT public.trigger_platform_metrics_refresh()").await;
        managed
    }

    /// Makes a role that may log in: its URL.
    async fn role(&self, name: &str, options: &str) -> String {
        execute(&self.url, &format!("CREATE ROLE {name} LOGIN PASSWORD 'secret' {options}")).await;
        self.cluster.url_of(name, "secret", "managed")
    }
}

/// Makes a role the owner of the application's tables.
async fn own_tables(url: &str, owner: &str) {
    for table in ["accounts", "accounts_memberships", "assets", "software_licenses"] {
        execute(url, &format!("ALTER TABLE public.{table} OWNER TO {owner}")).await;
    }
}

/// Makes a role the owner of the database, of its schema public and of the application's tables and function.
async fn own_app(url: &str, owner: &str) {
    let database = url.rsplit_once('/').expect("a URL with a database").1;
    own_tables(url, owner).await;
    let sql = format!(
        "ALTER DATABASE {database} OWNER TO {owner}; ALTER SCHEMA public OWNER TO {owner};
         DO $do$ BEGIN
             IF to_regprocedure('public.is_super_admin()') IS NOT NULL THEN
                 ALTER FUNCTION public.is_super_admin() OWNER TO {owner};
             END IF;
         END $do$"
    );
    execute(url, &sql).await;
}

#[tokio::test]
async fn every_role_has_its_rights_if_the_owner_migrated_alone() {
    drop(migrated_app("roles").await);
    let url = fresh_app("alone").await;
    execute(&url, &make_role("authenticated")).await;
    execute(&url, FROM_JWT).await;
    let (owner, owner_url) = fresh_role(&url, "alone", "").await;
    own_app(&url, &owner).await;
    migrate(&owner_url).await;
    execute(&owner_url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (_, heir) = fresh_role(&url, "heir", &format!("IN ROLE {owner}")).await;
    let mut callers = everybody(&url).await;
    callers.push(Caller::new("owner", &owner_url, "", &ALL));
    callers.push(Caller::new("member of the owner", &heir, "", &ALL));
    for caller in callers {
        caller.check().await;
    }
}

#[tokio::test]
async fn mistaken_grants_open_no_helper_either() {
    let url = migrated_app("helpers").await;
    let (_, mistaken) = mistaken(&url).await;
    let session = Session::open(&mistaken).await;
    for call in [
        "refreshtop.record_act('fix', 'success', NULL)",
        "refreshtop.note_act('forged', 'success', NULL)",
        "refreshtop.run_refresh('platform_metrics', NULL)",
        "refreshtop.refresh_for_application('platform_metrics')",
        "refreshtop.cleanup_logs_for_application()",
        "refreshtop.change_job('refresh-platform-metrics', NULL, false)",
        "refreshtop.register_view('x', 'public.platform_metrics')",
    ] {
        assert_eq!(session.sqlstate(&format!("SELECT {call}")).await, "42501", "{call}");
    }
    assert!(!session.value::<bool>("refreshtop.is_super_admin()").await);
    assert_eq!(session.sqlstate("SELECT * FROM refreshtop.audit").await, "42501");
}

#[tokio::test]
async fn a_refusal_names_the_role_and_what_would_help() {
    let url = migrated_app("refusal").await;
    let (role, role_url) = fresh_role(&url, "refused", "").await;
    // So that PostgreSQL lets it come as far as to our own words.
    execute(&url, &format!("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}")).await;
    let error = support::client(&role_url).await.query("SELECT public.trigger_platform_metrics_refresh()", &[]).await;
    let error = error.expect_err("a refusal");
    let server = error.as_db_error().expect("the server's");
    assert!(server.message().contains(&role), "{server:?}");
    assert_eq!(server.hint(), Some(&*format!("A superuser or the owner can run: GRANT refreshtop_admin TO {role}")));
}

// Row security.

#[tokio::test]
async fn an_older_generous_policy_admits_nobody() {
    let url = fresh_app("generous").await;
    let (role, role_url) = fresh_role(&url, "reader", "").await;
    execute(
        &url,
        &format!(
            "CREATE TABLE public.metrics_refresh_log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                 refresh_type varchar(100) NOT NULL, status varchar(20) NOT NULL, duration_ms numeric, error_message text,
                 started_at timestamptz, completed_at timestamptz, created_at timestamptz DEFAULT now());
             INSERT INTO public.metrics_refresh_log (refresh_type, status) VALUES ('platform_metrics', 'error');
             ALTER TABLE public.metrics_refresh_log ENABLE ROW LEVEL SECURITY;
             CREATE POLICY everybody ON public.metrics_refresh_log USING (true) WITH CHECK (true);
             GRANT ALL ON public.metrics_refresh_log TO {role}"
        ),
    )
    .await;
    let reader = Session::open(&role_url).await;
    let count = "count(*) FROM public.metrics_refresh_log";
    assert_eq!(reader.value::<i64>(count).await, 1);
    migrate(&url).await;
    // The table is another one now: rights on the one that went aside are none on it, nor is there a way to that.
    for act in [
        "SELECT * FROM public.metrics_refresh_log",
        "SELECT * FROM refreshtop_before.metrics_refresh_log",
        "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at) VALUES ('x', 'success', now())",
        "UPDATE public.metrics_refresh_log SET status = 'success'",
        "DELETE FROM public.metrics_refresh_log",
    ] {
        assert_eq!(reader.sqlstate(act).await, "42501", "{act}");
    }
    assert_eq!(Session::open(&url).await.value::<i64>(count).await, 1);
}

/// Truncating ignores policies, and a trigger would run with the rights of the role that writes the log.
#[tokio::test]
async fn older_rights_that_policies_do_not_cover_end() {
    let url = fresh_app("older_rights").await;
    let (role, role_url) = fresh_role(&url, "web", "").await;
    // So that rolling back leaves it to the other tests.
    execute(&url, &make_role("refreshtop_admin")).await;
    execute(
        &url,
        &format!(
            "CREATE TABLE public.metrics_refresh_log (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                 refresh_type varchar(100) NOT NULL, status varchar(20) NOT NULL, duration_ms numeric, error_message text,
                 started_at timestamptz, completed_at timestamptz, created_at timestamptz DEFAULT now());
             GRANT ALL ON public.metrics_refresh_log TO {role}"
        ),
    )
    .await;
    migrate(&url).await;
    let web = Session::open(&role_url).await;
    for act in [
        "SELECT * FROM public.metrics_refresh_log",
        "TRUNCATE public.metrics_refresh_log",
        "CREATE TRIGGER taken BEFORE INSERT ON public.metrics_refresh_log
             FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()",
    ] {
        assert_eq!(web.sqlstate(act).await, "42501", "{act}");
    }

    support::roll_back(&url).await;
    let rights =
        "array_agg(p) FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
                  WHERE NOT has_table_privilege('public.metrics_refresh_log', p)";
    assert_eq!(web.value::<Option<Vec<String>>>(rights).await, None, "a rollback gives all of them back");
}

#[tokio::test]
async fn default_privileges_let_nobody_in() {
    let url = fresh_app("defaults").await;
    let (role, role_url) = fresh_role(&url, "web", "").await;
    for kind in ["TABLES", "FUNCTIONS", "SEQUENCES", "SCHEMAS"] {
        execute(&url, &format!("ALTER DEFAULT PRIVILEGES GRANT ALL ON {kind} TO {role}")).await;
    }
    migrate(&url).await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    Caller::new("web", &role_url, "", &[]).check().await;
    let web = Session::open(&role_url).await;
    let forge = "INSERT INTO refreshtop.undo (step, kind, object_name) VALUES (1, 'moved', 'accounts')";
    assert_eq!(web.sqlstate(forge).await, "42501");
}

// The application's own is_super_admin().

/// Everything about the application's function that could be replaced.
const DESCRIBED: &str = "
(SELECT jsonb_build_array(p.oid::bigint, pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner), p.proacl::text)
 FROM pg_proc p WHERE p.oid = 'public.is_super_admin()'::regprocedure)";

#[tokio::test]
async fn the_applications_function_is_never_replaced() {
    let url = fresh_app("honoured").await;
    execute(&url, FROM_JWT).await;
    let session = Session::open(&url).await;
    let before: Value = session.value(DESCRIBED).await;
    migrate(&url).await;
    assert_eq!(session.value::<Value>(DESCRIBED).await, before);
    migrate(&url).await;
    assert_eq!(session.value::<Value>(DESCRIBED).await, before);
}

#[tokio::test]
async fn no_function_of_that_name_is_made() {
    let url = migrated_app("none").await;
    let session = Session::open(&url).await;
    assert!(session.value::<bool>("to_regprocedure('public.is_super_admin()') IS NULL").await);
}

/// A database whose `public.is_super_admin()` runs `body`; the superuser's URL, and that of a login of the application,
/// so that this function alone decides about it. Only a role of the application is decided about by the application.
async fn app_saying(body: &str) -> (String, String) {
    let url = fresh_app("saying").await;
    let function =
        format!("CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE plpgsql AS $f$ BEGIN {body} END $f$");
    execute(&url, &make_role("authenticated")).await;
    execute(&url, &function).await;
    migrate(&url).await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (_, role_url) = fresh_role(&url, "web", "IN ROLE authenticated").await;
    (url, role_url)
}

#[tokio::test]
async fn only_a_clear_yes_admits() {
    for (body, admitted) in [
        ("RETURN true;", true),
        ("RETURN false;", false),
        ("RETURN NULL;", false),
        ("RAISE 'no claims';", false),
        ("RETURN ''::jsonb ? 'claims that are no JSON';", false),
        ("RETURN missing.function();", false),
        ("ASSERT false; RETURN true;", false),
    ] {
        let (url, role_url) = app_saying(body).await;
        let may: &[_] = if admitted { &ADMITTED } else { &BLIND };
        Caller::new("whom the application decides about", &role_url, "", may).check().await;
        // Those who need no answer are not bothered by a bad one.
        Caller::new("superuser", &url, "", &ALL).check().await;
    }
}

#[tokio::test]
async fn a_function_that_anybody_could_have_made_decides_nothing() {
    let url = migrated_app("planted").await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (_, role_url) = mistaken(&url).await;
    // As in databases made before PostgreSQL 15.
    execute(&url, "GRANT CREATE ON SCHEMA public TO PUBLIC").await;
    execute(&role_url, "CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql AS 'SELECT true'").await;
    Caller::new("who made the function", &role_url, "", &BLIND).check().await;
}

#[tokio::test]
async fn the_applications_owner_decides() {
    let url = fresh_app("decides").await;
    let (owner, owner_url) = fresh_role(&url, "application", "").await;
    execute(&url, &format!("ALTER TABLE public.accounts OWNER TO {owner}; GRANT CREATE ON SCHEMA public TO {owner}"))
        .await;
    execute(&owner_url, "CREATE FUNCTION public.is_super_admin() RETURNS boolean LANGUAGE sql AS 'SELECT true'").await;
    execute(&url, &make_role("authenticated")).await;
    migrate(&url).await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (_, role_url) = fresh_role(&url, "web", "IN ROLE authenticated").await;
    Caller::new("whom the application admits", &role_url, "", &ADMITTED).check().await;
}

/// The application's function as well: what it reads, and what stands in schema public, belongs to lesser roles.
#[tokio::test]
async fn nothing_of_ours_runs_as_a_superuser() {
    let url = fresh_app("owners").await;
    execute(&url, FROM_JWT).await;
    let (application, _) = fresh_role(&url, "application", "").await;
    own_tables(&url, &application).await;
    migrate(&url).await;
    let session = Session::open(&url).await;
    let great = session
        .rows(&format!(
            "SELECT p.oid::regprocedure::text AS function FROM {OURS} JOIN pg_roles r ON r.oid = p.proowner WHERE r.rolsuper"
        ))
        .await;
    assert!(great.is_empty(), "{great:?}");
}

// What our functions are.

/// Our functions, in all schemas.
const OURS: &str = "
(SELECT p.* FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname IN ('refreshtop', 'refreshtop_definers') OR n.nspname = 'public' AND p.proname IN ('refresh_platform_metrics_with_logging',
     'trigger_platform_metrics_refresh', 'get_metrics_refresh_stats', 'cleanup_old_metrics_logs')) p";

#[tokio::test]
async fn public_may_execute_nothing() {
    let url = migrated_app("public").await;
    let session = Session::open(&url).await;
    let open = session
        .rows(&format!(
            "SELECT p.oid::regprocedure::text AS function
             FROM {OURS} CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
             WHERE a.grantee = 0"
        ))
        .await;
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn every_function_has_a_pinned_search_path() {
    let url = fresh_app("pinned").await;
    execute(&url, FROM_JWT).await;
    migrate(&url).await;
    let session = Session::open(&url).await;
    let loose = session
        .rows(&format!(
            "SELECT p.oid::regprocedure::text FROM {OURS}
             WHERE NOT coalesce(proconfig && ARRAY['search_path=pg_catalog, pg_temp',
                                                   'search_path=pg_catalog, public, pg_temp'], false)"
        ))
        .await;
    assert!(loose.is_empty(), "{loose:?}");
    let definers: i64 = session.value(&format!("count(*) FROM {OURS} WHERE p.prosecdef")).await;
    let reaching = session
        .rows(&format!("SELECT p.proname AS name FROM {OURS} WHERE p.prosecdef AND proconfig::text LIKE '%public%'"))
        .await;
    // It asks the application's function, which may need public, with the rights of that function's owner.
    assert_eq!(reaching, [json!({"name": "ask_application"})], "nothing else looks up where others may create");
    assert!(definers >= 10, "{definers}");
}

/// Objects named like what the functions use, in a schema and in `pg_temp`; whatever touches one fails.
const HOSTILE: &str = "
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.trap() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE FUNCTION hostile.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE FUNCTION hostile.is_super_admin() RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.caller() RETURNS name LANGUAGE sql AS $$ SELECT 'postgres'::name $$;
CREATE FUNCTION hostile.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT 'postgres'::text $$;
CREATE FUNCTION hostile.pg_has_role(name, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.pg_has_role(name, name, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hostile.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE FUNCTION hostile.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE FUNCTION hostile.equal(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'hijacked'; END $$;
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.equal);
CREATE OPERATOR hostile.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = hostile.equal);
CREATE TEMP TABLE metrics_refresh_log (id uuid);
CREATE TEMP TABLE platform_metrics (last_updated timestamptz);
CREATE TEMP TABLE views (refresh_type varchar(100));
CREATE TEMP TABLE audit (id bigint);
CREATE TEMP TABLE pg_class (oid oid);
CREATE TEMP TABLE pg_locks (pid integer);
CREATE TEMP TABLE pg_stat_activity (pid integer);
SET search_path = hostile, pg_temp, public, pg_catalog;
";

#[tokio::test]
async fn hostile_objects_change_nothing_for_a_super_administrator() {
    let url = migrated_app("hijack").await;
    let hostile = Session::with(&url, HOSTILE).await;
    let onlooker = Session::open(&url).await;
    for (call, expected) in [
        ("public.trigger_platform_metrics_refresh() ->> 'status'", "success"),
        ("public.refresh_platform_metrics_with_logging() ->> 'status'", "success"),
        ("refreshtop.refresh('platform_metrics') ->> 'status'", "success"),
        ("total_refreshes::text FROM public.get_metrics_refresh_stats(24)", "3"),
        ("public.cleanup_old_metrics_logs()::text", "0"),
    ] {
        assert_eq!(hostile.value::<String>(call).await, expected, "{call}");
    }
    assert_eq!(onlooker.log().await.len(), 3);
    onlooker.run("DROP INDEX public.platform_metrics_refresh_key").await;
    assert_eq!(hostile.value::<String>("public.trigger_platform_metrics_refresh() ->> 'sqlstate'").await, "55000");
    let row = onlooker.log().await.pop().unwrap();
    assert_eq!(row["black_box"].get("error"), None, "{row}");
    for table in ["metrics_refresh_log", "platform_metrics", "views", "audit"] {
        assert_eq!(hostile.value::<i64>(&format!("count(*) FROM pg_temp.{table}")).await, 0, "{table}");
    }
}

#[tokio::test]
async fn hostile_objects_let_nobody_in() {
    let url = migrated_app("break_in").await;
    execute(&url, "SELECT public.trigger_platform_metrics_refresh()").await;
    let (_, role_url) = mistaken(&url).await;
    let database = url.rsplit_once('/').unwrap().1;
    execute(&url, &format!("GRANT CREATE ON SCHEMA public TO PUBLIC; GRANT ALL ON DATABASE {database} TO PUBLIC"))
        .await;
    let hostile = Session::with(&role_url, HOSTILE).await;
    let caller = Caller::new("hostile role", &role_url, "", &BLIND);
    for (area, operation) in OPERATIONS {
        let expected = if area == Area::Log { NoRows } else { Refused };
        assert_eq!(caller.tries(&hostile, operation).await, expected, "{operation}");
    }
}

// Locks.

#[tokio::test]
async fn a_plain_role_cannot_stop_refreshes() {
    let url = migrated_app("stopper").await;
    let (role, role_url) = mistaken(&url).await;
    execute(&url, &format!("GRANT SELECT ON ALL TABLES IN SCHEMA public, refreshtop TO {role}")).await;
    execute(&url, "UPDATE refreshtop.views SET lock_timeout = '1 s'").await;
    let plain = Session::open(&role_url).await;
    for lock in [
        "SELECT * FROM refreshtop.views FOR UPDATE",
        "SELECT * FROM refreshtop.views FOR KEY SHARE",
        "LOCK TABLE refreshtop.views",
        "LOCK TABLE refreshtop.views IN SHARE MODE",
        "LOCK TABLE public.metrics_refresh_log IN SHARE MODE",
        "LOCK TABLE refreshtop.audit IN SHARE MODE",
        "LOCK TABLE public.accounts",
        "REFRESH MATERIALIZED VIEW public.platform_metrics",
    ] {
        assert_eq!(plain.sqlstate(&format!("BEGIN; {lock}")).await, "42501", "{lock}");
        plain.run("ROLLBACK").await;
    }
    plain
        .run("BEGIN ISOLATION LEVEL REPEATABLE READ;
              SELECT * FROM public.platform_metrics; SELECT * FROM refreshtop.views;
              SELECT * FROM public.metrics_refresh_log;
              SELECT * FROM public.accounts, public.accounts_memberships, public.assets, public.software_licenses LIMIT 1;
              SELECT pg_advisory_lock(n), pg_advisory_lock(n::integer, 0), pg_advisory_xact_lock(0, n::integer)
              FROM generate_series(-500, 500) n;
              SELECT pg_advisory_lock(oid::bigint), pg_advisory_lock(hashtext(relname::text)),
                     pg_advisory_lock('pg_class'::regclass::oid::integer, oid::integer)
              FROM pg_class
              WHERE relname IN ('platform_metrics', 'views', 'metrics_refresh_log')")
        .await;
    let admin = Session::open(&url).await;
    assert_eq!(admin.value::<Value>("public.trigger_platform_metrics_refresh()").await["status"], "success");
    let advisory: i64 = admin.value(&format!("count(*) FROM {OURS} WHERE p.prosrc ~ 'advisory_(xact_)?lock'")).await;
    assert_eq!(advisory, 0, "any role can take an advisory lock");
}

// The trail.

#[tokio::test]
async fn every_act_leaves_who_did_it() {
    let url = migrated_app("trail").await;
    let (login, login_url) = fresh_role(&url, "operator", "NOINHERIT IN ROLE refreshtop_admin").await;
    let admin = Session::open(&url).await;
    let operator = Session::with(&login_url, "SET ROLE refreshtop_admin; SET application_name = 'runbook'").await;
    let trigger = "public.trigger_platform_metrics_refresh()";
    let good: Value = operator.value(trigger).await;
    let holder = Session::with(&url, "BEGIN; SELECT refreshtop.refresh('platform_metrics')").await;
    assert_eq!(operator.value::<Value>(trigger).await["status"], "running");
    holder.run("ROLLBACK").await;
    admin.run("DROP INDEX public.platform_metrics_refresh_key").await;
    let bad: Value = operator.value(trigger).await;
    operator.value::<i64>("public.cleanup_old_metrics_logs()").await;

    let trail = admin.rows("SELECT * FROM refreshtop.audit WHERE application_name = 'runbook' ORDER BY at").await;
    let recorded: Vec<_> =
        trail.iter().map(|act| (act["action"].as_str().unwrap(), act["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        recorded,
        [("trigger", "success"), ("refresh", "running"), ("trigger", "error"), ("cleanup", "success")]
    );
    for act in &trail {
        assert_eq!((&act["caller"], &act["login_role"]), (&json!("refreshtop_admin"), &json!(login)), "{act}");
        assert_eq!(act["client_addr"], "127.0.0.1", "{act}");
    }
    assert_eq!((&trail[0]["detail"]["run"], &trail[2]["detail"]["run"]), (&good["id"], &bad["id"]));
    let row = admin.log().await.pop().unwrap();
    assert_eq!((&row["triggered_by"], &row["login_role"]), (&json!("refreshtop_admin"), &json!(login)), "{row}");
}

// The role belongs to the cluster, migrations to a database.

/// A cluster without refreshtop's role, with two databases that have the application's tables: their URLs.
async fn two_databases() -> (DisposableCluster, String, String) {
    let cluster =
        DisposableCluster::start(&support::options(), &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let (one, other) = (cluster.url("one"), cluster.url("other"));
    for (name, url) in [("one", &one), ("other", &other)] {
        execute(&cluster.url("postgres"), &format!("CREATE DATABASE {name}")).await;
        execute(url, support::SMALL_APP).await;
    }
    (cluster, one, other)
}

/// Commits what `holder` holds as soon as somebody waits for it.
async fn commit_when_awaited(holder: &Session, url: &str) {
    let onlooker = Session::open(url).await;
    onlooker
        .until(&format!(
            "EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND {} = ANY (pg_blocking_pids(pid)))",
            holder.pid
        ))
        .await;
    holder.run("COMMIT").await;
}

#[tokio::test]
async fn two_databases_may_migrate_at_once() {
    let (_cluster, one, other) = two_databases().await;
    // What a migration of the other database does, at the moment when both have found no role.
    let holder = Session::with(&one, "BEGIN; CREATE ROLE refreshtop_admin NOLOGIN").await;
    tokio::join!(migrate(&other), commit_when_awaited(&holder, &one));
    let admin = Session::open(&other).await;
    assert_eq!(admin.value::<Value>("public.trigger_platform_metrics_refresh()").await["status"], "success");
}

#[tokio::test]
async fn a_rollback_keeps_the_role_for_a_database_that_is_just_migrating() {
    let (_cluster, one, other) = two_databases().await;
    migrate(&other).await;
    let holder = Session::with(&one, "BEGIN; GRANT USAGE ON SCHEMA public TO refreshtop_admin").await;
    // It waits for ten milliseconds only, which may pass unseen on a busy machine: then it has given up.
    let mut rolled_back = std::pin::pin!(support::roll_back(&other));
    tokio::select! {
        () = &mut rolled_back => holder.run("COMMIT").await,
        () = commit_when_awaited(&holder, &one) => rolled_back.await,
    }
    assert!(holder.value::<bool>("to_regrole('refreshtop_admin') IS NOT NULL").await);

    holder.run("REVOKE ALL ON SCHEMA public FROM refreshtop_admin; DROP ROLE refreshtop_admin").await;
    migrate(&other).await;
    support::roll_back(&other).await;
    assert!(holder.value::<bool>("to_regrole('refreshtop_admin') IS NULL").await, "nobody else needs it");
}
