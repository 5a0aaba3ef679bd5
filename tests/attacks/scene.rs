//! Where an attack takes place: a database with the application's tables, somebody with great rights who will migrate it,
//! and somebody with small ones who lays a trap. Afterwards: whose rights did the trap's code run with?

use crate::support::{self, SMALL_APP, execute, unique, value};
use refreshtop_cluster::{ClusterOptions, Cron, DisposableCluster};
use std::{
    collections::BTreeSet,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use tokio::{sync::OnceCell, time::sleep};

/// The application's tables, which the figures are made of.
pub const SOURCES: [&str; 4] = ["accounts", "accounts_memberships", "assets", "software_licenses"];
/// How many accounts there are: whatever else `total_accounts` says is wrong.
const ACCOUNTS: i64 = 10;
/// What the refresh job of the contract runs.
pub const JOB: &str = "SELECT public.refresh_platform_metrics_with_logging();";

/// Who migrates the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrator {
    /// A superuser. The source tables belong to a plain role, the application's.
    Superuser,
    /// The owner of the database and of the source tables, without any other right. `refreshtop_admin` was made for him.
    Owner,
    /// What a managed service gives its customer instead of a superuser: it may create roles, owns the database and the
    /// source tables, sees the server's statistics; whatever it creates is for the web's roles too, and every source has
    /// row security.
    Managed,
}

impl Migrator {
    const ALL: [Self; 3] = [Self::Superuser, Self::Owner, Self::Managed];

    /// By the name that a test carries.
    pub fn named(name: &str) -> Self {
        let named = Self::ALL.into_iter().find(|migrator| format!("{migrator:?}").eq_ignore_ascii_case(name));
        named.unwrap_or_else(|| panic!("{name} migrates nothing"))
    }
}

/// Roles are the cluster's, and so is the trust between them: each kind of migrator has a cluster of its own.
static CLUSTERS: [OnceCell<DisposableCluster>; 3] = [const { OnceCell::const_new() }; 3];

async fn cluster(migrator: Migrator) -> &'static DisposableCluster {
    let start = || async {
        let cluster = prepared(migrator, support::CRON_DATABASE).await;
        keep_roles(migrator, &cluster).await;
        cluster
    };
    CLUSTERS[migrator as usize].get_or_init(start).await
}

/// Migrates a database that nobody attacks: else a rollback of the last that is migrated at a time might take the roles
/// away under those that come next.
async fn keep_roles(migrator: Migrator, cluster: &DisposableCluster) {
    let url = match migrator {
        // Makes none.
        Migrator::Owner => return,
        Migrator::Superuser => cluster.url("keeper"),
        Migrator::Managed => cluster.url_of("service", "service", "keeper"),
    };
    let owner = if migrator == Migrator::Managed { "service" } else { cluster.user() };
    execute(&cluster.url("postgres"), &format!("CREATE DATABASE keeper OWNER {owner}")).await;
    execute(&url, SMALL_APP).await;
    support::migrate(&url).await;
}

async fn prepared(migrator: Migrator, cron_database: &str) -> DisposableCluster {
    let cron = Cron::IfInstalled(cron_database.into());
    let options = ClusterOptions { cron, settings: support::without_runs(), ..support::options() };
    let cluster = DisposableCluster::start(&options, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let url = cluster.url("postgres");
    // The jobs' role logs in without a password, as pg_cron's workers do; for all others it is a matter of time only.
    std::fs::write(cluster.data_dir().join("pg_hba.conf"), "host all all 127.0.0.1/32 trust\n").unwrap();
    execute(&url, "SELECT pg_reload_conf(); CREATE ROLE authenticated NOLOGIN").await;
    if cluster.has_cron() {
        if cron_database != "postgres" {
            execute(&url, &format!("CREATE DATABASE {cron_database}")).await;
        }
        let cron = "CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO PUBLIC;
                    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cron TO PUBLIC";
        execute(&cluster.url(cron_database), cron).await;
    }
    execute(
        &url,
        match migrator {
            Migrator::Superuser => "",
            Migrator::Owner => "CREATE ROLE refreshtop_admin NOLOGIN",
            Migrator::Managed => {
                "CREATE ROLE anon NOLOGIN; CREATE ROLE service_role NOLOGIN BYPASSRLS;
                 CREATE ROLE service LOGIN CREATEROLE CREATEDB PASSWORD 'service' IN ROLE pg_monitor"
            }
        },
    )
    .await;
    cluster
}

/// A role, and its URL of the scene's database.
#[derive(Debug, Clone)]
pub struct Actor {
    pub name: String,
    pub url: String,
}

/// Once hostile code ran: where, by which way, and with whose rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub how: String,
    pub role: String,
    pub login: String,
    pub database: String,
    /// The application that the session says it is.
    pub application: String,
}

/// See the module.
pub struct Scene {
    pub migrator: Migrator,
    pub cluster: &'static DisposableCluster,
    pub database: String,
    /// The database of `pg_cron`.
    pub cron_database: &'static str,
    /// The superuser's URL of the database.
    pub superuser: String,
    /// Who migrates.
    pub boss: Actor,
    /// Whose code is hostile: a plain role until a test says otherwise.
    pub attacker: Actor,
    /// A member of `refreshtop_admin` from the first migration on.
    pub oncall: Actor,
}

impl Scene {
    /// By the name of a kind of migrator.
    pub async fn migrated_by(name: &str) -> Self {
        Self::new(Migrator::named(name)).await
    }

    pub async fn new(migrator: Migrator) -> Self {
        let cluster = cluster(migrator).await;
        let database = unique("app");
        execute(&cluster.url("postgres"), &format!("CREATE DATABASE {database}")).await;
        Self::within(migrator, cluster, database, support::CRON_DATABASE).await
    }

    /// The same in a cluster of its own, for what concerns the cluster's roles. It ends with the test program.
    pub async fn in_own_cluster(&self) -> Self {
        let cluster = Box::leak(Box::new(prepared(self.migrator, support::CRON_DATABASE).await));
        let database = unique("app");
        execute(&cluster.url("postgres"), &format!("CREATE DATABASE {database}")).await;
        Self::within(self.migrator, cluster, database, support::CRON_DATABASE).await
    }

    /// The same where `pg_cron` lives in the application's database; none if it is not installed.
    pub async fn in_cron_database(&self) -> Option<Self> {
        if !self.cluster.has_cron() {
            return None;
        }
        let cluster = Box::leak(Box::new(prepared(self.migrator, "application").await));
        Some(Self::within(self.migrator, cluster, "application".into(), "application").await)
    }

    /// The same people in another database of the cluster.
    pub fn of_database(&self, database: &str) -> Self {
        let there = |url: &str| format!("{}/{database}", url.rsplit_once('/').expect("a URL with a database").0);
        let actor = |actor: &Actor| Actor { name: actor.name.clone(), url: there(&actor.url) };
        Self {
            migrator: self.migrator,
            cluster: self.cluster,
            database: database.into(),
            cron_database: self.cron_database,
            superuser: there(&self.superuser),
            boss: actor(&self.boss),
            attacker: actor(&self.attacker),
            oncall: actor(&self.oncall),
        }
    }

    async fn within(
        migrator: Migrator,
        cluster: &'static DisposableCluster,
        database: String,
        cron_database: &'static str,
    ) -> Self {
        let maintenance = cluster.url("postgres");
        let superuser = cluster.url(&database);
        let actor = |prefix: &str| {
            let name = unique(prefix);
            Actor { url: cluster.url_of(&name, &name, &database), name }
        };
        let (attacker, oncall) = (actor("mallory"), actor("oncall"));
        for Actor { name, .. } in [&attacker, &oncall] {
            execute(&maintenance, &format!("CREATE ROLE {name} LOGIN PASSWORD '{name}'")).await;
        }
        execute(&superuser, SMALL_APP).await;
        let boss = match migrator {
            Migrator::Superuser => Actor { name: cluster.user().into(), url: superuser.clone() },
            Migrator::Owner => {
                let owner = actor("owner");
                execute(&maintenance, &format!("CREATE ROLE {0} LOGIN PASSWORD '{0}'", owner.name)).await;
                owner
            }
            Migrator::Managed => Actor { name: "service".into(), url: cluster.url_of("service", "service", &database) },
        };
        let scene = Self { migrator, cluster, database, cron_database, superuser, boss, attacker, oncall };
        scene.furnish().await;
        scene
    }

    async fn furnish(&self) {
        let Self { database, boss: Actor { name: boss, url }, .. } = self;
        if self.migrator == Migrator::Superuser {
            let app = unique("application");
            self.sudo(&format!("CREATE ROLE {app}")).await;
            self.own_sources(&app, &SOURCES).await;
        } else {
            self.sudo(&format!("ALTER DATABASE {database} OWNER TO {boss}")).await;
            self.own_sources(boss, &SOURCES).await;
        }
        if self.migrator == Migrator::Managed {
            for kind in ["TABLES", "FUNCTIONS", "SEQUENCES"] {
                let generous =
                    format!("ALTER DEFAULT PRIVILEGES GRANT ALL ON {kind} TO anon, authenticated, service_role");
                execute(url, &generous).await;
            }
            for table in SOURCES {
                execute(url, &format!("ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY")).await;
            }
        }
        arm(&self.superuser, &self.attacker).await;
    }

    /// As the superuser who prepares the scene; nothing hostile may be met by it.
    pub async fn sudo(&self, sql: &str) {
        execute(&self.superuser, sql).await;
    }

    /// As the attacker.
    pub async fn plant(&self, sql: &str) {
        execute(&self.attacker.url, sql).await;
    }

    /// Each statement as the attacker, who may fail: what is refused now is no attack any more.
    pub async fn try_to_plant(&self, statements: &[&str]) -> usize {
        self.try_as(&self.attacker.url, statements).await
    }

    /// The same as another. How many succeeded.
    pub async fn try_as(&self, url: &str, statements: &[&str]) -> usize {
        let session = support::client(url).await;
        let mut done = 0;
        for statement in statements {
            done += usize::from(session.batch_execute(statement).await.is_ok());
        }
        done
    }

    /// Gives sources to `owner`, so that the migrator may still read all their rows. Where sources have several owners, none
    /// has row security then: it would hide rows from whoever is to own the view.
    pub async fn own_sources(&self, owner: &str, tables: &[&str]) {
        let boss = &self.boss.name;
        for table in tables {
            let change = format!(
                "ALTER TABLE public.{table} OWNER TO {owner}; GRANT SELECT ON public.{table} TO {boss} WITH GRANT OPTION;
                 ALTER TABLE public.{table} DISABLE ROW LEVEL SECURITY"
            );
            self.sudo(&change).await;
        }
        if owner != *boss {
            for table in SOURCES {
                self.sudo(&format!("ALTER TABLE public.{table} DISABLE ROW LEVEL SECURITY")).await;
            }
        }
    }

    pub async fn attacker_owns_sources(&self, tables: &[&str]) {
        self.own_sources(&self.attacker.name.clone(), tables).await;
    }

    /// The attacker may create in schema `public`, as anybody could up to release 14.
    pub async fn attacker_creates_in_public(&self) {
        self.sudo(&format!("GRANT USAGE, CREATE ON SCHEMA public TO {}", self.attacker.name)).await;
    }

    /// The attacker may create schemas.
    pub async fn attacker_creates_in_database(&self) {
        self.sudo(&format!("GRANT CREATE ON DATABASE {} TO {}", self.database, self.attacker.name)).await;
    }

    /// The attacker owns schema `public` and, if a superuser migrates, the database as well.
    pub async fn attacker_owns_public(&self) {
        let Self { database, attacker: Actor { name, .. }, boss, .. } = self;
        if self.migrator == Migrator::Superuser {
            self.sudo(&format!("ALTER DATABASE {database} OWNER TO {name}")).await;
        }
        self.sudo(&format!("ALTER SCHEMA public OWNER TO {name}")).await;
        self.plant(&format!("GRANT USAGE, CREATE ON SCHEMA public TO {}", boss.name)).await;
    }

    /// The attacker may read and write every table, as members of `pg_read_all_data` and `pg_write_all_data`; up to release
    /// 13, which has no such roles, somebody gave him as much by mistake.
    pub async fn attacker_uses_all_data(&self) {
        let name = &self.attacker.name;
        let roles = "SELECT to_regrole('pg_write_all_data') IS NOT NULL";
        let grant = if value::<bool>(&self.superuser, roles).await {
            format!("GRANT pg_read_all_data, pg_write_all_data TO {name}")
        } else {
            format!(
                "GRANT USAGE ON SCHEMA refreshtop TO {name};
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, refreshtop TO {name};
                 GRANT SELECT, USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA refreshtop TO {name}"
            )
        };
        self.sudo(&grant).await;
    }

    /// What the program says, run as the role of `url`.
    pub async fn run(&self, url: &str, line: &str) -> Ran {
        let output = program(url, line);
        ran(tokio::task::spawn_blocking(move || { output }.output().expect("the program")).await.unwrap())
    }

    /// Migrates, and makes `oncall` an administrator. The jobs stay paused: what runs, a test runs.
    pub async fn migrate(&self) -> Ran {
        let ran = self.run(&self.boss.url, "migrate").await;
        self.pause_jobs().await;
        let admin = "SELECT to_regrole('refreshtop_admin') IS NOT NULL";
        if value::<bool>(&self.superuser, admin).await {
            self.sudo(&format!("GRANT refreshtop_admin TO {}", self.oncall.name)).await;
        }
        ran
    }

    /// The same if nothing prevents it.
    pub async fn migrated(&self) -> Ran {
        let ran = self.migrate().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    }

    pub async fn pause_jobs(&self) {
        if self.cluster.has_cron() {
            let pause = format!(
                "SELECT cron.alter_job(jobid, active := false) FROM cron.job WHERE database = '{}' AND active",
                self.database
            );
            execute(&self.cluster.url(self.cron_database), &pause).await;
        }
    }

    /// The URL of the role as which the refresh job runs; none if it was not scheduled: an owner without roles does that
    /// only where schema `public` is his own or a superuser's.
    pub async fn job(&self) -> Option<String> {
        let url = |role: &str| match role {
            "refreshtop_job" => self.cluster.url_of(role, "", &self.database),
            _ => self.boss.url.clone(),
        };
        if let (Some(cron), true) = (self.cron(), self.migrator != Migrator::Owner) {
            let job =
                format!("SELECT username FROM cron.job WHERE database = '{}' AND command = '{JOB}'", self.database);
            let job = support::client(&cron).await.query_opt(&job, &[]).await.unwrap();
            return job.map(|row| url(row.get(0)));
        }
        let may = "EXISTS (SELECT 1 FROM pg_roles r JOIN pg_namespace n ON n.nspname = 'refreshtop'
                   WHERE r.rolname = 'refreshtop_job' AND has_schema_privilege(r.oid, n.oid, 'USAGE'))";
        if value::<bool>(&self.superuser, &format!("SELECT {may}")).await {
            return Some(url("refreshtop_job"));
        }
        let trusted = format!(
            "SELECT o.rolsuper OR o.rolname = '{0}' OR o.rolname = 'pg_database_owner' AND d.datdba = '{0}'::regrole
             FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner, pg_database d
             WHERE n.nspname = 'public' AND d.datname = current_database()",
            self.boss.name
        );
        // An installation that does not know its home knows nothing of this rule either.
        let knows = "SELECT to_regclass('refreshtop.home') IS NOT NULL";
        let may = !value::<bool>(&self.superuser, knows).await || value::<bool>(&self.superuser, &trusted).await;
        may.then(|| self.boss.url.clone())
    }

    /// Runs the refresh job's command as `pg_cron` would. Whether it did not fail.
    pub async fn run_job(&self) -> bool {
        match self.job().await {
            Some(url) => support::client(&url).await.batch_execute(JOB).await.is_ok(),
            None => false,
        }
    }

    /// Refreshes by all ways there are.
    pub async fn refresh(&self) {
        self.run_job().await;
        self.run(&self.boss.url, "trigger").await;
        self.try_as(&self.oncall.url, &["SELECT refreshtop.refresh('platform_metrics', 'manual')"]).await;
    }

    /// Whoever has great rights looks at everything. A session that has none is not kept from what it was granted, decoys
    /// included: it only calls what is ours.
    pub async fn look(&self) {
        self.look_as(&self.superuser).await;
        if self.migrator == Migrator::Managed {
            self.look_as(&self.boss.url).await;
        }
        for url in [&self.boss.url, &self.oncall.url] {
            self.try_as(url, &OWN_QUESTIONS).await;
        }
    }

    pub async fn look_as(&self, url: &str) {
        for line in ["status", "stats", "runs", "check", "metrics", "doctor", "job show", "job runs", "migrate status"]
        {
            self.run(url, line).await;
        }
        self.try_as(url, &OWN_QUESTIONS).await;
    }

    /// What people with great rights do in the course of a day with a database that is migrated, and how it ends.
    pub async fn live(&self) {
        self.refresh().await;
        self.look().await;
        self.run(&self.boss.url, "cleanup --yes").await;
        self.try_as(&self.oncall.url, &["SELECT refreshtop.cleanup_logs()"]).await;
        self.run(&self.boss.url, "migrate").await;
        self.pause_jobs().await;
        self.refresh().await;
        self.run(&self.boss.url, "migrate down --yes").await;
        for line in ["status", "metrics", "doctor"] {
            self.run(&self.superuser, line).await;
        }
    }

    /// Where, how and as whom the attacker's code ran. The server's log has it: no transaction takes that back, and
    /// none is too read-only for it.
    pub fn hits(&self) -> Vec<Hit> {
        let log = std::fs::read(self.cluster.log_path()).unwrap();
        let log = String::from_utf8_lossy(&log);
        let mark = format!("LOG:  attack|{}|", self.attacker.name);
        let parsed = log.lines().filter_map(|line| {
            let mut words = line.split_once(&mark)?.1.split('|').map(str::to_owned);
            let (how, role) = (words.next()?, words.next()?);
            let (login, database) = (words.next()?, words.next()?);
            Some(Hit { how, role, login, database, application: words.next().unwrap_or_default() })
        });
        parsed.collect()
    }

    /// The attack came to nothing: no hostile code ran as anybody but its owner, and he has no more rights than before.
    pub async fn held(&self) {
        self.held_but_as(&[]).await;
    }

    /// The same where the code may run as these, who have nothing to lose: the test says why.
    pub async fn held_but_as(&self, harmless: &[&str]) {
        let name = &self.attacker.name;
        let describe = |hit: &Hit| {
            let Hit { how, role, login, database, application } = hit;
            format!("{how} as {role} in the session of {login} in {database} ({application})")
        };
        let hits = self.hits();
        let all: BTreeSet<String> = hits.iter().map(describe).collect();
        println!("code of {name} ran:\n  {}", all.into_iter().collect::<Vec<_>>().join("\n  "));
        let foreign = hits.iter().filter(|hit| hit.role != *name && !harmless.contains(&&*hit.role));
        let foreign: BTreeSet<String> = foreign.map(describe).collect();
        assert!(
            foreign.is_empty(),
            "with more rights than its owner's:\n  {}",
            foreign.into_iter().collect::<Vec<_>>().join("\n  ")
        );
        let mut gained: Vec<String> = value(&self.superuser, &gained(name, &self.boss.name)).await;
        // Up to release 14 a session may make others members of its own role: what runs as that role can stay it. Doctor
        // names them.
        if value::<i32>(&self.superuser, "SELECT current_setting('server_version_num')::integer").await < 150_000 {
            gained.retain(|gain| !harmless.iter().any(|role| *gain == format!("membership of {role}")));
        }
        assert!(gained.is_empty(), "{name} has now: {gained:?}");
    }

    /// Wrong figures are never shown as fresh. To be asked after [`Self::held`]: it reads what may be a trap by now.
    pub async fn no_wrong_figure(&self) {
        let total = "SELECT total_accounts::bigint FROM public.platform_metrics";
        let session = support::client(&self.superuser).await;
        let total: Option<i64> = session.query_opt(total, &[]).await.ok().flatten().map(|row| row.get(0));
        let last = "SELECT status::text FROM public.metrics_refresh_log ORDER BY created_at DESC LIMIT 1";
        let last: Option<String> = session.query_opt(last, &[]).await.ok().flatten().map(|row| row.get(0));
        let check = self.run(&self.boss.url, "check").await;
        let fresh = last.as_deref() == Some("success") || check.code == 0;
        assert!(
            !fresh || total == Some(ACCOUNTS),
            "{total:?} accounts instead of {ACCOUNTS}, and the last refresh was a {last:?}: {check:?}"
        );
    }

    /// That the installation works, attack or not.
    pub async fn works(&self) {
        let ran = self.run(&self.boss.url, "trigger").await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let total: i64 = value(&self.superuser, "SELECT total_accounts::bigint FROM public.platform_metrics").await;
        assert_eq!(total, ACCOUNTS);
    }

    /// `pg_cron`'s own database, for the superuser; none if it is not installed.
    pub fn cron(&self) -> Option<String> {
        self.cluster.has_cron().then(|| self.cluster.url(self.cron_database))
    }
}

/// Functions of ours that a privileged session may call by hand.
const OWN_QUESTIONS: [&str; 8] = [
    "SELECT * FROM refreshtop.stats('platform_metrics', '1 day')",
    "SELECT * FROM refreshtop.running()",
    "SELECT refreshtop.applied_steps()",
    "SELECT * FROM refreshtop.cron_settings()",
    "SELECT * FROM refreshtop.cron_job('refresh-platform-metrics')",
    "SELECT * FROM refreshtop.cron_job()",
    "SELECT refreshtop.cron_facts()",
    "SELECT refreshtop.change_job('refresh-platform-metrics', NULL, NULL)",
];

/// Rights of `name` in the catalogue that no attacker had at the beginning.
fn gained(name: &str, boss: &str) -> String {
    format!(
        "SELECT coalesce(array_agg(it ORDER BY it), '{{}}') FROM (
             SELECT 'SUPERUSER' AS it FROM pg_roles WHERE rolname = '{name}' AND rolsuper AND rolname <> '{boss}'
             UNION ALL
             SELECT 'membership of ' || g.rolname FROM pg_auth_members m
             JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
             WHERE r.rolname = '{name}' AND (g.rolsuper OR g.rolname IN ('{boss}', 'refreshtop_owner', 'refreshtop_view',
                 'refreshtop_monitor', 'refreshtop_job', 'pg_execute_server_program', 'pg_write_server_files',
                 'pg_read_server_files')) AND r.rolname <> '{boss}') gained"
    )
}

/// Gives `attacker` schema `m` in the database of `superuser`, with code that does what hostile code can: it says in the
/// server's log as whom it runs, takes what rights there are, and comes back when the transaction ends, as the session's
/// role, from a held cursor and a deferred trigger.
pub async fn arm(superuser: &str, attacker: &Actor) {
    let name = &attacker.name;
    execute(superuser, &format!("CREATE SCHEMA m AUTHORIZATION {name}; GRANT USAGE ON SCHEMA m TO PUBLIC")).await;
    let arms = format!(
        "SET ROLE {name};
         CREATE TABLE m.queue (how text);
         GRANT ALL ON m.queue TO PUBLIC;
         CREATE FUNCTION m.climb(how text) RETURNS integer LANGUAGE plpgsql AS $climb$
         DECLARE
             act text;
         BEGIN
             RAISE LOG 'attack|{name}|%|%|%|%|%', how, current_user, session_user, current_database(), current_setting('application_name');
             IF current_user = '{name}' THEN RETURN 1; END IF;
             FOREACH act IN ARRAY ARRAY[
                 'ALTER ROLE {name} SUPERUSER', 'GRANT pg_execute_server_program TO {name}',
                 'GRANT refreshtop_owner TO {name}', 'GRANT refreshtop_job TO {name}',
                 'ALTER FUNCTION refreshtop.refresh(text, text) SECURITY INVOKER'] LOOP
                 BEGIN EXECUTE act; EXCEPTION WHEN OTHERS THEN NULL; END;
             END LOOP;
             RETURN 1;
         END $climb$;
         CREATE FUNCTION m.deferred() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM m.climb(new.how || ', deferred'); RETURN new; END $$;
         CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON m.queue DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION m.deferred();
         CREATE FUNCTION m.evil(how text) RETURNS integer LANGUAGE plpgsql AS $evil$
         DECLARE
             before text := current_user;
         BEGIN
             PERFORM m.climb(how);
             IF current_user = '{name}' AND session_user = '{name}' THEN RETURN 1; END IF;
             BEGIN INSERT INTO m.queue VALUES (how); EXCEPTION WHEN OTHERS THEN NULL; END;
             BEGIN
                 EXECUTE format('DECLARE %I CURSOR WITH HOLD FOR SELECT m.climb(%L)', 'held' || random(), how || ', held cursor');
             EXCEPTION WHEN OTHERS THEN NULL; END;
             BEGIN
                 EXECUTE 'RESET ROLE';
                 IF current_user <> before THEN PERFORM m.climb(how || ', role reset'); END IF;
             EXCEPTION WHEN OTHERS THEN NULL; END;
             RETURN 1;
         END $evil$;
         CREATE FUNCTION m.evil_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN PERFORM m.evil('trigger ' || tg_op); RETURN new; END $$;
         CREATE FUNCTION m.evil_constant(value integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
         BEGIN PERFORM m.evil('planner or index'); RETURN value; END $$;
         CREATE FUNCTION m.evil_text(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
         BEGIN PERFORM m.evil('index or column'); RETURN value; END $$;
         CREATE FUNCTION m.evil_true(how text) RETURNS boolean LANGUAGE plpgsql AS $$
         BEGIN PERFORM m.evil(how); RETURN true; END $$"
    );
    execute(superuser, &arms).await;
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Its whole output.
    pub fn text(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// The program, with nothing of this process's environment.
pub fn program(url: &str, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_refreshtop"));
    command.env_clear().env("HOME", "/nonexistent").env("REFRESHTOP_URL", url);
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().expect("an exit code, not a signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// A program in the background, which does not outlive a test that fails.
pub struct Running(pub Child);

impl Running {
    pub fn start(url: &str, line: &str) -> Self {
        Self(program(url, line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program"))
    }

    /// Waits for its end: the exit code, none after a signal.
    pub async fn ended(&mut self) -> Option<i32> {
        for _ in 0..1200 {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("the program does not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
