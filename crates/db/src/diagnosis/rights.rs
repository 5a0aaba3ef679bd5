//! Facts of the sources' row security, of the roles, and of the installation as a whole.

use super::{Asker, Question, target::Target};
use crate::{
    error::Result,
    migrate::{self, OPENED},
    trust::Thing,
};
use futures_util::future::join;
use refreshtop_core::diagnosis::{
    Check, Verdict,
    rights::{self, Facts, Home, Line, Sources},
};
use serde::Deserialize;

/// A table is read as the view's owner; through a plain view, as that one's owner, unless it is a `security_invoker`. Of
/// tables with children only the one that is named asks its policies.
fn sources_query(target: &Target) -> String {
    format!(
        "WITH RECURSIVE {itself}, read(relation, reader) AS (
            SELECT v.oid, v.relowner FROM pg_class v WHERE v.oid = (SELECT t.oid FROM target t)
            UNION
            SELECT d.refobjid, CASE
                WHEN c.relkind = 'm' OR EXISTS (SELECT 1 FROM pg_options_to_table(c.reloptions) o
                                                WHERE o.option_name = 'security_invoker' AND o.option_value::boolean)
                THEN read.reader ELSE c.relowner END
            FROM read JOIN pg_class c ON c.oid = read.relation
            JOIN pg_rewrite r ON r.ev_class = c.oid
            JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                 AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
            -- A materialized view that is read keeps its own rows.
            WHERE c.relkind = 'v' OR c.oid = (SELECT t.oid FROM target t)
        ), source AS (
            SELECT DISTINCT c.oid, c.relname, c.relowner, c.relrowsecurity, c.relforcerowsecurity, read.reader
            FROM read JOIN pg_class c ON c.oid = read.relation WHERE c.relkind IN ('r', 'p', 'f')
        )
        SELECT jsonb_build_object(
            'owner', (SELECT pg_get_userbyid(v.relowner) FROM pg_class v WHERE v.oid = (SELECT t.oid FROM target t)),
            'hiding', (SELECT coalesce(jsonb_agg(jsonb_build_object('table', s.oid::regclass::text,
                           'owner', pg_get_userbyid(s.relowner), 'reader', r.rolname, 'forced', s.relforcerowsecurity)
                           ORDER BY s.oid::regclass::text), '[]')
                       FROM source s JOIN pg_roles r ON r.oid = s.reader
                       WHERE s.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
                         AND (s.relforcerowsecurity OR NOT pg_has_role(s.reader, s.relowner, 'USAGE'))),
            'own_setting', (SELECT coalesce(jsonb_agg(DISTINCT p.oid::regprocedure::text), '[]')
                       FROM read JOIN pg_rewrite r ON r.ev_class = read.relation
                       JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                                       AND d.refclassid = 'pg_proc'::regclass
                       JOIN pg_proc p ON p.oid = d.refobjid
                       WHERE EXISTS (SELECT 1 FROM unnest(p.proconfig) c
                                     WHERE lower(c) IN ('row_security=on', 'row_security=true', 'row_security=yes',
                                                        'row_security=1'))),
            'owners', (SELECT coalesce(jsonb_agg(DISTINCT pg_get_userbyid(s.relowner)), '[]') FROM source s))",
        itself = target.itself()
    )
}

/// The row security of what a view reads.
pub(super) async fn sources(asker: &Asker<'_>, target: &Target) -> Result<Sources> {
    asker.catalog(&sources_query(target)).await
}

const FACTS: &str = "
    SELECT jsonb_build_object(
        'members', (SELECT coalesce(jsonb_agg(m.rolname ORDER BY m.rolname), '[]') FROM pg_auth_members a
                    JOIN pg_roles o ON o.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
                    WHERE o.rolname = 'refreshtop_owner' AND NOT m.rolsuper),
        'job_members', (SELECT coalesce(jsonb_agg(DISTINCT m.rolname), '[]') FROM pg_auth_members a
                        JOIN pg_roles o ON o.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
                        WHERE o.rolname = 'refreshtop_job' AND NOT m.rolsuper),
        'inviters', (SELECT coalesce(jsonb_agg(DISTINCT m.rolname), '[]') FROM pg_auth_members a
                     JOIN pg_roles o ON o.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
                     WHERE o.rolname = 'refreshtop_admin' AND a.admin_option AND NOT m.rolsuper),
        -- From release 16 on whoever creates a role may administer it, and has no other right in it by that.
        'makers', (SELECT coalesce(jsonb_agg(DISTINCT m.rolname), '[]') FROM pg_auth_members a
                   JOIN pg_roles o ON o.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
                   WHERE o.rolname = 'refreshtop_admin' AND a.admin_option AND NOT m.rolsuper
                     AND to_jsonb(a) ->> 'inherit_option' = 'false' AND to_jsonb(a) ->> 'set_option' = 'false'),
        'unknown', EXISTS (SELECT 1 FROM pg_roles o
                     WHERE o.rolname = 'refreshtop_owner' AND current_setting('server_version_num')::int >= 160000
                       AND NOT EXISTS (SELECT 1 FROM pg_db_role_setting s
                                       WHERE s.setrole = o.oid AND s.setdatabase = 0
                                         AND 'log_parser_stats=off' = ANY (s.setconfig))),
        'strays', (SELECT coalesce(jsonb_agg(jsonb_build_object('owner', r.rolname,
                       'what', concat_ws(' ', i.type, i.identity), 'drop', CASE
                           WHEN i.type = 'large object' THEN format('SELECT lo_unlink(%s)', i.identity)
                           WHEN i.type IN ('function', 'procedure', 'aggregate', 'table', 'foreign table', 'view',
                                           'materialized view', 'sequence', 'type', 'schema', 'operator', 'collation')
                           THEN concat_ws(' ', 'DROP', upper(i.type), i.identity)
                           ELSE format('DROP OWNED BY %I CASCADE, and refreshtop migrate', r.rolname) END)
                       ORDER BY r.rolname, i.type, i.identity), '[]')
                   FROM (SELECT r.oid, r.rolname FROM pg_roles r
                         WHERE r.rolname IN ('refreshtop_view', 'refreshtop_monitor', 'refreshtop_job', 'refreshtop_admin')) r
                   JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = 'o'
                    AND d.dbid IN (0, (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))
                   CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i
                   WHERE i.schema IS DISTINCT FROM 'refreshtop_definers'
                     AND NOT (d.classid = 'pg_class'::regclass
                              AND d.objid IS NOT DISTINCT FROM to_regclass('public.platform_metrics')::oid)),
        'creators', (SELECT coalesce(jsonb_agg(c.rolname ORDER BY c.rolname), '[]')
                     FROM (SELECT r.rolname FROM pg_roles r WHERE r.rolcreaterole AND NOT r.rolsuper ORDER BY r.rolname LIMIT 20) c
                     WHERE current_setting('server_version_num')::int < 160000),
        'installer', (SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'refreshtop'))";

const HOME: &str = "
    SELECT jsonb_build_object(
        'kept', (SELECT jsonb_build_object('system', h.system_identifier, 'oid', h.database_oid::bigint, 'name', h.database_name)
                 FROM refreshtop.home h),
        'here', jsonb_build_object('system', s.system_identifier, 'oid', d.oid::bigint, 'name', d.datname))
    FROM pg_control_system() s CROSS JOIN pg_database d WHERE d.datname = current_database()";

/// What is there now; one line for everything.
const NOW: &str = migrate::INVENTORY;

/// The check of an installation with steps that this program knows.
#[derive(Deserialize)]
struct Kept {
    /// Whether its tables are there, and this role may read their rows.
    home: Option<bool>,
    inventory: Option<bool>,
}

/// Row security returns no row to a role without a policy.
const KEPT: &str = "
    SELECT jsonb_object_agg(w.name, has_schema_privilege('refreshtop', 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
                                    AND (NOT row_security_active(c.oid) OR EXISTS (
                                         SELECT 1 FROM pg_policy p CROSS JOIN unnest(p.polroles) role(id)
                                         WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                                           AND (role.id = 0 OR pg_has_role(role.id, 'USAGE')))))
    FROM (VALUES ('home'), ('inventory')) w(name)
    LEFT JOIN pg_class c ON c.oid = to_regclass('refreshtop.' || w.name)";

#[derive(Deserialize)]
struct Inventory {
    kept: bool,
    missing: Vec<Line>,
}

fn inventory_query() -> String {
    format!(
        "WITH now AS MATERIALIZED (SELECT kind, object, coalesce(detail, '') AS detail FROM ({NOW}) n),
              kept AS MATERIALIZED (SELECT kind, object, detail FROM refreshtop.inventory)
         SELECT jsonb_build_object('kept', EXISTS (SELECT 1 FROM kept),
             'missing', (SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.kind, m.object, m.detail), '[]')
                         FROM ((SELECT * FROM kept EXCEPT SELECT * FROM now)
                               UNION ALL (SELECT * FROM now WHERE {OPENED} EXCEPT SELECT * FROM kept) LIMIT 200) m))"
    )
}

pub(super) struct Checks {
    pub roles: Check,
    /// Home and inventory; none if the installation is older than them.
    pub installation: Vec<Check>,
}

pub(super) async fn checks(asker: &Asker<'_>) -> Checks {
    let (facts, installation) = join(asker.catalog::<Facts>(FACTS), installation(asker)).await;
    let roles = match facts {
        Ok(facts) => rights::roles(&facts),
        Err(failure) => asker.unknown("roles", "Who could change refreshtop", &failure).await,
    };
    Checks { roles, installation }
}

async fn installation(asker: &Asker<'_>) -> Vec<Check> {
    let kept = match asker.catalog::<Kept>(KEPT).await {
        Ok(kept) => kept,
        Err(failure) => return vec![asker.unknown("inventory", "What was installed", &failure).await],
    };
    let (home, inventory) = join(home(asker, kept.home), inventory(asker, kept.inventory)).await;
    home.into_iter().chain(inventory).collect()
}

/// `readable` is `None` for an installation that is older than this table, which its steps say.
async fn home(asker: &Asker<'_>, readable: Option<bool>) -> Option<Check> {
    const ID: &str = "home";
    const TITLE: &str = "The original or a copy";
    if !readable? {
        return Some(unseen(ID, TITLE));
    }
    let question = Question::about(&[Thing::Relation("refreshtop.home")], HOME);
    Some(match asker.ask::<Home>(&question).await {
        Ok(home) => rights::home(&home),
        Err(failure) => asker.unknown(ID, TITLE, &failure).await,
    })
}

/// The same of the inventory.
async fn inventory(asker: &Asker<'_>, readable: Option<bool>) -> Option<Check> {
    const ID: &str = "inventory";
    const TITLE: &str = "What was installed";
    if !readable? {
        return Some(unseen(ID, TITLE));
    }
    let query = inventory_query();
    let question = Question::about(&[Thing::Relation("refreshtop.inventory")], &query);
    Some(match asker.ask::<Inventory>(&question).await {
        Ok(found) => rights::inventory(found.kept, &found.missing),
        Err(failure) => asker.unknown(ID, TITLE, &failure).await,
    })
}

fn unseen(id: &'static str, title: &'static str) -> Check {
    Check::new(id, title, Verdict::Unknown, "This role may not see what the migration has noted about it.")
        .advise("Ask as a superuser, or as the owner of schema refreshtop.")
}
