//! The plan of the view's query.

use super::{Asker, LIMIT, Options, Question, target::Target, value};
use crate::{
    error::{self, Error, Result},
    trust::{REPLACED, Trust},
};
use refreshtop_core::{
    diagnosis::{Check, Detail, plan},
    numbers::length,
    reading::Unavailable,
};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

const ID: &str = "plan";
const TITLE: &str = "Plan of the view's query";

/// The view's query, and whether it may be looked at.
#[derive(Deserialize)]
struct View {
    owner: String,
    definition: String,
    /// Whether the query calls nothing but PostgreSQL's own.
    plain: bool,
    /// Whether the view's owner has this session's rights anyway.
    owned: bool,
    /// An owner of something that is read, and neither a superuser nor this session's role.
    stranger: Option<String>,
}

/// Even planning may run functions that the query calls, with the rights of this session. So the query is planned only
/// if the view's owner has these rights anyway, or if it calls only PostgreSQL's own functions.
fn query(target: &Target) -> String {
    format!(
        "WITH RECURSIVE {reached}
         SELECT jsonb_build_object('owner', pg_get_userbyid(v.relowner), 'definition', pg_get_viewdef(v.oid),
            'owned', pg_has_role(v.relowner, current_user, 'MEMBER'),
            'stranger', (SELECT min(o.rolname::text)
                         FROM (SELECT c.relowner AS owner FROM reached JOIN pg_class c ON c.oid = reached.relation
                               UNION ALL
                               SELECT s.srvowner FROM reached JOIN pg_foreign_table f ON f.ftrelid = reached.relation
                               JOIN pg_foreign_server s ON s.oid = f.ftserver) owned
                         JOIN pg_roles o ON o.oid = owned.owner WHERE NOT o.rolsuper AND o.rolname <> session_user),
            'plain', NOT EXISTS (
                SELECT 1 FROM reached
                JOIN pg_rewrite r ON r.ev_class = reached.relation
                JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                -- Below that number everything came with the server.
                WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass) AND d.refobjid >= 16384))
         FROM pg_class v WHERE v.oid = (SELECT t.oid FROM target t)",
        reached = target.reached()
    )
}

/// `None` if there is no view.
pub(super) async fn check(asker: &Asker<'_>, target: &Target, options: &Options) -> Option<Check> {
    let view: View = match asker.catalog(&query(target)).await {
        Ok(view) => view,
        Err(Error::NoRow) => return None,
        Err(failure) => return Some(asker.unknown(ID, TITLE, &failure).await),
    };
    Some(of(asker, &view, options).await)
}

async fn of(asker: &Asker<'_>, view: &View, options: &Options) -> Check {
    if let Some(reason) = refusal(view, asker.trust().await) {
        return unknown(&Unavailable::new(reason, format!("Ask as role {}.", view.owner)));
    }
    match explain(asker, &view.definition, options.run_plan).await {
        Ok(json) => match plan::parse(&json) {
            Some(root) => plan::check(root),
            None => unknown(&Unavailable::new("The server's plan has a form that this version does not know.", "")),
        },
        Err(failure) => not_explained(asker, view, &failure, options.run_plan).await,
    }
}

fn unknown(why: &Unavailable) -> Check {
    Check::unknown(ID, TITLE, why)
}

/// Why the plan is not looked at.
fn refusal(view: &View, trust: &Trust) -> Option<String> {
    // Planning runs what the owner of a source has put into its indexes, too: with great rights, only what is a superuser's.
    if trust.is_gated() && (view.stranger.is_some() || !view.plain) {
        let because = match &view.stranger {
            Some(stranger) => {
                format!("the view's query reads what belongs to {stranger}, whose code could run with them")
            }
            None => "the view's query calls functions that did not come with PostgreSQL".to_owned(),
        };
        return Some(format!("The plan is {}.", trust.refuse(&because).reason));
    }
    (!view.owned && !view.plain).then(|| {
        format!(
            "The plan is not looked at, because the view's query calls functions that would run with this role's rights, not with those of its owner {}.",
            view.owner
        )
    })
}

async fn not_explained(asker: &Asker<'_>, view: &View, failure: &Error, run: Option<Duration>) -> Check {
    if let (Some(error::sqlstate::QUERY_CANCELED), Some(limit)) = (error::code(failure), run) {
        return stopped(asker, &view.definition, limit).await;
    }
    let check = asker.unknown(ID, TITLE, failure).await;
    if check.advice.contains("refreshtop_admin") {
        check.advise(format!("Ask as role {}, who may read what the view reads.", view.owner))
    } else {
        check
    }
}

/// The query took longer than it was given: that is known of it, and the plan as the server means to go about it.
async fn stopped(asker: &Asker<'_>, definition: &str, limit: Duration) -> Check {
    let longer = length(limit * 10);
    let why = Unavailable::new(
        format!("The view's query was stopped after {}, before its steps were measured.", length(limit)),
        format!("Give it longer: refreshtop doctor --analyze {}.", longer.replace(' ', "")),
    );
    let planned = explain(asker, definition, None).await.ok().and_then(|json| plan::parse(&json));
    Check { detail: planned.map_or(Detail::None, Detail::Plan), ..unknown(&why) }
}

async fn explain(asker: &Asker<'_>, definition: &str, run: Option<Duration>) -> Result<Value> {
    let options = if run.is_some() { "ANALYZE, VERBOSE, FORMAT JSON" } else { "VERBOSE, FORMAT JSON" };
    let trust = asker.trust().await;
    let held = if trust.is_gated() { held(definition) } else { String::new() };
    let query = format!("EXPLAIN ({options}) {definition}");
    // What it names is held by other means, whatever words it has.
    let question = Question { query: &query, things: Vec::new(), before: &held, limit: run.unwrap_or(LIMIT) };
    value(asker.app, trust, &question).await
}

/// Statements that lock what the query reads, and fail if any of it belongs to a stranger by now. Analysing a statement
/// locks what it names, and executes nothing. None of these gives a row.
fn held(definition: &str) -> String {
    let definition = definition.trim_end().trim_end_matches(';');
    format!(
        "PREPARE refreshtop_hold AS {definition}; DEALLOCATE refreshtop_hold;
         SELECT FROM (SELECT count(*) AS strangers FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                      JOIN pg_roles o ON o.oid = c.relowner
                      WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384
                        AND NOT o.rolsuper AND o.rolname <> session_user) held
         WHERE CASE WHEN held.strangers > 0 THEN concat('{REPLACED}', 'a source of the view')::integer = 0
               ELSE false END; "
    )
}
