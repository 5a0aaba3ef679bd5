//! What a session may read and call without running somebody else's code with its own rights.
//!
//! Reading runs code: planning a plain `SELECT`, or an `EXPLAIN`, executes functions that the owner of a table has put
//! into its indexes, statistics or children, as whoever reads. So a session with great rights first checks the
//! catalogues, and reads and calls only what belongs to somebody who has these rights anyway. A session without great
//! rights is kept from what passes for refreshtop's functions, its log and `pg_cron`. It may read the view, whoever
//! owns that: such code can take what a super administrator of refreshtop may read, and nothing else.

use crate::{
    error::{self, Error, Result},
    refusal::Refusal,
    row::{Row, text},
    session::{SEARCH_PATH, Session},
};
use refreshtop_core::reading::Unavailable;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write as _};
use tokio_postgres::{Client, SimpleQueryMessage};

/// The question whose answer is a [`Trust`]: one text, or NULL.
pub const QUESTION: &str = concat!("SELECT CASE WHEN\n", include_str!("trust_rights.sql"), include_str!("trust.sql"));

/// The same for a session that needed no check a moment ago: whether that still holds. To plan the whole question takes
/// the server longer than all the rest of a poll.
const RIGHTS_NOW: &str = concat!("SELECT CASE WHEN\n", include_str!("trust_rights.sql"), "THEN 'look' END");

/// Message of the error that a session may no longer read the same as at the last read.
const CHANGED: &str = "refreshtop: rights changed";

/// The question whether a session that needed no check still needs none: fails if not.
pub(super) fn still_free() -> String {
    format!(
        "CASE WHEN ({RIGHTS_NOW}) IS NOT NULL THEN pg_catalog.concat('{CHANGED}')::pg_catalog.int4::pg_catalog.text END"
    )
}

/// What compares the answer to the whole question with `$1`: fails if it is another.
pub(super) fn still_the_same() -> String {
    format!(
        "SELECT CASE WHEN now.trust IS DISTINCT FROM $1
                THEN pg_catalog.concat('{CHANGED}')::pg_catalog.int4::pg_catalog.text END
         FROM ({QUESTION}) now"
    )
}

/// Whether `failure` is that error.
pub(super) fn has_changed(failure: &Error) -> bool {
    error::server_error(failure).is_some_and(|server| server.message().contains(CHANGED))
}

/// Message of the error that a name means something else by now.
pub(super) const REPLACED: &str = "refreshtop: replaced meanwhile: ";

/// Something that a program of ours reads or calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A function of schema `refreshtop`, by its name without the schema.
    Function(&'static str),
    /// A table or a view, by its name with the schema.
    Relation(&'static str),
    /// The functions of `pg_cron`.
    Cron,
}

/// The refresh log.
pub const LOG: Thing = Thing::Relation("public.metrics_refresh_log");
/// The materialized view.
pub const VIEW: Thing = Thing::Relation("public.platform_metrics");
/// The jobs of `pg_cron`.
pub const CRON_JOB: Thing = Thing::Relation("cron.job");
/// Their executions.
pub const CRON_RUNS: Thing = Thing::Relation("cron.job_run_details");

/// What the statement `sql` reads or calls of `pg_cron`, and of refreshtop's functions about it.
pub(super) fn of_cron(sql: &str) -> Vec<Thing> {
    let known = [
        ("refreshtop.cron_settings(", Thing::Function("cron_settings")),
        ("refreshtop.cron_facts(", Thing::Function("cron_facts")),
        ("refreshtop.cron_job(", Thing::Function("cron_job")),
        ("cron.job_run_details", CRON_RUNS),
        ("cron.job ", CRON_JOB),
    ];
    known.into_iter().filter(|(words, _)| sql.contains(words)).map(|(_, thing)| thing).collect()
}

/// What a session may read and call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trust {
    /// `None` for a session that needs no check.
    known: Option<Catalogue>,
    /// The answer as the server gave it.
    answer: Option<String>,
}

/// What the catalogues tell a session that needs the check.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
struct Catalogue {
    /// Who logged in.
    role: String,
    /// Whether the session has great rights.
    great: bool,
    /// Whether there is a role `refreshtop_admin`.
    admin: bool,
    /// Whether a superuser made `refreshtop_owner`, or the session's own role is a member of it.
    known: bool,
    /// Members of `refreshtop_owner` that are no superusers, nor the session's own role.
    members: Vec<String>,
    /// Event triggers with functions of roles that are not trusted.
    #[serde(default)]
    event_triggers: Vec<String>,
    schemas: BTreeMap<String, Schema>,
    functions: BTreeMap<String, Function>,
    relations: BTreeMap<String, Relation>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Schema {
    owner: String,
    trusted: bool,
    /// Whether its owner is trusted, and nobody else may create in it.
    closed: bool,
}

/// All functions of one name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Function {
    /// An owner that is not trusted.
    owner: Option<String>,
    trusted: bool,
    definer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the catalogues' own facts")]
struct Relation {
    oid: i64,
    kind: String,
    owner: String,
    trusted: bool,
    rules: bool,
    children: bool,
    /// Columns of types that did not come with the server.
    types: bool,
    /// Whether it is a part of `pg_cron`.
    extension: bool,
}

impl Trust {
    /// Reads the answer to [`QUESTION`].
    ///
    /// # Errors
    /// It has another form: then nothing is trusted.
    pub fn read(answer: Option<&str>) -> Result<Self, serde_json::Error> {
        let known = answer.map(serde_json::from_str).transpose()?;
        Ok(Self { known, answer: answer.map(ToOwned::to_owned) })
    }

    /// Reads the column `trust` of a row.
    pub(super) fn from_row(row: &Row) -> Result<Self> {
        let answer = text(row, "trust")?;
        if answer.as_deref() == Some("look") {
            return Ok(Self::of_nothing());
        }
        Self::read(answer.as_deref()).map_err(|failure| Error::Decode(failure.to_string()))
    }

    /// Reads it on a session.
    pub async fn of(connection: &Session) -> Result<Self> {
        Self::from_row(&connection.one(QUESTION, &[]).await?)
    }

    /// The same for a plain client, whose query can be cancelled. If the answer can't be read, nothing is allowed.
    pub async fn of_client(client: &Client) -> Result<Self, tokio_postgres::Error> {
        let answer = client.simple_query(&format!("{SEARCH_PATH}; {QUESTION}")).await?;
        let text = answer.iter().find_map(|part| match part {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(Self::read(text).unwrap_or_else(|_| Self::of_nothing()))
    }

    /// The answer as the server gave it.
    pub(super) fn answer(&self) -> Option<&str> {
        self.answer.as_deref()
    }

    /// Whether this session must check before it reads.
    pub fn is_gated(&self) -> bool {
        self.known.is_some()
    }

    /// What to show for something that is not read for the reason `because`.
    pub fn refuse(&self, because: &str) -> Unavailable {
        self.known.as_ref().unwrap_or(&Catalogue { great: true, ..Catalogue::default() }).unavailable(because)
    }

    /// Nothing may be read or called.
    pub(super) fn of_nothing() -> Self {
        Self { known: Some(Catalogue { great: true, ..Catalogue::default() }), answer: None }
    }

    /// Whether `thing` may be read or called.
    pub fn allow(&self, thing: Thing) -> Result<(), Refusal> {
        let Some(known) = &self.known else { return Ok(()) };
        match thing {
            Thing::Function(name) => known.function(name),
            Thing::Relation(name) => known.relation(name),
            Thing::Cron => known.cron(),
        }
    }

    /// The same of several.
    pub fn allow_all(&self, things: &[Thing]) -> Result<(), Refusal> {
        things.iter().try_for_each(|thing| self.allow(*thing))
    }

    /// Statements that go before a question about `things` in the same transaction. They hold the relations under the
    /// names that the question uses, and fail if a name means another one than the one that was judged. Nothing is
    /// planned, so nothing is executed. No statement of these gives a row.
    pub fn hold(&self, things: &[Thing]) -> String {
        let mut sql = String::new();
        let Some(known) = &self.known else { return sql };
        for thing in things {
            let Thing::Relation(name) = thing else { continue };
            let Some(relation) = known.relations.get(*name) else { continue };
            // LOCK TABLE takes no materialized view. Analysing a statement locks what it names until the transaction ends.
            let _ = write!(
                sql,
                "PREPARE refreshtop_hold AS SELECT FROM {name}; DEALLOCATE refreshtop_hold;
                 SELECT FROM (SELECT pg_catalog.to_regclass('{name}')::pg_catalog.oid::pg_catalog.int8 AS oid) now
                 WHERE CASE WHEN now.oid IS DISTINCT FROM {oid}
                       THEN pg_catalog.concat('{REPLACED}', '{name}')::pg_catalog.int4 = 0 ELSE false END; ",
                oid = relation.oid
            );
        }
        sql
    }

    /// Explains an error of [`Self::hold`]; any other stays as it is.
    pub fn explain(&self, failure: Error) -> Error {
        let message = error::server_error(&failure).map(|server| server.message().to_owned()).unwrap_or_default();
        match (message.split_once(REPLACED), &self.known) {
            (Some((_, name)), Some(known)) => {
                let name = name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
                known.stranger(&format!("{name} was replaced at this moment")).into()
            }
            _ => failure,
        }
    }
}

impl Catalogue {
    /// Why something is not read or called, and what fixes that.
    fn stranger(&self, because: &str) -> Refusal {
        Refusal::Stranger(self.unavailable(because))
    }

    fn unavailable(&self, because: &str) -> Unavailable {
        let reason = format!("not looked at with the rights of {}, since {because}", self.role);
        let fix = if !self.great {
            "run: refreshtop migrate, which puts it right or says what is in the way"
        } else if self.admin {
            "connect as a member of refreshtop_admin that is no superuser: \
             CREATE ROLE oncall LOGIN PASSWORD '…' IN ROLE refreshtop_admin"
        } else {
            "connect as a role without such rights that may read it"
        };
        Unavailable::new(reason, fix)
    }

    /// `name` belongs to `owner`, who is not trusted.
    fn belongs(&self, name: &str, owner: &str) -> Refusal {
        if !self.great {
            return self.stranger(&format!("{name} belongs to {owner}, and so is not refreshtop's"));
        }
        if owner == "refreshtop_owner" && !self.members.is_empty() {
            let members = self.members.join(", ");
            return self.stranger(&format!("{name} belongs to refreshtop_owner, of which {members} is a member"));
        }
        if owner == "refreshtop_owner" && !self.known {
            return self.stranger(&format!("{name} belongs to refreshtop_owner, a role that no superuser made"));
        }
        self.stranger(&format!("{name} belongs to {owner}, whose code could run with them"))
    }

    /// Whether nobody who is not trusted can put something into a schema.
    fn schema(&self, name: &str) -> Result<(), Refusal> {
        match self.schemas.get(name) {
            None => Err(Refusal::Missing(format!("schema \"{name}\""))),
            Some(schema) if !schema.trusted => Err(self.belongs(&format!("schema {name}"), &schema.owner)),
            Some(schema) if !schema.closed && (self.great || name == "refreshtop") => {
                Err(self
                    .stranger(&format!("others may create objects in schema {name} and put their code into the way")))
            }
            Some(_) => Ok(()),
        }
    }

    fn function(&self, name: &str) -> Result<(), Refusal> {
        self.schema("refreshtop")?;
        let name = format!("refreshtop.{name}");
        match self.functions.get(&name) {
            None => Err(Refusal::Missing(format!("function {name}()"))),
            Some(function) if !function.trusted => {
                Err(self.belongs(&format!("{name}()"), function.owner.as_deref().unwrap_or("others")))
            }
            Some(function) if !function.definer => {
                Err(self.stranger(&format!("{name}() is SECURITY INVOKER, which refreshtop's are not")))
            }
            // A refresh is a command that event triggers watch.
            Some(_) if self.great && name == "refreshtop.refresh" && !self.event_triggers.is_empty() => {
                let trigger = &self.event_triggers[0];
                Err(self.stranger(&format!("{trigger}, which each refresh would run with them")))
            }
            Some(_) => Ok(()),
        }
    }

    fn relation(&self, name: &str) -> Result<(), Refusal> {
        let schema = name.split('.').next().unwrap_or_default();
        let unmanaged = !self.schemas.contains_key("refreshtop");
        if !self.great && (name == "public.platform_metrics" || schema == "public" && unmanaged) {
            return Ok(());
        }
        // In public anybody may have put something; what counts is whose the relation is.
        if schema != "public" {
            self.schema(schema)?;
        }
        let Some(found) = self.relations.get(name) else {
            return Err(Refusal::Missing(format!("relation \"{name}\"")));
        };
        if !found.trusted {
            return Err(self.belongs(name, &found.owner));
        }
        let why = match found.kind.as_str() {
            "r" | "m" if found.rules => "has rules",
            "r" | "m" if found.children => "has children, which may be somebody else's",
            "r" | "m" if found.types => "has columns of types that did not come with PostgreSQL",
            "r" | "m" if schema == "cron" && !found.extension => "is not pg_cron's",
            "r" | "m" => return Ok(()),
            "v" => "is a view, and what it reads may be somebody else's",
            _ => "is neither a table nor a materialized view",
        };
        Err(self.stranger(&format!("{name} {why}")))
    }

    fn cron(&self) -> Result<(), Refusal> {
        self.relation("cron.job")?;
        let foreign = self.functions.iter().find(|(name, function)| name.starts_with("cron.") && !function.trusted);
        match foreign {
            Some((name, function)) => {
                Err(self.belongs(&format!("{name}()"), function.owner.as_deref().unwrap_or("others")))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn catalogue(change: impl FnOnce(&mut Value)) -> Trust {
        let relation = |oid: i64, kind: &str| {
            json!({"oid": oid, "kind": kind, "owner": "refreshtop_owner", "trusted": true, "rules": false,
                   "children": false, "types": false, "extension": false})
        };
        let mut json = json!({
            "role": "postgres", "great": true, "admin": true, "known": true, "members": [],
            "schemas": {"refreshtop": {"owner": "refreshtop_owner", "trusted": true, "closed": true},
                        "cron": {"owner": "postgres", "trusted": true, "closed": true}},
            "functions": {"refreshtop.stats": {"owner": null, "trusted": true, "definer": true},
                          "cron.schedule": {"owner": null, "trusted": true, "definer": false}},
            "relations": {"public.metrics_refresh_log": relation(7, "r"), "public.platform_metrics": relation(8, "m"),
                          "cron.job": relation(9, "r")},
        });
        json["relations"]["cron.job"]["extension"] = true.into();
        change(&mut json);
        Trust::read(Some(&json.to_string())).unwrap()
    }

    #[test]
    fn a_session_without_great_rights_is_not_held_up() {
        let trust = Trust::read(None).unwrap();
        for thing in [LOG, VIEW, CRON_JOB, Thing::Cron, Thing::Function("anything")] {
            assert_eq!(trust.allow(thing), Ok(()));
        }
        assert_eq!(trust.hold(&[LOG]), "");
        assert!(Trust::read(Some("{}")).is_err(), "what can't be read is no leave");
    }

    #[test]
    fn what_is_ours_may_be_looked_at_and_is_held() {
        let trust = catalogue(|_| {});
        for thing in [LOG, VIEW, CRON_JOB, Thing::Cron, Thing::Function("stats")] {
            assert_eq!(trust.allow(thing), Ok(()), "{thing:?}");
        }
        let held = trust.hold(&[LOG, Thing::Function("stats")]);
        assert!(
            held.contains("SELECT FROM public.metrics_refresh_log;") && held.contains("IS DISTINCT FROM 7"),
            "{held}"
        );
    }

    #[test]
    fn each_way_to_a_strangers_code_is_closed() {
        type Change = fn(&mut Value);
        let cases: [(Thing, Change, &str); 12] = [
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["trusted"] = false.into(), "belongs to"),
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["kind"] = "v".into(), "is a view"),
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["kind"] = "f".into(), "neither a table"),
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["rules"] = true.into(), "has rules"),
            (LOG, |json| json["relations"]["public.metrics_refresh_log"]["children"] = true.into(), "has children"),
            (VIEW, |json| json["relations"]["public.platform_metrics"]["types"] = true.into(), "types that did not"),
            (CRON_JOB, |json| json["relations"]["cron.job"]["extension"] = false.into(), "is not pg_cron's"),
            (
                Thing::Cron,
                |json| json["functions"]["cron.schedule"]["trusted"] = false.into(),
                "cron.schedule() belongs",
            ),
            (
                Thing::Function("stats"),
                |json| json["schemas"]["refreshtop"]["trusted"] = false.into(),
                "schema refreshtop",
            ),
            (Thing::Function("stats"), |json| json["schemas"]["refreshtop"]["closed"] = false.into(), "may create"),
            (
                Thing::Function("stats"),
                |json| json["functions"]["refreshtop.stats"]["trusted"] = false.into(),
                "belongs",
            ),
            (
                Thing::Function("stats"),
                |json| json["functions"]["refreshtop.stats"]["definer"] = false.into(),
                "INVOKER",
            ),
        ];
        for (thing, change, words) in cases {
            match catalogue(change).allow(thing) {
                Err(Refusal::Stranger(why)) => {
                    assert!(why.reason.contains(words) && why.fix.contains("refreshtop_admin"), "{words}: {why:?}");
                }
                other => panic!("{words}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_small_session_is_kept_from_what_passes_for_ours() {
        let small = |change: fn(&mut Value)| {
            catalogue(|json| {
                json["great"] = false.into();
                json["relations"]["public.metrics_refresh_log"]["trusted"] = false.into();
                json["relations"]["public.platform_metrics"]["trusted"] = false.into();
                change(json);
            })
        };
        let decoy = small(|_| {});
        assert_eq!(decoy.allow(VIEW), Ok(()), "a view is its owner's");
        let Err(Refusal::Stranger(why)) = decoy.allow(LOG) else { panic!("let in") };
        assert!(why.reason.contains("is not refreshtop's") && why.fix.contains("refreshtop migrate"), "{why:?}");
        let unmanaged = small(|json| json["schemas"] = json!({}));
        assert_eq!(unmanaged.allow(LOG), Ok(()), "an application's own log");
        assert!(matches!(unmanaged.allow(Thing::Function("stats")), Err(Refusal::Missing(_))));
        let strange = small(|json| json["schemas"]["refreshtop"]["trusted"] = false.into());
        assert!(matches!(strange.allow(Thing::Function("stats")), Err(Refusal::Stranger(_))));
        assert!(Trust::of_nothing().allow(LOG).is_err() && Trust::of_nothing().allow(VIEW).is_err());
    }

    #[test]
    fn what_was_not_there_when_it_was_judged_is_missing() {
        let trust = catalogue(|json| {
            json["relations"] = json!({});
            json["schemas"] = json!({});
        });
        for thing in [LOG, VIEW, CRON_JOB, Thing::Function("stats")] {
            assert!(matches!(trust.allow(thing), Err(Refusal::Missing(_))), "{thing:?}");
        }
    }

    #[test]
    fn members_of_the_owner_are_named() {
        let trust = catalogue(|json| {
            json["members"] = json!(["inst"]);
            json["relations"]["public.metrics_refresh_log"]["trusted"] = false.into();
        });
        let Err(refusal) = trust.allow(LOG) else { panic!("let in") };
        assert!(refusal.to_string().contains("refreshtop_owner, of which inst is a member"), "{refusal}");
    }

    #[test]
    fn a_name_is_not_trusted_for_itself() {
        let trust = catalogue(|json| {
            json["known"] = false.into();
            json["relations"]["public.metrics_refresh_log"]["trusted"] = false.into();
        });
        let Err(refusal) = trust.allow(LOG) else { panic!("let in") };
        assert!(refusal.to_string().contains("refreshtop_owner, a role that no superuser made"), "{refusal}");
    }
}
