//! What the registry and the catalogues tell about the view itself.

use super::{Asker, Question, target::Target};
use crate::{
    error::{self, Error, Result},
    quote::literal,
    refusal::Refusal,
    trust::Thing,
    views::DETAILS,
};
use refreshtop_core::{address::ViewId, diagnosis::subject::Registry, views::details::Catalog};
use serde::Deserialize;

/// The registry's answer, and whether the view's name is the one by which it is managed.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Registered {
    #[serde(flatten)]
    pub registry: Registry,
    #[serde(default)]
    pub named_otherwise: bool,
}

fn query(view: &ViewId) -> String {
    format!(
        "WITH view AS MATERIALIZED (
            SELECT v.*, format('%I.%I', v.view_schema, v.view_name) AS sql,
                   CASE v.view_schema WHEN 'public' THEN format('%I', v.view_name)
                                      ELSE format('%I.%I', v.view_schema, v.view_name) END AS plain
            FROM refreshtop.views v WHERE v.refresh_type = {id}
        ), now AS (
            SELECT c.oid, c.relkind, c.relowner, c.relnamespace FROM view v
            JOIN pg_namespace n ON n.nspname = v.view_schema
            JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = v.view_name
        )
        SELECT jsonb_build_object('installed', true,
            'readable', (SELECT NOT row_security_active(c.oid) OR EXISTS (
                             SELECT 1 FROM pg_policy p CROSS JOIN unnest(p.polroles) role(id)
                             WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('r', '*')
                               AND (role.id = 0 OR pg_has_role(role.id, 'USAGE')))
                         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                         WHERE n.nspname = 'refreshtop' AND c.relname = 'views'),
            'named_otherwise', coalesce((SELECT v.plain <> v.refresh_type FROM view v), false),
            'view', (SELECT jsonb_build_object(
                'schema', v.view_schema, 'name', v.view_name, 'sql', v.sql, 'oid', v.view_oid::int8, 'owner', v.view_owner,
                'came_with_migration', v.managed_at IS NULL, 'blocking', v.blocking, 'job', '',
                'schedule', left(v.schedule, 200), 'settings', v.settings,
                'lock_timeout_s', extract(epoch FROM v.lock_timeout)::float8,
                'time_limit_s', extract(epoch FROM v.time_limit)::float8,
                'now', (SELECT jsonb_build_object('oid', c.oid::int8, 'kind', c.relkind, 'owner', pg_get_userbyid(c.relowner))
                        FROM now c),
                'moved', (SELECT jsonb_build_object('schema', n.nspname, 'name', c.relname,
                                                    'sql', format('%I.%I', n.nspname, c.relname))
                          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                          WHERE c.oid = v.view_oid AND c.relkind = 'm'
                            AND (n.nspname, c.relname) <> (v.view_schema, v.view_name)),
                -- As its owner, with MAINTAIN from 17 on, or by a function of its owner.
                'may_refresh', (SELECT pg_has_role(o.nspowner, c.relowner, 'USAGE')
                    OR CASE WHEN current_setting('server_version_num')::int >= 170000
                            THEN has_table_privilege(o.nspowner, c.oid, 'MAINTAIN')
                                 AND has_schema_privilege(o.nspowner, c.relnamespace, 'USAGE') ELSE false END
                    OR v.definer IS NOT NULL AND EXISTS (
                           SELECT 1 FROM pg_proc p JOIN pg_namespace d ON d.oid = p.pronamespace
                           WHERE d.nspname = 'refreshtop_definers' AND p.proname = v.definer AND p.prosecdef
                             AND p.proowner = c.relowner)
                    FROM now c CROSS JOIN pg_namespace o WHERE o.nspname = 'refreshtop' AND c.relkind = 'm')) FROM view v))",
        id = literal(view.as_str())
    )
}

/// What is registered; nothing without an installation.
pub(super) async fn registered(asker: &Asker<'_>, view: &ViewId) -> Result<Registered> {
    let query = query(view);
    match asker.ask(&Question::about(&[Thing::Relation("refreshtop.views")], &query)).await {
        Err(failure) if is_missing(&failure) => Ok(Registered::default()),
        // That there is no right to read it is an answer.
        Err(failure) if error::code(&failure) == Some(error::sqlstate::INSUFFICIENT_PRIVILEGE) => {
            let registry = Registry { installed: true, ..Registry::default() };
            Ok(Registered { registry, ..Registered::default() })
        }
        answer => answer,
    }
}

fn is_missing(failure: &Error) -> bool {
    error::is_missing(failure) || matches!(error::refusal(failure), Some(Refusal::Missing(_)))
}

/// What the catalogues tell about the view's query.
pub(super) async fn catalog(asker: &Asker<'_>, target: &Target) -> Result<Catalog> {
    let with = format!("WITH RECURSIVE {}, read(", target.itself());
    let query = DETAILS.replacen("WITH RECURSIVE read(", &with, 1).replace("$1::oid", "(SELECT t.oid FROM target t)");
    asker.catalog(&query).await
}
