//! Facts of the last attempts, from the log, and of what was changed since the last success, from the catalogues.
//!
//! Every row of a catalogue carries the transaction that wrote it, and so does every row of the log: so it can be told
//! which of both is newer, although neither has a time. What a refresh writes itself (its view's row in `pg_class`) is
//! left out. Ages are counted in transactions; a negative one is that of a row from before the numbers began anew.

use super::{Asker, Question, target::Target};
use crate::{
    error::Result,
    quote::literal,
    trust::{LOG, Thing},
};
use refreshtop_core::{
    address::ViewId,
    diagnosis::attempts::{Attempts, MOST_FAILURES, changes::Changes},
};

/// Texts of the log are cut to so many characters.
const LONGEST: i32 = 8000;
/// Newest attempts that are read along.
const NEWEST: i32 = 20;

/// The last success, and the failures since.
fn log(view: &ViewId) -> String {
    format!(
        "success AS MATERIALIZED (
            SELECT age(l.xmin) AS age, l.created_at, coalesce(least(l.completed_at, l.created_at), l.created_at) AS at,
                   CASE WHEN l.duration_ms BETWEEN 0 AND 1e15 THEN l.duration_ms END AS duration_ms,
                   CASE WHEN octet_length(l.measured::text) <= 100000 THEN l.measured -> 'sources' END AS sources
            FROM public.metrics_refresh_log l
            WHERE l.refresh_type = {id} AND l.status = 'success' AND l.created_at <= statement_timestamp()
            ORDER BY l.created_at DESC LIMIT 1
        ), failure AS MATERIALIZED (
            SELECT l.id, age(l.xmin) AS age, l.created_at, l.sqlstate
            FROM public.metrics_refresh_log l
            WHERE l.refresh_type = {id} AND l.status = 'error' AND l.created_at <= statement_timestamp()
              AND l.created_at > coalesce((SELECT s.created_at FROM success s), '-infinity')
            ORDER BY l.created_at DESC LIMIT {MOST_FAILURES} + 1
        ), first AS MATERIALIZED (
            SELECT f.age, f.created_at FROM failure f ORDER BY f.created_at LIMIT 1
        ), last AS MATERIALIZED (
            SELECT coalesce(l.completed_at, l.created_at) AS at, l.sqlstate, left(l.error_message, {LONGEST}) AS message,
                   left(l.error_detail, {LONGEST}) AS detail, left(l.error_hint, {LONGEST}) AS hint,
                   left(l.error_context, {LONGEST}) AS context, l.backend_pid AS pid,
                   left(l.application_name, 200) AS application,
                   CASE WHEN l.duration_ms BETWEEN 0 AND 1e15 THEN l.duration_ms END AS duration_ms,
                   CASE WHEN octet_length(l.black_box::text) <= 1000000 THEN l.black_box END AS black_box
            FROM public.metrics_refresh_log l
            WHERE l.id = (SELECT f.id FROM failure f ORDER BY f.created_at DESC LIMIT 1)
        )",
        id = literal(view.as_str())
    )
}

/// When transaction `xid` was, as JSON.
fn when(xid: &str) -> String {
    format!(
        "jsonb_build_object(
            'after_success', (SELECT age({xid}) BETWEEN 0 AND s.age - 1 FROM success s),
            'after_failure', (SELECT age({xid}) BETWEEN 0 AND f.age - 1 FROM first f),
            'at', CASE WHEN current_setting('track_commit_timestamp') = 'on' AND NOT pg_is_in_recovery()
                       THEN pg_xact_commit_timestamp({xid}) END)"
    )
}

/// Whether a name is in the message of the last failure as the name of something that is missing. PostgreSQL quotes in
/// several languages.
const QUOTED: &str = "translate((SELECT l.message FROM last l), '„“”«»', '\"\"\"\"\"')";

fn attempts_query(view: &ViewId) -> String {
    format!(
        "WITH {log}, missing AS (
            SELECT l.sqlstate FROM last l WHERE l.sqlstate IN ('42P01', '42883')
        ), namesake AS (
            SELECT n.oid AS schema, c.oid::regclass::text AS name, c.relowner AS owner
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE EXISTS (SELECT 1 FROM missing WHERE sqlstate = '42P01') AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
              AND n.nspname !~ '^(pg_|information_schema$|refreshtop)'
              AND (strpos({QUOTED}, '\"' || c.relname || '\"') > 0 OR strpos({QUOTED}, '.' || c.relname || '\"') > 0)
            UNION ALL
            SELECT n.oid, p.oid::regprocedure::text, p.proowner
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE EXISTS (SELECT 1 FROM missing WHERE sqlstate = '42883')
              AND n.nspname !~ '^(pg_|information_schema$|refreshtop)'
              AND (strpos({QUOTED}, ' ' || p.proname || '(') > 0 OR strpos({QUOTED}, '.' || p.proname || '(') > 0)
        )
        SELECT jsonb_build_object('database', current_database(),
            'sees_rows', refreshtop.is_super_admin() OR NOT row_security_active('public.metrics_refresh_log'),
            'now', statement_timestamp(),
            'success', (SELECT jsonb_build_object('at', s.at, 'duration_ms', s.duration_ms, 'sources', s.sources) FROM success s),
            'failures', (SELECT count(*) FROM failure),
            'since', (SELECT f.created_at FROM first f),
            'states', (SELECT coalesce(jsonb_agg(to_jsonb(s) ORDER BY s.count DESC, s.sqlstate), '[]')
                       FROM (SELECT f.sqlstate, count(*) FROM failure f GROUP BY f.sqlstate ORDER BY 2 DESC LIMIT 10) s),
            'last', (SELECT to_jsonb(l) FROM last l),
            -- Those of which the context may speak.
            'functions', (SELECT coalesce(jsonb_agg(jsonb_build_object('identity', p.oid::regprocedure::text,
                              'name', p.proname, 'owner', pg_get_userbyid(p.proowner), 'changed', {when},
                              'has_search_path', EXISTS (SELECT 1 FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%'))
                              ORDER BY p.oid), '[]')
                          FROM (SELECT p.*, p.xmin FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                                WHERE p.oid >= 16384 AND n.nspname NOT LIKE 'refreshtop%'
                                  AND strpos((SELECT l.context FROM last l), p.proname) > 0 LIMIT 50) p),
            'candidates', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', m.name, 'schema', n.nspname,
                               'owner', o.rolname, 'superuser', o.rolsuper,
                               'closed', n.nspowner IN (m.owner, 10) AND NOT EXISTS (
                                   SELECT 1 FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
                                   LEFT JOIN pg_roles g ON g.oid = a.grantee
                                   WHERE a.privilege_type = 'CREATE' AND a.grantee <> m.owner AND g.rolsuper IS NOT TRUE))
                               ORDER BY m.name), '[]')
                           FROM (SELECT * FROM namesake ORDER BY name LIMIT 10) m
                           JOIN pg_namespace n ON n.oid = m.schema JOIN pg_roles o ON o.oid = m.owner),
            'newest', (SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]')
                       FROM (SELECT l.started_at, coalesce(l.completed_at, l.created_at) AS ended_at,
                                    l.status = 'error' AS failed, l.sqlstate, l.backend_pid AS pid,
                                    CASE WHEN l.duration_ms BETWEEN 0 AND 1e15 THEN l.duration_ms END AS duration_ms
                             FROM public.metrics_refresh_log l
                             WHERE l.refresh_type = {id} AND l.created_at <= statement_timestamp()
                             ORDER BY l.created_at DESC LIMIT {NEWEST}) a))",
        log = log(view),
        when = when("p.xmin"),
        id = literal(view.as_str())
    )
}

/// The last attempts of a view.
pub(super) async fn attempts(asker: &Asker<'_>, view: &ViewId) -> Result<Attempts> {
    let things = [LOG, Thing::Function("is_super_admin")];
    asker.ask(&Question::about(&things, &attempts_query(view))).await
}

/// Whether transaction `xid` is newer than the last success.
fn newer(xid: &str) -> String {
    format!("age({xid}) BETWEEN 0 AND (SELECT s.age FROM success s) - 1")
}

fn changes_query(view: &ViewId, target: &Target) -> String {
    let changed = [
        // What the query calls, and what the failure names.
        format!(
            "SELECT 'function ' || p.oid::regprocedure || ' was created or changed' AS what, p.xmin AS xid
             FROM pg_proc p WHERE {} AND p.oid >= 16384
              AND (p.oid IN (SELECT d.refobjid FROM reached JOIN pg_rewrite r ON r.ev_class = reached.relation
                             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                                             AND d.refclassid = 'pg_proc'::regclass)
                   OR strpos((SELECT l.context FROM last l), p.proname) > 0
                      AND p.pronamespace NOT IN (SELECT n.oid FROM pg_namespace n WHERE n.nspname LIKE 'refreshtop%'))",
            newer("p.xmin")
        ),
        format!(
            "SELECT 'view ' || c.oid::regclass || ' was created or replaced', r.xmin
             FROM reached JOIN pg_class c ON c.oid = reached.relation AND c.relkind = 'v'
             JOIN pg_rewrite r ON r.ev_class = c.oid AND r.ev_type = '1' WHERE {}",
            newer("r.xmin")
        ),
        format!(
            "SELECT CASE WHEN a.attisdropped THEN 'a column of ' || c.oid::regclass || ' was dropped'
                         ELSE 'column ' || c.oid::regclass || '.' || quote_ident(a.attname) || ' was added or changed' END,
                    a.xmin
             FROM suspect JOIN pg_class c ON c.oid = suspect.relation
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE {}",
            newer("a.xmin")
        ),
        format!(
            "SELECT 'table ' || c.oid::regclass || ' was created, renamed, altered or truncated, or rights on it were changed',
                    c.xmin
             FROM suspect JOIN pg_class c ON c.oid = suspect.relation AND c.relkind IN ('r', 'p', 'f') WHERE {}
               AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND {})",
            newer("c.xmin"),
            newer("a.xmin")
        ),
        format!(
            "SELECT 'index ' || i.indexrelid::regclass || ' of ' || i.indrelid::regclass || ' was created or changed', i.xmin
             FROM reached JOIN pg_index i ON i.indrelid = reached.relation WHERE {}",
            newer("i.xmin")
        ),
        format!(
            "SELECT 'policy ' || quote_ident(p.polname) || ' of ' || p.polrelid::regclass || ' was created or changed', p.xmin
             FROM reached JOIN pg_policy p ON p.polrelid = reached.relation WHERE {}",
            newer("p.xmin")
        ),
        format!(
            "SELECT i.inhrelid::regclass || ' became a part of ' || i.inhparent::regclass, i.xmin
             FROM reached JOIN pg_inherits i ON i.inhrelid = reached.relation WHERE {}",
            newer("i.xmin")
        ),
        format!(
            "SELECT CASE s.setrole WHEN 0 THEN 'settings of the database' ELSE 'settings of role ' || s.setrole::regrole END
                    || ' were changed', s.xmin
             FROM pg_db_role_setting s
             WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
               AND s.setrole IN (SELECT 0::oid UNION ALL SELECT v.relowner FROM pg_class v JOIN target t ON t.oid = v.oid
                                 UNION ALL SELECT r.oid FROM pg_roles r WHERE r.rolname IN ('refreshtop_job', 'refreshtop_owner'))
               AND {}",
            newer("s.xmin")
        ),
        format!(
            "SELECT 'settings of the view were changed: refreshtop views show', v.xmin
             FROM refreshtop.views v WHERE v.refresh_type = {} AND {}",
            literal(view.as_str()),
            newer("v.xmin")
        ),
    ];
    format!(
        "WITH RECURSIVE {reached}, {log}, suspect(relation) AS (
            SELECT r.relation FROM reached r WHERE r.relation NOT IN (SELECT t.oid FROM target t)
            UNION
            -- Something was not found: whatever was changed may be what had its name.
            (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE EXISTS (SELECT 1 FROM last l WHERE l.sqlstate IN ('42P01', '42703'))
               AND c.relkind IN ('r', 'p', 'f') AND c.oid >= 16384 AND n.nspname !~ '^(pg_|refreshtop)'
               AND c.oid IS DISTINCT FROM to_regclass('public.metrics_refresh_log')::oid
               AND ({newer_class} OR EXISTS (SELECT 1 FROM pg_attribute a
                                             WHERE a.attrelid = c.oid AND a.attnum > 0 AND {newer_column}))
             ORDER BY c.oid LIMIT 20)
        ), changed AS ({changed})
        SELECT jsonb_build_object('now', statement_timestamp(),
            'success', (SELECT s.at FROM success s),
            'older_than_success', EXISTS (SELECT 1 FROM target t JOIN pg_rewrite r ON r.ev_class = t.oid
                                          WHERE age(r.xmin) >= (SELECT s.age FROM success s)),
            'failing', EXISTS (SELECT 1 FROM failure),
            'changed', (SELECT coalesce(jsonb_agg(jsonb_build_object('what', c.what, 'when', {when}) ORDER BY c.suspicion, c.what), '[]')
                        FROM (SELECT c.*, age(c.xid) < coalesce((SELECT f.age FROM first f), 0) AS suspicion
                              FROM changed c ORDER BY 3, 1 LIMIT 40) c))",
        reached = target.reached(),
        log = log(view),
        changed = changed.join("\n            UNION ALL\n            "),
        newer_class = newer("c.xmin"),
        newer_column = newer("a.xmin"),
        when = when("c.xid"),
    )
}

/// What was changed since the last success of a view.
pub(super) async fn changes(asker: &Asker<'_>, view: &ViewId, target: &Target) -> Result<Changes> {
    let things = [LOG, Thing::Relation("refreshtop.views")];
    asker.ask(&Question::about(&things, &changes_query(view, target))).await
}
