//! The refresh log: what a table of that name can carry.

use crate::{
    scene::Scene,
    support::{self, execute, value},
};

/// A log as somebody else may make it.
const LOG: &str = "CREATE TABLE public.metrics_refresh_log (
    id uuid DEFAULT gen_random_uuid(), refresh_type varchar(100), status varchar(20), duration_ms numeric, error_message text,
    started_at timestamptz, completed_at timestamptz, created_at timestamptz DEFAULT now(), sqlstate text, error_detail text,
    error_hint text, error_context text, trigger_source text, triggered_by text, login_role text, application_name text,
    client_addr inet, backend_pid integer, black_box jsonb, measured jsonb)";

/// An attack on each kind of code that a table can carry; what can stand side by side does.
macro_rules! on_every_carrier {
    ($name:ident by $by:tt) => {
        attack!($name {
            expressions: EXPRESSIONS,
            type_with_a_cast: "CREATE TYPE m.boxed AS (value text);
                CREATE FUNCTION m.boxed(text) RETURNS m.boxed LANGUAGE plpgsql AS $$ BEGIN PERFORM m.evil('cast'); RETURN NULL; END $$;
                CREATE CAST (text AS m.boxed) WITH FUNCTION m.boxed(text) AS ASSIGNMENT;
                ALTER TABLE public.metrics_refresh_log ALTER error_message TYPE m.boxed USING NULL",
            triggers: "CREATE TRIGGER t1 BEFORE INSERT OR DELETE ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION m.evil_trigger();
                CREATE TRIGGER t2 BEFORE INSERT OR DELETE ON public.metrics_refresh_log FOR EACH STATEMENT EXECUTE FUNCTION m.evil_trigger();
                CREATE TRIGGER t3 BEFORE TRUNCATE ON public.metrics_refresh_log FOR EACH STATEMENT EXECUTE FUNCTION m.evil_trigger()",
            deferred_trigger: "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON public.metrics_refresh_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION m.evil_trigger()",
            rules: "CREATE RULE also AS ON INSERT TO public.metrics_refresh_log DO ALSO SELECT m.evil('rule on insert');
                CREATE RULE also_deleted AS ON DELETE TO public.metrics_refresh_log DO ALSO SELECT m.evil('rule on delete')",
            child: "CREATE TABLE m.child () INHERITS (public.metrics_refresh_log); CREATE INDEX ON m.child (id) WHERE m.evil_constant(1) = 1",
            policy: "ALTER TABLE public.metrics_refresh_log ENABLE ROW LEVEL SECURITY; ALTER TABLE public.metrics_refresh_log FORCE ROW LEVEL SECURITY;
                CREATE POLICY p ON public.metrics_refresh_log USING (m.evil_true('policy')) WITH CHECK (m.evil_true('policy'))",
            built_in: BUILT_IN,
            view_over_it: "ALTER TABLE public.metrics_refresh_log SET SCHEMA m; CREATE VIEW public.metrics_refresh_log AS SELECT * FROM m.metrics_refresh_log WHERE m.evil_true('view');
                CREATE TRIGGER t INSTEAD OF INSERT ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION m.evil_trigger()",
            partitions: "ALTER TABLE public.metrics_refresh_log SET SCHEMA m; CREATE TABLE public.metrics_refresh_log (LIKE m.metrics_refresh_log INCLUDING DEFAULTS)
                    PARTITION BY LIST (m.evil_text(status::text));
                CREATE TABLE m.part PARTITION OF public.metrics_refresh_log DEFAULT; CREATE INDEX ON m.part (id) WHERE m.evil_constant(1) = 1",
        } by $by);
    };
}

/// Statistics on expressions exist from 14 on; a policy of the table that a foreign key names is asked as that table's owner.
const EXPRESSIONS: &str = "
ALTER TABLE public.metrics_refresh_log ADD note1 integer DEFAULT m.evil('default');
ALTER TABLE public.metrics_refresh_log ADD note2 integer GENERATED ALWAYS AS (m.evil_constant(1)) STORED;
ALTER TABLE public.metrics_refresh_log ADD CHECK (m.evil_true('check'));
CREATE DOMAIN m.domain AS text CHECK (m.evil_true('domain'));
ALTER TABLE public.metrics_refresh_log ALTER error_message TYPE m.domain;
CREATE INDEX ON public.metrics_refresh_log (m.evil_text(status::text));
CREATE INDEX ON public.metrics_refresh_log (id) WHERE m.evil_constant(1) = 1;
CREATE TABLE m.types (name varchar(100) PRIMARY KEY); INSERT INTO m.types VALUES ('platform_metrics');
ALTER TABLE m.types ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON m.types USING (m.evil_true('policy of a foreign key'));
ALTER TABLE public.metrics_refresh_log ADD FOREIGN KEY (refresh_type) REFERENCES m.types;
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 140000 THEN
        EXECUTE 'CREATE STATISTICS m.s ON (m.evil_constant(1) + duration_ms), (m.evil_constant(2) + duration_ms) FROM public.metrics_refresh_log';
    END IF; END $$";

/// PostgreSQL's own functions that execute a text, which no dependency shows; and a trigger's condition.
const BUILT_IN: &str = "
ALTER TABLE public.metrics_refresh_log ADD CHECK (query_to_xml('SELECT m.evil(''query_to_xml'')', true, true, '') IS NOT NULL);
ALTER TABLE public.metrics_refresh_log ADD note1 text
    DEFAULT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery WHERE m.evil(''ts_rewrite'') = 1')::text;
ALTER TABLE public.metrics_refresh_log ADD note2 tsvector;
CREATE TRIGGER t BEFORE INSERT ON public.metrics_refresh_log FOR EACH ROW WHEN (m.evil_true('condition of a trigger'))
    EXECUTE FUNCTION tsvector_update_trigger('note2', 'pg_catalog.simple', 'error_message')";

/// A refresh of two months ago.
const OLD_ROW: &str =
    "INSERT INTO public.metrics_refresh_log (refresh_type, status, duration_ms, started_at, completed_at, created_at)
    SELECT 'platform_metrics', 'success', 5, t, t, t FROM (SELECT now() - interval '60 days' AS t) old";

/// 4. A log that was there before the first migration.
async fn adopted_log(scene: Scene, carrier: &str) {
    scene.attacker_creates_in_public().await;
    scene.plant(&format!("{LOG}; {OLD_ROW}; {carrier}; GRANT ALL ON public.metrics_refresh_log TO PUBLIC")).await;
    scene.migrate().await;
    scene.live().await;
    // Its rows are copied by a role that has nothing else.
    scene.held_but_as(&["refreshtop_view"]).await;
}
on_every_carrier!(adopted_log by [superuser, owner, managed]);

/// 3 a. The owner of schema `public` drops the log, and makes one of his own.
async fn replaced_log(scene: Scene, carrier: &str) {
    scene.attacker_owns_public().await;
    scene.migrated().await;
    scene.plant("DROP TABLE public.metrics_refresh_log CASCADE").await;
    scene.plant(&format!("{LOG}; {OLD_ROW}; {carrier}; GRANT ALL ON public.metrics_refresh_log TO PUBLIC")).await;
    scene.live().await;
    scene.held().await;
}
on_every_carrier!(replaced_log by [superuser, owner, managed]);

/// The same after a harmless log was adopted: a rollback puts its rows back.
async fn replaced_adopted_log(scene: Scene, carrier: &str) {
    scene.attacker_owns_public().await;
    // Whoever is no superuser adopts only a log of his own.
    execute(&scene.boss.url, &format!("{LOG}; {OLD_ROW}")).await;
    scene.migrated().await;
    scene.plant("DROP TABLE public.metrics_refresh_log CASCADE").await;
    scene.plant(&format!("{LOG}; {OLD_ROW}; {carrier}; GRANT ALL ON public.metrics_refresh_log TO PUBLIC")).await;
    let decoy: i64 = value(&scene.superuser, "SELECT 'public.metrics_refresh_log'::regclass::oid::bigint").await;
    scene.run(&scene.boss.url, "migrate down --yes").await;
    scene.live().await;
    // It may not have become anybody else's either: autovacuum runs what hangs on a table as the table's owner.
    let owner = format!("SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = {decoy}");
    assert_eq!(value::<String>(&scene.superuser, &owner).await, scene.attacker.name);
    scene.held().await;
}
attack!(replaced_adopted_log {
    plain: "",
    expressions: EXPRESSIONS,
    built_in: BUILT_IN,
} by [superuser, owner, managed]);

/// The same without dropping anything: the schema gets another name, and a new one of the old name a decoy.
async fn log_in_a_renamed_schema(scene: Scene) {
    scene.attacker_owns_public().await;
    scene.attacker_creates_in_database().await;
    scene.migrated().await;
    scene
        .plant("ALTER SCHEMA public RENAME TO before; CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO PUBLIC")
        .await;
    let trap = "CREATE TRIGGER t BEFORE INSERT OR DELETE ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION m.evil_trigger();
                CREATE INDEX ON public.metrics_refresh_log (id) WHERE m.evil_constant(1) = 1;
                CREATE VIEW public.platform_metrics AS SELECT 1::bigint AS total_accounts WHERE m.evil_true('view')";
    scene
        .plant(&format!("{LOG}; {trap}; GRANT ALL ON public.metrics_refresh_log, public.platform_metrics TO PUBLIC"))
        .await;
    scene.live().await;
    scene.held_but_as(&["refreshtop_job"]).await;
}
attack!(log_in_a_renamed_schema by [superuser, owner, managed]);

/// The owner of schema `public` tries to change our own log.
async fn our_own_log(scene: Scene) {
    scene.attacker_owns_public().await;
    scene.migrated().await;
    let done = scene
        .try_to_plant(&[
            "CREATE TRIGGER t BEFORE INSERT ON public.metrics_refresh_log FOR EACH ROW EXECUTE FUNCTION m.evil_trigger()",
            "CREATE RULE also AS ON INSERT TO public.metrics_refresh_log DO ALSO SELECT m.evil('rule')",
            "CREATE INDEX ON public.metrics_refresh_log (id) WHERE m.evil_constant(1) = 1",
            "CREATE TABLE m.child () INHERITS (public.metrics_refresh_log)",
            "CREATE TABLE m.child (LIKE public.metrics_refresh_log); ALTER TABLE m.child INHERIT public.metrics_refresh_log",
            "CREATE POLICY p ON public.metrics_refresh_log USING (m.evil_true('policy'))",
            "ALTER TABLE public.metrics_refresh_log DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE public.metrics_refresh_log ADD note integer DEFAULT m.evil('default')",
            "ALTER TABLE public.metrics_refresh_log RENAME TO other",
            "CREATE STATISTICS m.s ON status, duration_ms FROM public.metrics_refresh_log",
            "INSERT INTO public.metrics_refresh_log (refresh_type, status, started_at) VALUES ('platform_metrics', 'success', now())",
            "TRUNCATE public.metrics_refresh_log",
            "SELECT * FROM public.metrics_refresh_log",
            "GRANT ALL ON public.metrics_refresh_log TO PUBLIC",
        ])
        .await;
    // A GRANT without the right to it is a warning only, and gives nothing.
    assert!(done <= 1, "{done} of these succeeded");
    scene.live().await;
    scene.held().await;
}
attack!(our_own_log by [superuser, owner, managed]);

/// A role that may read and write every table, and is to see no row, knows the id of one: everybody hears it who listens.
async fn read_through_the_writing_view(scene: Scene, statement: &str) {
    scene.migrated().await;
    scene.works().await;
    scene.attacker_uses_all_data().await;
    let release = "SELECT current_setting('server_version_num')::integer / 10000";
    let (id, release): (String, i32) = (
        value(&scene.superuser, "SELECT id::text FROM public.metrics_refresh_log").await,
        value(&scene.superuser, release).await,
    );
    if statement.starts_with("MERGE") && release < 15 {
        return;
    }
    let session = crate::support::client(&scene.attacker.url).await;
    let leak = "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
                BEGIN RAISE EXCEPTION 'LEAK %', $1; END $$";
    session.batch_execute(leak).await.unwrap();
    let answer = match session.batch_execute(&statement.replace("ID", &format!("'{id}'"))).await {
        Ok(()) => String::new(),
        Err(error) => format!("{error:?}"),
    };
    assert!(!answer.contains("LEAK") && !answer.contains("already exists"), "{answer}");
}
attack!(read_through_the_writing_view {
    insert: "INSERT INTO refreshtop.log_door (id, refresh_type, status, started_at, created_at)
             VALUES (ID, 'x', 'error', now(), now())",
    conflict: "INSERT INTO refreshtop.log_door AS d (id, refresh_type, status, started_at, created_at)
               VALUES (ID, 'x', 'error', now(), now())
               ON CONFLICT (id) DO UPDATE SET status = 'error' WHERE pg_temp.leak(d.status || d.triggered_by || d.login_role)",
    conflict_set: "INSERT INTO refreshtop.log_door AS d (id, refresh_type, status, started_at, created_at)
                   VALUES (ID, 'x', 'error', now(), now())
                   ON CONFLICT (id) DO UPDATE SET status = pg_temp.leak(d.status || d.triggered_by)::text",
    merge: "MERGE INTO refreshtop.log_door d USING (SELECT ID::uuid AS id) s ON d.id = s.id
            WHEN MATCHED AND pg_temp.leak(d.status || d.triggered_by) THEN UPDATE SET status = 'error'
            WHEN NOT MATCHED THEN INSERT (id, refresh_type, status, started_at, created_at)
                                  VALUES (s.id, 'x', 'error', now(), now())",
    select: "SELECT FROM refreshtop.log_door d WHERE pg_temp.leak(d.status || d.triggered_by)",
    update: "UPDATE refreshtop.log_door d SET status = 'error' WHERE pg_temp.leak(d.status || d.triggered_by)",
    delete: "DELETE FROM refreshtop.log_door d WHERE pg_temp.leak(d.status || d.triggered_by)",
} by [superuser, owner, managed]);

/// The view `log_door` has lost its protection, and somebody has attached his own code to it.
async fn door_without_its_rule(scene: Scene) {
    scene.migrated().await;
    scene
        .sudo(
            "DO $$ DECLARE r name; BEGIN
                 FOR r IN SELECT rulename FROM pg_rewrite WHERE ev_class = 'refreshtop.log_door'::regclass AND rulename <> '_RETURN'
                 LOOP EXECUTE format('DROP RULE %I ON refreshtop.log_door', r); END LOOP;
             END $$",
        )
        .await;
    let again = scene.migrated().await;
    assert!(again.text().contains("rule refreshtop.log_door"), "{again:?}");
    scene.sudo("CREATE RULE also AS ON DELETE TO refreshtop.log_door DO ALSO SELECT 1").await;
    let again = scene.migrated().await;
    assert!(again.text().contains("rule refreshtop.log_door"), "{again:?}");
    let rules =
        "SELECT count(*) FROM pg_rewrite WHERE ev_class = 'refreshtop.log_door'::regclass AND rulename = 'also'";
    assert_eq!(value::<i64>(&scene.superuser, rules).await, 0);
    scene.works().await;
}
attack!(door_without_its_rule by [superuser, owner, managed]);

/// What protects the installation: owners, permissions, and the roles that functions run as.
const BORDERS: &str = "SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
    SELECT concat_ws(' ', n.nspname, n.nspowner::regrole, (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(coalesce(n.nspacl, acldefault('n', n.nspowner))) i)) AS line
    FROM pg_namespace n WHERE n.nspname LIKE 'refreshtop%'
    UNION ALL
    SELECT concat_ws(' ', p.oid::regprocedure, p.proowner::regrole, p.prosecdef, p.proconfig,
                     (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(coalesce(p.proacl, acldefault('f', p.proowner))) i))
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname LIKE 'refreshtop%' OR n.nspname = 'public'
    UNION ALL
    SELECT concat_ws(' ', c.oid::regclass, c.relkind, c.relowner::regrole, c.relrowsecurity,
                     (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(coalesce(c.relacl, acldefault('r', c.relowner))) i),
                     (SELECT array_agg(concat_ws(' ', p.polname, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid)) ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid),
                     (SELECT array_agg(a.attname ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm') AND (n.nspname LIKE 'refreshtop%' OR c.relname IN ('metrics_refresh_log', 'platform_metrics'))
) AS borders";

/// 15, and neighbours: what was dropped or loosened behind our back, `migrate` puts back.
async fn dropped(scene: Scene, loss: &str) {
    scene.migrated().await;
    let borders: String = value(&scene.superuser, BORDERS).await;
    scene.sudo(loss).await;
    scene.migrated().await;
    let again: String = value(&scene.superuser, BORDERS).await;
    let differences: Vec<&str> = again
        .lines()
        .filter(|line| !borders.lines().any(|other| other == *line))
        .chain(borders.lines().filter(|line| !again.lines().any(|other| other == *line)))
        .collect();
    assert!(differences.is_empty(), "what is there again differs from what was there:\n  {}", differences.join("\n  "));
    scene.works().await;
    let rows: i64 =
        value(&scene.superuser, "SELECT count(*) FROM public.metrics_refresh_log WHERE status = 'success'").await;
    assert!(rows >= 1);
    for line in ["trigger", "stats", "runs", "cleanup --yes"] {
        let ran = scene.run(&scene.oncall.url, line).await;
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
    }
    for forbidden in ["SELECT * FROM public.metrics_refresh_log", "SELECT refreshtop.refresh('platform_metrics')"] {
        let rows = crate::support::client(&scene.attacker.url).await.query(forbidden, &[]).await;
        assert!(rows.is_err(), "anybody may {forbidden}");
    }
    let again = scene.run(&scene.boss.url, "migrate").await;
    assert!(again.text().contains("up to date"), "{again:?}");
    let down = scene.run(&scene.boss.url, "migrate down --yes").await;
    assert_eq!(down.code, 0, "{down:?}");
}
attack!(dropped {
    log: "DROP TABLE public.metrics_refresh_log CASCADE",
    view: "DROP MATERIALIZED VIEW public.platform_metrics CASCADE",
    policies: "DO $$ DECLARE p record; BEGIN
        FOR p IN SELECT polname, polrelid::regclass AS relation FROM pg_policy WHERE polrelid = 'public.metrics_refresh_log'::regclass LOOP
            EXECUTE format('DROP POLICY %I ON %s', p.polname, p.relation); END LOOP; END $$",
    row_security: "ALTER TABLE public.metrics_refresh_log DISABLE ROW LEVEL SECURITY",
    public_function: "DROP FUNCTION public.refresh_platform_metrics_with_logging()",
    own_function: "DROP FUNCTION refreshtop.refresh(text, text) CASCADE",
    own_table: "DROP TABLE refreshtop.audit CASCADE",
    unique_index: "DO $$ DECLARE i regclass; BEGIN
        FOR i IN SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'public.platform_metrics'::regclass LOOP
            EXECUTE format('DROP INDEX %s', i); END LOOP; END $$",
    definer: "ALTER FUNCTION refreshtop.refresh(text, text) SECURITY INVOKER",
    search_path: "ALTER FUNCTION refreshtop.refresh(text, text) RESET ALL",
    column: "ALTER TABLE public.metrics_refresh_log DROP COLUMN black_box CASCADE",
    // 16, as far as it is in one database.
    grants: "REVOKE ALL ON SCHEMA refreshtop FROM refreshtop_admin; REVOKE ALL ON ALL FUNCTIONS IN SCHEMA refreshtop FROM refreshtop_admin;
        REVOKE ALL ON public.metrics_refresh_log FROM refreshtop_admin",
    owned_by_the_administrators: "DROP OWNED BY refreshtop_admin",
    borders: "GRANT USAGE ON SCHEMA refreshtop TO PUBLIC; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA refreshtop TO PUBLIC;
        GRANT ALL ON public.metrics_refresh_log TO PUBLIC; CREATE POLICY everybody ON public.metrics_refresh_log USING (true)",
    schemas: "DO $$ DECLARE n text; BEGIN
        FOR n IN SELECT nspname FROM pg_namespace WHERE nspname = 'refreshtop_definers' LOOP
            EXECUTE format('DROP SCHEMA %I CASCADE', n); END LOOP; END $$",
} by [superuser, owner, managed]);

/// The owner of the database gives it settings under which an attempt of the schedule's would leave no row.
async fn settings_of_the_database(scene: Scene, setting: &str) {
    scene.migrated().await;
    scene.works().await;
    let maintenance = scene.cluster.url("postgres");
    let settings: i64 =
        value(&scene.superuser, &format!("SELECT count(*) FROM pg_settings WHERE name = '{setting}'")).await;
    let value_of = match setting {
        "default_transaction_isolation" => "serializable",
        "statement_timeout" | "transaction_timeout" => "1ms",
        _ => "on",
    };
    if settings == 0 {
        return; // The release has no such setting.
    }
    let rows = "SELECT count(*) FROM public.metrics_refresh_log WHERE status = 'success'";
    let before: i64 = value(&scene.superuser, rows).await;
    let job = scene.job().await.expect("a job");
    execute(&maintenance, &format!("ALTER DATABASE {} SET {setting} = '{value_of}'", scene.database)).await;
    let ran = support::client(&job).await.batch_execute(crate::scene::JOB).await.is_ok();
    execute(&maintenance, &format!("ALTER DATABASE {} RESET {setting}", scene.database)).await;
    assert!(ran, "{setting}");
    assert_eq!(value::<i64>(&scene.superuser, rows).await, before + 1, "{setting}");
}
attack!(settings_of_the_database {
    isolation: "default_transaction_isolation",
    read_only: "default_transaction_read_only",
    timeout: "statement_timeout",
    timeout_of_a_transaction: "transaction_timeout",
    exit: "exit_on_error",
} by [superuser, managed]);

/// Nor do they hide an attempt that was lost.
async fn lost_under_a_setting(scene: Scene) {
    scene.migrated().await;
    scene.works().await;
    let maintenance = scene.cluster.url("postgres");
    let isolation = format!("ALTER DATABASE {} SET default_transaction_isolation = 'repeatable read'", scene.database);
    execute(&maintenance, &isolation).await;
    let rolled_back = ["BEGIN", "SELECT refreshtop.refresh('platform_metrics')", "ROLLBACK"];
    assert_eq!(scene.try_as(&scene.oncall.url, &rolled_back).await, 3);
    assert!(scene.run_job().await);
    let lost = "SELECT count(*) FROM public.metrics_refresh_log WHERE status = 'error'";
    assert_eq!(value::<i64>(&scene.superuser, lost).await, 1);
}
attack!(lost_under_a_setting by [superuser, managed]);

/// What is here belongs to a role of which both the attacker and whoever migrates are members.
async fn of_a_shared_role(scene: Scene, what: &str) {
    let (boss, name) = (&scene.boss.name, &scene.attacker.name);
    let devs = support::unique("devs");
    scene
        .sudo(&format!(
            "CREATE ROLE {devs}; GRANT {devs} TO {boss}, {name}; GRANT USAGE, CREATE ON SCHEMA public TO {devs};
             GRANT USAGE ON SCHEMA m TO {devs}"
        ))
        .await;
    scene.plant(&format!("SET ROLE {devs}; {what}")).await;
    let relation = if what.contains("MATERIALIZED") { "platform_metrics" } else { "metrics_refresh_log" };
    let ran = scene.migrate().await;
    let named = format!("public.{relation} belongs to role {devs}, which role {name} can become as well");
    assert!(ran.code != 0 && ran.text().contains(&named), "{ran:?}");
    scene.live().await;
    // He is a member of it.
    scene.held_but_as(&[&devs]).await;
}
attack!(of_a_shared_role {
    log: "CREATE TABLE public.metrics_refresh_log (id uuid PRIMARY KEY, refresh_type text, status text, duration_ms numeric,
              error_message text, started_at timestamptz, completed_at timestamptz, created_at timestamptz, CHECK (m.evil_true('check')));
          CREATE INDEX ON public.metrics_refresh_log (id) WHERE m.evil_constant(1) = 1",
    view: "CREATE MATERIALIZED VIEW public.platform_metrics AS SELECT 1 AS one, 10::bigint AS total_accounts;
           CREATE INDEX ON public.platform_metrics (one) WHERE m.evil_constant(1) = 1",
} by [owner, managed]);
